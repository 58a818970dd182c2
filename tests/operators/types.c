/*
 * tests/operators/types.c - fields of all kinds as keys, alone and together, and as state; through a restart, too.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL_FIELDS(F)                                                                                        \
    F(text, word)                                                                                            \
    F(i32, small) F(i64, large) F(f64, share) F(flag, yes) F(time, when) F(maybe_i64, some) F(i64, times)
SL_RECORD(all, ALL_FIELDS);

/* word,small,large,share,yes,when,some: what is empty is missing, or 0 */
static bool take(sl_task *task, const sl_message *in, all *out)
{
    sl_text field[7];
    char text[7][40];
    if (sl_csv_split(task, in->value, field, 7))
        return false;
    for (size_t i = 0; i < 7; i++)
        snprintf(text[i], sizeof text[i], "%.*s", (int)field[i].size, field[i].at);
    *out = (all){ .word = field[0],
                  .small = atoi(text[1]),
                  .large = atoll(text[2]),
                  .share = atof(text[3]),
                  .yes = *text[4] == '1',
                  .when = atoll(text[5]),
                  .some = { atoll(text[6]), field[6].size > 0 } };
    return true;
}
SL_STAGE(take, sl_message, all);

static sl_fields key;

static sl_stream rows(sl_plan *plan)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
}

static void draw_count(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream all_rows = rows(plan);
    sl_to(sl_count_by(all_rows, &(sl_count){ .name = "kept",
                                             .key = key,
                                             .into = SL_FIELDS(all, times),
                                             .window = { .length = { 60000 }, .pane = { 1000 } } }),
          &(sl_output){ .name = "out", .to = { "memory" }, .id = key });
    sl_to(sl_distinct_by(all_rows,
                         &(sl_distinct){ .name = "seen", .key = key, .window = { .length = SL_EVER } }),
          &(sl_output){ .name = "new", .to = { "memory" }, .id = key });
}

static bool keep_last(sl_task *task, const all *in, all *state, sl_key *about)
{
    (void)task, (void)about;
    int64_t times = state->times + 1;
    sl_text word = state->word;
    *state = *in; /* texts of it are not kept: the key is filled in anew */
    state->word = word;
    state->times = times;
    return true;
}
SL_UPDATE(keep_last, all, all);

static void draw_update(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream states =
        sl_update_by(rows(plan), &keep_last_update, &(sl_update){ .name = "kept", .key = key, .into = key });
    sl_to(sl_snapshots(states, (sl_duration){ 0 }),
          &(sl_output){ .name = "out", .to = { "memory" }, .id = key });
}

static const sl_job counting = { .name = "counting", .about = "keys", .draw = draw_count },
                    updating = { .name = "updating", .about = "states", .draw = draw_update };

static int lines_of(const char *documents)
{
    int lines = 0;
    for (; (documents = strchr(documents, '\n')); documents++)
        lines++;
    return lines;
}

/* Two batches of these lines, with a restart between them: so many keys, each with twice its rows; the second batch has none that is new. */
static void assert_keys(sl_fields fields, const char *const *lines, int keys, const char *document)
{
    char options[400];
    key = fields;
    folder_open();
    snprintf(options, sizeof options, "--interval 1s --work-dir %s", folder_path("work"));
    for (int round = 1; round <= 2; round++) {
        sl_test *test = sl_test_open(&counting, options);
        for (size_t i = 0; lines[i]; i++)
            sl_test_send(test, "lines", lines[i]);
        sl_test_batch(test);
        assert_int_equal(lines_of(sl_test_wrote(test, "new")), round == 1 ? keys : 0);
        assert_int_equal(lines_of(sl_test_wrote(test, "out")), keys);
        if (round == 2 && strstr(sl_test_wrote(test, "out"), document) == NULL)
            fail_msg("<%s> is not in\n%s", document, sl_test_wrote(test, "out"));
        sl_test_close(test);
    }
    folder_close();
}

static const char *const lines[] = { "a,1,1,0.5,1,1000,1", "a,-1,-9000000000,-0.5,0,2000,",
                                     "b,1,1,0.5,1,1000,0", "a,1,1,0.5,1,1000,1", NULL };

static void a_field_of_any_kind_is_a_key(void **state)
{
    (void)state;
    assert_keys(SL_FIELDS(all, word), lines, 2, "\"word\":\"a\"");
    assert_keys(SL_FIELDS(all, small), lines, 2, "\"small\":-1,");
    assert_keys(SL_FIELDS(all, large), lines, 2, "\"large\":-9000000000,");
    assert_keys(SL_FIELDS(all, share), lines, 2, "\"share\":-0.5,");
    assert_keys(SL_FIELDS(all, yes), lines, 2, "\"yes\":true");
    assert_keys(SL_FIELDS(all, when), lines, 2, "\"when\":\"1970-01-01T00:00:02.000Z\"");
    assert_keys(SL_FIELDS(all, some), lines, 3, "\"some\":0,"); /* 1, unknown, 0 */
}

static void keys_are_made_of_up_to_four_fields(void **state)
{
    (void)state;
    assert_keys(SL_FIELDS(all, word, small), lines, 3,
                "\"word\":\"a\",\"small\":1,\"large\":0,\"share\":0,\"yes\":false,"
                "\"when\":\"1970-01-01T00:00:00.000Z\",\"times\":4}");
    assert_keys(SL_FIELDS(all, share, yes, when, some), lines, 3,
                "\"share\":0.5,\"yes\":true,\"when\":\"1970-01-01T00:00:01.000Z\",\"some\":1,\"times\":4}");
    static const char *const apart[] = { "ab,1,,,,,", "a,1,,,,,", "a,,1,,,,", "a,,,1,,,", NULL };
    assert_keys(SL_FIELDS(all, word, small, large, share), apart, 4,
                "\"word\":\"a\",\"small\":0,\"large\":1,\"share\":0,");
}

/* What a key's last row said is its state, of whatever kind; a restart changes nothing. */
static void a_state_has_fields_of_all_kinds(void **state)
{
    (void)state;
    char options[400], once[600];
    key = SL_FIELDS(all, word);
    folder_open();
    snprintf(options, sizeof options, "--interval 1s --work-dir %s", folder_path("work"));
    sl_test *test = sl_test_open(&updating, options);
    for (size_t i = 0; lines[i]; i++)
        sl_test_send(test, "lines", lines[i]);
    sl_test_send(test, "lines", "a,-2147483648,-9000000000,-0.125,1,1500,");
    sl_test_batch(test);
    static const char *const wanted =
        "\"word\":\"a\",\"small\":-2147483648,\"large\":-9000000000,\"share\":-0.125,"
        "\"yes\":true,\"when\":\"1970-01-01T00:00:01.500Z\",\"times\":4}";
    assert_non_null(strstr(sl_test_wrote(test, "out"), wanted));
    assert_non_null(strstr(sl_test_wrote(test, "out"),
                           "\"yes\":true,\"when\":\"1970-01-01T00:00:01.000Z\",\"some\":0,\"times\":1}"));
    snprintf(once, sizeof once, "%s", strstr(sl_test_wrote(test, "out"), "\"word\":\"a\""));
    sl_test_close(test);
    test = sl_test_open(&updating, options);
    sl_test_batch(test);
    const char *again = strstr(sl_test_wrote(test, "out"), "\"word\":\"a\"");
    assert_memory_equal(again, once, strlen(wanted));
    sl_test_close(test);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_any_kind_is_a_key),
        cmocka_unit_test(keys_are_made_of_up_to_four_fields),
        cmocka_unit_test(a_state_has_fields_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
