/*
 * bench/operators/loops.h - what the loops by hand share. The table is the engine's own (state/store.h), one for all keys, asked in vectors of 64 so
 * that memory is on its way: what somebody would write who knows the machine, and needs neither workers, nor attempts, nor checkpoints.
 */
#ifndef OPERATORS_LOOPS_H
#define OPERATORS_LOOPS_H

#include "operations.h"
#include <base/memory.h>
#include <records/key.h>
#include <stdlib.h>
#include <string.h>

enum { VECTOR = 64 };

typedef struct value {
    int64_t cents, most, rows;
    int64_t batch_cents, batch_most, batch_rows;
    uint32_t first_row, filled;
} value;

typedef struct delta {
    uint32_t id;
    int64_t cents, rows;
} delta;

struct hand {
    store_shard store; /* of value */
    buffer touched;    /* of uint32_t */
    buffer ids;        /* of uint32_t, by row */
    buffer grouped;    /* of visit */
    buffer panes[WINDOW_PANES];
    buffer rows[KEPT_PANES];
    arena texts[KEPT_PANES];
    buffer shards[16];
    arena memory;
    size_t round, filled;
    visit out[CHUNK_ROWS];
};
/* ---- Rows out ---- */

static inline void out_end(hand *hand)
{
    visits_take(hand->out, hand->filled);
    hand->filled = 0;
}

static inline visit *out_next(hand *hand)
{
    if (hand->filled == CHUNK_ROWS)
        out_end(hand);
    return &hand->out[hand->filled++];
}
/* ---- Keys ---- */

static inline value *value_of(const hand *hand, uint32_t id)
{
    return store_value(&hand->store, id);
}

static inline row_key key_of(const visit *row, arena *memory)
{
    row_key key;
    if (!key_of_texts(&row->user, 1, &key))
        key = key_of_row(&SL_FIELDS(visit, user), row, memory);
    return key;
}

/* The ids of at most VECTOR rows, added where they are new. */
static inline void ids_of(hand *hand, const visit *rows, size_t count, uint32_t *ids)
{
    row_key keys[VECTOR];
    uint64_t hashes[VECTOR];
    for (size_t i = 0; i < count; i++) {
        keys[i] = key_of(&rows[i], &hand->memory);
        hashes[i] = key_hash(keys[i]);
        store_ask(&hand->store, hashes[i]);
    }
    store_ids(&hand->store, keys, hashes, count, ids);
}

/* Adds up the batch: what each key got of it; the keys that it touched. `most`: the largest, too. */
static inline void batch_add(hand *hand, const input *input, bool most)
{
    uint32_t ids[VECTOR];
    hand->touched.size = 0;
    for (size_t from = 0; from < input->count; from += VECTOR) {
        size_t count = input->count - from < VECTOR ? input->count - from : VECTOR;
        ids_of(hand, input->visits + from, count, ids);
        for (size_t i = 0; i < count; i++) {
            value *value = value_of(hand, ids[i]);
            int64_t cents = input->visits[from + i].cents;
            if (value->batch_rows++ == 0)
                buffer_append(&hand->touched, &ids[i], sizeof ids[i]);
            value->batch_cents += cents;
            if (most)
                value->batch_most = cents > value->batch_most ? cents : value->batch_most;
        }
    }
}

static inline size_t touched_count(const hand *hand)
{
    return hand->touched.size / sizeof(uint32_t);
}

static inline uint32_t touched_nth(const hand *hand, size_t i)
{
    return ((const uint32_t *)(const void *)hand->touched.at)[i];
}

static inline visit *key_out(hand *hand, uint32_t id)
{
    visit *out = out_next(hand);
    *out = (visit){ .user = key_first_text(store_key(&hand->store, id)) };
    return out;
}

typedef enum told { ROWS, CENTS, MOST, NOTHING } told;

/* A row for each key of the batch, and the table is empty again. */
static inline void batch_tell(hand *hand, told told)
{
    for (size_t i = 0; i < touched_count(hand); i++) {
        const value *value = value_of(hand, touched_nth(hand, i));
        visit *out = key_out(hand, touched_nth(hand, i));
        out->cents = told == ROWS ? value->batch_rows : told == NOTHING ? 0 : value->batch_cents;
        out->most = told == MOST ? value->batch_most : 0;
    }
    out_end(hand);
    store_clear(&hand->store);
}
#endif
