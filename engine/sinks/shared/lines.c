/*
 * sinks/shared/lines.c - rows printed as lines.
 */
#include <sinks/shared/lines.h>

lines_format lines_format_of(const sink_spec *spec)
{
    const sl_fields *raw = &spec->output->raw;
    return (lines_format){
        .document = spec->document,
        .row_bytes = spec->schema->row_bytes,
        .raw_at = raw->count ? raw->offset[0] : 0,
        .raw = raw->count > 0,
        .bare = spec->bare,
    };
}

void lines_print(const lines_format *format, const void *rows, size_t count, int64_t batch_ms, buffer *out)
{
    for (const char *row = rows, *end = row + count * format->row_bytes; row < end;
         row += format->row_bytes) {
        if (format->raw) {
            sl_text text;
            memcpy(&text, row + format->raw_at, sizeof text);
            if (text.at == NULL)
                continue;
            buffer_append(out, text.at, text.size);
        } else if (format->bare) {
            document_print(format->document, row, batch_ms, out);
        } else {
            document_print_with_id(format->document, row, batch_ms, out);
        }
        buffer_byte(out, '\n');
    }
}

void lines_init(lines *lines, const sink_spec *spec)
{
    *lines = (struct lines){ .format = lines_format_of(spec) };
    ordered_init(&lines->gathered, spec->writers);
}

void lines_done(lines *lines)
{
    ordered_done(&lines->gathered);
}

void lines_begin(lines *lines, const sink_batch *batch)
{
    lines->batch = batch;
    lines->any = false;
    ordered_reset(&lines->gathered);
}

void lines_add(lines *lines, unsigned writer, const sink_rows *rows)
{
    buffer *out = ordered_begin(&lines->gathered, writer, rows->sequence);
    lines_print(&lines->format, rows->at, rows->count, lines->batch->time_ms, out);
}

void lines_replace(lines *lines, const sink_group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lines->any = lines->any || groups[i].changed;
    for (size_t i = 0; lines->any && i < count; i++) {
        buffer *out = ordered_begin(&lines->gathered, 0, i);
        lines_print(&lines->format, groups[i].rows, groups[i].count, lines->batch->time_ms, out);
    }
}
