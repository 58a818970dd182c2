/*
 * tests/cli/stop.c - `sluice stop` asks, waits, and says what came of it.
 */
#include <base/folder.h>
#include <cli/job_double.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_job_that_is_asked_stops_and_is_waited_for(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS);
    assert_int_equal(words_run(&command_stop, "stop listens"), 0);
    assert_string_equal(words_printed(), "listens has stopped.\n");
    assert_true(job_double_was_stopped(job));
}

static void a_job_without_a_socket_gets_a_signal(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_IS_SILENT);
    assert_int_equal(words_run(&command_stop, "stop listens"), 0);
    assert_true(job_double_was_stopped(job));
}

static void a_job_that_stays_is_given_up_at_the_timeout(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_stop, "stop listens --timeout 50ms"), 1);
    assert_non_null(strstr(words_printed(), "stops it at once"));
    job_double_end(job);
}

static void a_job_that_does_not_run_is_stopped_already(void **state)
{
    (void)state;
    job_double_end(job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS));
    assert_int_equal(words_run(&command_stop, "stop listens"), 0);
    assert_string_equal(words_printed(), "listens does not run.\n");
}

static void an_unknown_job_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_stop, "stop nothing"), 2);
    assert_int_equal(words_run(&command_stop, "stop"), 2);
    assert_int_equal(words_run(&command_stop, "stop listens --timeout 5"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_that_is_asked_stops_and_is_waited_for, work_folder_make,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_job_without_a_socket_gets_a_signal, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_that_stays_is_given_up_at_the_timeout, work_folder_make,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_job_that_does_not_run_is_stopped_already, work_folder_make,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(an_unknown_job_is_wrong_usage, work_folder_make, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
