/*
 * tests/system/demo.c - `sluice demo` as a newcomer runs it: with a Redis server, and a broker in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static char printed[1 << 20];

static FILE *demo_started(const char *options, pid_t *pid)
{
    int ends[2];
    char program[1024];
    snprintf(program, sizeof program, "exec %s demo %s 2>&1", build_path("sluice"), options);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/bin/sh", "sh", "-c", program, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return fdopen(ends[0], "r");
}

/* Reads on until a line has the text, or to the end. */
static bool reads_until(FILE *output, const char *text)
{
    static char line[4096];
    while (fgets(line, sizeof line, output)) {
        snprintf(printed + strlen(printed), sizeof printed - strlen(printed), "%s", line);
        if (text && strstr(line, text))
            return true;
    }
    return false;
}

static int ended(FILE *output, pid_t pid)
{
    int status;
    reads_until(output, NULL);
    fclose(output);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int printed_clear(void **state)
{
    (void)state;
    printed[0] = '\0';
    return 0;
}

static void skip_without_redis(void)
{
    if (system("command -v redis-server >/dev/null") != 0)
        skip();
}

static void folder_remove(void)
{
    char command[2048];
    const char *at = strstr(printed, "server, in "), *end = at ? strstr(at, " ...") : NULL;
    if (end && strstr(at, "/sluice-demo-")) {
        snprintf(command, sizeof command, "rm -rf '%.*s'", (int)(end - at - 11), at + 11);
        assert_int_equal(system(command), 0);
    }
}

static void ends_well(FILE *output, pid_t pid)
{
    int code = ended(output, pid);
    if (code != 0)
        print_message("%s\n", printed);
    assert_int_equal(code, 0);
    assert_non_null(strstr(printed, "top tracks, gender 0:  "));
    assert_non_null(strstr(printed, "interests: "));
    assert_non_null(strstr(printed, "The counts add up"));
    assert_non_null(strstr(printed, "The output lies in "));
    folder_remove();
}

static void it_ends_by_itself_and_its_counts_add_up(void **state)
{
    (void)state;
    pid_t pid;
    skip_without_redis();
    FILE *output = demo_started("--for 7s", &pid);
    ends_well(output, pid);
}

static void ctrl_c_ends_it_in_order(void **state)
{
    (void)state;
    pid_t pid;
    skip_without_redis();
    FILE *output = demo_started("--rate 500", &pid);
    assert_true(reads_until(output, "interests: "));
    assert_int_equal(kill(pid, SIGINT), 0);
    ends_well(output, pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_ends_by_itself_and_its_counts_add_up, printed_clear),
        cmocka_unit_test_setup(ctrl_c_ends_it_in_order, printed_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
