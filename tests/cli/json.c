/*
 * tests/cli/json.c - members by name, and what stands for those that are not there.
 */
#include <cli/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void members_are_found_by_name(void **state)
{
    (void)state;
    static const char text[] = "{\"n\":7,\"x\":0.5,\"w\":\"word\",\"none\":null,\"o\":{\"n\":8}} and more";
    json_object *object = json_read(text, sizeof text - 1 - strlen(" and more"));
    assert_non_null(object);
    assert_int_equal(json_number(object, "n", 1), 7);
    assert_int_equal(json_number(json_member(object, "o"), "n", 1), 8);
    assert_true(json_fraction(object, "x") == 0.5);
    assert_string_equal(json_words(object, "w"), "word");
    json_object_put(object);
}

static void what_is_not_there_is_the_usual(void **state)
{
    (void)state;
    json_object *object = json_read("{\"none\":null}", 13);
    assert_int_equal(json_number(object, "n", -1), -1);
    assert_int_equal(json_number(object, "none", -1), -1);
    assert_true(json_fraction(object, "x") == 0);
    assert_string_equal(json_words(object, "none"), "");
    assert_string_equal(json_words(NULL, "w"), "");
    assert_null(json_member(object, "o"));
    json_object_put(object);
}

static void what_is_no_object_is_not_read(void **state)
{
    (void)state;
    assert_null(json_read("[1,2]", 5));
    assert_null(json_read("{\"torn\":", 8));
    assert_null(json_read("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(what_is_not_there_is_the_usual),
        cmocka_unit_test(what_is_no_object_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
