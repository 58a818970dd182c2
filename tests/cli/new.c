/*
 * tests/cli/new.c - `sluice new`: what it writes where, and what it refuses. That it builds and passes is seen in
 * tests/system/install.c.
 */
#include <base/folder.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char before[4096];

static int start(void **state)
{
    (void)state;
    return getcwd(before, sizeof before) == NULL || folder_open() == NULL || chdir(folder_path("")) != 0;
}

static int stop(void **state)
{
    (void)state;
    int left = chdir(before);
    folder_close();
    return left;
}

static void it_writes_a_job_a_test_and_a_makefile(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_new, "new my_job2"), 0);
    assert_non_null(strstr(words_printed(), "cd my_job2 && make test"));
    assert_non_null(strstr(folder_read("my_job2/my_job2.c"), "const sl_job job = { .name = \"my_job2\","));
    assert_non_null(strstr(folder_read("my_job2/my_job2_test.c"), "my_job2_test passed"));
    assert_non_null(strstr(folder_read("my_job2/Makefile"), "\nmy_job2: my_job2.o\n\t"));
    assert_null(strstr(folder_read("my_job2/my_job2.c"), "@NAME@"));
    assert_null(strstr(folder_read("my_job2/my_job2_test.c"), "@NAME@"));
    assert_null(strstr(folder_read("my_job2/Makefile"), "@NAME@"));
}

static void what_is_there_stays_as_it_is(void **state)
{
    (void)state;
    folder_write("taken", "mine");
    assert_int_equal(words_run(&command_new, "new taken"), 2);
    assert_string_equal(folder_read("taken"), "mine");
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",    "2nd", "My_job",    "a-b",  "a/b",   "../a",
        "a b", "_a",  "j\xC3\xA4", "test", "clean", "a_name_that_is_longer_than_forty_eight_bytes_in_all"
    };
    size_t there = folder_count();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[100];
        snprintf(line, sizeof line, "new %s", names[i]);
        assert_int_equal(words_run(&command_new, line), 2);
    }
    assert_int_equal(folder_count(), there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_writes_a_job_a_test_and_a_makefile),
        cmocka_unit_test(what_is_there_stays_as_it_is),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
