/*
 * tests/batches/scheduler.c - batches that fail come again: nothing is counted twice, the account says how often, and some
 * troubles are not tried again. The file sink fails because its disk does.
 */
#include "../../jobs/listens.c"
#include <base/disk.h>
#include <base/folder.h>
#include <batches/job_run.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/log_file.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <json-c/json.h>

static job_run run;

static sl_result start(const char *options)
{
    char all[1024];
    snprintf(all, sizeof all, "--interval 1s --work-dir %s --to documents=file:%s %s", folder_path("work"),
             folder_path("out"), options);
    return job_run_open(&run, &job, all);
}

static void play_of(const char *customer, const char *track)
{
    char line[128];
    snprintf(line, sizeof line, "7,%s,%s,\"2014-10-23 03:26:20\",0,\"72132\"", customer, track);
    job_run_send(&run, 0, line);
}

static const sl_batch_info *batch_run(void)
{
    if (job_run_batch(&run) != SL_OK)
        fail_msg("%s", run.failure.text);
    const sl_batch_info *account = job_run_account(&run);
    assert_true(job_run_adds_up(account));
    assert_int_equal(account->state, SL_BATCH_COMPLETED);
    return account;
}

static int64_t plays_told(const char *output)
{
    const char *plays = strstr(job_run_wrote(&run, output), "\"plays\":");
    return plays ? strtoll(plays + strlen("\"plays\":"), NULL, 10) : 0;
}

/* Two attempts fail after the plays were counted; the third play makes the interest, not an attempt. */
static void a_batch_that_comes_again_is_counted_once(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    play_of("9", "56");
    play_of("9", "56");
    job_run_send(&run, 0, "bad");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:2"));
    const sl_batch_info *account = batch_run();
    assert_int_equal(account->attempt, 3);
    assert_int_equal(account->records, 3);
    assert_int_equal(account->written, 2);
    assert_int_equal(account->dead_letters, 1);
    assert_null(account->error);
    assert_string_equal(job_run_wrote(&run, "interests"), "");
    play_of("9", "56");
    account = batch_run();
    assert_int_equal(account->attempt, 1);
    assert_int_equal(plays_told("interests"), 3);
}

/* Spark's submissionTime, processingStartTime and processingEndTime: on the clock, not on the grid of batch times. */
static void the_account_tells_its_times_on_the_wall_clock(void **state)
{
    (void)state;
    assert_int_equal(start("--max-rate-per-partition 2"), SL_OK);
    for (int i = 0; i < 5; i++)
        play_of("9", "56");
    assert_int_equal(job_run_batch_at(&run, 7345), SL_OK);
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->batch_time_ms, 7000);
    assert_int_equal(account->submission_time_ms, 7345);
    assert_int_equal(account->processing_start_time_ms, 7345);
    assert_int_equal(account->processing_end_time_ms, 7345);
    assert_int_equal(account->unread, 3);
}

/* ---- What listeners are told ------------------------------------------------------------------------------------- */

static char heard[4000];

static void hear(const char *what, const char *name)
{
    size_t size = strlen(heard);
    snprintf(heard + size, sizeof heard - size, "%s%s%s; ", what, name ? " " : "", name ? name : "");
}

static void hear_start(void *self, const sl_start_info *start)
{
    (void)self;
    assert_int_equal(start->output_count, 3);
    hear("streaming started", start->job);
}

static void hear_batch(void *self, const sl_batch_info *batch)
{
    (void)self;
    hear(sl_batch_state_name(batch->state), batch->error ? "with an error" : NULL);
}

static void hear_output_started(void *self, const sl_output_info *output)
{
    (void)self;
    hear("starts", output->name);
}

static void hear_output_completed(void *self, const sl_output_info *output)
{
    (void)self;
    hear(output->error ? "broke" : "ends", output->name);
}

static void hear_lookup(void *self, const sl_lookup_info *lookup)
{
    (void)self;
    char text[100];
    snprintf(text, sizeof text, "%s rows=%lld missed=%lld asked=%lld found=%lld", lookup->name,
             (long long)lookup->rows, (long long)lookup->missed, (long long)lookup->asked,
             (long long)lookup->found);
    hear("looked up", text);
}

static void hear_error(void *self, const sl_error_info *error)
{
    (void)self;
    hear("error", strstr(error->text, "disk is full") ? "disk is full" : error->text);
}

static void hear_paused(void *self, const sl_pause_info *pause)
{
    (void)self;
    hear(pause->until_ms ? "resumed" : "paused", NULL);
}

static const sl_listener own_listener = { .name = "own",
                                          .on_streaming_started = hear_start,
                                          .on_batch_submitted = hear_batch,
                                          .on_batch_started = hear_batch,
                                          .on_batch_completed = hear_batch,
                                          .on_batch_failed = hear_batch,
                                          .on_output_started = hear_output_started,
                                          .on_output_completed = hear_output_completed,
                                          .on_lookup = hear_lookup,
                                          .on_error = hear_error,
                                          .on_paused = hear_paused,
                                          .on_resumed = hear_paused };
static const sl_listener *const own_listeners[] = { &own_listener, NULL };

/* A listener beside the job needs no --listen. */
static void listeners_are_told_in_order_of_an_attempt_that_failed_and_one_that_did_not(void **state)
{
    (void)state;
    char options[1024];
    sl_job with_listener = job;
    with_listener.listeners = own_listeners;
    heard[0] = '\0';
    snprintf(options, sizeof options, "--interval 1s --work-dir %s --to documents=file:%s",
             folder_path("work"), folder_path("out"));
    assert_int_equal(job_run_open(&run, &with_listener, options), SL_OK);
    assert_true(engine_know(run.engine, "customers", "9", "{\"gender\":\"1\"}"));
    play_of("9", "56");
    play_of("8", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    batch_run();
    assert_string_equal(
        heard,
        "streaming started listens; submitted; started; starts documents; starts top_tracks; starts interests; "
        "broke documents; failed with an error; error disk is full; paused; started; starts documents; "
        "starts top_tracks; starts interests; ends documents; ends top_tracks; ends interests; resumed; "
        "looked up customers rows=2 missed=1 asked=0 found=0; completed; ");
}

static void the_phases_sum_up_to_the_total_delay_and_steps_and_places_are_named(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    for (int i = 0; i < 2000; i++)
        play_of("9", "56");
    batch_run();
    const sl_batch_info *account = job_run_account(&run);
    const sl_phases *phases = &account->phases;
    int64_t sum =
        phases->waiting_ns + phases->work_ns + phases->merge_ns + phases->sinks_ns + phases->commit_ns;
    assert_true((double)sum / 1e6 == account->total_delay_ms);
    assert_string_equal(account->steps[0].name, "reading");
    assert_string_equal(account->steps[1].name, "parse_play");
    assert_string_equal(account->steps[account->step_count - 1].name, "flushing");
    assert_string_equal(account->slowest_topic ? account->slowest_topic : "lines", "lines");
    assert_int_equal(account->workers, 2);
    assert_int_equal(account->output_count, 3);
    assert_string_equal(account->outputs[0].name, "documents");
    assert_non_null(strstr(account->outputs[0].description, "file:"));
}

static void rows_of_windows_are_written_at_every_attempt(void **state)
{
    (void)state;
    assert_int_equal(start("--interest-plays 2"), SL_OK);
    play_of("9", "56");
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    assert_int_equal(batch_run()->attempt, 2);
    assert_int_equal(plays_told("interests"), 2);
}

static void a_list_that_changed_is_written_at_every_attempt(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    assert_true(engine_know(run.engine, "customers", "9", "{\"gender\":\"1\"}"));
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:2"));
    assert_int_equal(batch_run()->attempt, 3);
    assert_int_equal(plays_told("top_tracks"), 1);
    batch_run();
    assert_string_equal(job_run_wrote(&run, "top_tracks"), ""); /* told, and not again */
}

/* The window of slide 3 s ends at 3 s, between the batches at 2 s and 4 s. */
static void a_list_of_a_window_that_ended_before_the_batch_is_written_at_every_attempt(void **state)
{
    (void)state;
    assert_int_equal(start("--interval 2s --top-slide 3s"), SL_OK);
    assert_true(engine_know(run.engine, "customers", "9", "{\"gender\":\"1\"}"));
    play_of("9", "56");
    batch_run();
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    assert_int_equal(batch_run()->attempt, 2);
    assert_int_equal(plays_told("top_tracks"), 1);
    assert_non_null(strstr(job_run_wrote(&run, "top_tracks"), "\"window_end\":\"1970-01-01T00:00:03.000Z\""));
}

static void dead_letters_that_cannot_be_written_fail_the_batch(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    play_of("9", "56");
    job_run_send(&run, 0, "bad");
    assert_true(disk_break("write:ENOSPC:.dead/:1:1"));
    const sl_batch_info *account = batch_run();
    assert_int_equal(account->attempt, 2);
    assert_int_equal(account->dead_letters, 1);
    const char *letters = folder_read("work/dead/lines.dead/batch-1000.ndjson");
    assert_ptr_equal(strchr(letters, '\n'), letters + strlen(letters) - 1); /* one line */
}

static void a_checkpoint_that_cannot_be_written_fails_the_batch(void **state)
{
    (void)state;
    assert_int_equal(start("--interest-plays 2"), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("write:ENOSPC:checkpoint-:1:1")); /* the first, a file of its own */
    assert_int_equal(batch_run()->attempt, 2);
    play_of("9", "56");
    assert_true(disk_break("write:ENOSPC:checkpoint-:1:2")); /* a change at its end */
    assert_int_equal(batch_run()->attempt, 3);
    assert_int_equal(plays_told("interests"), 2);
    job_run_close(&run);
    assert_int_equal(start("--interest-plays 2"), SL_OK);
    play_of("9", "56");
    batch_run();
    assert_int_equal(plays_told("interests"), 3);
}

static void after_as_many_attempts_as_allowed_the_job_stops(void **state)
{
    (void)state;
    assert_int_equal(start("--max-batch-failures 2"), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2"));
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    assert_non_null(strstr(run.failure.text, "batch 1 failed 2 times"));
    assert_non_null(strstr(run.failure.text, "the disk is full"));
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->attempt, 2);
    assert_int_equal(account->state, SL_BATCH_FAILED);
    assert_non_null(account->error);
}

static void a_batch_that_failed_for_good_is_not_tried_again(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("sync:EIO:ba_realtime2"));
    assert_int_equal(job_run_batch(&run), SL_FAILED);
    assert_int_equal(job_run_account(&run)->attempt, 1);
    assert_non_null(strstr(run.failure.text, "ba_realtime2"));
}

/* What failed for good stays journaled: after a new start the same cut comes again, with its T. */
static void a_batch_that_stopped_the_job_comes_first_after_the_next_start(void **state)
{
    (void)state;
    assert_int_equal(start("--max-batch-failures 1 --interest-plays 2"), SL_OK);
    play_of("9", "56");
    batch_run();
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2"));
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    job_run_close(&run);
    disk_break(NULL);
    assert_int_equal(start("--interest-plays 2"), SL_OK);
    play_of("9", "56"); /* the source has it again, at its offset */
    play_of("9", "56"); /* and one more */
    const sl_batch_info *account = batch_run();
    assert_int_equal(account->batch_id, 2);
    assert_int_equal(account->batch_time_ms, 2000);
    assert_int_equal(account->records, 1);
    assert_true(account->catch_up);
    assert_int_equal(plays_told("interests"), 2);
    account = batch_run();
    assert_int_equal(account->batch_id, 3);
    assert_int_equal(plays_told("interests"), 3);
}

/* The attempts of the start before count in the account, not against the limit. */
static void each_start_has_all_the_attempts_that_are_allowed(void **state)
{
    (void)state;
    assert_int_equal(start("--max-batch-failures 1"), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2"));
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    job_run_close(&run);
    assert_int_equal(start("--max-batch-failures 2"), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    assert_true(batch_run()->attempt > 2);
    assert_int_equal(job_run_account(&run)->written, 1);
}

/* Whoever follows the history sees the trouble, too. */
static void the_history_has_a_line_per_attempt(void **state)
{
    (void)state;
    static const struct {
        int64_t id, attempt;
        const char *state;
    } wanted[] = { { 1, 1, "failed" }, { 1, 2, "completed" }, { 2, 1, "completed" } };
    assert_int_equal(start(""), SL_OK);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    batch_run();
    play_of("9", "57");
    batch_run();
    job_run_close(&run);
    const char *line = folder_read("work/history.ndjson");
    for (size_t i = 0; i < 3; i++) {
        json_object *account = json_tokener_parse(line);
        assert_non_null(account);
        assert_int_equal(json_object_get_int64(json_object_object_get(account, "batch_id")), wanted[i].id);
        assert_int_equal(json_object_get_int64(json_object_object_get(account, "attempt")),
                         wanted[i].attempt);
        assert_string_equal(json_object_get_string(json_object_object_get(account, "state")),
                            wanted[i].state);
        assert_int_equal(json_object_object_get(account, "error") != NULL, i == 0);
        json_object_put(account);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    assert_int_equal(start(""), SL_OK);
}

/* The manual clock stands still while a batch is tried: four attempts fail within one moment. */
static void a_trouble_that_lasts_is_told_once_with_its_end(void **state)
{
    (void)state;
    assert_int_equal(start(""), SL_OK);
    log_file_open();
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:3"));
    assert_int_equal(batch_run()->attempt, 4);
    assert_int_equal(log_file_count(" WARN scheduler "), 1);
    assert_int_equal(log_file_count("batch 1, attempt 1 failed: "), 1);
    assert_int_equal(log_file_count("; trying again\n"), 1);
    assert_int_equal(log_file_count(" INFO scheduler batch 1 is done at attempt 4; batches had waited for "),
                     1);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    batch_run(); /* a second later: the same again */
    assert_int_equal(log_file_count(" scheduler "), 2);
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    assert_int_equal(job_run_batch_at(&run, run.clock.manual_ms + 60000), SL_OK);
    assert_int_equal(log_file_count(" WARN scheduler "), 2);
    assert_int_equal(log_file_count(" INFO scheduler batch 3 is done at attempt 2"), 1);
}

static void back_pressure_limits_the_first_batch_by_its_initial_rate(void **state)
{
    (void)state;
    assert_int_equal(start("--backpressure --conf backpressure.initial_rate=3"), SL_OK);
    for (int i = 0; i < 10; i++)
        play_of("9", "56");
    assert_int_equal(batch_run()->records, 3);
    assert_int_equal(batch_run()->records, 3);
}

static void totals_grow_with_completed_batches_only(void **state)
{
    (void)state;
    assert_int_equal(start("--max-batch-failures 2"), SL_OK);
    play_of("9", "56");
    job_run_send(&run, 0, "bad");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2:1:1"));
    batch_run();
    play_of("9", "56");
    assert_true(disk_break("rename:ENOSPC:ba_realtime2"));
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    scheduler_totals totals = engine_totals(run.engine);
    assert_int_equal(totals.batches, 1);
    assert_int_equal(totals.records, 2);
    assert_int_equal(totals.written, 1);
    assert_int_equal(totals.dead_letters, 1);
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
    log_file_close();
    job_run_close(&run);
    folder_close();
    return 0;
}

#define SCHEDULER_TEST(test) cmocka_unit_test_setup_teardown(test, open_folder, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEDULER_TEST(a_batch_that_comes_again_is_counted_once),
        SCHEDULER_TEST(the_account_tells_its_times_on_the_wall_clock),
        SCHEDULER_TEST(listeners_are_told_in_order_of_an_attempt_that_failed_and_one_that_did_not),
        SCHEDULER_TEST(the_phases_sum_up_to_the_total_delay_and_steps_and_places_are_named),
        SCHEDULER_TEST(rows_of_windows_are_written_at_every_attempt),
        SCHEDULER_TEST(a_list_that_changed_is_written_at_every_attempt),
        SCHEDULER_TEST(a_list_of_a_window_that_ended_before_the_batch_is_written_at_every_attempt),
        SCHEDULER_TEST(dead_letters_that_cannot_be_written_fail_the_batch),
        SCHEDULER_TEST(a_checkpoint_that_cannot_be_written_fails_the_batch),
        SCHEDULER_TEST(after_as_many_attempts_as_allowed_the_job_stops),
        SCHEDULER_TEST(a_batch_that_failed_for_good_is_not_tried_again),
        SCHEDULER_TEST(a_batch_that_stopped_the_job_comes_first_after_the_next_start),
        SCHEDULER_TEST(each_start_has_all_the_attempts_that_are_allowed),
        SCHEDULER_TEST(the_history_has_a_line_per_attempt),
        SCHEDULER_TEST(a_trouble_that_lasts_is_told_once_with_its_end),
        SCHEDULER_TEST(back_pressure_limits_the_first_batch_by_its_initial_rate),
        SCHEDULER_TEST(totals_grow_with_completed_batches_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
