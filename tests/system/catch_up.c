/*
 * tests/system/catch_up.c - `listens` comes back after an outage and finds a backlog: it says how long that takes, and does as it
 * says. With back-pressure, its first batch is limited by what the last run reached.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <system/shared/trial.h>

#include <cmocka.h>

static char *log_read(const trial *trial)
{
    return trial_output((const char *[]){ "/bin/cat", trial->log, NULL });
}

/* The number behind a text in the log; -1: it is not there. */
static double number_behind(const char *log, const char *text)
{
    const char *at = strstr(log, text);
    return at ? strtod(at + strlen(text), NULL) : -1;
}

/* 4,800 in 4 partitions, 500 a second of each, in batches of 200 ms: 400 a batch. */
static void the_plan_to_catch_up_is_told_and_kept(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 4))
        skip();
    trial_import(trial);
    trial_send(trial, 4800);
    trial_set(trial, "--interval", "200ms", "--max-rate-per-partition", "500", NULL);
    trial_start(trial);
    trial_wait_all(trial);
    trial_wait_log(trial, "catch-up caught up: ", 1);
    trial_stop(trial);
    char *log = log_read(trial);
    const char *plan = strstr(log, "INFO catch-up ");
    assert_non_null(plan);
    double unread = number_behind(plan, "INFO catch-up "), batches = number_behind(plan, ", after ");
    double of = number_behind(plan, " batches of ");
    print_message("%.150s\n%.120s\n", plan, strstr(plan, "INFO catch-up caught up: "));
    assert_non_null(strstr(log, " unread; "));
    assert_true(strstr(log, " unread; ") < strstr(log, "caught up: "));
    assert_true(unread > 0 && unread < 4800);
    assert_true(of > 100 && of <= 500);
    assert_true(batches * of > 0.7 * unread && batches * of < 1.5 * unread);
    free(log);
}

static void the_first_batch_is_limited_by_the_last_run(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 4))
        skip();
    trial_import(trial);
    trial_send(trial, 10000); /* some milliseconds of work: less gives no estimate */
    trial_set(trial, "--interval", "200ms", "--backpressure", NULL);
    trial_start(trial);
    trial_wait_all(trial);
    trial_stop(trial);
    trial_send(trial, 1000);
    trial_start(trial);
    trial_wait_all(trial);
    trial_stop(trial);
    char *log = log_read(trial);
    const char *limit = strstr(log, "as the last run, until batches tell more");
    if (limit == NULL)
        fail_msg("%s", log);
    while (limit > log && limit[-1] != '\n')
        limit--;
    print_message("%.120s\n", limit);
    assert_true(number_behind(limit, "at most ") >= 100);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_plan_to_catch_up_is_told_and_kept, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(the_first_batch_is_limited_by_the_last_run, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
