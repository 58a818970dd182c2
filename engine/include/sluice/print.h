/*
 * sluice/print.h - a row as the fields of a JSON document. SL_RECORD makes each record a printer of its own from these, one
 * for each type of field, inline: names, offsets and types are constants then, and nothing is decided per row. For
 * SL_RECORD and the engine, not for jobs.
 *
 *     ,"event_id":7,"customer_id":"12","name":"Ann"
 *
 * sl_print_TYPE writes a field and answers where it ends. It asks for no room: sl_room_TYPE says how much the field takes
 * at most, with what is written over behind it. `name` is the field's beginning, `,"event_id":"`, of which only texts take
 * the last byte; `size` counts it.
 */
#ifndef SLUICE_PRINT_H
#define SLUICE_PRINT_H

#include <sluice/vector.h>

/* Before the row that a lookup found: its fields, printed once for all the documents that show it. */
typedef struct sl_linked_ {
    sl_text json;
    uint32_t bad; /* how many of its fields held no number though they should */
    uint32_t padding;
} sl_linked_;

enum { SL_NUMBER_ROOM_ = 24, SL_FIELD_ROOM_ = 48 };

/* Everything else than what these headers print at once. */
char *sl_print_text_slowly_(char *at, sl_text text); /* with its closing quote */
char *sl_print_digits_(char *at, uint64_t value);    /* within SL_NUMBER_ROOM_ */
char *sl_print_real_(char *at, double value);
char *sl_print_time_(char *at, sl_time ms);

/* -1 at each byte that is no plain ASCII, a quote or a backslash. */
static inline sl_vector_ sl_json_special_(sl_vector_ bytes)
{
    return (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
}

/* A text whose opening quote stands there already. Writes whole vectors. */
static inline char *sl_print_text_end_(char *at, sl_text text)
{
    unsigned special;
    if (text.size - 1 < SL_VECTOR_BYTES_) {
        sl_vector_ bytes = sl_vector_load_(text);
        memcpy(at, &bytes, sizeof bytes);
        special = sl_vector_bits_(sl_json_special_(bytes)) << (32 - text.size);
    } else if (text.size - 1 < 2 * SL_VECTOR_BYTES_) {
        size_t last =
            text.size - SL_VECTOR_BYTES_; /* overlaps the first, so that nothing goes byte by byte */
        sl_vector_ bytes = sl_vector_at_(text.at), end = sl_vector_at_(text.at + last);
        memcpy(at, &bytes, sizeof bytes);
        memcpy(at + last, &end, sizeof end);
        special = sl_vector_bits_(sl_json_special_(bytes) | sl_json_special_(end));
    } else {
        return sl_print_text_slowly_(at, text);
    }
    if (__builtin_expect(special != 0, 0))
        return sl_print_text_slowly_(at, text);
    at[text.size] = '"';
    return at + text.size + 1;
}

static inline char *sl_print_number_(char *at, int64_t value)
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
    return sl_print_digits_(at, size);
}

static inline char *sl_print_name_(char *at, const char *name, size_t size)
{
    memcpy(at, name, size - 1);
    return at + size - 1;
}

static inline char *sl_print_text(char *at, const char *name, size_t size, const sl_text *value)
{
    if (value->at == NULL)
        return at;
    memcpy(at, name, size);
    return sl_print_text_end_(at + size, *value);
}

static inline char *sl_print_i64(char *at, const char *name, size_t size, const int64_t *value)
{
    return sl_print_number_(sl_print_name_(at, name, size), *value);
}

static inline char *sl_print_i32(char *at, const char *name, size_t size, const int32_t *value)
{
    return sl_print_number_(sl_print_name_(at, name, size), *value);
}

static inline char *sl_print_maybe_i64(char *at, const char *name, size_t size, const sl_maybe_i64 *value)
{
    return value->known ? sl_print_number_(sl_print_name_(at, name, size), value->value) : at;
}

static inline char *sl_print_f64(char *at, const char *name, size_t size, const double *value)
{
    return sl_print_real_(sl_print_name_(at, name, size), *value);
}

static inline char *sl_print_flag(char *at, const char *name, size_t size, const bool *value)
{
    at = sl_print_name_(at, name, size);
    memcpy(at, *value ? "true " : "false", 5);
    return at + 5 - *value;
}

static inline char *sl_print_time(char *at, const char *name, size_t size, const sl_time *value)
{
    return sl_print_time_(sl_print_name_(at, name, size), *value);
}

static inline char *sl_print_origin(char *at, const char *name, size_t size, const sl_origin *value)
{
    (void)name, (void)size, (void)value;
    return at;
}

/* `link` is the address of the row's pointer to the linked row. */
static inline char *sl_print_linked(char *at, const char *name, size_t size, const void *link)
{
    const char *row = *(const char *const *)link;
    (void)name, (void)size;
    if (row == NULL)
        return at;
    const sl_linked_ *head = (const sl_linked_ *)(const void *)row - 1;
    memcpy(at, head->json.at, head->json.size);
    return at + head->json.size;
}

static inline size_t sl_room_text(size_t size, const sl_text *value)
{
    return size + 6 * value->size + 1 + SL_VECTOR_BYTES_; /* a byte may become \u0000; a quote */
}

static inline size_t sl_room_linked(size_t size, const void *link)
{
    const char *row = *(const char *const *)link;
    (void)size;
    return row ? ((const sl_linked_ *)(const void *)row - 1)->json.size : 0;
}

static inline size_t sl_room_field_(size_t size, const void *value)
{
    (void)value;
    return size + SL_FIELD_ROOM_;
}

#define sl_print_link(record) sl_print_linked
#define sl_room_link(record)  sl_room_linked
#define sl_room_i32           sl_room_field_
#define sl_room_i64           sl_room_field_
#define sl_room_f64           sl_room_field_
#define sl_room_flag          sl_room_field_
#define sl_room_time          sl_room_field_
#define sl_room_maybe_i64     sl_room_field_
#define sl_room_origin        sl_room_field_

#endif
