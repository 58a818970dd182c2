/*
 * tests/cli/tune.c - `sluice tune` asks the job for what it was given, and says how long that holds.
 */
#include <base/folder.h>
#include <cli/job_double.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_given_is_asked_for_and_how_to_keep_it_is_said(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_tune, "tune listens --interval 500ms --rate 1 --cores 2"), 0);
    assert_string_equal(
        words_printed(),
        "listens, from the next batch on: a batch every 500 ms, at most 1 record a second of each "
        "partition, 2 workers.\n"
        "The next start begins with its settings again; to keep this, put into its properties file:\n"
        "  batch.interval 500ms\n"
        "  rate.max_per_partition 1\n"
        "  workers 2\n");
    job_double_end(job);
}

static void what_the_job_refuses_is_told_in_its_words(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_tune, "tune listens --cores 3"), 2);
    assert_string_equal(words_printed(), "sluice tune: this job can use 1 to 2 cores\n");
    job_double_end(job);
}

static void without_a_change_or_a_running_job_it_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_tune, "tune listens"), 2);
    assert_int_equal(words_run(&command_tune, "tune listens --interval 1s"), 2);
    assert_non_null(strstr(words_printed(), "listens does not run"));
    assert_int_equal(words_run(&command_tune, "tune listen --interval 1s"), 2);
    assert_non_null(strstr(words_printed(), "did you mean \"listens\"?"));
    assert_int_equal(words_run(&command_tune, "tune listens --interval 5"), 2);
    assert_int_equal(words_run(&command_tune, "tune listens --cores 0"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_given_is_asked_for_and_how_to_keep_it_is_said,
                                        work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(what_the_job_refuses_is_told_in_its_words, work_folder_make,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(without_a_change_or_a_running_job_it_is_wrong_usage, work_folder_make,
                                        folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
