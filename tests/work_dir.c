/*
 * tests/work_dir.c - one process per work folder, and the link by which commands find it.
 */
#include <base/folder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <work_dir.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static work_dir *opened(const char *path, const char *name)
{
    failure failure = { 0 };
    work_dir *made = NULL;
    if (work_dir_open(path, name, &made, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return made;
}

static void the_folder_is_made_with_its_parents_for_nobody_else_to_write(void **state)
{
    (void)state;
    struct stat status;
    work_dir *made = opened(folder_path("a/b/work"), "trial");
    assert_int_equal(stat(folder_path("a/b/work"), &status), 0);
    assert_int_equal(status.st_mode & 022, 0);
    work_dir_close(made);
}

/* flock() belongs to the open file: the same process may not have it twice either. */
static void a_second_start_is_refused_and_tells_the_first_ones_number(void **state)
{
    (void)state;
    char pid[32];
    work_dir *first = opened(folder_path("work"), "trial"), *second = NULL;
    failure failure = { 0 };
    snprintf(pid, sizeof pid, "process %d;", (int)getpid());
    assert_int_equal(work_dir_open(folder_path("work"), "trial", &second, &failure), SL_RUNNING);
    assert_non_null(strstr(failure.text, pid));
    assert_non_null(strstr(failure.text, "--work-dir"));
    assert_null(second);
    work_dir_close(first);
    work_dir_close(opened(folder_path("work"), "trial"));
}

static void the_lock_of_a_process_that_died_is_free(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        failure failure = { 0 };
        work_dir *made;
        _exit(work_dir_open(folder_path("died"), "trial", &made, &failure) == SL_OK ? 7 : 1); /* not closed */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    work_dir_close(opened(folder_path("died"), "trial"));
}

static void a_folder_that_somebody_else_took_is_noticed(void **state)
{
    (void)state;
    failure failure = { 0 };
    work_dir *ours = opened(folder_path("stalled"), "trial");
    assert_int_equal(work_dir_check(ours, &failure), SL_OK);
    folder_write("stalled/lock", "77\n"); /* another one wrote to the same file */
    assert_int_equal(work_dir_check(ours, &failure), SL_RUNNING);
    assert_non_null(strstr(failure.text, "process 77"));
    failure_clear(&failure);
    assert_int_equal(unlink(folder_path("stalled/lock")), 0);
    assert_int_equal(work_dir_check(ours, &failure), SL_RUNNING);
    failure_clear(&failure);
    work_dir *other = opened(folder_path("stalled"), "trial"); /* it is a new file: nobody holds it */
    assert_int_equal(work_dir_check(ours, &failure), SL_RUNNING);
    failure_clear(&failure);
    assert_int_equal(work_dir_check(other, &failure), SL_OK);
    work_dir_close(ours);
    work_dir_close(other);
}

static void assert_link(const char *name, const char *folder)
{
    char wanted[4096], real[4096];
    assert_non_null(realpath(folder_path(folder), wanted));
    assert_non_null(realpath(folder_path(name), real));
    assert_string_equal(real, wanted);
}

static void a_link_under_the_jobs_name_leads_to_the_folder(void **state)
{
    (void)state;
    work_dir_close(opened(folder_path("linked"), "by-name"));
    assert_link("state/sluice/by-name", "linked");
    work_dir_close(opened(folder_path("linked-2"), "by-name")); /* moves with the job */
    assert_link("state/sluice/by-name", "linked-2");
}

static void the_usual_folder_needs_no_link(void **state)
{
    (void)state;
    struct stat status;
    char *usual = work_dir_usual("usual");
    assert_string_equal(usual, folder_path("state/sluice/usual"));
    work_dir_close(opened(usual, "usual"));
    assert_int_equal(lstat(usual, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    free(usual);
}

/* Another run of the same name keeps its progress there: it must not go. */
static void a_folder_in_the_place_of_the_link_stays(void **state)
{
    (void)state;
    struct stat status;
    char *usual = work_dir_usual("in-the-way");
    work_dir_close(opened(usual, "in-the-way"));
    folder_write("state/sluice/in-the-way/progress", "1");
    work_dir_close(opened(folder_path("elsewhere"), "in-the-way"));
    assert_int_equal(lstat(usual, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_string_equal(folder_read("state/sluice/in-the-way/progress"), "1");
    free(usual);
}

static void without_a_state_folder_it_is_below_home(void **state)
{
    (void)state;
    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", folder_path("home"), 1);
    char *usual = work_dir_usual("trial");
    assert_string_equal(usual, folder_path("home/.local/state/sluice/trial"));
    free(usual);
    unsetenv("HOME");
    assert_null(work_dir_usual("trial"));
    if (home)
        setenv("HOME", home, 1);
    free(home);
    setenv("XDG_STATE_HOME", folder_path("state"), 1);
}

/* What is written over it later takes no room on a disk that is full by then. */
static void a_prepared_folder_has_room_for_the_process_id(void **state)
{
    (void)state;
    struct stat status;
    failure failure = { 0 };
    assert_int_equal(work_dir_prepare(folder_path("prepared/here"), &failure), SL_OK);
    assert_int_equal(stat(folder_path("prepared/here/lock"), &status), 0);
    assert_int_equal(status.st_size, 32);
    work_dir *first = opened(folder_path("prepared/here"), "trial");
    char pid[32];
    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    assert_string_equal(folder_read("prepared/here/lock"), pid);
    assert_int_equal(work_dir_prepare(folder_path("prepared/here"), &failure), SL_OK); /* of one that runs */
    assert_string_equal(folder_read("prepared/here/lock"), pid);
    work_dir_close(first);
}

static void a_file_in_the_place_of_the_folder_is_told(void **state)
{
    (void)state;
    failure failure = { 0 };
    work_dir *none = NULL;
    folder_write("file", "");
    assert_int_equal(work_dir_open(folder_path("file"), "trial", &none, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_is_made_with_its_parents_for_nobody_else_to_write),
        cmocka_unit_test(a_second_start_is_refused_and_tells_the_first_ones_number),
        cmocka_unit_test(the_lock_of_a_process_that_died_is_free),
        cmocka_unit_test(a_folder_that_somebody_else_took_is_noticed),
        cmocka_unit_test(a_link_under_the_jobs_name_leads_to_the_folder),
        cmocka_unit_test(the_usual_folder_needs_no_link),
        cmocka_unit_test(a_folder_in_the_place_of_the_link_stays),
        cmocka_unit_test(without_a_state_folder_it_is_below_home),
        cmocka_unit_test(a_prepared_folder_has_room_for_the_process_id),
        cmocka_unit_test(a_file_in_the_place_of_the_folder_is_told),
    };
    return cmocka_run_group_tests(tests, folder_start_home, folder_stop);
}
