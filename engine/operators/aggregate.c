/*
 * operators/aggregate.c - from rows to what a batch changes: gathering on workers, joining in the merge.
 */
#include <base/memory.h>
#include <operators/aggregate.h>
#include <stdlib.h>

static size_t in_eights(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

static void shard_open(const aggregate *self, aggregate_shard *shard)
{
    store_open(&shard->store, sizeof(total) + in_eights(self->spec.value_bytes));
    shard->room = memory_new(self->entry_stride);
}

sl_result aggregate_open(const operator_spec *spec, const aggregate_spec *drawn, void **opened,
                         failure *failure)
{
    aggregate *self = memory_new(sizeof *self);
    self->spec = *drawn;
    self->node = spec->node;
    self->number = spec->number;
    self->executor = spec->executor;
    self->emit = spec->emit;
    self->saves = spec->saves;
    self->row_bytes = spec->node->schema->row_bytes;
    self->entry_stride = sizeof(entry) + in_eights(drawn->value_bytes);
    self->early_stride = sizeof(early_row) + in_eights(drawn->value_bytes);
    self->tops = (top_feed){ spec->node, spec->operators };
    self->keyed = aggregate_keyed(self);
    self->worker_count = spec->workers;
    gathering_open(
        &self->gathering,
        &(gathering_form){ drawn->key, self->row_bytes, in_eights(drawn->part_bytes), drawn->key.count > 0 },
        spec->workers);
    self->rows = memory_new(spec->workers * sizeof *self->rows);
    for (unsigned w = 0; w < spec->workers; w++)
        self->rows[w] = memory_new(CHUNK_ROWS * self->row_bytes);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        shard_open(self, &self->shards[s]);
    sl_result result = window_of(&drawn->window, drawn->name, &self->window, failure);
    if (result != SL_OK) {
        aggregate_close(self);
        return result;
    }
    *opened = self;
    return SL_OK;
}

static void shard_close(aggregate_shard *shard)
{
    held_pane *panes = (held_pane *)(void *)shard->panes.at;
    buffer *spare = (buffer *)(void *)shard->spare.at;
    for (size_t i = 0; i < shard->panes.size / sizeof *panes; i++)
        buffer_done(&panes[i].entries);
    for (size_t i = 0; i < shard->spare.size / sizeof *spare; i++)
        buffer_done(&spare[i]);
    buffer_done(&shard->panes);
    buffer_done(&shard->spare);
    buffer_done(&shard->touched);
    buffer_done(&shard->changed);
    free(shard->room);
    buffer_done(&shard->early);
    gathering_order_done(&shard->order);
    arena_done(&shard->early_keys);
    store_close(&shard->store);
}

void aggregate_close(void *opened)
{
    aggregate *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++)
        free(self->rows[w]);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        shard_close(&self->shards[s]);
    gathering_close(&self->gathering);
    free(self->rows);
    free(self->spec.self);
    free(self);
}

sl_result aggregate_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    aggregate *self = opened;
    self->batch = batch;
    self->has_rows = top_feed_has_rows(&self->tops);
    self->feeds_tops = top_feed_has_tops(&self->tops);
    gathering_begin(&self->gathering);
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++) {
        self->shards[s].early.size = 0;
        arena_reset(&self->shards[s].early_keys);
    }
    return SL_OK;
}

/* ---- Workers ---- */

static unsigned shard_of_all(void)
{
    return store_shard_of(key_hash((row_key){ 0, 0 }));
}

/* Without a key all rows go to one shard: the chunk becomes one part before. */
static void rows_fold(aggregate *self, sl_task *task, const sl_rows *in)
{
    const aggregate_kind *kind = self->spec.kind;
    char *whole = gathering_take(&self->gathering, task, shard_of_all(), 1);
    if (kind->fold) {
        kind->fold(self->spec.self, in->at, in->count, whole);
        return;
    }
    char *part = arena_take(&task->memory, self->spec.part_bytes);
    for (size_t i = 0; i < in->count; i++) {
        char *into = i ? part : whole;
        kind->take(self->spec.self, (const char *)in->at + i * self->row_bytes, 1, &into, &task->memory);
        if (i)
            kind->join(self->spec.self, whole, part, false);
    }
}

static void rows_take(aggregate *self, sl_task *task, const sl_rows *in)
{
    char *parts[CHUNK_ROWS];
    if (self->spec.key.count) {
        gathering_chunk(&self->gathering, task, in, parts);
    } else {
        char *part = gathering_take(&self->gathering, task, shard_of_all(), in->count);
        for (size_t i = 0; i < in->count; i++, part += self->gathering.form.row_bytes)
            parts[i] = part;
    }
    if (self->spec.kind->take)
        self->spec.kind->take(self->spec.self, in->at, in->count, parts, &task->memory);
}

void aggregate_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    aggregate *self = opened;
    (void)out;
    if (self->batch->merged)
        return;
    for (sl_rows chunk = { 0 }; chunk_next(in, self->row_bytes, &chunk);)
        (self->spec.key.count == 0 && self->spec.folds ? rows_fold : rows_take)(self, task, &chunk);
}

/* ---- Owner of a shard ---- */

/* What the batch changes of this key so far. There is room for one more. */
static entry *touch_of(const aggregate *self, aggregate_shard *shard, uint32_t id, total *total)
{
    if (total->touch)
        return entry_at(self, &shard->touched, total->touch - 1);
    entry *touched = (entry *)(void *)(shard->touched.at + shard->touched.size);
    memset(touched, 0, self->entry_stride);
    touched->id = id;
    touched->fresh = total->rows == 0;
    shard->touched.size += self->entry_stride;
    total->touch = (uint32_t)entry_count(self, &shard->touched);
    return touched;
}

/* What a batch alone brings needs no list of changes: it is added to the key's total at once. */
static void batch_values(const aggregate *self, aggregate_shard *shard, const uint32_t *ids, parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        total *total = total_of(shard, ids[i]);
        parts->first[i] = total->rows++ == 0;
        parts->values[i] = total_value(total);
        if (parts->first[i] && self->feeds_tops)
            buffer_append(&shard->changed, &ids[i], sizeof ids[i]);
    }
}

/* Where only new keys count, nothing changes by one that is there. */
static void touched_values(const aggregate *self, aggregate_shard *shard, const uint32_t *ids, parts *parts)
{
    buffer_reserve(&shard->touched, parts->count * self->entry_stride);
    for (size_t i = 0; i < parts->count; i++) {
        total *total = total_of(shard, ids[i]);
        if (total->rows && self->spec.fresh_only)
            continue;
        entry *touched = touch_of(self, shard, ids[i], total);
        parts->first[i] = touched->rows++ == 0;
        parts->values[i] = entry_value(touched);
    }
}

static void parts_join(const aggregate *self, aggregate_shard *shard, const uint32_t *ids, parts *parts)
{
    (self->window.batch_only ? batch_values : touched_values)(self, shard, ids, parts);
    if (self->spec.kind->add)
        self->spec.kind->add(self->spec.self, parts);
    parts->at += parts->count * parts->stride;
}

static void run_join(const aggregate *self, aggregate_shard *shard, const gathered_run *run)
{
    uint32_t ids[STORE_VECTOR];
    store_walk walk;
    parts parts = { .at = run->rows, .stride = self->gathering.form.row_bytes };
    store_walk_begin(&walk, &shard->store, run->keys, run->count);
    while ((parts.count = store_walk_next(&walk, ids)) > 0)
        parts_join(self, shard, ids, &parts);
}

/* Without key, all parts are those of one. */
static void run_join_keyless(const aggregate *self, aggregate_shard *shard, const gathered_run *run)
{
    row_key key = { 0, 0 };
    uint32_t ids[PARTS_MAX], id = store_id(&shard->store, key, key_hash(key));
    parts parts = { .at = run->rows, .stride = self->gathering.form.row_bytes };
    for (size_t i = 0; i < PARTS_MAX; i++)
        ids[i] = id;
    for (size_t left = run->count; left; left -= parts.count) {
        parts.count = left < PARTS_MAX ? left : PARTS_MAX;
        parts_join(self, shard, ids, &parts);
    }
}

static void batch_apply(aggregate *self, unsigned number)
{
    aggregate_shard *shard = &self->shards[number];
    size_t count;
    gathered_run *const *runs = gathering_sort(&self->gathering, number, &shard->order, &count);
    shard->touched.size = 0;
    for (size_t i = 0; i < count; i++)
        (self->spec.key.count ? run_join : run_join_keyless)(self, shard, runs[i]);
    aggregate_settle(self, shard);
    for (size_t i = 0; self->feeds_tops && i < entry_count(self, &shard->touched); i++)
        buffer_append(&shard->changed, &entry_at(self, &shard->touched, i)->id, sizeof(uint32_t));
}

/* Panes leave. Ids of keys that went with them are used again by new ones: tops must know before. */
static void advance(aggregate *self, unsigned number, int64_t time_ms)
{
    aggregate_shard *shard = &self->shards[number];
    uint32_t keys = shard->store.live;
    shard->changed.size = 0;
    aggregate_advance(self, shard, time_ms);
    if (shard->store.live < keys)
        top_feed_forgot(&self->tops, number);
}

/* A key that is on no list may come onto it by what a pane takes away: the largest of what is left is smaller, a sum larger. */
static void tell_changed(const aggregate *self, unsigned number)
{
    const buffer *changed = &self->shards[number].changed;
    if (self->feeds_tops)
        top_feed_changed(&self->tops, number, (const uint32_t *)(const void *)changed->at,
                         changed->size / sizeof(uint32_t));
}

/* The batch enters the state once; windows that ended before it report first. Rows go out at every attempt. */
void aggregate_merge(void *opened, sl_task *task, unsigned number)
{
    aggregate *self = opened;
    int64_t ends[REPORTS_MAX], time_ms = self->batch->time_ms;
    size_t reports = window_reports(&self->window, self->batch->last_time_ms, time_ms, ends);
    for (size_t i = 0; i < reports && ends[i] < time_ms && !self->batch->merged; i++) {
        advance(self, number, ends[i]);
        tell_changed(self, number);
        top_feed_report(&self->tops, task, number, ends[i]);
        aggregate_note_early(self, number, ends[i]);
    }
    aggregate_emit_early(self, task, number);
    if (!self->batch->merged) {
        advance(self, number, time_ms);
        batch_apply(self, number);
        tell_changed(self, number);
    }
    if (reports && ends[reports - 1] == time_ms) {
        if (!self->batch->merged)
            top_feed_report(&self->tops, task, number, time_ms);
        aggregate_emit(self, task, number, time_ms);
    }
}

const keyed *aggregate_keyed_of(void *self)
{
    return &((aggregate *)self)->keyed;
}

void aggregate_account(void *opened, operator_account *account)
{
    const aggregate *self = opened;
    size_t keys = 0, bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        keys += self->shards[s].store.live;
        bytes += store_bytes(&self->shards[s].store) + self->shards[s].pane_bytes;
    }
    account_state(account, self->spec.name, keys, bytes);
}

size_t aggregate_bytes(void *opened)
{
    const aggregate *self = opened;
    size_t bytes = 0,
           new_key = sizeof(store_slot) * 2 + self->shards[0].store.stride + 2 * self->entry_stride;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const aggregate_shard *shard = &self->shards[s];
        bytes += store_bytes(&shard->store) + shard->pane_bytes + shard->touched.room + shard->early.room;
        bytes += gathering_rows(&self->gathering, s) * new_key; /* were they all new */
    }
    return bytes;
}
