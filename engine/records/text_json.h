/*
 * records/text_json.h - JSON texts and numbers written into memory that has room: what <sluice/print.h> does for records.
 */
#ifndef RECORDS_TEXT_JSON_H
#define RECORDS_TEXT_JSON_H

#include <sluice/print.h>

enum { JSON_NUMBER_MAX = SL_NUMBER_ROOM_ };

/* What json_text may write and over-write for a text. */
static inline size_t json_text_room(sl_text text)
{
    return text.size * 6 + 2 + SL_VECTOR_BYTES_; /* two quotes */
}

static inline char *json_text(char *at, sl_text text)
{
    *at++ = '"';
    return sl_print_text_end_(at, text);
}

static inline char *json_copy(char *at, sl_text text)
{
    memcpy(at, text.at, text.size);
    return at + text.size;
}

static inline char *json_number(char *at, int64_t value)
{
    return sl_print_number_(at, value);
}

#endif
