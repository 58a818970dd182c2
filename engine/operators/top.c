/*
 * operators/top.c - the rows with the most of something, for each group.
 *
 * No heap moves per row. Each shard of the count before keeps, for each group, some candidates and a floor: every key that
 * is no candidate is worse than the floor. A key that a batch touched becomes a candidate when it is better than the floor;
 * a report reads the candidates' amounts anew. As long as enough of them are better than the floor, the list is exact;
 * when windows have forgotten too much, the shard's keys are walked once and the floor is set anew.
 *
 *     candidates   412  380  377 ...  61          as many as 2 * keep, cut to keep when they are full
 *     floor                              60       the best that was cut away
 */
#include <base/memory.h>
#include <base/sort.h>
#include <operators/operator.h>
#include <records/document.h>
#include <stdlib.h>

enum { KEEP_LEAST = 64 };

typedef struct item {
    int64_t amount;
    sl_text then; /* lies in the store: read anew before it is compared */
    uint32_t id;
} item;

typedef struct group {
    char *name; /* of name_size bytes */
    size_t name_size;
    item *items; /* 2 * keep */
    size_t count;
    bool has_floor;
    int64_t floor_amount;
    buffer floor_then;
} group;

typedef struct top_shard {
    group *groups;
    size_t group_count;
    bool ready;            /* the candidates were found; not yet after a start from a checkpoint */
    buffer candidate_bits; /* by id */
    buffer results;        /* of result, oldest report first */
    arena memory;          /* of the results */
} top_shard;

typedef struct result {
    int64_t end_ms;
    char *rows;
    size_t count;
} result;

typedef struct top {
    sl_top drawn;
    const keyed *keyed;
    size_t row_bytes, keep, wanted;
    const sl_schema *schema;
    uint32_t number;
    void *executor;
    operator_emit *emit;
    int64_t batch_id;
    top_shard shards[STORE_SHARDS];
    buffer gathered; /* driver: of char *: rows of all shards */
} top;

static sl_text text_of(const char *row, const sl_fields *field)
{
    sl_text text = { "", 0 };
    if (field->count)
        memcpy(&text, row + field->offset[0], sizeof text);
    return text;
}

/* < 0: a comes first. */
static int order_of(int64_t a_amount, sl_text a_then, int64_t b_amount, sl_text b_then)
{
    if (a_amount != b_amount)
        return a_amount > b_amount ? -1 : 1;
    return sl_text_compare(a_then, b_then);
}

/* Candidates hardly change places from report to report: insertion takes one pass. */
static void items_sort(item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        item moved = items[i];
        size_t at = i;
        for (; at && order_of(moved.amount, moved.then, items[at - 1].amount, items[at - 1].then) < 0; at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

static sl_result top_open(const operator_spec *spec, void **opened, failure *failure)
{
    (void)failure;
    top *self = memory_new(sizeof *self);
    const operator* count = spec->operators[spec->node->input];
    self->drawn = spec->node->as.top;
    self->keyed = count->kind->keyed(count->self);
    self->schema = spec->node->schema;
    self->row_bytes = self->schema->row_bytes;
    self->wanted = (size_t)self->drawn.count;
    self->keep = self->wanted * 4 < KEEP_LEAST ? KEEP_LEAST : self->wanted * 4;
    self->number = spec->number;
    self->executor = spec->executor;
    self->emit = spec->emit;
    *opened = self;
    return SL_OK;
}

static void group_done(group *group)
{
    free(group->name);
    free(group->items);
    buffer_done(&group->floor_then);
}

static void top_close(void *opened)
{
    top *self = opened;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        top_shard *shard = &self->shards[s];
        for (size_t g = 0; g < shard->group_count; g++)
            group_done(&shard->groups[g]);
        free(shard->groups);
        buffer_done(&shard->candidate_bits);
        buffer_done(&shard->results);
        arena_done(&shard->memory);
    }
    buffer_done(&self->gathered);
    free(self);
}

static sl_result top_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    top *self = opened;
    if (batch->merged)
        return SL_OK; /* the results of the merge are asked for again */
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        self->shards[s].results.size = 0;
        arena_reset(&self->shards[s].memory);
    }
    return SL_OK;
}

/* ---- Candidates. Runs on: the shard's owner. ---- */

static bool is_candidate(top_shard *shard, uint32_t id)
{
    size_t words = (size_t)id / 64 + 1, had = shard->candidate_bits.size / 8;
    if (words > had) {
        memset(buffer_reserve(&shard->candidate_bits, (words - had) * 8), 0, (words - had) * 8);
        shard->candidate_bits.size = words * 8;
    }
    return ((uint64_t *)(void *)shard->candidate_bits.at)[id / 64] >> (id % 64) & 1;
}

static void candidate_set(top_shard *shard, uint32_t id, bool is)
{
    uint64_t *word = (uint64_t *)(void *)shard->candidate_bits.at + id / 64, bit = (uint64_t)1 << (id % 64);
    *word = is ? *word | bit : *word & ~bit;
}

static group *group_of(top *self, top_shard *shard, sl_text name)
{
    for (size_t g = 0; g < shard->group_count; g++)
        if (sl_text_equal((sl_text){ shard->groups[g].name, shard->groups[g].name_size }, name))
            return &shard->groups[g];
    shard->groups = memory_resize(shard->groups, (shard->group_count + 1) * sizeof(group));
    group *added = &shard->groups[shard->group_count++];
    *added = (group){ .name = memory_new(name.size + 1), .name_size = name.size };
    if (name.size)
        memcpy(added->name, name.at, name.size);
    added->items = memory_new(2 * self->keep * sizeof(item));
    return added;
}

/* Reads the candidates' amounts again; those that are gone are dropped. */
static void group_refresh(top *self, unsigned number, group *group)
{
    top_shard *shard = &self->shards[number];
    char *row = arena_take(&shard->memory, self->row_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        uint32_t id = group->items[i].id;
        bool there = self->keyed->row(self->keyed->self, number, id, 0, row);
        if (there &&
            sl_text_equal(text_of(row, &self->drawn.per), (sl_text){ group->name, group->name_size }))
            group->items[kept++] = (item){ self->keyed->amount(self->keyed->self, number, id),
                                           text_of(row, &self->drawn.then), id };
        else
            candidate_set(shard, id, false);
    }
    group->count = kept;
    items_sort(group->items, kept);
}

static void group_cut(top *self, unsigned number, group *group)
{
    group_refresh(self, number, group);
    if (group->count <= self->keep)
        return;
    const item *best = &group->items[self->keep];
    sl_text floor_then = { group->floor_then.at, group->floor_then.size };
    if (!group->has_floor || order_of(best->amount, best->then, group->floor_amount, floor_then) < 0) {
        group->has_floor = true;
        group->floor_amount = best->amount;
        group->floor_then.size = 0;
        buffer_append(&group->floor_then, best->then.at, best->then.size);
    }
    for (size_t i = self->keep; i < group->count; i++)
        candidate_set(&self->shards[number], group->items[i].id, false);
    group->count = self->keep;
}

/* Makes the key a candidate when it is better than its group's floor. `row` is room for one. */
static void candidate_offer(top *self, unsigned number, uint32_t id, char *row)
{
    top_shard *shard = &self->shards[number];
    if (is_candidate(shard, id) || !self->keyed->row(self->keyed->self, number, id, 0, row))
        return;
    group *group = group_of(self, shard, text_of(row, &self->drawn.per));
    item offered = { self->keyed->amount(self->keyed->self, number, id), text_of(row, &self->drawn.then),
                     id };
    sl_text floor_then = { group->floor_then.at, group->floor_then.size };
    if (group->has_floor && order_of(offered.amount, offered.then, group->floor_amount, floor_then) >= 0)
        return;
    group->items[group->count++] = offered;
    candidate_set(shard, id, true);
    if (group->count == 2 * self->keep)
        group_cut(self, number, group);
}

/* A candidate must not outlive its key: another key, of another group perhaps, gets its id. */
static void top_forgot(void *opened, unsigned number)
{
    top *self = opened;
    for (size_t g = 0; g < self->shards[number].group_count; g++)
        group_refresh(self, number, &self->shards[number].groups[g]);
}

static void top_changed(void *opened, unsigned number, const uint32_t *ids, size_t count)
{
    top *self = opened;
    char *row = count ? arena_take(&self->shards[number].memory, self->row_bytes) : NULL;
    for (size_t i = 0; i < count; i++)
        candidate_offer(self, number, ids[i], row);
}

static bool group_is_exact(const top *self, const group *group)
{
    if (!group->has_floor)
        return true;
    if (group->count < self->wanted)
        return false;
    const item *last = &group->items[self->wanted - 1];
    return order_of(last->amount, last->then, group->floor_amount,
                    (sl_text){ group->floor_then.at, group->floor_then.size }) < 0;
}

static void shard_rebuild(top *self, unsigned number)
{
    top_shard *shard = &self->shards[number];
    char *row = arena_take(&shard->memory, self->row_bytes);
    for (size_t g = 0; g < shard->group_count; g++) {
        shard->groups[g].count = 0;
        shard->groups[g].has_floor = false;
    }
    if (shard->candidate_bits.size)
        memset(shard->candidate_bits.at, 0, shard->candidate_bits.size);
    for (uint32_t id = 0; id < self->keyed->ids(self->keyed->self, number); id++)
        candidate_offer(self, number, id, row);
    for (size_t g = 0; g < shard->group_count; g++)
        group_refresh(self, number, &shard->groups[g]);
}

/* ---- Reports ---- */

/* The texts of a row copied, since the store goes on changing. */
static void row_keep(const top *self, char *row, arena *memory)
{
    for (size_t f = 0; f < self->schema->count; f++) {
        sl_text *text = (sl_text *)(void *)(row + self->schema->fields[f].offset);
        if (self->schema->fields[f].kind == SL_KIND_text && text->at)
            text->at = arena_copy(memory, text->at, text->size);
    }
}

static size_t group_write(top *self, unsigned number, const group *group, int64_t end_ms, char *rows)
{
    size_t count = group->count < self->wanted ? group->count : self->wanted;
    for (size_t i = 0; i < count; i++) {
        char *row = rows + i * self->row_bytes;
        self->keyed->row(self->keyed->self, number, group->items[i].id, end_ms, row);
        row_keep(self, row, &self->shards[number].memory);
    }
    return count;
}

static void top_report(void *opened, sl_task *task, unsigned number, int64_t end_ms)
{
    (void)task;
    top *self = opened;
    top_shard *shard = &self->shards[number];
    bool exact = shard->ready;
    shard->ready = true;
    for (size_t g = 0; g < shard->group_count; g++) {
        group_refresh(self, number, &shard->groups[g]);
        exact &= group_is_exact(self, &shard->groups[g]);
    }
    if (!exact)
        shard_rebuild(self, number);
    result made = { .end_ms = end_ms };
    made.rows = arena_take(&shard->memory, shard->group_count * self->wanted * self->row_bytes + 1);
    for (size_t g = 0; g < shard->group_count; g++)
        made.count +=
            group_write(self, number, &shard->groups[g], end_ms, made.rows + made.count * self->row_bytes);
    buffer_append(&shard->results, &made, sizeof made);
}

static int row_order(const void *a, const void *b, const void *opened)
{
    const top *self = opened;
    const char *left = a, *right = b;
    int64_t left_amount, right_amount;
    memcpy(&left_amount, left + self->drawn.most.offset[0], sizeof left_amount);
    memcpy(&right_amount, right + self->drawn.most.offset[0], sizeof right_amount);
    int order = sl_text_compare(text_of(left, &self->drawn.per), text_of(right, &self->drawn.per));
    return order ? order
                 : order_of(left_amount, text_of(left, &self->drawn.then), right_amount,
                            text_of(right, &self->drawn.then));
}

static void gather(top *self, size_t report)
{
    self->gathered.size = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const result *made = (const result *)(const void *)self->shards[s].results.at + report;
        for (size_t i = 0; i < made->count; i++) {
            char *row = made->rows + i * self->row_bytes;
            buffer_append(&self->gathered, &row, sizeof row);
        }
    }
    sort_pointers((void **)(void *)self->gathered.at, self->gathered.size / sizeof(char *), row_order, self);
}

/* The first rows of each group, with their ranks, in one piece. */
static size_t rank(const top *self, char *rows)
{
    char *const *sorted = (char *const *)(void *)self->gathered.at;
    size_t all = self->gathered.size / sizeof *sorted, count = 0;
    int64_t place = 0;
    for (size_t i = 0; i < all; i++) {
        bool same = i && sl_text_equal(text_of(sorted[i], &self->drawn.per),
                                       text_of(sorted[i - 1], &self->drawn.per));
        place = same ? place + 1 : 1;
        if (place > self->drawn.count)
            continue;
        char *row = rows + count++ * self->row_bytes;
        memcpy(row, sorted[i], self->row_bytes);
        if (self->drawn.rank.count)
            memcpy(row + self->drawn.rank.offset[0], &place, sizeof place);
    }
    return count;
}

static void top_finish(void *opened, sl_task *task)
{
    top *self = opened;
    size_t reports = self->shards[0].results.size / sizeof(result);
    for (size_t report = 0; report < reports; report++) {
        gather(self, report);
        char *rows = arena_take(&task->memory, self->gathered.size / sizeof(char *) * self->row_bytes + 1);
        task->report_ms = ((const result *)(const void *)self->shards[0].results.at)[report].end_ms;
        self->emit(self->executor, task, self->number, rows, rank(self, rows));
    }
}

const operator_kind operator_top = {
    .name = "top",
    .open = top_open,
    .close = top_close,
    .begin = top_begin,
    .finish = top_finish,
    .forgot = top_forgot,
    .changed = top_changed,
    .report = top_report,
};
