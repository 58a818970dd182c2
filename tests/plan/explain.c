/*
 * tests/plan/explain.c - the plan as a tree: each node once, under its input, with what it was drawn with.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static sl_window window;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream looked = sl_look_up(things(plan), &a_lookup);
    sl_to(looked, &an_output);
    sl_count count = a_count, few = a_count;
    count.window = window;
    few.name = "few";
    few.at_least = 3;
    few.touched_only = true;
    sl_to(sl_top_by(sl_count_by(looked, &count), &a_top), &(sl_output){ .name = "list",
                                                                        .to = { "redis", "elastic" },
                                                                        .index = "top",
                                                                        .id = SL_FIELDS(thing, area, rank),
                                                                        .whole = SL_FIELDS(thing, area) });
    sl_count_by(looked, &few);
}

static void assert_explained(const char *wanted)
{
    sl_plan *plan;
    buffer out = { 0 };
    assert_int_equal(drawn(draw, &plan), SL_OK);
    plan_explain(plan, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
}

static void the_tree_shows_every_node_under_its_input(void **state)
{
    (void)state;
    window = (sl_window){ .length = { 108000000 }, .slide = { 5000 } };
    assert_explained(
        "from lines <- kafka:plays\n"
        "    through make_thing: sl_message -> thing\n"
        "        look up owners <- redis by Name\n"
        "            to things -> elastic, id origin\n"
        "            count by by_name (area, Name) in 30h every 5s\n"
        "                top by top 10 per area, most times, then Name\n"
        "                    to list -> redis, elastic, index top, id area, rank, whole per area\n"
        "            count by few (area, Name), at least 3, keys of the batch only\n");
}

static void assert_length(int64_t ms, const char *wanted)
{
    sl_plan *plan;
    buffer out = { 0 };
    char line[80];
    window = (sl_window){ .length = { ms } };
    snprintf(line, sizeof line, "count by by_name (area, Name) in %s\n", wanted);
    assert_int_equal(drawn(draw, &plan), SL_OK);
    plan_explain(plan, &out);
    buffer_byte(&out, '\0');
    assert_non_null(strstr(out.at, line));
    buffer_done(&out);
}

static void durations_are_shown_as_they_are_written(void **state)
{
    (void)state;
    assert_length(1, "1ms");
    assert_length(1500, "1500ms");
    assert_length(90000, "90s");
    assert_length(1800000, "30min");
    assert_length(5400000, "90min");
    assert_length(3600000, "1h");
    assert_length(86400000, "1d");
    assert_length(86400000 + 3600000, "25h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_shows_every_node_under_its_input),
        cmocka_unit_test(durations_are_shown_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
