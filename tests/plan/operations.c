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

/* ---- Reduce, distinct, count about ---- */

#define NUMBERS_FIELDS(F) F(i64, number) F(f64, share) F(text, name) F(time, end)
SL_RECORD(numbers, NUMBERS_FIELDS);

#define BARE_FIELDS(F) F(i64, number) F(text, name) F(flag, odd)
SL_RECORD(bare, BARE_FIELDS);

static bool make_numbers(sl_task *task, const thing *in, numbers *out)
{
    (void)task;
    out->name = in->name;
    return true;
}
SL_STAGE(make_numbers, thing, numbers);

static bool make_bare(sl_task *task, const thing *in, bare *out)
{
    (void)task;
    out->name = in->name;
    return true;
}
SL_STAGE(make_bare, thing, bare);

static void join_bare(bare *into, const bare *from)
{
    into->number += from->number;
}
SL_COMBINE(join_bare, bare);

static void join_numbers(numbers *into, const numbers *from)
{
    into->number += from->number;
}
SL_COMBINE(join_numbers, numbers);

static struct drawing {
    sl_reduce reduce;
    sl_distinct distinct;
    sl_about about;
    bool counted;
} drawing;

static void begin(void)
{
    drawing = (struct drawing){
        .reduce = { .name = "sums",
                    .key = SL_FIELDS(numbers, name),
                    .sum = SL_FIELDS(numbers, number, share) },
        .distinct = { .name = "names", .key = SL_FIELDS(bare, name) },
        .about = { .name = "about",
                   .key = SL_FIELDS(bare, odd),
                   .of = SL_FIELDS(bare, name),
                   .into = SL_FIELDS(bare, number) },
    };
}

static void draw_all(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream made = things(plan), bares = sl_through(made, &make_bare_stage);
    if (drawing.reduce.add)
        sl_reduce_by(bares, &drawing.reduce);
    else
        sl_reduce_by(sl_through(made, &make_numbers_stage), &drawing.reduce);
    sl_distinct_by(bares, &drawing.distinct);
    sl_count_about(bares, &drawing.about);
    if (drawing.counted)
        sl_count_by(made, &a_count);
}

static void assert_wrong(const char *because)
{
    assert_refused(draw_all, because);
    begin();
}

static void what_is_kept_by_key_needs_a_name_of_its_own(void **state)
{
    (void)state;
    begin();
    drawing.reduce.name = NULL;
    assert_wrong("reduce by \"\": it needs a name");
    drawing.distinct.name = "";
    assert_wrong("distinct by \"\": it needs a name");
    drawing.about.name = "sums";
    assert_wrong("reduce by \"sums\": another state has this name");
    drawing.counted = true;
    drawing.distinct.name = a_count.name;
    assert_wrong("another state has this name");
}

static void a_reduce_is_a_sum_or_a_function(void **state)
{
    (void)state;
    begin();
    drawing.reduce.sum = (sl_fields){ 0 };
    assert_wrong("reduce by \"sums\": it needs fields to sum or a function");
    drawing.reduce.sum = SL_FIELDS(numbers, name);
    assert_wrong("sum must be i64, i32 or f64 fields");
    drawing.reduce.remove = &join_numbers_combine;
    assert_wrong("remove goes with add");
    drawing.reduce = (sl_reduce){ .name = "sums", .key = SL_FIELDS(bare, odd), .add = &join_bare_combine };
    assert_wrong("field \"name\" of record bare is a text, origin or link and not part of the key");
    drawing.reduce =
        (sl_reduce){ .name = "sums", .key = SL_FIELDS(bare, name), .add = &join_numbers_combine };
    assert_wrong("its records are bare, but its functions are of numbers");
    drawing.reduce = (sl_reduce){ .name = "sums",
                                  .key = SL_FIELDS(bare, name),
                                  .add = &join_bare_combine,
                                  .remove = &join_numbers_combine };
    assert_wrong("its records are bare, but its functions are of numbers");
    drawing.reduce.even_if_empty = true;
    assert_wrong("even_if_empty goes without key");
    drawing.reduce.window = (sl_window){ .length = { 60000 }, .slide = { 1000 } };
    drawing.reduce.touched_only = true;
    assert_wrong("touched_only tells of every batch");
    drawing.reduce.window = (sl_window){ .end = SL_FIELDS(numbers, number) };
    assert_wrong("window.end must be a time field");
    drawing.reduce.window = (sl_window){ .length = SL_EVER, .pane = { 1000 } };
    assert_wrong("what is kept for ever has no pane");
}

static void what_differs_must_be_said(void **state)
{
    (void)state;
    begin();
    drawing.distinct.key = (sl_fields){ 0 };
    assert_wrong("distinct by \"names\": it needs a key");
    drawing.distinct.window = (sl_window){ .length = SL_EVER, .slide = { 1000 } };
    assert_wrong("for ever, each key is told once");
    drawing.about.of = (sl_fields){ 0 };
    assert_wrong("count about \"about\": of is missing");
    drawing.about.into = SL_FIELDS(bare, name);
    assert_wrong("into must be one i64 field");
    drawing.about.bits = 17;
    assert_wrong("bits must be 4 to 16");
}

static void what_is_kept_by_key_is_explained(void **state)
{
    (void)state;
    begin();
    drawing.reduce.window = (sl_window){ .length = { 1800000 }, .slide = { 300000 } };
    drawing.distinct.window.length = SL_EVER;
    drawing.about.key = (sl_fields){ 0 };
    assert_explained(draw_all,
                     "from lines <- kafka:plays\n"
                     "    through make_thing: sl_message -> thing\n"
                     "        through make_bare: thing -> bare\n"
                     "            distinct by names (name) for ever\n"
                     "            count about about, different name\n"
                     "        through make_numbers: thing -> numbers\n"
                     "            reduce by sums (name) in 30min every 5min, sum of number, share\n");
    drawing.reduce = (sl_reduce){ .name = "joined",
                                  .key = SL_FIELDS(bare, name),
                                  .add = &join_bare_combine,
                                  .remove = &join_bare_combine,
                                  .touched_only = true };
    drawing.about.key = SL_FIELDS(bare, odd);
    assert_explained(
        draw_all,
        "from lines <- kafka:plays\n"
        "    through make_thing: sl_message -> thing\n"
        "        through make_bare: thing -> bare\n"
        "            reduce by joined (name), add by join_bare, remove by join_bare, keys of the batch only\n"
        "            distinct by names (name) for ever\n"
        "            count about about (odd), different name\n");
}

/* ---- Rows together ---- */

static void count_rows(sl_task *task, const thing *rows, size_t count, sl_rows *out)
{
    (void)task;
    sl_row(out, other)->times = (int64_t)count;
    (void)rows;
}
SL_CHUNK_STAGE(count_rows, thing, other);

static bool pair_rows(sl_task *task, const bare *one, const numbers *another, other *out)
{
    (void)task;
    out->name = one ? one->name : another->name;
    return true;
}
SL_PAIR(pair_rows, bare, numbers, other);

static struct together {
    sl_group group;
    sl_join join;
    bool itself;
} together;

static void together_begin(void)
{
    together = (struct together){
        .group = { .name = "grouped", .key = SL_FIELDS(thing, name), .each = &count_rows_stage },
        .join = { .name = "joined",
                  .left = SL_FIELDS(bare, name),
                  .right = SL_FIELDS(numbers, name),
                  .pair = &pair_rows_pair },
    };
}

static void draw_together(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream made = things(plan), bares = sl_through(made, &make_bare_stage);
    sl_group_by(made, &together.group);
    if (together.itself)
        sl_rows_in(made, "rows", &(sl_window){ 0 });
    sl_join_by(bares, sl_through(made, &make_numbers_stage), &together.join);
}

static void assert_apart(const char *because)
{
    assert_refused(draw_together, because);
    together_begin();
}

static void rows_that_are_kept_must_be_able_to_stay(void **state)
{
    (void)state;
    together_begin();
    together.group.name = NULL;
    assert_apart("group by \"\": it needs a name");
    together.group.key = (sl_fields){ 0 };
    assert_apart("it needs a key");
    together.group.each = NULL;
    assert_apart("each, the stage for each key's rows, is missing");
    together.group.window.length.ms = 60000;
    assert_apart("field \"origin\" of record thing is an origin, which does not outlive its batch");
    together.itself = true;
    assert_apart("group by \"rows\": it needs the length of its window");
    together.join.name = "grouped";
    assert_apart("another state has this name");
    together.join.pair = NULL;
    assert_apart("join \"joined\": pair, which makes rows of rows, is missing");
    together.join.right = SL_FIELDS(numbers, number);
    assert_apart("must be of the same kinds");
    together.join.right = SL_FIELDS(numbers, name, number);
    assert_apart("keys of as many fields");
    together.join.right = SL_FIELDS(bare, name);
    assert_apart("join \"joined\" takes records of bare");
    assert_explained(draw_together, "from lines <- kafka:plays\n"
                                    "    through make_thing: sl_message -> thing\n"
                                    "        through make_bare: thing -> bare\n"
                                    "            join joined (name), inner, by pair_rows\n"
                                    "        group by grouped (Name), each by count_rows\n"
                                    "        through make_numbers: thing -> numbers\n"
                                    "            -> join joined\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_on_its_way_to_a_lookup_gives_a_row_for_a_row),
        cmocka_unit_test(a_union_is_of_one_record),
        cmocka_unit_test(what_is_kept_by_key_needs_a_name_of_its_own),
        cmocka_unit_test(a_reduce_is_a_sum_or_a_function),
        cmocka_unit_test(what_differs_must_be_said),
        cmocka_unit_test(what_is_kept_by_key_is_explained),
        cmocka_unit_test(rows_that_are_kept_must_be_able_to_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
