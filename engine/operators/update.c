/*
 * operators/update.c - a state for each key, changed by a function of the job row by row.
 *
 * Workers do not call it: each writes down its rows by shard, chunk by chunk. In the merge the owner of a shard brings the
 * chunks of all workers into the order of the input and calls for one row after another, so that the rows of a key come in
 * their order whoever read them. Keys that were idle too long time out before; keys that are gone leave at the end, since
 * later rows of the batch may bring them anew.
 *
 *     worker 0: chunk 0: row row ...   chunk 3: row ...          merge: chunk 0, 1, 2, 3 -> one call a row
 *     worker 1: chunk 1: row ...       chunk 2: row row ...
 */
#include <base/memory.h>
#include <base/sort.h>
#include <operators/chunk_keys.h>
#include <operators/update_state.h>
#include <stdlib.h>

static keyed update_keyed(update *self);

/* ---- Opening ---- */

/* What lies between the first and the last field that is no key. */
static void kept_measure(update *self)
{
    size_t from = self->state_bytes, until = 0;
    for (size_t i = 0; i < self->shape.field_count; i++) {
        const kept_field *field = &self->shape.fields[i];
        size_t end = field->offset + kept_kind_size(field->kind);
        from = field->offset < from ? field->offset : from;
        until = end > until ? end : until;
    }
    self->kept_from = until ? from : 0;
    self->kept_bytes = until ? until - from : 0;
}

static sl_result update_open(const operator_spec *spec, void **opened, failure *failure)
{
    (void)failure;
    update *self = memory_new(sizeof *self);
    self->drawn = spec->node->as.update.drawn;
    self->updater = spec->node->as.update.updater;
    self->number = spec->number;
    self->in_bytes = self->updater->in()->row_bytes;
    self->entry_bytes = (sizeof(row_key) + self->in_bytes + 7) & ~(size_t)7;
    self->state_bytes = spec->node->schema->row_bytes;
    self->texts_only = key_is_of_texts(&self->drawn.key);
    self->saves = spec->saves;
    self->tops = (top_feed){ spec->node, spec->operators };
    self->executor = spec->executor;
    self->emit = spec->emit;
    kept_shape_of(spec->node->schema, &self->drawn, &self->shape);
    kept_measure(self);
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        store_open(&self->shards[s].keys, sizeof(update_value) + ((self->kept_bytes + 7) & ~(size_t)7));
        store_open(&self->shards[s].members, sizeof(uint64_t));
    }
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned w = 0; w < spec->workers; w++) {
        self->workers[w].out = memory_new(CHUNK_ROWS * self->state_bytes);
        self->workers[w].state = memory_new(self->state_bytes);
    }
    self->keyed = update_keyed(self);
    *opened = self;
    return SL_OK;
}

static void update_close(void *opened)
{
    update *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++) {
        for (unsigned s = 0; s < STORE_SHARDS; s++) {
            buffer_done(&self->workers[w].rows[s]);
            buffer_done(&self->workers[w].runs[s]);
        }
        free(self->workers[w].out);
        free(self->workers[w].state);
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        update_shard *shard = &self->shards[s];
        store_close(&shard->keys);
        store_close(&shard->members);
        buffer_done(&shard->touched);
        buffer_done(&shard->touch_at);
        buffer_done(&shard->told);
        buffer_done(&shard->saved);
        buffer_done(&shard->sorted);
        arena_done(&shard->memory);
    }
    free(self->workers);
    free(self);
}

static sl_result update_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    update *self = opened;
    self->batch = batch;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        for (unsigned w = 0; w < self->worker_count; w++)
            self->workers[w].rows[s].size = self->workers[w].runs[s].size = 0;
        if (batch->merged)
            continue; /* what was told is told again */
        self->shards[s].touched.size = self->shards[s].told.size = 0;
        arena_reset(&self->shards[s].memory);
    }
    return SL_OK;
}

/* ---- Workers ---- */

static void chunk_write(update *self, sl_task *task, const sl_rows *in)
{
    update_worker *worker = &self->workers[task->worker];
    chunk_keys chunk;
    chunk_key key = { &self->drawn.key, self->texts_only, self->in_bytes };
    chunk_keys_make(&chunk, &key, in, &task->memory);
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        update_run run = { task->sequence, worker->rows[s].size, chunk.counts[s], task->worker };
        if (run.count == 0)
            continue;
        buffer_append(&worker->runs[s], &run, sizeof run);
        buffer_reserve(&worker->rows[s], run.count * self->entry_bytes);
    }
    for (size_t i = 0; i < in->count; i++) {
        buffer *rows = &worker->rows[chunk.shards[i]];
        char *at = rows->at + rows->size;
        memcpy(at, &chunk.keys[i], sizeof chunk.keys[i]);
        row_copy(at + sizeof chunk.keys[i], (const char *)in->at + i * self->in_bytes, self->in_bytes);
        rows->size += self->entry_bytes;
    }
}

static void update_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    update *self = opened;
    (void)out;
    for (sl_rows chunk = { 0 }; !self->batch->merged && chunk_next(in, self->in_bytes, &chunk);)
        chunk_write(self, task, &chunk);
}

/* ---- Calls. Runs on: the shard's owner. ---- */

bool sl_set_add(sl_key *key, unsigned set, sl_text member)
{
    const update_call *call = key->inside_;
    if (call == NULL)
        return true;
    sl_expect(set < call->set_count);
    return update_member_add(call->shard, call->id, set, member);
}

static update_touch *touch_of(update_shard *shard, uint32_t id)
{
    size_t had = shard->touch_at.size, needs = ((size_t)shard->keys.used) * sizeof(uint32_t);
    if (had < needs) {
        memset(buffer_reserve(&shard->touch_at, needs - had), 0, needs - had);
        shard->touch_at.size = needs;
    }
    uint32_t *at = (uint32_t *)(void *)shard->touch_at.at + id;
    if (*at == 0) {
        update_touch touch = { .id = id, .members_before = update_value_of(shard, id)->members };
        buffer_append(&shard->touched, &touch, sizeof touch);
        *at = (uint32_t)(shard->touched.size / sizeof touch);
    }
    return (update_touch *)(void *)shard->touched.at + (*at - 1);
}

/* A row as it is now, whatever becomes of its key; its number. */
static uint32_t row_keep(const update *self, update_shard *shard, const char *state)
{
    char *row = buffer_reserve(&shard->told, self->state_bytes);
    memcpy(row, state, self->state_bytes);
    const sl_fields *into = &self->drawn.into;
    for (size_t k = 0; k < into->count; k++) {
        sl_text *text = (sl_text *)(void *)(row + into->offset[k]);
        if (self->shape.key[k] == SL_KIND_text && text->at)
            text->at = arena_copy(&shard->memory, text->at, text->size);
    }
    shard->told.size += self->state_bytes;
    return (uint32_t)(shard->told.size / self->state_bytes - 1);
}

static void key_goes(const update *self, update_shard *shard, update_touch *touch, char *state)
{
    touch->gone = true;
    if (touch->told && self->drawn.tell == SL_TELL_KEYS)
        touch->row = row_keep(self, shard, state) + 1;
    update_members_forget(shard, touch->id);
    memset(state, 0, self->state_bytes);
    update_state_keep(self, shard, touch->id, state);
    update_value_of(shard, touch->id)->last_ms = 0;
}

/* `in` NULL: the key times out. */
static void key_call(const update *self, sl_task *task, update_shard *shard, uint32_t id, const void *in)
{
    update_touch *touch = touch_of(shard, id);
    update_value *value = update_value_of(shard, id);
    char *state = self->workers[task->worker].state;
    update_call call = { shard, id, self->shape.set_count };
    sl_key key = {
        .is_new = value->last_ms == 0, .timing_out = in == NULL, .last_ms = value->last_ms, .inside_ = &call
    };
    update_state_fill(self, shard, id, state);
    bool told = self->updater->call(task, in, state, &key);
    update_state_keep(self, shard, id, state);
    if (in && self->drawn.timeout.ms && value->last_ms != self->batch->time_ms)
        update_key_renew(shard, id);
    value->last_ms = in ? self->batch->time_ms : value->last_ms;
    touch->told |= told;
    touch->anew |= key.is_new;
    touch->gone = false;
    bool goes = key.timing_out || key.remove || in == NULL;
    if (goes || (told && self->drawn.tell == SL_TELL_CALLS))
        key_fill(&self->drawn.into, store_key(&shard->keys, id),
                 state); /* whatever the function made of it */
    if (told && self->drawn.tell == SL_TELL_CALLS)
        row_keep(self, shard, state);
    if (goes)
        key_goes(self, shard, touch, state);
}

static void keys_time_out(const update *self, sl_task *task, update_shard *shard)
{
    size_t count;
    if (self->drawn.timeout.ms == 0)
        return;
    const uint32_t *ids = update_idle(shard, self->batch->time_ms - self->drawn.timeout.ms, &count);
    for (size_t i = 0; i < count; i++)
        key_call(self, task, shard, ids[i], NULL);
}

static int order_of_runs(const void *a, const void *b, const void *unused)
{
    const update_run *left = a, *right = b;
    (void)unused;
    if (left->sequence != right->sequence)
        return left->sequence < right->sequence ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

/* All workers' chunks in the order of the input. */
static size_t runs_sort(const update *self, update_shard *shard, unsigned number)
{
    shard->sorted.size = 0;
    for (unsigned w = 0; w < self->worker_count; w++) {
        const buffer *runs = &self->workers[w].runs[number];
        const update_run *at = (const update_run *)(const void *)runs->at;
        for (size_t i = 0; i < runs->size / sizeof *at; i++) {
            const update_run *run = at + i;
            buffer_append(&shard->sorted, &run, sizeof run);
        }
    }
    size_t count = shard->sorted.size / sizeof(void *);
    sort_pointers((void **)(void *)shard->sorted.at, count, order_of_runs, NULL);
    return count;
}

static row_key key_at(const char *entry)
{
    row_key key;
    memcpy(&key, entry, sizeof key);
    return key;
}

static void run_apply(const update *self, sl_task *task, update_shard *shard, const char *entry, size_t all)
{
    enum { VECTOR = 64 };
    row_key keys[VECTOR];
    uint64_t hashes[VECTOR];
    for (size_t from = 0, count; from < all; from += count) {
        count = all - from < VECTOR ? all - from : VECTOR;
        for (size_t i = 0; i < count; i++) {
            keys[i] = key_at(entry + i * self->entry_bytes);
            hashes[i] = key_hash(keys[i]);
            store_ask(&shard->keys, hashes[i]);
        }
        for (size_t i = 0; i < count; i++)
            store_hint(&shard->keys, hashes[i], 1);
        for (size_t i = 0; i < count; i++, entry += self->entry_bytes) {
            uint32_t id = store_find(&shard->keys, keys[i], hashes[i]);
            if (id == STORE_NONE)
                id = store_add(&shard->keys, keys[i], hashes[i]);
            key_call(self, task, shard, id, entry + sizeof keys[i]);
        }
    }
}

/* Each key once more: its change for the checkpoint; those that are gone leave. */
static void touched_close(const update *self, update_shard *shard, char *state)
{
    const update_touch *touched = (const update_touch *)(const void *)shard->touched.at;
    update_save_begin(shard);
    for (size_t i = 0; i < shard->touched.size / sizeof *touched; i++) {
        ((uint32_t *)(void *)shard->touch_at.at)[touched[i].id] = 0;
        if (self->saves)
            update_save_one(self, shard, &touched[i], state);
        if (touched[i].gone)
            update_key_remove(shard, touched[i].id);
    }
}

static void shard_apply(update *self, sl_task *task, unsigned number)
{
    update_shard *shard = &self->shards[number];
    size_t rejects = task->rejects.size;
    task->stage = self->updater->name;
    keys_time_out(self, task, shard);
    size_t count = runs_sort(self, shard, number);
    for (size_t i = 0; i < count; i++) {
        const update_run *run = ((const update_run *const *)(const void *)shard->sorted.at)[i];
        run_apply(self, task, shard, self->workers[run->worker].rows[number].at + run->at, run->count);
    }
    sl_expect(task->rejects.size == rejects); /* see SL_UPDATE: the record is not at hand any more */
    touched_close(self, shard, self->workers[task->worker].state);
}

/* ---- Rows out ---- */

typedef struct outgoing {
    const update *self;
    sl_task *task;
    char *rows;
    size_t count;
} outgoing;

static void outgoing_send(outgoing *out)
{
    if (out->count)
        out->self->emit(out->self->executor, out->task, out->self->number, out->rows, out->count);
    out->count = 0;
}

static char *outgoing_next(outgoing *out)
{
    if (out->count == CHUNK_ROWS)
        outgoing_send(out);
    return out->rows + out->count++ * out->self->state_bytes;
}

static void told_emit(const update *self, sl_task *task, unsigned number)
{
    const update_shard *shard = &self->shards[number];
    const update_touch *touched = (const update_touch *)(const void *)shard->touched.at;
    outgoing out = { .self = self, .task = task, .rows = self->workers[task->worker].out };
    task->report_ms = self->batch->time_ms;
    for (size_t i = 0; i < shard->told.size / self->state_bytes && self->drawn.tell == SL_TELL_CALLS; i++)
        memcpy(outgoing_next(&out), shard->told.at + i * self->state_bytes, self->state_bytes);
    for (size_t i = 0; i < shard->touched.size / sizeof *touched && self->drawn.tell == SL_TELL_KEYS; i++) {
        if (touched[i].told && !touched[i].gone)
            update_state_fill(self, shard, touched[i].id, outgoing_next(&out));
        else if (touched[i].told && touched[i].row)
            memcpy(outgoing_next(&out), shard->told.at + (touched[i].row - 1) * self->state_bytes,
                   self->state_bytes);
    }
    outgoing_send(&out);
}

/* Keys that are gone have left the store: their ids are free. */
static void tops_tell(const update *self, sl_task *task, unsigned number)
{
    const update_shard *shard = &self->shards[number];
    const update_touch *touched = (const update_touch *)(const void *)shard->touched.at;
    size_t count = shard->touched.size / sizeof *touched;
    if (!top_feed_has_tops(&self->tops))
        return;
    uint32_t *ids = arena_take(&task->memory, count * sizeof *ids + 1);
    for (size_t i = 0; i < count; i++)
        ids[i] = touched[i].id;
    top_feed_forgot(&self->tops, number);
    top_feed_changed(&self->tops, number, ids, count);
    top_feed_report(&self->tops, task, number, self->batch->time_ms);
}

static void update_merge(void *opened, sl_task *task, unsigned number)
{
    update *self = opened;
    if (!self->batch->merged) {
        shard_apply(self, task, number);
        tops_tell(self, task, number);
    }
    told_emit(self, task, number);
}

static uint32_t keyed_ids(void *opened, unsigned number)
{
    return ((update *)opened)->shards[number].keys.used;
}

static bool keyed_row(void *opened, unsigned number, uint32_t id, int64_t end_ms, void *row)
{
    const update *self = opened;
    const update_shard *shard = &self->shards[number];
    (void)end_ms;
    if (!store_holds(&shard->keys, id))
        return false;
    update_state_fill(self, shard, id, row);
    return true;
}

static keyed update_keyed(update *self)
{
    return (keyed){ self, keyed_ids, keyed_row };
}

static const keyed *update_keyed_of(void *self)
{
    return &((update *)self)->keyed;
}

/* Were all rows of new keys, and each brought a member of each set. */
static size_t update_bytes(void *opened)
{
    const update *self = opened;
    size_t bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const update_shard *shard = &self->shards[s];
        size_t rows = 0, row_bytes = shard->keys.stride + 2 * sizeof(store_slot) +
                                     self->shape.set_count * (shard->members.stride + 2 * sizeof(store_slot));
        for (unsigned w = 0; w < self->worker_count; w++)
            rows += self->workers[w].rows[s].size / self->entry_bytes;
        bytes += store_bytes(&shard->keys) + store_bytes(&shard->members) + rows * row_bytes;
    }
    return bytes;
}

static void update_account(void *opened, operator_account *account)
{
    const update *self = opened;
    size_t keys = 0, bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        keys += self->shards[s].keys.live;
        bytes += store_bytes(&self->shards[s].keys) + store_bytes(&self->shards[s].members);
    }
    account_state(account, self->drawn.name, keys, bytes);
}

const operator_kind operator_update = {
    .name = "update",
    .open = update_open,
    .close = update_close,
    .begin = update_begin,
    .rows = update_rows,
    .merge = update_merge,
    .keyed = update_keyed_of,
    .save = update_save,
    .load = update_load,
    .bytes = update_bytes,
    .account = update_account,
};
