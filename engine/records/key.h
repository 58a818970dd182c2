/*
 * records/key.h - the key of a row as 16 bytes that tables compare and hash at once.
 *
 * A key's fields are written one after another: a text as its length and its bytes, a number as its 4 or 8 bytes, a flag as
 * one; one that may be missing has a byte before it that says so. Up to 15 bytes lie in the key itself, padded with zeros, byte 15 holds their count. A longer key holds its hash and the address of its
 * bytes, whose owner is the batch or, once it is in a store, the store.
 *
 *     short  | bytes ...                      0 0 0 | size |
 *     long   | hash: 8 bytes | address: 6 bytes | 0 | 0xFF |      address -> | size: 4 bytes | bytes ... |
 */
#ifndef RECORDS_KEY_H
#define RECORDS_KEY_H

#include <base/arena.h>
#include <base/buffer.h>
#include <base/hash.h>
#include <sluice/job.h>

typedef struct row_key {
    uint64_t low, high;
} row_key;

enum { KEY_SHORT_MAX = 15, KEY_LONG = 0xFF };

/* Any field can be part of a key but where a row came from and what it is linked to. */
static inline bool key_can_be_of(sl_kind kind)
{
    return kind != SL_KIND_origin && kind != SL_KIND_linked;
}

static inline unsigned key_tag(row_key key)
{
    return (unsigned)(key.high >> 56);
}

static inline bool key_is_long(row_key key)
{
    return key_tag(key) == KEY_LONG;
}

static inline const char *key_address(row_key key)
{
    return (const char *)(uintptr_t)(key.high & 0xFFFFFFFFFFFFu);
}

static inline uint64_t key_hash(row_key key)
{
    return key_is_long(key) ? key.low : hash_16(key.low, key.high);
}

bool key_equal_long(row_key a, row_key b);

static inline bool key_equal(row_key a, row_key b)
{
    return (a.low == b.low && a.high == b.high) || (key_is_long(a) && key_is_long(b) && key_equal_long(a, b));
}

/* The written bytes; of a short key they lie in *key. */
static inline sl_text key_bytes(const row_key *key)
{
    if (!key_is_long(*key))
        return (sl_text){ (const char *)key, key_tag(*key) };
    uint32_t size;
    memcpy(&size, key_address(*key), sizeof size);
    return (sl_text){ key_address(*key) + sizeof size, size };
}

row_key key_of_bytes(const char *at, size_t size, arena *memory); /* a long one is copied to memory */
row_key key_keep(row_key key); /* a long key's bytes copied to the heap; free with key_release */
void key_release(row_key key);

/* Of a row: the slow form, for any fields. */
row_key key_of_row(const sl_fields *fields, const void *row, arena *memory);
/* Fills the key fields of a row. Texts point into the key: it must outlive the row. */
void key_fill(const sl_fields *fields, const row_key *key, void *row);

sl_text key_first_text(const row_key *key); /* of a key whose first field is a text; lies in the key */

__extension__ typedef unsigned __int128 key_bits;

/* At most 15 bytes as a number, the first one lowest. */
static inline key_bits key_load(sl_text text)
{
    static const signed char ones[2 * SL_VECTOR_BYTES_] = { -1, -1, -1, -1, -1, -1, -1, -1,
                                                            -1, -1, -1, -1, -1, -1, -1, -1 };
    sl_vector_ bytes = sl_vector_load_(text) & sl_vector_at_(ones + SL_VECTOR_BYTES_ - text.size);
    key_bits bits;
    memcpy(&bits, &bytes, sizeof bits);
    return bits;
}

/*
 * The keys of one or two short texts, which nearly all are; false: key_of_row() must make it. Made in registers: bytes that
 * are written one by one and read as words make the processor wait.
 */
static inline bool key_of_texts(const sl_text *texts, size_t count, row_key *key)
{
    key_bits bits = 0;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].at == NULL || size + texts[i].size + 1 > KEY_SHORT_MAX)
            return false;
        bits |= (key_load(texts[i]) << 8 | texts[i].size) << (8 * size);
        size += texts[i].size + 1;
    }
    bits |= (key_bits)size << 120;
    *key = (row_key){ (uint64_t)bits, (uint64_t)(bits >> 64) };
    return true;
}

bool key_is_of_texts(const sl_fields *fields); /* one or two, and nothing else */

/* Of a row, quickly when key_is_of_texts() said so. */
static inline row_key key_of_fields(const sl_fields *fields, bool texts_only, const void *row, arena *memory)
{
    row_key key;
    sl_text texts[2];
    if (texts_only) {
        memcpy(&texts[0], (const char *)row + fields->offset[0], sizeof(sl_text));
        memcpy(&texts[1], (const char *)row + fields->offset[fields->count - 1], sizeof(sl_text));
        /* Two calls, so that each is made for its number of texts. */
        if (fields->count == 2 ? key_of_texts(texts, 2, &key) : key_of_texts(texts, 1, &key))
            return key;
    }
    return key_of_row(fields, row, memory);
}

/* key_fill() of short texts, when key_is_of_texts() said so; false: key_fill() must do it. */
static inline bool key_fill_texts(const sl_fields *fields, const row_key *key, void *row)
{
    const unsigned char *at = (const unsigned char *)key;
    if (key_is_long(*key))
        return false;
    for (size_t i = 0; i < fields->count; i++) {
        sl_text text = { (const char *)at + 1, *at };
        if (text.size > KEY_SHORT_MAX) /* a missing one */
            return false;
        memcpy((char *)row + fields->offset[i], &text, sizeof text);
        at += 1 + text.size;
    }
    return true;
}

/* Quickly when key_is_of_texts() said so. */
static inline void key_fill_fields(const sl_fields *fields, bool texts_only, const row_key *key, void *row)
{
    if (!texts_only || !key_fill_texts(fields, key, row))
        key_fill(fields, key, row);
}

#endif
