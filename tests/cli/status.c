/*
 * tests/cli/status.c - `sluice status` of jobs that run and that do not.
 */
#include <base/folder.h>
#include <cli/job_double.h>
#include <cli/words.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_running_job_tells_its_state_itself(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS);
    assert_int_equal(words_run(&command_status, "status listens"), 0);
    assert_non_null(strstr(words_printed(), "state                  running\n"));
    assert_non_null(strstr(words_printed(), "batch id               7\n"));
    assert_non_null(strstr(words_printed(), "batch time             2026-11-23T02:58:00.000Z\n"));
    assert_non_null(strstr(words_printed(),
                           "last batch             7 at 2026-11-23T02:58:00.000Z, completed, "
                           "240 records in 3.2 ms\n"));
    job_double_end(job);
}

static void its_json_is_one_line(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS);
    assert_int_equal(words_run(&command_status, "status listens --json"), 0);
    json_object *answer = json_tokener_parse(words_printed());
    assert_int_equal(json_object_get_int(json_object_object_get(answer, "pid")), job);
    assert_ptr_equal(strchr(words_printed(), '\n'), words_printed() + strlen(words_printed()) - 1);
    json_object_put(answer);
    job_double_end(job);
}

static void of_a_stopped_job_the_history_tells(void **state)
{
    (void)state;
    folder_write(
        "sluice/listens/history.ndjson",
        "{\"batch_id\":3,\"batch_time\":6000,\"state\":\"completed\",\"records\":10}\n"
        "{\"batch_id\":4,\"batch_time\":8000,\"state\":\"failed\",\"records\":1,\"error\":\"disk full\"}\n");
    assert_int_equal(words_run(&command_status, "status listens"), 0);
    assert_non_null(strstr(words_printed(), "state                  stopped\n"));
    assert_non_null(strstr(words_printed(), "4 at 1970-01-01T00:00:08.000Z, failed, 1 record\n"));
    assert_non_null(strstr(words_printed(), "disk full"));
}

static void a_stopped_job_has_no_process_in_json(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_status, "status --json listens"), 0);
    assert_string_equal(words_printed(), "{\"job\":\"listens\",\"pid\":null,\"state\":\"stopped\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_running_job_tells_its_state_itself, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(its_json_is_one_line, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(of_a_stopped_job_the_history_tells, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_stopped_job_has_no_process_in_json, work_folder_make, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
