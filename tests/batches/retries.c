/*
 * tests/batches/retries.c - retry.ndjson as an input: what stands in it, how it grows, what is wrong with it.
 */
#include <base/folder.h>
#include <batches/inputs.h>
#include <batches/retries.h>
#include <plan/drawing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 8 };

typedef struct trial {
    inputs inputs;
    sl_plan plan;
    void *retries;
    failure failure;
    sl_message got[ROOM];
} trial;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream things = sl_through(sl_from(plan, &an_input), &make_thing_stage);
    sl_to(things,
          &(sl_output){ .name = "out", .to = { "null" }, .index = "out", .id = SL_FIELDS(thing, origin) });
}

static const sl_job a_job = { .name = "trial", .about = "nothing", .draw = draw };

static int open_trial(void **state)
{
    static trial made;
    made = (trial){ 0 };
    folder_open();
    inputs_open(&made.inputs, "");
    if (plan_draw(&made.plan, &a_job, NULL) != SL_OK)
        return 1;
    made.retries = retries_open(folder_path("."), &made.inputs.intake, &made.plan);
    *state = &made;
    return 0;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    retries_kind.close(trial->retries);
    inputs_close(&trial->inputs);
    folder_close();
    return 0;
}

static void start_at(trial *trial, int64_t offset)
{
    source_partition partition = { .topic = RETRIES_TOPIC, .offset = offset };
    assert_int_equal(retries_kind.start(trial->retries, &partition, 1, &trial->failure), SL_OK);
    assert_int_equal(partition.offset, offset < 0 ? 0 : offset);
}

static source_view look(trial *trial, int64_t from, int64_t records_max)
{
    source_view view;
    source_wish wish = { 0, from, records_max, 1 << 20 };
    assert_int_equal(retries_kind.look(trial->retries, &wish, &view, &trial->failure), SL_OK);
    return view;
}

/* How many messages are in [from, until), and in *blocks of how many blocks. */
static size_t take(trial *trial, int64_t from, int64_t until, size_t *blocks)
{
    buffer taken = { 0 };
    size_t count = 0;
    retries_kind.take(trial->retries, 0, from, until, &taken);
    const source_block *at = (const source_block *)(const void *)taken.at;
    *blocks = taken.size / sizeof *at;
    for (size_t b = 0; b < *blocks; b++) {
        source_reading reading = { 0 };
        source_messages read = { trial->got + count, 1, 1 }; /* one by one: a place in the block is kept */
        while (read.count && count < ROOM) {
            read.at = trial->got + count;
            assert_int_equal(retries_kind.read(trial->retries, &at[b], &reading, &read, &trial->failure),
                             SL_OK);
            assert_true(read.count == 0 || at[b].partition == read.at->origin.partition);
            count += read.count;
        }
    }
    buffer_done(&taken);
    return count;
}

static const char one[] =
    "{\"batch_time\":1,\"topic\":\"lines\",\"partition\":1,\"offset\":7,\"timestamp\":5,"
    "\"stage\":\"make_thing\",\"reason\":\"bad\",\"value\":\"seven\"}\n";
static const char two[] =
    "{\"topic\":\"lines\",\"partition\":1,\"offset\":8,\"timestamp\":-1,\"stage\":\"gone\","
    "\"value_base64\":\"AP9/\"}\n";
static const char three[] = "{\"topic\":\"lines\",\"partition\":3,\"offset\":2,\"stage\":\"make_thing\"}\n";

static void no_file_is_no_input(void **state)
{
    trial *trial = *state;
    start_at(trial, -1);
    source_view view = look(trial, 0, 100);
    assert_int_equal(view.until, 0);
    assert_true(view.finished);
}

static void letters_come_as_the_records_that_they_were(void **state)
{
    trial *trial = *state;
    char text[1000];
    size_t blocks;
    snprintf(text, sizeof text, "%s%s%s", one, two, three);
    folder_write(RETRIES_FILE, text);
    start_at(trial, -1);
    source_view view = look(trial, 0, 100);
    assert_int_equal(view.until, strlen(text));
    assert_int_equal(take(trial, 0, view.until, &blocks), 3);
    assert_int_equal(blocks, 3); /* they go on at different nodes, or are of different partitions */
    assert_int_equal(trial->got[0].origin.offset, 7);
    assert_int_equal(trial->got[0].origin.time_ms, 5);
    assert_int_equal(trial->got[0].origin.partition, 1);
    assert_true(sl_text_equal(trial->got[0].value, (sl_text){ "seven", 5 }));
    assert_true(sl_text_equal(trial->got[1].value, (sl_text){ "\0\xFF\x7F", 3 }));
    assert_int_equal(trial->got[2].origin.partition, 3);
    assert_null(trial->got[2].value.at); /* it was a tombstone */
}

static void they_go_on_at_the_node_that_stopped_them(void **state)
{
    trial *trial = *state;
    char text[1000];
    buffer taken = { 0 };
    snprintf(text, sizeof text, "%s%s", one, two);
    folder_write(RETRIES_FILE, text);
    start_at(trial, -1);
    retries_kind.take(trial->retries, 0, 0, look(trial, 0, 100).until, &taken);
    const source_block *at = (const source_block *)(const void *)taken.at;
    assert_string_equal(trial->plan.nodes[retries_only(&at[0]) - 1].name, "make_thing");
    assert_int_equal(retries_only(&at[1]), 0); /* there is no such node any more: the whole way */
    buffer_done(&taken);
}

static void a_line_without_its_end_waits_for_it(void **state)
{
    trial *trial = *state;
    char text[1000];
    size_t blocks;
    snprintf(text, sizeof text, "%s%.*s", one, 20, one);
    folder_write(RETRIES_FILE, text);
    start_at(trial, -1);
    assert_int_equal(look(trial, 0, 100).until, strlen(one));
    snprintf(text, sizeof text, "%s%s", one, one);
    folder_write(RETRIES_FILE, text);
    source_view view = look(trial, (int64_t)strlen(one), 100);
    assert_int_equal(view.until, 2 * strlen(one));
    assert_int_equal(take(trial, (int64_t)strlen(one), view.until, &blocks), 1);
    retries_kind.release(trial->retries, 0, view.until);
    assert_int_equal(look(trial, view.until, 100).until, view.until);
}

static void a_cut_takes_so_many_letters_and_goes_on_behind_them(void **state)
{
    trial *trial = *state;
    char text[1000];
    size_t blocks;
    snprintf(text, sizeof text, "%s%s%s", one, two, three);
    folder_write(RETRIES_FILE, text);
    start_at(trial, -1);
    source_view view = look(trial, 0, 2);
    assert_int_equal(view.until, strlen(one) + strlen(two));
    assert_false(view.finished);
    assert_int_equal(take(trial, (int64_t)strlen(one), (int64_t)strlen(text), &blocks), 2);
    retries_kind.release(trial->retries, 0, view.until);
    assert_int_equal(look(trial, view.until, 100).until, strlen(text));
}

static void what_is_no_letter_of_this_job_is_passed_over(void **state)
{
    trial *trial = *state;
    char text[1000];
    size_t blocks;
    snprintf(text, sizeof text,
             "rubbish\n{\"topic\":\"other\",\"partition\":0,\"offset\":1,\"value\":\"x\"}\n%s", one);
    folder_write(RETRIES_FILE, text);
    start_at(trial, -1);
    source_view view = look(trial, 0, 100);
    assert_int_equal(view.until, strlen(text));
    assert_int_equal(take(trial, 0, view.until, &blocks), 1);
}

static void a_file_that_was_cut_short_is_refused(void **state)
{
    trial *trial = *state;
    folder_write(RETRIES_FILE, one);
    source_partition partition = { .topic = RETRIES_TOPIC, .offset = 10000 };
    assert_int_equal(retries_kind.start(trial->retries, &partition, 1, &trial->failure), SL_DATA_LOSS);
    assert_non_null(strstr(trial->failure.text, "sluice reset"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_file_is_no_input, open_trial, close_trial),
        cmocka_unit_test_setup_teardown(letters_come_as_the_records_that_they_were, open_trial, close_trial),
        cmocka_unit_test_setup_teardown(they_go_on_at_the_node_that_stopped_them, open_trial, close_trial),
        cmocka_unit_test_setup_teardown(a_line_without_its_end_waits_for_it, open_trial, close_trial),
        cmocka_unit_test_setup_teardown(a_cut_takes_so_many_letters_and_goes_on_behind_them, open_trial,
                                        close_trial),
        cmocka_unit_test_setup_teardown(what_is_no_letter_of_this_job_is_passed_over, open_trial,
                                        close_trial),
        cmocka_unit_test_setup_teardown(a_file_that_was_cut_short_is_refused, open_trial, close_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
