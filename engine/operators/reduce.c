/*
 * operators/reduce.c - the rows of a key become one: by the job's function, or by adding up fields. What is kept is a row without its
 * key; see aggregate.h for how.
 */
#include <base/memory.h>
#include <operators/aggregate.h>
#include <stdlib.h>

typedef struct bytes_at {
    size_t offset, size;
} bytes_at;

typedef struct reduce {
    size_t row_bytes;
    void (*add)(void *into, const void *from); /* NULL: a sum */
    void (*remove)(void *into, const void *from);
    struct {
        size_t offset;
        sl_kind kind;
    } sums[4];
    size_t sum_count;
    bytes_at empty[6]; /* key and times of the window, which the row gets on its way out */
    size_t empty_count;
} reduce;

static size_t kind_bytes(sl_kind kind)
{
    switch (kind) {
    case SL_KIND_text: return sizeof(sl_text);
    case SL_KIND_i32: return sizeof(int32_t);
    case SL_KIND_flag: return sizeof(bool);
    case SL_KIND_maybe_i64: return sizeof(sl_maybe_i64);
    default: return sizeof(int64_t);
    }
}

/* ---- What a row brings ---- */

static void reduce_take(const void *reducing, const void *row, void *part, arena *memory)
{
    const reduce *self = reducing;
    (void)memory;
    if (self->add == NULL) {
        memset(part, 0, self->row_bytes);
        for (size_t i = 0; i < self->sum_count; i++)
            memcpy((char *)part + self->sums[i].offset, (const char *)row + self->sums[i].offset,
                   kind_bytes(self->sums[i].kind));
        return;
    }
    memcpy(part, row, self->row_bytes);
    for (size_t i = 0; i < self->empty_count; i++)
        memset((char *)part + self->empty[i].offset, 0, self->empty[i].size);
}

/* ---- Joining ---- */

/* Whole numbers go round at their ends, as the processor's do. */
static void field_add(sl_kind kind, char *into, const char *from, bool back)
{
    if (kind == SL_KIND_f64) {
        double a, b;
        memcpy(&a, into, sizeof a);
        memcpy(&b, from, sizeof b);
        a = back ? a - b : a + b;
        memcpy(into, &a, sizeof a);
        return;
    }
    uint64_t a = 0, b = 0; /* the lower half of a sum is the sum of the lower halves */
    size_t size = kind_bytes(kind);
    memcpy(&a, into, size);
    memcpy(&b, from, size);
    a = back ? a - b : a + b;
    memcpy(into, &a, size);
}

static void fields_add(const reduce *self, char *into, const char *from, bool back)
{
    for (size_t i = 0; i < self->sum_count; i++)
        field_add(self->sums[i].kind, into + self->sums[i].offset, from + self->sums[i].offset, back);
}

static void reduce_join(const void *reducing, void *value, const void *from, bool first)
{
    const reduce *self = reducing;
    if (first)
        memcpy(value, from, self->row_bytes);
    else if (self->add)
        self->add(value, from);
    else
        fields_add(self, value, from, false);
}

static void reduce_remove(const void *reducing, void *value, const void *from)
{
    const reduce *self = reducing;
    if (self->remove)
        self->remove(value, from);
    else
        fields_add(self, value, from, true);
}

static void reduce_give(const void *reducing, const void *value, void *row)
{
    memcpy(row, value, ((const reduce *)reducing)->row_bytes);
}

/* ---- Opening ---- */

static void empty_add(reduce *self, const sl_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        self->empty[self->empty_count++] =
            (bytes_at){ fields->offset[i],
                        kind_bytes(schema_field_at(fields->of(), fields->offset[i])->kind) };
}

/* Which fields are kept, where and of what kind. */
static uint64_t shape_of(const sl_schema *schema, const sl_reduce *drawn)
{
    buffer text = { 0 };
    buffer_print(&text, "%s %zu %d", schema->name, schema->row_bytes, drawn->add != NULL);
    for (size_t i = 0; i < drawn->sum.count; i++)
        buffer_print(&text, " +%zu", drawn->sum.offset[i]);
    for (size_t i = 0; i < schema->count; i++)
        buffer_print(&text, " %s %zu %d", schema->fields[i].name, schema->fields[i].offset,
                     (int)schema->fields[i].kind);
    uint64_t shape = hash_bytes(text.at, text.size);
    buffer_done(&text);
    return shape;
}

static bool has_fractions(const sl_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].kind == SL_KIND_f64)
            return true;
    return false;
}

/* A sum of fractions could be taken back, too, but not exactly. */
static const aggregate_kind *way_of(const reduce *self)
{
    static const aggregate_kind there_and_back = { reduce_take, reduce_join, reduce_join, reduce_remove,
                                                   reduce_give };
    static const aggregate_kind there = { reduce_take, reduce_join, reduce_join, NULL, reduce_give };
    bool back = self->add == NULL || self->remove;
    for (size_t i = 0; i < self->sum_count; i++)
        back &= self->sums[i].kind != SL_KIND_f64;
    return back ? &there_and_back : &there;
}

static sl_result reduce_open(const operator_spec *spec, void **opened, failure *failure)
{
    const sl_reduce *drawn = &spec->node->as.reduce;
    const sl_schema *schema = spec->node->schema;
    reduce *self = memory_new(sizeof *self);
    self->row_bytes = schema->row_bytes;
    self->add = drawn->add ? drawn->add->run : NULL;
    self->remove = drawn->remove ? drawn->remove->run : NULL;
    for (size_t i = 0; i < drawn->sum.count; i++) {
        self->sums[i].offset = drawn->sum.offset[i];
        self->sums[i].kind = schema_field_at(schema, drawn->sum.offset[i])->kind;
    }
    self->sum_count = drawn->sum.count;
    empty_add(self, &drawn->key);
    empty_add(self, &drawn->window.start);
    empty_add(self, &drawn->window.end);
    aggregate_spec made = {
        .kind = way_of(self),
        .self = self,
        .name = drawn->name,
        .key = drawn->key,
        .window = drawn->window,
        .part_bytes = schema->row_bytes,
        .value_bytes = schema->row_bytes,
        .touched_only = drawn->touched_only,
        .even_if_empty = drawn->even_if_empty,
        .shape = shape_of(schema, drawn),
        .folds = !has_fractions(schema),
    };
    return aggregate_open(spec, &made, opened, failure);
}

const operator_kind operator_reduce = AGGREGATE_KIND("reduce", reduce_open);
