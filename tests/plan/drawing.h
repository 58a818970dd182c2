/*
 * tests/plan/drawing.h - records and stages that the tests of the plan draw with.
 */
#ifndef TESTS_PLAN_DRAWING_H
#define TESTS_PLAN_DRAWING_H

#include <plan/plan.h>

#define OWNER_FIELDS(F) F(text, name)
SL_RECORD(owner, OWNER_FIELDS);

#define MAKER_FIELDS(F) F(text, name) F(origin, first_seen)
SL_RECORD(maker, MAKER_FIELDS);

#define SELLER_FIELDS(F) F(text, name) F(f64, share) F(link(owner), boss, "Boss")
SL_RECORD(seller, SELLER_FIELDS);

#define PAIR_FIELDS(F) F(text, name) F(i64, share)
SL_RECORD(pair, PAIR_FIELDS);

#define THING_FIELDS(F)                                                                                      \
    F(origin, origin)                                                                                        \
    F(text, area)                                                                                            \
    F(text, name, "Name")                                                                                    \
    F(i64, times)                                                                                            \
    F(i64, rank)                                                                                             \
    F(i32, small)                                                                                            \
    F(time, start)                                                                                           \
    F(time, end)                                                                                             \
    F(link(owner), owner)                                                                                    \
    F(link(maker), maker)                                                                                    \
    F(link(seller), seller)                                                                                  \
    F(link(pair), pair)
SL_RECORD(thing, THING_FIELDS);

#define OTHER_FIELDS(F) F(text, area) F(text, name) F(i64, times) F(time, when)
SL_RECORD(other, OTHER_FIELDS);

__attribute__((unused)) static bool make_thing(sl_task *task, const sl_message *in, thing *out)
{
    (void)task;
    out->origin = in->origin;
    out->name = in->value;
    return true;
}
SL_STAGE(make_thing, sl_message, thing);

__attribute__((unused)) static bool keep_thing(sl_task *task, const thing *in, thing *out)
{
    (void)task;
    *out = *in;
    return true;
}
SL_STAGE(keep_thing, thing, thing);

__attribute__((unused)) static bool make_other(sl_task *task, const thing *in, other *out)
{
    (void)task;
    out->name = in->name;
    return true;
}
SL_STAGE(make_other, thing, other);

__attribute__((unused)) static void split_thing(sl_task *task, const thing *in, sl_rows *out)
{
    (void)task;
    *sl_row(out, thing) = *in;
}
SL_FLAT_STAGE(split_thing, thing, thing);

static const sl_input an_input = { .name = "lines", .from = "kafka:plays" };
static const sl_lookup a_lookup = { .name = "owners",
                                    .from = "redis",
                                    .key = { thing_schema, 1, { offsetof(thing, name) } },
                                    .into = { thing_schema, 1, { offsetof(thing, owner) } } };
static const sl_count a_count = {
    .name = "by_name",
    .key = { thing_schema, 2, { offsetof(thing, area), offsetof(thing, name) } },
    .into = { thing_schema, 1, { offsetof(thing, times) } }
};
static const sl_top a_top = { .per = { thing_schema, 1, { offsetof(thing, area) } },
                              .most = { thing_schema, 1, { offsetof(thing, times) } },
                              .then = { thing_schema, 1, { offsetof(thing, name) } },
                              .rank = { thing_schema, 1, { offsetof(thing, rank) } },
                              .count = 10 };
static const sl_output an_output = { .name = "things",
                                     .to = { "elastic" },
                                     .id = { thing_schema, 1, { offsetof(thing, origin) } } };

/* Draws what `draw` draws and checks it; the plan lives until the next call. */
__attribute__((unused)) static sl_result drawn(void (*draw)(sl_plan *plan, const void *options),
                                               sl_plan **plan)
{
    static sl_plan made;
    *plan = &made;
    return plan_draw(&made, &(sl_job){ .name = "drawing", .draw = draw }, NULL);
}

__attribute__((unused)) static sl_stream things(sl_plan *plan)
{
    (void)an_output, (void)a_top, (void)a_count, (void)a_lookup;
    return sl_through(sl_from(plan, &an_input), &make_thing_stage);
}

#endif
