/*
 * operators/update_keys.c - the keys of an update: their states, the members of their sets, and the order in which batches
 * brought them.
 */
#include <base/sort.h>
#include <operators/update_state.h>

/* ---- States ---- */

void update_state_fill(const update *self, const update_shard *shard, uint32_t id, void *state)
{
    memset(state, 0, self->state_bytes);
    memcpy((char *)state + self->kept_from, update_kept_of(self, shard, id), self->kept_bytes);
    key_fill_fields(&self->drawn.into, self->gathered.texts_only, store_key(&shard->keys, id), state);
}

void update_state_keep(const update *self, update_shard *shard, uint32_t id, const void *state)
{
    row_copy(update_kept_of(self, shard, id), (const char *)state + self->kept_from, self->kept_bytes);
}

/* ---- Sets ---- */

/* As a key: the set, the id of the key that it belongs to, the text. */
enum { MEMBER_HEAD = 1 + sizeof(uint32_t) };

bool update_member_add(update_shard *shard, uint32_t id, unsigned set, sl_text member)
{
    size_t size = MEMBER_HEAD + member.size;
    char few[256], *bytes = size <= sizeof few ? few : arena_take(&shard->memory, size);
    bytes[0] = (char)set;
    memcpy(bytes + 1, &id, sizeof id);
    if (member.size)
        memcpy(bytes + MEMBER_HEAD, member.at, member.size);
    row_key key = key_of_bytes(bytes, size, &shard->memory);
    uint64_t hash = key_hash(key);
    if (store_find(&shard->members, key, hash) != STORE_NONE)
        return false;
    uint32_t added = store_add(&shard->members, key, hash);
    update_value *value = update_value_of(shard, id);
    *(uint64_t *)store_value(&shard->members, added) = value->members;
    value->members = added + 1;
    return true;
}

void update_members_forget(update_shard *shard, uint32_t id)
{
    update_value *value = update_value_of(shard, id);
    for (uint32_t member = value->members; member;) {
        uint32_t next = (uint32_t) * (uint64_t *)store_value(&shard->members, member - 1);
        store_remove(&shard->members, member - 1);
        member = next;
    }
    value->members = 0;
}

sl_text update_member_text(const update_shard *shard, uint32_t member, unsigned *set)
{
    sl_text bytes = key_bytes(store_key(&shard->members, member - 1));
    *set = (unsigned char)bytes.at[0];
    return (sl_text){ bytes.at + MEMBER_HEAD, bytes.size - MEMBER_HEAD };
}

/* ---- The order in which they were brought ---- */

static bool is_linked(const update_shard *shard, uint32_t id)
{
    const update_links *links = update_links_of(shard, id);
    return links->older || links->newer || shard->oldest == id + 1;
}

static void key_unlink(update_shard *shard, uint32_t id)
{
    update_links *links = update_links_of(shard, id);
    if (!is_linked(shard, id))
        return;
    *(links->older ? &update_links_of(shard, links->older - 1)->newer : &shard->oldest) = links->newer;
    *(links->newer ? &update_links_of(shard, links->newer - 1)->older : &shard->newest) = links->older;
    *links = (update_links){ 0, 0 };
}

void update_key_renew(update_shard *shard, uint32_t id)
{
    key_unlink(shard, id);
    update_links_of(shard, id)->older = shard->newest;
    *(shard->newest ? &update_links_of(shard, shard->newest - 1)->newer : &shard->oldest) = id + 1;
    shard->newest = id + 1;
}

void update_key_remove(const update *self, update_shard *shard, uint32_t id)
{
    update_members_forget(shard, id);
    if (self->drawn.timeout.ms)
        key_unlink(shard, id);
    store_remove(&shard->keys, id);
}

static uint32_t id_of(const void *sorted)
{
    return (uint32_t)((uintptr_t)sorted - 1);
}

static void id_add(update_shard *shard, uint32_t id)
{
    buffer_append(&shard->sorted, &(uintptr_t){ (uintptr_t)id + 1 }, sizeof(uintptr_t));
}

static int order_of_keys(const void *a, const void *b, const void *argument)
{
    const update_shard *shard = argument;
    const row_key *left = store_key(&shard->keys, id_of(a)), *right = store_key(&shard->keys, id_of(b));
    return sl_text_compare(key_bytes(left), key_bytes(right));
}

static int order_of_age(const void *a, const void *b, const void *argument)
{
    int64_t left = update_value_of(argument, id_of(a))->last_ms,
            right = update_value_of(argument, id_of(b))->last_ms;
    return left != right ? (left > right) - (left < right) : order_of_keys(a, b, argument);
}

static size_t sorted_sort(update_shard *shard, sort_order *order)
{
    size_t count = shard->sorted.size / sizeof(void *);
    sort_pointers((void **)(void *)shard->sorted.at, count, order, shard);
    return count;
}

/* What a checkpoint gave has no order yet. */
static void keys_link(update_shard *shard)
{
    shard->sorted.size = 0;
    for (uint32_t id = 0; id < shard->keys.used; id++)
        if (store_holds(&shard->keys, id))
            id_add(shard, id);
    size_t count = sorted_sort(shard, order_of_age);
    for (size_t i = 0; i < count; i++)
        update_key_renew(shard, id_of(((void **)(void *)shard->sorted.at)[i]));
    shard->unordered = false;
}

const uint32_t *update_idle(update_shard *shard, int64_t until_ms, size_t *count)
{
    if (shard->unordered)
        keys_link(shard);
    shard->sorted.size = 0;
    for (uint32_t next = shard->oldest; next && update_value_of(shard, next - 1)->last_ms <= until_ms;
         next = update_links_of(shard, next - 1)->newer)
        id_add(shard, next - 1);
    *count = sorted_sort(shard, order_of_keys);
    uint32_t *ids = arena_take(&shard->memory, *count * sizeof *ids + 1);
    for (size_t i = 0; i < *count; i++)
        ids[i] = id_of(((void **)(void *)shard->sorted.at)[i]);
    return ids;
}
