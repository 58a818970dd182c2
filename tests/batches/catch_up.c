/*
 * tests/batches/catch_up.c - plans worked out by hand: 1,000 records a second come, and a batch a second takes 5,000 of them.
 */
#include <batches/catch_up.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char text[CATCH_UP_TEXT];

static bool batch_ends(catch_up *plan, int second, int64_t records, int64_t lag)
{
    sl_range range = { .topic = "t", .from = 1000000 - records, .until = 1000000, .end = 1000000 + lag };
    sl_batch_info batch = { .records = records, .ranges = &range, .range_count = 1 };
    batch.processing_end_time_ms = 1000 * (int64_t)second;
    return catch_up_batch(plan, &batch, text);
}

/* 40,000 behind at second 1; each second 4,000 fewer: two batches later 32,000, which 8 seconds take; all in all 10. */
static void the_plan_is_told_and_kept(void **state)
{
    (void)state;
    catch_up plan;
    memset(&plan, 0, sizeof plan);
    catch_up_begin(&plan);
    assert_false(batch_ends(&plan, 1, 5000, 40000));
    assert_false(batch_ends(&plan, 2, 5000, 36000));
    assert_true(batch_ends(&plan, 3, 5000, 32000));
    assert_string_equal(
        text, "32000 unread; 5000 a second are read and 1000 come: caught up in about 8.0 s, after 8 "
              "batches of 5000");
    for (int second = 4; second < 11; second++)
        assert_false(batch_ends(&plan, second, 5000, 40000 - 4000 * (second - 1)));
    assert_true(batch_ends(&plan, 11, 5000, 0));
    assert_string_equal(text, "caught up: 50000 in 10.0 s and 10 batches; planned were 10.0 s");
    assert_false(batch_ends(&plan, 12, 1000, 500000)); /* that is another matter */
}

/* From second 3 on only 1,500 are read: the plan of 8 s is late by half at second 15. By 16, 29,500 were read and 14,500 gained in 15
 * seconds, so that the other 25,500 take 26.38 of them. */
static void a_plan_that_is_late_by_half_is_made_anew(void **state)
{
    (void)state;
    catch_up plan;
    memset(&plan, 0, sizeof plan);
    catch_up_begin(&plan);
    batch_ends(&plan, 1, 5000, 40000);
    batch_ends(&plan, 2, 5000, 36000);
    assert_true(batch_ends(&plan, 3, 5000, 32000)); /* until second 11, and half of 8 more: 15 */
    for (int second = 4; second <= 15; second++)
        assert_false(batch_ends(&plan, second, 1500, 32000 - 500 * (second - 3)));
    assert_true(batch_ends(&plan, 16, 1500, 25500));
    assert_non_null(
        strstr(text, "25500 unread; 1967 a second are read and 1000 come: caught up in about 26.3 s"));
}

static void what_grows_is_never_caught_up(void **state)
{
    (void)state;
    catch_up plan;
    memset(&plan, 0, sizeof plan);
    catch_up_begin(&plan);
    batch_ends(&plan, 1, 500, 40000);
    assert_false(batch_ends(&plan, 2, 500, 40500));
    assert_true(batch_ends(&plan, 3, 500, 41000));
    assert_non_null(strstr(text, "500 a second are read and 1000 come: never caught up so"));
    assert_false(batch_ends(&plan, 4, 500, 41500));
    assert_true(batch_ends(&plan, 63, 500, 71000)); /* a minute later */
}

static void little_that_is_unread_needs_no_plan(void **state)
{
    (void)state;
    catch_up plan;
    memset(&plan, 0, sizeof plan);
    catch_up_begin(&plan);
    for (int second = 1; second < 9; second++)
        assert_false(batch_ends(&plan, second, 5000, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_told_and_kept),
        cmocka_unit_test(a_plan_that_is_late_by_half_is_made_anew),
        cmocka_unit_test(what_grows_is_never_caught_up),
        cmocka_unit_test(little_that_is_unread_needs_no_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
