/*
 * tests/sinks/kafka.c - the Kafka sink against librdkafka's mock cluster; the topic is read back with a plain consumer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <servers/topic.h>
#include <sinks/sink.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const sink_kind sink_kafka;

#define PLAY_FIELDS(F) F(origin, origin) F(text, track) F(i64, plays)
SL_RECORD(play, PLAY_FIELDS);

enum { WRITERS = 2, BATCH_MS = 1000 };

typedef struct trial {
    settings *settings;
    origin_name names[1];
    origins origins;
    sl_output output;
    document *document;
    atomic_bool stop;
    sink_spec spec;
    sink_batch batch;
    buffer exceptions[WRITERS];
    void *self;
    char topic[32], job[32];
    int64_t deadline_ns; /* of opening */
} trial;

static kafka_mock *mock;
static unsigned trials;

static int start_mock(void **state)
{
    (void)state;
    failure failure = { 0 };
    return kafka_mock_open(1, &mock, &failure) == SL_OK ? 0 : -1;
}

static int stop_mock(void **state)
{
    (void)state;
    kafka_mock_close(mock);
    return 0;
}

static int make_trial(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    failure failure = { 0 };
    snprintf(trial->topic, sizeof trial->topic, "topic-%u", ++trials);
    trial->settings = topic_settings(kafka_mock_servers(mock));
    static char topic[] = "in", id[] = "in-0-";
    trial->names[0] = (origin_name){ .topic = topic, .id = id, .id_size = strlen(id) };
    trial->origins = (origins){ trial->names, 1 };
    trial->output = (sl_output){ .name = "plays", .id = SL_FIELDS(play, origin) };
    trial->batch =
        (sink_batch){ .id = 1, .time_ms = BATCH_MS, .attempt = 1, .exceptions = trial->exceptions };
    *state = trial;
    return kafka_mock_topic(mock, trial->topic, 2, &failure) == SL_OK ? 0 : -1;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    sink_kafka.close(trial->self);
    document_free(trial->document);
    settings_free(trial->settings);
    for (int i = 0; i < WRITERS; i++)
        buffer_done(&trial->exceptions[i]);
    free(trial);
    return 0;
}

static sl_result opened(trial *trial, const char *target, failure *failure)
{
    if (trial->document == NULL)
        trial->document = document_new(play_schema(), &trial->output.id, &trial->origins);
    trial->spec = (sink_spec){ .output = &trial->output,
                               .schema = play_schema(),
                               .document = trial->document,
                               .origins = &trial->origins,
                               .target = target,
                               .settings = trial->settings,
                               .job = trial->job[0] ? trial->job : "trial",
                               .writers = WRITERS,
                               .deadline_ns = trial->deadline_ns,
                               .stop = &trial->stop };
    return sink_kafka.open(&trial->spec, &trial->self, failure);
}

static void begun(trial *trial)
{
    failure failure = { 0 };
    for (int i = 0; i < WRITERS; i++)
        trial->exceptions[i].size = 0;
    if (trial->self == NULL)
        assert_int_equal(opened(trial, trial->topic, &failure), SL_OK);
    if (sink_kafka.begin(trial->self, &trial->batch, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

static sl_result written(trial *trial, unsigned writer, const play *plays, size_t count, failure *failure)
{
    sink_rows rows = { plays, count, 0 };
    SL_TRY(sink_kafka.rows(trial->self, writer, &rows, failure));
    return sink_kafka.flush(trial->self, writer, failure);
}

static void assert_written(trial *trial, unsigned writer, const play *plays, size_t count)
{
    failure failure = { 0 };
    if (written(trial, writer, plays, count, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

static void assert_topic(const char *topic, const char *expected)
{
    char *read = topic_read(kafka_mock_servers(mock), topic);
    assert_string_equal(read, expected);
    free(read);
}

static const play two_plays[] = {
    { { 7, 1500, 0 }, { "453", 3 }, 2 },
    { { 8, 2000, 0 }, { "56", 2 }, 1 },
};

static void documents_have_their_id_as_key(void **state)
{
    trial *trial = *state;
    begun(trial);
    assert_written(trial, 1, two_plays, 2);
    assert_topic(trial->topic,
                 "in-0-7={\"@timestamp\":\"1970-01-01T00:00:01.500Z\",\"track\":\"453\",\"plays\":2}\n"
                 "in-0-8={\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"track\":\"56\",\"plays\":1}\n");
    assert_int_equal(trial->exceptions[1].size, 0);
}

static void documents_without_id_have_no_key(void **state)
{
    trial *trial = *state;
    trial->output.id = (sl_fields){ 0 };
    begun(trial);
    assert_written(trial, 0, two_plays, 1);
    assert_topic(trial->topic,
                 "~={\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track\":\"453\",\"plays\":2}\n");
}

static void an_id_of_fields_is_the_key(void **state)
{
    trial *trial = *state;
    trial->output.id = SL_FIELDS(play, track, plays);
    begun(trial);
    assert_written(trial, 0, two_plays, 1);
    assert_topic(trial->topic,
                 "453-2={\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track\":\"453\",\"plays\":2}\n");
}

static void csv_is_a_line_a_message_without_its_end(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, "kafka.format", "csv", "test", &failure), SL_OK);
    begun(trial);
    assert_written(trial, 1, two_plays, 2);
    assert_topic(trial->topic, "in-0-7=1970-01-01T00:00:01.500Z,453,2\n"
                               "in-0-8=1970-01-01T00:00:02.000Z,56,1\n");
}

static void raw_outputs_are_written_as_they_are(void **state)
{
    trial *trial = *state;
    trial->output.raw = SL_FIELDS(play, track);
    begun(trial);
    assert_written(trial, 0, two_plays, 2);
    assert_topic(trial->topic, "~=453\n~=56\n");
}

static void the_topic_is_the_target_the_index_or_the_name(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    char name[40];
    snprintf(name, sizeof name, "%s-name", trial->topic);
    trial->output.name = name;
    trial->output.raw = SL_FIELDS(play, track);
    assert_int_equal(kafka_mock_topic(mock, name, 1, &failure), SL_OK);
    assert_int_equal(opened(trial, "", &failure), SL_OK);
    begun(trial);
    assert_written(trial, 0, two_plays, 1);
    sink_kafka.close(trial->self);
    trial->output.index = trial->topic;
    assert_int_equal(opened(trial, "", &failure), SL_OK);
    begun(trial);
    assert_written(trial, 0, two_plays + 1, 1);
    assert_topic(name, "~=453\n");
    assert_topic(trial->topic, "~=56\n");
}

typedef struct share { /* of one writing thread */
    trial *trial;
    unsigned writer;
    sl_result result;
} share;

enum { MANY = 20000 };

static void *share_run(void *argument)
{
    share *share = argument;
    failure failure = { 0 };
    for (int64_t i = 0; i < MANY && share->result == SL_OK; i++) {
        play row = { { i * WRITERS + share->writer, 0, 0 }, { "t", 1 }, i };
        sink_rows rows = { &row, 1, (uint64_t)i };
        share->result = sink_kafka.rows(share->trial->self, share->writer, &rows, &failure);
    }
    if (share->result == SL_OK)
        share->result = sink_kafka.flush(share->trial->self, share->writer, &failure);
    return NULL;
}

static void many_rows_of_several_writers_all_arrive(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(
        settings_set(trial->settings, "kafka.queue.buffering.max.messages", "1000", "test", &failure),
        SL_OK); /* rows() waits for room */
    begun(trial);
    share shares[WRITERS] = { { trial, 0, SL_OK }, { trial, 1, SL_OK } };
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, share_run, &shares[i]);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shares[0].result, SL_OK);
    assert_int_equal(shares[1].result, SL_OK);
    char *read = topic_read(kafka_mock_servers(mock), trial->topic);
    size_t lines = 0;
    char *last = NULL;
    for (char *line = read, *next; (next = strchr(line, '\n')) != NULL; line = next + 1, lines++) {
        *next = '\0';
        assert_true(last == NULL || strcmp(last, line) != 0); /* sorted: a repeat would stand beside it */
        last = line;
    }
    assert_int_equal(lines, MANY * WRITERS);
    free(read);
}

static void short_troubles_are_gone_through(void **state)
{
    trial *trial = *state;
    begun(trial);
    rd_kafka_mock_push_request_errors(kafka_mock_cluster(mock), 0 /* Produce */, 3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    assert_written(trial, 0, two_plays, 2);
    char *read = topic_read(kafka_mock_servers(mock), trial->topic);
    assert_non_null(strstr(read, "in-0-7="));
    assert_non_null(strstr(read, "in-0-8="));
    free(read);
}

static void a_server_that_is_away_too_long_fails_the_attempt(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, "sink.timeout", "300ms", "test", &failure), SL_OK);
    begun(trial);
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(mock), -1);
    assert_int_equal(written(trial, 0, two_plays, 2, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, trial->topic));
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(mock), -1);
    trial->batch.attempt = 2;
    sl_result result = SL_RETRY; /* the client takes a moment to find the server again */
    for (int i = 0; i < 20 && result == SL_RETRY; i++) {
        failure_clear(&failure);
        begun(trial);
        result = written(trial, 0, two_plays, 2, &failure);
    }
    assert_int_equal(result, SL_OK);
    char *read = topic_read(kafka_mock_servers(mock), trial->topic);
    assert_non_null(strstr(read, "in-0-7="));
    assert_non_null(strstr(read, "in-0-8="));
    free(read);
}

static void a_message_that_is_too_large_is_refused_alone(void **state)
{
    trial *trial = *state;
    size_t size = 2000000;
    char *large = calloc(1, size);
    memset(large, 'x', size);
    play rows[] = { two_plays[0], { { 9, 1, 0 }, { large, size }, 1 }, two_plays[1] };
    begun(trial);
    assert_written(trial, 1, rows, 3);
    assert_int_equal(trial->exceptions[1].size, sizeof(sink_exception));
    const sink_exception *exception = (const void *)trial->exceptions[1].at;
    assert_int_equal(exception->origin.offset, 9);
    assert_true(exception->refused);
    assert_true(exception->detail[0] != '\0');
    char *read = topic_read(kafka_mock_servers(mock), trial->topic);
    assert_non_null(strstr(read, "in-0-8="));
    assert_null(strstr(read, "in-0-9="));
    free(read);
    free(large);
}

static void a_refusal_by_the_server_is_noted_too(void **state)
{
    trial *trial = *state;
    begun(trial);
    rd_kafka_mock_push_request_errors(kafka_mock_cluster(mock), 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_written(trial, 0, two_plays, 1);
    assert_int_equal(trial->exceptions[0].size, sizeof(sink_exception));
    begun(trial); /* the next batch goes through */
    assert_written(trial, 0, two_plays + 1, 1);
    char *read = topic_read(kafka_mock_servers(mock), trial->topic);
    assert_non_null(strstr(read, "in-0-8="));
    free(read);
}

static void whole_lists_are_written_when_they_changed(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    trial->output.id = SL_FIELDS(play, track);
    begun(trial);
    sl_text fallen[] = { { "9", 1 } };
    sink_group groups[] = { { &two_plays[0], two_plays, 1, true, fallen, 1 },
                            { &two_plays[1], two_plays + 1, 1, false, NULL, 0 } };
    assert_int_equal(sink_kafka.replace(trial->self, groups, 2, &failure), SL_OK);
    assert_int_equal(sink_kafka.commit(trial->self, &failure), SL_OK);
    assert_topic(trial->topic,
                 "453={\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track\":\"453\",\"plays\":2}\n9=~\n");
}

static void a_start_waits_no_longer_than_it_may(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(
        settings_set(trial->settings, "kafka.bootstrap.servers", "127.0.0.1:1", "test", &failure), SL_OK);
    int64_t start_ns = clock_ns(&clock_system);
    trial->deadline_ns = start_ns + 300000000;
    assert_int_equal(opened(trial, trial->topic, &failure), SL_RETRY);
    assert_true(clock_ns(&clock_system) - start_ns < INT64_C(4500000000)); /* 5 s without the deadline */
}

static void a_server_that_is_away_at_the_start_may_still_come(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(
        settings_set(trial->settings, "kafka.bootstrap.servers", "127.0.0.1:1", "test", &failure), SL_OK);
    assert_int_equal(opened(trial, trial->topic, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "kafka.bootstrap.servers"));
    assert_null(trial->self);
}

#define with_a_topic(test) cmocka_unit_test_setup_teardown(test, make_trial, close_trial)

/* ---- Exactly once ------------------------------------------------------------------------------------------------ */

static void begun_anew(trial *trial)
{
    sink_kafka.close(trial->self);
    trial->self = NULL;
    begun(trial);
}

static void committed(trial *trial)
{
    failure failure = { 0 };
    for (unsigned writer = 0; writer < WRITERS; writer++)
        assert_int_equal(sink_kafka.flush(trial->self, writer, &failure), SL_OK);
    if (sink_kafka.commit(trial->self, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

static void exactly_once(trial *trial)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, "kafka.exactly_once", "true", "test", &failure), SL_OK);
    snprintf(trial->job, sizeof trial->job, "trial-%u", trials); /* a group of its own */
}

#define TWO_DOCUMENTS                                                                                        \
    "in-0-7={\"@timestamp\":\"1970-01-01T00:00:01.500Z\",\"track\":\"453\",\"plays\":2}\n"                   \
    "in-0-8={\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"track\":\"56\",\"plays\":1}\n"

static void a_batch_whose_transaction_is_done_is_not_sent_again(void **state)
{
    trial *trial = *state;
    static const origin_reach reached[] = { { "a \"file\"", 1, 99, "1 2 3 f" } };
    exactly_once(trial);
    trial->batch.reached = reached;
    trial->batch.reached_count = 1;
    begun(trial);
    assert_written(trial, 0, two_plays, 2);
    committed(trial);
    begun(trial); /* it failed elsewhere, and comes again */
    assert_written(trial, 1, two_plays, 2);
    committed(trial);
    assert_topic(trial->topic,
                 TWO_DOCUMENTS); /* the next process: tests/system/ship.c, on a broker that keeps the word */
}

static void another_batch_of_the_same_id_is_sent(void **state)
{
    trial *trial = *state;
    exactly_once(trial);
    begun(trial);
    assert_written(trial, 0, two_plays, 1);
    committed(trial);
    trial->batch.time_ms += 5000; /* the work folder was lost: numbers begin again, times do not */
    begun_anew(trial);
    assert_written(trial, 0, two_plays + 1, 1);
    committed(trial);
    assert_topic(trial->topic, TWO_DOCUMENTS);
}

static void batches_without_rows_commit_nothing(void **state)
{
    trial *trial = *state;
    char group[60];
    exactly_once(trial);
    for (int i = 0; i < 3; i++) {
        begun(trial);
        committed(trial);
        trial->batch.id++;
    }
    snprintf(group, sizeof group, "sluice-%s", trial->job);
    assert_int_equal(topic_committed(kafka_mock_servers(mock), group, trial->topic, 0), -1001);
    begun(trial);
    assert_written(trial, 0, two_plays, 2);
    committed(trial);
    assert_topic(trial->topic, TWO_DOCUMENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_a_topic(documents_have_their_id_as_key),
        with_a_topic(documents_without_id_have_no_key),
        with_a_topic(csv_is_a_line_a_message_without_its_end),
        with_a_topic(an_id_of_fields_is_the_key),
        with_a_topic(raw_outputs_are_written_as_they_are),
        with_a_topic(the_topic_is_the_target_the_index_or_the_name),
        with_a_topic(many_rows_of_several_writers_all_arrive),
        with_a_topic(short_troubles_are_gone_through),
        with_a_topic(a_server_that_is_away_too_long_fails_the_attempt),
        with_a_topic(a_message_that_is_too_large_is_refused_alone),
        with_a_topic(a_refusal_by_the_server_is_noted_too),
        with_a_topic(whole_lists_are_written_when_they_changed),
        with_a_topic(a_start_waits_no_longer_than_it_may),
        with_a_topic(a_server_that_is_away_at_the_start_may_still_come),
        with_a_topic(a_batch_whose_transaction_is_done_is_not_sent_again),
        with_a_topic(another_batch_of_the_same_id_is_sent),
        with_a_topic(batches_without_rows_commit_nothing),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
