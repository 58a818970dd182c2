/*
 * operators/chunk_keys.h - the keys of a chunk's rows, and which shards they go to: first all keys, then room in each shard once, then the rows.
 * Row by row, with a look at the room for each, costs twice as much.
 */
#ifndef OPERATORS_CHUNK_KEYS_H
#define OPERATORS_CHUNK_KEYS_H

#include <operators/operator.h>

typedef struct chunk_keys {
    row_key keys[CHUNK_ROWS];
    uint8_t shards[CHUNK_ROWS];
    uint32_t counts[STORE_SHARDS]; /* rows of each shard */
} chunk_keys;

/* Which fields of which rows. */
typedef struct chunk_key {
    const sl_fields *fields;
    bool texts_only;
    size_t row_bytes;
} chunk_key;

static inline void chunk_keys_note(chunk_keys *chunk, size_t i, row_key key)
{
    chunk->keys[i] = key;
    chunk->shards[i] = (uint8_t)store_shard_of(key_hash(key));
    chunk->counts[chunk->shards[i]]++;
}

/* Of at most CHUNK_ROWS rows. Without key fields all have the same key. */
static inline void chunk_keys_make(chunk_keys *chunk, const chunk_key *key, const sl_rows *rows,
                                   arena *memory)
{
    memset(chunk->counts, 0, sizeof chunk->counts);
    for (size_t i = 0; i < rows->count; i++)
        chunk_keys_note(chunk, i,
                        key->fields->count
                            ? key_of_fields(key->fields, key->texts_only,
                                            (const char *)rows->at + i * key->row_bytes, memory)
                            : (row_key){ 0, 0 });
}

/* Rows are some words long: a call of memcpy() takes longer than the copy. */
static inline void row_copy(char *to, const char *from, size_t bytes)
{
    size_t at = 0;
    for (uint64_t word; at + sizeof word <= bytes; at += sizeof word) {
        memcpy(&word, from + at, sizeof word);
        memcpy(to + at, &word, sizeof word);
    }
    for (; at < bytes; at++)
        to[at] = from[at];
}

/* The next rows of `all`, at most a chunk; false: there are none. */
static inline bool chunk_next(const sl_rows *all, size_t row_bytes, sl_rows *next)
{
    size_t from = next->at ? (size_t)((char *)next->at - (char *)all->at) / row_bytes + next->count : 0;
    size_t left = all->count - from;
    next->at = (char *)all->at + from * row_bytes;
    next->count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
    return left > 0;
}

#endif
