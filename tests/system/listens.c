/*
 * tests/system/listens.c - the job `listens` as people run it: a process of its own before a broker in memory and a real
 * Redis, with all kinds of listens, stopped, killed and hindered in many ways. What comes out is compared with a recount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

/* So short that things leave the windows while the test runs. */
static const recount_windows short_windows = { 3000, 0, 500, 5, 1000, 250, 3 };
#define SHORT_WINDOWS                                                                                        \
    "--top-window", "3s", "--top-pane", "500ms", "--top-count", "5", "--interest-window", "1s",              \
        "--interest-pane", "250ms"

static trial *begun(void **state, int32_t partitions)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", partitions))
        skip();
    trial_import(trial);
    return trial;
}

static void assert_quiet(trial *trial)
{
    assert_int_equal(trial_logged(trial, " WARN "), 0);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
}

static void checked(trial *trial, const recount_windows *windows)
{
    recount_free(recount_assert(trial, windows));
}

static void everything_that_comes_out_equals_a_recount(void **state)
{
    trial *trial = begun(state, 3);
    trial_send(trial, 8000);
    trial_set(trial, "--max-rate-per-partition", "200", NULL);
    trial_finish(trial);
    recount *recount = recount_assert(trial, &recount_usual);
    assert_true(recount_batches(recount) >= 6);
    for (size_t i = 0; i < recount_batches(recount); i++)
        assert_in_range(recount_records(recount, i), 1, 3 * 400);
    recount_free(recount);
    assert_quiet(trial);
}

static void a_topic_of_one_partition_and_one_of_64_are_read(void **state)
{
    trial *trial = begun(state, 64);
    trial_send(trial, 3000);
    trial_finish(trial);
    checked(trial, &recount_usual);
    assert_quiet(trial);
    trial_end(trial);
    begun(state, 1);
    trial_send(trial, 1000);
    trial_finish(trial);
    checked(trial, &recount_usual);
    assert_quiet(trial);
}

static void batches_in_time_go_on_where_the_last_run_stopped(void **state)
{
    static const char *const runs[][2] = {
        { "200ms", "1" }, { "70ms", "2" }, { "1s", "3" }, { "50ms", "1" }
    };
    trial *trial = begun(state, 4);
    for (size_t run = 0; run < sizeof runs / sizeof *runs; run++) {
        trial_set(trial, "--interval", runs[run][0], "--cores", runs[run][1], SHORT_WINDOWS, NULL);
        trial_start(trial);
        for (int i = 0; i < 15; i++)
            trial_send(trial, 60);
        trial_wait_all(trial);
        trial_stop(trial);
    }
    checked(trial, &short_windows);
    assert_quiet(trial);
}

static void reports_by_slide_are_as_the_window_was_then(void **state)
{
    trial *trial = begun(state, 2);
    static const recount_windows sliding = { 2000, 500, 250, 10, 1000, 250, 2 };
    trial_set(trial, "--interval", "100ms", "--top-window", "2s", "--top-pane", "250ms", "--top-slide",
              "500ms", "--interest-window", "1s", "--interest-pane", "250ms", "--interest-plays", "2", NULL);
    trial_start(trial);
    for (int i = 0; i < 40; i++)
        trial_send(trial, 30);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &sliding);
    assert_quiet(trial);
}

static void batches_of_10_ms_keep_up(void **state)
{
    trial *trial = begun(state, 4);
    trial_set(trial, "--interval", "10ms", SHORT_WINDOWS, NULL);
    trial_start(trial);
    for (int i = 0; i < 100; i++)
        trial_send(trial, 20);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
    assert_quiet(trial);
}

/* Some faults in turn, each a few batches on, then to the end. */
static void killed_in_turn(trial *trial, const char *how)
{
    static const char *const points[] = { "before_journal",   "after_journal",     "after_documents",
                                          "after_aggregates", "before_checkpoint", "before_checkpoint_sync",
                                          "after_checkpoint", "after_commit" };
    char fault[64];
    trial_send(trial, 6000);
    trial_set(trial, "--interval", "1s", "--max-rate-per-partition", "40", NULL);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        snprintf(fault, sizeof fault, "%s:%zu%s", points[i], 1 + i % 3, how);
        trial->fault = fault;
        trial_start(trial);
        int status = trial_ended(trial);
        if (status != 128 + SIGKILL)
            fail_msg("%s: ended with %d", fault, status);
    }
    trial->fault = NULL;
    trial_finish(trial);
    checked(trial, &recount_usual);
}

static void killed_at_each_point_it_loses_and_doubles_nothing(void **state)
{
    killed_in_turn(begun(state, 4), "");
}

static void killed_with_what_was_not_synced_it_loses_and_doubles_nothing(void **state)
{
    killed_in_turn(begun(state, 4), ":forget");
}

static void killed_at_any_moment_it_loses_and_doubles_nothing(void **state)
{
    trial *trial = begun(state, 4);
    trial_set(trial, "--interval", "20ms", SHORT_WINDOWS, NULL);
    for (size_t kills = 1; kills <= 8; kills++) {
        trial_start(trial);
        while (trial_files(trial) < kills * 3)
            trial_send(trial, 20 + 7 * kills);
        trial_signal(trial, SIGKILL);
        assert_int_equal(trial_ended(trial), 128 + SIGKILL);
    }
    trial_start(trial);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
}

/* Hanging, then gone, then back with what it had. */
static void redis_hindered(trial *trial)
{
    trial_start(trial);
    trial_send(trial, 300);
    trial_wait_all(trial);
    redis_server_hang(trial->redis);
    trial_send(trial, 300);
    trial_wait_log(trial, "trying again", 1);
    redis_server_go_on(trial->redis);
    trial_wait_all(trial);
    redis_server_kill(trial->redis);
    trial_send(trial, 300);
    trial_wait_log(trial, "cannot connect", 1);
    redis_server_restart(trial->redis);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
}

static void while_redis_hangs_or_is_gone_lookups_wait(void **state)
{
    trial *trial = begun(state, 2);
    trial_set(trial, "--interval", "50ms", "--conf", "redis.timeout=200ms", "--conf", "redis.cache.ttl=0s",
              SHORT_WINDOWS, NULL);
    redis_hindered(trial);
}

static void while_redis_hangs_or_is_gone_lists_wait(void **state)
{
    trial *trial = begun(state, 2);
    trial_set(trial, "--interval", "50ms", "--conf", "redis.timeout=200ms", "--conf", "redis.cache.ttl=1h",
              "--conf", "redis.cache.missing_ttl=1h", SHORT_WINDOWS, NULL);
    redis_hindered(trial);
}

static void a_job_that_waits_for_redis_can_be_stopped_and_goes_on(void **state)
{
    trial *trial = begun(state, 2);
    trial_set(trial, "--interval", "50ms", "--conf", "redis.timeout=200ms", SHORT_WINDOWS, NULL);
    trial_start(trial);
    trial_send(trial, 300);
    trial_wait_all(trial);
    redis_server_kill(trial->redis);
    trial_send(trial, 300);
    trial_wait_log(trial, "trying again", 1);
    trial_stop(trial);
    redis_server_restart(trial->redis);
    trial_start(trial);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
}

static void the_real_listens_come_out_as_a_recount_says(void **state)
{
    trial *trial = begun(state, 2);
    if (made_listens_read(&trial->listens, "../shared/data/tracks_live.csv") == 0) {
        print_message("the real data does not stand beside the checkout\n");
        skip();
    }
    made_listens_send(&trial->listens, trial->servers, trial->topic);
    trial_set(trial, "--max-rate-per-partition", "250", NULL);
    trial_finish(trial);
    checked(trial, &recount_usual);
    assert_quiet(trial);
}

static void folder_clear(const char *path)
{
    char command[TRIAL_PATH + 20];
    snprintf(command, sizeof command, "rm -rf '%s'/*", path);
    assert_int_equal(system(command), 0);
}

/* Batches of a minute each that are cut one after the other: the last T is minutes ahead of the clock. What is in Redis bears
 * it, and its fences refuse what is older. */
static void after_a_reset_what_is_written_is_newer_though_time_had_run_ahead(void **state)
{
    trial *trial = begun(state, 2);
    char dead[TRIAL_PATH + 8];
    snprintf(dead, sizeof dead, "%s/dead", trial->work_dir);
    trial_set(trial, "--interval", "60s", "--max-rate-per-partition", "5", NULL);
    trial_send(trial, 3000);
    trial_finish(trial);
    recount *before = recount_assert(trial, &recount_usual);
    trial->batches_before = (int64_t)recount_batches(before);
    recount_free(before);
    const char *const reset[] = { build_path("sluice"), "reset", "listens", "--work-dir",
                                  trial->work_dir,      "--yes", NULL };
    assert_int_equal(trial_run(trial, reset), 0);
    folder_clear(trial->out);
    folder_clear(dead);
    redis_server_ask(trial->redis, "DEL top_tracks:0 top_tracks:1");
    trial_finish(trial);
    checked(trial, &recount_usual);
    assert_quiet(trial);
}

static void a_broker_that_is_not_there_is_named(void **state)
{
    trial *trial = begun(state, 1);
    snprintf(trial->servers, sizeof trial->servers, "127.0.0.1:1");
    trial_set(trial, "--startup-timeout", "1s", NULL);
    trial_start(trial);
    assert_int_equal(trial_ended(trial), 3);
    assert_true(trial_logged(trial, "127.0.0.1:1") >= 1);
    assert_true(trial_logged(trial, "kafka.bootstrap.servers") >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_comes_out_equals_a_recount),
        TEST(a_topic_of_one_partition_and_one_of_64_are_read),
        TEST(batches_in_time_go_on_where_the_last_run_stopped),
        TEST(reports_by_slide_are_as_the_window_was_then),
        TEST(batches_of_10_ms_keep_up),
        TEST(killed_at_each_point_it_loses_and_doubles_nothing),
        TEST(killed_with_what_was_not_synced_it_loses_and_doubles_nothing),
        TEST(killed_at_any_moment_it_loses_and_doubles_nothing),
        TEST(while_redis_hangs_or_is_gone_lookups_wait),
        TEST(while_redis_hangs_or_is_gone_lists_wait),
        TEST(a_job_that_waits_for_redis_can_be_stopped_and_goes_on),
        TEST(the_real_listens_come_out_as_a_recount_says),
        TEST(after_a_reset_what_is_written_is_newer_though_time_had_run_ahead),
        TEST(a_broker_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
