/*
 * tests/system/tune.c - `sluice tune` on a running job under load: the interval goes up and down, workers come and go, the rate is
 * limited and let go. What comes out is compared with a recount of what was sent: nothing lost, nothing doubled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

static const recount_windows short_windows = { 3000, 0, 500, 5, 1000, 250, 3 };
#define SHORT_WINDOWS                                                                                        \
    "--top-window", "3s", "--top-pane", "500ms", "--top-count", "5", "--interest-window", "1s",              \
        "--interest-pane", "250ms"

static int tune(trial *trial, const char *what, const char *value)
{
    const char *const words[] = {
        build_path("sluice"), "tune", "--work-dir", trial->work_dir, what, value, NULL
    };
    return trial_run(trial, words);
}

static void started(trial *trial)
{
    trial_start(trial);
    trial_wait_log(trial, " listens runs: ", trial->starts + 1);
}

static trial *begun(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 4))
        skip();
    trial_import(trial);
    return trial;
}

/* How many accounts have the text. */
static unsigned accounts_with(trial *trial, const char *text)
{
    char path[TRIAL_PATH + 40];
    unsigned found = 0;
    size_t room = 0;
    char *line = NULL;
    snprintf(path, sizeof path, "%s/history.ndjson", trial->work_dir);
    FILE *history = fopen(path, "r");
    assert_non_null(history);
    while (getline(&line, &room, history) > 0)
        found += strstr(line, "\"state\":\"completed\"") && strstr(line, text);
    free(line);
    fclose(history);
    return found;
}

static void what_is_tuned_under_load_loses_and_doubles_nothing(void **state)
{
    static const char *const changes[][2] = {
        { "--interval", "50ms" }, { "--cores", "1" },       { "--rate", "300" },       { "--interval", "1s" },
        { "--cores", "3" },       { "--interval", "70ms" }, { "--cores", "2" },        { "--rate", "0" },
        { "--interval", "10ms" }, { "--cores", "3" },       { "--interval", "200ms" }, { "--cores", "1" },
    };
    trial *trial = begun(state);
    trial_set(trial, "--interval", "200ms", "--cores", "3", SHORT_WINDOWS, NULL);
    started(trial);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        trial_send(trial, 800);
        assert_int_equal(tune(trial, changes[i][0], changes[i][1]), 0);
        trial_send(trial, 800);
    }
    trial_wait_all(trial);
    trial_stop(trial);
    recount_free(recount_assert(trial, &short_windows));
    assert_int_equal(trial_logged(trial, " WARN "), 0);
    assert_int_equal(trial_logged(trial, "instead of"), sizeof changes / sizeof *changes);
}

static void the_history_tells_by_what_each_batch_was_run(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "100ms", "--cores", "2", NULL);
    started(trial);
    trial_send(trial, 100);
    trial_wait_all(trial);
    assert_int_equal(accounts_with(trial, "max_rate_per_partition"), 0);
    assert_true(accounts_with(trial, "\"interval_ms\":100,") > 0);
    assert_int_equal(tune(trial, "--interval", "40ms"), 0);
    assert_int_equal(tune(trial, "--rate", "5000"), 0);
    assert_int_equal(tune(trial, "--cores", "1"), 0);
    trial_send(trial, 100);
    trial_wait_all(trial);
    trial_stop(trial);
    assert_true(accounts_with(trial, "\"interval_ms\":40,") > 0);
    assert_true(accounts_with(trial, "\"max_rate_per_partition\":5000,") > 0);
    assert_true(accounts_with(trial, "\"workers\":2,") > 0);
    assert_true(accounts_with(trial, "\"workers\":1,") > 0);
    unsigned tuned = accounts_with(trial, "\"interval_ms\":40,");
    started(trial); /* with its settings again */
    trial_send(trial, 100);
    trial_wait_all(trial);
    trial_stop(trial);
    assert_int_equal(accounts_with(trial, "\"interval_ms\":40,"), tuned);
}

/* At 10 records a second and partition, a batch of 100 ms has 1 of each of the 4, or now and then the fraction of the one before. */
static void a_rate_holds_from_the_next_cut_on(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "100ms", NULL);
    started(trial);
    assert_int_equal(tune(trial, "--rate", "10"), 0);
    trial_send(trial, 60);
    trial_wait_all(trial);
    trial_stop(trial);
    recount *recount = recount_assert(trial, &recount_usual);
    for (size_t i = 0; i < recount_batches(recount); i++)
        assert_in_range(recount_records(recount, i), 0, 8);
    recount_free(recount);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "100ms", NULL);
    assert_int_equal(tune(trial, "--interval", "50ms"), 2); /* it does not run */
    started(trial);
    assert_int_equal(tune(trial, "--interval", "0ms"), 2);
    assert_int_equal(tune(trial, "--interval", "50"), 2);
    assert_int_equal(tune(trial, "--cores", "0"), 2);
    assert_int_equal(tune(trial, "--cores", "256"), 2);
    assert_int_equal(tune(trial, "--rate", "-1"), 2);
    assert_int_equal(tune(trial, "--speed", "1"), 2);
    trial_send(trial, 100);
    trial_wait_all(trial);
    trial_stop(trial);
    assert_int_equal(trial_logged(trial, "instead of"), 0);
    assert_int_equal(trial_logged(trial, "this job can use 1 to "), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_tuned_under_load_loses_and_doubles_nothing, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(the_history_tells_by_what_each_batch_was_run, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(a_rate_holds_from_the_next_cut_on, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_and_changes_nothing, trial_make,
                                        trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
