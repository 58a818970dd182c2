/*
 * tests/batches/crashes.c - deaths are counted by the batch at which a process died, and forgotten when it is done.
 */
#include <base/folder.h>
#include <batches/crashes.h>
#include <batches/inputs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static inputs inputs_of_test;
static batch first;

static int start(void **state)
{
    (void)state;
    folder_open();
    inputs_of_test = (inputs){ 0 };
    inputs_open(&inputs_of_test, "");
    batch_range range = { 2, 100, 120, 120 };
    first = (batch){ .id = 17, .time_ms = 34000 };
    buffer_append(&first.ranges, &range, sizeof range);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buffer_done(&first.ranges);
    inputs_close(&inputs_of_test);
    folder_close();
    return 0;
}

/* A process that dies by `number`, at a batch or between two. */
static void process_dies(int64_t batch_id, bool is_done, int number)
{
    pid_t child = fork();
    if (child == 0) {
        signal(number, SIG_DFL); /* not what the tests have for it */
        crashes *crashes = NULL;
        failure failure = { 0 };
        crashes_open(folder_path("."), &first, false, &crashes, &failure);
        crashes_watch(crashes);
        crashes_begin(crashes, batch_id);
        if (is_done)
            crashes_end(crashes);
        raise(number);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
}

static sl_result next_start(const batch *replayed, bool killed, int64_t most)
{
    crashes *crashes = NULL;
    failure failure = { 0 };
    assert_int_equal(crashes_open(folder_path("."), replayed, killed, &crashes, &failure), SL_OK);
    sl_result result = crashes_check(crashes, "job", most, &inputs_of_test.intake.origins, &failure);
    crashes_close(crashes);
    return result;
}

static void a_batch_is_held_after_so_many_deaths(void **state)
{
    (void)state;
    process_dies(17, false, SIGBUS);
    assert_int_equal(next_start(&first, false, 2), SL_OK);
    assert_non_null(strstr(folder_read(POISON_FILE), "\"crashes\":1,\"signal\":7,\"held\":false"));
    process_dies(17, false, SIGFPE);
    assert_int_equal(next_start(&first, false, 2), SL_REPEATED);
    assert_string_equal(
        folder_read(POISON_FILE),
        "{\"batch_id\":17,\"batch_time\":34000,\"crashes\":2,\"signal\":8,\"held\":true,\"ranges\":["
        "{\"topic\":\"lines\",\"partition\":2,\"from\":100,\"until\":120}]}\n");
    assert_int_equal(next_start(&first, false, 3), SL_OK);
    assert_int_equal(next_start(&first, false, 0), SL_OK); /* no limit */
}

static void deaths_at_other_batches_or_between_them_do_not_count(void **state)
{
    (void)state;
    process_dies(16, false, SIGABRT);
    process_dies(17, true, SIGABRT);
    process_dies(17, false, SIGKILL); /* somebody else's doing */
    assert_int_equal(next_start(&first, false, 1), SL_OK);
    assert_int_equal(next_start(NULL, false, 1), SL_OK);
    assert_false(folder_has(POISON_FILE));
}

static void a_kill_that_a_supervisor_saw_counts_for_the_batch_that_runs_first(void **state)
{
    (void)state;
    assert_int_equal(next_start(&first, true, 2), SL_OK);
    assert_int_equal(next_start(NULL, true, 2), SL_OK);
    assert_int_equal(next_start(&first, true, 2), SL_REPEATED);
}

static void a_batch_that_is_done_is_forgotten(void **state)
{
    (void)state;
    process_dies(17, false, SIGABRT);
    assert_int_equal(next_start(&first, false, 2), SL_OK);
    crashes *crashes = NULL;
    failure failure = { 0 };
    assert_int_equal(crashes_open(folder_path("."), &first, false, &crashes, &failure), SL_OK);
    crashes_begin(crashes, 17);
    crashes_end(crashes);
    crashes_close(crashes);
    assert_false(folder_has(POISON_FILE));
    assert_string_equal(folder_read(CRASHES_FILE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_is_held_after_so_many_deaths, start, stop),
        cmocka_unit_test_setup_teardown(deaths_at_other_batches_or_between_them_do_not_count, start, stop),
        cmocka_unit_test_setup_teardown(a_kill_that_a_supervisor_saw_counts_for_the_batch_that_runs_first,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_batch_that_is_done_is_forgotten, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
