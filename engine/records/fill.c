/*
 * records/fill.c - texts as numbers, flags and times. Strict: what has blanks around it, a sign too many or a rest behind it
 * is no number.
 */
#include <base/settings.h>
#include <math.h>
#include <records/fill.h>
#include <stdlib.h>

enum { TEXT_ROOM = 64 };

static bool number_fill(sl_kind kind, sl_text text, char *at);
static bool fraction_read(sl_text text, double *value);
static bool time_read(sl_text text, sl_time *ms);
static bool flag_read(sl_text text, bool *value);

bool field_can_fill(const sl_field *field)
{
    return field->kind != SL_KIND_origin && field->kind != SL_KIND_linked;
}

bool field_fill(const sl_field *field, sl_text text, void *row)
{
    char *at = (char *)row + field->offset;
    switch (field->kind) {
    case SL_KIND_text: memcpy(at, &text, sizeof text); return true;
    case SL_KIND_f64: return fraction_read(text, (double *)(void *)at);
    case SL_KIND_time: return time_read(text, (sl_time *)(void *)at);
    case SL_KIND_flag: return flag_read(text, (bool *)at);
    default: return field_can_fill(field) && number_fill(field->kind, text, at);
    }
}

/* A minus, digits. */
static bool number_fill(sl_kind kind, sl_text text, char *at)
{
    int64_t number = 0;
    bool negative = text.size > 1 && text.at[0] == '-';
    if (!sl_to_i64(negative ? (sl_text){ text.at + 1, text.size - 1 } : text, &number))
        return false;
    number = negative ? -number : number;
    if (kind == SL_KIND_i32 && (number < INT32_MIN || number > INT32_MAX))
        return false;
    if (kind == SL_KIND_i32)
        memcpy(at, &(int32_t){ (int32_t)number }, sizeof(int32_t));
    else if (kind == SL_KIND_maybe_i64)
        memcpy(at, &(sl_maybe_i64){ number, true }, sizeof(sl_maybe_i64));
    else
        memcpy(at, &number, sizeof number);
    return true;
}

/* With a NUL, for functions of the C library. */
static bool text_end(sl_text text, char room[TEXT_ROOM])
{
    if (text.size == 0 || text.size >= TEXT_ROOM || memchr(text.at, '\0', text.size))
        return false;
    memcpy(room, text.at, text.size);
    room[text.size] = '\0';
    return true;
}

/* As JSON has them: neither "0x10" nor "nan". */
static bool fraction_read(sl_text text, double *value)
{
    char room[TEXT_ROOM], *end;
    if (!text_end(text, room) || room[strspn(room, "0123456789.eE+-")] != '\0' || room[0] == '+')
        return false;
    double read = strtod(room, &end);
    if (end == room || *end != '\0' || !isfinite(read))
        return false;
    *value = read;
    return true;
}

static bool time_read(sl_text text, sl_time *ms)
{
    char room[TEXT_ROOM];
    failure ignored = { 0 };
    return text_end(text, room) && time_parse(room, ms, &ignored) == SL_OK;
}

static bool flag_read(sl_text text, bool *value)
{
    bool yes = sl_text_equal(text, SL_TEXT("1")) || sl_text_equal(text, SL_TEXT("true"));
    if (!yes && !sl_text_equal(text, SL_TEXT("0")) && !sl_text_equal(text, SL_TEXT("false")))
        return false;
    *value = yes;
    return true;
}
