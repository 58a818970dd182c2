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
static advice advice_for(double batch_ms, double record_ms, int64_t records, int64_t step, double waited_ms)
{
    recent *recent = recent_new("j", 100);
    recent_listener.on_streaming_started(recent, &(sl_start_info){ .job = "j", .interval_ms = 1000 });
    for (int64_t id = 1; id <= 20; id++) {
        sl_batch_info batch = { .job = "j",
                                .batch_id = id,
                                .batch_time_ms = id * 1000,
                                .interval_ms = 1000,
                                .state = SL_BATCH_COMPLETED };
        batch.records = records + step * (id % 5 - 2);
        batch.scheduling_delay_ms = waited_ms;
        batch.processing_ms = batch_ms + record_ms * (double)batch.records;
        batch.total_delay_ms = waited_ms + batch.processing_ms;
        batch.phases.sinks_ns = (int64_t)(batch.processing_ms * 2e6 / 3);
        batch.phases.work_ns = (int64_t)(batch.processing_ms * 1e6 / 3);
        recent_listener.on_batch_completed(recent, &batch);
    }
    advice found = advice_of(recent_lock(recent));
    recent_unlock(recent);
    recent_free(recent);
    return found;
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

static void batches_that_are_all_alike_put_the_cost_on_their_records(void **state)
{
    (void)state;
    advice found = advice_for(40, 0.1, 2000, 0, 0);
    assert_true(found.batch_ms == 0);
    assert_near(found.record_ms, 0.12);
    assert_near(found.least_interval_ms, 1);
    found = advice_for(3, 0, 0, 0, 0); /* nothing to read */
    assert_true(found.stable && found.least_interval_ms == 3);
}

static void few_batches_give_no_advice(void **state)
{
    (void)state;
    recent *recent = recent_new("j", 100);
    advice found = advice_of(recent_lock(recent));
    recent_unlock(recent);
    assert_false(found.known);
    assert_sentence(&found, "too few batches for advice");
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_stable_interval_follows_from_both_costs),
        cmocka_unit_test(more_than_can_be_done_has_no_interval),
        cmocka_unit_test(a_batch_that_waits_for_an_interval_is_not_stable),
        cmocka_unit_test(batches_that_are_all_alike_put_the_cost_on_their_records),
        cmocka_unit_test(few_batches_give_no_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
