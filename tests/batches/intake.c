/*
 * tests/batches/intake.c - what a batch takes: all that arrived, the rate limit to the record, the memory limit, and the
 * ways back.
 */
#include <batches/inputs.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void cut(inputs *inputs, batch *batch, bool *finished)
{
    failure failure = { 0 };
    assert_int_equal(intake_cut(&inputs->intake, batch, finished, &failure), SL_OK);
}

/* How many records a cut of this interval takes of partition 0. */
static int64_t cut_count(inputs *inputs, int64_t interval_ms)
{
    batch batch = { .interval_ms = interval_ms };
    bool finished;
    size_t count;
    cut(inputs, &batch, &finished);
    const batch_range *ranges = batch_ranges(&batch, &count);
    int64_t records = count ? ranges->until - ranges->from : 0;
    buffer_done(&batch.ranges);
    return records;
}

static void a_batch_takes_all_that_arrived_since_the_last(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    size_t count;
    inputs_open(&inputs, "");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 3);
    inputs_send_many(&inputs, 2, 5);
    cut(&inputs, &batch, &finished);
    const batch_range *ranges = batch_ranges(&batch, &count);
    assert_int_equal(count, 2);
    assert_true(ranges[0].partition == 0 && ranges[0].from == 0 && ranges[0].until == 3 &&
                ranges[0].end == 3);
    assert_true(ranges[1].partition == 2 && ranges[1].from == 0 && ranges[1].until == 5 &&
                ranges[1].end == 5);
    assert_false(finished);
    inputs_send_many(&inputs, 2, 1);
    cut(&inputs, &batch, &finished);
    assert_true(inputs_one_range(&batch, 2, 5, 6));
    cut(&inputs, &batch, &finished);
    assert_int_equal(batch.ranges.size, 0);
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

/* Over all partitions, also those of which this batch takes nothing. */
static void what_is_left_to_read_is_told(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000, .unread = 77 };
    bool finished;
    inputs_open(&inputs, "--max-rate-per-partition 2");
    inputs_start(&inputs);
    cut(&inputs, &batch, &finished);
    assert_int_equal(batch.unread, 0);
    inputs_send_many(&inputs, 0, 1);
    inputs_send_many(&inputs, 2, 7);
    cut(&inputs, &batch, &finished);
    assert_int_equal(batch.unread, 5);
    inputs_send_many(&inputs, 3, 3);
    batch.interval_ms = 100; /* a fifth of a record */
    cut(&inputs, &batch, &finished);
    assert_int_equal(batch.ranges.size, 0);
    assert_int_equal(batch.unread, 8);
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

static void the_fraction_of_a_rate_is_carried_over(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    inputs_open(&inputs, "--max-rate-per-partition 5");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 100);
    const int64_t wanted[] = { 1, 2, 1, 2, 1, 2 }; /* 5/s in 300 ms: 1.5 a batch */
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_int_equal(cut_count(&inputs, 300), wanted[i]);
    inputs_close(&inputs);
}

static void a_thousand_small_intervals_take_what_the_rate_allows(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    int64_t sum = 0;
    inputs_open(&inputs, "--max-rate-per-partition 7");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 1000);
    for (int i = 0; i < 1000; i++)
        sum += cut_count(&inputs, 10);
    assert_in_range(sum, 69, 70);
    inputs_close(&inputs);
}

/* The limit is one of speed: what a quiet hour did not use is not saved up. */
/* 30, 0 and 70 of 100 unread: 1,000 records a second are 300, none and 700, and of what is left as much again. */
static void back_pressure_is_shared_out_by_lag(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    bool finished;
    size_t count;
    inputs_open(&inputs, "");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 3000);
    inputs_send_many(&inputs, 2, 7000);
    intake_limit(&inputs.intake, 1000);
    for (int64_t i = 0; i < 3; i++) {
        batch batch = { .interval_ms = 1000 };
        cut(&inputs, &batch, &finished);
        const batch_range *ranges = batch_ranges(&batch, &count);
        assert_int_equal(count, 2);
        assert_int_equal(ranges[0].until - ranges[0].from, 300);
        assert_int_equal(ranges[1].until - ranges[1].from, 700);
        assert_int_equal(ranges[1].from, 700 * i);
        assert_int_equal(ranges[1].end, 7000);
        buffer_done(&batch.ranges);
    }
    intake_limit(&inputs.intake, 0);
    assert_int_equal(cut_count(&inputs, 1000), 2100);
    inputs_close(&inputs);
}

static void the_lower_of_both_limits_holds(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    inputs_open(&inputs, "--max-rate-per-partition 50");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 1000);
    intake_limit(&inputs.intake, 200);
    assert_int_equal(cut_count(&inputs, 1000), 50);
    intake_limit(&inputs.intake, 20);
    assert_int_equal(cut_count(&inputs, 1000), 20);
    inputs_close(&inputs);
}

static void an_idle_partition_saves_nothing_up(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    inputs_open(&inputs, "--max-rate-per-partition 10");
    inputs_start(&inputs);
    for (int i = 0; i < 100; i++)
        assert_int_equal(cut_count(&inputs, 1000), 0);
    inputs_send_many(&inputs, 0, 100);
    assert_int_equal(cut_count(&inputs, 1000), 10);
    inputs_close(&inputs);
}

static void each_partition_has_its_share_of_the_memory(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    size_t count;
    static char line[10001];
    memset(line, 'x', sizeof line - 1);
    inputs_open(&inputs, "--conf memory.input=1mb"); /* a quarter for each partition: about 26 lines */
    inputs_start(&inputs);
    for (int i = 0; i < 100; i++)
        inputs_send(&inputs, 1, line);
    inputs_send(&inputs, 3, "a line");
    cut(&inputs, &batch, &finished);
    const batch_range *ranges = batch_ranges(&batch, &count);
    assert_int_equal(count, 2);
    assert_in_range(ranges[0].until - ranges[0].from, 20, 30);
    assert_int_equal(ranges[0].end, 100);
    assert_int_equal(ranges[1].until, 1);
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

static void a_cut_that_is_taken_back_comes_again(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    inputs_open(&inputs, "");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 1, 4);
    cut(&inputs, &batch, &finished);
    intake_uncut(&inputs.intake, &batch);
    inputs_send_many(&inputs, 1, 2);
    cut(&inputs, &batch, &finished);
    assert_true(inputs_one_range(&batch, 1, 0, 6));
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

static void available_now_is_finished_when_every_end_is_reached(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    inputs_open(&inputs, "--available-now --max-rate-per-partition 3");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 0, 3);
    inputs_send_many(&inputs, 1, 4);
    cut(&inputs, &batch, &finished);
    assert_false(finished);
    cut(&inputs, &batch, &finished);
    assert_true(finished);
    assert_true(inputs_one_range(&batch, 1, 3, 4));
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

/* As a pattern that matches nothing yet. */
static void an_input_whose_partitions_are_over_may_get_others(void **state)
{
    (void)state;
    static const char *const options[] = { "", "--available-now" };
    for (int now = 0; now < 2; now++) {
        inputs inputs = { 0 };
        batch batch = { .interval_ms = 1000 };
        bool finished;
        inputs_open(&inputs, options[now]);
        inputs_start(&inputs);
        for (size_t i = 0; i < INPUTS_PARTITIONS; i++)
            atomic_store(&inputs.intake.origins.at[i].over, true);
        cut(&inputs, &batch, &finished);
        assert_int_equal(finished, now);
        buffer_done(&batch.ranges);
        inputs_close(&inputs);
    }
}

static void a_journaled_batch_waits_until_all_of_it_is_here(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch journaled = { .interval_ms = 1000 }, next = { .interval_ms = 1000 };
    bool all, finished;
    failure failure = { 0 };
    batch_range range = { 2, 0, 3, 3 };
    inputs_open(&inputs, "");
    inputs_start(&inputs);
    buffer_append(&journaled.ranges, &range, sizeof range);
    inputs_send_many(&inputs, 2, 2);
    assert_int_equal(intake_holds(&inputs.intake, &journaled, &all, &failure), SL_OK);
    assert_false(all);
    inputs_send_many(&inputs, 2, 2);
    assert_int_equal(intake_holds(&inputs.intake, &journaled, &all, &failure), SL_OK);
    assert_true(all);
    cut(&inputs, &next, &finished); /* goes on behind it */
    assert_true(inputs_one_range(&next, 2, 3, 4));
    buffer_done(&journaled.ranges);
    buffer_done(&next.ranges);
    inputs_close(&inputs);
}

static void blocks_carry_the_engines_number_of_their_partition(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    buffer blocks = { 0 };
    inputs_open(&inputs, "");
    inputs_start(&inputs);
    inputs_send_many(&inputs, 3, 2);
    cut(&inputs, &batch, &finished);
    intake_take(&inputs.intake, &batch, &blocks);
    const intake_block *block = (const intake_block *)(const void *)blocks.at;
    assert_int_equal(blocks.size, sizeof *block);
    assert_ptr_equal(block->input, inputs.input);
    assert_true(block->block.partition == 3 && block->block.from == 0 && block->block.until == 2);
    intake_release(&inputs.intake, &batch);
    buffer_done(&blocks);
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

static void a_partition_that_was_added_is_read_from_its_begin_wherever_others_start(void **state)
{
    (void)state;
    for (int64_t before = -1; before <= 1; before += 2) { /* a position from a checkpoint, or none */
        inputs inputs = { .spec = { .start = SOURCE_LATEST } };
        inputs_open(&inputs, "");
        for (uint32_t i = 0; i < INPUTS_PARTITIONS; i++)
            inputs_send_many(&inputs, i, 2);
        inputs.intake.positions[0].next = before;
        inputs_start(&inputs);
        assert_int_equal(inputs.intake.positions[0].next, before < 0 ? 2 : 1);
        assert_int_equal(inputs.intake.positions[3].next, before < 0 ? 2 : 0);
        inputs_close(&inputs);
    }
}

static void partitions_are_found_by_their_names(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    inputs_open(&inputs, "");
    assert_int_equal(intake_find(&inputs.intake, "lines", 2), 2);
    assert_int_equal(intake_find(&inputs.intake, "lines", 4), -1);
    assert_int_equal(intake_find(&inputs.intake, "line", 2), -1);
    assert_string_equal(inputs.intake.origins.at[2].id, "lines-2-");
    inputs_close(&inputs);
}

static void partitions_that_were_added_are_cut_from_their_first_record_on(void **state)
{
    (void)state;
    inputs inputs = { .spec = { .start = SOURCE_LATEST } };
    batch batch = { .interval_ms = 1000 };
    bool finished;
    size_t count;
    inputs_open(&inputs, "");
    inputs_send_many(&inputs, 1, 5);
    inputs_start(&inputs);
    cut(&inputs, &batch, &finished);
    assert_int_equal(batch.ranges.size, 0);
    const origin_name *names = inputs.intake.origins.at;
    inputs_send_many(&inputs, 1, 1);
    inputs_send_many(&inputs, 6, 2);
    cut(&inputs, &batch, &finished);
    const batch_range *ranges = batch_ranges(&batch, &count);
    assert_int_equal(count, 2);
    assert_true(ranges[0].partition == 1 && ranges[0].from == 5 && ranges[0].until == 6);
    assert_true(ranges[1].partition == 6 && ranges[1].from == 0 && ranges[1].until == 2);
    assert_int_equal(inputs.intake.origins.count, 7);
    assert_ptr_equal(inputs.intake.origins.at, names); /* workers may be looking there */
    assert_string_equal(names[6].id, "lines-6-");
    assert_int_equal(intake_find(&inputs.intake, "lines", 5), 5);
    inputs_send_many(&inputs, 5, 3);
    cut(&inputs, &batch, &finished);
    assert_true(inputs_one_range(&batch, 5, 0, 3));
    buffer_done(&batch.ranges);
    inputs_close(&inputs);
}

/* ---- Sources that are slow to start ---- */

typedef struct slow_source {
    unsigned refusals, starts; /* still to refuse; that succeeded */
} slow_source;

static size_t slow_partitions(void *self, source_partition **partitions)
{
    static source_partition one = { .topic = "topic", .offset = -1 };
    (void)self;
    *partitions = &one;
    return 1;
}

static sl_result slow_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    slow_source *source = self;
    (void)partitions, (void)count;
    if (source->refusals > 0) {
        source->refusals--;
        return failure->result = SL_RETRY;
    }
    source->starts++;
    return SL_OK;
}

static void slow_close(void *self)
{
    (void)self;
}

static const source_kind slow_kind = {
    .name = "slow", .partitions = slow_partitions, .start = slow_start, .close = slow_close
};

static void a_source_that_has_started_is_not_started_again_with_a_slower_one(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    failure failure = { 0 };
    slow_source quick = { 0 }, slow = { .refusals = 2 };
    slow_source *sources[] = { &quick, &slow };
    inputs_open(&inputs, "");
    for (size_t i = 0; i < 2; i++) {
        intake_input *input = intake_add(&inputs.intake, &slow_kind, &inputs.spec);
        input->self = sources[i];
        intake_number(&inputs.intake, input);
    }
    for (unsigned tries = 0; tries < 2; tries++) {
        assert_int_equal(intake_start(&inputs.intake, &failure), SL_RETRY);
        failure_clear(&failure);
    }
    assert_int_equal(intake_start(&inputs.intake, &failure), SL_OK);
    assert_int_equal(quick.starts, 1);
    assert_int_equal(slow.starts, 1);
    inputs_close(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_takes_all_that_arrived_since_the_last),
        cmocka_unit_test(what_is_left_to_read_is_told),
        cmocka_unit_test(the_fraction_of_a_rate_is_carried_over),
        cmocka_unit_test(a_thousand_small_intervals_take_what_the_rate_allows),
        cmocka_unit_test(back_pressure_is_shared_out_by_lag),
        cmocka_unit_test(the_lower_of_both_limits_holds),
        cmocka_unit_test(an_idle_partition_saves_nothing_up),
        cmocka_unit_test(each_partition_has_its_share_of_the_memory),
        cmocka_unit_test(a_cut_that_is_taken_back_comes_again),
        cmocka_unit_test(available_now_is_finished_when_every_end_is_reached),
        cmocka_unit_test(an_input_whose_partitions_are_over_may_get_others),
        cmocka_unit_test(a_journaled_batch_waits_until_all_of_it_is_here),
        cmocka_unit_test(blocks_carry_the_engines_number_of_their_partition),
        cmocka_unit_test(a_partition_that_was_added_is_read_from_its_begin_wherever_others_start),
        cmocka_unit_test(partitions_are_found_by_their_names),
        cmocka_unit_test(partitions_that_were_added_are_cut_from_their_first_record_on),
        cmocka_unit_test(a_source_that_has_started_is_not_started_again_with_a_slower_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
