/*
 * tests/cli/control.c - requests to a job's socket.
 */
#include <base/folder.h>
#include <cli/control.h>
#include <cli/job_double.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

static void a_running_job_answers(void **state)
{
    (void)state;
    buffer body = { 0 };
    failure failure = { 0 };
    pid_t job = job_double_start(folder_path(""), DOUBLE_STOPS);
    assert_true(job > 0);
    assert_true(control_answers(folder_path("")));
    assert_int_equal(control_get(folder_path(""), "/batches", &body, &failure), SL_OK);
    assert_int_equal(body.size, strlen("{\"batch_id\":7}\n"));
    assert_memory_equal(body.at, "{\"batch_id\":7}\n", body.size);
    assert_int_equal(control_post(folder_path(""), "/stop", &body, &failure), SL_OK);
    assert_true(job_double_was_stopped(job));
    assert_false(control_answers(folder_path("")));
    buffer_done(&body);
}

static void another_path_is_a_failure_that_names_it(void **state)
{
    (void)state;
    buffer body = { 0 };
    failure failure = { 0 };
    pid_t job = job_double_start(folder_path(""), DOUBLE_STOPS);
    assert_int_equal(control_get(folder_path(""), "/nothing", &body, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "404"));
    assert_non_null(strstr(failure.text, "/nothing"));
    job_double_end(job);
    buffer_done(&body);
}

static void nobody_answers_for_a_dead_job(void **state)
{
    (void)state;
    buffer body = { 0 };
    failure failure = { 0 };
    job_double_end(job_double_start(folder_path(""), DOUBLE_STOPS));
    assert_true(folder_has("control.sock"));
    assert_false(control_answers(folder_path("")));
    assert_int_equal(control_get(folder_path(""), "/status", &body, &failure), SL_UNREACHABLE);
    buffer_done(&body);
}

static void a_long_path_is_no_hindrance(void **state)
{
    (void)state;
    char name[151];
    buffer body = { 0 };
    failure failure = { 0 };
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    mkdir(folder_path(name), 0700);
    pid_t job = job_double_start(folder_path(name), DOUBLE_STOPS);
    assert_true(job > 0);
    assert_int_equal(control_get(folder_path(name), "/status", &body, &failure), SL_OK);
    job_double_end(job);
    buffer_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_running_job_answers, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(another_path_is_a_failure_that_names_it, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(nobody_answers_for_a_dead_job, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_long_path_is_no_hindrance, folder_start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
