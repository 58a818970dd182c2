/*
 * tests/system/listeners.c - how a job finds its listeners: the history is always there and only once, and a wrong name is
 * told before anything is touched.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <cmocka.h>

static int start(void **state)
{
    (void)state;
    folder_open();
    folder_write("lines", "one\ntwo\n");
    return 0;
}

/* Runs hello_count over the lines, in the work folder `name`; its exit code. What it told is in the file `told`. */
static int run(const char *name, const char *words)
{
    return shell(
        "$B/jobs/hello_count --available-now --to counts=null --from lines=file:lines --work-dir %s %s "
        ">told 2>&1",
        name, words);
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    while ((text = strchr(text, '\n'))) {
        text++;
        count++;
    }
    return count;
}

static void a_history_that_is_asked_for_is_no_second_one(void **state)
{
    (void)state;
    assert_int_equal(run("asked", "--listen history:100000 --listen console"), 0);
    assert_non_null(strstr(folder_read("told"), "[batchCompleted] "));
    assert_int_equal(lines_of(folder_read("asked/history.ndjson")), 1);
    assert_int_equal(run("unasked", ""), 0);
    assert_int_equal(lines_of(folder_read("unasked/history.ndjson")), 1);
}

static void a_listener_that_is_not_there_is_told_before_anything_is_touched(void **state)
{
    (void)state;
    assert_int_equal(run("untouched", "--listen histry:1000"), 2);
    assert_non_null(strstr(folder_read("told"), "did you mean history?"));
    assert_false(folder_has("untouched"));
}

int main(void)
{
    setenv("XDG_STATE_HOME", "/nonexistent", 1); /* no links from there */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_that_is_asked_for_is_no_second_one),
        cmocka_unit_test(a_listener_that_is_not_there_is_told_before_anything_is_touched),
    };
    return cmocka_run_group_tests(tests, start, folder_stop);
}
