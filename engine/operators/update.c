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
#include <operators/update_state.h>
#include <stdlib.h>

enum { AHEAD = 16 }; /* what comes later in a list is brought near */

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
    self->state_bytes = spec->node->schema->row_bytes;
    self->saves = spec->saves;
    self->tops = (top_feed){ spec->node, spec->operators };
    self->executor = spec->executor;
    self->emit = spec->emit;
    kept_shape_of(spec->node->schema, &self->drawn, &self->shape);
    kept_measure(self);
    self->kept_at = sizeof(update_value) + (self->drawn.timeout.ms ? sizeof(update_links) : 0);
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        store_open(&self->shards[s].keys, self->kept_at + ((self->kept_bytes + 7) & ~(size_t)7));
        store_open(&self->shards[s].members, sizeof(uint64_t));
    }
    gathering_open(&self->gathered,
                   &(gathering_form){ self->drawn.key, self->in_bytes, self->in_bytes, true }, spec->workers);
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
        free(self->workers[w].out);
        free(self->workers[w].state);
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        update_shard *shard = &self->shards[s];
        store_close(&shard->keys);
        store_close(&shard->members);
        buffer_done(&shard->touched);
        buffer_done(&shard->told);
        buffer_done(&shard->saved);
        buffer_done(&shard->sorted);
        gathering_order_done(&shard->order);
        arena_done(&shard->memory);
    }
    gathering_close(&self->gathered);
    free(self->workers);
    free(self);
}

static sl_result update_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    update *self = opened;
    self->batch = batch;
    gathering_begin(&self->gathered);
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++) { /* else what was told is told again */
        self->shards[s].touched.size = self->shards[s].told.size = 0;
        arena_reset(&self->shards[s].memory);
    }
    return SL_OK;
}

/* ---- Workers ---- */

static void chunk_write(update *self, sl_task *task, const sl_rows *in)
{
    char *places[CHUNK_ROWS];
    gathering_chunk(&self->gathered, task, in, places);
    for (size_t i = 0; i < in->count; i++)
        row_copy(places[i], (const char *)in->at + i * self->in_bytes, self->in_bytes);
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

static update_touch *touch_of(update_shard *shard, uint32_t id, update_value *value)
{
    if (value->touch == 0) {
        update_touch touch = { .id = id, .members_before = value->members };
        buffer_append(&shard->touched, &touch, sizeof touch);
        value->touch = (uint32_t)(shard->touched.size / sizeof touch);
    }
    return (update_touch *)(void *)shard->touched.at + (value->touch - 1);
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

/* update_state_fill() into a state that has nothing else but what is filled in here anyhow. */
static inline void state_fill(const update *self, const update_shard *shard, uint32_t id, char *state)
{
    row_copy(state + self->kept_from, update_kept_of(self, shard, id), self->kept_bytes);
    key_fill_fields(&self->drawn.into, self->gathered.texts_only, store_key(&shard->keys, id), state);
}

/* `in` NULL: the key times out. */
static inline void key_call(const update *self, sl_task *task, update_shard *shard, uint32_t id,
                            const void *in)
{
    update_value *value = update_value_of(shard, id);
    update_touch *touch = touch_of(shard, id, value);
    char *state = self->workers[task->worker].state;
    update_call call = { shard, id, self->shape.set_count };
    sl_key key = {
        .is_new = value->last_ms == 0, .timing_out = in == NULL, .last_ms = value->last_ms, .inside_ = &call
    };
    state_fill(self, shard, id, state);
    bool told = self->updater->call(task, in, state, &key);
    row_copy(update_kept_of(self, shard, id), state + self->kept_from, self->kept_bytes);
    if (in && self->drawn.timeout.ms && value->last_ms != self->batch->time_ms)
        update_key_renew(shard, id);
    value->last_ms = in ? self->batch->time_ms : value->last_ms;
    touch->told |= told;
    touch->anew |= key.is_new;
    touch->gone = false;
    bool goes = key.timing_out || key.remove || in == NULL, tells = told && self->drawn.tell == SL_TELL_CALLS;
    if (goes || tells)
        key_fill(&self->drawn.into, store_key(&shard->keys, id),
                 state); /* whatever the function made of it */
    if (tells)
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

static void run_apply(const update *self, sl_task *task, update_shard *shard, const gathered_run *run)
{
    uint32_t ids[STORE_VECTOR];
    store_walk walk;
    const char *row = run->rows;
    store_walk_begin(&walk, &shard->keys, run->keys, run->count);
    for (size_t count; (count = store_walk_next(&walk, ids)) > 0;)
        for (size_t i = 0; i < count; i++, row += self->in_bytes)
            key_call(self, task, shard, ids[i], row);
}

/* Each key once more: its change for the checkpoint; those that are gone leave. */
static void touched_close(const update *self, update_shard *shard, char *state)
{
    const update_touch *touched = (const update_touch *)(const void *)shard->touched.at;
    size_t count = shard->touched.size / sizeof *touched;
    update_save_begin(shard);
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(update_value_of(shard, touched[i + AHEAD].id), 1);
        update_value_of(shard, touched[i].id)->touch = 0;
        if (self->saves)
            update_save_one(self, shard, &touched[i], state);
        if (touched[i].gone)
            update_key_remove(self, shard, touched[i].id);
    }
}

static void shard_apply(update *self, sl_task *task, unsigned number)
{
    update_shard *shard = &self->shards[number];
    size_t rejects = task->rejects.size;
    task->stage = self->updater->name;
    keys_time_out(self, task, shard);
    size_t count;
    gathered_run *const *runs = gathering_sort(&self->gathered, number, &shard->order, &count);
    for (size_t i = 0; i < count; i++)
        run_apply(self, task, shard, runs[i]);
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
        size_t row_bytes = shard->keys.stride + 2 * sizeof(store_slot) +
                           self->shape.set_count * (shard->members.stride + 2 * sizeof(store_slot));
        bytes += store_bytes(&shard->keys) + store_bytes(&shard->members) +
                 gathering_rows(&self->gathered, s) * row_bytes;
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
