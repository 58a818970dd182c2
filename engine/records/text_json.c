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

/* Eight digits of a number below 10^8, the first one in the lowest byte: halves, pairs and digits all at once. */
static uint64_t digits_of(uint32_t value)
{
    uint64_t halves = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (halves * 10486 >> 20) & 0x0000007F0000007Fu; /* 10486 / 2^20: 1/100 up to 9999 */
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = (pairs * 103 >> 10) & 0x000F000F000F000Fu; /* 103 / 2^10: 1/10 up to 99 */
    return tens | (pairs - tens * 10) << 8;
}

char *sl_print_digits_(char *at, uint64_t value)
{
    const uint64_t zeros = 0x3030303030303030u;
    enum { STEP = 100000000 };
    if (value >= STEP) {
        at = sl_print_digits_(at, value / STEP);
        uint64_t digits = digits_of((uint32_t)(value % STEP)) | zeros;
        memcpy(at, &digits, sizeof digits);
        return at + sizeof digits;
    }
    uint64_t digits = digits_of((uint32_t)value);
    unsigned leading = value ? (unsigned)__builtin_ctzll(digits) / 8 : 7;
    digits = (digits | zeros) >> (8 * leading);
    memcpy(at, &digits, sizeof digits);
    return at + sizeof digits - leading;
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
