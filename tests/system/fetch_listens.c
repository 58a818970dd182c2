/*
 * tests/system/fetch_listens.c - the job `listens` before a real broker that packs all it stores: with TLS and logins, cut in the
 * middle of record batches, killed there, and with chunks that are given up for want of customers. What comes out is compared
 * with a recount. And which of the two ways to read is taken, and what is said of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/kafka.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

static kafka_server *kafka; /* NULL: it cannot be had */
static unsigned trials;

static int server_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "3", 1);
    kafka =
        kafka_server_start_as(&(kafka_server_options){ .extra = "compression.type=zstd", .secure = true });
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(kafka);
    return 0;
}

static trial *begun(void **state)
{
    trial *trial = *state;
    char topic[32];
    if (kafka == NULL)
        skip();
    snprintf(topic, sizeof topic, "realtime-%u", ++trials);
    if (!trial_begin(trial, kafka_server_address(kafka), topic, 3))
        skip();
    trial_import(trial);
    return trial;
}

static void packed_batches_are_cut_killed_and_tried_again(void **state)
{
    static const char *const faults[] = { "after_documents:2", "after_aggregates:1",
                                          "before_checkpoint:3:forget" };
    trial *trial = begun(state);
    trial_set(trial, "--max-rate-per-partition", "37", "--conf", "redis.cache.ttl=0s", NULL);
    trial_send(trial, 3000);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        trial->fault = faults[i];
        trial_start(trial);
        assert_int_equal(trial_ended(trial), 128 + SIGKILL);
    }
    trial->fault = NULL;
    trial_finish(trial);
    recount *recount = recount_assert(trial, &recount_usual);
    assert_true(recount_batches(recount) > 8);
    recount_free(recount);
}

static trial *read_with_login(void **state, const char *mechanism)
{
    char servers[80], authority[400], mechanisms[80];
    trial *trial = begun(state);
    snprintf(servers, sizeof servers, "kafka.bootstrap.servers=127.0.0.1:%d", kafka_server_port(kafka) + 2);
    snprintf(authority, sizeof authority, "kafka.ssl.ca.location=%s/tls/ca.pem", kafka_server_folder(kafka));
    snprintf(mechanisms, sizeof mechanisms, "kafka.sasl.mechanisms=%s", mechanism);
    trial_set(trial, "--conf", servers, "--conf", authority, "--conf", mechanisms, "--conf",
              "kafka.security.protocol=sasl_ssl", "--conf", "kafka.sasl.username=alice", "--conf",
              "kafka.sasl.password=sesame", NULL);
    trial_send(trial, 5000);
    trial_finish(trial);
    assert_int_equal(trial_logged(trial, topic_is_fetched() ? "with fetch" : "with librdkafka"), 1);
    return trial;
}

static void it_logs_in_by_plain_over_tls(void **state)
{
    recount_free(recount_assert(read_with_login(state, "PLAIN"), &recount_usual));
}

/* Brokers refuse the SCRAM of older librdkafkas, whose second message is wrong: so no offsets are told, and no recount. */
static void it_logs_in_by_scram_over_tls(void **state)
{
    if (!topic_is_fetched())
        skip();
    trial *trial = read_with_login(state, "SCRAM-SHA-512");
    assert_int_equal(trial_logged(trial, ": 5000 records = "), 1);
}

static void what_fetch_cannot_serve_is_librdkafkas_and_told(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 1))
        skip();
    trial_set(trial, "--startup-timeout", "1s", "--conf", "kafka.security.protocol=sasl_plaintext", "--conf",
              "kafka.sasl.mechanisms=GSSAPI", "--conf", "kafka.reader=fetch", NULL);
    trial_start(trial);
    assert_int_equal(trial_ended(trial), 2);
    assert_true(trial_logged(trial, "kafka.reader=fetch: ") == 1);
    assert_true(trial_logged(trial, "librdkafka reads topic") == 0);
    trial_set(trial, "--startup-timeout", "1s", "--conf", "kafka.security.protocol=sasl_plaintext", "--conf",
              "kafka.sasl.mechanisms=GSSAPI", "--conf", "kafka.reader=auto", NULL);
    trial_start(trial);
    assert_int_not_equal(trial_ended(trial), 0); /* nobody gave us a ticket */
    assert_true(trial_logged(trial, "librdkafka reads topic realtime: ") >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packed_batches_are_cut_killed_and_tried_again),
        TEST(it_logs_in_by_plain_over_tls),
        TEST(it_logs_in_by_scram_over_tls),
        TEST(what_fetch_cannot_serve_is_librdkafkas_and_told),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
