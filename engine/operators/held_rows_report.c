/*
 * operators/held_rows_report.c - the rows of a report put side by side, key by key, and what the job makes of them. Two rounds: which key
 * each row has, and how many each key has; then each row to those of its key. Runs on: owner of the shard.
 */
#include <base/memory.h>
#include <operators/held_rows.h>

enum { FEW_ROWS = 64 }; /* so few go on together with others */

static const held_list *list_nth(const held_shard *shard, size_t i)
{
    return (const held_list *)(const void *)shard->lists.at + i;
}

static size_t list_count(const held_shard *shard)
{
    return shard->lists.size / sizeof(held_list);
}

/* ---- Groups ---- */

static held_grouping *grouping_nth(const held_shard *shard, size_t i)
{
    return (held_grouping *)(void *)shard->groups.at + i;
}

static size_t grouping_count(const held_shard *shard)
{
    return shard->groups.size / sizeof(held_grouping);
}

/* Which groups these keys have, which are new as far as there is none of their number yet. */
static void keys_count(held_shard *shard, uint32_t side, const row_key *keys, size_t count)
{
    store_walk walk;
    store_walk_begin(&walk, &shard->keys, keys, count);
    for (size_t some; (some = walk.asked) > 0;) {
        uint32_t *ids = (uint32_t *)(void *)buffer_reserve(&shard->ids, STORE_VECTOR * sizeof *ids);
        store_walk_next(&walk, ids);
        shard->ids.size += some * sizeof *ids;
        size_t groups = shard->keys.used * sizeof(held_grouping), more = groups - shard->groups.size;
        memset(buffer_reserve(&shard->groups, more), 0, more);
        shard->groups.size = groups;
        for (size_t i = 0; i < some; i++)
            grouping_nth(shard, ids[i])->counts[side]++;
    }
}

/* Keys that nobody has made yet are made chunk by chunk. Long ones lie in `memory` until the report is through. */
static void list_keys_count(const held *self, held_shard *shard, const held_list *list, arena *memory)
{
    row_key keys[CHUNK_ROWS];
    size_t bytes = held_row_bytes(self, list->side);
    const char *row = list->rows;
    if (list->keys) {
        keys_count(shard, list->side, list->keys, list->count);
        return;
    }
    for (size_t left = list->count, some; left; left -= some) {
        some = left < CHUNK_ROWS ? left : CHUNK_ROWS;
        for (size_t i = 0; i < some; i++, row += bytes)
            keys[i] = held_key_of(self, list->side, row, memory);
        keys_count(shard, list->side, keys, some);
    }
}

/* Room for the rows of each group, one group behind the other: the same for all shards of a worker, so that it stays in his cache. */
static void groups_room(const held *self, held_shard *shard, held_worker *worker)
{
    for (uint32_t side = 0; side < self->spec.side_count; side++) {
        size_t rows = 0, bytes = held_row_bytes(self, side);
        for (size_t i = 0; i < list_count(shard); i++)
            rows += list_nth(shard, i)->side == side ? list_nth(shard, i)->count : 0;
        char *at = buffer_reserve(&worker->placed[side], rows * bytes);
        for (size_t i = 0; i < grouping_count(shard); i++) {
            grouping_nth(shard, i)->next[side] = at;
            at += grouping_nth(shard, i)->counts[side] * bytes;
        }
    }
}

static void rows_place(const held *self, const held_shard *shard)
{
    const uint32_t *ids = (const uint32_t *)(const void *)shard->ids.at;
    for (size_t i = 0; i < list_count(shard); i++) {
        const held_list *list = list_nth(shard, i);
        size_t bytes = held_row_bytes(self, list->side);
        const char *row = list->rows;
        for (size_t r = 0; r < list->count; r++, row += bytes) {
            char **next = &grouping_nth(shard, *ids++)->next[list->side];
            row_copy(*next, row, bytes);
            *next += bytes;
        }
    }
}

/* ---- Rows out ---- */

typedef struct giving {
    held *self;
    sl_task *task;
} giving;

static void rows_emit(const giving *giving, const void *rows, size_t count)
{
    held *self = giving->self;
    if (count)
        self->emit(self->executor, giving->task, self->number, rows, count);
    giving->task->stage = self->node->name;
}

static void rows_hand_on(sl_rows *rows)
{
    rows_emit(rows->owner, rows->at, rows->count);
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
    for (size_t i = 0; i < grouping_count(shard); i++) {
        const held_grouping *of = grouping_nth(shard, i);
        held_group group = { 0 };
        for (uint32_t side = 0; side < self->spec.side_count; side++) {
            group.counts[side] = of->counts[side];
            if (of->counts[side])
                group.rows[side] = of->next[side] - of->counts[side] * held_row_bytes(self, side);
        }
        self->spec.give(self->node, task, &group, &out);
    }
    rows_hand_on(&out);
}

/* The rows as they are, where they lie. */
static void rows_give(held *self, sl_task *task, const held_shard *shard)
{
    giving giving = { self, task };
    sl_rows out = rows_open(&giving);
    size_t bytes = self->node->schema->row_bytes;
    for (size_t i = 0; i < list_count(shard); i++) {
        const held_list *list = list_nth(shard, i);
        if (list->count > FEW_ROWS || out.count + list->count > out.room)
            rows_hand_on(&out);
        if (list->count <= FEW_ROWS) {
            memcpy((char *)out.at + out.count * bytes, list->rows, list->count * bytes);
            out.count += list->count;
            continue;
        }
        for (size_t from = 0; from < list->count; from += CHUNK_ROWS)
            rows_emit(&giving, list->rows + from * bytes,
                      list->count - from < CHUNK_ROWS ? list->count - from : CHUNK_ROWS);
    }
    rows_hand_on(&out);
}

/* ---- Reports ---- */

void held_report(held *self, sl_task *task, unsigned number)
{
    held_shard *shard = &self->shards[number];
    if (self->spec.give == NULL) {
        rows_give(self, task, shard);
        return;
    }
    shard->groups.size = shard->ids.size = 0;
    for (size_t i = 0; i < list_count(shard); i++)
        list_keys_count(self, shard, list_nth(shard, i), &task->memory);
    groups_room(self, shard, &self->workers[task->worker]);
    rows_place(self, shard);
    store_clear(&shard->keys);
    groups_give(self, task, shard);
}

static void kept_list(const held *self, held_shard *shard, const held_kept *kept)
{
    for (uint32_t side = 0; side < self->spec.side_count; side++) {
        held_list list = { side, kept->rows[side].size / held_row_bytes(self, side), kept->rows[side].at,
                           NULL };
        if (list.count)
            buffer_append(&shard->lists, &list, sizeof list);
    }
}

void held_report_panes(held *self, sl_task *task, unsigned number, int64_t end_ms)
{
    held_shard *shard = &self->shards[number];
    shard->lists.size = 0;
    for (size_t i = 0; i < held_pane_count(shard); i++)
        kept_list(self, shard, &held_pane_nth(shard, i)->kept);
    task->report_ms = end_ms;
    held_report(self, task, number);
}

void held_note_early(const held *self, held_shard *shard, int64_t end_ms)
{
    held_early early = { .end_ms = end_ms };
    for (size_t i = 0; i < held_pane_count(shard); i++)
        for (uint32_t side = 0; side < self->spec.side_count; side++) {
            const buffer *rows = &held_pane_nth(shard, i)->kept.rows[side];
            if (rows->size)
                held_keep(self, &early.kept, side, rows->at, rows->size / held_row_bytes(self, side));
        }
    buffer_append(&shard->early, &early, sizeof early);
}

void held_report_early(held *self, sl_task *task, unsigned number)
{
    held_shard *shard = &self->shards[number];
    const held_early *early = (const held_early *)(const void *)shard->early.at;
    for (size_t i = 0; i < shard->early.size / sizeof *early; i++) {
        shard->lists.size = 0;
        kept_list(self, shard, &early[i].kept);
        task->report_ms = early[i].end_ms;
        held_report(self, task, number);
    }
}
