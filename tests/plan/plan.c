/*
 * tests/plan/plan.c - what is drawn becomes a tree of nodes; the first mistake is kept.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void draw_tree(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream looked = sl_look_up(things(plan), &a_lookup);
    sl_to(looked, &an_output);
    sl_top_by(sl_count_by(looked, &a_count), &a_top);
    sl_through(looked, &make_other_stage);
}

static void every_call_becomes_a_node_behind_its_input(void **state)
{
    (void)state;
    static const struct {
        plan_kind kind;
        uint32_t input;
        const char *name, *schema;
    } wanted[] = { { PLAN_SOURCE, 0, "lines", "sl_message" }, { PLAN_STAGE, 0, "make_thing", "thing" },
                   { PLAN_LOOK_UP, 1, "owners", "thing" },    { PLAN_OUTPUT, 2, "things", "thing" },
                   { PLAN_COUNT, 2, "by_name", "thing" },     { PLAN_TOP, 4, "top", "thing" },
                   { PLAN_STAGE, 2, "make_other", "other" } };
    sl_plan *plan;
    assert_int_equal(drawn(draw_tree, &plan), SL_OK);
    assert_int_equal(plan->count, sizeof wanted / sizeof wanted[0]);
    for (uint32_t i = 0; i < plan->count; i++) {
        const plan_node *node = &plan->nodes[i];
        assert_int_equal(node->kind, wanted[i].kind);
        assert_int_equal(node->input, wanted[i].input);
        assert_string_equal(node->name, wanted[i].name);
        assert_string_equal(node->schema->name, wanted[i].schema);
    }
    assert_string_equal(plan->nodes[0].as.from.from, "kafka:plays");
    assert_ptr_equal(plan->nodes[1].as.stage, &make_thing_stage);
    assert_int_equal(plan->nodes[5].as.top.count, 10);
}

/* What a job hands over may lie on its stack. */
static void draw_from_the_stack(sl_plan *plan, const void *options)
{
    (void)options;
    sl_input input = an_input;
    sl_output output = an_output;
    sl_to(sl_through(sl_from(plan, &input), &make_thing_stage), &output);
    memset(&input, 0xFF, sizeof input);
    memset(&output, 0xFF, sizeof output);
}

static void what_is_drawn_is_copied(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_from_the_stack, &plan), SL_OK);
    assert_string_equal(plan->nodes[0].as.from.name, "lines");
    assert_string_equal(plan->nodes[2].as.output.to[0], "elastic");
}

static void draw_wrong_record(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &an_input);
    sl_stream wrong = sl_through(lines, &make_other_stage); /* takes things */
    sl_to(wrong, &an_output);
    sl_count_by(wrong, &(sl_count){ .name = NULL });
}

static void the_first_mistake_is_told_with_both_names(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_wrong_record, &plan), SL_USAGE);
    assert_string_equal(plan->failure.text,
                        "through \"make_other\" takes records of thing, but \"lines\" gives sl_message");
    assert_int_equal(plan->count, 1);
}

static void draw_wrong_key(sl_plan *plan, const void *options)
{
    (void)options;
    sl_count count = a_count;
    count.key = SL_FIELDS(other, name);
    sl_to(sl_count_by(things(plan), &count), &an_output);
}

static void a_key_of_another_record_is_told(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_wrong_key, &plan), SL_USAGE);
    assert_string_equal(plan->failure.text,
                        "count by \"by_name\" takes records of other, but \"make_thing\" gives thing");
}

static void draw_too_much(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream stream = things(plan);
    for (int i = 0; i < PLAN_NODES_MAX + 20; i++)
        stream = sl_through(stream, &keep_thing_stage);
}

static void too_many_nodes_are_refused(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_too_much, &plan), SL_USAGE);
    assert_non_null(strstr(plan->failure.text, "more than 64 nodes"));
    assert_int_equal(plan->count, PLAN_NODES_MAX);
}

static void draw_options(sl_plan *plan, const void *options)
{
    sl_input input = an_input;
    input.from = options;
    sl_to(sl_through(sl_from(plan, &input), &make_thing_stage), &an_output);
}

static void options_reach_the_drawing(void **state)
{
    (void)state;
    static sl_plan plan;
    assert_int_equal(plan_draw(&plan, &(sl_job){ .name = "j", .draw = draw_options }, "file:plays.csv"),
                     SL_OK);
    assert_string_equal(plan.nodes[0].as.from.from, "file:plays.csv");
}

static void a_message_has_a_schema_like_any_record(void **state)
{
    (void)state;
    const sl_schema *schema = sl_message_schema();
    assert_int_equal(schema->row_bytes, sizeof(sl_message));
    assert_int_equal(schema->count, 3);
    assert_string_equal(schema->fields[2].name, "value");
    assert_int_equal(schema->fields[2].offset, offsetof(sl_message, value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_becomes_a_node_behind_its_input),
        cmocka_unit_test(what_is_drawn_is_copied),
        cmocka_unit_test(the_first_mistake_is_told_with_both_names),
        cmocka_unit_test(a_key_of_another_record_is_told),
        cmocka_unit_test(too_many_nodes_are_refused),
        cmocka_unit_test(options_reach_the_drawing),
        cmocka_unit_test(a_message_has_a_schema_like_any_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
