/*
 * tests/system/supervise.c - `sluice submit --supervise`: a job that dies comes again until it is done, a batch that kills it
 * is held, and a stop reaches both.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <cmocka.h>

enum { LINES = 100 };

static int start(void **state)
{
    char text[LINES * 8], *to = text;
    folder_start_home(state);
    for (int i = 0; i < LINES; i++)
        to += snprintf(to, 8, "n%d\n", i);
    folder_write("lines", text);
    return 0;
}

/* In the folder; what it prints goes to "printed", its log to "log". */
static int run(const char *words)
{
    return shell("%s >printed 2>>log", words);
}

/* Ten batches of ten lines. */
#define SUBMIT                                                                                               \
    "$B/sluice submit --name copies --supervise --conf supervise.pause=1ms --conf supervise.pause.max=5ms "  \
    "--available-now --interval 1s --max-rate-per-partition 10 --from lines=file:lines --to counts=file:out "

static void a_job_that_is_killed_comes_again_until_it_is_done(void **state)
{
    (void)state;
    assert_int_equal(run("SLUICE_FAULT=after_checkpoint:4 " SUBMIT "hello_count"), 0);
    assert_non_null(strstr(folder_read("log"), "copies ended by signal 9 (Killed); restart 2 in "));
    assert_null(strstr(folder_read("log"), "restart 3 in "));
    assert_int_equal(run("$B/sluice batches copies --json | wc -l"), 0);
    assert_int_equal(atoi(folder_read("printed")), 10);
    assert_int_equal(run("$B/sluice list"), 0);
    const char *line = strstr(folder_read("printed"), "\ncopies ");
    assert_non_null(line);
    assert_non_null(strstr(line, "stopped           -        2  "));
    assert_int_equal(run("$B/sluice status copies"), 0);
    assert_non_null(strstr(folder_read("printed"), "restarts               2"));
}

static void an_end_that_another_start_would_repeat_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(run(SUBMIT "--max-batch-failures 1 --work-dir one hello_count"), 0);
    assert_null(strstr(folder_read("log"), "restart"));
    assert_int_equal(run(SUBMIT "--no-such-option hello_count"), 2);
}

static void a_batch_that_kills_the_process_is_named_and_held(void **state)
{
    (void)state;
    assert_int_equal(run("SLUICE_FAULT=before_checkpoint:3:abort " SUBMIT "hello_count"), 0);
    assert_null(strstr(folder_read("log"), "it is held"));
    assert_int_equal(run("$B/sluice reset copies --yes && rm -r out"), 0);
    assert_int_equal(run("SLUICE_FAULT=before_checkpoint:1:abort " SUBMIT "hello_count"), 4);
    assert_non_null(strstr(folder_read("log"),
                           "has killed the process 3 times, at last by signal 6 (Aborted): it is held"));
    assert_int_equal(run("$B/sluice batches copies --poison"), 0);
    assert_non_null(strstr(folder_read("printed"), "has killed the process 3 times"));
    assert_non_null(strstr(folder_read("printed"), "  lines partition 0, offsets 0 to 29\n"));
    assert_int_equal(run("$B/sluice list"), 0);
    assert_non_null(strstr(folder_read("printed"), "held"));
    assert_int_equal(run(SUBMIT "hello_count"), 4); /* at every start */
    assert_int_equal(run("$B/sluice batches copies --poison --release"), 0);
    assert_int_equal(run(SUBMIT "hello_count"), 0);
    assert_int_equal(run("$B/sluice batches copies --poison"), 0);
    assert_non_null(strstr(folder_read("printed"), "No batch of copies has killed"));
    assert_int_equal(run("$B/sluice batches copies --json | wc -l"), 0);
    assert_int_equal(atoi(folder_read("printed")), 10);
}

/* Who kills a job from outside does not make its batch suspect. */
static void a_job_that_is_killed_from_outside_is_not_held(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            run("SLUICE_FAULT=before_checkpoint:1 $B/jobs/hello_count --name copies --available-now "
                "--from lines=file:lines --to counts=file:out"),
            128 + SIGKILL);
    assert_int_equal(
        run("$B/jobs/hello_count --name copies --available-now --from lines=file:lines --to counts=file:out"),
        0);
}

/* Reads until the text has come. */
static void read_until(FILE *output, const char *text)
{
    char line[1000];
    while (fgets(line, sizeof line, output))
        if (strstr(line, text))
            return;
    fail_msg("\"%s\" did not come", text);
}

static void a_stop_reaches_a_supervisor_that_waits(void **state)
{
    (void)state;
    FILE *supervisor = shell_reads(
        "SLUICE_FAULT=after_checkpoint:1 exec $B/sluice submit --name copies --supervise --conf supervise.pause=1h "
        "--conf supervise.pause.max=1h --available-now --from lines=file:lines --to counts=null hello_count 2>&1");
    read_until(supervisor, "restart 1 in ");
    assert_int_equal(run("$B/sluice list"), 0);
    assert_non_null(strstr(folder_read("printed"), "restarting"));
    assert_int_equal(run("$B/sluice status copies"), 0);
    assert_non_null(strstr(folder_read("printed"), "restarting: ended by signal 9 (Killed), next start at "));
    assert_int_equal(run(SUBMIT "hello_count"), 6);
    assert_non_null(strstr(folder_read("log"), "is supervised already, by process "));
    assert_int_equal(run("$B/sluice stop copies"), 0);
    assert_string_equal(folder_read("printed"), "copies has stopped.\n");
    pclose(supervisor);
    assert_int_equal(run("$B/sluice stop copies"), 0);
    assert_string_equal(folder_read("printed"), "copies does not run.\n");
}

static void a_stop_ends_the_job_and_its_supervisor(void **state)
{
    (void)state;
    assert_int_equal(run("$B/sluice submit --name copies --supervise --detach --from lines=file:lines --to "
                         "counts=file:out hello_count"),
                     0);
    assert_int_equal(run("$B/sluice stop copies"), 0);
    assert_int_equal(run("$B/sluice list"), 0);
    assert_non_null(strstr(folder_read("printed"), "stopped           -        0"));
    assert_null(strstr(folder_read("state/sluice/copies/log"), "restart"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_that_is_killed_comes_again_until_it_is_done, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(an_end_that_another_start_would_repeat_is_the_end, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_batch_that_kills_the_process_is_named_and_held, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_that_is_killed_from_outside_is_not_held, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_stop_reaches_a_supervisor_that_waits, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_stop_ends_the_job_and_its_supervisor, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
