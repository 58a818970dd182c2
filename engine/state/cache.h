/*
 * state/cache.h - what lookups found, by key, until it is too old. Workers read it during a batch; the driver alone changes
 * it, between regions, so nothing is locked. A key that nobody knows is remembered too, for a shorter time.
 */
#ifndef STATE_CACHE_H
#define STATE_CACHE_H

#include <records/linked.h>
#include <state/store.h>

typedef struct cache_entry {
    linked_head *head; /* NULL: nobody knows this key. The row stands behind it */
    int64_t until_ns;
    uint32_t bytes,
        bad; /* what to bring near of head, row and JSON; linked_head.bad, so that nobody waits for the head */
} cache_entry;

typedef struct cache {
    store_shard keys;
    size_t entries_max;
    uint32_t hand; /* where the search for something to forget goes on */
} cache;

void cache_open(cache *cache, size_t entries_max);
void cache_close(cache *cache);

/* NULL: not there, or too old. */
static inline const cache_entry *cache_find(const cache *cache, row_key key, uint64_t hash, int64_t now_ns)
{
    uint32_t id = store_find(&cache->keys, key, hash);
    if (id == STORE_NONE)
        return NULL;
    const cache_entry *entry = store_value(&cache->keys, id);
    return entry->until_ns > now_ns ? entry : NULL;
}

/* The same where store_near() gave an id. */
static inline const cache_entry *cache_find_near(const cache *cache, uint32_t id, row_key key, uint64_t hash,
                                                 int64_t now_ns)
{
    if (id == STORE_NONE)
        return NULL;
    if (!key_equal(*store_key(&cache->keys, id), key))
        return cache_find(cache, key, hash, now_ns);
    const cache_entry *entry = store_value(&cache->keys, id);
    return entry->until_ns > now_ns ? entry : NULL;
}

/* A row is linked long before it is printed: until then all of it is near. */
static inline void cache_bring(const cache_entry *entry)
{
    for (uint32_t at = 0; at < entry->bytes; at += 64)
        __builtin_prefetch((const char *)entry->head + at);
}

/* Takes over `head`, which is freed with free(). Driver, between regions. */
void cache_put(cache *cache, row_key key, linked_head *head, int64_t until_ns);
/* Forgets entries until there are at most entries_max. Driver, between batches. */
void cache_trim(cache *cache, int64_t now_ns);

#endif
