/*
 * records/text_json.c - the less plain parts of JSON texts and numbers.
 */
#include <records/document.h>
#include <records/text_json.h>
#include <records/utf8.h>

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

char *json_text_slowly(char *at, sl_text text)
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

char *json_digits(char *at, uint64_t value)
{
    static const char pairs[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    char digits[20], *first = digits + sizeof digits;
    while (value >= 100) {
        first -= 2;
        memcpy(first, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        first -= 2;
        memcpy(first, pairs + value * 2, 2);
    } else {
        *--first = (char)('0' + value);
    }
    size_t size = (size_t)(digits + sizeof digits - first);
    memcpy(at, first, size);
    return at + size;
}

void json_string(buffer *out, sl_text text)
{
    char *at = buffer_reserve(out, json_text_room(text));
    out->size = (size_t)(json_text(at, text) - out->at);
}
