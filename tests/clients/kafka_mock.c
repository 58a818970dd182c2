/*
 * tests/clients/kafka_mock.c - brokers that clients of other handles can use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <clients/kafka_mock.h>
#include <servers/topic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void what_one_client_writes_another_reads(void **state)
{
    (void)state;
    kafka_mock *mock = NULL;
    failure failure = { 0 };
    assert_int_equal(kafka_mock_open(1, &mock, &failure), SL_OK);
    assert_int_equal(kafka_mock_topic(mock, "t", 2, &failure), SL_OK);
    topic_message messages[] = { { 0, "a", "1", 0 }, { 1, NULL, "2", 0 }, { 1, "c", NULL, 0 } };
    topic_send(kafka_mock_servers(mock), "t", messages, 3);
    char *read = topic_read(kafka_mock_servers(mock), "t");
    assert_string_equal(read, "a=1\nc=~\n~=2\n");
    free(read);
    kafka_mock_close(mock);
}

static void each_broker_has_its_address(void **state)
{
    (void)state;
    kafka_mock *mock = NULL;
    failure failure = { 0 };
    assert_int_equal(kafka_mock_open(3, &mock, &failure), SL_OK);
    size_t addresses = 0;
    for (const char *at = kafka_mock_servers(mock); (at = strstr(at, "127.0.0.1:")) != NULL; at++)
        addresses++;
    assert_int_equal(addresses, 3);
    kafka_mock_close(mock);
}

static void a_topic_is_made_once(void **state)
{
    (void)state;
    kafka_mock *mock = NULL;
    failure failure = { 0 };
    assert_int_equal(kafka_mock_open(1, &mock, &failure), SL_OK);
    assert_int_equal(kafka_mock_topic(mock, "t", 1, &failure), SL_OK);
    assert_int_equal(kafka_mock_topic(mock, "t", 1, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "\"t\""));
    kafka_mock_close(mock);
    kafka_mock_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_client_writes_another_reads),
        cmocka_unit_test(each_broker_has_its_address),
        cmocka_unit_test(a_topic_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
