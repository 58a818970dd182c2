/*
 * tests/plan/keyed.c - drawings of states by key that are wrong are refused with the names of node and mistake; the right
 * one beside it is not.
 */
#include "drawing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEPT_FIELDS(F) F(text, name) F(i64, plays) F(i32, small) F(text, note)
SL_RECORD(kept, KEPT_FIELDS);

#define BARE_FIELDS(F) F(text, name) F(time, when) F(i64, plays)
SL_RECORD(bare, BARE_FIELDS);

#define LINKED_FIELDS(F) F(text, name) F(origin, first)
SL_RECORD(linked, LINKED_FIELDS);

static bool note_bare(sl_task *task, const thing *in, bare *state, sl_key *key)
{
    (void)task, (void)in, (void)key;
    state->plays++;
    return true;
}
SL_UPDATE(note_bare, thing, bare);

static bool note_kept(sl_task *task, const thing *in, kept *state, sl_key *key)
{
    (void)task, (void)in, (void)key;
    state->plays++;
    return true;
}
SL_UPDATE(note_kept, thing, kept);

static bool note_linked(sl_task *task, const thing *in, linked *state, sl_key *key)
{
    (void)task, (void)in, (void)state, (void)key;
    return true;
}
SL_UPDATE(note_linked, thing, linked);

static struct drawing {
    sl_update update;
    const sl_updater *updater;
    bool after_count, after_top, twice, output_of_that_name, snapshots, snapshots_of_stage, top_behind;
    sl_duration every;
} drawing;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream stream = things(plan);
    if (drawing.snapshots_of_stage)
        sl_snapshots(stream, drawing.every);
    if (drawing.after_count)
        stream = sl_through(sl_count_by(stream, &a_count), &keep_thing_stage);
    if (drawing.after_top)
        stream = sl_through(sl_top_by(sl_count_by(stream, &a_count), &a_top), &keep_thing_stage);
    sl_stream updated = sl_update_by(stream, drawing.updater, &drawing.update);
    if (drawing.twice)
        sl_update_by(stream, drawing.updater, &drawing.update);
    if (drawing.snapshots)
        sl_snapshots(updated, drawing.every);
    if (drawing.output_of_that_name)
        sl_to(updated, &(sl_output){ .name = "kept", .to = { "null" } });
    if (drawing.top_behind)
        sl_top_by(updated,
                  &(sl_top){ .per = SL_FIELDS(bare, name), .most = SL_FIELDS(bare, plays), .count = 1 });
}

static void begin(void)
{
    drawing = (struct drawing){ .updater = &note_bare_update };
    drawing.update = (sl_update){ .name = "kept",
                                  .key = SL_FIELDS(thing, name, start),
                                  .into = SL_FIELDS(bare, name, when),
                                  .sets = { "one", "two" } };
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
    drawing.snapshots = true;
    assert_fine();
    drawing.update.timeout.ms = 1;
    assert_fine();
}

static void its_name_is_its_own(void **state)
{
    (void)state;
    begin();
    drawing.update.name = NULL;
    assert_refused("update by \"\": it needs a name");
    drawing.twice = true;
    assert_refused("update by \"kept\": another state or output has this name");
    drawing.output_of_that_name = true;
    assert_refused("update by \"kept\": another state or output has this name");
}

static void its_key_has_fields_of_the_same_kinds_in_rows_and_state(void **state)
{
    (void)state;
    begin();
    drawing.update.key = (sl_fields){ 0 };
    assert_refused("key and into must have the same number of fields");
    drawing.update.key = SL_FIELDS(thing, name);
    assert_refused("key and into must have the same number of fields");
    drawing.update.key = SL_FIELDS(thing, name, times);
    assert_refused("key and into are of different kinds at \"when\"");
    drawing.update.key = SL_FIELDS(thing, origin, start);
    assert_refused("an origin or a link cannot be part of a key: \"origin\"");
    drawing.update.key = SL_FIELDS(other, name, when);
    assert_refused("key must be fields of the record that the function takes, \"thing\"");
    drawing.update.into = SL_FIELDS(thing, name, start);
    assert_refused("into must be fields of the state, \"bare\"");
}

static void what_has_no_fixed_size_cannot_be_kept(void **state)
{
    (void)state;
    begin();
    drawing.updater = &note_kept_update;
    drawing.update.key = SL_FIELDS(thing, name);
    drawing.update.into = SL_FIELDS(kept, name);
    assert_refused("a text cannot be kept unless it is part of the key or a member of a set: \"note\"");
    drawing.updater = &note_linked_update;
    drawing.update.key = SL_FIELDS(thing, name);
    drawing.update.into = SL_FIELDS(linked, name);
    assert_refused("an origin or a link cannot be kept: \"first\"");
    drawing.update.sets[1] = "one";
    assert_refused("sets need names that differ, without a gap: \"one\"");
    drawing.update.sets[0] = NULL;
    assert_refused("sets need names that differ, without a gap: \"two\"");
    drawing.update.timeout.ms = -1;
    assert_refused("timeout must not be negative");
}

static void it_may_follow_a_count_but_not_a_top(void **state)
{
    (void)state;
    begin();
    drawing.after_count = true;
    assert_fine();
    drawing.after_top = true;
    assert_refused("it cannot stand behind a top");
    drawing.top_behind = true;
    assert_fine();
}

static void snapshots_are_of_what_has_keys(void **state)
{
    (void)state;
    begin();
    drawing.snapshots_of_stage = true;
    assert_refused("snapshots of \"make_thing\": only sl_update_by(), sl_count_by(), "
                   "sl_reduce_by(), sl_distinct_by() and sl_count_about() have keys to show");
    drawing.snapshots = true;
    drawing.every.ms = -1;
    assert_refused("every must not be negative");
}

static void it_is_explained(void **state)
{
    (void)state;
    sl_plan *plan;
    buffer out = { 0 };
    begin();
    drawing.snapshots = true;
    drawing.every.ms = 60000;
    drawing.update.timeout.ms = 86400000;
    drawing.update.tell = SL_TELL_CALLS;
    assert_int_equal(drawn(draw, &plan), SL_OK);
    plan_explain(plan, &out);
    buffer_byte(&out, '\0');
    assert_non_null(
        strstr(out.at, "update by kept (Name, start), sets one, two, forgotten after 1d, each call\n"));
    assert_non_null(strstr(out.at, "snapshots of kept every 1min\n"));
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_drawing_is_fine),
        cmocka_unit_test(its_name_is_its_own),
        cmocka_unit_test(its_key_has_fields_of_the_same_kinds_in_rows_and_state),
        cmocka_unit_test(what_has_no_fixed_size_cannot_be_kept),
        cmocka_unit_test(it_may_follow_a_count_but_not_a_top),
        cmocka_unit_test(snapshots_are_of_what_has_keys),
        cmocka_unit_test(it_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
