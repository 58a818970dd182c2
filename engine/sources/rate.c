/*
 * sources/rate.c - an endless or bounded row of empty records that costs nothing to read: for benchmarks of what comes
 * behind a source, and for jobs that make up their own records from the offset.
 *
 *     rate:1000      1,000 records a second; rate: takes rate.records
 *
 * One partition; the offset is the record's number, the key is null, the value is empty. Records arrive evenly on the
 * monotonic clock from the start on; with rate 0 whatever is wanted is there. With rate.count = N the numbers end before N,
 * whatever number a restarted job goes on with, and so does the job.
 *
 * With rate.replay = FILE the values are the file's lines, in their order, at that rate; they end with the file or, with
 * rate.loop, begin again. Record n is always line n modulo their number, so a restart goes on where it was. Empty lines are
 * no records. The file is held in memory: it is to be replayed, not followed (that is what file: does).
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/memory.h>
#include <sluice/text.h>
#include <sources/source.h>
#include <stdlib.h>

enum { RECORD_BYTES = sizeof(sl_message), BLOCK_RECORDS = 4096 };

static const char nothing[64]; /* vector code may look past an empty value */

typedef struct rate_source {
    source_partition partition;
    int64_t rate, count; /* count INT64_MAX: endless */
    int64_t start, start_ns;
    buffer file, lines; /* of replay: its bytes, and an sl_text for each line */
} rate_source;

static sl_result replay_read(rate_source *source, const char *path, failure *failure)
{
    SL_TRY(disk_read(path, &source->file, failure));
    memset(buffer_reserve(&source->file, sizeof nothing), 0,
           sizeof nothing); /* vector code may look past a line */
    const char *at = source->file.at, *end = at + source->file.size;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        sl_text line = { at, (size_t)((lf ? lf : end) - at) };
        if (line.size)
            buffer_append(&source->lines, &line, sizeof line);
        at = lf ? lf + 1 : end;
    }
    if (source->lines.size == 0)
        return fail(failure, SL_USAGE, "--replay %s: there is no such file, or no line in it", path);
    return SL_OK;
}

static size_t replay_lines(const rate_source *source)
{
    return source->lines.size / sizeof(sl_text);
}

static void rate_close(void *self);

static sl_result rate_open(const source_spec *spec, void **self, failure *failure)
{
    int64_t rate = settings_i64(spec->settings, "rate.records"),
            count = settings_i64(spec->settings, "rate.count");
    if (spec->target[0] && !sl_to_i64((sl_text){ spec->target, strlen(spec->target) }, &rate))
        return fail(failure, SL_USAGE, "input %s: rate:%s is no number of records per second", spec->name,
                    spec->target);
    const char *replay = settings_text(spec->settings, "rate.replay");
    bool loop = settings_flag(spec->settings, "rate.loop");
    if (spec->available_now && count == 0 && (replay == NULL || loop))
        return fail(failure, SL_USAGE, "input %s: rate: never ends; give rate.count where the job is to end",
                    spec->name);
    rate_source *source = memory_new(sizeof *source);
    *source = (rate_source){ .partition = { .topic = "rate", .offset = -1 },
                             .rate = rate,
                             .count = count ? count : INT64_MAX };
    if (replay && replay_read(source, replay, failure) != SL_OK) {
        rate_close(source);
        return failure->result;
    }
    if (replay && !loop && (int64_t)replay_lines(source) < source->count)
        source->count = (int64_t)replay_lines(source);
    *self = source;
    return SL_OK;
}

static void rate_close(void *self)
{
    rate_source *source = self;
    if (source == NULL)
        return;
    buffer_done(&source->file);
    buffer_done(&source->lines);
    free(source);
}

static size_t rate_partitions(void *self, source_partition **partitions)
{
    rate_source *source = self;
    *partitions = &source->partition;
    return 1;
}

static sl_result rate_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    (void)failure;
    rate_source *source = self;
    sl_expect(count == 1);
    if (partitions->offset < 0)
        partitions->offset = 0;
    source->start = partitions->offset;
    source->start_ns = clock_ns(&clock_system);
    return SL_OK;
}

/* The number of the first record that has not arrived. */
static int64_t rate_arrived(const rate_source *source)
{
    if (source->rate == 0)
        return source->count;
    int64_t passed_ns = clock_ns(&clock_system) - source->start_ns;
    double arrived = (double)source->start + (double)passed_ns * 1e-9 * (double)source->rate;
    return arrived < (double)source->count ? (int64_t)arrived : source->count;
}

static sl_result rate_look(void *self, const source_wish *wish, source_view *view, failure *failure)
{
    (void)failure;
    rate_source *source = self;
    int64_t from = wish->from, arrived = rate_arrived(source);
    int64_t most = (int64_t)(wish->bytes_max / RECORD_BYTES);
    if (most > wish->records_max)
        most = wish->records_max;
    int64_t here = arrived > from ? arrived - from : 0;
    view->until = from + (here < most ? here : most);
    view->end = source->rate ? (arrived > from ? arrived : from) : view->until;
    view->goal = source->count < INT64_MAX ? source->count : view->end;
    view->bytes = (size_t)(view->until - from) * RECORD_BYTES;
    view->finished = view->until >= source->count;
    return SL_OK;
}

static void rate_take(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    (void)self;
    for (int64_t at = from; at < until; at += BLOCK_RECORDS) {
        int64_t end = until - at < BLOCK_RECORDS ? until : at + BLOCK_RECORDS;
        source_block block = { .partition = i, .from = at, .until = end, .data = nothing };
        buffer_append(blocks, &block, sizeof block);
    }
}

static sl_result rate_read(void *self, const source_block *block, source_reading *reading,
                           source_messages *messages, failure *failure)
{
    (void)failure;
    const rate_source *source = self;
    const sl_text *lines = (const sl_text *)(const void *)source->lines.at;
    size_t left = (size_t)(block->until - block->from) - reading->at;
    messages->count = left < messages->room ? left : messages->room;
    for (size_t i = 0; i < messages->count; i++) {
        int64_t number = block->from + (int64_t)(reading->at + i);
        messages->at[i] = (sl_message){
            .origin = { number, -1, block->partition },
            .value = lines ? lines[(size_t)number % replay_lines(source)] : (sl_text){ nothing, 0 },
        };
    }
    reading->at += messages->count;
    return SL_OK;
}

static void rate_release(void *self, uint32_t i, int64_t until)
{
    (void)self, (void)i, (void)until;
}

static const setting rate_settings[] = {
    { "rate.records", "--rate", SETTING_I64, "1000", "0", NULL, "N",
      "records per second of rate:; 0: as many as wanted" },
    { "rate.count", "--count", SETTING_I64, "0", "0", NULL, "N",
      "records of rate: in all, with which the job ends; 0: endless" },
    { "rate.replay", "--replay", SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "the lines of a file as the records of rate:" },
    { "rate.loop", "--loop", SETTING_FLAG, "false", NULL, NULL, NULL,
      "with --replay: from the start again, without end" },
    { 0 },
};

const source_kind source_rate = {
    .name = "rate",
    .about = "numbered empty records, or the lines of a file: rate:PER_SECOND",
    .settings = rate_settings,
    .open = rate_open,
    .close = rate_close,
    .partitions = rate_partitions,
    .start = rate_start,
    .look = rate_look,
    .take = rate_take,
    .read = rate_read,
    .release = rate_release,
};
