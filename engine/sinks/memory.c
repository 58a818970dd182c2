/*
 * sinks/memory.c - `memory`: the last committed batch's lines, sorted, for tests. "_id" comes first in a line, so that
 * lines are sorted by it and a test does not depend on how a batch was cut into chunks.
 */
#include <base/memory.h>
#include <sinks/shared/lines.h>
#include <sluice/text.h>
#include <stdlib.h>

typedef struct memory_sink {
    lines lines;
    buffer merged, wrote;
} memory_sink;

static int line_compare(const void *a, const void *b);

static sl_result memory_open(const sink_spec *spec, void **self, failure *failure)
{
    (void)failure;
    memory_sink *made = memory_new(sizeof *made);
    lines_init(&made->lines, spec, NULL);
    buffer_byte(&made->wrote, '\0');
    *self = made;
    return SL_OK;
}

static void memory_close(void *self)
{
    memory_sink *sink = self;
    if (sink == NULL)
        return;
    lines_done(&sink->lines);
    buffer_done(&sink->merged);
    buffer_done(&sink->wrote);
    free(sink);
}

static sl_result memory_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    lines_begin(&((memory_sink *)self)->lines, batch);
    return SL_OK;
}

static sl_result memory_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    (void)failure;
    lines_add(&((memory_sink *)self)->lines, writer, rows);
    return SL_OK;
}

static sl_result memory_flush(void *self, unsigned writer, failure *failure)
{
    (void)self, (void)writer, (void)failure;
    return SL_OK;
}

static sl_result memory_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    (void)failure;
    lines_replace(&((memory_sink *)self)->lines, groups, count);
    return SL_OK;
}

static sl_result memory_commit(void *self, failure *failure)
{
    (void)failure;
    memory_sink *sink = self;
    buffer sorted = { 0 };
    sink->merged.size = sink->wrote.size = 0;
    ordered_merge(&sink->lines.gathered, &sink->merged);
    const char *at = sink->merged.at, *end = at + sink->merged.size;
    while (at < end) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        buffer_append(&sorted, &(sl_text){ at, (size_t)(next - at) }, sizeof(sl_text));
        at = next;
    }
    const sl_text *lines = (const void *)sorted.at;
    size_t count = sorted.size / sizeof *lines;
    if (count > 1)
        qsort(sorted.at, count, sizeof *lines, line_compare);
    for (size_t i = 0; i < count; i++)
        buffer_append(&sink->wrote, lines[i].at, lines[i].size);
    buffer_byte(&sink->wrote, '\0');
    buffer_done(&sorted);
    return SL_OK;
}

static const char *memory_wrote(void *self)
{
    return ((memory_sink *)self)->wrote.at;
}

static int line_compare(const void *a, const void *b)
{
    return sl_text_compare(*(const sl_text *)a, *(const sl_text *)b);
}

const sink_kind sink_memory = {
    .name = "memory",
    .about = "keeps the last batch, for tests",
    .open = memory_open,
    .close = memory_close,
    .begin = memory_begin,
    .rows = memory_rows,
    .flush = memory_flush,
    .replace = memory_replace,
    .commit = memory_commit,
    .wrote = memory_wrote,
};
