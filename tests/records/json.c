/*
 * tests/records/json.c - small objects taken apart.
 */
#include <base/buffer.h>
#include <records/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void note(void *argument, sl_text name, sl_text value)
{
    buffer_print(argument, "%.*s=%.*s;", (int)name.size, name.at, (int)value.size, value.at);
}

static void assert_fields(const char *json, const char *wanted)
{
    buffer seen = { 0 };
    assert_true(json_fields(json, note, &seen));
    buffer_byte(&seen, '\0');
    assert_string_equal(seen.at, wanted);
    buffer_done(&seen);
}

static void texts_and_numbers_are_handed_out_in_order(void **state)
{
    (void)state;
    assert_fields("{\"name\":\"Ann\",\"age\":23,\"rate\":1.50,\"sum\":-9007199254740993}",
                  "name=Ann;age=23;rate=1.50;sum=-9007199254740993;");
    assert_fields("{}", "");
    assert_fields(" { \"a\" : \"\" } ", "a=;");
}

static void escapes_are_undone(void **state)
{
    (void)state;
    assert_fields("{\"a\\\"b\":\"\\u00e9\\n\\/\"}", "a\"b=\xc3\xa9\n/;");
}

static void a_null_is_no_field(void **state)
{
    (void)state;
    assert_fields("{\"a\":null,\"b\":\"x\"}", "b=x;");
}

static void measure(void *argument, sl_text name, sl_text value)
{
    (void)name;
    *(size_t *)argument += value.size;
}

static void a_zero_byte_does_not_end_a_text(void **state)
{
    (void)state;
    size_t size = 0;
    assert_true(json_fields("{\"a\":\"x\\u0000y\"}", measure, &size));
    assert_int_equal(size, 3);
}

static void anything_else_is_refused_as_a_whole(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "[1]",
                                         "7",
                                         "\"a\"",
                                         "{\"a\":\"x\"",
                                         "{\"a\":1,}",
                                         "{\"a\":true}",
                                         "{\"a\":[]}",
                                         "{\"a\":1,\"b\":{}}",
                                         "{} x",
                                         "null",
                                         "{\"a\":\"\xff\"}" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buffer seen = { 0 };
        assert_false(json_fields(wrong[i], note, &seen));
        assert_int_equal(seen.size, 0);
    }
}

static void note_number(void *argument, const char *outer, const char *inner, int64_t number)
{
    buffer_print(argument, "%s/%s=%lld;", outer, inner, (long long)number);
}

static void numbers_by_two_names_are_handed_out(void **state)
{
    (void)state;
    static const char *const wrong[] = { "{\"a\":1}", "{\"a\":{\"0\":1.5}}", "{\"a\":{\"0\":\"1\"}}", "[]",
                                         "{\"a\":{\"0\":1}" };
    buffer seen = { 0 };
    assert_true(json_numbers("{\"a\":{\"0\":23,\"1\":-2},\"b\":{},\"c\":{\"7\":9007199254740993}}",
                             note_number, &seen));
    buffer_byte(&seen, '\0');
    assert_string_equal(seen.at, "a/0=23;a/1=-2;c/7=9007199254740993;");
    seen.size = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(json_numbers(wrong[i], note_number, &seen));
    assert_int_equal(seen.size, 0);
    buffer_done(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_numbers_are_handed_out_in_order),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(a_null_is_no_field),
        cmocka_unit_test(a_zero_byte_does_not_end_a_text),
        cmocka_unit_test(numbers_by_two_names_are_handed_out),
        cmocka_unit_test(anything_else_is_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
