/*
 * records/csv_print.c - rows as CSV lines.
 */
#include <base/clock.h>
#include <math.h>
#include <records/csv_print.h>

/* From `start` on stands a text as it is: quoted, where it has to be. */
static void text_quote(buffer *out, size_t start)
{
    size_t size = out->size - start, quotes = 0;
    const char *at = out->at + start;
    bool needed = size == 0 || at[0] == ' ' || at[size - 1] == ' ';
    for (size_t i = 0; i < size; i++) {
        quotes += at[i] == '"';
        needed = needed || at[i] == ',' || at[i] == '\n' || at[i] == '\r' || at[i] == '"';
    }
    if (!needed)
        return;
    buffer_reserve(out, quotes + 2);
    char *from = out->at + out->size, *to = from + quotes + 2, *first = out->at + start;
    out->size += quotes + 2;
    *--to = '"';
    while (from > first) { /* from the end, so that nothing is written over that is still to be moved */
        *--to = *--from;
        if (*from == '"')
            *--to = '"';
    }
    *--to = '"';
}

static void real_print(double value, buffer *out)
{
    if (!isfinite(value)) /* null in JSON */
        return;
    char *at = buffer_reserve(out, SL_FIELD_ROOM_);
    out->size = (size_t)(sl_print_real_(at, value) - out->at);
}

static void field_print(const sl_field *field, const void *row, buffer *out)
{
    const void *value = (const char *)row + field->offset;
    size_t start = out->size;
    if (field->kind == SL_KIND_flag)
        buffer_text(out, *(const bool *)value ? "true" : "false");
    else if (field->kind == SL_KIND_f64)
        real_print(*(const double *)value, out);
    else if (field_text(field, row, out) && field->kind == SL_KIND_text)
        text_quote(out, start);
}

static const void *linked_row(const sl_field *field, const void *row)
{
    const void *linked;
    memcpy(&linked, (const char *)row + field->offset, sizeof linked);
    return linked;
}

/* Each with a comma before it; a NULL row: empty ones. */
static void fields_print_csv(const sl_schema *schema, const void *row, buffer *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        if (field->kind == SL_KIND_origin)
            continue;
        if (field->kind == SL_KIND_linked) {
            fields_print_csv(field->linked(), row ? linked_row(field, row) : NULL, out);
            continue;
        }
        buffer_byte(out, ',');
        if (row)
            field_print(field, row, out);
    }
}

static void names_print(const sl_schema *schema, buffer *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        if (field->kind == SL_KIND_linked)
            names_print(field->linked(), out);
        if (field->kind == SL_KIND_origin || field->kind == SL_KIND_linked)
            continue;
        buffer_byte(out, ',');
        size_t start = out->size;
        buffer_text(out, field->name);
        text_quote(out, start);
    }
}

static bool has_id(const csv_columns *columns)
{
    return columns->with_id && document_has_id(columns->document);
}

void csv_print_header(const csv_columns *columns, buffer *out)
{
    buffer_text(out, has_id(columns) ? "_id,@timestamp" : "@timestamp");
    names_print(columns->schema, out);
}

void csv_print(const csv_columns *columns, const void *row, int64_t batch_ms, buffer *out)
{
    const sl_origin *origin = document_origin(columns->document, row);
    char iso[25];
    if (has_id(columns)) {
        size_t start = out->size;
        document_id(columns->document, row, out);
        text_quote(out, start);
        buffer_byte(out, ',');
    }
    clock_iso(origin ? origin->time_ms : batch_ms, iso);
    buffer_text(out, iso);
    fields_print_csv(columns->schema, row, out);
}
