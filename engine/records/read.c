/*
 * records/read.c - CSV lines as records, field by field in the order of the description.
 */
#include <records/fill.h>
#include <records/read.h>
#include <stdio.h>

enum { SHOWN_MOST = 60 };
_Static_assert(SL_KIND_origin + 1 == SL_KIND_linked && SL_KIND_maybe_i64 < SL_KIND_origin,
               "the last two kinds are not read");

/* Digits and nothing else is what nearly every number is. */
static inline bool field_read(const sl_field *field, sl_text text, void *row)
{
    char *at = (char *)row + field->offset;
    int64_t number;
    if (field->kind == SL_KIND_text) {
        memcpy(at, &text, sizeof text);
        return true;
    }
    if (field->kind == SL_KIND_i64 && sl_to_i64(text, &number)) {
        memcpy(at, &number, sizeof number);
        return true;
    }
    text = sl_trim(text);
    bool unknown = text.size == 0 && field->kind == SL_KIND_maybe_i64;
    return unknown || field_fill(field, text, row);
}

bool sl_csv_read(sl_task *task, const sl_message *in, const sl_schema *schema, void *row)
{
    sl_text cut[SL_FIELDS_READ_MAX];
    size_t count = 0;
    for (size_t i = 0; i < schema->count; i++)
        count += schema->fields[i].kind < SL_KIND_origin; /* as field_can_fill() has it */
    const char *fault =
        count <= SL_FIELDS_READ_MAX ? sl_csv_split(task, in->value, cut, count) : "field_count";
    if (fault)
        return sl_reject(task, &in->origin, fault, "line");
    const sl_text *text = cut;
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        if (field->kind >= SL_KIND_origin)
            read_origin(in, field, row);
        else if (!field_read(field, *text++, row))
            return read_refuse(task, in, sl_trim(text[-1]).size ? read_reason(field) : "missing_field", field,
                               text[-1]);
    }
    return true;
}

void read_origin(const sl_message *in, const sl_field *field, void *row)
{
    if (field->kind == SL_KIND_origin)
        memcpy((char *)row + field->offset, &in->origin, sizeof in->origin);
}

const char *read_reason(const sl_field *field)
{
    switch (field->kind) {
    case SL_KIND_text: return "bad_text";
    case SL_KIND_flag: return "bad_flag";
    case SL_KIND_time: return "bad_time";
    default: return "bad_number";
    }
}

/* A character is not cut in two: its first byte alone has not the two top bits 10. */
static int shown_size(sl_text value)
{
    size_t size = value.size < SHOWN_MOST ? value.size : SHOWN_MOST;
    while (size > 0 && size < value.size && ((unsigned char)value.at[size] & 0xc0) == 0x80)
        size--;
    return (int)size;
}

bool read_refuse(sl_task *task, const sl_message *in, const char *reason, const sl_field *field,
                 sl_text value)
{
    if (task == NULL)
        return false;
    int shown = shown_size(value);
    const char *rest = (size_t)shown < value.size ? "..." : "";
    size_t room = strlen(field->name) + (size_t)shown + sizeof ": ...";
    char *detail = sl_batch_memory(task, room);
    snprintf(detail, room, "%s: %.*s%s", field->name, shown, shown ? value.at : "", rest);
    return sl_reject(task, &in->origin, reason, detail);
}
