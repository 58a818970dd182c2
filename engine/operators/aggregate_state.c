/*
 * operators/aggregate_state.c - the values of keys in panes and totals, and rows out of them.
 *
 * A total holds the panes that are shut, in their order; what the open pane holds is joined when a row goes out. So the order in which
 * values are joined follows from the batches alone, and a restart gives the same sums of fractions.
 */
#include <operators/aggregate.h>

enum { AHEAD = 16 }; /* what comes later in a list is brought near */

/* ---- Panes ---- */

static held_pane *pane_newest(const aggregate_shard *shard)
{
    return aggregate_pane_count(shard) ? aggregate_pane_nth(shard, aggregate_pane_count(shard) - 1) : NULL;
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
    held_pane *oldest = aggregate_pane_nth(shard, 0);
    for (size_t i = 0; i < entry_count(self, &oldest->entries); i++) {
        entry *held = entry_at(self, &oldest->entries, i);
        total *total = total_of(shard, held->id);
        total->rows -= held->rows;
        if (self->feeds_tops)
            buffer_append(&shard->changed, &held->id, sizeof held->id);
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
    for (size_t p = 0; p < aggregate_pane_count(shard); p++)
        for (size_t i = 0; i < entry_count(self, &aggregate_pane_nth(shard, p)->entries); i++)
            total_of(shard, entry_at(self, &aggregate_pane_nth(shard, p)->entries, i)->id)->rows = 0;
    for (size_t p = 0; p < aggregate_pane_count(shard); p++) {
        held_pane *pane = aggregate_pane_nth(shard, p);
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

void aggregate_advance(aggregate *self, aggregate_shard *shard, int64_t time_ms)
{
    int64_t gone = window_gone(&self->window, time_ms), number = window_pane(&self->window, time_ms);
    if (self->window.batch_only) {
        store_clear(&shard->store);
        return;
    }
    if (pane_newest(shard) && pane_newest(shard)->number < number)
        pane_shut(self, shard);
    while (aggregate_pane_count(shard) && aggregate_pane_nth(shard, 0)->number <= gone)
        pane_expire(self, shard);
    if (shard->stale)
        totals_rebuild(self, shard);
}

void aggregate_pane_join(aggregate *self, aggregate_shard *shard, held_pane *pane, entry *brought)
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

void aggregate_total_join(aggregate *self, aggregate_shard *shard, entry *brought)
{
    total *total = total_of(shard, brought->id);
    self->spec.kind->join(self->spec.self, total_value(total), entry_value(brought), total->rows == 0);
    total->rows += brought->rows;
}

held_pane *aggregate_pane(aggregate *self, aggregate_shard *shard, int64_t number)
{
    held_pane *newest = pane_newest(shard);
    if (newest && newest->number == number && shard->open)
        return newest;
    pane_shut(self, shard);
    return pane_open(shard, number);
}

void aggregate_settle(aggregate *self, aggregate_shard *shard)
{
    size_t count = entry_count(self, &shard->touched);
    held_pane *pane = count && aggregate_has_panes(self)
                          ? aggregate_pane(self, shard, window_pane(&self->window, self->batch->time_ms))
                          : NULL;
    for (size_t i = 0; i < count; i++) {
        entry *touched = entry_at(self, &shard->touched, i);
        if (i + AHEAD < count)
            __builtin_prefetch(total_of(shard, entry_at(self, &shard->touched, i + AHEAD)->id), 1);
        if (pane)
            aggregate_pane_join(self, shard, pane, touched);
        else
            aggregate_total_join(self, shard, touched);
        total_of(shard, touched->id)->touch = 0;
    }
}

/* ---- Rows out ---- */

static void row_fill(const aggregate *self, const row_key *key, const void *value, int64_t end_ms, char *row)
{
    const sl_window *drawn = &self->spec.window;
    memset(row, 0, self->row_bytes);
    self->spec.kind->give(self->spec.self, value, row);
    key_fill_fields(&self->spec.key, self->gathering.texts_only, key, row);
    if (drawn->start.count) {
        int64_t start_ms = window_start(&self->window, end_ms);
        memcpy(row + drawn->start.offset[0], &start_ms, sizeof start_ms);
    }
    if (drawn->end.count)
        memcpy(row + drawn->end.offset[0], &end_ms, sizeof end_ms);
}

/* What the key holds now: its total and the open pane. */
static const void *value_now(const aggregate *self, const aggregate_shard *shard, uint32_t id)
{
    total *total = total_of(shard, id);
    if (total->open == 0)
        return total_value(total);
    entry *held = entry_at(self, &pane_newest(shard)->entries, total->open - 1);
    if (held->rows == total->rows)
        return entry_value(held);
    memcpy(shard->room, total_value(total), self->spec.value_bytes);
    self->spec.kind->join(self->spec.self, shard->room, entry_value(held), false);
    return shard->room;
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
    if (!self->has_rows)
        return;
    if (wants_empty(self, number))
        early_add(self, shard, end_ms, (row_key){ 0, 0 }, NULL);
    for (uint32_t id = 0; id < shard->store.used; id++) {
        if (!aggregate_is_live(shard, id))
            continue;
        sl_text bytes = key_bytes(store_key(&shard->store, id));
        early_add(self, shard, end_ms, key_of_bytes(bytes.at, bytes.size, &shard->early_keys),
                  value_now(self, shard, id));
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
        out->self->emit(out->self->executor, out->task, out->self->number, out->self->rows[out->task->worker],
                        out->filled);
    out->filled = 0;
}

static void emission_add(emission *out, const row_key *key, const void *value, int64_t end_ms)
{
    char *rows = out->self->rows[out->task->worker];
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

static void emit_touched(aggregate *self, aggregate_shard *shard, emission *out)
{
    for (size_t i = 0; i < entry_count(self, &shard->touched); i++) {
        const entry *touched = entry_at(self, &shard->touched, i);
        if (touched->fresh || !self->spec.fresh_only)
            emission_add(out, store_key(&shard->store, touched->id), value_now(self, shard, touched->id),
                         out->task->batch->time_ms);
    }
}

static void emit_all(aggregate *self, aggregate_shard *shard, emission *out)
{
    for (uint32_t id = 0; id < shard->store.used; id++)
        if (aggregate_is_live(shard, id))
            emission_add(out, store_key(&shard->store, id), value_now(self, shard, id),
                         out->task->batch->time_ms);
}

void aggregate_emit(aggregate *self, sl_task *task, unsigned number, int64_t end_ms)
{
    aggregate_shard *shard = &self->shards[number];
    emission out = { self, task, 0 };
    row_key none = { 0, 0 };
    if (!self->has_rows)
        return;
    if (wants_empty(self, number)) {
        memset(shard->room, 0, self->entry_stride);
        emission_add(&out, &none, shard->room, end_ms);
    } else if ((self->spec.touched_only || self->spec.fresh_only) && !self->window.batch_only) {
        emit_touched(self, shard, &out);
    } else {
        emit_all(self, shard, &out);
    }
    emission_end(&out);
}

/* ---- What neighbours see ---- */

static uint32_t keyed_ids(void *opened, unsigned number)
{
    return ((aggregate *)opened)->shards[number].store.used;
}

static bool keyed_row(void *opened, unsigned number, uint32_t id, int64_t end_ms, void *row)
{
    const aggregate *self = opened;
    const aggregate_shard *shard = &self->shards[number];
    if (!aggregate_is_live(shard, id))
        return false;
    row_fill(self, store_key(&shard->store, id), value_now(self, shard, id), end_ms, row);
    return true;
}

keyed aggregate_keyed(aggregate *self)
{
    return (keyed){ self, keyed_ids, keyed_row };
}
