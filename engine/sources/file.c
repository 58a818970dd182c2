/*
 * sources/file.c - lines of files, also while they grow.
 *
 *     file:/var/log/listens.csv      file:/var/log/listens-*.csv
 *
 * Each file is a partition (its path is the topic). The offset of a line is the byte at which it starts; the message is
 * the line without its LF, its key the line's number (1, 2, ...), as editors count. A last line without LF waits for it, unless the job ends at the ends found at start. look() reads
 * what is there; a thread that waits on inotify only tells when a file grew.
 */
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <records/segment.h>
#include <sources/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024, LINE_BYTES_MAX = 1 << 30 };

typedef struct file_part {
    int file;
    segment_chain chain;
    int64_t size, stop; /* stop: where an available-now job ends, else INT64_MAX */
    int64_t idle_size;  /* at this size there was no whole line to read */
    int64_t lines;      /* before chain.next */
} file_part;

typedef struct file_source {
    source_spec spec;
    source_partition *partitions;
    file_part *parts;
    size_t count, bytes; /* bytes: held by all chains */
    segment_spare spare;
    buffer chunk;
    int growth, end; /* inotify and eventfd of the watching thread; -1: none */
    pthread_t watcher;
} file_source;

static sl_result part_open(file_source *source, size_t i, const char *path, failure *failure);
static sl_result part_size(file_source *source, uint32_t i, failure *failure);
static sl_result part_fill(file_source *source, uint32_t i, bool *more, failure *failure);
static sl_result lines_count(file_source *source, uint32_t i, failure *failure);
static void watch_start(file_source *source);
static void watch_stop(file_source *source);
static void file_close(void *self);

static sl_result file_open(const source_spec *spec, void **self, failure *failure)
{
    glob_t found;
    if (spec->target[0] == '\0')
        return fail(failure, SL_USAGE, "input %s: which file? write file:PATH", spec->name);
    int status = glob(spec->target, GLOB_ERR, NULL, &found);
    if (status != 0)
        return fail(failure, SL_RETRY, "input %s: %s: %s", spec->name, spec->target,
                    status == GLOB_NOMATCH ? "there is no such file" : "cannot be searched");
    file_source *source = memory_new(sizeof *source);
    source->spec = *spec;
    source->growth = source->end = -1;
    source->count = found.gl_pathc;
    source->parts = memory_new(source->count * sizeof *source->parts);
    source->partitions = memory_new(source->count * sizeof *source->partitions);
    for (size_t i = 0; i < source->count; i++)
        source->parts[i].file = -1;
    sl_result result = SL_OK;
    for (size_t i = 0; i < source->count && result == SL_OK; i++)
        result = part_open(source, i, found.gl_pathv[i], failure);
    globfree(&found);
    if (result != SL_OK)
        file_close(source);
    else
        *self = source;
    return result;
}

static void file_close(void *self)
{
    file_source *source = self;
    if (source == NULL)
        return;
    watch_stop(source);
    for (size_t i = 0; i < source->count; i++) {
        if (source->parts[i].file >= 0)
            close(source->parts[i].file);
        segment_done(&source->parts[i].chain);
        free((void *)(uintptr_t)source->partitions[i].topic);
    }
    buffer_done(&source->chunk);
    free(source->partitions);
    free(source->parts);
    free(source);
}

static size_t file_partitions(void *self, source_partition **partitions)
{
    file_source *source = self;
    *partitions = source->partitions;
    return source->count;
}

static sl_result file_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    file_source *source = self;
    sl_expect(count == source->count);
    if (source->spec.start == SOURCE_TIMESTAMP)
        return fail(failure, SL_USAGE,
                    "input %s: lines of files have no times to start from; use earliest or latest",
                    source->spec.name);
    for (uint32_t i = 0; i < count; i++) {
        file_part *part = &source->parts[i];
        if (partitions[i].offset == SOURCE_BEGIN)
            partitions[i].offset = 0;
        if (partitions[i].offset < -1)
            return fail(
                failure, SL_USAGE,
                "input %s: the job was reset to a time, but lines of files have none; use sluice reset "
                "--to-offsets",
                source->spec.name);
        if (partitions[i].offset >= 0)
            part->chain.next = partitions[i].offset;
        SL_TRY(part_size(source, i, failure));
        if (partitions[i].offset < 0)
            partitions[i].offset = source->spec.start == SOURCE_LATEST ? part->size : 0;
        part->chain.next = partitions[i].offset;
        part->stop = source->spec.available_now ? part->size : INT64_MAX;
        part->idle_size = -1;
        SL_TRY(lines_count(source, i, failure));
    }
    if (!source->spec.available_now)
        watch_start(source);
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
    file_part *part = &source->parts[wish->partition];
    bool more = true;
    SL_TRY(part_size(source, wish->partition, failure));
    part_look(part, wish, view);
    while (more && view->until == part->chain.next && view->bytes < wish->bytes_max) {
        if (view->until > wish->from && source->bytes >= source->spec.bytes_max)
            break;
        SL_TRY(part_fill(source, wish->partition, &more, failure));
        part_look(part, wish, view);
    }
    view->end = view->goal = part->size < part->stop ? part->size : part->stop;
    view->finished = view->until >= part->stop;
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

/* ---- One file ---- */

static sl_result part_open(file_source *source, size_t i, const char *path, failure *failure)
{
    file_part *part = &source->parts[i];
    struct stat status;
    source->partitions[i] = (source_partition){ memory_text(path), 0, -1 };
    part->chain.spare = &source->spare;
    part->file = open(path, O_RDONLY | O_CLOEXEC);
    if (part->file < 0)
        return fail(failure, SL_USAGE, "input %s: opening %s: %s", source->spec.name, path, strerror(errno));
    if (fstat(part->file, &status) != 0 || !S_ISREG(status.st_mode))
        return fail(failure, SL_USAGE, "input %s: %s is no regular file", source->spec.name, path);
    return SL_OK;
}

static sl_result part_size(file_source *source, uint32_t i, failure *failure)
{
    file_part *part = &source->parts[i];
    const char *path = source->partitions[i].topic;
    struct stat status;
    if (fstat(part->file, &status) != 0)
        return fail(failure, SL_FAILED, "%s: %s", path, strerror(errno));
    part->size = status.st_size;
    if (part->size < part->chain.next)
        return fail(failure, SL_DATA_LOSS,
                    "%s ends at byte %" PRId64 ", but the job stands at byte %" PRId64
                    ": it was cut short or replaced",
                    path, part->size, part->chain.next);
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
    if (part->chain.next >= limit || part->size == part->idle_size)
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

static void *watch_run(void *argument)
{
    file_source *source = argument;
    struct pollfd polled[] = { { source->growth, POLLIN, 0 }, { source->end, POLLIN, 0 } };
    char events[4096];
    while (poll(polled, 2, -1) > 0 || errno == EINTR) {
        if (polled[1].revents)
            break;
        if (read(source->growth, events, sizeof events) > 0 && source->spec.wake)
            source->spec.wake(source->spec.wake_argument);
    }
    return NULL;
}

static void watch_start(file_source *source)
{
    source->growth = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int end = eventfd(0, EFD_CLOEXEC);
    bool fine = source->growth >= 0 && end >= 0;
    for (size_t i = 0; i < source->count && fine; i++)
        fine = inotify_add_watch(source->growth, source->partitions[i].topic, IN_MODIFY) >= 0;
    source->end = end;
    if (fine && pthread_create(&source->watcher, NULL, watch_run, source) == 0)
        return;
    log_warn("file", "input %s: growing files cannot be watched (%s); they are looked at once per interval",
             source->spec.name, strerror(errno));
    if (end >= 0)
        close(end);
    source->end = -1;
}

static void watch_stop(file_source *source)
{
    if (source->end >= 0) {
        eventfd_write(source->end, 1);
        pthread_join(source->watcher, NULL);
        close(source->end);
    }
    if (source->growth >= 0)
        close(source->growth);
}

const source_kind source_file = {
    .name = "file",
    .about = "lines of files, also while they grow: file:PATH or a glob",
    .open = file_open,
    .close = file_close,
    .partitions = file_partitions,
    .start = file_start,
    .look = file_look,
    .take = file_take,
    .read = file_read,
    .release = file_release,
};
