/*
 * tests/base/counted.c - a number takes the form of its noun that people say.
 */
#include <base/counted.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void one_thing_is_no_plural(void **state)
{
    (void)state;
    assert_string_equal(counted(1, "batch", "batches").at, "1 batch");
    assert_string_equal(counted(0, "batch", "batches").at, "0 batches");
    assert_string_equal(counted(2, "batch", "batches").at, "2 batches");
    assert_string_equal(counted(-1, "hour", "hours").at, "-1 hour");
    assert_string_equal(counted(21, "dead letter", "dead letters").at, "21 dead letters");
    assert_string_equal(counted(INT64_MIN, "byte", "bytes").at, "-9223372036854775808 bytes");
}

static void several_stand_in_one_call(void **state)
{
    (void)state;
    char line[100];
    snprintf(line, sizeof line, "%s in %s", counted(5, "record", "records").at,
             counted(1, "file", "files").at);
    assert_string_equal(line, "5 records in 1 file");
}

static void a_long_noun_is_cut(void **state)
{
    (void)state;
    char noun[200];
    memset(noun, 'x', sizeof noun - 1);
    noun[sizeof noun - 1] = '\0';
    counted_text text = counted(7, noun, noun);
    assert_int_equal(strlen(text.at), sizeof text.at - 1);
    assert_memory_equal(text.at, "7 xxx", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_thing_is_no_plural),
                                        cmocka_unit_test(several_stand_in_one_call),
                                        cmocka_unit_test(a_long_noun_is_cut) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
