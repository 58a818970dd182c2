/*
 * tests/batches/pulse.c - a process that stood still looks whether its work folder is still its own before it writes anything.
 */
#include "../../jobs/hello_count.c"
#include <base/folder.h>
#include <batches/job_run.h>
#include <batches/pulse.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static job_run run;
static unsigned checks;

static int start(void **state)
{
    char options[400];
    folder_start_home(state);
    snprintf(options, sizeof options, "--interval 1s --from lines=file:%s --work-dir %s", folder_path("in"),
             folder_path("work"));
    folder_write("in", "one\n");
    return job_run_open(&run, &job, options) == SL_OK ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    job_run_close(&run);
    folder_close();
    return 0;
}

static sl_result batch_of(const char *lines, int64_t now_ms)
{
    folder_write("in", lines);
    return job_run_batch_at(&run, now_ms);
}

static void after_a_stall_nothing_is_written_into_a_folder_that_is_not_ours(void **state)
{
    (void)state;
    char journal[4096];
    assert_int_equal(batch_of("one\n", 1000), SL_OK);
    assert_int_equal(unlink(folder_path("work/lock")), 0);
    folder_write("work/lock", "77\n");
    assert_int_equal(batch_of("one\ntwo\n", 5000), SL_OK); /* nobody asks while it runs along */
    snprintf(journal, sizeof journal, "%s", folder_read("work/history.ndjson"));
    assert_int_equal(batch_of("one\ntwo\nthree\n", 36000), SL_RUNNING);
    assert_non_null(strstr(run.failure.text, "process 77"));
    assert_string_equal(folder_read("work/history.ndjson"), journal);
}

static void after_a_stall_a_folder_that_is_ours_is_written_on(void **state)
{
    (void)state;
    assert_int_equal(batch_of("one\n", 1000), SL_OK);
    assert_int_equal(batch_of("one\ntwo\n", 100000), SL_OK);
    assert_int_equal(batch_of("one\ntwo\nthree\n", 300000), SL_OK);
    assert_int_equal(job_run_account(&run)->records, 1);
}

static sl_result check_count(void *unused, failure *failure)
{
    (void)unused, (void)failure;
    checks++;
    return SL_OK;
}

static void it_asks_after_thirty_seconds_without_a_beat(void **state)
{
    (void)state;
    failure failure = { 0 };
    sl_clock clock = { .manual = true, .manual_ms = 1000 };
    pulse pulse = { &clock, check_count, NULL, 0 };
    checks = 0;
    static const int64_t steps_ms[] = { 0, 29999, 29999, 30000, 10, 90000 };
    static const unsigned expected[] = { 0, 0, 0, 1, 1, 2 };
    for (size_t i = 0; i < sizeof steps_ms / sizeof steps_ms[0]; i++) {
        clock.manual_ms += steps_ms[i];
        assert_int_equal(pulse_beat(&pulse, &failure), SL_OK);
        assert_int_equal(checks, expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_stall_nothing_is_written_into_a_folder_that_is_not_ours,
                                        start, stop),
        cmocka_unit_test_setup_teardown(after_a_stall_a_folder_that_is_ours_is_written_on, start, stop),
        cmocka_unit_test(it_asks_after_thirty_seconds_without_a_beat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
