/*
 * operators/update_saved.c - an update's states in the checkpoint; the form is in state/kept.h.
 */
#include <operators/update_state.h>

/* ---- Writing ---- */

void update_save_begin(update_shard *shard)
{
    shard->saved.size = 0;
}

/* The members from the newest one down to `until`. */
static void put_members(const update_shard *shard, uint32_t newest, uint32_t until, buffer *out)
{
    for (uint32_t member = newest; member != until;
         member = (uint32_t) * (uint64_t *)store_value(&shard->members, member - 1)) {
        unsigned set;
        sl_text text = update_member_text(shard, member, &set);
        kept_put_member(set, text, out);
    }
}

static uint64_t members_count(const update_shard *shard, uint32_t newest, uint32_t until)
{
    uint64_t count = 0;
    for (uint32_t member = newest; member != until;
         member = (uint32_t) * (uint64_t *)store_value(&shard->members, member - 1))
        count++;
    return count;
}

typedef struct saving {
    const update *self;
    const update_shard *shard;
    char *state; /* room for one */
    buffer *out;
} saving;

/* `until`: the newest member that is known to be saved already; 0: none is. */
static void put_key(const saving *to, uint32_t id, uint32_t until, unsigned flags)
{
    const update_value *value = update_value_of(to->shard, id);
    kept_entry entry = { .key = key_bytes(store_key(&to->shard->keys, id)), .flags = flags };
    if (!(flags & KEPT_GONE)) {
        entry.last_ms = value->last_ms;
        entry.members = members_count(to->shard, value->members, until);
        update_state_fill(to->self, to->shard, id, to->state);
    }
    kept_put(&to->self->shape, &entry, to->state, to->out);
    if (!(flags & KEPT_GONE))
        put_members(to->shard, value->members, until, to->out);
}

void update_save_one(const update *self, update_shard *shard, const update_touch *touch, void *state)
{
    saving to = { self, shard, state, &shard->saved };
    unsigned flags = (touch->anew ? KEPT_ANEW : 0u) | (touch->gone ? KEPT_GONE : 0u);
    put_key(&to, touch->id, touch->anew ? 0 : touch->members_before, flags);
}

void update_save(void *opened, bool all, buffer *out)
{
    update *self = opened;
    size_t start = out->size;
    kept_begin(&self->shape, out);
    size_t empty = out->size;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const update_shard *shard = &self->shards[s];
        saving to = { self, shard, self->workers[0].state, out };
        if (!all)
            buffer_append(out, shard->saved.at, shard->saved.size);
        for (uint32_t id = 0; all && id < shard->keys.used; id++)
            if (store_holds(&shard->keys, id))
                put_key(&to, id, 0, KEPT_ANEW);
    }
    if (out->size == empty)
        out->size = start;
}

/* ---- Reading ---- */

static void load_members(update_shard *shard, uint32_t id, const kept_shape *was, kept_reader *reader)
{
    unsigned set;
    sl_text member;
    while (kept_member(reader, &set, &member))
        if (set < was->set_count)
            update_member_add(shard, id, was->set_number[set], member);
}

static void load_one(update *self, const kept_shape *was, const kept_entry *entry, kept_reader *reader)
{
    arena memory = { 0 };
    row_key key = key_of_bytes(entry->key.at, entry->key.size, &memory);
    uint64_t hash = key_hash(key);
    update_shard *shard = &self->shards[store_shard_of(hash)];
    uint32_t id = store_find(&shard->keys, key, hash);
    shard->unordered = true;
    if (id != STORE_NONE && entry->flags & KEPT_GONE)
        update_key_remove(self, shard, id);
    if (!(entry->flags & KEPT_GONE)) {
        if (id == STORE_NONE)
            id = store_add(&shard->keys, key, hash);
        if (entry->flags & KEPT_ANEW)
            update_members_forget(shard, id);
        char *state = self->workers[0].state;
        memset(state, 0, self->state_bytes);
        kept_fill(was, entry, state);
        update_state_keep(self, shard, id, state);
        update_value_of(shard, id)->last_ms = entry->last_ms;
        load_members(shard, id, was, reader);
    }
    arena_done(&memory);
}

sl_result update_load(void *opened, sl_text saved, failure *failure)
{
    update *self = opened;
    kept_shape was;
    kept_reader reader;
    kept_entry entry;
    if (!kept_is(saved))
        return fail(
            failure, SL_USAGE,
            "what the checkpoint has under \"%s\" is no state of sl_update_by(): give the state a name of its "
            "own, or forget all with sluice reset",
            self->drawn.name);
    bool whole = kept_open(&reader, saved, &was);
    if (whole)
        SL_TRY(kept_shape_fits(&was, &self->shape, self->drawn.name, failure));
    while (whole && kept_next(&reader, &entry))
        load_one(self, &was, &entry, &reader);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        arena_reset(&self->shards[s].memory);
    return whole && !reader.damaged
               ? SL_OK
               : fail(failure, SL_FAILED, "the state of \"%s\" in the checkpoint is damaged",
                      self->drawn.name);
}
