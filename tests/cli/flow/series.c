/*
 * tests/cli/flow/series.c - rates are those between the newest look and the oldest one that is kept.
 */
#include <cli/flow/series.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void look(series *series, int count, int second)
{
    char text[40];
    int size = snprintf(text, sizeof text, "records %d\n", count);
    series_add(series, (sl_text){ text, (size_t)size }, second * INT64_C(1000000000));
}

static void a_rate_needs_two_looks(void **state)
{
    (void)state;
    series series = { 0 };
    look(&series, 100, 1);
    assert_true(series_rate(&series, "records", NULL) == 0);
    look(&series, 130, 4);
    assert_true(series_rate(&series, "records", NULL) == 10);
    assert_true(series_seconds(&series) == 3);
    series_done(&series);
}

/* Look k comes at second k and counts k squared: over the last five seconds n^2 - (n-5)^2 = 10 n - 25. */
static void the_oldest_look_falls_out(void **state)
{
    (void)state;
    series series = { 0 };
    for (int k = 0; k <= 20; k++) {
        look(&series, k * k, k);
        if (k >= 5)
            assert_true(series_rise(&series, "records", NULL) == 10 * k - 25);
    }
    assert_true(series_seconds(&series) == 5);
    series_done(&series);
}

static void a_counter_that_begins_anew_does_not_fall(void **state)
{
    (void)state;
    series series = { 0 };
    look(&series, 100, 1);
    look(&series, 3, 2);
    assert_true(series_rise(&series, "records", NULL) == 0);
    assert_true(series_change(&series, "records", NULL) == -97);
    series_forget(&series);
    look(&series, 3, 3);
    assert_true(series_seconds(&series) == 0);
    series_done(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_needs_two_looks),
        cmocka_unit_test(the_oldest_look_falls_out),
        cmocka_unit_test(a_counter_that_begins_anew_does_not_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
