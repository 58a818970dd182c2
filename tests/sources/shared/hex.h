/*
 * tests/sources/shared/hex.h - bytes as a test writes them: hexadecimal digits, blanks between as wanted, 'text' as it is.
 *
 *     buffer bytes = hex("0002 'ab' 00000005");
 */
#ifndef SOURCES_SHARED_HEX_H
#define SOURCES_SHARED_HEX_H

#include <base/buffer.h>
#include <base/failure.h>

static inline int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit) : NULL;
    sl_expect(found != NULL);
    return (int)(found - digits);
}

/* Appends. */
static inline void hex_append(buffer *out, const char *text)
{
    while (*text) {
        if (*text == ' ' || *text == '\n') {
            text++;
        } else if (*text == '\'') {
            const char *end = strchr(++text, '\'');
            buffer_append(out, text, (size_t)(end - text));
            text = end + 1;
        } else {
            int high = hex_digit(text[0]);
            buffer_byte(out, (char)(high << 4 | hex_digit(text[1])));
            text += 2;
        }
    }
}

/* To be freed by buffer_done(). */
static inline buffer hex(const char *text)
{
    buffer out = { 0 };
    hex_append(&out, text);
    return out;
}

/* Bytes as digits, so that a difference can be read. Appends a NUL as well. */
static inline void hex_print(buffer *out, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buffer_print(out, "%02x", ((const unsigned char *)bytes)[i]);
    buffer_byte(out, '\0');
}

#endif
