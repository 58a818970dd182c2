/*
 * tests/support/shell.h - the command and the jobs of this build, used as people use them: in a shell.
 *
 * A line runs in the test's folder (folder_open()), and $B in it is the build's folder. Example:
 *
 *     assert_int_equal(shell("$B/sluice list >printed 2>log"), 0);
 *     assert_non_null(strstr(folder_read("printed"), "listens"));
 */
#ifndef TESTS_SUPPORT_SHELL_H
#define TESTS_SUPPORT_SHELL_H

#include <stdio.h>

const char *build_path(
    const char *name); /* absolute, of a program of this build; lives until four calls later */

/* The line's exit code; 128 + N when signal N ended it. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the line prints, to be read while it runs; pclose() waits for its end. */
FILE *shell_reads(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
