/*
 * tests/system/readme.c - every command of every README is run, and prints what the page says: tests/readme/run.sh, which
 * tells what a page may hold. And that this script sees what is wrong.
 */
#include "../base/folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static char said[65536];

/* Its exit code; what it said is kept. */
static int pages_run(const char *pages)
{
    char command[1000];
    snprintf(command, sizeof command, "tests/readme/run.sh %s 2>&1", pages);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void every_command_of_every_page_runs(void **state)
{
    (void)state;
    if (pages_run("") != 0)
        fail_msg("%s", said);
}

/* What `sluice --help` lists stands in the table of README.md. */
static void the_table_of_commands_has_each(void **state)
{
    (void)state;
    FILE *pipe =
        popen("table=$(sed -n '/^### The command/,/^## /p' README.md)\n"
              "names=$(${SLUICE_BUILD:-build}/sluice --help | sed -n 's/^  sluice \\([a-z]*\\) .*/\\1/p')\n"
              "for name in ${names:-name}; do\n"
              "  printf '%s\\n' \"$table\" | grep -q \"^|.*\\`$name\\b\" || echo \"no $name\"\n"
              "done",
              "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    assert_string_equal(said, "");
}

/* Run on a page of its own, in a tree beside the real one. */
static void assert_found(const char *page, const char *problem)
{
    const char *folder = folder_open();
    char path[1000];
    folder_write("page.md", page);
    snprintf(path, sizeof path, "%s/page.md", folder);
    int status = pages_run(path);
    folder_close();
    if (status == 0 || strstr(said, problem) == NULL)
        fail_msg("\"%s\" is not in (%d):\n%s", problem, status, said);
}

static void what_is_wrong_on_a_page_is_found(void **state)
{
    (void)state;
    assert_found("See:\n\n    true\n    ls no-such-file   (lists it)\n",
                 "page.md:4: ls no-such-file: ends with 2");
    assert_found("    \nSee:\n\n    $ echo 1 record\n    2 records\n", "the page shows");
    assert_found("See:\n\n    echo a\n\nIt says:\n\n```output\nb\n```\n", "the page shows");
    assert_found("See:\n\n```\nmake demo\n```\n", "commands are indented");
    assert_found("See:\n\n```sh\ntrue\n```\n", "a kind that is not known");
    assert_found("See:\n\n    make test-nothing\n", "make -n fails");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_of_every_page_runs),
        cmocka_unit_test(the_table_of_commands_has_each),
        cmocka_unit_test(what_is_wrong_on_a_page_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
