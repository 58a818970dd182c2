/*
 * operators/count_saved.c - a count in the checkpoint: pieces of one form, whether they tell the change of a batch or
 * everything.
 *
 *     pane number: 8 bytes | bytes that follow: 8 | key size: varint, key bytes, times: varint | ...
 *
 * Reading the pieces in order and adding up gives the state. The keys of a piece are of one shard, and the shards are read
 * side by side: a job with a gigabyte of state is to go on within seconds.
 */
#include <base/varint.h>
#include <operators/count_state.h>
#include <stdatomic.h>

enum { SIDE_BY_SIDE_BYTES = 1 << 16, VECTOR = 32, PANE_FOR_EVER = 1 };

typedef struct piece_head {
    int64_t pane;
    uint64_t bytes;
} piece_head;

typedef struct piece {
    int64_t pane;
    sl_text entries;
    unsigned shard;
} piece;

typedef struct entry {
    row_key key;
    uint64_t hash, times;
} entry;

/* ---- Saving ---- */

static size_t piece_begin(buffer *out, int64_t pane)
{
    piece_head head = { pane, 0 };
    buffer_append(out, &head, sizeof head);
    return out->size;
}

/* A piece without entries is none. */
static void piece_end(buffer *out, size_t start)
{
    uint64_t bytes = out->size - start;
    if (bytes == 0)
        out->size = start - sizeof(piece_head);
    else
        memcpy(out->at + start - sizeof bytes, &bytes, sizeof bytes);
}

static void piece_add(buffer *out, row_key key, uint64_t times)
{
    sl_text bytes = key_bytes(&key);
    char *at = buffer_reserve(out, bytes.size + 20);
    at = varint_write(at, bytes.size);
    memcpy(at, bytes.at, bytes.size);
    out->size = (size_t)(varint_write(at + bytes.size, times) - out->at);
}

void count_save_begin(count_shard *shard, int64_t pane)
{
    shard->saved.size = 0;
    piece_begin(&shard->saved, pane);
}

void count_save_one(count_shard *shard, uint32_t id, uint64_t times)
{
    piece_add(&shard->saved, *store_key(&shard->store, id), times);
}

void count_save_end(count_shard *shard)
{
    piece_end(&shard->saved, sizeof(piece_head));
}

static void save_pane(const count_shard *shard, const pane *pane, buffer *out)
{
    size_t start = piece_begin(out, pane->number);
    for (const pane_page *page = pane->first; page; page = page->next) {
        for (uint32_t i = 0; i < page->count; i++) {
            const pane_touch *touch = &page->at[i];
            const count_value *value = store_value(&shard->store, touch->id);
            bool open = touch->times == 0 && !shard->shut && pane == panes_newest(&shard->panes);
            uint64_t times = open ? count_in_pane(*value) : touch->times;
            if (times)
                piece_add(out, *store_key(&shard->store, touch->id), times);
        }
    }
    piece_end(out, start);
}

/* Where nothing ever leaves there are no panes: all that is counted is in the one that all batches are in. */
static void save_totals(const count_shard *shard, buffer *out)
{
    size_t start = piece_begin(out, PANE_FOR_EVER);
    for (uint32_t id = 0; id < shard->store.used; id++)
        if (store_holds(&shard->store, id))
            piece_add(out, *store_key(&shard->store, id),
                      count_total(*(const count_value *)store_value(&shard->store, id)));
    piece_end(out, start);
}

void count_save(void *opened, bool all, buffer *out)
{
    count *self = opened;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const count_shard *shard = &self->shards[s];
        if (!all)
            buffer_append(out, shard->saved.at, shard->saved.size);
        if (all && window_is_for_ever(&self->window))
            save_totals(shard, out);
        for (size_t i = 0; all && i < shard->panes.count; i++)
            save_pane(shard, panes_nth(&shard->panes, i), out);
    }
}

/* ---- Loading ---- */

static bool entry_read(const char **at, const char *end, arena *memory, entry *entry)
{
    uint64_t size;
    if (!varint_read(at, end, &size) || size > (uint64_t)(end - *at))
        return false;
    entry->key = key_of_bytes(*at, size, memory);
    entry->hash = key_hash(entry->key);
    *at += size;
    return varint_read(at, end, &entry->times) && entry->times <= COUNT_TOTAL_MAX;
}

/* `pane` NULL: nothing ever leaves. */
static void entry_add(count_shard *shard, pane *pane, const entry *entry)
{
    uint32_t id = store_find(&shard->store, entry->key, entry->hash);
    if (id == STORE_NONE)
        id = store_add(&shard->store, entry->key, entry->hash);
    count_value *value = store_value(&shard->store, id);
    *value += entry->times << COUNT_PANE_BITS;
    for (uint64_t left = pane ? entry->times : 0, some; left; left -= some) {
        some = left < UINT32_MAX ? left : UINT32_MAX;
        pane_add(&shard->panes, pane, (pane_touch){ id, (uint32_t)some });
    }
}

/* NULL where nothing ever leaves. False: damaged. */
static bool pane_find(const count *self, count_shard *shard, int64_t number, pane **found)
{
    pane *newest = panes_newest(&shard->panes);
    *found = NULL;
    if (window_is_for_ever(&self->window))
        return true;
    if (newest && newest->number > number)
        return false;
    *found = newest && newest->number == number ? newest : panes_open(&shard->panes, number);
    return true;
}

/* False: damaged. */
static bool piece_load(const count *self, count_shard *shard, const piece *piece)
{
    pane *pane;
    if (!pane_find(self, shard, piece->pane, &pane))
        return false;
    arena memory = { 0 };
    bool whole = true;
    shard->shut = true;
    for (const char *at = piece->entries.at, *end = at + piece->entries.size; whole && at < end;) {
        entry some[VECTOR];
        size_t count = 0;
        for (; whole && count < VECTOR && at < end; count++) {
            whole = entry_read(&at, end, &memory, &some[count]) &&
                    store_shard_of(some[count].hash) == piece->shard;
            if (whole)
                store_ask(&shard->store, some[count].hash);
        }
        for (size_t i = 0; whole && i < count; i++) {
            uint32_t id = store_near(&shard->store, some[i].hash);
            store_bring(&shard->store, id == STORE_NONE ? 0 : id);
        }
        for (size_t i = 0; whole && i < count; i++)
            entry_add(shard, pane, &some[i]);
        arena_reset(&memory); /* the store keeps keys of its own */
    }
    arena_done(&memory);
    return whole;
}

/* The piece at *at, whose shard its first key tells. False: damaged. */
static bool piece_read(sl_text saved, size_t *at, piece *piece)
{
    piece_head head = { 0 };
    size_t left = saved.size - *at;
    if (left >= sizeof head)
        memcpy(&head, saved.at + *at, sizeof head);
    if (head.bytes == 0 || head.bytes > left - sizeof head)
        return false;
    *piece = (struct piece){ head.pane, { saved.at + *at + sizeof head, head.bytes }, 0 };
    *at += sizeof head + head.bytes;
    arena memory = { 0 };
    entry first;
    const char *begin = piece->entries.at;
    bool whole = entry_read(&begin, begin + head.bytes, &memory, &first);
    piece->shard = whole ? store_shard_of(first.hash) : 0;
    arena_done(&memory);
    return whole;
}

typedef struct loading {
    count *self;
    sl_text saved;
    atomic_bool damaged;
} loading;

/* The pieces of one shard out of all. */
static void shard_load(void *argument, unsigned number)
{
    loading *loading = argument;
    piece piece;
    bool whole = true;
    for (size_t at = 0; whole && at < loading->saved.size;) {
        whole = piece_read(loading->saved, &at, &piece);
        if (whole && piece.shard == number)
            whole = piece_load(loading->self, &loading->self->shards[number], &piece);
    }
    if (!whole)
        atomic_store(&loading->damaged, true);
}

sl_result count_load(void *opened, sl_text saved, failure *failure)
{
    count *self = opened;
    loading loading = { self, saved, false };
    if (saved.size > SIDE_BY_SIDE_BYTES)
        self->each(self->executor, shard_load, &loading, STORE_SHARDS);
    else
        for (unsigned number = 0; number < STORE_SHARDS; number++)
            shard_load(&loading, number);
    return loading.damaged ? fail(failure, SL_FAILED, "the state of \"%s\" in the checkpoint is damaged",
                                  self->drawn.name)
                           : SL_OK;
}
