/*
 * tests/base/clock.c - the clocks, waiting on them, and times as text, against the C library's calendar.
 */
#include <base/clock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

typedef struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    sl_clock clock;
    bool waits, came;
    int64_t until_ns;
} waiting;

/* The C library's idea of the same time. */
static void library_iso(int64_t ms, char at[64])
{
    time_t seconds = (time_t)(ms >= 0 ? ms / 1000 : -((999 - ms) / 1000));
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t size = strftime(at, 64, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(at + size, 64 - size, ".%03dZ", (int)(ms - (int64_t)seconds * 1000));
}

static void a_time_is_written_as_the_calendar_has_it(void **unused)
{
    (void)unused;
    char ours[25], theirs[64];
    for (int64_t ms = -30000000000000; ms < 250000000000000; ms += 86399997 * 7 + 12345) {
        clock_iso(ms, ours);
        library_iso(ms, theirs);
        assert_string_equal(ours, theirs);
    }
}

static void days_around_leap_days_are_right(void **unused)
{
    (void)unused;
    char at[25];
    clock_iso(1795428000123, at);
    assert_string_equal(at, "2026-11-23T10:00:00.123Z");
    clock_iso(951782399999, at);
    assert_string_equal(at, "2000-02-28T23:59:59.999Z");
    clock_iso(951782400000, at);
    assert_string_equal(at, "2000-02-29T00:00:00.000Z");
    clock_iso(951868800000, at);
    assert_string_equal(at, "2000-03-01T00:00:00.000Z");
    clock_iso(-1, at);
    assert_string_equal(at, "1969-12-31T23:59:59.999Z");
    clock_iso(0, at);
    assert_string_equal(at, "1970-01-01T00:00:00.000Z");
}

static void the_wall_clock_can_be_set_for_a_test_and_the_other_is_not(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "", "5", "5:", ":5", "x:5", "5:x", "5:-1", "5:1:" };
    int64_t wall_ms = clock_wall_ms(&clock_system), now_ns = clock_ns(&clock_system);
    assert_true(clock_break("-3600000:0"));
    int64_t set_ms = clock_wall_ms(&clock_system) - wall_ms;
    assert_true(clock_ns(&clock_system) >= now_ns &&
                clock_ns(&clock_system) - now_ns < INT64_C(1800000000000));
    assert_in_range(set_ms + 3600000, 0, 1800000);
    assert_true(clock_break("3600000:3600000")); /* not yet */
    assert_in_range(clock_wall_ms(&clock_system) - wall_ms, 0, 1800000);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(clock_break(wrong[i]));
    assert_true(clock_break(NULL));
    assert_in_range(clock_wall_ms(&clock_system) - wall_ms, 0, 1800000);
}

static void a_length_of_time_has_two_units_at_most(void **unused)
{
    (void)unused;
    static const struct {
        int64_t ms;
        const char *text;
    } spans[] = {
        { 0, "0 ms" },
        { 999, "999 ms" },
        { 1000, "1.0 s" },
        { 12399, "12.3 s" },
        { 59999, "59.9 s" },
        { 60000, "1 min 0 s" },
        { 252000, "4 min 12 s" },
        { 3599999, "59 min 59 s" },
        { 11100000, "3 h 5 min" },
        { 86399999, "23 h 59 min" },
        { 198000000, "2 d 7 h" },
    };
    char at[32];
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        assert_string_equal(clock_span(spans[i].ms * 1000000, at), spans[i].text);
    clock_span(INT64_MAX, at);
    assert_true(strlen(at) < sizeof at);
}

static void a_time_beyond_four_digits_of_years_is_the_nearest(void **unused)
{
    (void)unused;
    char at[25];
    clock_iso(INT64_MAX, at);
    assert_string_equal(at, "9999-12-31T23:59:59.999Z");
    clock_iso(INT64_MIN, at);
    assert_string_equal(at, "0000-01-01T00:00:00.000Z");
}

static void the_system_clock_goes_with_the_librarys(void **unused)
{
    (void)unused;
    int64_t before = (int64_t)time(NULL) * 1000 - 2000, first = clock_ns(&clock_system);
    int64_t wall = clock_wall_ms(&clock_system), second = clock_ns(&clock_system);
    assert_true(wall >= before && wall <= before + 10000);
    assert_true(second >= first);
}

static void a_manual_clock_stands_until_it_is_moved(void **unused)
{
    (void)unused;
    sl_clock clock = { .manual = true, .manual_ms = 1500 };
    assert_int_equal(clock_wall_ms(&clock), 1500);
    assert_int_equal(clock_ns(&clock), 1500000000);
    clock.manual_ms += 250;
    assert_int_equal(clock_wall_ms(&clock), 1750);
    assert_int_equal(clock_ns(&clock), 1750000000);
}

static void waiting_for_a_time_that_was_ends_at_once(void **unused)
{
    (void)unused;
    waiting waiting = { .mutex = PTHREAD_MUTEX_INITIALIZER, .clock = { .manual = true, .manual_ms = 100 } };
    clock_condition(&waiting.changed);
    pthread_mutex_lock(&waiting.mutex);
    assert_false(clock_wait(&waiting.clock, &waiting.changed, &waiting.mutex, 100 * 1000000));
    assert_false(clock_wait(&waiting.clock, &waiting.changed, &waiting.mutex, -1));
    assert_false(clock_wait(&clock_system, &waiting.changed, &waiting.mutex, 0));
    pthread_mutex_unlock(&waiting.mutex);
    pthread_cond_destroy(&waiting.changed);
}

static void a_wait_ends_when_its_time_comes(void **unused)
{
    (void)unused;
    waiting waiting = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    clock_condition(&waiting.changed);
    int64_t until = clock_ns(&clock_system) + 3000000;
    pthread_mutex_lock(&waiting.mutex);
    while (clock_wait(&clock_system, &waiting.changed, &waiting.mutex, until))
        ;
    pthread_mutex_unlock(&waiting.mutex);
    assert_true(clock_ns(&clock_system) >= until);
    pthread_cond_destroy(&waiting.changed);
}

/* Runs on: a thread of its own, until the clock has come to until_ns. */
static void *wait_for_the_clock(void *argument)
{
    waiting *waiting = argument;
    pthread_mutex_lock(&waiting->mutex);
    waiting->waits = true;
    pthread_cond_broadcast(&waiting->changed);
    while (clock_wait(&waiting->clock, &waiting->changed, &waiting->mutex, waiting->until_ns))
        ;
    waiting->came = true;
    pthread_mutex_unlock(&waiting->mutex);
    return NULL;
}

static void moving_a_manual_clock_ends_the_wait(void **unused)
{
    (void)unused;
    waiting waiting = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .clock = { .manual = true },
                        .until_ns = 2000000000 };
    pthread_t thread;
    clock_condition(&waiting.changed);
    pthread_create(&thread, NULL, wait_for_the_clock, &waiting);
    pthread_mutex_lock(&waiting.mutex);
    while (!waiting.waits)
        pthread_cond_wait(&waiting.changed, &waiting.mutex);
    waiting.clock.manual_ms = 1999;
    pthread_cond_broadcast(&waiting.changed);
    pthread_mutex_unlock(&waiting.mutex);
    pthread_mutex_lock(&waiting.mutex);
    assert_false(waiting.came);
    waiting.clock.manual_ms = 2000;
    pthread_cond_broadcast(&waiting.changed);
    pthread_mutex_unlock(&waiting.mutex);
    pthread_join(thread, NULL);
    assert_true(waiting.came);
    pthread_cond_destroy(&waiting.changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_written_as_the_calendar_has_it),
        cmocka_unit_test(days_around_leap_days_are_right),
        cmocka_unit_test(the_wall_clock_can_be_set_for_a_test_and_the_other_is_not),
        cmocka_unit_test(a_length_of_time_has_two_units_at_most),
        cmocka_unit_test(a_time_beyond_four_digits_of_years_is_the_nearest),
        cmocka_unit_test(the_system_clock_goes_with_the_librarys),
        cmocka_unit_test(a_manual_clock_stands_until_it_is_moved),
        cmocka_unit_test(waiting_for_a_time_that_was_ends_at_once),
        cmocka_unit_test(a_wait_ends_when_its_time_comes),
        cmocka_unit_test(moving_a_manual_clock_ends_the_wait),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
