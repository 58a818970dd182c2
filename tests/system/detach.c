/*
 * tests/system/detach.c - a job in the background: it has nobody to tell its troubles to but its log.
 *
 * The end of a job that was started with --detach is seen without waiting in circles: it inherits the writing end of a
 * pipe, and the reading end tells when the last holder is gone.
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
#include <unistd.h>

#include <cmocka.h>

/* Runs `sluice submit` with these words, and returns its exit code when all that it started has ended. */
static int submit_and_wait(const char *words)
{
    char byte;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int status = shell("$B/sluice submit %s", words);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    return status;
}

static void a_job_in_the_background_makes_its_folder_and_logs_there(void **state)
{
    (void)state;
    char words[4000], lines[1000], folder[1000];
    snprintf(lines, sizeof lines, "%s", folder_path("lines"));
    snprintf(folder, sizeof folder, "%s", folder_path("is/not/there/yet"));
    folder_write("lines", "one\ntwo\n");
    snprintf(words, sizeof words,
             "--detach --available-now --work-dir %s --from lines=file:%s --to counts=null hello_count",
             folder, lines);
    assert_int_equal(submit_and_wait(words), 0);
    assert_non_null(strstr(folder_read("is/not/there/yet/log"), "ended after 1 batch: 2 records"));
}

static void a_folder_that_cannot_be_made_is_told_before_the_job_goes_to_the_background(void **state)
{
    (void)state;
    char words[4000];
    folder_write("in-the-way", "");
    snprintf(words, sizeof words, "--detach --available-now --work-dir %s --to counts=null hello_count 2>%s",
             folder_path("in-the-way/folder"), folder_path("told"));
    assert_int_equal(submit_and_wait(words), 1);
    assert_non_null(strstr(folder_read("told"), "in-the-way"));
}

int main(void)
{
    setenv("XDG_STATE_HOME", "/nonexistent", 1); /* no links from there */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_in_the_background_makes_its_folder_and_logs_there),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told_before_the_job_goes_to_the_background),
    };
    return cmocka_run_group_tests(tests, folder_start, folder_stop);
}
