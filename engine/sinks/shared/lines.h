/*
 * sinks/shared/lines.h - an output as lines of text, for the kinds that write such: file, console, memory. A line is a JSON
 * document with its "_id" where it has one, or the bytes of the output's raw field.
 */
#ifndef SINKS_SHARED_LINES_H
#define SINKS_SHARED_LINES_H

#include <sinks/shared/ordered.h>
#include <sinks/sink.h>

typedef struct lines_format {
    const document *document;
    size_t row_bytes, raw_at;
    bool raw, bare;
} lines_format;

lines_format lines_format_of(const sink_spec *spec);
void lines_print(const lines_format *format, const void *rows, size_t count, int64_t batch_ms, buffer *out);

/* What a batch of one output brought. */
typedef struct lines {
    lines_format format;
    const sink_batch *batch;
    ordered gathered;
    bool any; /* replace() was called with something that changed: an empty list is news, too */
} lines;

void lines_init(lines *lines, const sink_spec *spec);
void lines_done(lines *lines);

/* The bodies of a sink's begin, rows and replace. */
void lines_begin(lines *lines, const sink_batch *batch);
void lines_add(lines *lines, unsigned writer, const sink_rows *rows);
void lines_replace(lines *lines, const sink_group *groups,
                   size_t count); /* when one changed, all are the news */

#endif
