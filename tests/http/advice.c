/*
 * tests/http/advice.c - costs are found again that batches were made of, and the sentence is true of them.
 */
#include <http/advice.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Batches of `records`, one more each time by `step`, that take batch_ms and record_ms for each; two thirds of it in sinks. */
static advice advice_for(double batch_ms, double record_ms, double records, double step, double waited_ms)
{
    advice_sums sums = { 0 };
    for (int i = 0; i < 20; i++) {
        advice_batch batch = { .records = records + step * (i % 5 - 2), .interval_ms = 1000 };
        batch.waited_ms = waited_ms;
        batch.taken_ms = batch_ms + record_ms * batch.records;
        batch.phases[2] = batch.taken_ms * 2 / 3;
        batch.phases[0] = batch.taken_ms / 3;
        advice_add(&sums, &batch);
    }
    return advice_of(&sums, 1000);
}

static void assert_near(double value, double wanted)
{
    if (value < wanted * 0.99 || value > wanted * 1.01)
        fail_msg("%f, not %f", value, wanted);
}

static void assert_sentence(const advice *advice, const char *wanted)
{
    buffer out = { 0 };
    advice_print(advice, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
}

/* 40 ms and 0.1 ms a record: 2,000 a second are busy for a fifth of it, so that 40 / 0.8 = 50 ms are enough. */
static void the_smallest_stable_interval_follows_from_both_costs(void **state)
{
    (void)state;
    advice found = advice_for(40, 0.1, 2000, 300, 0);
    assert_true(found.known && found.stable);
    assert_near(found.batch_ms, 40);
    assert_near(found.record_ms, 0.1);
    assert_near(found.least_interval_ms, 50);
    assert_near(found.limit_share, 2.0 / 3);
    assert_sentence(&found, "stable: batches take 24 % of the interval; at 2000 records/s 50 ms would do; "
                            "most time goes into sinks (67 %)");
}

static void more_than_can_be_done_has_no_interval(void **state)
{
    (void)state;
    advice found = advice_for(10, 0.6, 2000, 300, 5000);
    assert_false(found.stable);
    assert_true(found.least_interval_ms == 0);
    assert_sentence(
        &found,
        "not stable: batches take 121 % of the interval; 2000 records/s are too many for any interval; "
        "most time goes into sinks (67 %)");
}

/* A short batch that waits for long: the job was behind, or still is. */
static void a_batch_that_waits_for_an_interval_is_not_stable(void **state)
{
    (void)state;
    assert_false(advice_for(40, 0.1, 2000, 300, 1500).stable);
}

/* Nobody knows then what a smaller batch would take: the interval is one of which it is known that it would do. */
static void batches_that_are_all_alike_put_the_cost_on_the_batch(void **state)
{
    (void)state;
    advice found = advice_for(40, 0.1, 2000, 0, 0);
    assert_true(found.record_ms == 0);
    assert_near(found.batch_ms, 240);
    assert_near(found.least_interval_ms, 240);
}

/*
 * The line through (1, 11), (2, 12) and (3, 25) is 2 + 7 n, and misses them by 2, 4 and 2. With each of them twice, the slope's
 * standard error is sqrt(missed / (6 - 2) / spread) with missed = 2 * (4 + 16 + 4) = 48 and spread = 2 * (1 + 1) = 4: sqrt(3).
 */
static void what_is_uncertain_makes_the_interval_longer(void **state)
{
    (void)state;
    static const double taken_ms[] = { 11, 12, 25 };
    advice_sums sums = { 0 };
    for (int i = 0; i < 6; i++)
        advice_add(&sums,
                   &(advice_batch){ .records = i % 3 + 1, .interval_ms = 100, .taken_ms = taken_ms[i % 3] });
    advice found = advice_of(&sums, 100);
    assert_near(found.record_ms, 7 - 2 * 1.7320508);
    assert_near(found.batch_ms, 16 - 2 * found.record_ms);
}

/* 40 ms and 0.1 ms a record, tuned from batches of a second to some of 100 ms: both tell of the same costs and the same rate. */
static void an_interval_that_was_tuned_is_the_one_that_counts(void **state)
{
    (void)state;
    advice_sums sums = { 0 };
    for (int i = 0; i < 20; i++)
        advice_add(&sums, &(advice_batch){ .records = i < 10 ? 2000 : 200,
                                           .interval_ms = i < 10 ? 1000 : 100,
                                           .taken_ms = i < 10 ? 240 : 60 });
    advice_add(&sums, &(advice_batch){ .interval_ms = 0.1 }); /* one without records costs nothing */
    advice_add(&sums,
               &(advice_batch){ .records = 20000, .interval_ms = 100, .taken_ms = 2040, .catch_up = true });
    advice found = advice_of(&sums, 100);
    assert_near(found.rate, 2000);
    assert_near(found.share, 0.6);
    assert_near(found.least_interval_ms, 50);
}

static void few_batches_give_no_advice(void **state)
{
    (void)state;
    advice found = advice_of(&(advice_sums){ .count = 4 }, 1000);
    assert_false(found.known);
    assert_false(advice_for(3, 0, 0, 0, 0).known); /* nothing to read */
    assert_sentence(&found, "too few batches with records for advice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_stable_interval_follows_from_both_costs),
        cmocka_unit_test(more_than_can_be_done_has_no_interval),
        cmocka_unit_test(a_batch_that_waits_for_an_interval_is_not_stable),
        cmocka_unit_test(batches_that_are_all_alike_put_the_cost_on_the_batch),
        cmocka_unit_test(what_is_uncertain_makes_the_interval_longer),
        cmocka_unit_test(an_interval_that_was_tuned_is_the_one_that_counts),
        cmocka_unit_test(few_batches_give_no_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
