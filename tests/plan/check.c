/*
 * tests/plan/check.c - every mistake that the compiler cannot see is refused, with the names of node and mistake; the right
 * drawing beside it is not.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What one case changes in the drawing that is right. */
static struct drawing {
    sl_input input;
    sl_lookup lookup;
    sl_count count, second_count;
    sl_top top;
    sl_output output, list;
    bool nothing, stage_before_list, list_after_count, lookup_behind_count, two_inputs, two_lookups;
} drawing;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    if (drawing.nothing)
        return;
    sl_stream stream = sl_through(sl_from(plan, &drawing.input), &make_thing_stage);
    if (drawing.two_inputs)
        sl_from(plan, &drawing.input);
    stream = sl_look_up(stream, &drawing.lookup);
    if (drawing.two_lookups)
        stream = sl_look_up(stream, &drawing.lookup);
    sl_to(stream, &drawing.output);
    sl_stream counted = sl_count_by(stream, &drawing.count);
    if (drawing.second_count.into.count)
        sl_count_by(stream, &drawing.second_count);
    if (drawing.lookup_behind_count)
        sl_look_up(sl_through(counted, &keep_thing_stage),
                   &(sl_lookup){ "again", "redis", NULL, a_lookup.key, a_lookup.into, false });
    sl_stream top = drawing.list_after_count ? counted : sl_top_by(counted, &drawing.top);
    if (drawing.stage_before_list)
        top = sl_through(top, &keep_thing_stage);
    sl_to(top, &drawing.list);
}

static void begin(void)
{
    drawing = (struct drawing){ .input = an_input,
                                .lookup = a_lookup,
                                .count = a_count,
                                .top = a_top,
                                .output = an_output,
                                .list = an_output };
    drawing.list.name = "list";
    drawing.list.id = SL_FIELDS(thing, area, rank);
    drawing.list.whole = SL_FIELDS(thing, area);
    drawing.count.window = (sl_window){ .start = SL_FIELDS(thing, start), .end = SL_FIELDS(thing, end) };
}

static void assert_fine(void)
{
    sl_plan *plan;
    if (drawn(draw, &plan) != SL_OK)
        fail_msg("%s", plan->failure.text);
    begin();
}

static void assert_refused(const char *because)
{
    sl_plan *plan;
    assert_int_equal(drawn(draw, &plan), SL_USAGE);
    if (strstr(plan->failure.text, because) == NULL)
        fail_msg("<%s> does not say <%s>", plan->failure.text, because);
    begin();
}

static void a_right_drawing_is_fine(void **state)
{
    (void)state;
    begin();
    assert_fine();
    drawing.stage_before_list = true;
    assert_fine();
    drawing.top.then = drawing.top.rank = (sl_fields){ 0 };
    assert_fine();
    drawing.second_count = a_count;
    drawing.second_count.name = "another";
    assert_fine();
}

static void nothing_drawn_is_refused(void **state)
{
    (void)state;
    begin();
    drawing.nothing = true;
    assert_refused("draws nothing");
}

static void names_and_places_must_be_there(void **state)
{
    (void)state;
    begin();
    drawing.input.name = NULL;
    assert_refused("an input needs a name");
    drawing.input.from = NULL;
    assert_refused("from \"lines\": an input needs a name and a place");
    drawing.lookup.name = NULL;
    assert_refused("a lookup needs a name");
    drawing.lookup.from = NULL;
    assert_refused("look up \"owners\": a lookup needs a name and a place");
    drawing.count.name = NULL;
    assert_refused("it needs a name: the checkpoint");
    drawing.count.name = "";
    assert_refused("it needs a name: the checkpoint");
    drawing.output.name = NULL;
    assert_refused("an output needs a name");
    drawing.list.name = NULL;
    assert_refused("an output needs a name");
    drawing.output.to[0] = NULL;
    assert_refused("to \"things\": an output needs a name and a place");
}

static void names_must_differ(void **state)
{
    (void)state;
    begin();
    drawing.two_inputs = true;
    assert_refused("from \"lines\": another input or lookup has this name");
    drawing.lookup.name = "lines";
    assert_refused("another input or lookup has this name");
    drawing.two_lookups = true;
    assert_refused("two lookups have this name");
    drawing.second_count = a_count;
    assert_refused("count by \"by_name\": another state has this name");
    drawing.second_count = a_count;
    drawing.second_count.name = NULL;
    assert_refused("it needs a name: the checkpoint");
    drawing.list.name = "things";
    assert_refused("to \"things\": two outputs have this name");
}

static void a_lookup_needs_a_text_and_a_link(void **state)
{
    (void)state;
    begin();
    drawing.lookup.key = SL_FIELDS(thing, times);
    assert_refused("look up \"owners\": the key must be one text field");
    drawing.lookup.key = SL_FIELDS(thing, area, name);
    assert_refused("the key must be one text field");
    drawing.lookup.into = SL_FIELDS(thing, name);
    assert_refused("into must be one link field");
    drawing.lookup.into = SL_FIELDS(thing, maker);
    assert_refused(
        "look up \"owners\": field \"first_seen\" of record maker is an origin, which no lookup can fill: it "
        "can fill text, i32, i64, f64, flag, time and maybe_i64");
    drawing.lookup.plain = true;
    assert_fine();
    drawing.lookup.plain = true;
    drawing.lookup.into = SL_FIELDS(thing, pair);
    assert_refused("look up \"owners\": a plain value fills one field");
    drawing.lookup.into = SL_FIELDS(thing, seller);
    assert_refused("look up \"owners\": field \"Boss\" of record seller is a link, which no lookup can fill");
    drawing.lookup_behind_count = true;
    assert_refused("look up \"again\": a lookup behind a count is not supported");
}

static void a_count_needs_a_key_and_a_number(void **state)
{
    (void)state;
    begin();
    drawing.count.key = (sl_fields){ 0 };
    assert_refused("count by \"by_name\": a count needs a key");
    drawing.count.key = SL_FIELDS(thing, area, origin);
    assert_refused("an origin or a link cannot be part of a key");
    drawing.count.key = SL_FIELDS(thing, owner);
    assert_refused("an origin or a link cannot be part of a key");
    drawing.count.into = SL_FIELDS(thing, small);
    assert_refused("into must be one i64 field");
    drawing.count.into = (sl_fields){ 0 };
    assert_refused("into must be one i64 field");
    drawing.count.window.start = SL_FIELDS(thing, times);
    assert_refused("window.start must be a time field");
    drawing.count.window.end = SL_FIELDS(thing, times);
    assert_refused("window.end must be a time field");
    drawing.count.touched_only = true;
    drawing.count.window.slide.ms = 1000;
    assert_refused("touched_only tells of every batch");
}

static void a_top_needs_all_keys_of_what_keeps_them(void **state)
{
    (void)state;
    begin();
    drawing.count.touched_only = true;
    assert_refused(
        "top by \"top\": it must follow what keeps rows by key and passes on all its keys: sl_count_by()");
    drawing.top.most = SL_FIELDS(thing, rank);
    assert_refused("most must be the field that the count fills");
    drawing.top.most.count = 0;
    assert_refused("most must be the field that the count fills");
    drawing.top.per = SL_FIELDS(thing, times);
    assert_refused("per must be one text field");
    drawing.top.per = SL_FIELDS(thing, area, name);
    assert_refused("per must be one text field");
    drawing.top.then = SL_FIELDS(thing, times);
    assert_refused("then must be one text field");
    drawing.top.rank = SL_FIELDS(thing, small);
    assert_refused("rank must be one i64 field");
    drawing.top.count = 0;
    assert_refused("count must be 1 or more");
}

static void an_output_needs_what_its_shape_asks_for(void **state)
{
    (void)state;
    begin();
    drawing.output.raw = SL_FIELDS(thing, times);
    assert_refused("to \"things\": raw must be one text field");
    drawing.output.redis.shape = SL_SORTED_SET;
    assert_refused("redis.key is missing");
    drawing.output.redis.shape = SL_SET;
    drawing.output.redis.prefix = "";
    assert_refused("redis.key is missing");
    drawing.list_after_count = true;
    assert_refused("to \"list\": only what sl_top_by() gives can be replaced as a whole");
    drawing.output.whole = SL_FIELDS(thing, area);
    assert_refused("to \"things\": only what sl_top_by() gives can be replaced as a whole");
}

/* At the same place of another record something else may stand. */
static void fields_of_another_record_are_refused(void **state)
{
    (void)state;
    begin();
    sl_fields wrong = SL_FIELDS(other, area), *const places[] = { &drawing.lookup.key,
                                                                  &drawing.lookup.into,
                                                                  &drawing.count.key,
                                                                  &drawing.count.into,
                                                                  &drawing.top.per,
                                                                  &drawing.top.most,
                                                                  &drawing.top.then,
                                                                  &drawing.top.rank,
                                                                  &drawing.output.id,
                                                                  &drawing.output.whole,
                                                                  &drawing.output.keywords,
                                                                  &drawing.output.raw,
                                                                  &drawing.list.id,
                                                                  &drawing.list.whole,
                                                                  &drawing.output.redis.key,
                                                                  &drawing.output.redis.member,
                                                                  &drawing.output.redis.score,
                                                                  &drawing.count.window.start,
                                                                  &drawing.count.window.end };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        *places[i] = wrong;
        sl_plan *plan;
        assert_int_equal(drawn(draw, &plan), SL_USAGE);
        assert_non_null(strstr(plan->failure.text, "thing"));
        assert_non_null(strstr(plan->failure.text, "other"));
        begin();
    }
}

#define QUOTED_FIELDS(F) F(text, area) F(text, name, "the \"name\"")
SL_RECORD(quoted, QUOTED_FIELDS);

static bool make_quoted(sl_task *task, const sl_message *in, quoted *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(make_quoted, sl_message, quoted);

static void draw_quoted(sl_plan *plan, const void *options)
{
    (void)options;
    sl_to(sl_through(sl_from(plan, &an_input), &make_quoted_stage),
          &(sl_output){ .name = "quoted", .to = { "file" } });
}

static void a_name_that_no_document_takes_is_refused(void **state)
{
    (void)state;
    sl_plan *plan;
    assert_int_equal(drawn(draw_quoted, &plan), SL_USAGE);
    assert_string_equal(plan->failure.text,
                        "to \"quoted\": field 2 of record quoted has a quote, a backslash or a control "
                        "character in its name outside: choose one without");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_drawing_is_fine),
        cmocka_unit_test(nothing_drawn_is_refused),
        cmocka_unit_test(names_and_places_must_be_there),
        cmocka_unit_test(names_must_differ),
        cmocka_unit_test(a_lookup_needs_a_text_and_a_link),
        cmocka_unit_test(a_count_needs_a_key_and_a_number),
        cmocka_unit_test(a_top_needs_all_keys_of_what_keeps_them),
        cmocka_unit_test(an_output_needs_what_its_shape_asks_for),
        cmocka_unit_test(fields_of_another_record_are_refused),
        cmocka_unit_test(a_name_that_no_document_takes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
