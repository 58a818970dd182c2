/*
 * tests/base/traffic.c - what is exchanged with servers is added up by kind, from any thread.
 */
#include <base/traffic.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TIMES = 20000 };

static void *adds(void *server)
{
    for (int i = 0; i < TIMES; i++)
        traffic_add(
            *(const traffic_server *)server,
            &(traffic){ .requests = 1, .answers = 1, .bytes_out = 10, .bytes_in = 3, .latency_ns = 7 });
    return NULL;
}

static void threads_add_up_by_kind(void **state)
{
    (void)state;
    traffic_server redis = TRAFFIC_REDIS, elastic = TRAFFIC_ELASTIC;
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, adds, &redis);
    pthread_create(&threads[1], NULL, adds, &redis);
    pthread_create(&threads[2], NULL, adds, &elastic);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    traffic found = traffic_of(TRAFFIC_REDIS);
    assert_int_equal(found.requests, 2 * TIMES);
    assert_int_equal(found.answers, 2 * TIMES);
    assert_int_equal(found.bytes_out, 20 * TIMES);
    assert_int_equal(found.latency_ns, 14 * TIMES);
    assert_int_equal(found.blocked_ns, 0);
    assert_int_equal(traffic_of(TRAFFIC_ELASTIC).bytes_in, 3 * TIMES);
}

static void what_belongs_to_no_server_is_not_counted(void **state)
{
    (void)state;
    traffic_add(TRAFFIC_NONE, &(traffic){ .requests = 1 });
    assert_int_equal(traffic_of(TRAFFIC_NONE).requests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_add_up_by_kind),
        cmocka_unit_test(what_belongs_to_no_server_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
