/*
 * operators/held_rows_report.c - the rows of a window put side by side, key by key, and what the job makes of them. Two rounds: how many
 * rows each key has, then each row to those of its key. Runs on: owner of the shard.
 */
#include <base/memory.h>
#include <operators/held_rows.h>

/* A walk through entries: whose, and how many there were before this one. */
typedef struct walk {
    held *self;
    sl_task *task;
    held_shard *shard;
    size_t nth;
} walk;

typedef void entry_visit(const walk *walk, const held_entry *entry);

static void entries_visit(walk *walk, const buffer *entries, entry_visit *visit)
{
    for (size_t at = 0; at < entries->size; walk->nth++) {
        const held_entry *entry = (const held_entry *)(const void *)(entries->at + at);
        visit(walk, entry);
        at += entry->size;
    }
}

static grouping *grouping_nth(const held_shard *shard, size_t i)
{
    return (grouping *)(void *)shard->groups.at + i;
}

/* First round: which key has how many rows. */
static void entry_count(const walk *walk, const held_entry *entry)
{
    held *self = walk->self;
    sl_task *task = walk->task;
    held_shard *shard = walk->shard;
    const held_side *side = &self->spec.sides[entry->side];
    row_key key = { 0, 0 };
    if (!self->spec.together) {
        char *row = arena_take(&task->memory, side->schema->row_bytes);
        held_entry_read(side->schema, entry, row);
        key = key_of_fields(&side->key, self->texts_only[entry->side], row, &task->memory);
    }
    uint64_t hash = key_hash(key);
    uint32_t id = store_find(&shard->keys, key, hash);
    if (id == STORE_NONE) {
        uint64_t group = shard->groups.size / sizeof(grouping);
        id = store_add(&shard->keys, key, hash);
        memcpy(store_value(&shard->keys, id), &group, sizeof group);
        buffer_append(&shard->groups, &(grouping){ 0 }, sizeof(grouping));
    }
    uint32_t group;
    memcpy(&group, store_value(&shard->keys, id), sizeof group);
    grouping_nth(shard, group)->group.counts[entry->side]++;
    buffer_append(&shard->ids, &group, sizeof group);
}

/* Second round: each row to those of its key. */
static void entry_place(const walk *walk, const held_entry *entry)
{
    held *self = walk->self;
    sl_task *task = walk->task;
    held_shard *shard = walk->shard;
    uint32_t group;
    const sl_schema *schema = self->spec.sides[entry->side].schema;
    memcpy(&group, shard->ids.at + walk->nth * sizeof group, sizeof group);
    grouping *of = grouping_nth(shard, group);
    if (of->group.rows[entry->side] == NULL)
        of->group.rows[entry->side] =
            arena_take(&task->memory, of->group.counts[entry->side] * schema->row_bytes);
    char *rows = (char *)(uintptr_t)of->group.rows[entry->side];
    held_entry_read(schema, entry, rows + of->filled[entry->side]++ * schema->row_bytes);
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

static void groups_give(held *self, sl_task *task, held_shard *shard)
{
    giving giving = { self, task };
    sl_rows out = { .at = self->workers[task->worker].rows,
                    .room = CHUNK_ROWS,
                    .of = self->node->schema,
                    .full = rows_hand_on,
                    .owner = &giving };
    task->stage = self->node->name;
    for (size_t i = 0; i < shard->groups.size / sizeof(grouping); i++)
        self->spec.give(self->node, task, &grouping_nth(shard, i)->group, &out);
    rows_hand_on(&out);
}

/* The rows of these lists, key by key. */
static void report(held *self, sl_task *task, unsigned number, const buffer *const *lists, size_t count)
{
    held_shard *shard = &self->shards[number];
    walk counting = { self, task, shard, 0 }, placing = counting;
    shard->groups.size = shard->ids.size = 0;
    for (size_t i = 0; i < count; i++)
        entries_visit(&counting, lists[i], entry_count);
    for (size_t i = 0; i < count; i++)
        entries_visit(&placing, lists[i], entry_place);
    for (uint32_t id = 0; id < shard->keys.used && shard->keys.live; id++)
        if (store_holds(&shard->keys, id))
            store_remove(&shard->keys, id);
    groups_give(self, task, shard);
}

void held_report_panes(held *self, sl_task *task, unsigned number, int64_t end_ms)
{
    held_shard *shard = &self->shards[number];
    size_t count = held_pane_count(shard);
    const buffer **lists = arena_take(&task->memory, count * sizeof *lists + 1);
    for (size_t i = 0; i < count; i++)
        lists[i] = &held_pane_nth(shard, i)->entries;
    task->report_ms = end_ms;
    report(self, task, number, lists, count);
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
        const buffer *entries = &early[i].entries;
        task->report_ms = early[i].end_ms;
        report(self, task, number, &entries, 1);
    }
}
