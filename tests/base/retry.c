/*
 * tests/base/retry.c - how long is waited between tries, and what ends the wait. Waits that must be cut short last an hour.
 */
#include <base/clock.h>
#include <base/retry.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000 };

static void the_wait_doubles_up_to_the_most(void **unused)
{
    (void)unused;
    static const int64_t whole[] = { 100, 200, 400, 800, 1000, 1000, 1000 };
    for (int round = 0; round < 200; round++) {
        retry retry = { .first_ms = 100, .most_ms = 1000 };
        for (unsigned i = 0; i < sizeof whole / sizeof whole[0]; i++) {
            int64_t ms = retry_next_ms(&retry);
            assert_in_range(ms, whole[i] / 2, whole[i]);
            assert_int_equal(retry.tries, i + 1);
        }
    }
}

static void the_wait_is_spread_over_its_upper_half(void **unused)
{
    (void)unused;
    int in_third[3] = { 0 };
    for (int i = 0; i < 900; i++) {
        retry retry = { .first_ms = 600, .most_ms = 10000 };
        int64_t third = (retry_next_ms(&retry) - 300) / 101;
        in_third[third]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(in_third[i], 200, 400); /* 300 expected; 100 off is 7 standard deviations */
}

static void many_tries_do_not_overflow(void **unused)
{
    (void)unused;
    retry retry = { .first_ms = 3, .most_ms = INT64_MAX / 2000000, .tries = 4000000000u };
    int64_t ms = retry_next_ms(&retry);
    assert_true(ms >= retry.most_ms / 2 && ms <= retry.most_ms);
}

static void a_retry_without_times_waits_a_millisecond(void **unused)
{
    (void)unused;
    retry retry = { 0 };
    assert_int_equal(retry_next_ms(&retry), 1);
}

static void a_wait_lasts_at_least_half_of_its_time(void **unused)
{
    (void)unused;
    retry retry = { .first_ms = 6, .most_ms = 6 };
    int64_t before = clock_ns(&clock_system);
    assert_true(retry_wait(&retry, INT64_MAX, NULL));
    assert_true(clock_ns(&clock_system) - before >= 3000000);
}

static void a_wait_beyond_the_deadline_is_not_begun(void **unused)
{
    (void)unused;
    retry retry = { .first_ms = HOUR_MS, .most_ms = HOUR_MS };
    int64_t before = clock_ns(&clock_system);
    assert_false(retry_wait(&retry, before + 1000000000, NULL));
    assert_true(clock_ns(&clock_system) - before < (int64_t)60 * 1000000000);
}

static void a_stop_that_was_set_ends_the_wait_at_once(void **unused)
{
    (void)unused;
    retry retry = { .first_ms = HOUR_MS, .most_ms = HOUR_MS };
    atomic_bool stop = true;
    assert_false(retry_wait(&retry, INT64_MAX, &stop));
}

static void *stop_and_wake(void *argument)
{
    atomic_bool *stop = argument;
    retry_wake(); /* without a stop it ends no wait */
    atomic_store(stop, true);
    retry_wake();
    return NULL;
}

static void a_stop_ends_a_wait_that_has_begun(void **unused)
{
    (void)unused;
    retry retry = { .first_ms = HOUR_MS, .most_ms = HOUR_MS };
    atomic_bool stop = false;
    pthread_t thread;
    pthread_create(&thread, NULL, stop_and_wake, &stop);
    assert_false(retry_wait(&retry, INT64_MAX, &stop));
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_doubles_up_to_the_most),
        cmocka_unit_test(the_wait_is_spread_over_its_upper_half),
        cmocka_unit_test(many_tries_do_not_overflow),
        cmocka_unit_test(a_retry_without_times_waits_a_millisecond),
        cmocka_unit_test(a_wait_lasts_at_least_half_of_its_time),
        cmocka_unit_test(a_wait_beyond_the_deadline_is_not_begun),
        cmocka_unit_test(a_stop_that_was_set_ends_the_wait_at_once),
        cmocka_unit_test(a_stop_ends_a_wait_that_has_begun),
    };
    return cmocka_run_group_tests_name("base/retry", tests, NULL, NULL);
}
