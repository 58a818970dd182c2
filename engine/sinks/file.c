/*
 * sinks/file.c - `file:DIR`: a file of lines per batch, `DIR/<index>/batch-<T>.ndjson`, or, for an output of raw lines and
 * a target without a slash at its end, one file that grows.
 *
 * A batch's file is written, synced and renamed as a whole, so a replay replaces its own file: exactly once. A batch that
 * has nothing to write removes the file that an earlier attempt of it may have left. An output with `whole` writes the
 * whole list of all groups when one of them changed, zero lines when it is empty: the newest file is the truth.
 *
 * With file.format=csv it is DIR/<index>/batch-<T>.csv, whose first line names the columns.
 *
 * The growing file is for programs that read lines from it. What was appended by an attempt that failed later is not taken
 * back: at least once.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <inttypes.h>
#include <sinks/shared/lines.h>
#include <stdlib.h>

typedef struct file_sink {
    lines lines;
    char *folder, *growing; /* one of them */
    bool begun;             /* a batch was written since it was opened */
    buffer path, out;
} file_sink;

static char *batch_folder(const char *target, const sl_output *output);
static char *parent_folder(const char *target);
static sl_result batch_append(file_sink *sink, failure *failure);
static sl_result batch_write(file_sink *sink, failure *failure);

static sl_result file_open(const sink_spec *spec, void **self, failure *failure)
{
    const char *target = spec->target;
    size_t size = strlen(target);
    if (size == 0)
        return fail(failure, SL_USAGE, "output '%s': \"file\" needs a place, as in file:DIR",
                    spec->output->name);
    bool grows = spec->output->raw.count > 0 && target[size - 1] != '/';
    char *folder = grows ? parent_folder(target) : batch_folder(target, spec->output);
    sl_result made = disk_folder(folder, failure);
    if (made != SL_OK || grows) {
        free(folder);
        folder = NULL;
    }
    SL_TRY(made);
    file_sink *sink = memory_new(sizeof *sink);
    lines_init(&sink->lines, spec, "file.format");
    sink->folder = folder;
    sink->growing = grows ? memory_text(target) : NULL;
    *self = sink;
    return SL_OK;
}

static void file_close(void *self)
{
    file_sink *sink = self;
    if (sink == NULL)
        return;
    lines_done(&sink->lines);
    buffer_done(&sink->path);
    buffer_done(&sink->out);
    free(sink->folder);
    free(sink->growing);
    free(sink);
}

static sl_result file_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    lines_begin(&((file_sink *)self)->lines, batch);
    return SL_OK;
}

static sl_result file_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    (void)failure;
    lines_add(&((file_sink *)self)->lines, writer, rows);
    return SL_OK;
}

static sl_result file_flush(void *self, unsigned writer, failure *failure)
{
    (void)self, (void)writer, (void)failure;
    return SL_OK;
}

static sl_result file_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    (void)failure;
    lines_replace(&((file_sink *)self)->lines, groups, count);
    return SL_OK;
}

static sl_result file_commit(void *self, failure *failure)
{
    file_sink *sink = self;
    sink->out.size = 0;
    lines_header(&sink->lines.format, &sink->out);
    size_t header = sink->out.size;
    ordered_merge(&sink->lines.gathered, &sink->out);
    if (sink->out.size == header && !sink->lines.any)
        sink->out.size = 0;
    sl_result result = sink->growing ? batch_append(sink, failure) : batch_write(sink, failure);
    ordered_shrink(&sink->lines.gathered);
    ordered_shrink_buffer(&sink->out);
    return result;
}

static char *batch_folder(const char *target, const sl_output *output)
{
    buffer path = { 0 };
    bool slash = target[strlen(target) - 1] == '/';
    buffer_print(&path, "%s%s%s", target, slash ? "" : "/", output->index ? output->index : output->name);
    buffer_byte(&path, '\0');
    return path.at;
}

static char *parent_folder(const char *target)
{
    const char *slash = strrchr(target, '/');
    char *folder = memory_text(slash ? target : ".");
    if (slash)
        folder[slash == target ? 1 : slash - target] = '\0';
    return folder;
}

static sl_result batch_append(file_sink *sink, failure *failure)
{
    disk_file *file;
    if (sink->out.size == 0)
        return SL_OK;
    SL_TRY(disk_open(sink->growing, &file, failure));
    sl_result result = disk_append(file, sink->out.at, sink->out.size, failure);
    if (result == SL_OK)
        result = disk_sync(file, failure);
    disk_close(file);
    return result;
}

static const char *batch_path(file_sink *sink, bool csv)
{
    sink->path.size = 0;
    buffer_print(&sink->path, "%s/batch-%" PRId64 ".%s", sink->folder, sink->lines.batch->time_ms,
                 csv ? "csv" : "ndjson");
    buffer_byte(&sink->path, '\0');
    return sink->path.at;
}

/* The first batch after a start may be one that was written in the other format before. */
static sl_result batch_write(file_sink *sink, failure *failure)
{
    bool csv = sink->lines.format.kind == LINES_CSV;
    if (!sink->begun)
        SL_TRY(disk_remove(batch_path(sink, !csv), failure));
    sink->begun = true;
    const char *path = batch_path(sink, csv);
    if (sink->out.size || sink->lines.any)
        return disk_replace(path, sink->out.at ? sink->out.at : "", sink->out.size, failure);
    return disk_remove(path, failure);
}

static const setting file_settings[] = { LINES_SETTING("file.format"), { 0 } };

const sink_kind sink_file = {
    .name = "file",
    .about = "a file of lines per batch in a folder",
    .settings = file_settings,
    .open = file_open,
    .close = file_close,
    .begin = file_begin,
    .rows = file_rows,
    .flush = file_flush,
    .replace = file_replace,
    .commit = file_commit,
};
