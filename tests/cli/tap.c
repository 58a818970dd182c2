/*
 * tests/cli/tap.c - `sluice tap` prints rows, leaves out signs of life, and counts what was lost.
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

static void rows_are_printed_and_losses_told(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_tap, "tap listens lines --limit 3"), 0);
    assert_non_null(strstr(words_printed(), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"));
    assert_non_null(strstr(words_printed(), "3 rows came too fast to be told; --every N tells fewer.\n"));
    assert_int_equal(words_run(&command_tap, "tap listens lines --limit 1"), 0);
    assert_string_equal(words_printed(), "{\"n\":1}\n");
    job_double_end(job);
}

static void a_stream_that_is_not_there_is_wrong_usage(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_tap, "tap listens line"), 2);
    assert_string_equal(words_printed(), "sluice tap: there is no stream\n");
    assert_int_equal(words_run(&command_tap, "tap listens"), 2);
    assert_non_null(strstr(words_printed(), "the stream is missing"));
    job_double_end(job);
    assert_int_equal(words_run(&command_tap, "tap listens lines"), 2);
    assert_non_null(strstr(words_printed(), "listens does not run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_printed_and_losses_told, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_stream_that_is_not_there_is_wrong_usage, work_folder_make,
                                        folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
