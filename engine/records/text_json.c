/*
 * records/text_json.c - the less plain parts of JSON texts and numbers.
 */
#include <base/clock.h>
#include <math.h>
#include <records/document.h>
#include <records/text_json.h>
#include <records/utf8.h>
#include <stdio.h>

static char *control_write(char *at, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    const char *const shorts = "btnvfr"; /* from \b on; \v has no short form in JSON */
    *at++ = '\\';
    if (byte >= '\b' && byte <= '\r' && byte != '\v') {
        *at++ = shorts[byte - '\b'];
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = hex[byte >> 4];
    at[4] = hex[byte & 15];
    return at + 5;
}

/* Copies the text when all of it is plain; false: what was written is of no use. Of at least 16 bytes. */
static bool plain_copy(char *at, sl_text text)
{
    sl_vector_ special = { 0 };
    size_t last =
        text.size - SL_VECTOR_BYTES_; /* overlaps the one before, so that nothing goes byte by byte */
    for (size_t i = 0; i < last; i += SL_VECTOR_BYTES_) {
        sl_vector_ bytes = sl_vector_at_(text.at + i);
        memcpy(at + i, &bytes, sizeof bytes);
        special |= sl_json_special_(bytes);
    }
    sl_vector_ bytes = sl_vector_at_(text.at + last);
    memcpy(at + last, &bytes, sizeof bytes);
    return sl_vector_bits_(special | sl_json_special_(bytes)) == 0;
}

static char *text_escape(char *at, sl_text text)
{
    const unsigned char *from = (const unsigned char *)text.at, *end = from + text.size;
    while (from < end) {
        size_t length = utf8_character(from, (size_t)(end - from));
        if (length == 0) {
            memcpy(at, "\xEF\xBF\xBD", 3); /* U+FFFD */
            at += 3;
            from++;
        } else if (*from == '"' || *from == '\\') {
            *at++ = '\\';
            *at++ = (char)*from++;
        } else if (*from < 0x20) {
            at = control_write(at, *from++);
        } else {
            memcpy(at, from, length);
            at += length;
            from += length;
        }
    }
    return at;
}

char *sl_print_text_slowly_(char *at, sl_text text)
{
    bool done = text.size > 2 * SL_VECTOR_BYTES_ && plain_copy(at, text);
    at = done ? at + text.size : text_escape(at, text);
    *at++ = '"';
    return at;
}

/* "00" to "99". */
static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Below 10,000, all four digits. */
static inline char *four_write(char *at, unsigned value)
{
    memcpy(at, &pairs[value / 100 * 2], 2);
    memcpy(at + 2, &pairs[value % 100 * 2], 2);
    return at + 4;
}

/* Below 10,000, without leading zeros: a pair's first digit is written over or not at all. */
static inline char *few_write(char *at, unsigned value)
{
    if (value >= 1000)
        return four_write(at, value);
    unsigned high = value / 100;
    if (high)
        *at++ = (char)('0' + high);
    value -= high * 100;
    bool one = high == 0 && value < 10;
    memcpy(at, &pairs[value * 2 + one], 2);
    return at + 2 - one;
}

char *sl_print_digits_(char *at, uint64_t value)
{
    enum { FEW = 10000 };
    if (value < FEW)
        return few_write(at, (unsigned)value);
    if (value < (uint64_t)FEW * FEW)
        return four_write(few_write(at, (unsigned)value / FEW), (unsigned)value % FEW);
    at = sl_print_digits_(at, value / ((uint64_t)FEW * FEW));
    value %= (uint64_t)FEW * FEW;
    return four_write(four_write(at, (unsigned)value / FEW), (unsigned)value % FEW);
}

char *sl_print_real_(char *at, double value)
{
    return isfinite(value) ? at + snprintf(at, SL_FIELD_ROOM_, "%.17g", value)
                           : json_copy(at, SL_TEXT("null"));
}

char *sl_print_time_(char *at, sl_time ms)
{
    *at = '"';
    clock_iso(ms, at + 1);
    at[25] = '"';
    return at + 26;
}

void json_string(buffer *out, sl_text text)
{
    char *at = buffer_reserve(out, json_text_room(text));
    out->size = (size_t)(json_text(at, text) - out->at);
}
