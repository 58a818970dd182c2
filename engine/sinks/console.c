/*
 * sinks/console.c - `console`: each batch on standard output, under the heading that Spark's print() gives it:
 *
 *     -------------------------------------------
 *     Time: 1414036000000 ms
 *     -------------------------------------------
 *     {"_id":"9-56",...}
 *
 * With console.format=csv the names of the columns stand above the lines. A batch without lines has its heading all the same. A repeated batch is printed again: people read this, not programs.
 */
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <sinks/shared/lines.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct console_sink {
    lines lines;
    buffer out;
} console_sink;

static sl_result console_open(const sink_spec *spec, void **self, failure *failure)
{
    (void)failure;
    console_sink *made = memory_new(sizeof *made);
    sl_log_share_terminal();
    lines_init(&made->lines, spec, "console.format");
    *self = made;
    return SL_OK;
}

static void console_close(void *self)
{
    console_sink *sink = self;
    if (sink == NULL)
        return;
    lines_done(&sink->lines);
    buffer_done(&sink->out);
    free(sink);
}

static sl_result console_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    lines_begin(&((console_sink *)self)->lines, batch);
    return SL_OK;
}

static sl_result console_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    (void)failure;
    lines_add(&((console_sink *)self)->lines, writer, rows);
    return SL_OK;
}

static sl_result console_flush(void *self, unsigned writer, failure *failure)
{
    (void)self, (void)writer, (void)failure;
    return SL_OK;
}

static sl_result console_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    (void)failure;
    lines_replace(&((console_sink *)self)->lines, groups, count);
    return SL_OK;
}

static sl_result console_commit(void *self, failure *failure)
{
    static const char dashes[] = "-------------------------------------------\n";
    console_sink *sink = self;
    sink->out.size = 0;
    buffer_text(&sink->out, dashes);
    buffer_print(&sink->out, "Time: %lld ms\n%s", (long long)sink->lines.batch->time_ms, dashes);
    size_t heading = sink->out.size;
    lines_header(&sink->lines.format, &sink->out);
    size_t header = sink->out.size;
    ordered_merge(&sink->lines.gathered, &sink->out);
    if (sink->out.size == header)
        sink->out.size = heading; /* no columns of nothing */
    buffer_byte(&sink->out, '\n');
    bool written = fwrite(sink->out.at, 1, sink->out.size, stdout) == sink->out.size && fflush(stdout) == 0;
    ordered_shrink(&sink->lines.gathered);
    ordered_shrink_buffer(&sink->out);
    return written ? SL_OK : fail(failure, SL_FAILED, "writing to standard output: %s", strerror(errno));
}

static const setting console_settings[] = { LINES_SETTING("console.format"), { 0 } };

const sink_kind sink_console = {
    .name = "console",
    .about = "prints each batch on standard output",
    .settings = console_settings,
    .open = console_open,
    .close = console_close,
    .begin = console_begin,
    .rows = console_rows,
    .flush = console_flush,
    .replace = console_replace,
    .commit = console_commit,
};
