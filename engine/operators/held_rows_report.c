/*
 * operators/held_rows_report.c - the rows of a window put side by side, key by key, and what the job makes of them. Two rounds: how many
 * rows each key has, then each row to those of its key. Runs on: owner of the shard.
 */
#include <base/memory.h>
#include <operators/held_rows.h>

enum { VECTOR = 64 };

/* A walk through entries: whose, and how many there were before these. */
typedef struct walk {
    held *self;
    sl_task *task;
    held_shard *shard;
    size_t nth;
} walk;

typedef void entries_visit(const walk *walk, const held_entry *const *entries, size_t count);

/* In vectors, so that the memory that a key needs is on its way while others are looked at. */
static void lists_visit(walk *walk, const held_list *lists, size_t count, entries_visit *visit)
{
    const held_entry *entries[VECTOR] = { NULL };
    size_t filled = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < lists[i].size; at += entries[filled - 1]->size) {
            if (filled == VECTOR) {
                visit(walk, entries, filled);
                walk->nth += filled;
                filled = 0;
            }
            entries[filled++] = (const held_entry *)(const void *)(lists[i].at + at);
        }
    visit(walk, entries, filled);
    walk->nth += filled;
}

static grouping *grouping_nth(const held_shard *shard, size_t i)
{
    return (grouping *)(void *)shard->groups.at + i;
}

static void entry_row(const held *self, const held_entry *entry, char *row)
{
    held_entry_read(&self->texts[entry->side], self->spec.sides[entry->side].schema->row_bytes, entry, row);
}

/* Texts lie in the entries: those of a key that is long are copied to `memory`, for as long as the report. */
static row_key entry_key(held *self, const held_entry *entry, char *row, arena *memory)
{
    bool borrowed =
        self->texts[entry->side].count == 0; /* its texts lie where they lay: it can be read in place */
    if (!borrowed)
        entry_row(self, entry, row);
    return key_of_fields(&self->spec.sides[entry->side].key, self->texts_only[entry->side],
                         borrowed ? (const char *)(entry + 1) : row, memory);
}

static uint32_t group_of(held_shard *shard, row_key key, uint64_t hash)
{
    uint32_t group = (uint32_t)(shard->groups.size / sizeof(grouping)),
             id = store_find(&shard->keys, key, hash);
    if (id == STORE_NONE) {
        id = store_add(&shard->keys, key, hash);
        memcpy(store_value(&shard->keys, id), &group, sizeof group);
        memset(buffer_reserve(&shard->groups, sizeof(grouping)), 0, sizeof(grouping));
        shard->groups.size += sizeof(grouping);
    }
    memcpy(&group, store_value(&shard->keys, id), sizeof group);
    return group;
}

/* First round: which key has how many rows. */
static void entries_count(const walk *walk, const held_entry *const *entries, size_t count)
{
    held_shard *shard = walk->shard;
    row_key keys[VECTOR];
    uint64_t hashes[VECTOR];
    char *row = walk->self->workers[walk->task->worker].row;
    for (size_t i = 0; i < count; i++) {
        keys[i] = entry_key(walk->self, entries[i], row, &walk->task->memory);
        hashes[i] = key_hash(keys[i]);
        store_ask(&shard->keys, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        store_hint(&shard->keys, hashes[i], 0);
    uint32_t *ids = (uint32_t *)(void *)buffer_reserve(&shard->ids, count * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        ids[i] = group_of(shard, keys[i], hashes[i]);
        grouping_nth(shard, ids[i])->group.counts[entries[i]->side]++;
    }
    shard->ids.size += count * sizeof *ids;
}

/* Second round: each row to those of its key. */
static void entries_place(const walk *walk, const held_entry *const *entries, size_t count)
{
    const held *self = walk->self;
    const uint32_t *ids = (const uint32_t *)(const void *)walk->shard->ids.at + walk->nth;
    for (size_t i = 0; i < count; i++) {
        uint32_t side = entries[i]->side;
        size_t bytes = self->spec.sides[side].schema->row_bytes;
        grouping *of = grouping_nth(walk->shard, ids[i]);
        if (of->group.rows[side] == NULL)
            of->group.rows[side] = arena_take(&walk->task->memory, of->group.counts[side] * bytes);
        entry_row(self, entries[i], (char *)(uintptr_t)of->group.rows[side] + of->filled[side]++ * bytes);
    }
}

typedef struct giving {
    held *self;
    sl_task *task;
} giving;

static void rows_hand_on(sl_rows *rows)
{
    const giving *giving = rows->owner;
    held *self = giving->self;
    if (rows->count)
        self->emit(self->executor, giving->task, self->number, rows->at, rows->count);
    giving->task->stage = self->node->name;
    rows->count = 0;
}

static sl_rows rows_open(giving *giving)
{
    held *self = giving->self;
    giving->task->stage = self->node->name;
    return (sl_rows){ .at = self->workers[giving->task->worker].rows,
                      .room = CHUNK_ROWS,
                      .of = self->node->schema,
                      .full = rows_hand_on,
                      .owner = giving };
}

static void groups_give(held *self, sl_task *task, held_shard *shard)
{
    giving giving = { self, task };
    sl_rows out = rows_open(&giving);
    for (size_t i = 0; i < shard->groups.size / sizeof(grouping); i++)
        self->spec.give(self->node, task, &grouping_nth(shard, i)->group, &out);
    rows_hand_on(&out);
}

/* The rows as they come. */
static void rows_give(held *self, sl_task *task, const held_list *lists, size_t count)
{
    giving giving = { self, task };
    sl_rows out = rows_open(&giving);
    size_t bytes = self->node->schema->row_bytes;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < lists[i].size;) {
            const held_entry *entry = (const held_entry *)(const void *)(lists[i].at + at);
            if (out.count == out.room)
                rows_hand_on(&out);
            entry_row(self, entry, (char *)out.at + out.count++ * bytes);
            at += entry->size;
        }
    rows_hand_on(&out);
}

void held_report(held *self, sl_task *task, unsigned number, const held_list *lists, size_t count)
{
    held_shard *shard = &self->shards[number];
    walk counting = { self, task, shard, 0 }, placing = counting;
    if (self->spec.give == NULL) {
        rows_give(self, task, lists, count);
        return;
    }
    shard->groups.size = shard->ids.size = 0;
    lists_visit(&counting, lists, count, entries_count);
    lists_visit(&placing, lists, count, entries_place);
    store_clear(&shard->keys);
    groups_give(self, task, shard);
}

void held_report_panes(held *self, sl_task *task, unsigned number, int64_t end_ms)
{
    held_shard *shard = &self->shards[number];
    size_t count = held_pane_count(shard);
    held_list *lists = arena_take(&task->memory, count * sizeof *lists + 1);
    for (size_t i = 0; i < count; i++)
        lists[i] = (held_list){ held_pane_nth(shard, i)->entries.at, held_pane_nth(shard, i)->entries.size };
    task->report_ms = end_ms;
    held_report(self, task, number, lists, count);
}

void held_note_early(held_shard *shard, int64_t end_ms)
{
    held_early early = { .end_ms = end_ms };
    for (size_t i = 0; i < held_pane_count(shard); i++)
        buffer_append(&early.entries, held_pane_nth(shard, i)->entries.at,
                      held_pane_nth(shard, i)->entries.size);
    buffer_append(&shard->early, &early, sizeof early);
}

void held_report_early(held *self, sl_task *task, unsigned number)
{
    const held_early *early = (const held_early *)(const void *)self->shards[number].early.at;
    for (size_t i = 0; i < self->shards[number].early.size / sizeof *early; i++) {
        held_list entries = { early[i].entries.at, early[i].entries.size };
        task->report_ms = early[i].end_ms;
        held_report(self, task, number, &entries, 1);
    }
}
