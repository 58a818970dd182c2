/*
 * tests/plan/phases.c - which nodes lie on the way to a lookup, which behind a merge, and where the trunk ends.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static sl_output named(const char *name)
{
    sl_output output = an_output;
    output.name = name;
    return output;
}

/*
 *  0 lines - 1 make_thing -+- 2 keep_thing - 3 owners - 4 keep_thing - 5 "behind"
 *                          +- 6 "beside"
 *                          +- 7 count - 8 top - 9 keep_thing - 10 "list"
 *                                  + 11 keep_thing - 12 "counts"
 */
static void draw_forked(sl_plan *plan, const void *options)
{
    (void)options;
    sl_output behind = named("behind"), beside = named("beside"), list = named("list"),
              counts = named("counts");
    sl_stream made = things(plan);
    sl_to(sl_through(sl_look_up(sl_through(made, &keep_thing_stage), &a_lookup), &keep_thing_stage), &behind);
    sl_to(made, &beside);
    sl_stream counted = sl_count_by(made, &a_count);
    sl_to(sl_through(sl_top_by(counted, &a_top), &keep_thing_stage), &list);
    sl_to(sl_through(counted, &keep_thing_stage), &counts);
}

static void assert_nodes(const sl_plan *plan, const char *probing, const char *merged)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        assert_int_equal(plan->nodes[i].probing, probing[i] == 'x');
        assert_int_equal(plan->nodes[i].merged, merged[i] == 'x');
    }
}

static void nodes_up_to_a_lookup_probe_and_nodes_behind_a_count_are_merged(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_forked, &plan), SL_OK);
    assert_int_equal(plan->count, 13);
    assert_nodes(plan, "xxxx.........", "........xxxxx");
}

static void children_are_told_in_the_order_of_the_drawing(void **state)
{
    (void)state;
    sl_plan *plan;
    static const uint32_t of_1[] = { 2, 6, 7 }, of_7[] = { 8, 11 };
    assert_int_equal(drawn(draw_forked, &plan), SL_OK);
    assert_int_equal(plan->nodes[1].child_count, 3);
    assert_memory_equal(plan->nodes[1].children, of_1, sizeof of_1);
    assert_int_equal(plan->nodes[7].child_count, 2);
    assert_memory_equal(plan->nodes[7].children, of_7, sizeof of_7);
    assert_int_equal(plan->nodes[12].child_count, 0);
    assert_int_equal(plan->nodes[0].child_count, 1);
    plan_cut(plan); /* again: nothing doubles */
    assert_int_equal(plan->nodes[1].child_count, 3);
}

static void the_trunk_ends_where_the_plan_forks(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_forked, &plan), SL_OK);
    assert_int_equal(plan->nodes[0].trunk, 1);
}

static void draw_straight(sl_plan *plan, const void *options)
{
    (void)options;
    sl_to(sl_through(sl_look_up(things(plan), &a_lookup), &keep_thing_stage), &an_output);
}

static void draw_counted(sl_plan *plan, const void *options)
{
    (void)options;
    sl_to(sl_count_by(things(plan), &a_count), &an_output);
}

static void draw_message_to_output(sl_plan *plan, const void *options)
{
    (void)options;
    sl_to(sl_from(plan, &an_input),
          &(sl_output){ .name = "lines", .to = { "file" }, .raw = SL_FIELDS(sl_message, value) });
}

static void the_trunk_ends_before_outputs_and_counts(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_straight, &plan), SL_OK);
    assert_int_equal(plan->nodes[0].trunk, 3);
    assert_nodes(plan, "xxx..", ".....");
    assert_int_equal(drawn(draw_counted, &plan), SL_OK);
    assert_int_equal(plan->nodes[0].trunk, 1);
    assert_nodes(plan, "....", "...x");
    assert_int_equal(drawn(draw_message_to_output, &plan), SL_OK);
    assert_int_equal(plan->nodes[0].trunk, 0);
}

static void draw_two_inputs(sl_plan *plan, const void *options)
{
    (void)options;
    sl_output first = named("first"), second = named("second");
    sl_stream more = sl_from(plan, &(sl_input){ .name = "more", .from = "kafka:more" });
    sl_stream lines = sl_from(plan, &an_input);
    sl_to(sl_look_up(sl_through(lines, &make_thing_stage), &a_lookup), &first);
    sl_to(sl_through(more, &make_thing_stage), &second);
}

static void each_input_has_a_trunk_of_its_own(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_two_inputs, &plan), SL_OK);
    assert_int_equal(plan->nodes[0].trunk, 5);
    assert_int_equal(plan->nodes[1].trunk, 3);
    assert_nodes(plan, ".xxx...", ".......");
}

/*
 *  0 lines - 1 make_thing -+------------- 4 union - 5 count "second" - 6 "seconds"
 *                          +- 2 count - 3 keep_thing
 *                                  +- 7 "firsts"
 */
static void draw_levels(sl_plan *plan, const void *options)
{
    (void)options;
    sl_count second = a_count;
    second.name = "second";
    sl_output seconds = named("seconds"), firsts = named("firsts");
    sl_stream made = things(plan), counted = sl_count_by(made, &a_count);
    sl_to(sl_count_by(sl_union(made, sl_through(counted, &keep_thing_stage)), &second), &seconds);
    sl_to(counted, &firsts);
}

static void a_count_behind_a_count_merges_a_level_later_by_whatever_way_it_is_fed(void **state)
{
    (void)state;
    sl_plan *plan;
    static const uint32_t levels[] = { 0, 0, 0, 1, 1, 1, 2, 1 };
    static const uint64_t above[] = { 0x1, 0x3, 0x7, 0xF, 0x1F, 0x3F, 0x7F, 0x87 };
    assert_int_equal(drawn(draw_levels, &plan), SL_OK);
    assert_int_equal(plan->count, 8);
    assert_nodes(plan, "........", "...xxxxx");
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(plan->nodes[i].level, levels[i]);
        assert_int_equal(plan->nodes[i].above, above[i]);
    }
    assert_int_equal(plan->nodes[4].second, 3);
    assert_int_equal(plan->nodes[3].second, 3);
    assert_int_equal(plan->nodes[3].children[0], 4);
    assert_true(plan_is_above(plan, 3, 5));
    assert_false(plan_is_above(plan, 7, 5));
    assert_int_equal(plan->nodes[0].trunk, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_up_to_a_lookup_probe_and_nodes_behind_a_count_are_merged),
        cmocka_unit_test(children_are_told_in_the_order_of_the_drawing),
        cmocka_unit_test(the_trunk_ends_where_the_plan_forks),
        cmocka_unit_test(the_trunk_ends_before_outputs_and_counts),
        cmocka_unit_test(each_input_has_a_trunk_of_its_own),
        cmocka_unit_test(a_count_behind_a_count_merges_a_level_later_by_whatever_way_it_is_fed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
