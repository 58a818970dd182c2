/*
 * records/text_json.h - JSON texts and numbers written into memory that has room, inline because every field of every
 * document passes here. Bytes that are plain go eight at a time.
 */
#ifndef RECORDS_TEXT_JSON_H
#define RECORDS_TEXT_JSON_H

#include <sluice/types.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/* Is there a byte in these two words that is no plain ASCII, a quote or a backslash? */
#if defined(__SSE2__)
static inline bool json_special(uint64_t first, uint64_t last)
{
    __m128i bytes = _mm_set_epi64x((long long)last, (long long)first);
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* as signed numbers: bytes from 0x80 on, too */
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
            slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash))) != 0;
}
#else
static inline uint64_t json_special_8(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t control = (eight - ones * 0x20) & ~eight;
    uint64_t quote = eight ^ (ones * '"'), slash = eight ^ (ones * '\\');
    return (control | eight | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs;
}

static inline bool json_special(uint64_t first, uint64_t last)
{
    return (json_special_8(first) | json_special_8(last)) != 0;
}
#endif

/* Copies the text when all of it is plain; false: what was written is of no use. Ends overlap, so nothing goes byte by byte. */
static inline bool json_plain(char *at, sl_text text)
{
    const char *from = text.at;
    size_t size = text.size;
    uint64_t first, last;
    if (size >= 8) {
        bool special = false;
        for (size_t i = 0; i + 16 < size; i += 8) {
            memcpy(&first, from + i, 8);
            memcpy(at + i, &first, 8);
            special |= json_special(first, first);
        }
        size_t rest = size > 16 ? size - 16 : 0;
        memcpy(&first, from + rest, 8);
        memcpy(&last, from + size - 8, 8);
        memcpy(at + rest, &first, 8);
        memcpy(at + size - 8, &last, 8);
        return !special && !json_special(first, last);
    }
    if (size >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + size - 4, 4);
        memcpy(at, &head, 4);
        memcpy(at + size - 4, &tail, 4);
        first = (uint64_t)tail << 32 | head;
        return !json_special(first, first);
    }
    if (size == 0)
        return true;
    /* One to three bytes: the first, the middle and the last one, which may be the same. */
    unsigned head = (unsigned char)from[0], middle = (unsigned char)from[size / 2],
             tail = (unsigned char)from[size - 1];
    at[0] = (char)head;
    at[size / 2] = (char)middle;
    at[size - 1] = (char)tail;
    first = 0x2020202020000000u | tail << 16 | middle << 8 | head;
    return !json_special(first, first);
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
