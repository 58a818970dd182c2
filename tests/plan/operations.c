/*
 * tests/plan/operations.c - mistakes in drawing with <sluice/operations.h>, and how its operations are explained.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_refused(void (*draw)(sl_plan *plan, const void *options), const char *because)
{
    sl_plan *plan;
    assert_int_equal(drawn(draw, &plan), SL_USAGE);
    if (strstr(plan->failure.text, because) == NULL)
        fail_msg("<%s> does not say <%s>", plan->failure.text, because);
}

static void assert_explained(void (*draw)(sl_plan *plan, const void *options), const char *wanted)
{
    sl_plan *plan;
    buffer out = { 0 };
    if (drawn(draw, &plan) != SL_OK)
        fail_msg("%s", plan->failure.text);
    plan_explain(plan, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
}

/* ---- Flat stages and unions ---- */

static void draw_lookup_behind_flat(sl_plan *plan, const void *options)
{
    (void)options;
    sl_look_up(sl_through(things(plan), &split_thing_stage), &a_lookup);
}

static void draw_lookup_behind_fork(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream made = things(plan);
    sl_look_up(sl_union(made, sl_through(made, &keep_thing_stage)), &a_lookup);
}

static void draw_lookup_behind_two_inputs(sl_plan *plan, const void *options)
{
    (void)options;
    sl_input other = { .name = "others", .from = "kafka:others" };
    sl_stream made = sl_through(sl_from(plan, &other), &make_thing_stage);
    sl_look_up(sl_union(things(plan), made), &a_lookup);
}

static void draw_union_of_strangers(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream made = things(plan);
    sl_union(made, sl_through(made, &make_other_stage));
}

static void draw_union_behind_count(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream made = things(plan);
    sl_look_up(sl_union(made, sl_count_by(made, &a_count)), &a_lookup);
}

static void a_chunk_on_its_way_to_a_lookup_gives_a_row_for_a_row(void **state)
{
    (void)state;
    assert_refused(draw_lookup_behind_flat, "look up \"owners\": a lookup behind a flat or chunk stage");
    assert_refused(draw_lookup_behind_fork, "look up \"owners\": a lookup behind a union of streams of one");
    assert_refused(draw_union_behind_count, "look up \"owners\": a lookup behind a count");
    assert_explained(draw_lookup_behind_two_inputs, "from others <- kafka:others\n"
                                                    "    through make_thing: sl_message -> thing\n"
                                                    "        -> union make_thing\n"
                                                    "from lines <- kafka:plays\n"
                                                    "    through make_thing: sl_message -> thing\n"
                                                    "        union make_thing\n"
                                                    "            look up owners <- redis by Name\n");
}

static void a_union_is_of_one_record(void **state)
{
    (void)state;
    assert_refused(draw_union_of_strangers,
                   "union: \"make_thing\" gives records of thing, but \"make_other\" gives other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_on_its_way_to_a_lookup_gives_a_row_for_a_row),
        cmocka_unit_test(a_union_is_of_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
