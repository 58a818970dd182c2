/*
 * operators/update_state.h - what an update keeps, shared by update.c (a batch), update_keys.c (keys, their sets, who was idle
 * for how long) and update_saved.c (the checkpoint).
 *
 *     keys      key -> update_value | with a timeout: update_links | the state's fields but its key
 *     members   set, id of the key, text -> the key's next member: a chain that begins in update_value.members
 *
 * Ids in chains are one more than they are: 0 ends them.
 */
#ifndef OPERATORS_UPDATE_STATE_H
#define OPERATORS_UPDATE_STATE_H

#include <operators/gathering.h>
#include <operators/top_feed.h>
#include <records/document.h>
#include <state/kept.h>

typedef struct update_value {
    int64_t last_ms;  /* T of the newest batch that brought the key; 0: nothing is known of it */
    uint32_t members; /* the newest */
    uint32_t touch;   /* one more than the number of its touch in the batch */
} update_value;

/* With a timeout it stands behind the value: the keys in the order of last_ms. */
typedef struct update_links {
    uint32_t older, newer;
} update_links;

/* A key that the batch called for. */
typedef struct update_touch {
    uint32_t id, members_before;
    uint32_t row; /* one more than its number in `told`: of a key that is gone, to be told */
    bool told, gone, anew;
} update_touch;

typedef struct update_shard {
    store_shard keys, members;
    uint32_t oldest, newest; /* with a timeout */
    bool unordered;          /* keys were loaded: they are not linked yet */
    buffer touched;          /* of update_touch, in the order of their first call */
    buffer told;             /* rows that the store does not show any more */
    buffer saved;            /* the batch's change, for the checkpoint */
    buffer sorted;           /* of pointers: ids */
    gathering_order order;
    arena memory; /* texts of told rows, until the next batch */
} update_shard;

typedef struct update_worker {
    char *out;   /* CHUNK_ROWS rows on their way out */
    char *state; /* one, for the call */
    char padding[128];
} update_worker;

typedef struct update {
    sl_update drawn;
    const sl_updater *updater;
    kept_shape shape;
    uint32_t number;
    size_t in_bytes, state_bytes;
    size_t kept_from,
        kept_bytes; /* the part of a state that is kept: from its first field that is no key to the last */
    size_t kept_at; /* where it stands behind a key's value */
    bool saves;
    gathering gathered; /* rows */
    top_feed tops;
    void *executor;
    operator_emit *emit;
    const batch_frame *batch;
    update_shard shards[STORE_SHARDS];
    update_worker *workers;
    unsigned worker_count;
    keyed keyed;
} update;

/* What sl_key.inside_ is. */
typedef struct update_call {
    update_shard *shard;
    uint32_t id;
    size_t set_count;
} update_call;

/* ---- Keys. Runs on: the shard's owner. ---- */

static inline update_value *update_value_of(const update_shard *shard, uint32_t id)
{
    return store_value(&shard->keys, id);
}

/* Where a timeout is drawn. */
static inline update_links *update_links_of(const update_shard *shard, uint32_t id)
{
    return (update_links *)(update_value_of(shard, id) + 1);
}

static inline char *update_kept_of(const update *self, const update_shard *shard, uint32_t id)
{
    return (char *)update_value_of(shard, id) + self->kept_at;
}

void update_state_fill(const update *self, const update_shard *shard, uint32_t id, void *state);
void update_state_keep(const update *self, update_shard *shard, uint32_t id, const void *state);
bool update_member_add(update_shard *shard, uint32_t id, unsigned set, sl_text member);
void update_members_forget(update_shard *shard, uint32_t id);
/* The set and text of a member. */
sl_text update_member_text(const update_shard *shard, uint32_t member, unsigned *set);
void update_key_remove(const update *self, update_shard *shard, uint32_t id); /* and all that belongs to it */
void update_key_renew(update_shard *shard, uint32_t id); /* it was brought: the newest of all */
/* Ids of the keys that no batch after until_ms brought, in the order of their bytes. */
const uint32_t *update_idle(update_shard *shard, int64_t until_ms, size_t *count);

/* ---- Checkpoint ---- */

void update_save_begin(update_shard *shard);
void update_save_one(const update *self, update_shard *shard, const update_touch *touch, void *state);
void update_save(void *self, bool all, buffer *out);
sl_result update_load(void *self, sl_text saved, failure *failure);

#endif
