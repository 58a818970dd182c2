/*
 * tests/sources/rate.c - numbered empty records, by the clock or as many as wanted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <sources/source.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_rate;

typedef struct trial {
    const char *target, *records, *count;
    bool available_now;
} trial;

static settings *rows;

static sl_result open_trial(const trial *trial, void **self, failure *failure)
{
    struct failure none = { 0 };
    rows = settings_new();
    settings_add(rows, "Rate", source_rate.settings);
    if (trial->records)
        assert_int_equal(settings_set(rows, "rate.records", trial->records, "test", &none), SL_OK);
    if (trial->count)
        assert_int_equal(settings_set(rows, "rate.count", trial->count, "test", &none), SL_OK);
    source_spec spec = {
        .name = "lines", .target = trial->target, .settings = rows, .available_now = trial->available_now
    };
    return source_rate.open(&spec, self, failure);
}

static void *start_at(const trial *trial, int64_t offset)
{
    void *self = NULL;
    failure failure = { 0 };
    source_partition *partitions;
    assert_int_equal(open_trial(trial, &self, &failure), SL_OK);
    assert_int_equal(source_rate.partitions(self, &partitions), 1);
    partitions->offset = offset;
    assert_int_equal(source_rate.start(self, partitions, 1, &failure), SL_OK);
    return self;
}

static void close_trial(void *self)
{
    source_rate.close(self);
    settings_free(rows);
}

static source_view looked(void *self, int64_t from, int64_t records_max, size_t bytes_max)
{
    source_view view = { 0 };
    failure failure = { 0 };
    assert_int_equal(
        source_rate.look(self, &(source_wish){ 0, from, records_max, bytes_max }, &view, &failure), SL_OK);
    return view;
}

static void records_arrive_with_the_clock(void **state)
{
    (void)state;
    int64_t before = clock_ns(&clock_system);
    void *self = start_at(&(trial){ "1000000", NULL, NULL, false }, -1);
    int64_t started = clock_ns(&clock_system), until = 0;
    while (until < 5000)
        until = looked(self, 0, INT64_MAX, SIZE_MAX).until;
    int64_t after = clock_ns(&clock_system);
    int64_t seen = looked(self, 0, INT64_MAX, SIZE_MAX).until;
    int64_t at_last = clock_ns(&clock_system);
    assert_true(until <= (after - before) / 1000);
    assert_true(seen <= (at_last - before) / 1000);
    assert_true(seen >= (after - started) / 1000 - 1);
    close_trial(self);
}

static void the_rate_comes_from_a_setting_too(void **state)
{
    (void)state;
    void *self = start_at(&(trial){ "", "0", "100", false }, -1);
    source_view view = looked(self, 0, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, 100);
    assert_true(view.finished);
    view = looked(self, 10, 20, SIZE_MAX);
    assert_int_equal(view.until, 30);
    assert_int_equal(view.goal, 100);
    assert_false(view.finished);
    close_trial(self);
}

static void as_many_as_wanted_are_there_at_rate_0(void **state)
{
    (void)state;
    void *self = start_at(&(trial){ "0", NULL, NULL, false }, -1);
    assert_int_equal(looked(self, 0, 1000000, SIZE_MAX).until, 1000000);
    assert_int_equal(looked(self, 1000000, 5, SIZE_MAX).until, 1000005);
    source_view view = looked(self, 0, INT64_MAX, 64 * 1000);
    assert_true(view.until > 0 && view.bytes <= 64 * 1000);
    close_trial(self);
}

static void a_restarted_job_goes_on_with_its_number(void **state)
{
    (void)state;
    void *self = start_at(&(trial){ "0", NULL, "100", true }, 90);
    source_view view = looked(self, 90, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, 100);
    assert_true(view.finished);
    close_trial(self);
}

static void every_number_is_read_once(void **state)
{
    (void)state;
    enum { FIRST = 5, END = 20000 };
    void *self = start_at(&(trial){ "0", NULL, NULL, false }, -1);
    failure failure = { 0 };
    buffer blocks = { 0 };
    int64_t next = FIRST;
    source_rate.take(self, 3, FIRST, END, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t i = 0; i < blocks.size / sizeof *block; i++) {
        source_reading reading = { 0 };
        sl_message messages[1000];
        source_messages read = { messages, 1000, 1 };
        while (read.count) {
            assert_int_equal(source_rate.read(self, &block[i], &reading, &read, &failure), SL_OK);
            for (size_t k = 0; k < read.count; k++) {
                assert_int_equal(messages[k].origin.offset, next++);
                assert_int_equal(messages[k].origin.partition, 3);
                assert_null(messages[k].key.at);
                assert_non_null(messages[k].value.at);
                assert_int_equal(messages[k].value.size, 0);
            }
        }
    }
    assert_int_equal(next, END);
    buffer_done(&blocks);
    close_trial(self);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    void *self = NULL;
    failure failure = { 0 };
    assert_int_equal(open_trial(&(trial){ "fast", NULL, NULL, false }, &self, &failure), SL_USAGE);
    settings_free(rows);
    failure_clear(&failure);
    assert_int_equal(open_trial(&(trial){ "10", NULL, NULL, true }, &self, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "rate.count"));
    settings_free(rows);
}

static char *file_of(const char *text)
{
    static char path[] = "/tmp/sluice-rate-XXXXXX";
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    return path;
}

static void replay_give(const char *path, const char *loop, const char *count)
{
    failure none = { 0 };
    rows = settings_new();
    settings_add(rows, "Rate", source_rate.settings);
    assert_int_equal(settings_set(rows, "rate.records", "0", "test", &none), SL_OK);
    assert_int_equal(settings_set(rows, "rate.replay", path, "test", &none), SL_OK);
    assert_int_equal(settings_set(rows, "rate.loop", loop, "test", &none), SL_OK);
    assert_int_equal(settings_set(rows, "rate.count", count, "test", &none), SL_OK);
}

static void a_replayed_file_ends_with_its_last_line(void **state)
{
    (void)state;
    char *path = file_of("one\n\ntwo\nthree");
    void *self = NULL;
    failure failure = { 0 };
    buffer blocks = { 0 };
    sl_message messages[8];
    source_messages read = { .at = messages, .room = 8 };
    source_reading reading = { 0 };
    replay_give(path, "false", "0");
    source_spec spec = { .name = "lines", .target = "", .settings = rows, .available_now = true };
    assert_int_equal(source_rate.open(&spec, &self, &failure), SL_OK);
    source_view view = looked(self, 1, INT64_MAX, 1 << 20); /* goes on behind the first */
    assert_true(view.until == 3 && view.finished);
    source_rate.take(self, 0, 1, 3, &blocks);
    assert_int_equal(source_rate.read(self, (const void *)blocks.at, &reading, &read, &failure), SL_OK);
    assert_int_equal(read.count, 2);
    assert_true(messages[0].value.size == 3 && memcmp(messages[0].value.at, "two", 3) == 0);
    assert_true(messages[1].value.size == 5 && memcmp(messages[1].value.at, "three", 5) == 0);
    buffer_done(&blocks);
    close_trial(self);
    unlink(path);
}

static void a_loop_begins_again_and_ends_at_its_count(void **state)
{
    (void)state;
    char *path = file_of("one\ntwo\n");
    void *self = NULL;
    failure failure = { 0 };
    buffer blocks = { 0 };
    sl_message messages[8];
    source_messages read = { .at = messages, .room = 8 };
    source_reading reading = { 0 };
    replay_give(path, "true", "5");
    source_spec spec = { .name = "lines", .target = "", .settings = rows, .available_now = true };
    assert_int_equal(source_rate.open(&spec, &self, &failure), SL_OK);
    assert_true(looked(self, 0, INT64_MAX, 1 << 20).until == 5);
    source_rate.take(self, 0, 0, 5, &blocks);
    assert_int_equal(source_rate.read(self, (const void *)blocks.at, &reading, &read, &failure), SL_OK);
    assert_int_equal(read.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(memcmp(messages[i].value.at, i % 2 ? "two" : "one", 3) == 0);
    buffer_done(&blocks);
    close_trial(self);
    unlink(path);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    void *self = NULL;
    failure failure = { 0 };
    replay_give("/nonexistent/listens.csv", "false", "0");
    source_spec spec = { .name = "lines", .target = "", .settings = rows };
    assert_int_equal(source_rate.open(&spec, &self, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "/nonexistent/listens.csv"));
    settings_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replayed_file_ends_with_its_last_line),
        cmocka_unit_test(a_loop_begins_again_and_ends_at_its_count),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(records_arrive_with_the_clock),
        cmocka_unit_test(the_rate_comes_from_a_setting_too),
        cmocka_unit_test(as_many_as_wanted_are_there_at_rate_0),
        cmocka_unit_test(a_restarted_job_goes_on_with_its_number),
        cmocka_unit_test(every_number_is_read_once),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
