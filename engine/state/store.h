/*
 * state/store.h - keys and their values, in shards. A key's shard follows from its hash alone, never from a thread; during
 * a merge each shard has one owner, so nothing is locked. Values are found by an id that stays while the key lives.
 *
 *     index: | tag, id | tag, id | ...      8 bytes a slot, linear probing from tag & mask, at most 3/4 full
 *     entries: | key | value | key | value | ...     by id, dense; ids of removed keys are used again
 *
 * Ten million keys do not fit any cache: callers take rows in vectors and prefetch with store_ask() and store_hint().
 */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include <records/key.h>

enum { STORE_SHARDS = 16 };
#define STORE_NONE UINT32_MAX

typedef struct store_slot {
    uint32_t tag;    /* upper half of the hash */
    uint32_t id_one; /* id + 1; 0: empty */
} store_slot;

typedef struct store_shard {
    store_slot *slots;
    uint32_t mask; /* slots - 1 */
    uint32_t live; /* keys */
    uint32_t used; /* ids below this were given out */
    uint32_t free; /* first of the ids to use again, or STORE_NONE */
    char *entries;
    size_t entry_bytes; /* of the range */
    size_t stride;      /* 16 + value, a multiple of 8 */
} store_shard;

void store_open(store_shard *shard, size_t value_bytes);
void store_close(store_shard *shard);

static inline unsigned store_shard_of(uint64_t hash)
{
    return (unsigned)(hash & (STORE_SHARDS - 1));
}

static inline void store_ask(const store_shard *shard, uint64_t hash)
{
    __builtin_prefetch(&shard->slots[(hash >> 32) & shard->mask]);
}

static inline row_key *store_key(const store_shard *shard, uint32_t id)
{
    return (row_key *)(void *)(shard->entries + (size_t)id * shard->stride);
}

static inline void *store_value(const store_shard *shard, uint32_t id)
{
    return shard->entries + (size_t)id * shard->stride + sizeof(row_key);
}

/* The first entry that may be the key's, brought near; `to_write` as for __builtin_prefetch. */
#define store_hint(shard, hash, to_write)                                                                    \
    do {                                                                                                     \
        const store_slot *slot_ = &(shard)->slots[((hash) >> 32) & (shard)->mask];                           \
        if (slot_->id_one)                                                                                   \
            __builtin_prefetch(store_key(shard, slot_->id_one - 1), to_write);                               \
    } while (0)

/* The key's id, or STORE_NONE. */
static inline uint32_t store_find(const store_shard *shard, row_key key, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = tag & shard->mask;; at = (at + 1) & shard->mask) {
        store_slot slot = shard->slots[at];
        if (slot.id_one == 0)
            return STORE_NONE;
        if (slot.tag == tag && key_equal(*store_key(shard, slot.id_one - 1), key))
            return slot.id_one - 1;
    }
}

/* A new key, which is not there yet; its value is zeroed. A long key's bytes are copied. */
uint32_t store_add(store_shard *shard, row_key key, uint64_t hash);
void store_remove(store_shard *shard, uint32_t id);
void store_clear(store_shard *shard);                    /* no key is left; the memory stays */
bool store_holds(const store_shard *shard, uint32_t id); /* is it that of a key? */
size_t store_bytes(const store_shard *shard);

#endif
