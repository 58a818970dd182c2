/*
 * tests/sources/kafka/reach.c - what the Kafka source does and says when servers of librdkafka's mock cluster are gone, in both
 * of its ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <base/folder.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <servers/topic.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdlib.h>
#include <support/log_file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

enum { ALL = -1, SOON_MS = 6000 }; /* SOON: a second or two, on a machine that does other things as well */

typedef struct trial {
    kafka_mock *mock;
    settings *settings;
    source_spec spec;
    wakes wakes;
    void *self;
    source_partition *partitions;
    size_t count;
    int64_t deadline_ns;
} trial;

static void set(trial *trial, const char *key, const char *value)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, key, value, "test", &failure), SL_OK);
}

static int make_trial(void **state)
{
    const char *way = *state;
    trial *trial = calloc(1, sizeof *trial);
    failure failure = { 0 };
    *state = trial;
    folder_open();
    log_file_open();
    wakes_init(&trial->wakes);
    if (kafka_mock_open(2, &trial->mock, &failure) != SL_OK ||
        kafka_mock_topic(trial->mock, "plays", 2, &failure) != SL_OK)
        return -1;
    for (int partition = 0; partition < 2; partition++) /* each server leads one */
        rd_kafka_mock_partition_set_leader(kafka_mock_cluster(trial->mock), "plays", partition,
                                           partition + 1);
    trial->settings = topic_settings(kafka_mock_servers(trial->mock));
    set(trial, "kafka.reader", way);
    trial->spec = (source_spec){ .name = "lines",
                                 .target = "plays",
                                 .settings = trial->settings,
                                 .job = "trial",
                                 .bytes_max = 64 << 20,
                                 .wake = wakes_add,
                                 .wake_argument = &trial->wakes };
    return 0;
}

static int end_trial(void **state)
{
    trial *trial = *state;
    source_kafka.close(trial->self);
    settings_free(trial->settings);
    kafka_mock_close(trial->mock);
    log_file_close();
    folder_close();
    free(trial);
    return 0;
}

static void down(trial *trial, int server)
{
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(trial->mock), server);
}

static void up(trial *trial, int server)
{
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(trial->mock), server);
}

/* They take requests, and answer in a minute. */
static void hang(trial *trial)
{
    for (int server = 1; server <= 2; server++)
        rd_kafka_mock_broker_set_rtt(kafka_mock_cluster(trial->mock), server, 60000);
}

static void waited(trial *trial, uint32_t partition, int64_t until)
{
    source_view view = { 0 };
    while (view.until < until) {
        failure failure = { 0 };
        unsigned seen = wakes_count(&trial->wakes);
        source_wish wish = { partition, 0, INT64_MAX, SIZE_MAX };
        if (source_kafka.look(trial->self, &wish, &view, &failure) != SL_OK)
            fail_msg("%s", failure.text);
        if (view.until < until)
            assert_true(wakes_wait(&trial->wakes, seen));
    }
}

/* It has read one message of each partition. */
static void started(trial *trial)
{
    failure failure = { 0 };
    topic_fill(kafka_mock_servers(trial->mock), "plays", 0, 0, 1);
    topic_fill(kafka_mock_servers(trial->mock), "plays", 1, 0, 1);
    if (source_kafka.open(&trial->spec, &trial->self, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    trial->count = source_kafka.partitions(trial->self, &trial->partitions);
    trial->partitions[0].offset = trial->partitions[1].offset = -1;
    if (source_kafka.start(trial->self, trial->partitions, trial->count, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    waited(trial, 0, 1);
    waited(trial, 1, 1);
}

static void told(trial *trial, int64_t offset)
{
    source_partition partitions[] = { { .topic = "plays", .offset = offset } };
    source_kafka.commit(trial->self, partitions, 1);
}

static int64_t now_ms(void)
{
    return clock_ns(&clock_system) / 1000000;
}

static int64_t closed_within(trial *trial)
{
    int64_t start = now_ms();
    source_kafka.close(trial->self);
    trial->self = NULL;
    return now_ms() - start;
}

/* ---- Gone, and back ---- */

/* Positions that could not be told meanwhile are told then. */
static void a_cluster_that_is_gone_is_told_once_and_so_is_its_return(void **state)
{
    trial *trial = *state;
    const char *servers = kafka_mock_servers(trial->mock);
    char gone[300];
    started(trial);
    told(trial, 1);
    down(trial, ALL);
    told(trial, 2);
    told(trial, 3);
    snprintf(gone, sizeof gone, " WARN kafka topic plays: Kafka at %s is unreachable: ", servers);
    assert_true(log_file_wait(gone, 1));
    assert_int_equal(log_file_count("; it is waited for, batches go on without this input"), 1);
    up(trial, ALL);
    assert_true(log_file_wait(" answers again after ", 1));
    topic_fill(servers, "plays", 0, 1, 9);
    topic_fill(servers, "plays", 1, 1, 9);
    waited(trial, 0, 10);
    waited(trial, 1, 10);
    closed_within(trial);
    assert_int_equal(topic_committed(servers, "sluice-trial", "plays", 0), 3);
    assert_int_equal(log_file_count(" WARN kafka topic plays"), 1);
    assert_int_equal(log_file_count(" INFO kafka topic plays: Kafka at "), 1);
    assert_int_equal(log_file_count(" ERROR "), 0);
}

static void one_server_that_is_gone_is_not_the_cluster(void **state)
{
    trial *trial = *state;
    started(trial);
    down(trial, 1);
    assert_true(log_file_wait("; partitions that this broker leads are waited for", 1));
    assert_true(log_file_count("Connection refused; partitions") == 1);
    assert_int_equal(log_file_count(" is unreachable: "), 0);
    down(trial, 2); /* now it is the cluster */
    assert_true(log_file_wait(" is unreachable: ", 1));
    up(trial, ALL);
    assert_true(log_file_wait(" answers again after ", 1));
    assert_int_equal(log_file_count("; partitions that this broker leads are waited for"), 1);
}

static void where_batches_do_not_come_by_a_clock_none_are_promised(void **state)
{
    trial *trial = *state;
    trial->spec.available_now = true;
    started(trial);
    down(trial, ALL);
    assert_true(log_file_wait(" is unreachable: ", 1));
    assert_int_equal(log_file_count("; it is waited for\n"), 1);
}

static void a_cluster_that_hangs_is_gone_too(void **state)
{
    trial *trial = *state;
    set(trial, "kafka.socket.timeout.ms", "1000");
    set(trial, "kafka.socket.connection.setup.timeout.ms", "1000");
    started(trial);
    hang(trial);
    assert_true(log_file_wait(" is unreachable: ", 1));
}

/* ---- Positions for lag tools ---- */

static void a_stop_while_it_is_gone_ends_soon_and_says_what_is_not_lost(void **state)
{
    trial *trial = *state;
    started(trial);
    down(trial, ALL);
    assert_true(log_file_wait(" is unreachable: ", 1));
    told(trial, 1);
    assert_in_range(closed_within(trial), 0, SOON_MS);
    assert_int_equal(log_file_count(" did not acknowledge the group's last positions (it is unreachable)"),
                     1);
    assert_int_equal(log_file_count("Nothing is lost: the checkpoint has them"), 1);
    assert_int_equal(log_file_count(" WARN "), 2);
}

static void a_stop_just_after_it_went_ends_soon_too(void **state)
{
    trial *trial = *state;
    started(trial);
    told(trial, 1);
    down(trial, ALL);
    told(trial, 2);
    assert_in_range(closed_within(trial), 0, SOON_MS);
    assert_int_equal(log_file_count(" did not acknowledge the group's last positions ("), 1);
    assert_int_equal(log_file_count(" WARN "), 1);
}

static void a_stop_while_servers_hang_ends_soon_too(void **state)
{
    trial *trial = *state;
    started(trial);
    hang(trial);
    told(trial, 1);
    assert_in_range(closed_within(trial), 0, SOON_MS);
    assert_int_equal(log_file_count(" did not acknowledge the group's last positions ("), 1);
    assert_int_equal(log_file_count(" WARN "), 1);
}

static void a_stop_with_nothing_to_tell_says_nothing(void **state)
{
    trial *trial = *state;
    started(trial);
    down(trial, ALL);
    assert_true(log_file_wait(" is unreachable: ", 1));
    assert_in_range(closed_within(trial), 0, SOON_MS);
    assert_int_equal(log_file_count(" WARN "), 1);
}

/* ---- At the start ---- */

static sl_result opened(trial *trial, int64_t patience_ms, failure *failure)
{
    trial->deadline_ns = clock_ns(&clock_system) + patience_ms * 1000000;
    trial->spec.deadline_ns = &trial->deadline_ns;
    return source_kafka.open(&trial->spec, &trial->self, failure);
}

/* Connections are made, and nobody speaks. */
static int silent_server(char address[32])
{
    struct sockaddr_in place = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof place;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&place, size), 0);
    assert_int_equal(listen(server, 100), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&place, &size), 0);
    snprintf(address, 32, "127.0.0.1:%u", ntohs(place.sin_port));
    return server;
}

static void a_start_waits_no_longer_than_it_may(void **state)
{
    trial *trial = *state;
    char address[32];
    failure failure = { 0 };
    int server = silent_server(address);
    set(trial, "kafka.bootstrap.servers", address);
    int64_t start = now_ms();
    assert_int_equal(opened(trial, 300, &failure), SL_RETRY);
    assert_in_range(now_ms() - start, 290, 4500); /* 5 s without the deadline */
    assert_non_null(strstr(failure.text, address));
    close(server);
}

static void why_a_server_cannot_be_reached_is_told(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    set(trial, "kafka.bootstrap.servers", "127.0.0.1:1");
    int64_t start = now_ms();
    assert_int_equal(opened(trial, 30000, &failure), SL_RETRY);
    assert_in_range(now_ms() - start, 0, 4500); /* the reason is known: soon */
    assert_non_null(strstr(failure.text, "kafka at 127.0.0.1:1 does not answer"));
    assert_non_null(strstr(failure.text, "Connection refused"));
    assert_int_equal(log_file_count(" kafka "), 0); /* it is told or returned, not both */
}

/* In a way to read: see kafka.reader. */
#define TEST(name, way)                                                                                      \
    {                                                                                                        \
#name " (" way ")", name, make_trial, end_trial, (void *)(uintptr_t)way                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_server_that_is_gone_is_not_the_cluster, "fetch"),
        TEST(one_server_that_is_gone_is_not_the_cluster, "librdkafka"),
        TEST(a_cluster_that_is_gone_is_told_once_and_so_is_its_return, "fetch"),
        TEST(a_cluster_that_is_gone_is_told_once_and_so_is_its_return, "librdkafka"),
        TEST(where_batches_do_not_come_by_a_clock_none_are_promised, "librdkafka"), /* the other is done */
        TEST(a_cluster_that_hangs_is_gone_too, "fetch"),
        TEST(a_cluster_that_hangs_is_gone_too, "librdkafka"),
        TEST(a_stop_while_it_is_gone_ends_soon_and_says_what_is_not_lost, "fetch"),
        TEST(a_stop_while_it_is_gone_ends_soon_and_says_what_is_not_lost, "librdkafka"),
        TEST(a_stop_just_after_it_went_ends_soon_too, "fetch"),
        TEST(a_stop_just_after_it_went_ends_soon_too, "librdkafka"),
        TEST(a_stop_while_servers_hang_ends_soon_too, "fetch"),
        TEST(a_stop_while_servers_hang_ends_soon_too, "librdkafka"),
        TEST(a_stop_with_nothing_to_tell_says_nothing, "fetch"),
        TEST(a_start_waits_no_longer_than_it_may, "fetch"),
        TEST(a_start_waits_no_longer_than_it_may, "librdkafka"),
        TEST(why_a_server_cannot_be_reached_is_told, "fetch"),
        TEST(why_a_server_cannot_be_reached_is_told, "librdkafka"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
