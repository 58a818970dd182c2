/*
 * tests/sources/memory.c - the input of tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/text.h>
#include <sources/source.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_memory;

static unsigned wakes;

static void count_wake(void *argument)
{
    (void)argument;
    wakes++;
}

static void *opened(const char *target, bool available_now)
{
    source_spec spec = {
        .name = "lines", .target = target, .available_now = available_now, .wake = count_wake
    };
    failure failure = { 0 };
    void *self = NULL;
    assert_int_equal(source_memory.open(&spec, &self, &failure), SL_OK);
    return self;
}

static void started(void *self)
{
    source_partition *partitions;
    failure failure = { 0 };
    size_t count = source_memory.partitions(self, &partitions);
    assert_int_equal(source_memory.start(self, partitions, count, &failure), SL_OK);
}

static source_view looked(void *self, uint32_t i, int64_t from, int64_t records_max)
{
    source_view view = { 0 };
    failure failure = { 0 };
    assert_int_equal(
        source_memory.look(self, &(source_wish){ i, from, records_max, SIZE_MAX }, &view, &failure), SL_OK);
    return view;
}

static void it_has_four_partitions_of_one_topic(void **state)
{
    (void)state;
    source_partition *partitions;
    void *self = opened("listens", false);
    assert_int_equal(source_memory.partitions(self, &partitions), 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(partitions[i].topic, "listens");
        assert_int_equal(partitions[i].partition, i);
    }
    source_memory.close(self);
    self = opened("", false);
    source_memory.partitions(self, &partitions);
    assert_string_equal(partitions[0].topic, "lines");
    source_memory.close(self);
}

static void what_is_sent_is_read(void **state)
{
    (void)state;
    void *self = opened("", false);
    failure failure = { 0 };
    started(self);
    wakes = 0;
    for (int i = 0; i < 3; i++)
        source_memory.send(self, 2, &(sl_message){ .origin = { .time_ms = -1 }, .value = SL_TEXT("hello") });
    source_memory.send(self, 2, &(sl_message){ .origin = { .offset = 9, .time_ms = 5 } });
    assert_int_equal(wakes, 4);
    assert_int_equal(looked(self, 0, 0, INT64_MAX).until, 0);
    assert_int_equal(looked(self, 2, 0, INT64_MAX).until, 10);
    assert_int_equal(looked(self, 2, 0, 2).until, 2);
    buffer blocks = { 0 };
    source_memory.take(self, 2, 1, 10, &blocks);
    source_reading reading = { 0 };
    sl_message messages[8];
    source_messages read = { .at = messages, .room = 8 };
    assert_int_equal(source_memory.read(self, (const void *)blocks.at, &reading, &read, &failure), SL_OK);
    assert_int_equal(read.count, 3);
    assert_int_equal(messages[0].origin.offset, 1);
    assert_int_equal(messages[0].origin.time_ms, -1);
    assert_int_equal(messages[0].origin.partition, 2);
    assert_true(sl_text_equal(messages[1].value, SL_TEXT("hello")));
    assert_int_equal(messages[2].origin.offset, 9);
    assert_null(messages[2].value.at);
    source_memory.release(self, 2, 10);
    buffer_done(&blocks);
    source_memory.close(self);
}

static void it_is_finished_when_all_was_shown(void **state)
{
    (void)state;
    void *self = opened("", true);
    started(self);
    assert_true(looked(self, 1, 0, INT64_MAX).finished);
    source_memory.send(self, 1, &(sl_message){ .value = SL_TEXT("x") });
    source_memory.send(self, 1, &(sl_message){ .value = SL_TEXT("y") });
    assert_false(looked(self, 1, 0, 1).finished);
    assert_true(looked(self, 1, 1, 1).finished);
    source_memory.close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_four_partitions_of_one_topic),
        cmocka_unit_test(what_is_sent_is_read),
        cmocka_unit_test(it_is_finished_when_all_was_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
