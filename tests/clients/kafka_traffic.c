/*
 * tests/clients/kafka_traffic.c - the library's statistics: totals become differences, round trips are those of the window.
 */
#include <clients/kafka_traffic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void totals_become_what_is_new(void **state)
{
    (void)state;
    traffic before = { 0 };
    kafka_traffic_add("{\"tx\":5,\"tx_bytes\":400,\"rx\":4,\"rx_bytes\":90,\"txmsgs\":100,"
                      "\"brokers\":{\"a\":{\"rtt\":{\"sum\":3000,\"cnt\":2}},\"b\":{\"rtt\":{\"sum\":500}}}}",
                      &before);
    kafka_traffic_add("{\"tx\":8,\"tx_bytes\":900,\"rx\":8,\"rx_bytes\":100,\"txmsgs\":150,"
                      "\"brokers\":{\"a\":{\"rtt\":{\"sum\":1500,\"cnt\":3}},\"b\":{}}}",
                      &before);
    traffic sum = traffic_of(TRAFFIC_KAFKA_OUT);
    assert_int_equal(sum.requests, 8);
    assert_int_equal(sum.answers, 8);
    assert_int_equal(sum.bytes_out, 900);
    assert_int_equal(sum.bytes_in, 100);
    assert_int_equal(sum.records, 150);
    assert_int_equal(sum.latency_ns, 5000 * 1000);
}

static void what_is_no_object_changes_nothing(void **state)
{
    (void)state;
    traffic before = { .requests = 3 }, sum = traffic_of(TRAFFIC_KAFKA_OUT);
    kafka_traffic_add("[1]", &before);
    kafka_traffic_add("", &before);
    assert_int_equal(before.requests, 3);
    assert_int_equal(traffic_of(TRAFFIC_KAFKA_OUT).requests, sum.requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_become_what_is_new),
        cmocka_unit_test(what_is_no_object_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
