/*
 * tests/clients/kafka.c - what becomes of kafka.* settings, and topics asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <clients/kafka.h>
#include <servers/topic.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void set(settings *settings, const char *key, const char *value)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(settings, key, value, "test", &failure), SL_OK);
}

static sl_result open_role(const settings *settings, kafka_role role, rd_kafka_t **client, failure *failure)
{
    kafka_client_spec spec = { .role = role, .settings = settings, .job = "trial", .bytes_max = 128 << 20 };
    return kafka_client_open(&spec, client, failure);
}

/* What a client of the role has for a property, given one setting. */
static void assert_property(kafka_role role, const char *key, const char *value, const char *name,
                            const char *expected)
{
    settings *settings = topic_settings("127.0.0.1:1");
    rd_kafka_t *client = NULL;
    failure failure = { 0 };
    char found[200] = "";
    size_t size = sizeof found;
    if (key)
        set(settings, key, value);
    assert_int_equal(open_role(settings, role, &client, &failure), SL_OK);
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(client), name, found, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(found, expected);
    assert_true(kafka_client_close(client, 20000));
    settings_free(settings);
}

static void assert_refused(kafka_role role, const char *key, const char *value, const char *text)
{
    settings *settings = topic_settings("127.0.0.1:1");
    rd_kafka_t *client = NULL;
    failure failure = { 0 };
    set(settings, key, value);
    assert_int_equal(open_role(settings, role, &client, &failure), SL_USAGE);
    if (strstr(failure.text, text) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", failure.text, text);
    assert_null(client);
    settings_free(settings);
}

static void offsets_are_never_moved_behind_the_jobs_back(void **state)
{
    (void)state;
    assert_property(KAFKA_CONSUMER, NULL, NULL, "enable.auto.commit", "false");
    assert_property(KAFKA_CONSUMER, NULL, NULL, "enable.auto.offset.store", "false");
    assert_property(KAFKA_CONSUMER, NULL, NULL, "enable.partition.eof", "true");
    assert_property(KAFKA_CONSUMER, NULL, NULL, "isolation.level", "read_committed");
    assert_property(KAFKA_PRODUCER, NULL, NULL, "enable.idempotence", "true");
    assert_refused(KAFKA_CONSUMER, "kafka.enable.auto.commit", "true", "kafka.enable.auto.commit=true");
    assert_refused(KAFKA_CONSUMER, "kafka.auto.offset.reset", "latest", "keeps its offsets");
    assert_refused(KAFKA_PRODUCER, "kafka.producer.enable.idempotence", "false", "enable.idempotence");
    assert_property(KAFKA_CONSUMER, "kafka.enable.auto.commit", "false", "enable.auto.commit", "false");
}

static void whatever_the_library_knows_is_passed_on(void **state)
{
    (void)state;
    assert_property(KAFKA_CONSUMER, "kafka.fetch.wait.max.ms", "7", "fetch.wait.max.ms", "7");
    assert_property(KAFKA_PLANNER, "kafka.client.rack", "r1", "client.rack", "r1");
    assert_property(KAFKA_PRODUCER, "kafka.linger.ms", "11", "queue.buffering.max.ms", "11");
    assert_property(KAFKA_PRODUCER, "kafka.compression.type", "zstd", "compression.codec", "zstd");
}

static void a_roles_own_value_wins(void **state)
{
    (void)state;
    assert_property(KAFKA_CONSUMER, "kafka.consumer.client.rack", "c", "client.rack", "c");
    assert_property(KAFKA_PLANNER, "kafka.consumer.client.rack", "c", "client.rack", "c");
    assert_property(KAFKA_PRODUCER, "kafka.consumer.client.rack", "c", "client.rack", "");
    assert_property(KAFKA_PRODUCER, "kafka.producer.client.rack", "p", "client.rack", "p");
    assert_property(KAFKA_CONSUMER, "kafka.producer.client.rack", "p", "client.rack", "");
    settings *settings = topic_settings("127.0.0.1:1");
    rd_kafka_t *client = NULL;
    failure failure = { 0 };
    char found[20] = "";
    size_t size = sizeof found;
    set(settings, "kafka.producer.client.rack", "special"); /* also when it was said first */
    set(settings, "kafka.client.rack", "general");
    assert_int_equal(open_role(settings, KAFKA_PRODUCER, &client, &failure), SL_OK);
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(client), "client.rack", found, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(found, "special");
    assert_true(kafka_client_close(client, 20000));
    settings_free(settings);
}

static void unknown_names_and_bad_values_are_told(void **state)
{
    (void)state;
    assert_refused(KAFKA_CONSUMER, "kafka.fetch.wait.max", "7", "kafka.fetch.wait.max: ");
    assert_refused(KAFKA_CONSUMER, "kafka.fetch.wait.max.m", "7", "did you mean kafka.fetch.wait.max.ms?");
    assert_refused(KAFKA_CONSUMER, "kafka.sasl.pasword", "7", "did you mean kafka.sasl.password?");
    assert_refused(KAFKA_PRODUCER, "kafka.consumer.no.such.thing", "7", "no.such.thing");
    assert_refused(KAFKA_CONSUMER, "kafka.producer.no.such.thing", "7", "no.such.thing");
    assert_refused(KAFKA_PRODUCER, "kafka.compression.type", "rar", "kafka.compression.type");
    assert_refused(KAFKA_CONSUMER, "kafka.fetch.wait.max.ms", "-3", "kafka.fetch.wait.max.ms");
}

static void the_group_is_the_jobs_unless_another_is_given(void **state)
{
    (void)state;
    assert_property(KAFKA_CONSUMER, NULL, NULL, "group.id", "sluice-trial");
    assert_property(KAFKA_CONSUMER, "kafka.group.id", "realtime-group1", "group.id", "realtime-group1");
    assert_property(KAFKA_CONSUMER, NULL, NULL, "client.id", "trial-consumer");
}

static void the_client_queues_a_part_of_what_the_job_gathers(void **state)
{
    (void)state;
    assert_property(KAFKA_CONSUMER, NULL, NULL, "queued.max.messages.kbytes", "32768"); /* of 128 MB */
    assert_property(KAFKA_CONSUMER, "kafka.queued.max.messages.kbytes", "5000", "queued.max.messages.kbytes",
                    "5000");
}

static void a_topic_has_its_partitions(void **state)
{
    (void)state;
    kafka_mock *mock = NULL;
    failure failure = { 0 };
    rd_kafka_t *client = NULL;
    int32_t count = 0;
    assert_int_equal(kafka_mock_open(1, &mock, &failure), SL_OK);
    assert_int_equal(kafka_mock_topic(mock, "seven", 7, &failure), SL_OK);
    const char *servers = kafka_mock_servers(mock);
    settings *settings = topic_settings(servers);
    assert_int_equal(open_role(settings, KAFKA_PLANNER, &client, &failure), SL_OK);
    assert_int_equal(kafka_topic_count(client, "seven", 5000, &count, &failure), SL_OK);
    assert_int_equal(count, 7);
    assert_int_equal(kafka_topic_count(client, "eight", 5000, &count, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "kafka topic \"eight\" does not exist at "));
    assert_non_null(strstr(failure.text, servers));
    assert_true(kafka_client_close(client, 20000));
    settings_free(settings);
    kafka_mock_close(mock);
}

static void no_client_closes_at_once(void **state)
{
    (void)state;
    assert_true(kafka_client_close(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_never_moved_behind_the_jobs_back),
        cmocka_unit_test(whatever_the_library_knows_is_passed_on),
        cmocka_unit_test(a_roles_own_value_wins),
        cmocka_unit_test(unknown_names_and_bad_values_are_told),
        cmocka_unit_test(the_group_is_the_jobs_unless_another_is_given),
        cmocka_unit_test(the_client_queues_a_part_of_what_the_job_gathers),
        cmocka_unit_test(a_topic_has_its_partitions),
        cmocka_unit_test(no_client_closes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
