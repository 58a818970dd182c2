/*
 * state/store.c - one shard's keys: growing, adding, removing.
 */
#include <base/failure.h>
#include <base/memory.h>
#include <state/store.h>

enum { SLOTS_FIRST = 64, ENTRIES_FIRST = 64, KEY_GONE = 0xFE };

void store_open(store_shard *shard, size_t value_bytes)
{
    *shard =
        (store_shard){ .mask = SLOTS_FIRST - 1, .free = STORE_NONE, .stride = sizeof(row_key) + value_bytes };
    shard->slots = range_new(SLOTS_FIRST * sizeof(store_slot));
    shard->entry_bytes = ENTRIES_FIRST * shard->stride;
    shard->entries = range_new(shard->entry_bytes);
}

void store_close(store_shard *shard)
{
    for (uint32_t id = 0; id < shard->used; id++)
        if (store_holds(shard, id))
            key_release(*store_key(shard, id));
    range_free(shard->slots, ((size_t)shard->mask + 1) * sizeof(store_slot));
    range_free(shard->entries, shard->entry_bytes);
    *shard = (store_shard){ 0 };
}

static void slot_put(store_shard *shard, store_slot slot)
{
    uint32_t at = slot.tag & shard->mask;
    while (shard->slots[at].id_one)
        at = (at + 1) & shard->mask;
    shard->slots[at] = slot;
}

static void slots_double(store_shard *shard)
{
    store_slot *old = shard->slots;
    size_t count = (size_t)shard->mask + 1;
    shard->slots = range_new(2 * count * sizeof(store_slot));
    range_touch(shard->slots, 2 * count * sizeof(store_slot));
    shard->mask = (uint32_t)(2 * count - 1);
    for (size_t i = 0; i < count; i++)
        if (old[i].id_one)
            slot_put(shard, old[i]);
    range_free(old, count * sizeof(store_slot));
}

static uint32_t id_take(store_shard *shard)
{
    uint32_t id = shard->free;
    if (id != STORE_NONE) {
        shard->free = (uint32_t)store_key(shard, id)->low;
        return id;
    }
    sl_expect(shard->used < STORE_NONE - 1);
    if (((size_t)shard->used + 1) * shard->stride > shard->entry_bytes) {
        shard->entries = range_grow(shard->entries, shard->entry_bytes, shard->entry_bytes * 2);
        shard->entry_bytes *= 2;
    }
    return shard->used++;
}

uint32_t store_add(store_shard *shard, row_key key, uint64_t hash)
{
    if (shard->live >= shard->mask - shard->mask / 4)
        slots_double(shard);
    uint32_t id = id_take(shard);
    *store_key(shard, id) = key_keep(key);
    memset(store_value(shard, id), 0, shard->stride - sizeof(row_key));
    slot_put(shard, (store_slot){ (uint32_t)(hash >> 32), id + 1 });
    shard->live++;
    return id;
}

uint32_t store_id(store_shard *shard, row_key key, uint64_t hash)
{
    uint32_t id = store_find(shard, key, hash);
    return id == STORE_NONE ? store_add(shard, key, hash) : id;
}

static uint32_t slot_of(const store_shard *shard, uint32_t id)
{
    uint32_t at = (uint32_t)(key_hash(*store_key(shard, id)) >> 32) & shard->mask;
    while (shard->slots[at].id_one != id + 1)
        at = (at + 1) & shard->mask;
    return at;
}

void store_remove(store_shard *shard, uint32_t id)
{
    uint32_t hole = slot_of(shard, id);
    for (uint32_t at = (hole + 1) & shard->mask; shard->slots[at].id_one; at = (at + 1) & shard->mask) {
        uint32_t home = shard->slots[at].tag & shard->mask;
        if (((at - home) & shard->mask) >= ((at - hole) & shard->mask)) {
            shard->slots[hole] = shard->slots[at];
            hole = at;
        }
    }
    shard->slots[hole] = (store_slot){ 0 };
    key_release(*store_key(shard, id));
    *store_key(shard, id) = (row_key){ shard->free, (uint64_t)KEY_GONE << 56 };
    shard->free = id;
    shard->live--;
}

/* Few keys of a table that was large leave one by one. */
void store_clear(store_shard *shard)
{
    size_t slots = (size_t)shard->mask + 1;
    bool few = slots / 16 > shard->live;
    for (uint32_t id = 0; id < shard->used && shard->live; id++) {
        if (!store_holds(shard, id))
            continue;
        if (few)
            store_remove(shard, id);
        else
            key_release(*store_key(shard, id));
    }
    if (!few)
        memset(shard->slots, 0, slots * sizeof(store_slot));
    shard->used = shard->live = 0;
    shard->free = STORE_NONE;
}

bool store_holds(const store_shard *shard, uint32_t id)
{
    return id < shard->used && key_tag(*store_key(shard, id)) != KEY_GONE;
}

size_t store_bytes(const store_shard *shard)
{
    return ((size_t)shard->mask + 1) * sizeof(store_slot) + shard->entry_bytes;
}
