/*
 * operators/top.c - the rows with the most of something, for each group.
 *
 * No heap moves per row. Each shard of what keeps the rows before (a count, a reduce, an update, ...) keeps, for each group, some candidates and a floor: every key that
 * is no candidate is worse than the floor. A key that a batch touched becomes a candidate when it is better than the floor;
 * a report reads the candidates' amounts anew. As long as enough of them are better than the floor, the list is exact;
 * when windows have forgotten too much, the shard's keys are walked once and the floor is set anew.
 *
 *     candidates   412  380  377 ...  61          as many as 2 * keep, cut to keep when they are full
 *     floor                              60       the best that was cut away
 *
 * A shard's owner brings only the wanted ones into order; the driver merges the shards' lists, and stops when a list is full.
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
    item **
        sorted; /* to each of them; those of the candidates first, the best `wanted` of them in order after a report */
    size_t count; /* of the candidates */
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

/* The rows of a group in one shard, best first. */
typedef struct run {
    sl_text group;
    const char *rows;
    size_t count;
} run;

typedef struct result {
    int64_t end_ms;
    run *runs;
    size_t count;
} result;

typedef struct top {
    sl_top drawn;
    const keyed *keyed;
    size_t row_bytes, keep, wanted;
    const sl_schema *schema;
    sl_kind most_kind;
    uint32_t number;
    void *executor;
    operator_emit *emit;
    top_shard shards[STORE_SHARDS];
    buffer gathered, sorted; /* driver: of run: those of all shards; of run * */
} top;

static sl_text text_of(const char *row, const sl_fields *field)
{
    sl_text text = { "", 0 };
    if (field->count)
        memcpy(&text, row + field->offset[0], sizeof text);
    return text;
}

/* Fractions as whole numbers of the same order: their bits are, but for those below zero. */
static int64_t order_of_fraction(double value)
{
    int64_t bits;
    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static int64_t amount_of(const top *self, const char *row)
{
    const char *at = row + self->drawn.most.offset[0];
    int64_t whole = 0;
    int32_t small;
    double fraction;
    switch (self->most_kind) {
    case SL_KIND_i32: memcpy(&small, at, sizeof small); return small;
    case SL_KIND_f64: memcpy(&fraction, at, sizeof fraction); return order_of_fraction(fraction);
    default: memcpy(&whole, at, sizeof whole); return whole;
    }
}

/* < 0: a comes first. */
static int order_of(int64_t a_amount, sl_text a_then, int64_t b_amount, sl_text b_then)
{
    if (a_amount != b_amount)
        return a_amount > b_amount ? -1 : 1;
    return sl_text_compare(a_then, b_then);
}

static int item_order(const void *a, const void *b, const void *unused)
{
    const item *left = a, *right = b;
    (void)unused;
    return order_of(left->amount, left->then, right->amount, right->then);
}

static void group_sort(group *group, size_t most)
{
    sort_first((void **)group->sorted, group->count, most, item_order, NULL);
}

static sl_result top_open(const operator_spec *spec, void **opened, failure *failure)
{
    (void)failure;
    top *self = memory_new(sizeof *self);
    const operator* keeps = spec->operators[spec->node->input];
    self->drawn = spec->node->as.top;
    self->keyed = keeps->kind->keyed(keeps->self);
    self->schema = spec->node->schema;
    self->row_bytes = self->schema->row_bytes;
    self->most_kind = schema_field_at(self->schema, self->drawn.most.offset[0])->kind;
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
    free(group->sorted);
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
    buffer_done(&self->sorted);
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
    added->sorted = memory_new(2 * self->keep * sizeof(item *));
    for (size_t i = 0; i < 2 * self->keep; i++)
        added->sorted[i] = &added->items[i];
    return added;
}

/* Reads the candidates' amounts again; those that are gone are dropped. */
static void group_refresh(top *self, unsigned number, group *group)
{
    top_shard *shard = &self->shards[number];
    char *row = arena_take(&shard->memory, self->row_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        item *candidate = group->sorted[i];
        uint32_t id = candidate->id;
        bool there = self->keyed->row(self->keyed->self, number, id, 0, row);
        if (there &&
            sl_text_equal(text_of(row, &self->drawn.per), (sl_text){ group->name, group->name_size })) {
            candidate->amount = amount_of(self, row);
            candidate->then = text_of(row, &self->drawn.then);
            group->sorted[i] = group->sorted[kept];
            group->sorted[kept++] = candidate;
        } else {
            candidate_set(shard, id, false);
        }
    }
    group->count = kept;
}

static void group_cut(top *self, unsigned number, group *group)
{
    group_refresh(self, number, group);
    if (group->count <= self->keep)
        return;
    group_sort(group, self->keep + 1);
    const item *best = group->sorted[self->keep];
    sl_text floor_then = { group->floor_then.at, group->floor_then.size };
    if (!group->has_floor || order_of(best->amount, best->then, group->floor_amount, floor_then) < 0) {
        group->has_floor = true;
        group->floor_amount = best->amount;
        group->floor_then.size = 0;
        buffer_append(&group->floor_then, best->then.at, best->then.size);
    }
    for (size_t i = self->keep; i < group->count; i++)
        candidate_set(&self->shards[number], group->sorted[i]->id, false);
    group->count = self->keep;
}

/* Makes the key a candidate when it is better than its group's floor. `row` is room for one. */
static void candidate_offer(top *self, unsigned number, uint32_t id, char *row)
{
    top_shard *shard = &self->shards[number];
    if (is_candidate(shard, id) || !self->keyed->row(self->keyed->self, number, id, 0, row))
        return;
    group *group = group_of(self, shard, text_of(row, &self->drawn.per));
    item offered = { amount_of(self, row), text_of(row, &self->drawn.then), id };
    sl_text floor_then = { group->floor_then.at, group->floor_then.size };
    if (group->has_floor && order_of(offered.amount, offered.then, group->floor_amount, floor_then) >= 0)
        return;
    *group->sorted[group->count++] = offered;
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
    const item *last = group->sorted[self->wanted - 1];
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
    for (size_t g = 0; g < shard->group_count; g++) {
        group_refresh(self, number, &shard->groups[g]);
        group_sort(&shard->groups[g], self->wanted);
    }
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

static run group_write(top *self, unsigned number, const group *group, int64_t end_ms)
{
    arena *memory = &self->shards[number].memory;
    size_t count = group->count < self->wanted ? group->count : self->wanted;
    char *rows = arena_take(memory, count * self->row_bytes + 1);
    for (size_t i = 0; i < count; i++) {
        char *row = rows + i * self->row_bytes;
        self->keyed->row(self->keyed->self, number, group->sorted[i]->id, end_ms, row);
        row_keep(self, row, memory);
    }
    return (run){ { group->name, group->name_size }, rows, count };
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
        group_sort(&shard->groups[g], self->wanted);
        exact &= group_is_exact(self, &shard->groups[g]);
    }
    if (!exact)
        shard_rebuild(self, number);
    result made = { .end_ms = end_ms };
    made.runs = arena_take(&shard->memory, shard->group_count * sizeof(run) + 1);
    for (size_t g = 0; g < shard->group_count; g++) {
        run *run = &made.runs[made.count];
        *run = group_write(self, number, &shard->groups[g], end_ms);
        made.count += run->count > 0;
    }
    buffer_append(&shard->results, &made, sizeof made);
}

static int run_order(const void *a, const void *b, const void *unused)
{
    (void)unused;
    return sl_text_compare(((const run *)a)->group, ((const run *)b)->group);
}

/* Of two runs of a group the one whose next row is worse comes first: a heap has the best at its front. */
static int head_order(const void *a, const void *b, const void *opened)
{
    const top *self = opened;
    const char *left = ((const run *)a)->rows, *right = ((const run *)b)->rows;
    return order_of(amount_of(self, right), text_of(right, &self->drawn.then), amount_of(self, left),
                    text_of(left, &self->drawn.then));
}

/* Copies of the runs of all shards, which another attempt at the batch wants again; those of a group together. */
static run **gather(top *self, size_t report, size_t *count)
{
    self->gathered.size = self->sorted.size = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        const result *made = (const result *)(const void *)self->shards[s].results.at + report;
        buffer_append(&self->gathered, made->runs, made->count * sizeof *made->runs);
    }
    run *runs = (run *)(void *)self->gathered.at;
    *count = self->gathered.size / sizeof *runs;
    for (size_t i = 0; i < *count; i++)
        buffer_append(&self->sorted, &(run *){ &runs[i] }, sizeof(run *));
    sort_pointers((void **)(void *)self->sorted.at, *count, run_order, NULL);
    return (run **)(void *)self->sorted.at;
}

/* The best rows of a group's runs, with their ranks; returns how many. */
static size_t merge(const top *self, run **runs, size_t count, char *rows)
{
    int64_t rank = 0;
    heap_make((void **)runs, count, head_order, self);
    while (count && rank < self->drawn.count) {
        char *row = rows + (size_t)rank++ * self->row_bytes;
        memcpy(row, runs[0]->rows, self->row_bytes);
        if (self->drawn.rank.count)
            memcpy(row + self->drawn.rank.offset[0], &rank, sizeof rank);
        runs[0]->rows += self->row_bytes;
        if (--runs[0]->count == 0)
            runs[0] = runs[--count];
        heap_settle((void **)runs, count, head_order, self);
    }
    return (size_t)rank;
}

static void report_emit(top *self, sl_task *task, size_t report)
{
    size_t count, total = 0, written = 0;
    run **runs = gather(self, report, &count);
    for (size_t i = 0; i < count; i++)
        total += runs[i]->count;
    char *rows = arena_take(&task->memory, total * self->row_bytes + 1);
    for (size_t from = 0, until; from < count; from = until) {
        for (until = from + 1; until < count && run_order(runs[from], runs[until], NULL) == 0;)
            until++;
        written += merge(self, runs + from, until - from, rows + written * self->row_bytes);
    }
    self->emit(self->executor, task, self->number, rows, written);
}

static void top_finish(void *opened, sl_task *task)
{
    top *self = opened;
    const result *results = (const result *)(const void *)self->shards[0].results.at;
    size_t reports = self->shards[0].results.size / sizeof *results;
    for (size_t report = 0; report < reports; report++) {
        task->report_ms = results[report].end_ms;
        report_emit(self, task, report);
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
