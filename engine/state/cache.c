/*
 * state/cache.c - filling and trimming the cache.
 */
#include <state/cache.h>
#include <stdlib.h>

enum { BRING_BYTES_MAX = 1024 };

void cache_open(cache *cache, size_t entries_max)
{
    *cache = (struct cache){ .entries_max = entries_max };
    store_open(&cache->keys, sizeof(cache_entry));
}

void cache_close(cache *cache)
{
    for (uint32_t id = 0; id < cache->keys.used; id++)
        if (store_holds(&cache->keys, id))
            free(((cache_entry *)store_value(&cache->keys, id))->head);
    store_close(&cache->keys);
}

void cache_put(cache *cache, row_key key, linked_head *head, int64_t until_ns)
{
    uint64_t hash = key_hash(key);
    uint32_t id = store_find(&cache->keys, key, hash);
    if (id == STORE_NONE)
        id = store_add(&cache->keys, key, hash);
    cache_entry *entry = store_value(&cache->keys, id);
    free(entry->head);
    *entry = (cache_entry){ .head = head, .until_ns = until_ns };
    if (head == NULL)
        return;
    entry->bad = head->bad;
    /* The JSON lies behind row and texts in the same block; more than this is no use to bring at once. */
    const char *end = head->json.at + head->json.size;
    bool one_block = end > (const char *)head && end < (const char *)head + BRING_BYTES_MAX;
    entry->bytes = one_block ? (uint32_t)(end - (const char *)head) : 64;
}

static void entry_forget(cache *cache, uint32_t id)
{
    free(((cache_entry *)store_value(&cache->keys, id))->head);
    store_remove(&cache->keys, id);
}

void cache_trim(cache *cache, int64_t now_ns)
{
    /* One round for what is too old anyway, then whatever comes. */
    for (uint32_t steps = 0; cache->keys.live > cache->entries_max; steps++) {
        uint32_t id = cache->hand++ % cache->keys.used;
        bool old = store_holds(&cache->keys, id) &&
                   ((cache_entry *)store_value(&cache->keys, id))->until_ns <= now_ns;
        if (old || (steps >= cache->keys.used && store_holds(&cache->keys, id)))
            entry_forget(cache, id);
    }
}
