/*
 * operators/aggregate.c - from rows to what a batch changes: gathering on workers, joining in the merge.
 */
#include <base/memory.h>
#include <base/sort.h>
#include <operators/aggregate.h>
#include <operators/chunk_keys.h>
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
    self->part_stride = sizeof(row_key) + in_eights(drawn->part_bytes);
    self->entry_stride = sizeof(entry) + in_eights(drawn->value_bytes);
    self->early_stride = sizeof(early_row) + in_eights(drawn->value_bytes);
    self->texts_only = key_is_of_texts(&drawn->key);
    self->tops = (top_feed){ spec->node, spec->operators };
    self->keyed = aggregate_keyed(self);
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned w = 0; w < spec->workers; w++)
        self->workers[w].rows = memory_new(CHUNK_ROWS * self->row_bytes);
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
    buffer_done(&shard->runs);
    buffer_done(&shard->sorted);
    arena_done(&shard->early_keys);
    store_close(&shard->store);
}

void aggregate_close(void *opened)
{
    aggregate *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++) {
        for (unsigned s = 0; s < STORE_SHARDS; s++) {
            buffer_done(&self->workers[w].shards[s].parts);
            buffer_done(&self->workers[w].shards[s].runs);
        }
        free(self->workers[w].rows);
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        shard_close(&self->shards[s]);
    free(self->workers);
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
    for (unsigned w = 0; w < self->worker_count; w++)
        for (unsigned s = 0; s < STORE_SHARDS; s++)
            self->workers[w].shards[s].parts.size = self->workers[w].shards[s].runs.size = 0;
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++) {
        self->shards[s].early.size = 0;
        arena_reset(&self->shards[s].early_keys);
    }
    return SL_OK;
}

/* ---- Workers ---- */

/* Room for more parts of this chunk. */
static char *parts_take(aggregate *self, gathered *gathered, uint64_t sequence, size_t count)
{
    size_t bytes = count * self->part_stride;
    char *at = buffer_reserve(&gathered->parts, bytes);
    part_run run = { sequence, gathered->parts.size, gathered->parts.size + bytes };
    buffer_append(&gathered->runs, &run, sizeof run);
    gathered->parts.size += bytes;
    return at;
}

/* Without a key all rows go to one shard: the chunk becomes one part before. */
static void rows_fold(aggregate *self, sl_task *task, const sl_rows *in)
{
    const aggregate_kind *kind = self->spec.kind;
    row_key key = { 0, 0 };
    gathered *gathered = &self->workers[task->worker].shards[store_shard_of(key_hash(key))];
    char *whole = parts_take(self, gathered, task->sequence, 1);
    memcpy(whole, &key, sizeof key);
    whole += sizeof key;
    if (kind->fold) {
        kind->fold(self->spec.self, in->at, in->count, whole);
        return;
    }
    char *part = arena_take(&task->memory, self->part_stride);
    for (size_t i = 0; i < in->count; i++) {
        char *into = i ? part : whole;
        kind->take(self->spec.self, (const char *)in->at + i * self->row_bytes, into, &task->memory);
        if (i)
            kind->join(self->spec.self, whole, part, false);
    }
}

/* The same where parts are no values. */
static void rows_take_keyless(aggregate *self, sl_task *task, const sl_rows *in)
{
    row_key key = { 0, 0 };
    gathered *gathered = &self->workers[task->worker].shards[store_shard_of(key_hash(key))];
    char *part = parts_take(self, gathered, task->sequence, in->count);
    for (size_t i = 0; i < in->count; i++, part += self->part_stride) {
        memcpy(part, &key, sizeof key);
        self->spec.kind->take(self->spec.self, (const char *)in->at + i * self->row_bytes, part + sizeof key,
                              &task->memory);
    }
}

static void rows_take(aggregate *self, sl_task *task, const sl_rows *in)
{
    chunk_keys chunk;
    char *at[STORE_SHARDS];
    gathered *shards = self->workers[task->worker].shards;
    chunk_key key = { &self->spec.key, self->texts_only, self->row_bytes };
    chunk_keys_make(&chunk, &key, in, &task->memory);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        at[s] = chunk.counts[s] ? parts_take(self, &shards[s], task->sequence, chunk.counts[s]) : NULL;
    for (size_t i = 0; i < in->count; i++) {
        char *part = at[chunk.shards[i]];
        memcpy(part, &chunk.keys[i], sizeof chunk.keys[i]);
        self->spec.kind->take(self->spec.self, (const char *)in->at + i * self->row_bytes,
                              part + sizeof chunk.keys[i], &task->memory);
        at[chunk.shards[i]] += self->part_stride;
    }
}

void aggregate_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    aggregate *self = opened;
    (void)out;
    if (self->batch->merged || in->count == 0)
        return;
    if (self->spec.key.count == 0) {
        (self->spec.folds ? rows_fold : rows_take_keyless)(self, task, in);
        return;
    }
    for (sl_rows chunk = { 0 }; chunk_next(in, self->row_bytes, &chunk);)
        rows_take(self, task, &chunk);
}

/* ---- Owner of a shard ---- */

/* A run, with where its parts lie. */
typedef struct placed_run {
    part_run run;
    const char *parts;
} placed_run;

static int run_order(const void *a, const void *b, const void *unused)
{
    const placed_run *left = a, *right = b;
    (void)unused;
    if (left->run.sequence != right->run.sequence)
        return left->run.sequence < right->run.sequence ? -1 : 1;
    return (left > right) - (left < right);
}

/* All that was gathered for a shard, in the order of the chunks and not of the workers. */
static placed_run **runs_sort(aggregate *self, unsigned number, size_t *count)
{
    aggregate_shard *shard = &self->shards[number];
    shard->runs.size = shard->sorted.size = 0;
    for (unsigned w = 0; w < self->worker_count; w++) {
        const gathered *gathered = &self->workers[w].shards[number];
        const part_run *runs = (const part_run *)(const void *)gathered->runs.at;
        for (size_t i = 0; i < gathered->runs.size / sizeof *runs; i++)
            buffer_append(&shard->runs, &(placed_run){ runs[i], gathered->parts.at }, sizeof(placed_run));
    }
    placed_run *placed = (placed_run *)(void *)shard->runs.at;
    *count = shard->runs.size / sizeof *placed;
    for (size_t i = 0; i < *count; i++)
        buffer_append(&shard->sorted, &(placed_run *){ &placed[i] }, sizeof placed);
    placed_run **sorted = (placed_run **)(void *)shard->sorted.at;
    if (*count)
        sort_pointers((void **)sorted, *count, run_order, NULL);
    return sorted;
}

/* What the batch changes of this key so far. */
static entry *touch_of(aggregate *self, aggregate_shard *shard, uint32_t id)
{
    total *total = total_of(shard, id);
    if (total->touch)
        return entry_at(self, &shard->touched, total->touch - 1);
    entry *touched = (entry *)(void *)buffer_reserve(&shard->touched, self->entry_stride);
    memset(touched, 0, self->entry_stride);
    touched->id = id;
    touched->fresh = total->rows == 0;
    shard->touched.size += self->entry_stride;
    total->touch = (uint32_t)entry_count(self, &shard->touched);
    return touched;
}

/* What a batch alone brings needs no list of changes: it is added to the key's total at once. */
static void batch_part_join(aggregate *self, aggregate_shard *shard, uint32_t id, const void *part)
{
    total *total = total_of(shard, id);
    if (total->rows == 0 && self->feeds_tops)
        buffer_append(&shard->changed, &id, sizeof id);
    self->spec.kind->add(self->spec.self, total_value(total), part, total->rows == 0);
    total->rows++;
}

static void part_join(aggregate *self, aggregate_shard *shard, uint32_t id, const void *part)
{
    if (self->window.batch_only) {
        batch_part_join(self, shard, id, part);
        return;
    }
    entry *touched = touch_of(self, shard, id);
    self->spec.kind->add(self->spec.self, entry_value(touched), part, touched->rows == 0);
    touched->rows++;
}

static uint32_t id_of(aggregate_shard *shard, row_key key, uint64_t hash)
{
    uint32_t id = store_find(&shard->store, key, hash);
    return id == STORE_NONE ? store_add(&shard->store, key, hash) : id;
}

static void run_join(aggregate *self, aggregate_shard *shard, const placed_run *placed)
{
    enum { VECTOR = 64 };
    uint64_t hashes[VECTOR];
    row_key keys[VECTOR];
    for (size_t from = placed->run.at, until; from < placed->run.end; from = until) {
        until = from + VECTOR * self->part_stride;
        until = until < placed->run.end ? until : placed->run.end;
        size_t count = (until - from) / self->part_stride;
        for (size_t i = 0; i < count; i++) {
            memcpy(&keys[i], placed->parts + from + i * self->part_stride, sizeof keys[i]);
            hashes[i] = key_hash(keys[i]);
            store_ask(&shard->store, hashes[i]);
        }
        for (size_t i = 0; i < count; i++)
            store_hint(&shard->store, hashes[i], 1);
        for (size_t i = 0; i < count; i++)
            part_join(self, shard, id_of(shard, keys[i], hashes[i]),
                      placed->parts + from + i * self->part_stride + sizeof(row_key));
    }
}

/* Without key, all parts are those of one. */
static void run_join_keyless(aggregate *self, aggregate_shard *shard, const placed_run *placed)
{
    row_key key = { 0, 0 };
    uint32_t id = id_of(shard, key, key_hash(key));
    for (size_t at = placed->run.at; at < placed->run.end; at += self->part_stride)
        part_join(self, shard, id, placed->parts + at + sizeof key);
}

static void batch_apply(aggregate *self, unsigned number)
{
    aggregate_shard *shard = &self->shards[number];
    size_t count;
    placed_run *const *runs = runs_sort(self, number, &count);
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
        for (unsigned w = 0; w < self->worker_count; w++)
            bytes +=
                self->workers[w].shards[s].parts.size / self->part_stride * new_key; /* were they all new */
    }
    return bytes;
}
