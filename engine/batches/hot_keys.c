/*
 * batches/hot_keys.c - a sketch for each worker and node; the driver adds the workers' up.
 */
#include <base/memory.h>
#include <batches/hot_keys.h>
#include <records/document.h>
#include <records/key.h>
#include <stdlib.h>

enum { SLOTS = 16, TOLD = 3, STRIDE = 127 /* no period of the input */, EVERY = 64, LEAST = 50 };
#define SHARE_LEAST 0.05

typedef struct hot_slot {
    row_key key;
    uint32_t times, over; /* at most `over` of them were other keys */
} hot_slot;

typedef struct sketch {
    hot_slot slots[SLOTS];
    uint32_t used, rows; /* rows: that were looked at */
    size_t skip;         /* rows until the next one */
} sketch;

typedef struct sketcher { /* of a worker */
    sketch *nodes;
    arena keys;
    char padding[64];
} sketcher;

struct hot_keys {
    const sl_plan *plan;
    sketcher *workers;
    unsigned count;
    sl_hot_key told[PLAN_NODES_MAX * TOLD];
    buffer texts, row, sums; /* sums: hot_slot of all workers */
};

hot_keys *hot_keys_new(const sl_plan *plan, unsigned workers)
{
    hot_keys *self = memory_new(sizeof *self);
    self->plan = plan;
    self->count = workers;
    self->workers = memory_new(workers * sizeof *self->workers);
    for (unsigned w = 0; w < workers; w++)
        self->workers[w].nodes = memory_new(plan->count * sizeof(sketch));
    return self;
}

void hot_keys_free(hot_keys *self)
{
    if (self == NULL)
        return;
    for (unsigned w = 0; w < self->count; w++) {
        free(self->workers[w].nodes);
        arena_done(&self->workers[w].keys);
    }
    free(self->workers);
    buffer_done(&self->texts);
    buffer_done(&self->row);
    buffer_done(&self->sums);
    free(self);
}

void hot_keys_begin(hot_keys *self)
{
    for (unsigned w = 0; w < self->count; w++) {
        arena_reset(&self->workers[w].keys);
        for (uint32_t i = 0; i < self->plan->count; i++)
            self->workers[w].nodes[i].used = self->workers[w].nodes[i].rows = 0;
    }
}

/* NULL: it does not gather by key. A join takes rows on two sides. */
static const sl_fields *fields_of(const plan_node *node, uint32_t feeder)
{
    switch (node->kind) {
    case PLAN_COUNT: return &node->as.count.key;
    case PLAN_REDUCE: return &node->as.reduce.key;
    case PLAN_DISTINCT: return &node->as.distinct.key;
    case PLAN_ABOUT: return &node->as.about.key;
    case PLAN_GROUP: return &node->as.group.key;
    case PLAN_UPDATE: return &node->as.update.drawn.key;
    case PLAN_JOIN: return feeder == node->input ? &node->as.join.left : &node->as.join.right;
    default: return NULL;
    }
}

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

static void sketch_add(sketch *self, row_key key)
{
    uint32_t least = 0;
    self->rows++;
    for (uint32_t i = 0; i < self->used; i++) {
        if (key_equal(self->slots[i].key, key)) {
            self->slots[i].times++;
            return;
        }
        least = self->slots[i].times < self->slots[least].times ? i : least;
    }
    if (self->used < SLOTS) {
        self->slots[self->used++] = (hot_slot){ key, 1, 0 };
        return;
    }
    uint32_t times = self->slots[least].times;
    self->slots[least] = (hot_slot){ key, times + 1, times };
}

/* Small batches are looked at whole: their first rows one by one, then one in 127. */
void hot_keys_note(hot_keys *self, const sl_task *task, uint32_t number, const sl_rows *in)
{
    const plan_node *node = &self->plan->nodes[number];
    const sl_fields *fields = fields_of(node, task->feeder);
    sketcher *worker = &self->workers[task->worker];
    sketch *sketch = &worker->nodes[number];
    if (fields == NULL || fields->count == 0)
        return;
    size_t bytes = fields->of()->row_bytes, i = sketch->skip;
    while (i < in->count) {
        sketch_add(sketch, key_of_row(fields, (const char *)in->at + i * bytes, &worker->keys));
        i += sketch->rows < EVERY ? 1 : STRIDE;
    }
    sketch->skip = i - in->count;
}

/* ---- Driver ------------------------------------------------------------------------------------------------------ */

static void slot_sum(hot_keys *self, const hot_slot *slot)
{
    hot_slot *sums = (hot_slot *)(void *)self->sums.at;
    for (size_t i = 0; i < self->sums.size / sizeof *sums; i++) {
        if (!key_equal(sums[i].key, slot->key))
            continue;
        sums[i].times += slot->times;
        sums[i].over += slot->over;
        return;
    }
    buffer_append(&self->sums, slot, sizeof *slot);
}

/* Rows that all workers looked at; their slots are added up. */
static uint32_t node_sum(hot_keys *self, uint32_t number)
{
    uint32_t rows = 0;
    self->sums.size = 0;
    for (unsigned w = 0; w < self->count; w++) {
        const sketch *sketch = &self->workers[w].nodes[number];
        rows += sketch->rows;
        for (uint32_t i = 0; i < sketch->used; i++)
            slot_sum(self, &sketch->slots[i]);
    }
    return rows;
}

/* "0, 56"; the text's place among the texts, since these may move yet. */
static size_t key_print(hot_keys *self, const sl_fields *fields, const row_key *key)
{
    const sl_schema *schema = fields->of();
    size_t at = self->texts.size;
    self->row.size = 0;
    char *row = buffer_reserve(&self->row, schema->row_bytes);
    memset(row, 0, schema->row_bytes);
    key_fill(fields, key, row);
    for (size_t i = 0; i < fields->count; i++) {
        buffer_text(&self->texts, i ? ", " : "");
        field_text(schema_field_at(schema, fields->offset[i]), row, &self->texts);
    }
    buffer_byte(&self->texts, '\0');
    return at;
}

static int hotter(const void *a, const void *b)
{
    const hot_slot *left = a, *right = b;
    return left->times < right->times ? 1 : left->times > right->times ? -1 : 0;
}

static size_t node_tell(hot_keys *self, uint32_t number, sl_hot_key *told, size_t *places)
{
    const plan_node *node = &self->plan->nodes[number];
    const sl_fields *fields = fields_of(node, node->input);
    uint32_t rows = fields && fields->count ? node_sum(self, number) : 0;
    size_t count = self->sums.size / sizeof(hot_slot), done = 0;
    hot_slot *sums = (hot_slot *)(void *)self->sums.at;
    if (rows < LEAST)
        return 0;
    qsort(sums, count, sizeof *sums, hotter);
    for (size_t i = 0; i < count && done < TOLD; i++) {
        if ((double)(sums[i].times - sums[i].over) < SHARE_LEAST * rows)
            continue;
        told[done] = (sl_hot_key){ node->name, NULL, (double)sums[i].times / rows };
        places[done++] = key_print(self, fields, &sums[i].key);
    }
    return done;
}

void hot_keys_end(hot_keys *self, sl_batch_info *info)
{
    size_t places[PLAN_NODES_MAX * TOLD], count = 0;
    self->texts.size = 0;
    for (uint32_t i = 0; i < self->plan->count; i++)
        count += node_tell(self, i, self->told + count, places + count);
    for (size_t i = 0; i < count; i++)
        self->told[i].key = self->texts.at + places[i];
    info->hot_keys = self->told;
    info->hot_key_count = count;
}
