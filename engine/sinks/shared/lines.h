/*
 * sinks/shared/lines.h - an output as lines of text, for the kinds that write such: file, console, null, memory. A line is a
 * JSON document with its "_id" where it has one; by a setting of the kind, "file.format", a line of CSV; or the bytes of the
 * output's raw field. Dead letters (`bare`) are always JSON, since they are handed back from there.
 */
#ifndef SINKS_SHARED_LINES_H
#define SINKS_SHARED_LINES_H

#include <records/csv_print.h>
#include <sinks/shared/ordered.h>
#include <sinks/sink.h>

typedef enum lines_kind { LINES_DOCUMENTS, LINES_BARE, LINES_CSV, LINES_RAW } lines_kind;

typedef struct lines_format {
    csv_columns columns;
    size_t row_bytes, raw_at;
    lines_kind kind;
} lines_format;

/* The row of a kind's settings that lines_format_of() is handed the key of. */
#define LINES_SETTING(key)                                                                                   \
    {                                                                                                        \
        key, NULL, SETTING_CHOICE, "json", "json|csv", NULL, "FORMAT",                                       \
            "rows as JSON documents, or as lines of CSV"                                                     \
    }

/* `setting`: "file.format"; NULL: JSON. */
lines_format lines_format_of(const sink_spec *spec, const char *setting);
/* What stands above the lines: the names of a CSV's columns, or nothing. */
void lines_header(const lines_format *format, buffer *out);
void lines_print(const lines_format *format, const void *rows, size_t count, int64_t batch_ms, buffer *out);

/* What a batch of one output brought. */
typedef struct lines {
    lines_format format;
    const sink_batch *batch;
    ordered gathered;
    bool any; /* replace() was called with something that changed: an empty list is news, too */
} lines;

void lines_init(lines *lines, const sink_spec *spec, const char *setting);
void lines_done(lines *lines);

/* The bodies of a sink's begin, rows and replace. */
void lines_begin(lines *lines, const sink_batch *batch);
void lines_add(lines *lines, unsigned writer, const sink_rows *rows);
void lines_replace(lines *lines, const sink_group *groups,
                   size_t count); /* when one changed, all are the news */

#endif
