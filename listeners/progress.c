/*
 * listeners/progress.c - how far a run is that ends with its input, how fast, and how long it will take yet.
 *
 *     42 % read: 21000 records in 10 s, 2100 records/s, about 14 s left
 *
 * On a terminal the line stands at its foot and changes with each batch; a log gets one every 10 s (--listen progress:1min
 * for another spacing), and in both cases a last one at the end. The engine adds it to jobs that end with their input.
 *
 * The share is one of offsets: of a file's bytes, of a topic's offsets, gaps counted. Records are those really read. The
 * time that is left supposes that the rest goes as fast as the whole did so far; where it is not known what is left, as in
 * batches that run again after a restart, neither is told.
 */
#include <sluice/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ROOM = 160, TIME_ROOM = 48 };
static const int64_t usual_spacing_ms = 10000;

typedef struct progress {
    int64_t spacing_ms; /* between lines of the log */
    bool begun, untold; /* untold: a batch was completed since the last line of the log */
    int64_t begin_ms, end_ms, told_ms;
    int64_t records, read; /* of completed batches; read: offsets */
    int64_t unread;        /* offsets behind them; -1: not known */
} progress;

static void *progress_open(const sl_listener_place *place, char *error);
static void progress_close(void *self);
static void progress_submitted(void *self, const sl_batch_info *batch);
static void progress_completed(void *self, const sl_batch_info *batch);
static void line_log(progress *self);
static void line_print(const progress *self, char line[LINE_ROOM]);
static const char *time_print(int64_t ms, char at[TIME_ROOM]);
static bool spacing_read(const char *text, int64_t *ms);

static void *progress_open(const sl_listener_place *place, char *error)
{
    progress *self = calloc(1, sizeof *self);
    if (self == NULL) {
        snprintf(error, 256, "no memory");
        return NULL;
    }
    self->spacing_ms = usual_spacing_ms;
    if (place->argument == NULL || spacing_read(place->argument, &self->spacing_ms))
        return self;
    snprintf(error, 256, "--listen progress:SPACING takes a duration such as 30s, not \"%.100s\"",
             place->argument);
    free(self);
    return NULL;
}

static void progress_close(void *self)
{
    progress *progress = self;
    sl_log_status("");
    if (progress->untold)
        line_log(progress);
    free(progress);
}

static void progress_submitted(void *self, const sl_batch_info *batch)
{
    progress *progress = self;
    if (progress->begun)
        return;
    progress->begun = true;
    progress->begin_ms = progress->end_ms = progress->told_ms = batch->submission_time_ms;
    sl_log_status("0 % read");
}

static void progress_completed(void *self, const sl_batch_info *batch)
{
    progress *progress = self;
    char line[LINE_ROOM];
    for (size_t i = 0; i < batch->range_count; i++)
        progress->read += batch->ranges[i].until - batch->ranges[i].from;
    progress->records += batch->records;
    progress->unread = batch->unread;
    progress->untold = true;
    if (batch->processing_end_time_ms > progress->end_ms) /* the clock may have been set back */
        progress->end_ms = batch->processing_end_time_ms;
    line_print(progress, line);
    if (!sl_log_status(line) && progress->end_ms - progress->told_ms >= progress->spacing_ms)
        line_log(progress);
}

/* ---- The line ---------------------------------------------------------------------------------------------------- */

static void line_log(progress *self)
{
    char line[LINE_ROOM];
    line_print(self, line);
    sl_log_info("progress", "%s", line);
    self->told_ms = self->end_ms;
    self->untold = false;
}

static void line_print(const progress *self, char line[LINE_ROOM])
{
    int64_t spent_ms = self->end_ms > self->begin_ms ? self->end_ms - self->begin_ms : 1;
    double read = (double)self->read, unread = (double)self->unread;
    double rate = (double)self->records * 1000 / (double)spent_ms;
    char share[24] = "", left[TIME_ROOM + 16] = "", time[TIME_ROOM];
    if (self->unread >= 0) {
        int percent = self->unread == 0 ? 100 : (int)(100 * read / (read + unread));
        snprintf(share, sizeof share, "%d %% read: ", percent == 100 && self->unread ? 99 : percent);
    }
    if (self->unread > 0 && self->read > 0) {
        int64_t left_s = (int64_t)((double)spent_ms * unread / read / 1000) + 1;
        snprintf(left, sizeof left, ", about %s left", time_print(left_s * 1000, time));
    }
    snprintf(line, LINE_ROOM, "%s%lld record%s in %s, %.*f records/s%s", share, (long long)self->records,
             self->records == 1 ? "" : "s", time_print(spent_ms, time), rate < 10 ? 1 : 0, rate, left);
}

/* "12 ms", "3.5 s", "4 s", "2 min 5 s", "1 h 10 min", "2 d 3 h" */
static const char *time_print(int64_t ms, char at[TIME_ROOM])
{
    long long s = (long long)ms / 1000;
    if (ms < 1000)
        snprintf(at, TIME_ROOM, "%d ms", (int)ms);
    else if (s < 60 && ms % 1000 >= 100)
        snprintf(at, TIME_ROOM, "%lld.%d s", s, (int)(ms % 1000 / 100));
    else if (s < 60)
        snprintf(at, TIME_ROOM, "%lld s", s);
    else if (s < 3600)
        snprintf(at, TIME_ROOM, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(at, TIME_ROOM, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        snprintf(at, TIME_ROOM, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    return at;
}

/* A number and its unit, as in all of Sluice's durations. */
static bool spacing_read(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    char *end;
    long long count = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || count > 1000000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *ms = count * units[i].ms;
            return true;
        }
    }
    return false;
}

extern const sl_listener listener_progress;
const sl_listener listener_progress = { .name = "progress",
                                        .about = "how far a run that ends with its input is, and how fast",
                                        .lossless = true,
                                        .open = progress_open,
                                        .close = progress_close,
                                        .on_batch_submitted = progress_submitted,
                                        .on_batch_completed = progress_completed };
