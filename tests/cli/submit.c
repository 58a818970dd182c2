/*
 * tests/cli/submit.c - `sluice submit` finds the job among the words and becomes it. The job here is a script that prints
 * its words.
 */
#include <base/folder.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(void **state)
{
    (void)state;
    folder_open();
    folder_write("job", "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\nexit 4\n");
    return chmod(folder_path("job"), 0700);
}

/* In a child, since submit becomes the job. "JOB" stands for the script's path. Gives the exit code. */
static int submit(const char *before, const char *after, char *printed, size_t room)
{
    char line[2048];
    int ends[2];
    snprintf(line, sizeof line, "submit%s %s%s", before, folder_path("job"), after);
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *rest = line, *words[32] = { 0 };
        int count = 0;
        while (count < 31 && (words[count] = strsep(&rest, " ")))
            count++;
        dup2(ends[1], STDOUT_FILENO);
        _exit(command_run(&command_submit, count, words));
    }
    close(ends[1]);
    ssize_t size, all = 0;
    while ((size = read(ends[0], printed + all, room - 1 - (size_t)all)) > 0)
        all += size;
    printed[all] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void the_job_gets_the_options_and_then_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *words;
    } rows[] = {
        { "", "", "" },
        { "", " --top-count 5", "<--top-count><5>" },
        { " --name x", " --name y", "<--name><x><--name><y>" },
        { " --interval=3s --detach", " a b", "<--interval=3s><--detach><a><b>" },
        { " --detach --interval 3s", "", "<--detach><--interval><3s>" },
        { " --conf a=b --properties-file f", " c", "<--conf><a=b><--properties-file><f><c>" },
        { " --name x --", " --", "<--name><x><-->" },
    };
    char printed[1000];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(submit(rows[i].before, rows[i].after, printed, sizeof printed), 4);
        assert_string_equal(printed, rows[i].words);
    }
}

static void an_unknown_option_before_the_job_names_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_submit, "submit --intervall 2s job"), 2);
    assert_non_null(strstr(words_printed(), "did you mean --interval?"));
}

static void without_a_job_it_shows_the_form(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_submit, "submit --interval 2s"), 2);
    assert_non_null(strstr(words_printed(), "[options] JOB [options of the job]"));
}

static void help_lists_the_options_of_the_engine(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_submit, "submit --help"), 0);
    assert_non_null(strstr(words_printed(), "--interval"));
}

static void help_is_given_behind_an_unknown_option(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_submit, "submit --bogus --help"), 0);
    assert_non_null(strstr(words_printed(), "--interval"));
    assert_int_equal(words_run(&command_submit, "submit --bogus 7 job --help"), 0);
    assert_non_null(strstr(words_printed(), "--interval"));
}

/* Where every option is known, help behind the job is the job's. */
static void help_behind_the_job_is_the_jobs(void **state)
{
    (void)state;
    char printed[1000];
    assert_int_equal(submit(" --interval 2s", " --bogus --help", printed, sizeof printed), 4);
    assert_string_equal(printed, "<--interval><2s><--bogus><--help>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_job_gets_the_options_and_then_its_own, start, folder_stop),
        cmocka_unit_test(an_unknown_option_before_the_job_names_the_nearest),
        cmocka_unit_test(without_a_job_it_shows_the_form),
        cmocka_unit_test(help_lists_the_options_of_the_engine),
        cmocka_unit_test(help_is_given_behind_an_unknown_option),
        cmocka_unit_test_setup_teardown(help_behind_the_job_is_the_jobs, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
