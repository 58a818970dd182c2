/*
 * tests/batches/timing.c - phases on a clock that the test moves, and whose time it was, with ticks made by hand.
 */
#include <batches/timing.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static sl_clock moved;
static sl_plan plan;
static origin_name names[3];
static origins all;
static output_places places = { .count = 2 };
static const void *place_of[PLAN_NODES_MAX];

static timing *timing_of_two_workers(void)
{
    moved = (sl_clock){ .manual = true, .manual_ms = 1000 };
    plan.count = 4;
    plan.nodes[0] = (plan_node){ .kind = PLAN_SOURCE, .name = "lines" };
    plan.nodes[1] = (plan_node){ .kind = PLAN_STAGE, .name = "parse" };
    plan.nodes[2] = (plan_node){ .kind = PLAN_OUTPUT, .name = "documents" };
    plan.nodes[3] = (plan_node){ .kind = PLAN_OUTPUT, .name = "tops" };
    places.at[0].uri = "elastic:docs";
    places.at[1].uri = "kafka://user:secret@host/topic";
    place_of[2] = place_of[3] = &places;
    for (int i = 0; i < 3; i++)
        names[i] = (origin_name){ .topic = (char *)(uintptr_t) "realtime", .partition = 10 + i };
    all = (origins){ .at = names, .count = 3 };
    return timing_new(&(timing_spec){ &plan, place_of, &all, &moved, NULL, 2 });
}

static void begin(timing *timing)
{
    timing_begin(timing, &(batch_frame){ .time_ms = 500, .now_ns = clock_ns(&moved) });
}

static void each_moment_belongs_to_one_phase(void **state)
{
    (void)state;
    sl_batch_info info = { 0 };
    timing *timing = timing_of_two_workers();
    int64_t submitted_ns = clock_ns(&moved);
    moved.manual_ms += 7;
    begin(timing);
    moved.manual_ms += 100;
    timing_enter(timing, TIMING_MERGE);
    moved.manual_ms += 20;
    timing_enter(timing, TIMING_SINKS);
    moved.manual_ms += 3;
    timing_enter(timing, TIMING_MERGE);
    moved.manual_ms += 1;
    timing_enter(timing, TIMING_SINKS);
    moved.manual_ms += 40;
    timing_enter(timing, TIMING_COMMIT);
    moved.manual_ms += 5;
    timing_end(timing, submitted_ns, clock_ns(&moved), &info);
    assert_int_equal(info.phases.waiting_ns, 7000000);
    assert_int_equal(info.phases.work_ns, 100000000);
    assert_int_equal(info.phases.merge_ns, 21000000);
    assert_int_equal(info.phases.sinks_ns, 43000000);
    assert_int_equal(info.phases.commit_ns, 5000000);
    begin(timing); /* a second attempt: the first one and its pause were waiting */
    moved.manual_ms += 2;
    timing_end(timing, submitted_ns, clock_ns(&moved), &info);
    assert_int_equal(info.phases.waiting_ns, 176000000);
    assert_int_equal(info.phases.work_ns, 2000000);
    assert_int_equal(info.phases.commit_ns, 0);
    timing_free(timing);
    timing_free(NULL);
}

static void outputs_begin_with_the_sinks_and_end_with_their_commit_or_error(void **state)
{
    (void)state;
    size_t count;
    timing *timing = timing_of_two_workers();
    const sl_output_info *outputs = timing_outputs(timing, &count);
    assert_int_equal(count, 2);
    assert_string_equal(outputs[0].description, "elastic:docs, kafka://[hidden]@host/topic");
    begin(timing);
    moved.manual_ms += 10;
    timing_enter(timing, TIMING_SINKS);
    moved.manual_ms += 5;
    timing_output_ended(timing, 2, NULL);
    moved.manual_ms += 1;
    timing_output_ended(timing, 3, "no room");
    assert_int_equal(outputs[0].batch_time_ms, 500);
    assert_int_equal(outputs[0].start_time_ms, 1010);
    assert_int_equal(outputs[0].end_time_ms, 1015);
    assert_null(outputs[0].error);
    assert_int_equal(outputs[1].end_time_ms, 1016);
    assert_string_equal(outputs[1].error, "no room");
    begin(timing);
    assert_int_equal(outputs[0].start_time_ms, 0);
    assert_null(outputs[1].error);
    timing_free(timing);
}

/* The busiest worker is not the one with the slowest partition: partition 11 was read by both. */
static void the_slowest_worker_and_partition_are_found(void **state)
{
    (void)state;
    sl_batch_info info = { 0 };
    timing *timing = timing_of_two_workers();
    begin(timing);
    timing_worker *first = timing_of(timing, 0), *second = timing_of(timing, 1);
    uint64_t tick = (uint64_t)1 << 40; /* far more than really pass: shares are what counts */
    timing_block_add(first, &(timing_block){ 0, 5 * tick, 3000 });
    timing_block_add(first, &(timing_block){ 1, 4 * tick, 5000 });
    timing_block_add(second, &(timing_block){ 1, 3 * tick, 4000 });
    timing_block_add(second, &(timing_block){ 2, 1 * tick, 0 });
    second->merging = tick;
    first->nodes[1] = 6 * tick;
    second->nodes[1] = 2 * tick;
    first->reading = tick;
    moved.manual_ms += 100;
    timing_end(timing, clock_ns(&moved), clock_ns(&moved), &info);
    assert_int_equal(info.slowest_worker, 0);
    assert_int_equal(info.slowest_partition, 11);
    assert_string_equal(info.slowest_topic, "realtime");
    double unit = (double)info.slowest_worker_ns / 9;
    assert_true(unit > 0);
    assert_int_equal((int64_t)((double)info.slowest_partition_ns / unit + 0.5), 7);
    assert_int_equal((int64_t)((double)info.workers_ns / unit + 0.5), 14);
    assert_int_equal(info.step_count, 4);
    assert_string_equal(info.steps[1].name, "parse");
    assert_int_equal((int64_t)((double)info.steps[1].ns / unit + 0.5), 8);
    assert_int_equal((int64_t)((double)info.steps[0].ns / unit + 0.5), 1);
    assert_string_equal(info.steps[2].name, "merging");
    timing_free(timing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_moment_belongs_to_one_phase),
        cmocka_unit_test(outputs_begin_with_the_sinks_and_end_with_their_commit_or_error),
        cmocka_unit_test(the_slowest_worker_and_partition_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
