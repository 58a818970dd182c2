/*
 * operators/count_state.c - rows out of a count's state.
 */
#include <operators/count_state.h>

static void fill_row(const count *self, const row_key *key, int64_t total, int64_t end_ms, char *row)
{
    const sl_window *drawn = &self->drawn.window;
    memset(row, 0, self->row_bytes);
    key_fill_fields(&self->drawn.key, self->texts_only, key, row);
    memcpy(row + self->drawn.into.offset[0], &total, sizeof total);
    if (drawn->start.count) {
        int64_t start_ms = window_start(&self->window, end_ms);
        memcpy(row + drawn->start.offset[0], &start_ms, sizeof start_ms);
    }
    if (drawn->end.count)
        memcpy(row + drawn->end.offset[0], &end_ms, sizeof end_ms);
}

static int64_t total_of(const count_shard *shard, uint32_t id)
{
    return (int64_t)count_total(*(const count_value *)store_value(&shard->store, id));
}

static bool wanted(const count *self, const count_shard *shard, uint32_t id)
{
    if (!store_holds(&shard->store, id))
        return false;
    int64_t total = total_of(shard, id);
    return total > 0 && total >= self->drawn.at_least;
}

void count_note_early(count *self, unsigned number, int64_t end_ms)
{
    count_shard *shard = &self->shards[number];
    for (uint32_t id = 0; self->has_rows && id < shard->store.used; id++) {
        if (!wanted(self, shard, id))
            continue;
        sl_text bytes = key_bytes(store_key(&shard->store, id));
        count_early early = { end_ms, total_of(shard, id),
                              key_of_bytes(bytes.at, bytes.size, &shard->early_keys) };
        buffer_append(&shard->early, &early, sizeof early);
    }
}

void count_emit_early(count *self, sl_task *task, unsigned number)
{
    const count_shard *shard = &self->shards[number];
    const count_early *early = (const count_early *)(const void *)shard->early.at;
    size_t count = shard->early.size / sizeof *early, filled = 0;
    char *rows = self->workers[task->worker].rows;
    for (size_t i = 0; i < count; i++) {
        task->report_ms = early[i].end_ms;
        fill_row(self, &early[i].key, early[i].total, early[i].end_ms, rows + filled++ * self->row_bytes);
        if (filled < CHUNK_ROWS && i + 1 < count && early[i + 1].end_ms == early[i].end_ms)
            continue;
        self->emit(self->executor, task, self->number, rows, filled);
        filled = 0;
    }
}

void count_emit(count *self, sl_task *task, unsigned number, int64_t end_ms)
{
    count_shard *shard = &self->shards[number];
    if (!self->has_rows)
        return;
    char *rows = self->workers[task->worker].rows;
    const uint32_t *ids = (const uint32_t *)(const void *)shard->ids.at;
    size_t candidates = self->drawn.touched_only ? shard->ids.size / sizeof *ids : shard->store.used,
           filled = 0;
    task->report_ms = end_ms;
    for (size_t i = 0; i < candidates; i++) {
        uint32_t id = self->drawn.touched_only ? ids[i] : (uint32_t)i;
        if (self->drawn.touched_only && i + 16 < candidates)
            __builtin_prefetch(store_value(&shard->store, ids[i + 16]));
        if (!wanted(self, shard, id))
            continue;
        fill_row(self, store_key(&shard->store, id), total_of(shard, id), end_ms,
                 rows + filled++ * self->row_bytes);
        if (filled == CHUNK_ROWS) {
            self->emit(self->executor, task, self->number, rows, filled);
            filled = 0;
        }
    }
    if (filled)
        self->emit(self->executor, task, self->number, rows, filled);
}

static uint32_t keyed_ids(void *opened, unsigned shard)
{
    return ((count *)opened)->shards[shard].store.used;
}

static bool keyed_row(void *opened, unsigned number, uint32_t id, int64_t end_ms, void *row)
{
    const count *self = opened;
    if (!wanted(self, &self->shards[number], id))
        return false;
    const count_shard *shard = &self->shards[number];
    fill_row(self, store_key(&shard->store, id), total_of(shard, id), end_ms, row);
    return true;
}

keyed count_keyed(count *self)
{
    return (keyed){ self, keyed_ids, keyed_row };
}

const keyed *count_keyed_of(void *self)
{
    return &((count *)self)->keyed;
}

size_t count_bytes(void *opened)
{
    const count *self = opened;
    size_t bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        bytes += store_bytes(&self->shards[s].store) + self->shards[s].panes.bytes;
        bytes += self->shards[s].early.room;
        for (unsigned w = 0; w < self->worker_count; w++)
            bytes += self->workers[w].keys[s].size * 3; /* key, value, slot: were they all new */
    }
    return bytes;
}

void count_account(void *opened, operator_account *account)
{
    const count *self = opened;
    size_t keys = 0, bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        keys += self->shards[s].store.live;
        bytes += store_bytes(&self->shards[s].store) + self->shards[s].panes.bytes;
    }
    account_state(account, self->drawn.name, keys, bytes);
}
