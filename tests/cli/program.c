/*
 * tests/cli/program.c - where programs are found.
 */
#include <base/folder.h>
#include <cli/program.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

static int start(void **state)
{
    (void)state;
    folder_open();
    setenv("PATH", folder_path("first"), 1);
    char path[2048];
    snprintf(path, sizeof path, "%s:%s", folder_path("first"), folder_path("second"));
    setenv("PATH", path, 1);
    mkdir(folder_path("first"), 0700);
    mkdir(folder_path("second"), 0700);
    return 0;
}

static void program_make(const char *name)
{
    folder_write(name, "#!/bin/sh\n");
    chmod(folder_path(name), 0700);
}

static void a_path_is_taken_as_it_is(void **state)
{
    (void)state;
    char path[PROGRAM_PATH_ROOM];
    failure failure = { 0 };
    program_make("mine");
    assert_int_equal(program_find(folder_path("mine"), path, &failure), SL_OK);
    assert_string_equal(path, folder_path("mine"));
    assert_int_equal(program_find("./nothing/here", path, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "./nothing/here"));
}

static void a_bare_name_is_found_on_the_path_in_its_order(void **state)
{
    (void)state;
    char path[PROGRAM_PATH_ROOM];
    failure failure = { 0 };
    program_make("second/a_job_of_mine");
    assert_int_equal(program_find("a_job_of_mine", path, &failure), SL_OK);
    assert_string_equal(path, folder_path("second/a_job_of_mine"));
    program_make("first/a_job_of_mine");
    assert_int_equal(program_find("a_job_of_mine", path, &failure), SL_OK);
    assert_string_equal(path, folder_path("first/a_job_of_mine"));
}

static void what_cannot_be_executed_is_no_program(void **state)
{
    (void)state;
    char path[PROGRAM_PATH_ROOM];
    folder_write("first/text", "x");
    mkdir(folder_path("first/folder"), 0700);
    assert_false(program_search("text", path));
    assert_false(program_search("folder", path));
}

static void a_job_beside_this_program_comes_before_the_path(void **state)
{
    (void)state;
    char self[PROGRAM_PATH_ROOM], jobs[PROGRAM_PATH_ROOM + 8], mine[PROGRAM_PATH_ROOM + 40],
        path[PROGRAM_PATH_ROOM];
    failure failure = { 0 };
    assert_true(program_self(self));
    *strrchr(self, '/') = '\0';
    snprintf(jobs, sizeof jobs, "%s/jobs", self);
    bool made = mkdir(jobs, 0700) == 0;
    snprintf(mine, sizeof mine, "%s/a_job_for_this_test", jobs);
    FILE *file = fopen(mine, "w");
    fclose(file);
    chmod(mine, 0700);
    program_make("first/a_job_for_this_test");
    assert_int_equal(program_find("a_job_for_this_test", path, &failure), SL_OK);
    assert_string_equal(path, mine);
    assert_int_equal(program_find("a_job_for_this_tset", path, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "did you mean \"a_job_for_this_test\"?"));
    unlink(mine);
    if (made)
        rmdir(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_path_is_taken_as_it_is, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_bare_name_is_found_on_the_path_in_its_order, start, folder_stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_executed_is_no_program, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_beside_this_program_comes_before_the_path, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
