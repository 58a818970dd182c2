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

/* Copies the text when all of it is plain; false: what was written is of no use. Ends overlap, so nothing goes byte by byte. */
static inline bool json_plain(char *at, sl_text text)
{
    uint64_t eight, special = 0;
    if (text.size >= 8) {
        for (size_t i = 0; i + 8 <= text.size; i += 8) {
            memcpy(&eight, text.at + i, 8);
            memcpy(at + i, &eight, 8);
            special |= json_special_8(eight);
        }
        memcpy(&eight, text.at + text.size - 8, 8);
        memcpy(at + text.size - 8, &eight, 8);
        return (special | json_special_8(eight)) == 0;
    }
    if (text.size >= 4) {
        uint32_t first, last;
        memcpy(&first, text.at, 4);
        memcpy(&last, text.at + text.size - 4, 4);
        memcpy(at, &first, 4);
        memcpy(at + text.size - 4, &last, 4);
        return json_special_8((uint64_t)last << 32 | first) == 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        special |= byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
        at[i] = (char)byte;
    }
    return special == 0;
}

static inline char *json_text(char *at, sl_text text)
{
    *at++ = '"';
    at = json_plain(at, text) ? at + text.size : json_text_slowly(at, text);
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
