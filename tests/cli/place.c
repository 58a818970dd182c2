/*
 * tests/cli/place.c - work folders by name and by path, and whether their jobs run.
 */
#include <base/folder.h>
#include <cli/job_double.h>
#include <cli/place.h>
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

static const setting options[] = { { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", "folder" },
                                   { 0 } };

static sl_result find(const char *name, const char *folder, place *place, failure *failure)
{
    arguments arguments = { .settings = settings_new(), .names = { name }, .count = name != NULL };
    settings_add(arguments.settings, "Options", options);
    if (folder)
        assert_int_equal(settings_set(arguments.settings, "--work-dir", folder, "test", failure), SL_OK);
    sl_result result = place_find(&arguments, place, failure);
    settings_free(arguments.settings);
    return result;
}

static void a_name_stands_for_its_folder_in_the_state_home(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    assert_int_equal(find("listens", NULL, &place, &failure), SL_OK);
    struct stat found, expected;
    assert_int_equal(stat(place.folder, &found), 0);
    assert_int_equal(stat(folder_path("sluice/listens"), &expected), 0);
    assert_int_equal(found.st_ino, expected.st_ino);
}

static void a_link_leads_to_a_folder_elsewhere(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    mkdir(folder_path("elsewhere"), 0700);
    assert_int_equal(symlink(folder_path("elsewhere"), folder_path("sluice/far")), 0);
    assert_int_equal(find("far", NULL, &place, &failure), SL_OK);
}

static void the_work_dir_wins_over_the_name(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    mkdir(folder_path("elsewhere"), 0700);
    assert_int_equal(find("listens", folder_path("elsewhere"), &place, &failure), SL_OK);
    assert_string_equal(place.folder, folder_path("elsewhere"));
}

static void an_unknown_name_tells_the_nearest(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    assert_int_equal(find("listen", NULL, &place, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "did you mean \"listens\"?"));
}

static void a_name_is_no_path(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    assert_int_equal(find("../sluice/listens", NULL, &place, &failure), SL_USAGE);
    failure = (struct failure){ 0 };
    assert_int_equal(find("..", NULL, &place, &failure), SL_USAGE);
}

static void a_job_runs_while_its_lock_is_held(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    for (job_double_way way = DOUBLE_STOPS; way <= DOUBLE_IS_SILENT; way++) {
        assert_int_equal(find("listens", NULL, &place, &failure), SL_OK);
        assert_false(place_runs(&place));
        pid_t job = job_double_start(place.folder, way);
        assert_true(place_runs(&place));
        assert_int_equal(place_pid(&place), job);
        job_double_end(job);
        assert_false(place_runs(&place));
    }
}

static void the_lock_of_a_running_job_is_refused(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    int lock = -1;
    assert_int_equal(find("listens", NULL, &place, &failure), SL_OK);
    pid_t job = job_double_start(place.folder, DOUBLE_STOPS);
    assert_int_equal(place_lock(&place, &lock, &failure), SL_RUNNING);
    assert_non_null(strstr(failure.text, "sluice stop listens"));
    job_double_end(job);
    failure = (struct failure){ 0 };
    assert_int_equal(place_lock(&place, &lock, &failure), SL_OK);
    assert_true(place_runs(&place));
    close(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_stands_for_its_folder_in_the_state_home, work_folder_make,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_link_leads_to_a_folder_elsewhere, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(the_work_dir_wins_over_the_name, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(an_unknown_name_tells_the_nearest, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_name_is_no_path, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_runs_while_its_lock_is_held, work_folder_make, folder_stop),
        cmocka_unit_test_setup_teardown(the_lock_of_a_running_job_is_refused, work_folder_make, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
