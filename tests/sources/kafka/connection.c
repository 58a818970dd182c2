/*
 * tests/sources/kafka/connection.c - connections to librdkafka's mock brokers, and to some that break every rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <pthread.h>
#include <servers/fake_broker.h>
#include <sources/kafka/protocol.h>
#include <sources/shared/fetch_spec.h>
#include <sources/shared/hex.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

/* Long where it must not be reached, since the machine may be busy; short where it has to be. */
static const char *const patient[] = { "kafka.socket.connection.setup.timeout.ms", "60000",
                                       "kafka.socket.timeout.ms", "60000", NULL };
static const char *const hasty[] = { "kafka.socket.connection.setup.timeout.ms", "1000",
                                     "kafka.socket.timeout.ms", "300", NULL };

typedef struct trial {
    fake_broker *broker;
    kafka_spec *spec;
    connection *connection;
    failure failure;
} trial;

static void trial_begin(trial *trial, void (*play)(int socket, void *argument), const char *const *settings)
{
    *trial = (struct trial){ .spec = fetch_spec("127.0.0.1:1", settings) };
    if (play)
        trial->broker = fake_broker_start(play, trial);
    trial->connection = connection_new(trial->spec);
}

static sl_result trial_open(trial *trial)
{
    return connection_open(trial->connection, "127.0.0.1", fake_broker_port(trial->broker), &trial->failure);
}

static void trial_end(trial *trial)
{
    connection_free(trial->connection);
    fake_broker_stop(trial->broker);
    kafka_spec_free(trial->spec);
}

static void assert_text(const trial *trial, const char *part)
{
    if (strstr(trial->failure.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", trial->failure.text, part);
}

static sl_result ask_metadata(trial *trial, arena *arena, metadata *metadata)
{
    static const char *const names[] = { "t" };
    return metadata_get(trial->connection, &(metadata_ask){ names, 1 }, arena, metadata, &trial->failure);
}

/* A question that has to fail, with this in the text. */
static void assert_metadata_fails(trial *trial, const char *part)
{
    arena arena = { 0 };
    metadata metadata;
    assert_int_equal(ask_metadata(trial, &arena, &metadata), SL_RETRY);
    assert_text(trial, part);
    assert_text(trial, connection_name(trial->connection));
    assert_false(connection_is_open(trial->connection));
    arena_done(&arena);
}

/* ---- The mock brokers ---- */

static kafka_mock *mock;

static int start_mock(void **state)
{
    (void)state;
    failure failure = { 0 };
    return kafka_mock_open(1, &mock, &failure) == SL_OK && kafka_mock_topic(mock, "t", 2, &failure) == SL_OK
               ? 0
               : -1;
}

static int stop_mock(void **state)
{
    (void)state;
    kafka_mock_close(mock);
    return 0;
}

static void mock_begin(trial *trial)
{
    *trial = (struct trial){ .spec = fetch_spec(kafka_mock_servers(mock), patient) };
    trial->connection = connection_new(trial->spec);
    const kafka_server_name *server = &trial->spec->servers[0];
    if (connection_open(trial->connection, server->host, server->port, &trial->failure) != SL_OK)
        fail_msg("%s", trial->failure.text);
}

static void a_mock_broker_tells_its_topics(void **state)
{
    (void)state;
    static const char *const names[] = { "absent", "t" };
    trial trial;
    arena arena = { 0 };
    metadata metadata;
    mock_begin(&trial);
    assert_int_equal(
        metadata_get(trial.connection, &(metadata_ask){ names, 2 }, &arena, &metadata, &trial.failure),
        SL_OK);
    assert_int_equal(metadata.broker_count, 1);
    assert_int_equal(metadata.brokers[0].port, trial.spec->servers[0].port);
    assert_string_equal(metadata.brokers[0].host, "127.0.0.1");
    assert_int_equal(metadata.topics[0].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(metadata.topics[1].error, 0);
    assert_int_equal(metadata.topics[1].count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(metadata.topics[1].partitions[i].leader, metadata.brokers[0].id);
    arena_done(&arena);
    trial_end(&trial);
}

static void assert_offset(trial *trial, const protocol_topic *topic, int64_t time_ms, int64_t expected)
{
    offsets_part part = { .topic = topic, .partition = 1, .leader_epoch = -1, .time_ms = time_ms };
    int32_t throttle_ms = -1;
    if (offsets_get(trial->connection, &part, 1, &throttle_ms, &trial->failure) != SL_OK)
        fail_msg("%s", trial->failure.text);
    assert_int_equal(part.error, 0);
    assert_int_equal(part.offset, expected);
    assert_int_equal(throttle_ms, 0);
}

static void a_mock_broker_gives_offsets_and_records(void **state)
{
    (void)state;
    trial trial;
    protocol_topic topic = { .name = "t" };
    fetch_part part = { &topic, 1, -1, -1, 0, 1 << 20 };
    fetch_ask ask = { &part, 1, 100, 1, 1 << 20 };
    fetch_answer answer = { 0 };
    fetch_slice slice;
    topic_fill(kafka_mock_servers(mock), "t", 1, 0, 3);
    mock_begin(&trial);
    assert_offset(&trial, &topic, OFFSETS_BEGIN, 0);
    assert_offset(&trial, &topic, OFFSETS_END, 3);
    assert_int_equal(fetch_send(trial.connection, &ask, &trial.failure), SL_OK);
    assert_int_equal(fetch_begin(trial.connection, &ask, &answer, &trial.failure), SL_OK);
    assert_int_equal(answer.error, 0);
    assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
    assert_ptr_equal(slice.part, &part);
    assert_int_equal(slice.error, 0);
    assert_int_equal(slice.high_watermark, 3);
    assert_true(slice.bytes > 61); /* a batch's header */
    char *records = malloc(slice.bytes);
    assert_int_equal(fetch_records(&answer, records, slice.bytes, &trial.failure), SL_OK);
    assert_int_equal(records[16], 2); /* the magic byte: batches of version 2 */
    free(records);
    assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
    assert_null(slice.part);
    fetch_answer_done(&answer);
    trial_end(&trial);
}

/* ---- Brokers that cannot be reached ---- */

static void a_port_where_nobody_listens_is_told(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, NULL, patient);
    assert_int_equal(connection_open(trial.connection, "127.0.0.1", 1, &trial.failure), SL_RETRY);
    assert_string_equal(trial.failure.text, "kafka at 127.0.0.1:1: Connection refused");
    assert_false(connection_is_open(trial.connection));
    trial_end(&trial);
}

static void a_name_that_nobody_knows_is_told(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, NULL, patient);
    assert_int_equal(connection_open(trial.connection, "no-such-broker.invalid", 9092, &trial.failure),
                     SL_RETRY);
    assert_text(&trial, "kafka at no-such-broker.invalid:9092: looking the name up: ");
    trial_end(&trial);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    trial trial;
    mock_begin(&trial);
    connection_close(trial.connection);
    int port = trial.spec->servers[0].port;
    if (connection_open(trial.connection, "localhost", port, &trial.failure) != SL_OK)
        fail_msg("%s", trial.failure.text);
    trial_end(&trial);
}

static void a_question_without_a_connection_fails(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, NULL, patient);
    assert_metadata_fails(&trial, "not connected");
    trial_end(&trial);
}

/* ---- Brokers that misbehave ---- */

static void play_silence(int socket, void *argument)
{
    (void)argument;
    fake_broker_wait(socket);
}

static void a_broker_that_never_answers_is_given_up(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, play_silence, hasty);
    assert_int_equal(trial_open(&trial), SL_RETRY);
    assert_text(&trial, "not ready within the time (kafka.socket.connection.setup.timeout.ms)");
    trial_end(&trial);
}

static void play_greeting(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 };
    if (fake_broker_greet(socket, &request))
        fake_broker_wait(socket);
    buffer_done(&request);
}

static void a_broker_that_stops_answering_is_given_up(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, play_greeting, hasty);
    assert_int_equal(trial_open(&trial), SL_OK);
    assert_metadata_fails(&trial, "nothing came for 300 ms (kafka.socket.timeout.ms)");
    trial_end(&trial);
}

/* What a broker may say, as bytes, when it is asked for metadata; then it hangs up. */
static const char *bytes_told;

static void play_bytes(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 }, bytes = hex(bytes_told);
    if (fake_broker_greet(socket, &request) && fake_broker_request(socket, &request)) {
        for (size_t i = 0; i + 4 <= bytes.size; i++) /* 'corr' stands for the request's number */
            if (memcmp(bytes.at + i, "corr", 4) == 0)
                memcpy(bytes.at + i, request.at + 4, 4);
        fake_broker_send(socket, bytes.at, bytes.size);
    }
    buffer_done(&request);
    buffer_done(&bytes);
}

static void assert_told(const char *bytes, const char *part)
{
    trial trial;
    bytes_told = bytes;
    trial_begin(&trial, play_bytes, patient);
    if (trial_open(&trial) != SL_OK)
        fail_msg("%s", trial.failure.text);
    assert_metadata_fails(&trial, part);
    trial_end(&trial);
}

static void rubbish_is_told_and_ends_the_connection(void **state)
{
    (void)state;
    assert_told("'HTTP/1.1 400 Bad Request'",
                "an answer of 1213486160 bytes, when kafka.receive.message.max.bytes is 100000000; is "
                "kafka.security.protocol right for this port?");
    assert_told("ffffffff", "an answer of 4294967295 bytes");
    assert_told("00000004 7fffffff", "answers request 2147483647 instead of ");
    assert_told("00000002 0000", "an answer that makes no sense: in Metadata, byte 0 of 2: the end");
    assert_told("00000008 'corr' 00000000", "an answer that makes no sense: in the brokers, byte 8 of 8");
    assert_told("0000000c 'corr' 00000000 7fffffff", "more elements than can follow (2147483647)");
}

static void a_broker_that_hangs_up_is_told(void **state)
{
    (void)state;
    assert_told("", "the broker closed the connection; is kafka.security.protocol right for this port?");
    assert_told("0000", "the broker closed the connection");
    assert_told("00000100 'corr' 00000000", "the broker closed the connection");
}

static void play_only_new_fetches(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 };
    if (fake_broker_request(socket, &request) && fake_broker_answer(socket, &request, "0023 00000000") &&
        fake_broker_request(socket, &request) &&
        fake_broker_answer(socket, &request, "0000 00000001 0001 0020 0030"))
        fake_broker_wait(socket);
    buffer_done(&request);
}

static void a_broker_that_is_too_new_is_told(void **state)
{
    (void)state;
    trial trial;
    protocol_topic topic = { .name = "t" };
    fetch_part part = { &topic, 0, -1, -1, 0, 1 };
    fetch_ask ask = { &part, 1, 0, 1, 1 };
    trial_begin(&trial, play_only_new_fetches, patient);
    assert_int_equal(trial_open(&trial), SL_OK);
    assert_int_equal(fetch_send(trial.connection, &ask, &trial.failure), SL_FAILED);
    assert_text(&trial, "speaks Fetch in versions 32 to 48, and our own reader 4 to 13");
    trial_end(&trial);
}

static void play_refusal(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 };
    if (fake_broker_request(socket, &request) && fake_broker_answer(socket, &request, "0029 00000000"))
        fake_broker_wait(socket);
    buffer_done(&request);
}

static void a_broker_that_does_not_tell_its_versions_is_told(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, play_refusal, patient);
    assert_int_equal(trial_open(&trial), SL_RETRY);
    assert_text(&trial, "an answer that makes no sense");
    trial_end(&trial);
}

/* ---- Answers of every size ---- */

enum { PIECE = 1000003, PIECES = 5 };

/* A Fetch answer (version 11) with PIECES partitions, each PIECE bytes: the number of the byte modulo 251. */
static void play_large(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 }, out = { 0 };
    if (fake_broker_greet(socket, &request) && fake_broker_request(socket, &request)) {
        hex_append(&out, "00000000");
        buffer_append(&out, request.at + 4, 4);
        hex_append(&out, "00000000 0000 00000000 00000001 0001't' 00000005");
        for (int i = 0; i < PIECES; i++) {
            hex_append(&out, "000000");
            buffer_byte(&out, (char)i);
            hex_append(&out,
                       "0000 0000000000000064 0000000000000064 0000000000000000 ffffffff ffffffff 000f4243");
            for (int at = 0; at < PIECE; at++)
                buffer_byte(&out, (char)(unsigned char)((at + i) % 251));
        }
        uint32_t size = (uint32_t)out.size - 4;
        for (int i = 0; i < 4; i++)
            out.at[i] = (char)(size >> (24 - 8 * i));
        fake_broker_send(socket, out.at, out.size);
        fake_broker_wait(socket);
    }
    buffer_done(&request);
    buffer_done(&out);
}

static void large_begin(trial *trial, fetch_part parts[PIECES], fetch_ask *ask, fetch_answer *answer)
{
    static const protocol_topic topic = { .name = "t" };
    for (int i = 0; i < PIECES; i++)
        parts[i] = (fetch_part){ &topic, i, -1, -1, 0, PIECE };
    *ask = (fetch_ask){ parts, PIECES, 0, 1, PIECES * PIECE };
    *answer = (fetch_answer){ 0 };
    trial_begin(trial, play_large, patient);
    assert_int_equal(trial_open(trial), SL_OK);
    assert_int_equal(fetch_send(trial->connection, ask, &trial->failure), SL_OK);
    assert_int_equal(fetch_begin(trial->connection, ask, answer, &trial->failure), SL_OK);
}

static void record_sets_arrive_whole_whatever_their_size(void **state)
{
    (void)state;
    trial trial;
    fetch_part parts[PIECES];
    fetch_ask ask;
    fetch_answer answer;
    fetch_slice slice;
    unsigned char *to = malloc(PIECE);
    large_begin(&trial, parts, &ask, &answer);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
        assert_ptr_equal(slice.part, &parts[i]);
        assert_int_equal(slice.bytes, PIECE);
        size_t step = (size_t[]){ PIECE, 250000, 65536, 4097, 333331 }[i];
        for (size_t at = 0, next; at < PIECE; at = next) {
            next = at + step < PIECE ? at + step : PIECE;
            assert_int_equal(fetch_records(&answer, to + at, next - at, &trial.failure), SL_OK);
        }
        for (int at = 0; at < PIECE; at++)
            if (to[at] != (at + i) % 251)
                fail_msg("byte %d of piece %d is wrong", at, i);
    }
    assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
    assert_null(slice.part);
    assert_true(connection_is_open(trial.connection));
    free(to);
    fetch_answer_done(&answer);
    trial_end(&trial);
}

static void record_sets_are_skipped_whatever_their_size(void **state)
{
    (void)state;
    trial trial;
    fetch_part parts[PIECES];
    fetch_ask ask;
    fetch_answer answer;
    fetch_slice slice;
    char some[100];
    large_begin(&trial, parts, &ask, &answer);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
        assert_int_equal(fetch_records(&answer, some, (size_t)i * 25, &trial.failure), SL_OK);
        for (int at = 0; at < i * 25; at++)
            assert_int_equal((unsigned char)some[at], (at + i) % 251);
    }
    assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
    assert_null(slice.part);
    fetch_answer_done(&answer);
    trial_end(&trial);
}

/* Answers two requests at once, in one piece. */
static void play_two(int socket, void *argument)
{
    (void)argument;
    buffer first = { 0 }, second = { 0 }, out = { 0 };
    static const char *const body =
        "00000000 0000 00000000 00000001 0001't' 00000001 00000000 0000"
        " 0000000000000064 0000000000000064 0000000000000000 ffffffff ffffffff 00000003";
    if (fake_broker_greet(socket, &first) && fake_broker_request(socket, &first) &&
        fake_broker_request(socket, &second)) {
        for (int i = 0; i < 2; i++) {
            hex_append(&out, "00000046");
            buffer_append(&out, (i ? second : first).at + 4, 4);
            hex_append(&out, body);
            hex_append(&out, i ? "'two'" : "'one'");
        }
        fake_broker_send(socket, out.at, out.size);
        fake_broker_wait(socket);
    }
    buffer_done(&first);
    buffer_done(&second);
    buffer_done(&out);
}

static void requests_may_be_sent_ahead(void **state)
{
    (void)state;
    trial trial;
    protocol_topic topic = { .name = "t" };
    fetch_part part = { &topic, 0, -1, -1, 0, 100 };
    fetch_ask ask = { &part, 1, 0, 1, 100 };
    fetch_answer answer = { 0 };
    fetch_slice slice;
    char told[4] = "";
    trial_begin(&trial, play_two, patient);
    assert_int_equal(trial_open(&trial), SL_OK);
    assert_int_equal(fetch_send(trial.connection, &ask, &trial.failure), SL_OK);
    assert_int_equal(fetch_send(trial.connection, &ask, &trial.failure), SL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fetch_begin(trial.connection, &ask, &answer, &trial.failure), SL_OK);
        assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
        assert_int_equal(slice.bytes, 3);
        assert_int_equal(fetch_records(&answer, told, 3, &trial.failure), SL_OK);
        assert_string_equal(told, i ? "two" : "one");
        assert_int_equal(fetch_next(&answer, &slice, &trial.failure), SL_OK);
        assert_null(slice.part);
    }
    fetch_answer_done(&answer);
    trial_end(&trial);
}

static void a_connection_can_be_opened_again(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, play_greeting, patient);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(trial_open(&trial), SL_OK);
        assert_true(connection_is_open(trial.connection));
        connection_close(trial.connection);
        assert_false(connection_is_open(trial.connection));
    }
    trial_end(&trial);
}

/* ---- Interruptions ---- */

typedef struct interruption {
    connection *connection;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool now;
} interruption;

static interruption interrupting = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                                     .changed = PTHREAD_COND_INITIALIZER };

static void *interrupt_run(void *argument)
{
    interruption *interruption = argument;
    pthread_mutex_lock(&interruption->mutex);
    while (!interruption->now)
        pthread_cond_wait(&interruption->changed, &interruption->mutex);
    pthread_mutex_unlock(&interruption->mutex);
    connection_interrupt(interruption->connection);
    return NULL;
}

static void interrupt_now(void)
{
    pthread_mutex_lock(&interrupting.mutex);
    interrupting.now = true;
    pthread_cond_signal(&interrupting.changed);
    pthread_mutex_unlock(&interrupting.mutex);
}

/* Interrupts when the client has come, or has asked for metadata: the client waits then, or is about to. */
static void play_interruption_at_once(int socket, void *argument)
{
    (void)argument;
    interrupt_now();
    fake_broker_wait(socket);
}

static void play_interruption_later(int socket, void *argument)
{
    (void)argument;
    buffer request = { 0 };
    if (fake_broker_greet(socket, &request) && fake_broker_request(socket, &request)) {
        fake_broker_send(socket, "\0\0\1\0", 4); /* half of an answer */
        interrupt_now();
        fake_broker_wait(socket);
    }
    buffer_done(&request);
}

static void interruption_begin(trial *trial, void (*play)(int socket, void *argument), pthread_t *thread)
{
    trial_begin(trial, play, patient);
    interrupting.connection = trial->connection;
    interrupting.now = false;
    assert_int_equal(pthread_create(thread, NULL, interrupt_run, &interrupting), 0);
}

static void who_waits_for_a_connection_can_be_interrupted(void **state)
{
    (void)state;
    trial trial;
    pthread_t thread;
    interruption_begin(&trial, play_interruption_at_once, &thread);
    int64_t start_ns = clock_ns(&clock_system);
    assert_int_equal(trial_open(&trial), SL_RETRY);
    assert_true(clock_ns(&clock_system) - start_ns < INT64_C(30000000000)); /* half of the time limit */
    assert_text(&trial, "interrupted");
    pthread_join(thread, NULL);
    failure_clear(&trial.failure);
    assert_int_equal(trial_open(&trial), SL_RETRY); /* it is for good */
    assert_text(&trial, "interrupted");
    assert_true(connection_is_interrupted(trial.connection));
    trial_end(&trial);
}

static void who_waits_for_an_answer_can_be_interrupted(void **state)
{
    (void)state;
    trial trial;
    pthread_t thread;
    interruption_begin(&trial, play_interruption_later, &thread);
    int64_t start_ns = clock_ns(&clock_system);
    assert_int_equal(trial_open(&trial), SL_OK);
    assert_metadata_fails(&trial, "interrupted");
    assert_true(clock_ns(&clock_system) - start_ns < INT64_C(30000000000));
    pthread_join(thread, NULL);
    trial_end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mock_broker_tells_its_topics),
        cmocka_unit_test(a_mock_broker_gives_offsets_and_records),
        cmocka_unit_test(a_port_where_nobody_listens_is_told),
        cmocka_unit_test(a_name_that_nobody_knows_is_told),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(a_question_without_a_connection_fails),
        cmocka_unit_test(a_broker_that_never_answers_is_given_up),
        cmocka_unit_test(a_broker_that_stops_answering_is_given_up),
        cmocka_unit_test(rubbish_is_told_and_ends_the_connection),
        cmocka_unit_test(a_broker_that_hangs_up_is_told),
        cmocka_unit_test(a_broker_that_is_too_new_is_told),
        cmocka_unit_test(a_broker_that_does_not_tell_its_versions_is_told),
        cmocka_unit_test(record_sets_arrive_whole_whatever_their_size),
        cmocka_unit_test(record_sets_are_skipped_whatever_their_size),
        cmocka_unit_test(requests_may_be_sent_ahead),
        cmocka_unit_test(a_connection_can_be_opened_again),
        cmocka_unit_test(who_waits_for_a_connection_can_be_interrupted),
        cmocka_unit_test(who_waits_for_an_answer_can_be_interrupted),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
