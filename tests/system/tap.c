/*
 * tests/system/tap.c - `sluice tap` on a running job: the rows of an input, a stage and a merge are seen, and what comes out of
 * the job is the same as if nobody had looked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { ROWS = 40 };

/* ROWS rows of the stream, as lines; free it. */
static char *tapped(trial *trial, const char *stream)
{
    const char *const words[] = {
        build_path("sluice"), "tap", "--work-dir", trial->work_dir, stream, "--limit", "40", NULL
    };
    return trial_output(words);
}

static void assert_rows(char *text, const char *begin, const char *within)
{
    size_t rows = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), rows++) {
        assert_memory_equal(line, begin, strlen(begin));
        if (strstr(line, within) == NULL)
            fail_msg("no %s in %s", within, line);
    }
    assert_int_equal(rows, ROWS);
    free(text);
}

static void rows_are_seen_and_nothing_else_changes(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 2))
        skip();
    trial_import(trial);
    trial_set(trial, "--interval", "50ms", "--max-rate-per-partition", "400", NULL);
    trial_start(trial);
    trial_wait_log(trial, " listens runs: ", trial->starts + 1);
    trial_send(trial, 4000); /* 5 s of work, so that there are rows while each tap is open */
    assert_rows(tapped(trial, "lines"), "{\"topic\":\"realtime\",\"partition\":", "\"value\":");
    assert_rows(tapped(trial, "documents"), "{\"@timestamp\":\"", "\"customer_id\":\"");
    assert_rows(tapped(trial, "interests"), "{\"@timestamp\":\"", "\"plays\":");
    trial_wait_all(trial);
    trial_stop(trial);
    recount_free(recount_assert(trial, &recount_usual));
}

static int tap_refused(trial *trial, const char *stream)
{
    const char *const words[] = { build_path("sluice"), "tap", "--work-dir", trial->work_dir, stream, NULL };
    return trial_run(trial, words);
}

static void an_unknown_stream_names_the_nearest_one(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 1))
        skip();
    trial_import(trial);
    trial_set(trial, "--interval", "50ms", NULL);
    trial_start(trial);
    trial_wait_log(trial, " listens runs: ", trial->starts + 1);
    assert_int_equal(tap_refused(trial, "document"), 2);
    assert_int_equal(trial_logged(trial, "did you mean \"documents\"?"), 1);
    trial_stop(trial);
    assert_int_equal(tap_refused(trial, "documents"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_seen_and_nothing_else_changes, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(an_unknown_stream_names_the_nearest_one, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
