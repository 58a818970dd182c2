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

typedef struct sum_field {
    size_t offset;
    sl_kind kind;
} sum_field;

typedef struct reduce {
    size_t row_bytes;
    void (*add)(void *into, const void *from); /* NULL: a sum */
    void (*remove)(void *into, const void *from);
    sum_field sums[4]; /* a sum's value is eight bytes for each */
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

/* ---- Sums. Whole numbers go round at their ends, as the processor's do: the lower half of a sum is the sum of lower halves ---- */

static uint64_t sum_read(sum_field field, const char *row)
{
    uint64_t bits;
    uint32_t half;
    if (field.kind == SL_KIND_i32) {
        memcpy(&half, row + field.offset, sizeof half);
        return half;
    }
    memcpy(&bits, row + field.offset, sizeof bits);
    return bits;
}

static uint64_t sum_add(sl_kind kind, uint64_t into, uint64_t from)
{
    double a, b;
    if (kind != SL_KIND_f64)
        return into + from;
    memcpy(&a, &into, sizeof a);
    memcpy(&b, &from, sizeof b);
    a += b;
    memcpy(&into, &a, sizeof into);
    return into;
}

static void sums_take(const void *reducing, const void *rows, size_t count, char *const *parts, arena *memory)
{
    const reduce *self = reducing;
    (void)memory;
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < self->sum_count; i++) {
            uint64_t sum = sum_read(self->sums[i], (const char *)rows + r * self->row_bytes);
            memcpy(parts[r] + i * sizeof sum, &sum, sizeof sum);
        }
}

/* The usual kind in a loop of its own, whose additions do not wait for each other. */
static uint64_t column_sum(sum_field field, const char *rows, size_t row_bytes, size_t count)
{
    sum_field whole = { field.offset, SL_KIND_i64 };
    uint64_t sum = sum_read(field, rows), other = 0;
    size_t r = 1;
    for (; field.kind == SL_KIND_i64 && r + 2 <= count; r += 2) {
        sum += sum_read(whole, rows + r * row_bytes);
        other += sum_read(whole, rows + (r + 1) * row_bytes);
    }
    for (; r < count; r++)
        sum = sum_add(field.kind, sum, sum_read(field, rows + r * row_bytes));
    return sum_add(field.kind, sum, other);
}

static void sums_fold(const void *reducing, const void *rows, size_t count, void *part)
{
    const reduce *self = reducing;
    uint64_t *sums = part;
    for (size_t i = 0; i < self->sum_count; i++)
        sums[i] = column_sum(self->sums[i], rows, self->row_bytes, count);
}

static void sums_join(const void *reducing, void *value, const void *from, bool first)
{
    const reduce *self = reducing;
    const uint64_t *more = from;
    uint64_t *sums = value;
    for (size_t i = 0; i < self->sum_count; i++)
        sums[i] = first ? more[i] : sum_add(self->sums[i].kind, sums[i], more[i]);
}

static void sums_add(const void *reducing, const parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        sums_join(reducing, parts->values[i], parts->at + i * parts->stride, parts->first[i]);
}

static void sums_remove(const void *reducing, void *value, const void *from)
{
    const reduce *self = reducing;
    const uint64_t *less = from;
    uint64_t *sums = value;
    for (size_t i = 0; i < self->sum_count; i++)
        sums[i] -= less[i];
}

static void sums_give(const void *reducing, const void *value, void *row)
{
    const reduce *self = reducing;
    const uint64_t *sums = value;
    for (size_t i = 0; i < self->sum_count; i++)
        if (self->sums[i].kind == SL_KIND_i32)
            memcpy((char *)row + self->sums[i].offset, &(uint32_t){ (uint32_t)sums[i] }, sizeof(uint32_t));
        else
            memcpy((char *)row + self->sums[i].offset, &sums[i], sizeof sums[i]);
}

/* The usual case: one whole number. */
static void one_take(const void *reducing, const void *rows, size_t count, char *const *parts, arena *memory)
{
    const reduce *self = reducing;
    const char *at = (const char *)rows + self->sums[0].offset;
    (void)memory;
    for (size_t i = 0; i < count; i++, at += self->row_bytes)
        memcpy(parts[i], at, sizeof(uint64_t));
}

static void one_add(const void *reducing, const parts *parts)
{
    (void)reducing;
    for (size_t i = 0; i < parts->count; i++)
        *(uint64_t *)parts->values[i] += ((const uint64_t *)(const void *)parts->at)[i];
}

static void one_join(const void *reducing, void *value, const void *from, bool first)
{
    (void)reducing;
    *(uint64_t *)value = (first ? 0 : *(uint64_t *)value) + *(const uint64_t *)from;
}

/* ---- Functions of the job ---- */

static void row_take(const void *reducing, const void *rows, size_t count, char *const *parts, arena *memory)
{
    const reduce *self = reducing;
    (void)memory;
    for (size_t i = 0; i < count; i++) {
        row_copy(parts[i], (const char *)rows + i * self->row_bytes, self->row_bytes);
        for (size_t e = 0; e < self->empty_count; e++)
            if (self->empty[e].size == sizeof(sl_text))
                memset(parts[i] + self->empty[e].offset, 0, sizeof(sl_text));
            else
                memset(parts[i] + self->empty[e].offset, 0, self->empty[e].size);
    }
}

static void row_add(const void *reducing, const parts *parts)
{
    const reduce *self = reducing;
    const char *part = parts->at;
    for (size_t i = 0; i < parts->count; i++, part += parts->stride)
        if (parts->first[i])
            row_copy(parts->values[i], part, self->row_bytes);
        else
            self->add(parts->values[i], part);
}

static void row_join(const void *reducing, void *value, const void *from, bool first)
{
    const reduce *self = reducing;
    if (first)
        row_copy(value, from, self->row_bytes);
    else
        self->add(value, from);
}

static void row_remove(const void *reducing, void *value, const void *from)
{
    ((const reduce *)reducing)->remove(value, from);
}

static void row_give(const void *reducing, const void *value, void *row)
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
    buffer_print(&text, "%s %zu %d;", schema->name, schema->row_bytes, drawn->add != NULL);
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
    static const aggregate_kind ways[] = {
        { sums_take, sums_add, sums_join, sums_remove, sums_give, sums_fold },
        { sums_take, sums_add, sums_join, NULL, sums_give, sums_fold },
        { row_take, row_add, row_join, row_remove, row_give, NULL },
        { row_take, row_add, row_join, NULL, row_give, NULL },
        { one_take, one_add, one_join, sums_remove, sums_give, sums_fold },
    };
    bool fractions = false;
    if (self->sum_count == 1 && self->sums[0].kind == SL_KIND_i64)
        return &ways[4];
    for (size_t i = 0; i < self->sum_count; i++)
        fractions |= self->sums[i].kind == SL_KIND_f64;
    return self->add ? &ways[self->remove ? 2 : 3] : &ways[fractions];
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
    size_t bytes = drawn->add ? schema->row_bytes : drawn->sum.count * sizeof(uint64_t);
    aggregate_spec made = {
        .kind = way_of(self),
        .self = self,
        .name = drawn->name,
        .key = drawn->key,
        .window = drawn->window,
        .part_bytes = bytes,
        .value_bytes = bytes,
        .touched_only = drawn->touched_only,
        .even_if_empty = drawn->even_if_empty,
        .shape = shape_of(schema, drawn),
        .folds = !has_fractions(schema),
    };
    return aggregate_open(spec, &made, opened, failure);
}

const operator_kind operator_reduce = AGGREGATE_KIND("reduce", reduce_open);
