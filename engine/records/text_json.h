/*
 * records/text_json.h - JSON texts and numbers written into memory that has room, inline because every field of every
 * document passes here. Bytes that are plain go sixteen at a time.
 */
#ifndef RECORDS_TEXT_JSON_H
#define RECORDS_TEXT_JSON_H

#include <records/text_load.h>

enum { JSON_NUMBER_MAX = 24 };

/* What json_text may write and over-write for a text. */
static inline size_t json_text_room(sl_text text)
{
    return text.size * 6 + 2 + TEXT_VECTOR; /* two quotes */
}

char *json_text_slowly(char *at,
                       sl_text text); /* from the first byte that is not plain on; no quotes around it */

static inline char *json_copy(char *at, sl_text text)
{
    memcpy(at, text.at, text.size);
    return at + text.size;
}

/* -1 at each byte that is no plain ASCII, a quote or a backslash. */
static inline text_vector json_special(text_vector bytes)
{
    return (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
}

/* Copies the text when all of it is plain; false: what was written is of no use. Writes whole vectors. */
static inline bool json_plain(char *at, sl_text text)
{
    if (text.size <= TEXT_VECTOR) {
        text_vector bytes = text_load(text);
        memcpy(at, &bytes, sizeof bytes);
        return !text_vector_any(json_special(bytes), text.size);
    }
    text_vector special = { 0 };
    for (size_t i = 0; i + TEXT_VECTOR < text.size; i += TEXT_VECTOR) {
        text_vector bytes = text_vector_at(text.at + i);
        memcpy(at + i, &bytes, sizeof bytes);
        special |= json_special(bytes);
    }
    size_t last = text.size - TEXT_VECTOR; /* overlaps the one before, so that nothing goes byte by byte */
    text_vector bytes = text_vector_at(text.at + last);
    memcpy(at + last, &bytes, sizeof bytes);
    return !text_vector_any(special | json_special(bytes), TEXT_VECTOR);
}

/* A text whose opening quote stands there already. */
static inline char *json_text_end(char *at, sl_text text)
{
    at = json_plain(at, text) ? at + text.size : json_text_slowly(at, text);
    *at++ = '"';
    return at;
}

static inline char *json_text(char *at, sl_text text)
{
    *at++ = '"';
    return json_text_end(at, text);
}

/* Writes eight bytes at a time; JSON_NUMBER_MAX is enough for that. */
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
