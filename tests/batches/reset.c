/*
 * tests/batches/reset.c - after a reset a job reads from the start and knows nothing, but its batches come after all that
 * were: whatever was damaged, and wherever the reset was interrupted.
 */
#include "../../jobs/listens.c"
#include <base/folder.h>
#include <base/memory.h>
#include <batches/job_run.h>
#include <batches/reset.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { AHEAD_MS = 3600000 };

static job_run run;

static void start(void)
{
    char options[400];
    snprintf(options, sizeof options, "--interval 1s --interest-plays 2 --from lines=file:%s --work-dir %s",
             folder_path("in"), folder_path("work"));
    if (job_run_open(&run, &job, options) != SL_OK)
        fail_msg("%s", run.failure.text);
}

static void batch_at(int64_t now_ms)
{
    if (job_run_batch_at(&run, now_ms) != SL_OK)
        fail_msg("%s", run.failure.text);
}

/* Two batches, an hour ahead of the clock that the next start finds. The second one is not done: it is journaled only. */
static void run_ahead(bool crashes)
{
    folder_write("in", "1,1,50,\"2014-10-23 03:26:20\",0,\"72132\"\n");
    start();
    batch_at(AHEAD_MS);
    if (crashes) {
        folder_write("in", "1,1,50,\"2014-10-23 03:26:20\",0,\"72132\"\nnot a play\n");
        assert_true(disk_break("write:EIO:.dead/"));
        assert_int_equal(job_run_batch_at(&run, AHEAD_MS + 5000), SL_FAILED);
        disk_break(NULL);
    }
    job_run_close(&run);
}

static batch_mark reset(void)
{
    batch_mark newest = { 0 };
    failure failure = { 0 };
    if (reset_folder(folder_path("work"), &newest, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return newest;
}

/* The first batch after a reset: all is read again, in a batch that is newer than all before. */
static void assert_anew(int64_t id, int64_t time_ms)
{
    start();
    batch_at(7000);
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->batch_id, id);
    assert_int_equal(account->batch_time_ms, time_ms);
    assert_false(account->catch_up);
    assert_int_equal(account->attempt, 1);
    assert_int_equal(account->ranges[0].from, 0);
    assert_non_null(strstr(job_run_wrote(&run, "documents"), "\"track_id\":\"50\""));
    assert_string_equal(job_run_wrote(&run, "interests"), ""); /* one play alone: that before is forgotten */
    batch_at(8000);
    assert_int_equal(job_run_account(&run)->batch_time_ms, time_ms + 1000);
    job_run_close(&run);
    start(); /* and what it does now is kept */
    batch_at(9000);
    assert_int_equal(job_run_account(&run)->batch_id, id + 2);
    assert_int_equal(job_run_account(&run)->batch_time_ms, time_ms + 2000);
    assert_int_equal(job_run_account(&run)->records, 0);
    job_run_close(&run);
}

static void a_new_run_begins_after_the_last_batch(void **state)
{
    (void)state;
    run_ahead(false);
    batch_mark newest = reset();
    assert_true(newest.id == 1 && newest.time_ms == AHEAD_MS);
    assert_false(folder_has("work/journal"));
    assert_false(folder_has("work/history.ndjson"));
    assert_anew(2, AHEAD_MS + 1000);
    assert_null(strstr(folder_read("work/history.ndjson"), "\"batch_id\":1,"));
}

/* It may have written before it died. */
static void a_batch_that_was_not_done_counts_too(void **state)
{
    (void)state;
    run_ahead(true);
    batch_mark newest = reset();
    assert_true(newest.id == 2 && newest.time_ms == AHEAD_MS + 5000);
    assert_anew(3, AHEAD_MS + 6000);
}

static void a_second_reset_keeps_what_the_first_one_kept(void **state)
{
    (void)state;
    run_ahead(false);
    reset();
    batch_mark newest = reset();
    assert_true(newest.id == 1 && newest.time_ms == AHEAD_MS);
    assert_anew(2, AHEAD_MS + 1000);
}

/* Until the new checkpoint is there nothing has happened; from then on the job has forgotten, whatever still lies there. */
static void a_reset_that_is_interrupted_has_happened_or_has_not(void **state)
{
    (void)state;
    static const char *const faults[] = { "write:EIO:checkpoint",     "sync:EIO:checkpoint",
                                          "rename:EIO:checkpoint",    "remove:EIO:journal",
                                          "remove:EIO:checkpoint-01", "remove:EIO:damaged",
                                          "remove:EIO:history" };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        batch_mark newest = { 0 };
        failure failure = { 0 };
        folder_open();
        run_ahead(true);
        folder_write("work/checkpoint-01", "an old one");
        folder_write("work/damaged-checkpoint-01", "a damaged one");
        assert_true(disk_break(faults[i]));
        assert_int_equal(reset_folder(folder_path("work"), &newest, &failure), SL_FAILED);
        disk_break(NULL);
        if (i < 3) { /* the batch that was not done runs again, as it was */
            start();
            batch_at(7000);
            assert_int_equal(job_run_account(&run)->batch_id, 2);
            assert_int_equal(job_run_account(&run)->batch_time_ms, AHEAD_MS + 5000);
            job_run_close(&run);
        } else {
            assert_anew(3, AHEAD_MS + 6000);
        }
        folder_close();
    }
}

static void damage(const char *name, off_t at)
{
    int file = open(folder_path(name), O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, "damaged", 7, at), 7);
    assert_int_equal(close(file), 0);
}

static void a_damaged_checkpoint_is_left_behind_by_its_name_and_by_what_is_whole(void **state)
{
    (void)state;
    run_ahead(true);
    damage("work/checkpoint-000000000000000001", 2);
    damage("work/journal", 2); /* the first entry: the second one is whole */
    batch_mark newest = reset();
    assert_true(newest.id == 2 && newest.time_ms == AHEAD_MS + 5000);
    assert_anew(3, AHEAD_MS + 6000);
}

static void what_is_known_from_elsewhere_counts(void **state)
{
    (void)state;
    run_ahead(false);
    batch_mark newest = { .id = 77, .time_ms = 2 * AHEAD_MS };
    failure failure = { 0 };
    assert_int_equal(reset_folder(folder_path("work"), &newest, &failure), SL_OK);
    assert_anew(78, 2 * AHEAD_MS + 1000);
}

static void a_job_that_never_ran_begins_with_its_clock(void **state)
{
    (void)state;
    failure failure = { 0 };
    assert_int_equal(disk_folder(folder_path("work"), &failure), SL_OK);
    batch_mark newest = reset();
    assert_true(newest.id == 0 && newest.time_ms == 0);
    folder_write("in", "1,1,50,\"2014-10-23 03:26:20\",0,\"72132\"\n");
    assert_anew(1, 7000);
}

static int open_folder(void **state)
{
    run = (job_run){ 0 };
    return folder_start_home(state);
}

static int close_all(void **state)
{
    (void)state;
    disk_break(NULL);
    job_run_close(&run);
    folder_close();
    return 0;
}

#define RESET_TEST(test) cmocka_unit_test_setup_teardown(test, open_folder, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESET_TEST(a_new_run_begins_after_the_last_batch),
        RESET_TEST(a_batch_that_was_not_done_counts_too),
        RESET_TEST(a_second_reset_keeps_what_the_first_one_kept),
        cmocka_unit_test(a_reset_that_is_interrupted_has_happened_or_has_not),
        RESET_TEST(a_damaged_checkpoint_is_left_behind_by_its_name_and_by_what_is_whole),
        RESET_TEST(what_is_known_from_elsewhere_counts),
        RESET_TEST(a_job_that_never_ran_begins_with_its_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
