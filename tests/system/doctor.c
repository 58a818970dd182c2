/*
 * tests/system/doctor.c - `sluice doctor` and `sluice explain` of a job that has run, of one that runs, and of one that never did.
 * Servers: a broker in memory, and ports where nothing answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

static int asked(trial *trial, const char *command, const char *name)
{
    const char *const words[] = { build_path("sluice"), command, name ? name : "--work-dir",
                                  name ? NULL : trial->work_dir, NULL };
    return trial_run(trial, words);
}

static trial *begun(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 3))
        skip();
    setenv("XDG_STATE_HOME", trial->folder, 1);
    trial_import(trial);
    return trial;
}

static void what_is_there_is_ok_and_what_is_not_says_what_to_do(void **state)
{
    trial *trial = begun(state);
    trial_send(trial, 300);
    trial_finish(trial);
    assert_int_equal(asked(trial, "doctor", NULL), 0);
    assert_int_equal(trial_logged(trial, "ok    lines (kafka): 127.0.0.1:"), 1);
    assert_int_equal(trial_logged(trial, "topic realtime has 3 partitions"), 1);
    assert_int_equal(trial_logged(trial, "ok    customers (redis): "), 1);
    assert_int_equal(trial_logged(trial, "can be written; its disk is "), 1);
    assert_int_equal(trial_logged(trial, ", is completed\n"), 1);
    assert_int_equal(trial_logged(trial, "BAD "), 0);
    redis_server_stop(trial->redis);
    trial->redis = NULL;
    assert_int_equal(asked(trial, "doctor", NULL), 3);
    assert_int_equal(trial_logged(trial, "BAD   customers (redis): "), 1);
}

static void secrets_are_hidden_and_a_topic_that_is_not_there_is_told(void **state)
{
    trial *trial = begun(state);
    const char *const submitted[] = { build_path("jobs/hello_count"),
                                      "--name",
                                      "hi",
                                      "--from",
                                      "lines=rate:",
                                      "--to",
                                      "counts=null",
                                      "--available-now",
                                      "--count",
                                      "50",
                                      "--conf",
                                      "redis.url=redis://me:hidden1@127.0.0.1:1",
                                      "--work-dir",
                                      trial->work_dir,
                                      NULL };
    assert_int_equal(trial_run(trial, submitted), 0);
    assert_int_equal(asked(trial, "explain", "hi"), 0);
    assert_int_equal(asked(trial, "doctor", "hi"), 0);
    assert_int_equal(trial_logged(trial, "hidden1"), 0);
    char servers[100];
    snprintf(servers, sizeof servers, "kafka.bootstrap.servers=%s", trial->servers);
    const char *const absent[] = {
        build_path("jobs/hello_count"), "--doctor", "--topic", "nowhere", "--conf", servers, NULL
    };
    int code = trial_run(trial, absent);
    assert_true(code == 3 || code == 0); /* a broker may make it when it is asked for */
    const char *const wrong[] = { build_path("jobs/hello_count"), "--doctor", "--conf",
                                  "kafka.bootstrap.servers=127.0.0.1:1", NULL };
    assert_int_equal(trial_run(trial, wrong), 3);
    assert_int_equal(trial_logged(trial, "no broker answers at 127.0.0.1:1 within 5 s; is it running, and is "
                                         "kafka.bootstrap.servers right?"),
                     1);
}

static void a_job_is_explained_running_gone_or_never_started(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "100ms", NULL);
    trial_start(trial);
    trial_send(trial, 400);
    trial_wait_all(trial);
    assert_int_equal(asked(trial, "explain", NULL), 0);
    assert_int_equal(trial_logged(trial, "    through parse_play: sl_message -> "), 1);
    assert_int_equal(trial_logged(trial, "now\n    running: a batch every 100 ms"), 1);
    trial_stop(trial);
    assert_int_equal(asked(trial, "explain", NULL), 0);
    assert_int_equal(trial_logged(trial, "    through parse_play: sl_message -> "), 2);
    assert_int_equal(trial_logged(trial, "now\n"), 1); /* still the one of before */
    assert_int_equal(trial_logged(trial, "what a batch costs (on average of the newest "), 2);
    assert_int_equal(trial_logged(trial, "command line\n") % 2, 0);
    assert_int_equal(asked(trial, "explain", "hello_count"), 0);
    assert_int_equal(trial_logged(trial, "through one_line: sl_message -> line_count"), 1);
    assert_int_equal(asked(trial, "explain", "hello_coun"), 2);
    assert_int_equal(trial_logged(trial, "did you mean \"hello_count\"?"), 1);
    assert_int_equal(asked(trial, "doctor", "hello_coun"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_there_is_ok_and_what_is_not_says_what_to_do, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(secrets_are_hidden_and_a_topic_that_is_not_there_is_told, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(a_job_is_explained_running_gone_or_never_started, trial_make,
                                        trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
