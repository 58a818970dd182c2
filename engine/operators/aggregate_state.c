/*
 * operators/aggregate_state.c - the values of keys in panes and totals, rows out of them, and the checkpoint.
 *
 * A total holds the panes that are shut, in their order; what the open pane holds is joined when a row goes out. So the order in which
 * values are joined follows from the batches alone, and a restart gives the same sums of fractions.
 *
 * Saved, it is pieces of one form, whether they tell the change of a batch or everything; joined in order they give the state:
 *
 *     pane: 8 bytes | shape: 8 | keys: 4 | key size: 4, key, rows: 8, value | ...
 */
#include <operators/aggregate.h>

/* ---- Panes ---- */

static size_t pane_count(const aggregate_shard *shard)
{
    return shard->panes.size / sizeof(held_pane);
}

static held_pane *pane_nth(const aggregate_shard *shard, size_t i)
{
    return (held_pane *)(void *)shard->panes.at + i;
}

static held_pane *pane_newest(const aggregate_shard *shard)
{
    return pane_count(shard) ? pane_nth(shard, pane_count(shard) - 1) : NULL;
}

static held_pane *pane_open(aggregate_shard *shard, int64_t number)
{
    held_pane opened = { .number = number };
    size_t spare = shard->spare.size / sizeof(buffer);
    if (spare) {
        memcpy(&opened.entries, shard->spare.at + (spare - 1) * sizeof(buffer), sizeof(buffer));
        shard->spare.size -= sizeof(buffer);
    }
    buffer_append(&shard->panes, &opened, sizeof opened);
    shard->open = true;
    return pane_newest(shard);
}

/* Its values join the totals; from now on nothing is added to it. */
static void pane_shut(aggregate *self, aggregate_shard *shard)
{
    held_pane *newest = pane_newest(shard);
    for (size_t i = 0; shard->open && i < entry_count(self, &newest->entries); i++) {
        entry *held = entry_at(self, &newest->entries, i);
        total *total = total_of(shard, held->id);
        self->spec.kind->join(self->spec.self, total_value(total), entry_value(held),
                              total->rows == held->rows);
        total->open = 0;
    }
    shard->open = false;
}

static void pane_expire(aggregate *self, aggregate_shard *shard)
{
    held_pane *oldest = pane_nth(shard, 0);
    for (size_t i = 0; i < entry_count(self, &oldest->entries); i++) {
        entry *held = entry_at(self, &oldest->entries, i);
        total *total = total_of(shard, held->id);
        total->rows -= held->rows;
        if (total->rows == 0)
            store_remove(&shard->store, held->id);
        else if (self->spec.kind->remove)
            self->spec.kind->remove(self->spec.self, total_value(total), entry_value(held));
        else
            shard->stale = true;
    }
    oldest->entries.size = 0;
    buffer_append(&shard->spare, &oldest->entries, sizeof(buffer));
    memmove(shard->panes.at, shard->panes.at + sizeof(held_pane), shard->panes.size - sizeof(held_pane));
    shard->panes.size -= sizeof(held_pane);
}

/* There is no way back from a joined value: the totals anew, from the panes that are shut. */
static void totals_rebuild(aggregate *self, aggregate_shard *shard)
{
    for (size_t p = 0; p < pane_count(shard); p++)
        for (size_t i = 0; i < entry_count(self, &pane_nth(shard, p)->entries); i++)
            total_of(shard, entry_at(self, &pane_nth(shard, p)->entries, i)->id)->rows = 0;
    for (size_t p = 0; p < pane_count(shard); p++) {
        held_pane *pane = pane_nth(shard, p);
        bool open = shard->open && pane == pane_newest(shard);
        for (size_t i = 0; i < entry_count(self, &pane->entries); i++) {
            entry *held = entry_at(self, &pane->entries, i);
            total *total = total_of(shard, held->id);
            if (!open)
                self->spec.kind->join(self->spec.self, total_value(total), entry_value(held),
                                      total->rows == 0);
            total->rows += held->rows;
        }
    }
    shard->stale = false;
}

static void keys_forget(aggregate_shard *shard)
{
    for (uint32_t id = 0; id < shard->store.used && shard->store.live; id++)
        if (store_holds(&shard->store, id))
            store_remove(&shard->store, id);
}

void aggregate_advance(aggregate *self, aggregate_shard *shard, int64_t time_ms)
{
    int64_t gone = window_gone(&self->window, time_ms), number = window_pane(&self->window, time_ms);
    if (self->window.batch_only) {
        keys_forget(shard);
        return;
    }
    if (pane_newest(shard) && pane_newest(shard)->number < number)
        pane_shut(self, shard);
    while (pane_count(shard) && pane_nth(shard, 0)->number <= gone)
        pane_expire(self, shard);
    if (shard->stale)
        totals_rebuild(self, shard);
}

/* What some batch brought of a key joins the pane and is counted with the key. */
static void pane_join(aggregate *self, aggregate_shard *shard, held_pane *pane, entry *brought)
{
    total *total = total_of(shard, brought->id);
    if (total->open) {
        entry *held = entry_at(self, &pane->entries, total->open - 1);
        self->spec.kind->join(self->spec.self, entry_value(held), entry_value(brought), false);
        held->rows += brought->rows;
    } else {
        size_t room = pane->entries.room;
        buffer_append(&pane->entries, brought, self->entry_stride);
        shard->pane_bytes += pane->entries.room - room;
        total->open = (uint32_t)entry_count(self, &pane->entries);
    }
    total->rows += brought->rows;
}

static void total_join(aggregate *self, aggregate_shard *shard, entry *brought)
{
    total *total = total_of(shard, brought->id);
    self->spec.kind->join(self->spec.self, total_value(total), entry_value(brought), total->rows == 0);
    total->rows += brought->rows;
}

static held_pane *pane_of(aggregate *self, aggregate_shard *shard, int64_t number)
{
    held_pane *newest = pane_newest(shard);
    if (newest && newest->number == number && shard->open)
        return newest;
    pane_shut(self, shard);
    return pane_open(shard, number);
}

static bool has_panes(const aggregate *self)
{
    return !self->window.batch_only && !window_is_for_ever(&self->window);
}

void aggregate_settle(aggregate *self, aggregate_shard *shard)
{
    size_t count = entry_count(self, &shard->touched);
    held_pane *pane = count && has_panes(self)
                          ? pane_of(self, shard, window_pane(&self->window, self->batch->time_ms))
                          : NULL;
    for (size_t i = 0; i < count; i++) {
        entry *touched = entry_at(self, &shard->touched, i);
        if (pane)
            pane_join(self, shard, pane, touched);
        else
            total_join(self, shard, touched);
        total_of(shard, touched->id)->touch = 0;
    }
}

/* ---- Rows out ---- */

static void row_fill(aggregate *self, const row_key *key, const void *value, int64_t end_ms, char *row)
{
    const sl_window *drawn = &self->spec.window;
    memset(row, 0, self->row_bytes);
    self->spec.kind->give(self->spec.self, value, row);
    key_fill(&self->spec.key, key, row);
    if (drawn->start.count) {
        int64_t start_ms = window_start(&self->window, end_ms);
        memcpy(row + drawn->start.offset[0], &start_ms, sizeof start_ms);
    }
    if (drawn->end.count)
        memcpy(row + drawn->end.offset[0], &end_ms, sizeof end_ms);
}

/* What the key holds now: its total and the open pane. `room`: for a value. */
static const void *value_now(aggregate *self, aggregate_shard *shard, uint32_t id, void *room)
{
    total *total = total_of(shard, id);
    if (total->open == 0)
        return total_value(total);
    entry *held = entry_at(self, &pane_newest(shard)->entries, total->open - 1);
    if (held->rows == total->rows)
        return entry_value(held);
    memcpy(room, total_value(total), self->spec.value_bytes);
    self->spec.kind->join(self->spec.self, room, entry_value(held), false);
    return room;
}

static bool is_live(const aggregate_shard *shard, uint32_t id)
{
    return store_holds(&shard->store, id) && total_of(shard, id)->rows > 0;
}

/* A row of nothing is asked for, and this is the shard where something would be. */
static bool wants_empty(const aggregate *self, unsigned number)
{
    return self->spec.even_if_empty && self->shards[number].store.live == 0 &&
           store_shard_of(key_hash((row_key){ 0, 0 })) == number;
}

static void early_add(aggregate *self, aggregate_shard *shard, int64_t end_ms, row_key key, const void *value)
{
    char *at = buffer_reserve(&shard->early, self->early_stride);
    early_row early = { end_ms, key };
    memset(at, 0, self->early_stride);
    memcpy(at, &early, sizeof early);
    if (value)
        memcpy(at + sizeof early, value, self->spec.value_bytes);
    shard->early.size += self->early_stride;
}

void aggregate_note_early(aggregate *self, unsigned number, int64_t end_ms)
{
    aggregate_shard *shard = &self->shards[number];
    if (self->node->child_count == 0)
        return;
    void *room = arena_take(&shard->early_keys, self->entry_stride);
    if (wants_empty(self, number))
        early_add(self, shard, end_ms, (row_key){ 0, 0 }, NULL);
    for (uint32_t id = 0; id < shard->store.used; id++) {
        if (!is_live(shard, id))
            continue;
        sl_text bytes = key_bytes(store_key(&shard->store, id));
        early_add(self, shard, end_ms, key_of_bytes(bytes.at, bytes.size, &shard->early_keys),
                  value_now(self, shard, id, room));
    }
}

/* Rows gathered until there are a chunk of them. */
typedef struct emission {
    aggregate *self;
    sl_task *task;
    size_t filled;
} emission;

static void emission_end(emission *out)
{
    if (out->filled)
        out->self->emit(out->self->executor, out->task, out->self->number,
                        out->self->workers[out->task->worker].rows, out->filled);
    out->filled = 0;
}

static void emission_add(emission *out, const row_key *key, const void *value, int64_t end_ms)
{
    char *rows = out->self->workers[out->task->worker].rows;
    if (out->filled == CHUNK_ROWS || out->task->report_ms != end_ms)
        emission_end(out);
    out->task->report_ms = end_ms;
    row_fill(out->self, key, value, end_ms, rows + out->filled++ * out->self->row_bytes);
}

void aggregate_emit_early(aggregate *self, sl_task *task, unsigned number)
{
    const aggregate_shard *shard = &self->shards[number];
    emission out = { self, task, 0 };
    for (size_t at = 0; at < shard->early.size; at += self->early_stride) {
        const early_row *early = (const early_row *)(const void *)(shard->early.at + at);
        emission_add(&out, &early->key, early + 1, early->end_ms);
    }
    emission_end(&out);
}

static void emit_touched(aggregate *self, aggregate_shard *shard, emission *out, void *room)
{
    for (size_t i = 0; i < entry_count(self, &shard->touched); i++) {
        const entry *touched = entry_at(self, &shard->touched, i);
        if (touched->fresh || !self->spec.fresh_only)
            emission_add(out, store_key(&shard->store, touched->id),
                         value_now(self, shard, touched->id, room), out->task->batch->time_ms);
    }
}

static void emit_all(aggregate *self, aggregate_shard *shard, emission *out, void *room)
{
    for (uint32_t id = 0; id < shard->store.used; id++)
        if (is_live(shard, id))
            emission_add(out, store_key(&shard->store, id), value_now(self, shard, id, room),
                         out->task->batch->time_ms);
}

void aggregate_emit(aggregate *self, sl_task *task, unsigned number, int64_t end_ms)
{
    aggregate_shard *shard = &self->shards[number];
    emission out = { self, task, 0 };
    row_key none = { 0, 0 };
    if (self->node->child_count == 0)
        return;
    void *room = arena_take(&task->memory, self->entry_stride);
    memset(room, 0, self->entry_stride);
    if (wants_empty(self, number))
        emission_add(&out, &none, room, end_ms);
    else if (self->spec.touched_only || self->spec.fresh_only)
        emit_touched(self, shard, &out, room);
    else
        emit_all(self, shard, &out, room);
    emission_end(&out);
}

/* ---- Checkpoint ---- */

enum { PIECE_HEAD = 20 };

static size_t piece_begin(const aggregate *self, int64_t pane, buffer *out)
{
    uint32_t keys = 0;
    size_t at = out->size;
    buffer_append(out, &pane, sizeof pane);
    buffer_append(out, &self->spec.shape, sizeof self->spec.shape);
    buffer_append(out, &keys, sizeof keys);
    return at;
}

static void piece_add(const aggregate *self, const row_key *key, int64_t rows, const void *value, buffer *out)
{
    sl_text bytes = key_bytes(key);
    uint32_t size = (uint32_t)bytes.size;
    buffer_append(out, &size, sizeof size);
    buffer_append(out, bytes.at, bytes.size);
    buffer_append(out, &rows, sizeof rows);
    buffer_append(out, value, self->spec.value_bytes);
}

static void piece_end(buffer *out, size_t at, uint32_t keys)
{
    if (keys)
        memcpy(out->at + at + PIECE_HEAD - sizeof keys, &keys, sizeof keys);
    else
        out->size = at;
}

static void save_entries(const aggregate *self, const aggregate_shard *shard, int64_t pane,
                         const buffer *entries, buffer *out)
{
    size_t at = piece_begin(self, pane, out), count = entry_count(self, entries);
    for (size_t i = 0; i < count; i++) {
        entry *held = entry_at(self, entries, i);
        piece_add(self, store_key(&shard->store, held->id), held->rows, entry_value(held), out);
    }
    piece_end(out, at, (uint32_t)count);
}

static void save_totals(const aggregate *self, const aggregate_shard *shard, buffer *out)
{
    size_t at = piece_begin(self, 1, out);
    uint32_t keys = 0;
    for (uint32_t id = 0; id < shard->store.used; id++) {
        if (!is_live(shard, id))
            continue;
        total *total = total_of(shard, id);
        piece_add(self, store_key(&shard->store, id), total->rows, total_value(total), out);
        keys++;
    }
    piece_end(out, at, keys);
}

void aggregate_save(void *opened, bool all, buffer *out)
{
    const aggregate *self = opened;
    for (unsigned s = 0; s < STORE_SHARDS && !self->window.batch_only; s++) {
        const aggregate_shard *shard = &self->shards[s];
        if (!all && self->batch)
            save_entries(self, shard, window_pane(&self->window, self->batch->time_ms), &shard->touched, out);
        for (size_t i = 0; all && i < pane_count(shard); i++)
            save_entries(self, shard, pane_nth(shard, i)->number, &pane_nth(shard, i)->entries, out);
        if (all && !has_panes(self))
            save_totals(self, shard, out);
    }
}

typedef struct reader {
    const char *at, *end;
} reader;

static bool read_into(reader *reader, void *to, size_t size)
{
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    memcpy(to, reader->at, size);
    reader->at += size;
    return true;
}

static bool load_key(aggregate *self, int64_t pane, reader *reader, arena *memory)
{
    uint32_t size;
    entry *brought = arena_take(memory, self->entry_stride);
    memset(brought, 0, self->entry_stride);
    if (!read_into(reader, &size, sizeof size) || size > (size_t)(reader->end - reader->at))
        return false;
    row_key key = key_of_bytes(reader->at, size, memory);
    reader->at += size;
    if (!read_into(reader, &brought->rows, sizeof brought->rows) ||
        !read_into(reader, entry_value(brought), self->spec.value_bytes))
        return false;
    uint64_t hash = key_hash(key);
    aggregate_shard *shard = &self->shards[store_shard_of(hash)];
    brought->id = store_find(&shard->store, key, hash);
    if (brought->id == STORE_NONE)
        brought->id = store_add(&shard->store, key, hash);
    if (has_panes(self))
        pane_join(self, shard, pane_of(self, shard, pane), brought);
    else
        total_join(self, shard, brought);
    return true;
}

sl_result aggregate_load(void *opened, sl_text saved, failure *failure)
{
    aggregate *self = opened;
    reader reader = { saved.at, saved.at + saved.size };
    arena memory = { 0 };
    bool whole = true, same = true;
    while (whole && same && reader.at < reader.end) {
        int64_t pane;
        uint64_t shape = 0;
        uint32_t keys = 0;
        whole = read_into(&reader, &pane, sizeof pane) && read_into(&reader, &shape, sizeof shape) &&
                read_into(&reader, &keys, sizeof keys);
        same = shape == self->spec.shape;
        for (; whole && same && keys; keys--) {
            whole = load_key(self, pane, &reader, &memory);
            arena_reset(&memory); /* the store keeps keys of its own */
        }
    }
    arena_done(&memory);
    if (!whole)
        return fail(failure, SL_FAILED, "the state of \"%s\" in the checkpoint is damaged", self->spec.name);
    if (!same)
        return fail(
            failure, SL_USAGE,
            "the state of \"%s\" in the checkpoint has other fields than the job has now: give it a new name, "
            "or forget the state with sluice reset",
            self->spec.name);
    return SL_OK;
}
