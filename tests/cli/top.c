/*
 * tests/cli/top.c - `sluice top`: one picture as lines, and the live view in a terminal, which it leaves as it was.
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

#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

static int start(void **state)
{
    work_folder_make(state);
    mkdir(folder_path("sluice/profiles"), 0700);
    mkdir(folder_path("sluice/no job"), 0700);
    folder_write("sluice/profiles/lock", "7\n");
    return 0;
}

static void a_picture_has_every_job_in_a_line(void **state)
{
    (void)state;
    char name[32], job_state[32], unit[16];
    double interval, rate, scheduling, processing, total, cpu, memory;
    int lag, held, dead;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(words_run(&command_top, "top --once"), 0);
    job_double_end(job);
    const char *line = strchr(words_printed(), '\n') + 1;
    assert_ptr_equal(strstr(words_printed(), "NAME "), words_printed());
    assert_int_equal(sscanf(line, "%31s %31s %lf s %lf/s %lf ms %lf ms %lf ms %d %d %d %lf %% %lf %15s", name,
                            job_state, &interval, &rate, &scheduling, &processing, &total, &lag, &held, &dead,
                            &cpu, &memory, unit),
                     13);
    assert_string_equal(name, "listens");
    assert_string_equal(job_state, "running");
    assert_true(interval == 2 && rate == 120 && scheduling == 0.5 && processing == 3.2 && total == 3.7);
    assert_int_equal(lag, 40 + 2);
    assert_int_equal(held, 3);
    assert_int_equal(dead, 12);
    assert_true(cpu >= 0 && memory > 0);
    assert_string_equal(unit, "MB");
    assert_non_null(strstr(line, "\nprofiles             stopped\n"));
    assert_null(strstr(line, "no job"));
}

static void without_jobs_it_says_how_to_start_one(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", folder_path("none"), 1);
    assert_int_equal(words_run(&command_top, "top"), 0); /* no terminal: as with --once */
    assert_non_null(strstr(words_printed(), "Start one: sluice submit listens"));
    assert_int_equal(words_run(&command_top, "top --every 5"), 2);
    assert_int_equal(words_run(&command_top, "top listens"), 2);
}

/* Reads what comes to the terminal until the text is there. */
static bool shows(int terminal, char *all, size_t room, const char *text)
{
    size_t size = strlen(all);
    while (strstr(all, text) == NULL && size < room - 1) {
        ssize_t more = read(terminal, all + size, room - 1 - size);
        if (more <= 0)
            return false;
        all[size += (size_t)more] = '\0';
    }
    return strstr(all, text) != NULL;
}

static int viewed(const char *end, int number)
{
    static char all[200000];
    struct winsize size = { .ws_row = 24, .ws_col = 130 };
    struct termios before, after;
    int terminal, inner, status;
    assert_int_equal(openpty(&terminal, &inner, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(inner, &before), 0);
    fflush(NULL);
    pid_t view = fork();
    if (view == 0) {
        char *words[] = { (char[]){ "top" }, (char[]){ "--every" }, (char[]){ "100ms" }, NULL };
        close(terminal);
        login_tty(dup(inner));
        _exit(command_run(&command_top, 3, words));
    }
    *all = '\0';
    assert_true(shows(terminal, all, sizeof all, "\033[J"));
    assert_non_null(strstr(all, "\033[?1049h"));
    assert_non_null(strstr(all, "listens"));
    assert_null(strstr(all, "\033[2J")); /* nothing is wiped: that would flicker */
    *all = '\0';
    assert_true(shows(terminal, all, sizeof all, "\033[J")); /* again, without being asked */
    if (end)
        assert_int_equal(write(terminal, end, strlen(end)), strlen(end));
    else
        kill(view, number);
    assert_true(shows(terminal, all, sizeof all, "\033[?1049l"));
    assert_int_equal(waitpid(view, &status, 0), view);
    assert_int_equal(tcgetattr(inner, &after), 0);
    assert_int_equal(before.c_lflag, after.c_lflag);
    close(terminal);
    close(inner);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void the_live_view_goes_on_until_q_and_leaves_the_terminal_as_it_was(void **state)
{
    (void)state;
    pid_t job = job_double_start(folder_path("sluice/listens"), DOUBLE_STAYS);
    assert_int_equal(viewed("xq", 0), 0);
    assert_int_equal(viewed(NULL, SIGINT), 0);
    assert_int_equal(viewed(NULL, SIGTERM), 0);
    job_double_end(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_picture_has_every_job_in_a_line, start, folder_stop),
        cmocka_unit_test_setup_teardown(without_jobs_it_says_how_to_start_one, start, folder_stop),
        cmocka_unit_test_setup_teardown(the_live_view_goes_on_until_q_and_leaves_the_terminal_as_it_was,
                                        start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
