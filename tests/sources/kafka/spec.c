/*
 * tests/sources/kafka/spec.c - what our own reader takes from the settings, and which of them it leaves to librdkafka.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sources/kafka/security.h>
#include <sources/shared/fetch_spec.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void values_are_those_of_a_librdkafka_consumer_of_ours(void **state)
{
    (void)state;
    kafka_spec *spec = fetch_spec("127.0.0.1:1", NULL);
    assert_string_equal(spec->client_id, "trial-consumer");
    assert_string_equal(spec->rack, "");
    assert_int_equal(spec->family, AF_UNSPEC);
    assert_int_equal(spec->setup_ms, 5000);
    assert_int_equal(spec->timeout_ms, 10000);
    assert_int_equal(spec->receive_bytes, 0);
    assert_true(spec->keepalive);
    assert_int_equal(spec->answer_bytes_max, 100000000);
    assert_true(spec->read_committed);
    assert_int_equal(spec->fetch_wait_ms, 50);
    assert_int_equal(spec->fetch_bytes_min, 1);
    assert_int_equal(spec->fetch_bytes_max, 52428800);
    assert_int_equal(spec->part_bytes_max, 1048576);
    assert_int_equal(spec->reconnect_ms, 50);
    assert_int_equal(spec->reconnect_most_ms, 1000);
    assert_int_equal(spec->metadata_age_ms, 30000);
    assert_null(spec->security->tls);
    assert_null(spec->security->mechanism);
    kafka_spec_free(spec);
}

static void what_the_user_sets_wins_and_most_for_consumers(void **state)
{
    (void)state;
    kafka_spec *spec = fetch_spec(
        "127.0.0.1:1",
        PAIRS("kafka.client.id", "me", "kafka.consumer.client.rack", "r1", "kafka.client.rack", "r2",
              "kafka.producer.socket.timeout.ms", "1234", "kafka.socket.receive.buffer.bytes", "1000000",
              "kafka.isolation.level", "read_uncommitted", "kafka.broker.address.family", "v6",
              "kafka.fetch.message.max.bytes", "77777", "kafka.socket.keepalive.enable", "false"));
    assert_string_equal(spec->client_id, "me");
    assert_string_equal(spec->rack, "r1");
    assert_int_equal(spec->timeout_ms, 10000);
    assert_int_equal(spec->receive_bytes, 1000000);
    assert_false(spec->read_committed);
    assert_int_equal(spec->family, AF_INET6);
    assert_int_equal(spec->part_bytes_max, 77777);
    assert_false(spec->keepalive);
    kafka_spec_free(spec);
}

static void assert_server(const kafka_spec *spec, size_t i, const char *host, int port)
{
    assert_true(i < spec->server_count);
    assert_string_equal(spec->servers[i].host, host);
    assert_int_equal(spec->servers[i].port, port);
}

static void servers_are_taken_apart(void **state)
{
    (void)state;
    kafka_spec *spec =
        fetch_spec("one:1, two ,sasl_ssl://three:65535,[::1]:4,fe80::1,[::2],,127.0.0.1:9", NULL);
    assert_int_equal(spec->server_count, 7);
    assert_server(spec, 0, "one", 1);
    assert_server(spec, 1, "two", 9092);
    assert_server(spec, 2, "three", 65535);
    assert_server(spec, 3, "::1", 4);
    assert_server(spec, 4, "fe80::1", 9092);
    assert_server(spec, 5, "::2", 9092);
    assert_server(spec, 6, "127.0.0.1", 9);
    kafka_spec_free(spec);
}

static void assert_refused(const char *servers, const char *const *pairs, const char *text)
{
    kafka_spec *spec = NULL;
    buffer why = { 0 };
    failure failure = { 0 };
    assert_int_equal(fetch_spec_try(servers, pairs, &spec, &why, &failure), SL_USAGE);
    assert_null(spec);
    if (strstr(failure.text, text) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", failure.text, text);
    buffer_done(&why);
}

static void wrong_values_are_told(void **state)
{
    (void)state;
    assert_refused("one:0", NULL, "kafka.bootstrap.servers=one:0");
    assert_refused("one:65536", NULL, "HOST:PORT");
    assert_refused("one:x", NULL, "HOST:PORT");
    assert_refused("one:", NULL, "HOST:PORT");
    assert_refused("[::1:9", NULL, "HOST:PORT");
    assert_refused(":9", NULL, "HOST:PORT");
    assert_refused(" , ,", NULL, "kafka.bootstrap.servers is empty");
    assert_refused("one:1", PAIRS("kafka.fetch.wait.max.ms", "-1"), "kafka.fetch.wait.max.ms");
    assert_refused("one:1", PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.ca.location", "no/such/file"),
                   "kafka.ssl.ca.location=no/such/file: No such file or directory");
    assert_refused("one:1", PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.ca.pem", "secret nonsense"),
                   "kafka.ssl.ca.pem: ");
    assert_refused("one:1", PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.cipher.suites", "ROT13"),
                   "kafka.ssl.cipher.suites=ROT13: no cipher match");
    assert_refused("one:1",
                   PAIRS("kafka.security.protocol", "sasl_plaintext", "kafka.sasl.mechanisms", "PLAIN"),
                   "kafka.sasl.username");
}

static void what_stands_in_a_setting_is_not_shown_when_it_is_a_key(void **state)
{
    (void)state;
    kafka_spec *spec = NULL;
    buffer why = { 0 };
    failure failure = { 0 };
    assert_int_equal(fetch_spec_try("one:1",
                                    PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.key.pem", "secret"),
                                    &spec, &why, &failure),
                     SL_USAGE);
    assert_null(strstr(failure.text, "secret"));
    buffer_done(&why);
}

/* No spec, and the reason. */
static void assert_unserved(const char *const *pairs, const char *text)
{
    kafka_spec *spec = NULL;
    buffer why = { 0 };
    failure failure = { 0 };
    if (fetch_spec_try("one:1", pairs, &spec, &why, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_null(spec);
    if (strstr(why.at, text) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", why.at, text);
    buffer_done(&why);
}

static void what_we_have_not_is_left_to_librdkafka(void **state)
{
    (void)state;
    assert_unserved(PAIRS("kafka.security.protocol", "sasl_ssl"), "kafka.sasl.mechanisms=GSSAPI");
    assert_unserved(PAIRS("kafka.security.protocol", "sasl_plaintext", "kafka.sasl.mechanism", "OAUTHBEARER"),
                    "PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512");
    assert_unserved(PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.keystore.location", "store.p12"),
                    "kafka.ssl.keystore.location");
    assert_unserved(PAIRS("kafka.security.protocol", "ssl", "kafka.ssl.providers", "default"),
                    "kafka.ssl.providers");
    assert_unserved(PAIRS("kafka.api.version.request", "false"), "kafka.api.version.request");
    assert_unserved(PAIRS("kafka.test.mock.num.brokers", "2"), "kafka.test.mock.num.brokers");
}

static void what_is_not_used_keeps_nobody_away(void **state)
{
    (void)state;
    kafka_spec_free(fetch_spec("one:1", PAIRS("kafka.ssl.keystore.location", "store.p12")));
    kafka_spec_free(fetch_spec("one:1", PAIRS("kafka.sasl.mechanism", "OAUTHBEARER")));
}

static void a_login_is_read(void **state)
{
    (void)state;
    kafka_spec *spec = fetch_spec("one:1", PAIRS("kafka.security.protocol", "SASL_PLAINTEXT",
                                                 "kafka.sasl.mechanism", "SCRAM-SHA-512",
                                                 "kafka.sasl.username", "u", "kafka.sasl.password", "p=, w"));
    assert_null(spec->security->tls);
    assert_string_equal(spec->security->mechanism, "SCRAM-SHA-512");
    assert_string_equal(spec->security->user, "u");
    assert_string_equal(spec->security->password, "p=, w");
    kafka_spec_free(spec);
}

static void trust_is_checked_unless_told_otherwise(void **state)
{
    (void)state;
    kafka_spec *spec = fetch_spec("one:1", PAIRS("kafka.security.protocol", "ssl"));
    assert_non_null(spec->security->tls);
    assert_true(spec->security->verify);
    assert_true(spec->security->verify_name);
    kafka_spec_free(spec);
    spec = fetch_spec("one:1", PAIRS("kafka.security.protocol", "ssl",
                                     "kafka.ssl.endpoint.identification.algorithm", "none"));
    assert_true(spec->security->verify);
    assert_false(spec->security->verify_name);
    kafka_spec_free(spec);
    spec = fetch_spec("one:1", PAIRS("kafka.security.protocol", "ssl",
                                     "kafka.enable.ssl.certificate.verification", "false"));
    assert_false(spec->security->verify);
    assert_false(spec->security->verify_name);
    kafka_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_a_librdkafka_consumer_of_ours),
        cmocka_unit_test(what_the_user_sets_wins_and_most_for_consumers),
        cmocka_unit_test(servers_are_taken_apart),
        cmocka_unit_test(wrong_values_are_told),
        cmocka_unit_test(what_stands_in_a_setting_is_not_shown_when_it_is_a_key),
        cmocka_unit_test(what_we_have_not_is_left_to_librdkafka),
        cmocka_unit_test(what_is_not_used_keeps_nobody_away),
        cmocka_unit_test(a_login_is_read),
        cmocka_unit_test(trust_is_checked_unless_told_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
