/*
 * sinks/shared/lines.c - rows printed as lines.
 */
#include <sinks/shared/lines.h>

static lines_kind kind_of(const sink_spec *spec, const char *setting)
{
    if (spec->output->raw.count)
        return LINES_RAW;
    if (spec->bare)
        return LINES_BARE;
    const char *format = setting && spec->settings ? settings_text(spec->settings, setting) : NULL;
    return format && strcmp(format, "csv") == 0 ? LINES_CSV : LINES_DOCUMENTS;
}

lines_format lines_format_of(const sink_spec *spec, const char *setting)
{
    const sl_fields *raw = &spec->output->raw;
    return (lines_format){
        .columns = { spec->schema, spec->document, true },
        .row_bytes = spec->schema->row_bytes,
        .raw_at = raw->count ? raw->offset[0] : 0,
        .kind = kind_of(spec, setting),
    };
}

static void raw_print(const char *row, size_t raw_at, buffer *out)
{
    sl_text text;
    memcpy(&text, row + raw_at, sizeof text);
    if (text.at == NULL)
        return;
    buffer_append(out, text.at, text.size);
    buffer_byte(out, '\n');
}

/* The usual case, decided once for all rows. */
static void documents_print(const lines_format *format, const char *row, const char *end, int64_t batch_ms,
                            buffer *out)
{
    for (; row < end; row += format->row_bytes) {
        document_print_with_id(format->columns.document, row, batch_ms, out);
        buffer_byte(out, '\n');
    }
}

static void row_print(const lines_format *format, const char *row, int64_t batch_ms, buffer *out)
{
    if (format->kind == LINES_RAW) {
        raw_print(row, format->raw_at, out);
        return;
    }
    if (format->kind == LINES_CSV)
        csv_print(&format->columns, row, batch_ms, out);
    else
        document_print(format->columns.document, row, batch_ms, out);
    buffer_byte(out, '\n');
}

void lines_print(const lines_format *format, const void *rows, size_t count, int64_t batch_ms, buffer *out)
{
    const char *row = rows, *end = row + count * format->row_bytes;
    if (format->kind == LINES_DOCUMENTS) {
        documents_print(format, row, end, batch_ms, out);
        return;
    }
    for (; row < end; row += format->row_bytes)
        row_print(format, row, batch_ms, out);
}

void lines_header(const lines_format *format, buffer *out)
{
    if (format->kind != LINES_CSV)
        return;
    csv_print_header(&format->columns, out);
    buffer_byte(out, '\n');
}

void lines_init(lines *lines, const sink_spec *spec, const char *setting)
{
    *lines = (struct lines){ .format = lines_format_of(spec, setting) };
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
