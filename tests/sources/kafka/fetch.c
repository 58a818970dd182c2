/*
 * tests/sources/kafka/fetch.c - reading by Fetch requests while brokers come, go, lead and refuse. On librdkafka's mock cluster;
 * fetch_answers.c has what such brokers never send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/log.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <servers/topic.h>
#include <stdlib.h>
#include <support/source_trial.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { FETCH = 1 };

static const char *const quick[] = {
    "kafka.reader", "fetch", "kafka.fetch.wait.max.ms", "10", "kafka.fetch.error.backoff.ms", "10", NULL
};

static kafka_mock *mock;
static rd_kafka_mock_cluster_t *cluster;
static unsigned trials;

static int start_mock(void **state)
{
    (void)state;
    failure failure = { 0 };
    if (kafka_mock_open(2, &mock, &failure) != SL_OK)
        return -1;
    cluster = kafka_mock_cluster(mock);
    return 0;
}

static int stop_mock(void **state)
{
    (void)state;
    kafka_mock_close(mock);
    return 0;
}

static int make_slot(void **state)
{
    *state = calloc(1, sizeof(source_trial *));
    return 0;
}

static int close_trial(void **state)
{
    source_trial_free(*(source_trial **)*state);
    free(*state);
    rd_kafka_mock_clear_request_errors(cluster, FETCH);
    rd_kafka_mock_broker_set_rtt(cluster, -1, 0);
    rd_kafka_mock_broker_set_up(cluster, -1);
    return 0;
}

/* Partition p is led by broker 1 where p is even, else by 2. */
static source_trial *begun(void **state, int partitions, const char *const *pairs)
{
    char topic[32];
    failure failure = { 0 };
    snprintf(topic, sizeof topic, "topic-%u", ++trials);
    assert_int_equal(kafka_mock_topic(mock, topic, partitions, &failure), SL_OK);
    for (int p = 0; p < partitions; p++)
        rd_kafka_mock_partition_set_leader(cluster, topic, p, 1 + p % 2);
    source_trial *trial = source_trial_new(kafka_mock_servers(mock), topic, pairs);
    *(source_trial **)*state = trial;
    return trial;
}

static void fill(const source_trial *trial, int32_t partition, int64_t first, int64_t count)
{
    topic_fill(kafka_mock_servers(mock), trial->topic, partition, first, count);
}

/* ---- Leaders ---- */

static void leaders_may_change_at_any_time(void **state)
{
    enum { PARTITIONS = 4, ROUNDS = 8, COUNT = 300 };
    source_trial *trial = begun(state, PARTITIONS, quick);
    source_trial_start(trial);
    for (int round = 0; round < ROUNDS; round++) {
        for (int p = 0; p < PARTITIONS; p++) {
            fill(trial, p, round * COUNT, COUNT);
            rd_kafka_mock_partition_set_leader(cluster, trial->topic, p, 1 + (round + p / 2) % 2);
        }
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        source_trial_wait(trial, p, 0, ROUNDS * COUNT);
        source_trial_numbers(trial, p, 0, ROUNDS * COUNT);
    }
}

static void a_partition_without_a_leader_is_waited_for(void **state)
{
    source_trial *trial = begun(state, 2, quick);
    fill(trial, 0, 0, 10);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 10);
    rd_kafka_mock_partition_set_leader(cluster, trial->topic, 0, -1);
    fill(trial, 1, 0, 10);
    source_trial_wait(trial, 1, 0, 10);
    rd_kafka_mock_partition_set_leader(cluster, trial->topic, 0, 2);
    fill(trial, 0, 10, 10);
    source_trial_wait(trial, 0, 0, 20);
    source_trial_numbers(trial, 0, 0, 20);
}

static void a_nearer_replica_is_read_and_left_when_it_is_gone(void **state)
{
    static const char *const near[] = { "kafka.reader",
                                        "fetch",
                                        "kafka.fetch.wait.max.ms",
                                        "10",
                                        "kafka.fetch.error.backoff.ms",
                                        "10",
                                        "kafka.client.rack",
                                        "near",
                                        NULL };
    source_trial *trial = begun(state, 1, near);
    fill(trial, 0, 0, 100);
    rd_kafka_mock_partition_set_follower(cluster, trial->topic, 0, 2);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 100);
    fill(trial, 0, 100, 100);
    source_trial_wait(trial, 0, 0, 200);
    rd_kafka_mock_partition_set_follower(cluster, trial->topic, 0, -1);
    rd_kafka_mock_broker_set_down(cluster, 2);
    fill(trial, 0, 200, 100);
    source_trial_wait(trial, 0, 0, 300);
    source_trial_numbers(trial, 0, 0, 300);
}

/* ---- Brokers ---- */

/* How often `part` stands in the file. */
static size_t file_count(const char *path, const char *part)
{
    size_t count = 0;
    char line[2000];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, part) != NULL;
    fclose(file);
    return count;
}

static void log_begin(char *path, settings *settings)
{
    failure failure = { 0 };
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    settings_add(settings, "log", log_settings);
    assert_int_equal(log_open(settings, path, &failure), SL_OK);
}

static void a_broker_that_is_away_is_told_and_keeps_nobody_else(void **state)
{
    source_trial *trial = begun(state, 2, quick);
    char log[] = "/tmp/sluice-fetch-XXXXXX";
    int64_t filled = 0;
    fill(trial, 0, 0, 10);
    log_begin(log, trial->settings);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 10);
    rd_kafka_mock_broker_set_down(cluster, 1);
    while (file_count(log, "partitions that this broker leads are waited for") ==
           0) { /* while others are read */
        fill(trial, 1, filled, 10);
        filled += 10;
        source_trial_wait(trial, 1, 0, filled);
        source_trial_numbers(trial, 1, 0, filled);
    }
    rd_kafka_mock_broker_set_up(cluster, 1);
    fill(trial, 0, 10, 10);
    source_trial_wait(trial, 0, 0, 20);
    source_trial_numbers(trial, 0, 0, 20);
    log_close();
    assert_true(file_count(log, "is back") > 0);
    unlink(log);
}

static void slow_brokers_are_read_as_well(void **state)
{
    source_trial *trial = begun(state, 3, quick);
    rd_kafka_mock_broker_set_rtt(cluster, -1, 100);
    fill(trial, 0, 0, 1000);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 1000);
    fill(trial, 1, 0, 1000);
    source_trial_wait(trial, 1, 0, 1000);
    source_trial_numbers(trial, 0, 0, 1000);
    source_trial_numbers(trial, 1, 0, 1000);
}

static void the_end_does_not_wait_for_a_broker_that_hangs(void **state)
{
    enum { NS_PER_S = 1000000000 };
    source_trial *trial = begun(state, 2, quick);
    fill(trial, 0, 0, 10);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 10);
    rd_kafka_mock_broker_set_rtt(cluster, -1, 60000);
    fill(trial, 1, 0, 0);
    int64_t before_ns = clock_ns(&clock_system);
    source_trial_free(trial);
    *(source_trial **)*state = NULL;
    assert_true(clock_ns(&clock_system) - before_ns < 2 * (int64_t)NS_PER_S);
}

/* ---- Errors ---- */

static void errors_that_pass_lose_nothing(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_UNKNOWN,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
        (rd_kafka_resp_err_t)100, /* unknown topic id */
        (rd_kafka_resp_err_t)103, /* inconsistent topic id */
        (rd_kafka_resp_err_t)106, /* of a session */
        (rd_kafka_resp_err_t)31999,
    };
    enum { COUNT = sizeof errors / sizeof *errors };
    source_trial *trial = begun(state, 2, quick);
    source_trial_start(trial);
    for (int i = 0; i < COUNT; i++) {
        fill(trial, 0, i * 20, 10);
        rd_kafka_mock_push_request_errors(cluster, FETCH, 3, errors[i], errors[i], errors[i]);
        fill(trial, 0, i * 20 + 10, 10);
        source_trial_wait(trial, 0, 0, i * 20 + 20);
    }
    source_trial_numbers(trial, 0, 0, COUNT * 20);
}

/* ---- Partitions ---- */

enum { FILLED = 50, PARTITIONS_MOST = 64 };

/* The same as fill() for each partition, by one producer. */
static void fill_all(const source_trial *trial, int partitions)
{
    static char values[PARTITIONS_MOST * FILLED][16];
    static topic_message messages[PARTITIONS_MOST * FILLED];
    for (int i = 0; i < partitions * FILLED; i++) {
        snprintf(values[i], sizeof values[i], "%d:%d", i % partitions, i / partitions);
        messages[i] = (topic_message){ i % partitions, NULL, values[i], 0 };
    }
    topic_send(kafka_mock_servers(mock), trial->topic, messages, (size_t)(partitions * FILLED));
}

static void one_partition_or_many(void **state)
{
    static const int counts[] = { 1, PARTITIONS_MOST };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        source_trial_free(*(source_trial **)*state);
        source_trial *trial = begun(state, counts[i], quick);
        fill_all(trial, counts[i]);
        trial->spec.available_now = true;
        source_trial_start(trial);
        assert_int_equal(trial->count, counts[i]);
        for (int p = 0; p < counts[i]; p++) {
            source_view view = source_trial_wait(trial, (uint32_t)p, 0, FILLED);
            assert_true(view.finished);
            source_trial_numbers(trial, (uint32_t)p, 0, FILLED);
        }
    }
}

/* Brokers gather for half a second where nobody waits for each record; what ends with the input is waited for. */
static void the_end_of_the_input_is_not_waited_for(void **state)
{
    static const char *const calm[] = { "kafka.reader", "fetch", "kafka.fetch.wait.max.ms", "60000", NULL };
    source_trial *trial = begun(state, 2, calm);
    fill(trial, 0, 0, 10);
    fill(trial, 1, 0, 10);
    trial->spec.available_now = true;
    trial->spec.interval_ms = 2000;
    source_trial_start(trial);
    assert_true(source_trial_wait(trial, 0, 0, 10).finished);
    assert_true(source_trial_wait(trial, 1, 0, 10).finished);
}

/* One partition's backlog is larger than all that may be held; what trickles into others comes all the same. */
static void a_backlog_starves_nobody(void **state)
{
    enum { PARTITIONS = 8, BACKLOG = 100000, BYTES = 200000 };
    source_trial *trial = begun(state, PARTITIONS, quick);
    fill(trial, 0, 0, BACKLOG);
    trial->spec.bytes_max = BYTES;
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 1);
    for (int round = 0; round < 5; round++) {
        for (uint32_t p = 1; p < PARTITIONS; p += 2) {
            fill(trial, (int32_t)p, round * 10, 10);
            source_trial_wait(trial, p, round * 10, round * 10 + 10);
            source_trial_numbers(trial, p, round * 10, round * 10 + 10);
        }
        source_view view = source_trial_look(trial, 0, 0);
        assert_true(view.bytes < BYTES + (4 << 20)); /* what one request may bring more */
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_slot, close_trial)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaders_may_change_at_any_time),
        TEST(a_partition_without_a_leader_is_waited_for),
        TEST(a_nearer_replica_is_read_and_left_when_it_is_gone),
        TEST(a_broker_that_is_away_is_told_and_keeps_nobody_else),
        TEST(slow_brokers_are_read_as_well),
        TEST(the_end_does_not_wait_for_a_broker_that_hangs),
        TEST(errors_that_pass_lose_nothing),
        TEST(one_partition_or_many),
        TEST(the_end_of_the_input_is_not_waited_for),
        TEST(a_backlog_starves_nobody),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
