/*
 * tests/base/faults.c - points where a process dies on purpose: each test lets a child come there and looks how it ended.
 */
#include <base/disk.h>
#include <base/faults.h>
#include <base/folder.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int folder_setup(void **unused)
{
    (void)unused;
    folder_open();
    return 0;
}

static int folder_teardown(void **unused)
{
    (void)unused;
    folder_close();
    return 0;
}

/* Comes four times to each of two points; a byte is left in "steps" before each, "kept" and "lost" in "journal". */
static void child_run(const char *fault)
{
    failure failure = { 0 };
    disk_file *journal = NULL;
    int steps = open(folder_path("steps"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    FILE *quiet = freopen("/dev/null", "w", stderr);
    setenv("SLUICE_FAULT", fault, 1);
    faults_open();
    bool ready = quiet && disk_open(folder_path("journal"), &journal, &failure) == SL_OK &&
                 disk_append(journal, "kept", 4, &failure) == SL_OK &&
                 disk_sync(journal, &failure) == SL_OK && disk_append(journal, "lost", 4, &failure) == SL_OK;
    for (int i = 0; ready && i < 4; i++) {
        ready = write(steps, "a", 1) == 1;
        fault_point("after_a");
        ready = ready && write(steps, "b", 1) == 1;
        fault_point("after_b");
    }
    _exit(ready ? 7 : 8);
}

/* The signal that ended it, or minus its exit status. */
static int child_end(const char *fault)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        child_run(fault);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void a_point_kills_at_its_count_and_not_before(void **unused)
{
    (void)unused;
    assert_int_equal(child_end("after_b:3"), SIGKILL);
    assert_string_equal(folder_read("steps"), "ababab");
    assert_string_equal(folder_read("journal"), "keptlost");
}

static void without_a_count_a_point_kills_at_once(void **unused)
{
    (void)unused;
    assert_int_equal(child_end("after_a"), SIGKILL);
    assert_string_equal(folder_read("steps"), "a");
}

static void a_point_that_is_not_reached_so_often_kills_nobody(void **unused)
{
    (void)unused;
    assert_int_equal(child_end("after_a:5"), -7);
    assert_string_equal(folder_read("steps"), "abababab");
}

static void names_that_only_begin_alike_are_other_points(void **unused)
{
    (void)unused;
    assert_int_equal(child_end("after"), -7);
    assert_int_equal(child_end("after_a_"), -7);
}

static void a_power_cut_loses_what_was_not_synced(void **unused)
{
    (void)unused;
    assert_int_equal(child_end("after_a:2:forget"), SIGKILL);
    assert_string_equal(folder_read("steps"), "aba");
    assert_string_equal(folder_read("journal"), "kept");
}

static void a_fault_that_nobody_understands_does_nothing(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "",           ":1",         "after_a:",      "after_a:0",
                                         "after_a:-1", "after_a:1x", "after_a:1:lose" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(child_end(wrong[i]), -7);
}

static void the_disk_breaks_by_a_variable(void **unused)
{
    (void)unused;
    setenv("SLUICE_DISK_FAULT", "write:EIO:journal", 1);
    assert_int_equal(child_end("none"), -8);
    setenv("SLUICE_DISK_FAULT", "write:EIO:elsewhere", 1);
    assert_int_equal(child_end("none"), -7);
    unsetenv("SLUICE_DISK_FAULT");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_point_kills_at_its_count_and_not_before),
        TEST(without_a_count_a_point_kills_at_once),
        TEST(a_point_that_is_not_reached_so_often_kills_nobody),
        TEST(names_that_only_begin_alike_are_other_points),
        TEST(a_power_cut_loses_what_was_not_synced),
        TEST(a_fault_that_nobody_understands_does_nothing),
        TEST(the_disk_breaks_by_a_variable),
    };
    return cmocka_run_group_tests_name("base/faults", tests, NULL, NULL);
}
