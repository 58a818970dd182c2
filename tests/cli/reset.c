/*
 * tests/cli/reset.c - `sluice reset` removes what a job remembers, but how far its batches had come, and nothing else.
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

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const forgotten[] = { "journal",        "checkpoint-1",     "checkpoint-2.tmp",
                                         "history.ndjson", "history.1.ndjson", "damaged-checkpoint-3" };
static const char *const kept[] = { "log", "dead/realtime.ndjson", "lock" };
enum { FORGOTTEN = sizeof forgotten / sizeof forgotten[0], KEPT = sizeof kept / sizeof kept[0] };

static const char *in_job(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "sluice/listens/%s", name);
    return path;
}

static int start(void **state)
{
    work_folder_make(state);
    mkdir(folder_path("sluice/listens/dead"), 0700);
    for (size_t i = 0; i < FORGOTTEN; i++)
        folder_write(in_job(forgotten[i]), "x");
    for (size_t i = 0; i < KEPT; i++)
        folder_write(in_job(kept[i]), "x");
    return 0;
}

static void it_forgets_positions_windows_and_history(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_reset, "reset listens --yes"), 0);
    for (size_t i = 0; i < FORGOTTEN; i++)
        assert_false(folder_has(in_job(forgotten[i])));
    for (size_t i = 0; i < KEPT; i++)
        assert_true(folder_has(in_job(kept[i])));
    assert_non_null(strstr(words_printed(), "its windows"));
    assert_non_null(strstr(words_printed(), "dead letters and its log are kept"));
}

static void it_keeps_how_far_the_batches_had_come(void **state)
{
    (void)state;
    folder_write(in_job("history.1.ndjson"), "");
    folder_write(
        in_job("history.ndjson"),
        "{\"job\":\"listens\",\"batch_id\":41,\"batch_time\":1795402680000,\"state\":\"completed\"}\n");
    assert_int_equal(words_run(&command_reset, "reset listens --yes"), 0);
    assert_non_null(
        strstr(words_printed(), "starts with batch 42, at a time after 2026-11-23T02:58:00.000Z"));
    assert_non_null(strstr(words_printed(), "Numbers and times of its\nbatches go on"));
    assert_true(folder_has(in_job("checkpoint-000000000000000041")));
    assert_false(folder_has(in_job("history.ndjson")));
    assert_int_equal(words_run(&command_reset, "reset listens --yes"), 0);
    assert_non_null(strstr(words_printed(), "with batch 42"));
}

static void without_a_terminal_it_wants_yes(void **state)
{
    (void)state;
    int input = dup(STDIN_FILENO), nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    assert_int_equal(words_run(&command_reset, "reset listens"), 2);
    dup2(input, STDIN_FILENO);
    close(input);
    close(nothing);
    assert_non_null(strstr(words_printed(), "--yes"));
    for (size_t i = 0; i < FORGOTTEN; i++)
        assert_true(folder_has(in_job(forgotten[i])));
}

static void a_running_job_is_refused(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STOPS);
    assert_int_equal(words_run(&command_reset, "reset listens --yes"), 6);
    assert_true(folder_has(in_job("journal")));
    job_double_end(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_forgets_positions_windows_and_history, start, folder_stop),
        cmocka_unit_test_setup_teardown(it_keeps_how_far_the_batches_had_come, start, folder_stop),
        cmocka_unit_test_setup_teardown(without_a_terminal_it_wants_yes, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_running_job_is_refused, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
