/*
 * sources/file.c - lines of files, also while they grow, are rotated, and appear.
 *
 *     file:/var/log/listens.csv      file:/var/log/listens-*.csv
 *
 * Each file is a partition: the path under which it was first seen is the topic, and files that follow one another under a path
 * are numbered (sources/file/identity.h). The offset of a line is the byte at which it starts; the message is
 * the line without its LF, its key the line's number (1, 2, ...), as editors count. look() reads what is there; a thread that
 * waits on inotify only tells when a file grew or names changed.
 *
 *     rotated by rename       the file stays open and is read to its end; what stands at its path now is the next number
 *     copied and truncated    the file begins anew, as the next number
 *     vanished                read to its end, as long as the job runs
 *
 * A last line without LF waits for it, unless nothing will come: where the job ends at the ends found at start, or when a file that
 * was rotated away has not grown for file.rotated_timeout. Then the file is let go, and its position is forgotten.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <records/segment.h>
#include <sources/file/parts.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024, LINE_BYTES_MAX = 1 << 30 };

static sl_result part_fill(file_source *source, uint32_t i, bool *more, failure *failure);
static sl_result lines_count(file_source *source, uint32_t i, failure *failure);
static sl_result part_start(file_source *source, uint32_t i, source_partition *partition, failure *failure);
static void growth_watch(file_source *source);
static void file_close(void *self);

static sl_result file_open(const source_spec *spec, void **self, failure *failure)
{
    if (spec->target[0] == '\0')
        return fail(failure, SL_USAGE, "input %s: which file? write file:PATH", spec->name);
    file_source *source = memory_new(sizeof *source);
    source->spec = *spec;
    source->rotated_ns = settings_ms(spec->settings, "file.rotated_timeout") * 1000000;
    sl_result result = parts_open(source, failure);
    if (result != SL_OK)
        file_close(source);
    else
        *self = source;
    return result;
}

static void file_close(void *self)
{
    if (self)
        parts_close(self);
    free(self);
}

static size_t file_partitions(void *self, source_partition **partitions)
{
    file_source *source = self;
    parts_find(source);
    *partitions = source->partitions;
    return source->announced;
}

static sl_result file_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    file_source *source = self;
    sl_expect(count == source->announced);
    if (source->spec.start == SOURCE_TIMESTAMP)
        return fail(failure, SL_USAGE,
                    "input %s: lines of files have no times to start from; use earliest or latest",
                    source->spec.name);
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(part_start(source, i, &partitions[i], failure));
    source->follows = !source->spec.available_now;
    if (source->follows)
        growth_watch(source);
    return SL_OK;
}

static void part_look(const file_part *part, const source_wish *wish, source_view *view)
{
    view->until =
        segment_look_records(&part->chain, wish->from, wish->records_max, wish->bytes_max, &view->bytes);
}

static sl_result file_look(void *self, const source_wish *wish, source_view *view, failure *failure)
{
    file_source *source = self;
    bool more = true;
    if (source->trouble.result != SL_OK)
        return fail(failure, source->trouble.result, "%s", source->trouble.text);
    SL_TRY(part_see(source, wish->partition, failure));
    file_part *part = &source->parts[wish->partition];
    part_look(part, wish, view);
    while (more && view->until == part->chain.next && view->bytes < wish->bytes_max) {
        if (view->until > wish->from && source->bytes >= source->spec.bytes_max)
            break;
        SL_TRY(part_fill(source, wish->partition, &more, failure));
        part_look(part, wish, view);
    }
    part_let_go(source, wish->partition);
    view->end = view->goal = part->size < part->stop ? part->size : part->stop;
    view->finished = source->spec.available_now && view->until >= part->stop;
    view->over = (part->over && !source->unsaved) || part->cut;
    return SL_OK;
}

static void file_take(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    file_source *source = self;
    segment_take(&source->parts[i].chain, i, from, until, blocks);
}

static sl_result file_read(void *self, const source_block *block, source_reading *reading,
                           source_messages *messages, failure *failure)
{
    (void)self, (void)failure;
    messages->count = segment_read(block, reading, messages->at, messages->room);
    return SL_OK;
}

static void file_release(void *self, uint32_t i, int64_t until)
{
    file_source *source = self;
    segment_chain *chain = &source->parts[i].chain;
    size_t before = chain->bytes;
    segment_release(chain, until);
    source->bytes -= before - chain->bytes;
}

static const char *file_note(void *self, uint32_t i, arena *memory)
{
    const file_source *source = self;
    char note[IDENTITY_ROOM];
    identity_print(&source->parts[i].identity, note);
    return arena_copy(memory, note, strlen(note) + 1);
}

/* ---- One file ---- */

static sl_result part_start(file_source *source, uint32_t i, source_partition *partition, failure *failure)
{
    file_part *part = &source->parts[i];
    struct stat status;
    int64_t offset = partition->offset == SOURCE_BEGIN ? 0 : partition->offset;
    if (offset < -1)
        return fail(failure, SL_USAGE,
                    "input %s: the job was reset to a time, but lines of files have none; use sluice reset "
                    "--to-offsets",
                    source->spec.name);
    if (fstat(part->file, &status) != 0)
        return fail(failure, SL_FAILED, "%s: %s", partition->topic, strerror(errno));
    part->size = status.st_size;
    if (offset < 0)
        offset = source->spec.start == SOURCE_LATEST ? part->size : 0;
    part->chain.next = partition->offset = offset;
    part->idle_size = -1;
    if (source->spec.available_now)
        part->stop = part->size;
    if (offset <= part->size)
        return lines_count(source, i, failure);
    part->cut = true;
    part->stop = offset;
    return SL_OK;
}

/* The lines before the position at which reading goes on. */
static sl_result lines_count(file_source *source, uint32_t i, failure *failure)
{
    file_part *part = &source->parts[i];
    part->lines = 0;
    char *at = buffer_reserve(&source->chunk, CHUNK_BYTES);
    for (int64_t done = 0; done < part->chain.next;) {
        int64_t left = part->chain.next - done;
        ssize_t got = pread(part->file, at, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, done);
        if (got <= 0)
            return fail(failure, SL_FAILED, "reading %s: %s", source->partitions[i].topic, strerror(errno));
        for (const char *lf = at; (lf = memchr(lf, '\n', (size_t)(at + got - lf))); lf++)
            part->lines++;
        done += got;
    }
    return SL_OK;
}

/* How many bytes of `got` were whole lines and are in the chain now; a last one without LF only when `last`. */
static size_t part_lines(file_part *part, const char *at, size_t got, bool last)
{
    int64_t start = part->chain.next;
    size_t done = 0;
    while (done < got) {
        const char *end = memchr(at + done, '\n', got - done);
        if (end == NULL && !last)
            break;
        size_t size = (end ? (size_t)(end - at) : got) - done;
        char number[24];
        sl_message line = { .origin = { start + (int64_t)done, -1, 0 }, .value = { at + done, size } };
        line.key = (sl_text){ number, (size_t)snprintf(number, sizeof number, "%" PRId64, ++part->lines) };
        segment_add(&part->chain, &line);
        done += size + (end != NULL);
        segment_reach(&part->chain, start + (int64_t)done);
    }
    return done;
}

/* Reads about a chunk of whole lines; *more: there may be more to read at once. */
static sl_result part_fill(file_source *source, uint32_t i, bool *more, failure *failure)
{
    file_part *part = &source->parts[i];
    const char *path = source->partitions[i].topic;
    int64_t limit = part->size < part->stop ? part->size : part->stop;
    *more = false;
    bool idle = part->size == part->idle_size && limit < part->stop;
    if (part->chain.next >= limit || idle)
        return SL_OK;
    for (size_t want = CHUNK_BYTES;; want *= 2) {
        bool all = (int64_t)want >= limit - part->chain.next;
        if (all)
            want = (size_t)(limit - part->chain.next);
        source->chunk.size = 0;
        char *at = buffer_reserve(&source->chunk, want);
        ssize_t got = pread(part->file, at, want, part->chain.next);
        if (got < 0)
            return fail(failure, SL_FAILED, "reading %s: %s", path, strerror(errno));
        if ((size_t)got < want)
            return fail(failure, SL_RETRY, "%s was cut short while it was read", path);
        size_t before = part->chain.bytes, done = part_lines(part, at, want, all && limit == part->stop);
        source->bytes += part->chain.bytes - before;
        *more = done > 0 && !(all && done == want);
        if (done == 0 && all)
            part->idle_size = part->size;
        if (done || all)
            return SL_OK;
        if (want >= source->spec.bytes_max || want >= LINE_BYTES_MAX)
            return fail(failure, SL_FAILED,
                        "%s: the line at byte %" PRId64 " is longer than memory.input (%zu bytes)", path,
                        part->chain.next, source->spec.bytes_max);
    }
}

/* ---- Watching ---- */

static void growth_watch(file_source *source)
{
    if (!growth_start(&source->growth, source->spec.wake, source->spec.wake_argument)) {
        log_warn("file",
                 "input %s: files and folders cannot be watched (%s); they are looked at once per interval",
                 source->spec.name, strerror(errno));
        return;
    }
    for (size_t i = 0; i < source->count; i++)
        if (source->parts[i].file >= 0)
            source->parts[i].watched = growth_file(&source->growth, source->parts[i].file);
    atomic_store(&source->growth.moved, true); /* since they were opened */
}

static const setting file_settings[] = {
    { "file.rotated_timeout", NULL, SETTING_DURATION, "1min", "0s", "365d", "DURATION",
      "a file that was rotated away is read until it has not grown for so long" },
    { 0 },
};

const source_kind source_file = {
    .name = "file",
    .about = "lines of files, also while they grow: file:PATH or a glob",
    .settings = file_settings,
    .open = file_open,
    .close = file_close,
    .partitions = file_partitions,
    .start = file_start,
    .look = file_look,
    .take = file_take,
    .read = file_read,
    .release = file_release,
    .note = file_note,
};
