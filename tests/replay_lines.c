/*
 * tests/replay_lines.c - documents side by side, in any order: which are the same, differ, are missing, are more.
 */
#include <base/folder.h>
#include <replay_lines.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static replay_tally compared(const char *ours_text, const char *theirs_text)
{
    replay_lines ours = { 0 }, theirs = { 0 };
    replay_tally tally = { 0 };
    failure failure = { 0 };
    folder_write("ours", ours_text);
    folder_write("theirs", theirs_text);
    assert_int_equal(replay_lines_read(folder_path("ours"), &ours, &failure), SL_OK);
    assert_int_equal(replay_lines_read(folder_path("theirs"), &theirs, &failure), SL_OK);
    replay_lines_sort(&ours);
    replay_lines_sort(&theirs);
    replay_lines_compare(&ours, &theirs, &tally);
    replay_lines_done(&ours);
    replay_lines_done(&theirs);
    buffer_byte(&tally.told, '\0');
    return tally;
}

static void order_makes_no_difference(void **state)
{
    (void)state;
    replay_tally tally =
        compared("{\"_id\":\"a\",\"n\":1}\n{\"_id\":\"b\",\"n\":2}\n{\"_id\":\"a\\\"b\",\"n\":3}\n",
                 "{\"_id\":\"a\\\"b\",\"n\":3}\n{\"_id\":\"b\",\"n\":2}\n{\"_id\":\"a\",\"n\":1}\n");
    assert_int_equal(tally.same, 3);
    assert_int_equal(tally.different + tally.missing + tally.more, 0);
    assert_string_equal(tally.told.at, "");
    buffer_done(&tally.told);
}

static void what_is_not_the_same_is_named(void **state)
{
    (void)state;
    replay_tally tally = compared("{\"_id\":\"a\",\"n\":1}\n{\"_id\":\"b\",\"n\":2}\n",
                                  "{\"_id\":\"c\",\"n\":1}\n{\"_id\":\"b\",\"n\":3}\n");
    assert_int_equal(tally.same, 0);
    assert_string_equal(tally.told.at, "  a is missing\n  b differs\n    there  {\"_id\":\"b\",\"n\":3}\n"
                                       "    now    {\"_id\":\"b\",\"n\":2}\n  c is only there\n");
    assert_int_equal(tally.different * 100 + tally.missing * 10 + tally.more, 111);
    buffer_done(&tally.told);
}

static void lines_without_an_id_are_there_or_not_and_of_many_ten_are_named(void **state)
{
    (void)state;
    char many[4000] = "";
    for (int i = 0; i < 50; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "raw line %d\n", i);
    replay_tally tally = compared(many, "raw line 7\nraw line 7\n");
    assert_int_equal(tally.same, 1);
    assert_int_equal(tally.missing, 49);
    assert_int_equal(tally.more, 1);
    size_t lines = 0;
    for (const char *at = tally.told.at; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 11);
    assert_non_null(strstr(tally.told.at, "  and others\n"));
    buffer_done(&tally.told);
}

static void an_absent_file_has_no_lines(void **state)
{
    (void)state;
    replay_lines none = { 0 };
    failure failure = { 0 };
    assert_int_equal(replay_lines_read(folder_path("nowhere"), &none, &failure), SL_OK);
    assert_int_equal(none.count, 0);
    replay_lines_done(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_makes_no_difference),
        cmocka_unit_test(what_is_not_the_same_is_named),
        cmocka_unit_test(lines_without_an_id_are_there_or_not_and_of_many_ten_are_named),
        cmocka_unit_test(an_absent_file_has_no_lines),
    };
    return cmocka_run_group_tests(tests, folder_start, folder_stop);
}
