/*
 * tests/cli/child.c - programs started, read and ended.
 */
#include <base/folder.h>
#include <cli/child.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

static char seen[1000];

static int start(void **state)
{
    (void)state;
    seen[0] = '\0';
    folder_open();
    return 0;
}

static void line_note(void *argument, const char *line)
{
    (void)argument;
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "<%s>", line);
}

static void script_start(child *child, const char *script, bool is_read)
{
    failure failure = { 0 };
    const char *words[] = { "/bin/sh", "-c", script, NULL };
    child_spec spec = { .name = "script", .log = folder_path("log"), .words = words, .is_read = is_read };
    assert_int_equal(child_start(child, &spec, &failure), SL_OK);
}

static void end_wait(const child *child)
{
    siginfo_t about;
    assert_int_equal(waitid(P_PID, (id_t)child->pid, &about, WEXITED | WNOWAIT), 0);
}

static void lines_come_whole_and_without_their_ends(void **state)
{
    (void)state;
    child child;
    script_start(&child, "printf 'one\\ntw'; printf 'o\\n\\nnever ended'", true);
    end_wait(&child);
    child_read(&child, line_note, NULL);
    assert_string_equal(seen, "<one><two><>");
    assert_int_equal(child.output, -1);
    assert_string_equal(folder_read("log"), "one\ntwo\n\nnever ended");
    child_end(&child);
}

static void what_is_not_read_is_in_the_log(void **state)
{
    (void)state;
    child child;
    script_start(&child, "echo out; echo trouble >&2", false);
    end_wait(&child);
    assert_string_equal(folder_read("log"), "out\ntrouble\n");
    child_end(&child);
}

static void an_end_is_noted_once_with_its_code(void **state)
{
    (void)state;
    child child;
    char fate[32];
    script_start(&child, "exit 3", false);
    assert_true(child_is_alive(&child));
    end_wait(&child);
    assert_true(child_reap(&child));
    assert_false(child_reap(&child));
    child_fate(&child, fate);
    assert_string_equal(fate, "exit code 3");
    assert_false(child_succeeded(&child));
    child_end(&child);
}

static void a_signal_is_told_as_one(void **state)
{
    (void)state;
    child child;
    char fate[32];
    script_start(&child, "kill -TERM $$", false);
    end_wait(&child);
    assert_true(child_reap(&child));
    child_fate(&child, fate);
    assert_string_equal(fate, "signal 15");
    child_end(&child);
}

static void a_child_leads_a_group_of_its_own(void **state)
{
    (void)state;
    child child;
    script_start(&child, "echo there; read never", true);
    struct pollfd output = { .fd = child.output, .events = POLLIN };
    assert_int_equal(poll(&output, 1, 10000), 1);
    assert_int_equal(getpgid(child.pid), child.pid);
    child_end(&child);
    assert_false(child_is_alive(&child));
}

static void a_program_that_is_not_there_ends_with_127(void **state)
{
    (void)state;
    child child;
    failure failure = { 0 };
    char fate[32];
    const char *words[] = { "/nowhere/at/all", NULL };
    child_spec spec = { .name = "nothing", .log = folder_path("log"), .words = words };
    assert_int_equal(child_start(&child, &spec, &failure), SL_OK);
    end_wait(&child);
    assert_true(child_reap(&child));
    child_fate(&child, fate);
    assert_string_equal(fate, "exit code 127");
    assert_non_null(strstr(folder_read("log"), "cannot be started"));
    child_end(&child);
}

static void a_child_that_was_never_started_can_be_ended(void **state)
{
    (void)state;
    child child = { 0 };
    child_end(&child);
    assert_false(child_is_alive(&child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_whole_and_without_their_ends, start, folder_stop),
        cmocka_unit_test_setup_teardown(what_is_not_read_is_in_the_log, start, folder_stop),
        cmocka_unit_test_setup_teardown(an_end_is_noted_once_with_its_code, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_signal_is_told_as_one, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_child_leads_a_group_of_its_own, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_ends_with_127, start, folder_stop),
        cmocka_unit_test(a_child_that_was_never_started_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
