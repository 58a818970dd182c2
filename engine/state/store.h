/*
 * state/store.h - keys and their values, in shards. A key's shard follows from its hash alone, never from a thread; during
 * a merge each shard has one owner, so nothing is locked. Values are found by an id that stays while the key lives.
 *
 *     index: | tag, id | tag, id | ...      8 bytes a slot, linear probing from tag & mask, at most 3/4 full
 *     entries: | key | value | key | value | ...     by id, dense; ids of removed keys are used again
 *
 * Ten million keys do not fit any cache: rows are taken in vectors, whose memory is on its way while others are looked at:
 * store_walk_begin(), or store_ask() and store_near() by themselves.
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

/* The id that is the key's by all that its slot tells, or STORE_NONE. */
static inline uint32_t store_near(const store_shard *shard, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = tag & shard->mask;; at = (at + 1) & shard->mask) {
        store_slot slot = shard->slots[at];
        if (slot.id_one == 0)
            return STORE_NONE;
        if (slot.tag == tag)
            return slot.id_one - 1;
    }
}

/* An entry that will be written is on its way: both ends, which may lie in two lines. */
static inline void store_bring(const store_shard *shard, uint32_t id)
{
    const char *entry = (const char *)store_key(shard, id);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + shard->stride - 1, 1);
}

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
uint32_t store_id(store_shard *shard, row_key key,
                  uint64_t hash); /* the key's, which is added if it is not there */

enum { STORE_VECTOR = 64 };

/* The hashes of the first keys, at most STORE_VECTOR, whose slots are on their way from now on; how many they are. */
static inline size_t store_ask_all(const store_shard *shard, const row_key *keys, size_t count,
                                   uint64_t *hashes)
{
    count = count < STORE_VECTOR ? count : STORE_VECTOR;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = key_hash(keys[i]);
        store_ask(shard, hashes[i]);
    }
    return count;
}

/* The ids of keys that were asked for; new ones are added. */
static inline void store_ids(store_shard *shard, const row_key *keys, const uint64_t *hashes, size_t count,
                             uint32_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = store_near(shard, hashes[i]);
        store_bring(shard, ids[i] == STORE_NONE ? 0 : ids[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (ids[i] == STORE_NONE || !key_equal(*store_key(shard, ids[i]), keys[i]))
            ids[i] = store_id(shard, keys[i], hashes[i]);
}

/* A walk through keys: the ids of some of them after the other, while the slots of the next ones are on their way. */
typedef struct store_walk {
    store_shard *shard;
    const row_key *keys; /* the next ones */
    size_t left, asked;
    unsigned turn;
    uint64_t hashes[2][STORE_VECTOR];
} store_walk;

static inline void store_walk_begin(store_walk *walk, store_shard *shard, const row_key *keys, size_t count)
{
    walk->shard = shard;
    walk->keys = keys;
    walk->left = count;
    walk->turn = 0;
    walk->asked = store_ask_all(shard, keys, count, walk->hashes[0]);
}

/* How many ids there are, at most STORE_VECTOR; 0 at the end. */
static inline size_t store_walk_next(store_walk *walk, uint32_t ids[STORE_VECTOR])
{
    size_t count = walk->asked;
    const row_key *keys = walk->keys;
    const uint64_t *hashes = walk->hashes[walk->turn];
    walk->keys += count;
    walk->left -= count;
    walk->turn ^= 1;
    walk->asked = store_ask_all(walk->shard, walk->keys, walk->left, walk->hashes[walk->turn]);
    store_ids(walk->shard, keys, hashes, count, ids);
    return count;
}

void store_remove(store_shard *shard, uint32_t id);
void store_clear(store_shard *shard);                    /* no key is left; the memory stays */
bool store_holds(const store_shard *shard, uint32_t id); /* is it that of a key? */
size_t store_bytes(const store_shard *shard);

#endif
