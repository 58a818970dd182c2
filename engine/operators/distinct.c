/*
 * operators/distinct.c - each key once: keys whose values are empty; see aggregate.h.
 */
#include <operators/aggregate.h>

static void nothing_join(const void *self, void *value, const void *from, bool first)
{
    (void)self, (void)value, (void)from, (void)first;
}

static void nothing_remove(const void *self, void *value, const void *from)
{
    (void)self, (void)value, (void)from;
}

static void nothing_give(const void *self, const void *value, void *row)
{
    (void)self, (void)value, (void)row;
}

static sl_result distinct_open(const operator_spec *spec, void **opened, failure *failure)
{
    static const aggregate_kind kind = { NULL, NULL, nothing_join, nothing_remove, nothing_give, NULL };
    const sl_distinct *drawn = &spec->node->as.distinct;
    aggregate_spec made = {
        .kind = &kind,
        .name = drawn->name,
        .key = drawn->key,
        .window = drawn->window,
        .fresh_only = drawn->window.length.ms == SL_EVER_MS,
    };
    return aggregate_open(spec, &made, opened, failure);
}

const operator_kind operator_distinct = AGGREGATE_KIND("distinct", distinct_open);
