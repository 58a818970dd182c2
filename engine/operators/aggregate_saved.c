/*
 * operators/aggregate_saved.c - the values of keys in the checkpoint: pieces of one form, whether they tell the change of a batch or everything;
 * joined in order they give the state:
 *
 *     pane: 8 bytes | shape: 8 | keys: 4 | key size: 4, key, rows: 8, value | ...
 */
#include <base/bytes.h>
#include <operators/aggregate.h>

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
        if (!aggregate_is_live(shard, id))
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
        for (size_t i = 0; all && i < aggregate_pane_count(shard); i++)
            save_entries(self, shard, aggregate_pane_nth(shard, i)->number,
                         &aggregate_pane_nth(shard, i)->entries, out);
        if (all && !aggregate_has_panes(self))
            save_totals(self, shard, out);
    }
}

static bool load_key(aggregate *self, int64_t pane, bytes_reader *reader, arena *memory)
{
    uint32_t size;
    entry *brought = arena_take(memory, self->entry_stride);
    memset(brought, 0, self->entry_stride);
    sl_text bytes;
    if (!bytes_read(reader, &size, sizeof size) || !bytes_skip(reader, size, &bytes))
        return false;
    row_key key = key_of_bytes(bytes.at, bytes.size, memory);
    if (!bytes_read(reader, &brought->rows, sizeof brought->rows) ||
        !bytes_read(reader, entry_value(brought), self->spec.value_bytes))
        return false;
    uint64_t hash = key_hash(key);
    aggregate_shard *shard = &self->shards[store_shard_of(hash)];
    brought->id = store_find(&shard->store, key, hash);
    if (brought->id == STORE_NONE)
        brought->id = store_add(&shard->store, key, hash);
    if (aggregate_has_panes(self))
        aggregate_pane_join(self, shard, aggregate_pane(self, shard, pane), brought);
    else
        aggregate_total_join(self, shard, brought);
    return true;
}

sl_result aggregate_load(void *opened, sl_text saved, failure *failure)
{
    aggregate *self = opened;
    bytes_reader reader = { saved.at, saved.at + saved.size };
    arena memory = { 0 };
    bool whole = true, same = true;
    while (whole && same && reader.at < reader.end) {
        int64_t pane;
        uint64_t shape = 0;
        uint32_t keys = 0;
        whole = bytes_read(&reader, &pane, sizeof pane) && bytes_read(&reader, &shape, sizeof shape) &&
                bytes_read(&reader, &keys, sizeof keys);
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
