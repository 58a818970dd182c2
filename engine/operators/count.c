/*
 * operators/count.c - counts rows by key, in a sliding window or in the batch alone.
 *
 * Workers do not count: each writes down the 16-byte keys of its rows, by shard. In the merge the owner of a shard walks
 * them in vectors of 64, so that the memory that a key needs is on its way while others are counted. That is one pass of
 * 16 bytes a row instead of a hash table per worker, and nothing is combined afterwards.
 *
 *     worker 0: shard 0: key key key ...   shard 1: key ...           merge of shard 1: all keys of column 1
 *     worker 1: shard 0: key ...           shard 1: key key ...       -> store: key -> total, times in the open pane
 *                                                                     -> panes: which keys each pane touched, how often
 */
#include <base/memory.h>
#include <operators/count_state.h>
#include <stdlib.h>

static sl_result count_open(const operator_spec *spec, void **opened, failure *failure)
{
    count *self = memory_new(sizeof *self);
    self->drawn = spec->node->as.count;
    self->executor = spec->executor;
    self->emit = spec->emit;
    self->each = spec->each;
    self->number = spec->number;
    self->row_bytes = spec->node->schema->row_bytes;
    self->saves = spec->saves;
    self->tops = (top_feed){ spec->node, spec->operators };
    sl_result result = window_of(&self->drawn.window, self->drawn.name, &self->window, failure);
    if (result != SL_OK) {
        free(self);
        return result;
    }
    self->texts_only = key_is_of_texts(&self->drawn.key);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        store_open(&self->shards[s].store, sizeof(count_value));
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned w = 0; w < spec->workers; w++)
        self->workers[w].rows = memory_new(CHUNK_ROWS * self->row_bytes);
    self->keyed = count_keyed(self);
    *opened = self;
    return SL_OK;
}

static void count_close(void *opened)
{
    count *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++) {
        for (unsigned s = 0; s < STORE_SHARDS; s++)
            buffer_done(&self->workers[w].keys[s]);
        free(self->workers[w].rows);
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        count_shard *shard = &self->shards[s];
        store_close(&shard->store);
        panes_done(&shard->panes);
        buffer_done(&shard->touched);
        buffer_done(&shard->touched_bits);
        buffer_done(&shard->ids);
        buffer_done(&shard->saved);
        buffer_done(&shard->early);
        arena_done(&shard->early_keys);
    }
    free(self->workers);
    free(self);
}

/* Which worker gets how much differs from batch to batch: each has room for its share of the last one and a quarter more. */
static void keys_begin(count *self, unsigned shard)
{
    size_t bytes = 0;
    for (unsigned w = 0; w < self->worker_count; w++)
        bytes += self->workers[w].keys[shard].size;
    for (unsigned w = 0; w < self->worker_count; w++) {
        buffer *keys = &self->workers[w].keys[shard];
        size_t room = keys->room;
        keys->size = 0;
        buffer_reserve(keys, bytes / self->worker_count + bytes / 4);
        if (keys->room > room)
            memset(keys->at, 0, keys->room); /* its pages come now, not in the middle of a batch */
    }
}

static sl_result count_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    count *self = opened;
    self->batch = batch;
    self->has_rows = top_feed_has_rows(&self->tops);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        keys_begin(self, s);
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++) {
        self->shards[s].early.size = 0;
        arena_reset(&self->shards[s].early_keys);
    }
    return SL_OK;
}

static void count_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    count *self = opened;
    buffer *keys = self->workers[task->worker].keys;
    (void)out;
    if (self->batch->merged)
        return;
    for (size_t i = 0; i < in->count; i++) {
        row_key key = key_of_fields(&self->drawn.key, self->texts_only,
                                    (const char *)in->at + i * self->row_bytes, &task->memory);
        buffer *of = &keys[store_shard_of(key_hash(key))];
        char *at = buffer_reserve(of, sizeof key);
        memcpy(at, &key, sizeof key);
        of->size += sizeof key;
    }
}

/* A pane leaves: what it held is taken back, keys with nothing left are gone. */
static void pane_expire(count_shard *shard)
{
    for (const pane_page *page = panes_oldest(&shard->panes)->first; page; page = page->next) {
        for (uint32_t i = 0; i < page->count; i++) {
            if (i + 16 < page->count)
                __builtin_prefetch(store_value(&shard->store, page->at[i + 16].id), 1);
            count_value *value = store_value(&shard->store, page->at[i].id);
            if (page->at[i].times == 0)
                continue;
            *value -= (uint64_t)page->at[i].times << COUNT_PANE_BITS;
            if (count_total(*value) == 0)
                store_remove(&shard->store, page->at[i].id);
        }
    }
    panes_drop_oldest(&shard->panes);
}

/* The open pane's numbers move from the keys to its list. */
static void pane_shut(count_shard *shard)
{
    pane *open = panes_newest(&shard->panes);
    for (pane_page *page = open ? open->first : NULL; page; page = page->next) {
        for (uint32_t i = 0; i < page->count; i++) {
            if (i + 16 < page->count)
                __builtin_prefetch(store_value(&shard->store, page->at[i + 16].id), 1);
            if (page->at[i].times)
                continue;
            count_value *value = store_value(&shard->store, page->at[i].id);
            page->at[i].times = count_in_pane(*value);
            *value -= count_in_pane(*value);
        }
    }
}

void count_advance(count *self, count_shard *shard, int64_t time_ms)
{
    int64_t gone = window_gone(&self->window, time_ms), number = window_pane(&self->window, time_ms);
    if (panes_newest(&shard->panes) && panes_newest(&shard->panes)->number < number && !shard->shut) {
        pane_shut(shard);
        shard->shut = true;
    }
    while (panes_oldest(&shard->panes) && panes_oldest(&shard->panes)->number <= gone)
        pane_expire(shard);
}

pane *count_pane(count *self, count_shard *shard, int64_t number)
{
    (void)self;
    pane *newest = panes_newest(&shard->panes);
    if (newest && newest->number == number && !shard->shut)
        return newest;
    shard->shut = false;
    return newest && newest->number == number ? newest : panes_open(&shard->panes, number);
}

/*
 * One row of a key. The first in a batch notes the key as touched, the first in a pane enters it in the pane's list. Without a pane, since
 * nothing ever leaves, only the total grows.
 */
static inline void count_one(count_shard *shard, pane *pane, uint32_t id)
{
    count_value *value = store_value(&shard->store, id), before = *value,
                after = before + (pane ? COUNT_ROW : COUNT_ROW_FOR_EVER);
    uint64_t *bits = (uint64_t *)(void *)shard->touched_bits.at;
    if (!(bits[id >> 6] >> (id & 63) & 1)) {
        bits[id >> 6] |= (uint64_t)1 << (id & 63);
        count_touch touch = { count_total(before), id, 0 };
        memcpy(shard->touched.at + shard->touched.size, &touch, sizeof touch);
        shard->touched.size += sizeof touch;
    }
    if (pane && count_in_pane(before) == 0)
        pane_add(&shard->panes, pane, (pane_touch){ id, 0 });
    if (count_in_pane(after) ==
        COUNT_PANE_MAX) { /* the number stays above 0: one open entry per key and pane */
        pane_add(&shard->panes, pane, (pane_touch){ id, COUNT_PANE_MAX - 1 });
        after -= COUNT_PANE_MAX - 1;
    }
    *value = after;
}

static void count_keys(count_shard *shard, pane *pane, const row_key *keys, size_t count)
{
    uint32_t ids[STORE_VECTOR];
    store_walk walk;
    store_walk_begin(&walk, &shard->store, keys, count);
    for (size_t size; (size = store_walk_next(&walk, ids)) > 0;)
        for (size_t i = 0; i < size; i++)
            count_one(shard, pane, ids[i]);
}

/* Room for every key that could be new, so that counting itself never grows a list. */
static size_t touched_reserve(const count *self, count_shard *shard, unsigned number)
{
    size_t keys = 0;
    for (unsigned w = 0; w < self->worker_count; w++)
        keys += self->workers[w].keys[number].size / sizeof(row_key);
    shard->touched.size = 0;
    buffer_reserve(&shard->touched, keys * sizeof(count_touch));
    size_t words = ((size_t)shard->store.used + keys) / 64 + 1, had = shard->touched_bits.size / 8;
    if (words > had) {
        memset(buffer_reserve(&shard->touched_bits, (words - had) * 8), 0, (words - had) * 8);
        shard->touched_bits.size = words * 8;
    }
    return keys;
}

static void count_apply(count *self, count_shard *shard, unsigned number)
{
    if (touched_reserve(self, shard, number) == 0)
        return;
    pane *pane = window_is_for_ever(&self->window)
                     ? NULL
                     : count_pane(self, shard, window_pane(&self->window, self->batch->time_ms));
    for (unsigned w = 0; w < self->worker_count; w++) {
        const buffer *keys = &self->workers[w].keys[number];
        count_keys(shard, pane, (const row_key *)(const void *)keys->at, keys->size / sizeof(row_key));
    }
}

/* Every touched key once more: its id for the neighbours, its change for the checkpoint; the bits are cleared. */
static void touched_close(count *self, count_shard *shard)
{
    const count_touch *touched = (const count_touch *)(const void *)shard->touched.at;
    size_t count = shard->touched.size / sizeof *touched;
    uint64_t *bits = (uint64_t *)(void *)shard->touched_bits.at;
    shard->ids.size = 0;
    uint32_t *ids = (uint32_t *)(void *)buffer_reserve(&shard->ids, count * sizeof *ids);
    shard->ids.size = count * sizeof *ids;
    if (self->saves)
        count_save_begin(shard, window_pane(&self->window, self->batch->time_ms));
    for (size_t i = 0; i < count; i++) {
        uint32_t id = touched[i].id;
        if (self->saves && i + 16 < count)
            __builtin_prefetch(store_key(&shard->store, touched[i + 16].id));
        ids[i] = id;
        bits[id >> 6] = 0;
        if (self->saves)
            count_save_one(shard, id,
                           count_total(*(count_value *)store_value(&shard->store, id)) - touched[i].before);
    }
    if (self->saves)
        count_save_end(shard);
}

/* Panes that left before this batch. Ids of their keys are used again by new ones: tops must know before. */
static void advance_to_batch(count *self, count_shard *shard, unsigned number)
{
    uint32_t keys = shard->store.live;
    count_advance(self, shard, self->batch->time_ms);
    if (shard->store.live < keys)
        top_feed_forgot(&self->tops, number);
}

/* The batch enters the state once; windows that ended before it report first. Rows go out at every attempt. */
static void count_merge(void *opened, sl_task *task, unsigned number)
{
    count *self = opened;
    count_shard *shard = &self->shards[number];
    int64_t ends[REPORTS_MAX], time_ms = self->batch->time_ms;
    size_t reports = window_reports(&self->window, self->batch->last_time_ms, time_ms, ends), next = 0;
    bool again = self->batch->merged;
    for (; next < reports && ends[next] < time_ms && !again; next++) {
        count_advance(self, shard, ends[next]);
        top_feed_report(&self->tops, task, number, ends[next]);
        count_note_early(self, number, ends[next]);
    }
    count_emit_early(self, task, number);
    if (!again) {
        advance_to_batch(self, shard, number);
        count_apply(self, shard, number);
        touched_close(self, shard);
        top_feed_changed(&self->tops, number, (const uint32_t *)(const void *)shard->ids.at,
                         shard->ids.size / sizeof(uint32_t));
    }
    if (reports && ends[reports - 1] == time_ms) {
        if (!again)
            top_feed_report(&self->tops, task, number, time_ms);
        count_emit(self, task, number, time_ms);
    }
}

const operator_kind operator_count = {
    .name = "count",
    .open = count_open,
    .close = count_close,
    .begin = count_begin,
    .rows = count_rows,
    .merge = count_merge,
    .keyed = count_keyed_of,
    .save = count_save,
    .load = count_load,
    .bytes = count_bytes,
    .account = count_account,
};
