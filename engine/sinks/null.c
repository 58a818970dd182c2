/*
 * sinks/null.c - `null`: rows are printed as documents and thrown away, so that a benchmark measures all but the writing.
 */
#include <base/failure.h>
#include <base/memory.h>
#include <sinks/shared/lines.h>
#include <stdlib.h>

typedef struct null_writer {
    _Alignas(64) buffer out;
} null_writer;

typedef struct null_sink {
    lines_format format;
    unsigned count;
    int64_t batch_ms;
    null_writer *writers;
} null_sink;

static sl_result null_open(const sink_spec *spec, void **self, failure *failure)
{
    (void)failure;
    null_sink *made = memory_new(sizeof *made);
    *made = (null_sink){ .format = lines_format_of(spec, "null.format"), .count = spec->writers };
    made->writers = aligned_alloc(_Alignof(null_writer), spec->writers * sizeof(null_writer));
    sl_expect(made->writers != NULL);
    memset(made->writers, 0, spec->writers * sizeof(null_writer));
    *self = made;
    return SL_OK;
}

static void null_close(void *self)
{
    null_sink *sink = self;
    if (sink == NULL)
        return;
    for (unsigned i = 0; i < sink->count; i++)
        buffer_done(&sink->writers[i].out);
    free(sink->writers);
    free(sink);
}

static sl_result null_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    ((null_sink *)self)->batch_ms = batch->time_ms;
    return SL_OK;
}

static sl_result null_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    (void)failure;
    null_sink *sink = self;
    buffer *out = &sink->writers[writer].out;
    out->size = 0;
    lines_print(&sink->format, rows->at, rows->count, sink->batch_ms, out);
    return SL_OK;
}

static sl_result null_flush(void *self, unsigned writer, failure *failure)
{
    (void)self, (void)writer, (void)failure;
    return SL_OK;
}

static sl_result null_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        sink_rows rows = { .at = groups[i].rows, .count = groups[i].changed ? groups[i].count : 0 };
        SL_TRY(null_rows(self, 0, &rows, failure));
    }
    return SL_OK;
}

static sl_result null_commit(void *self, failure *failure)
{
    (void)self, (void)failure;
    return SL_OK;
}

static const setting null_settings[] = { LINES_SETTING("null.format"), { 0 } };

const sink_kind sink_null = {
    .name = "null",
    .about = "prints documents and throws them away: for benchmarks",
    .settings = null_settings,
    .open = null_open,
    .close = null_close,
    .begin = null_begin,
    .rows = null_rows,
    .flush = null_flush,
    .replace = null_replace,
    .commit = null_commit,
};
