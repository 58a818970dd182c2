/*
 * tests/cli/list.c - `sluice list`.
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

#include <sys/stat.h>
#include <unistd.h>

static void without_jobs_it_says_how_to_start_one(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_list, "list"), 0);
    assert_non_null(strstr(words_printed(), "sluice submit"));
}

static void a_job_has_a_line_with_its_last_batch(void **state)
{
    (void)state;
    folder_write("sluice/listens/lock", "1\n");
    folder_write("sluice/listens/history.ndjson", "{\"batch_id\":1,\"batch_time\":1000,\"records\":5}\n"
                                                  "{\"batch_id\":2,\"batch_time\":3000,\"records\":7}\n");
    assert_int_equal(words_run(&command_list, "list"), 0);
    const char *line = strstr(words_printed(), "\nlistens ");
    assert_non_null(line);
    assert_non_null(strstr(line, "stopped"));
    assert_non_null(strstr(line, "1970-01-01T00:00:03.000Z"));
    assert_non_null(strstr(line, " 7\n"));
}

static void a_running_job_shows_its_process(void **state)
{
    (void)state;
    char shown[64];
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS);
    snprintf(shown, sizeof shown, "running    %8d ", (int)job);
    assert_int_equal(words_run(&command_list, "list"), 0);
    assert_non_null(strstr(words_printed(), shown));
    job_double_end(job);
}

static void a_link_to_nowhere_and_a_strange_folder_are_no_jobs(void **state)
{
    (void)state;
    mkdir(folder_path("sluice/strange"), 0700);
    assert_int_equal(symlink("nowhere/at/all", folder_path("sluice/gone")), 0);
    assert_int_equal(words_run(&command_list, "list"), 0);
    assert_null(strstr(words_printed(), "strange"));
    assert_null(strstr(words_printed(), "gone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_jobs_it_says_how_to_start_one, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_has_a_line_with_its_last_batch, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_running_job_shows_its_process, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_link_to_nowhere_and_a_strange_folder_are_no_jobs, work_folder_make,
                                        folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
