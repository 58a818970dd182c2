/*
 * records/text_json.h - JSON texts and numbers written into memory that has room, inline because every field of every
 * document passes here. Bytes that are plain go eight at a time.
 */
#ifndef RECORDS_TEXT_JSON_H
#define RECORDS_TEXT_JSON_H

#include <sluice/types.h>
#include <string.h>

enum { JSON_NUMBER_MAX = 24 };

/* What json_text may write and over-write for a text. */
static inline size_t json_text_room(sl_text text)
{
    return text.size * 6 + 16;
}

char *json_text_slowly(char *at,
                       sl_text text); /* from the first byte that is not plain on; no quotes around it */

static inline char *json_copy(char *at, sl_text text)
{
    memcpy(at, text.at, text.size);
    return at + text.size;
}

/* Any byte that is no plain ASCII, a quote or a backslash, in eight bytes at once: 0 when there is none. */
static inline uint64_t json_special_8(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t control = (eight - ones * 0x20) & ~eight;
    uint64_t quote = eight ^ (ones * '"'), slash = eight ^ (ones * '\\');
    return (control | eight | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs;
}

static inline char *json_text(char *at, sl_text text)
{
    *at++ = '"';
    while (text.size >= 8) {
        uint64_t eight;
        memcpy(&eight, text.at, 8);
        memcpy(at, &eight, 8);
        if (json_special_8(eight))
            break;
        at += 8;
        text.at += 8;
        text.size -= 8;
    }
    for (; text.size; text.at++, text.size--) {
        unsigned char byte = (unsigned char)*text.at;
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80) {
            at = json_text_slowly(at, text);
            break;
        }
        *at++ = (char)byte;
    }
    *at++ = '"';
    return at;
}

char *json_digits(char *at, uint64_t value);

static inline char *json_number(char *at, int64_t value)
{
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        size = 0 - size;
    }
    if (size < 10) {
        *at = (char)('0' + size);
        return at + 1;
    }
    return json_digits(at, size);
}

#endif
