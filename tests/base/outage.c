/*
 * tests/base/outage.c - which failures of a long trouble are told. The time is a number that the tests set.
 */
#include <base/outage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECONDS INT64_C(1000000000)
#define MINUTES (60 * SECONDS)

static const char refused[] = "redis at 127.0.0.1:6379: connection refused";

static void a_day_of_failures_takes_few_lines(void **unused)
{
    (void)unused;
    /* After 1, 2, 4, 8, 16, 32 and then 60 minutes each. */
    static const int64_t minutes[] = { 0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543 };
    outage outage = { 0 };
    size_t told = 0;
    int64_t start = 77 * SECONDS, lasted = 0;
    for (int64_t at = 0; at < 600 * MINUTES; at += 10 * SECONDS)
        if (outage_goes_on(&outage, refused, start + at)) {
            assert_true(told < sizeof minutes / sizeof *minutes);
            assert_int_equal(at, minutes[told++] * MINUTES);
        }
    assert_int_equal(told, sizeof minutes / sizeof *minutes);
    assert_true(outage_ends(&outage, start + 600 * MINUTES, &lasted));
    assert_int_equal(lasted, 600 * MINUTES);
}

static void another_reason_is_told_at_once_and_only_once(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    assert_true(outage_goes_on(&outage, refused, 1 * SECONDS));
    assert_false(outage_goes_on(&outage, refused, 2 * SECONDS));
    assert_true(outage_goes_on(&outage, "redis is loading", 3 * SECONDS));
    for (int64_t at = 4; at < 60; at++)
        assert_false(outage_goes_on(&outage, at % 2 ? refused : "redis is loading", at * SECONDS));
    assert_true(outage_goes_on(&outage, refused, 63 * SECONDS)); /* a minute after the last line */
}

static void numbers_do_not_make_another_reason(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    char why[80];
    assert_true(outage_goes_on(&outage, "no answer to 812 keys after 200 ms", 1 * SECONDS));
    for (int i = 2; i < 60; i++) {
        snprintf(why, sizeof why, "no answer to %d keys after %d ms", i * 17, 200 + i);
        assert_false(outage_goes_on(&outage, why, i * SECONDS));
    }
    assert_true(outage_goes_on(&outage, "no answer to 812 rows after 200 ms", 60 * SECONDS));
}

static void reasons_without_end_are_bounded(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    unsigned told = 0;
    char why[] = "reason a";
    for (int64_t i = 0; i < 50; i++) {
        why[7] = (char)('A' + i);
        told += outage_goes_on(&outage, why, (1 + i) * SECONDS);
    }
    assert_int_equal(told, OUTAGE_REASONS);
}

static void the_end_is_told_when_the_outage_was(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    int64_t lasted = -1;
    assert_false(outage_ends(&outage, 5 * SECONDS, &lasted)); /* there is none */
    assert_true(outage_goes_on(&outage, refused, 10 * SECONDS));
    assert_false(outage_goes_on(&outage, refused, 12 * SECONDS));
    assert_true(outage_ends(&outage, 13 * SECONDS, &lasted));
    assert_int_equal(lasted, 3 * SECONDS);
    assert_false(outage_ends(&outage, 14 * SECONDS, &lasted));
}

static void what_comes_and_goes_all_the_time_has_a_line_a_minute(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    int64_t lasted;
    unsigned began = 0, ended = 0;
    for (int64_t at = 0; at < 600; at += 2) { /* ten minutes */
        began += outage_goes_on(&outage, refused, at * SECONDS);
        ended += outage_ends(&outage, (at + 1) * SECONDS, &lasted);
    }
    assert_int_equal(began, 10);
    assert_int_equal(ended, 10);
}

static void an_outage_after_a_long_one_is_news_again(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    int64_t lasted;
    for (int64_t at = 0; at < 300; at++)
        outage_goes_on(&outage, refused, at * MINUTES);
    assert_true(outage_ends(&outage, 300 * MINUTES, &lasted));
    assert_true(outage_goes_on(&outage, refused, 310 * MINUTES));
    assert_true(outage_goes_on(&outage, refused, 311 * MINUTES)); /* its minutes begin with 1 again */
}

static void one_that_comes_back_soon_and_stays_is_told_after_a_minute(void **unused)
{
    (void)unused;
    outage outage = { 0 };
    int64_t lasted;
    assert_true(outage_goes_on(&outage, refused, 10 * SECONDS));
    assert_true(outage_ends(&outage, 11 * SECONDS, &lasted));
    assert_false(outage_goes_on(&outage, refused, 30 * SECONDS));
    assert_false(outage_goes_on(&outage, refused, 69 * SECONDS));
    assert_true(outage_goes_on(&outage, refused, 70 * SECONDS));
    assert_true(outage_ends(&outage, 90 * SECONDS, &lasted));
    assert_int_equal(lasted, 60 * SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_of_failures_takes_few_lines),
        cmocka_unit_test(another_reason_is_told_at_once_and_only_once),
        cmocka_unit_test(numbers_do_not_make_another_reason),
        cmocka_unit_test(reasons_without_end_are_bounded),
        cmocka_unit_test(the_end_is_told_when_the_outage_was),
        cmocka_unit_test(what_comes_and_goes_all_the_time_has_a_line_a_minute),
        cmocka_unit_test(an_outage_after_a_long_one_is_news_again),
        cmocka_unit_test(one_that_comes_back_soon_and_stays_is_told_after_a_minute),
    };
    return cmocka_run_group_tests_name("base/outage", tests, NULL, NULL);
}
