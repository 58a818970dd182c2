/*
 * tests/sources/kafka.c - the Kafka source against librdkafka's mock cluster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <servers/topic.h>
#include <sluice/text.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

typedef struct trial {
    settings *settings;
    source_spec spec;
    wakes wakes;
    void *self;
    source_partition *partitions;
    size_t count;
    unsigned number; /* a topic of its own for each test */
    char topic[32];
} trial;

static kafka_mock *mock;
static unsigned trials;

static int start_mock(void **state)
{
    (void)state;
    failure failure = { 0 };
    return kafka_mock_open(2, &mock, &failure) == SL_OK ? 0 : -1;
}

static int stop_mock(void **state)
{
    (void)state;
    kafka_mock_close(mock);
    return 0;
}

static void set(trial *trial, const char *key, const char *value)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, key, value, "test", &failure), SL_OK);
}

static int make_topic(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    failure failure = { 0 };
    snprintf(trial->topic, sizeof trial->topic, "topic-%u", ++trials);
    wakes_init(&trial->wakes);
    trial->settings = topic_settings(kafka_mock_servers(mock));
    set(trial, "kafka.fetch.wait.max.ms", "10");
    trial->spec = (source_spec){ .name = "lines",
                                 .target = trial->topic,
                                 .settings = trial->settings,
                                 .job = "trial",
                                 .bytes_max = 64 << 20,
                                 .wake = wakes_add,
                                 .wake_argument = &trial->wakes };
    *state = trial;
    return kafka_mock_topic(mock, trial->topic, 3, &failure) == SL_OK ? 0 : -1;
}

static int close_topic(void **state)
{
    trial *trial = *state;
    source_kafka.close(trial->self);
    settings_free(trial->settings);
    free(trial);
    return 0;
}

static sl_result opened(trial *trial, failure *failure)
{
    sl_result result = source_kafka.open(&trial->spec, &trial->self, failure);
    if (result == SL_OK)
        trial->count = source_kafka.partitions(trial->self, &trial->partitions);
    return result;
}

/* Every partition at its offset of `offsets`; NULL: -1. */
static sl_result started_at(trial *trial, const int64_t *offsets, failure *failure)
{
    sl_result result = opened(trial, failure);
    if (result != SL_OK)
        return result;
    for (size_t i = 0; i < trial->count; i++)
        trial->partitions[i].offset = offsets ? offsets[i] : -1;
    return source_kafka.start(trial->self, trial->partitions, trial->count, failure);
}

static void started(trial *trial)
{
    failure failure = { 0 };
    if (started_at(trial, NULL, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

static source_view looked(trial *trial, uint32_t i, int64_t from)
{
    source_view view = { 0 };
    failure failure = { 0 };
    if (source_kafka.look(trial->self, &(source_wish){ i, from, INT64_MAX, SIZE_MAX }, &view, &failure) !=
        SL_OK)
        fail_msg("%s", failure.text);
    return view;
}

/* Waits until [from, until) is there. */
static source_view waited(trial *trial, uint32_t i, int64_t from, int64_t until)
{
    for (;;) {
        unsigned seen = wakes_count(&trial->wakes);
        source_view view = looked(trial, i, from);
        if (view.until >= until)
            return view;
        assert_true(wakes_wait(&trial->wakes, seen));
    }
}

/* What [from, until) holds, counted; each value has to be "<partition>:<offset>", as topic_fill() makes them. */
static size_t read_numbers(trial *trial, uint32_t i, int64_t from, int64_t until)
{
    buffer blocks = { 0 };
    failure failure = { 0 };
    int64_t next = from;
    source_kafka.take(trial->self, i, from, until, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t k = 0; k < blocks.size / sizeof *block; k++) {
        source_reading reading = { 0 };
        sl_message messages[256];
        source_messages read = { messages, 256, 1 };
        while (read.count) {
            assert_int_equal(source_kafka.read(trial->self, &block[k], &reading, &read, &failure), SL_OK);
            for (size_t m = 0; m < read.count; m++) {
                char expected[40];
                int size = snprintf(expected, sizeof expected, "%u:%lld", i, (long long)next);
                assert_int_equal(messages[m].origin.offset, next++);
                assert_int_equal(messages[m].value.size, size);
                assert_memory_equal(messages[m].value.at, expected, (size_t)size);
            }
        }
    }
    buffer_done(&blocks);
    return (size_t)(next - from);
}

static void every_message_is_read_once_and_in_order(void **state)
{
    trial *trial = *state;
    const char *servers = kafka_mock_servers(mock);
    topic_fill(servers, trial->topic, 0, 0, 3000);
    topic_fill(servers, trial->topic, 2, 0, 10);
    started(trial);
    assert_int_equal(trial->count, 3);
    assert_string_equal(trial->partitions[1].topic, trial->topic);
    assert_int_equal(trial->partitions[2].partition, 2);
    waited(trial, 0, 0, 3000);
    waited(trial, 2, 0, 10);
    topic_fill(servers, trial->topic, 0, 3000, 2000); /* while it runs */
    source_view view = waited(trial, 0, 0, 5000);
    assert_int_equal(view.until, 5000);
    assert_int_equal(view.end, 5000);
    assert_int_equal(view.goal, 5000);
    assert_false(view.finished);
    assert_int_equal(read_numbers(trial, 0, 0, 5000), 5000);
    assert_int_equal(read_numbers(trial, 0, 1234, 4321), 4321 - 1234);
    assert_int_equal(read_numbers(trial, 2, 0, 10), 10);
    assert_int_equal(looked(trial, 1, 0).until, 0);
    source_kafka.release(trial->self, 0, 4000);
    assert_int_equal(read_numbers(trial, 0, 4000, 5000), 1000);
}

/* The first `count` messages of partition 1. */
static void got_first(trial *trial, size_t count, sl_message *got)
{
    buffer blocks = { 0 };
    failure failure = { 0 };
    source_reading reading = { 0 };
    source_messages read = { .at = got, .room = count + 1 };
    started(trial);
    waited(trial, 1, 0, (int64_t)count);
    source_kafka.take(trial->self, 1, 0, (int64_t)count, &blocks);
    assert_int_equal(source_kafka.read(trial->self, (const void *)blocks.at, &reading, &read, &failure),
                     SL_OK);
    assert_int_equal(read.count, count);
    buffer_done(&blocks);
}

static void keys_times_and_tombstones_are_kept(void **state)
{
    trial *trial = *state;
    topic_message sent[] = { { 1, "k", "v", 1234567890123 }, { 1, NULL, "", 5 }, { 1, "gone", NULL, 6 } };
    topic_send(kafka_mock_servers(mock), trial->topic, sent, 3);
    sl_message got[4];
    got_first(trial, 3, got);
    assert_true(sl_text_equal(got[0].key, SL_TEXT("k")));
    assert_true(sl_text_equal(got[0].value, SL_TEXT("v")));
    assert_int_equal(got[0].origin.time_ms, 1234567890123);
    assert_int_equal(got[0].origin.partition, 1);
    assert_null(got[1].key.at);
    assert_non_null(got[1].value.at);
    assert_int_equal(got[1].value.size, 0);
    assert_true(sl_text_equal(got[2].key, SL_TEXT("gone")));
    assert_null(got[2].value.at);
    assert_null(got[0].headers);
}

/* By librdkafka they are taken over one by one, by our own requests they lie in what the broker sent. */
static void headers_are_kept_whoever_reads(trial *trial, const char *reader)
{
    static const char *const headers[] = { "trace", "a1", "empty", "", "trace", "b2", "none", NULL, NULL };
    topic_message sent[] = { { 1, "k", "v", 0 }, { 1, NULL, NULL, 0 }, { 1, NULL, "w", 0 } };
    sl_message got[4];
    sl_text name, value;
    set(trial, "kafka.reader", reader);
    for (size_t i = 0; i < 2; i++)
        topic_send_headers(kafka_mock_servers(mock), trial->topic, &sent[i], headers);
    topic_send(kafka_mock_servers(mock), trial->topic, &sent[2], 1);
    got_first(trial, 3, got);
    for (size_t i = 0; i < 2; i++) {
        assert_true(sl_text_equal(sl_header(&got[i], SL_TEXT("trace")), SL_TEXT("b2")));
        assert_true(sl_header_at(&got[i], 0, &name, &value));
        assert_true(sl_text_equal(name, SL_TEXT("trace")) && sl_text_equal(value, SL_TEXT("a1")));
        assert_non_null(sl_header(&got[i], SL_TEXT("empty")).at);
        assert_true(sl_header_at(&got[i], 3, &name, &value));
        assert_true(sl_text_equal(name, SL_TEXT("none")) && value.at == NULL);
        assert_false(sl_header_at(&got[i], 4, &name, &value));
        assert_null(sl_header(&got[i], SL_TEXT("trac")).at);
    }
    assert_true(sl_text_equal(got[0].value, SL_TEXT("v")));
    assert_null(got[2].headers);
    assert_true(sl_text_equal(got[2].value, SL_TEXT("w")));
}

static void headers_are_kept_by_librdkafka(void **state)
{
    headers_are_kept_whoever_reads(*state, "librdkafka");
}

static void headers_are_kept_by_our_own_requests(void **state)
{
    headers_are_kept_whoever_reads(*state, "fetch");
}

static void it_goes_on_at_given_offsets(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 100);
    topic_fill(kafka_mock_servers(mock), trial->topic, 1, 0, 50);
    trial->spec.start = SOURCE_LATEST; /* counts for partition 1 alone */
    assert_int_equal(started_at(trial, (int64_t[]){ 42, -1, 0 }, &failure), SL_OK);
    assert_int_equal(trial->partitions[0].offset, 42);
    assert_int_equal(trial->partitions[1].offset, 50);
    assert_int_equal(trial->partitions[2].offset, 0);
    waited(trial, 0, 42, 100);
    assert_int_equal(read_numbers(trial, 0, 42, 100), 58);
    topic_fill(kafka_mock_servers(mock), trial->topic, 1, 50, 5);
    waited(trial, 1, 50, 55);
    assert_int_equal(read_numbers(trial, 1, 50, 55), 5);
}

static void a_time_beyond_the_last_message_is_the_end(void **state)
{
    trial *trial = *state;
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 10);
    trial->spec.start = SOURCE_TIMESTAMP;
    trial->spec.start_ms = INT64_C(32503680000000); /* the year 3000 */
    started(trial);
    assert_int_equal(trial->partitions[0].offset, 10);
    assert_int_equal(trial->partitions[1].offset, 0);
}

/* As `sluice reset --to-time` leaves it. */
static void a_partition_may_be_set_back_to_a_time(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 10);
    topic_fill(kafka_mock_servers(mock), trial->topic, 1, 0, 20);
    int64_t future =
        source_at_time(INT64_C(32503680000000)); /* the year 3000; a mock broker knows no other time */
    assert_int_equal(started_at(trial, (int64_t[]){ -1, future, 0 }, &failure), SL_OK);
    assert_int_equal(trial->partitions[0].offset, 0); /* as the settings say */
    assert_int_equal(trial->partitions[1].offset, 20);
}

/* The mock broker finds no record by its time, as no broker does whose records have none. */
static void a_partition_that_is_to_be_read_from_its_begin_is(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    topic_fill(kafka_mock_servers(mock), trial->topic, 2, 0, 8);
    trial->spec.start = SOURCE_LATEST;
    assert_int_equal(started_at(trial, (int64_t[]){ 0, -1, SOURCE_BEGIN }, &failure), SL_OK);
    assert_int_equal(trial->partitions[2].offset, 0);
    waited(trial, 2, 0, 8);
    assert_int_equal(read_numbers(trial, 2, 0, 8), 8);
}

static void available_now_ends_at_the_ends_found_at_start(void **state)
{
    trial *trial = *state;
    const char *servers = kafka_mock_servers(mock);
    topic_fill(servers, trial->topic, 0, 0, 100);
    trial->spec.available_now = true;
    started(trial);
    topic_fill(servers, trial->topic, 0, 100, 100);
    topic_fill(servers, trial->topic, 1, 0, 1);
    source_view view = waited(trial, 0, 0, 100);
    assert_int_equal(view.until, 100);
    assert_true(view.finished);
    view = looked(trial, 1, 0);
    assert_int_equal(view.until, 0);
    assert_true(view.finished);
    assert_true(looked(trial, 2, 0).finished);
    failure failure = { 0 };
    assert_int_equal(source_kafka.look(trial->self, &(source_wish){ 0, 0, 60, SIZE_MAX }, &view, &failure),
                     SL_OK);
    assert_int_equal(view.until, 60);
    assert_int_equal(view.goal, 100);
    assert_false(view.finished);
}

static void what_is_gathered_is_bounded_and_goes_on_after_release(void **state)
{
    trial *trial = *state;
    enum { COUNT = 60000 };
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, COUNT);
    trial->spec.bytes_max = 200000; /* of about 2 MB */
    started(trial);
    int64_t at = 0;
    while (at < COUNT) {
        source_view view = waited(trial, 0, at, at + 1);
        assert_true(view.bytes < 200000 + 10000 * 64); /* one helping more */
        assert_int_equal(read_numbers(trial, 0, at, view.until), view.until - at);
        at = view.until;
        source_kafka.release(trial->self, 0, at);
    }
    assert_int_equal(at, COUNT);
}

static void a_missing_topic_may_still_come(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    trial->spec.target = "not-there";
    assert_int_equal(opened(trial, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "\"not-there\" does not exist"));
    assert_non_null(strstr(failure.text, "kafka.bootstrap.servers"));
    failure_clear(&failure); /* asking did not make it */
    assert_int_equal(opened(trial, &failure), SL_RETRY);
}

static void a_server_that_is_away_is_told_with_its_setting(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    set(trial, "kafka.bootstrap.servers", "127.0.0.1:1");
    assert_int_equal(opened(trial, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "127.0.0.1:1"));
    assert_non_null(strstr(failure.text, "kafka.bootstrap.servers"));
}

static void no_topic_is_a_mistake(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    trial->spec.target = "";
    assert_int_equal(opened(trial, &failure), SL_USAGE);
}

static void a_position_outside_the_partition_is_data_loss(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 10);
    assert_int_equal(started_at(trial, (int64_t[]){ 11, 0, 0 }, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "ends at offset 10"));
}

/* The mock cluster keeps 5 MiB of a partition: what was there first is gone. */
static void a_position_that_retention_took_is_data_loss(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    char *large = malloc(1001);
    memset(large, 'x', 1000);
    large[1000] = '\0';
    topic_message *messages = calloc(10000, sizeof *messages);
    for (int i = 0; i < 10000; i++)
        messages[i] = (topic_message){ 0, NULL, large, 0 };
    topic_send(kafka_mock_servers(mock), trial->topic, messages, 10000);
    free(messages);
    free(large);
    assert_int_equal(started_at(trial, (int64_t[]){ 1, 0, 0 }, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "begins at offset"));
    failure_clear(&failure);
    source_kafka.close(trial->self);
    assert_int_equal(started_at(trial, NULL, &failure), SL_OK); /* earliest is where it begins now */
    assert_true(trial->partitions[0].offset > 1);
    waited(trial, 0, trial->partitions[0].offset, 10000);
}

static void positions_are_told_to_the_group(void **state)
{
    trial *trial = *state;
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 10);
    set(trial, "kafka.group.id", "old-name");
    started(trial);
    waited(trial, 0, 0, 10);
    source_partition partitions[] = { { .topic = trial->topic, .offset = 3 },
                                      { .topic = trial->topic, .partition = 1 },
                                      { .topic = trial->topic, .partition = 2 } };
    for (; partitions[0].offset <= 10; partitions[0].offset++)
        source_kafka.commit(trial->self, partitions, 3);
    source_kafka.close(trial->self); /* sends the last ones */
    trial->self = NULL;
    assert_int_equal(topic_committed(kafka_mock_servers(mock), "old-name", trial->topic, 0), 10);
    assert_int_equal(topic_committed(kafka_mock_servers(mock), "old-name", trial->topic, 1), 0);
}

static void positions_are_told_while_the_job_reads(void **state)
{
    trial *trial = *state;
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 10);
    set(trial, "kafka.group.id", "running");
    started(trial);
    waited(trial, 0, 0, 10);
    for (int64_t offset = 4; offset <= 10; offset += 3) {
        source_partition partition = { .topic = trial->topic, .offset = offset };
        int64_t told = -1;
        source_kafka.commit(trial->self, &partition, 1);
        for (int tries = 0; told != offset && tries < 1000; tries++)
            told = topic_committed(kafka_mock_servers(mock), "running", trial->topic, 0);
        assert_int_equal(told, offset);
    }
}

static void a_broker_that_comes_back_loses_nothing(void **state)
{
    trial *trial = *state;
    const char *servers = kafka_mock_servers(mock);
    topic_fill(servers, trial->topic, 0, 0, 100);
    topic_fill(servers, trial->topic, 1, 0, 100);
    started(trial);
    waited(trial, 0, 0, 100);
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(mock), -1);
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(mock), -1);
    topic_fill(servers, trial->topic, 0, 100, 100);
    topic_fill(servers, trial->topic, 1, 100, 100);
    waited(trial, 0, 0, 200);
    waited(trial, 1, 0, 200);
    assert_int_equal(read_numbers(trial, 0, 0, 200), 200);
    assert_int_equal(read_numbers(trial, 1, 0, 200), 200);
}

/* A fetch that is answered with "out of range" stops the partition for good. */
static void records_that_vanish_while_running_are_data_loss(void **state)
{
    trial *trial = *state;
    source_view view;
    failure failure = { 0 };
    started(trial);
    rd_kafka_resp_err_t errors[20];
    for (int i = 0; i < 20; i++)
        errors[i] = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    rd_kafka_mock_push_request_errors_array(kafka_mock_cluster(mock), 1 /* Fetch */, 20, errors);
    sl_result result = SL_OK;
    while (result == SL_OK) {
        unsigned seen = wakes_count(&trial->wakes);
        for (uint32_t i = 0; i < 3 && result == SL_OK; i++)
            result = source_kafka.look(trial->self, &(source_wish){ i, 0, 10, SIZE_MAX }, &view, &failure);
        if (result == SL_OK)
            assert_true(wakes_wait(&trial->wakes, seen));
    }
    rd_kafka_mock_clear_request_errors(kafka_mock_cluster(mock), 1);
    assert_int_equal(result, SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, trial->topic));
}

/* The broker says that nothing is there, and when asked where it begins, that it is: the job reads on. */
static void with_skip_a_partition_is_read_on_from_where_it_begins(void **state)
{
    trial *trial = *state;
    set(trial, "input.on_data_loss", "skip");
    topic_fill(kafka_mock_servers(mock), trial->topic, 0, 0, 100);
    rd_kafka_resp_err_t errors[3];
    for (int i = 0; i < 3; i++)
        errors[i] = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    rd_kafka_mock_push_request_errors_array(kafka_mock_cluster(mock), 1 /* Fetch */, 3, errors);
    started(trial);
    waited(trial, 0, 0, 100);
    assert_int_equal(read_numbers(trial, 0, 0, 100), 100);
    rd_kafka_mock_clear_request_errors(kafka_mock_cluster(mock), 1);
}

static void a_wrong_setting_is_told(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    set(trial, "kafka.fetch.wait.max", "10");
    assert_int_equal(opened(trial, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "fetch.wait.max"));
}

#define with_a_topic(test) cmocka_unit_test_setup_teardown(test, make_topic, close_topic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_a_topic(every_message_is_read_once_and_in_order),
        with_a_topic(keys_times_and_tombstones_are_kept),
        with_a_topic(headers_are_kept_by_librdkafka),
        with_a_topic(headers_are_kept_by_our_own_requests),
        with_a_topic(it_goes_on_at_given_offsets),
        with_a_topic(a_time_beyond_the_last_message_is_the_end),
        with_a_topic(a_partition_may_be_set_back_to_a_time),
        with_a_topic(available_now_ends_at_the_ends_found_at_start),
        with_a_topic(what_is_gathered_is_bounded_and_goes_on_after_release),
        with_a_topic(a_missing_topic_may_still_come),
        with_a_topic(a_server_that_is_away_is_told_with_its_setting),
        with_a_topic(no_topic_is_a_mistake),
        with_a_topic(a_position_outside_the_partition_is_data_loss),
        with_a_topic(a_position_that_retention_took_is_data_loss),
        with_a_topic(positions_are_told_to_the_group),
        with_a_topic(a_partition_that_is_to_be_read_from_its_begin_is),
        with_a_topic(positions_are_told_while_the_job_reads),
        with_a_topic(a_broker_that_comes_back_loses_nothing),
        with_a_topic(records_that_vanish_while_running_are_data_loss),
        with_a_topic(with_skip_a_partition_is_read_on_from_where_it_begins),
        with_a_topic(a_wrong_setting_is_told),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
