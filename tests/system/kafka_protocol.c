/*
 * tests/system/kafka_protocol.c - our own requests before real brokers: every version that both sides speak, of Kafka 3.9
 * and 4.1, and the errors that they tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <servers/kafka.h>
#include <sources/kafka/codec.h>
#include <sources/shared/fetch_spec.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { SERVERS = 2, MESSAGES = 1000, BATCH_HEADER = 61 };

static const char *const server_versions[SERVERS] = { "3.9.1", "4.1.0" };
static const char *const patient[] = { "kafka.socket.connection.setup.timeout.ms", "60000",
                                       "kafka.socket.timeout.ms", "60000", NULL };

typedef struct
    trial { /* a connection to one of the servers, and its topic "plain" with MESSAGES in partition 0 */
    kafka_spec *spec;
    connection *connection;
    failure failure;
    arena arena;
    metadata metadata;
    protocol_topic topic;
} trial;

static kafka_server *servers[SERVERS]; /* NULL: it cannot be had */

static int servers_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "2", 1);
    for (int i = 0; i < SERVERS; i++) {
        servers[i] = kafka_server_start_as(&(kafka_server_options){ .version = server_versions[i] });
        if (servers[i])
            topic_fill(kafka_server_address(servers[i]), "plain", 0, 0, MESSAGES);
    }
    return 0;
}

static int servers_stop(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++)
        kafka_server_stop(servers[i]);
    return 0;
}

#define WORKS(call, trial)                                                                                   \
    do {                                                                                                     \
        if ((call) != SL_OK)                                                                                 \
            fail_msg("%s: %s", #call, (trial)->failure.text);                                                \
    } while (0)

static void topic_ask(trial *trial, const char *name)
{
    trial->topic = (protocol_topic){ .name = name };
    WORKS(metadata_get(trial->connection, &(metadata_ask){ &trial->topic.name, 1 }, &trial->arena,
                       &trial->metadata, &trial->failure),
          trial);
    trial->topic.id = trial->metadata.topics[0].id;
}

static void trial_begin(trial *trial, const kafka_server *server)
{
    *trial = (struct trial){ .spec = fetch_spec(kafka_server_address(server), patient) };
    trial->connection = connection_new(trial->spec);
    const kafka_server_name *name = &trial->spec->servers[0];
    WORKS(connection_open(trial->connection, name->host, name->port, &trial->failure), trial);
    topic_ask(trial, "plain");
}

static void trial_end(trial *trial)
{
    connection_free(trial->connection);
    kafka_spec_free(trial->spec);
    arena_done(&trial->arena);
}

static void on_each_server(void (*check)(trial *trial))
{
    int had = 0;
    for (int i = 0; i < SERVERS; i++) {
        trial trial;
        if (servers[i] == NULL)
            continue;
        trial_begin(&trial, servers[i]);
        check(&trial);
        trial_end(&trial);
        had++;
    }
    if (had == 0)
        skip();
}

/* ---- What is asked the usual way ---- */

static void metadata_check(trial *trial)
{
    const metadata *metadata = &trial->metadata;
    assert_int_equal(metadata->broker_count, 1);
    assert_int_equal(metadata->brokers[0].id, 1);
    assert_int_equal(metadata->brokers[0].port, trial->spec->servers[0].port);
    assert_string_equal(metadata->brokers[0].host, "127.0.0.1");
    assert_int_equal(metadata->topics[0].error, 0);
    assert_int_equal(metadata->topics[0].count, 2);
    assert_true(wire_uuid_is(&metadata->topics[0].id));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(metadata->topics[0].partitions[i].error, 0);
        assert_int_equal(metadata->topics[0].partitions[i].leader, 1);
        assert_int_equal(metadata->topics[0].partitions[i].leader_epoch, 0);
    }
}

static void a_topic_has_an_id_and_its_partitions_leaders(void **state)
{
    (void)state;
    on_each_server(metadata_check);
}

static void absent_check(trial *trial)
{
    for (int i = 0; i < 3; i++) {
        topic_ask(trial, "absent");
        assert_int_equal(trial->metadata.topics[0].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        assert_int_equal(trial->metadata.topics[0].count, 0);
    }
}

static void asking_for_a_topic_does_not_make_it(void **state)
{
    (void)state;
    on_each_server(absent_check);
}

static int64_t offset_of(trial *trial, int32_t partition, int64_t time_ms)
{
    offsets_part part = {
        .topic = &trial->topic, .partition = partition, .leader_epoch = 0, .time_ms = time_ms
    };
    int32_t throttle_ms;
    WORKS(offsets_get(trial->connection, &part, 1, &throttle_ms, &trial->failure), trial);
    assert_int_equal(part.error, 0);
    return part.offset;
}

static void offsets_check(trial *trial)
{
    static const topic_message timed[] = { { 1, NULL, "a", 1700000000000 },
                                           { 1, NULL, "b", 1700000001000 },
                                           { 1, NULL, "c", 1700000002000 } };
    topic_send(trial->spec->bootstrap, "timed", timed, 3);
    assert_int_equal(offset_of(trial, 0, OFFSETS_BEGIN), 0);
    assert_int_equal(offset_of(trial, 0, OFFSETS_END), MESSAGES);
    assert_int_equal(offset_of(trial, 1, OFFSETS_END), 0);
    topic_ask(trial, "timed");
    assert_int_equal(offset_of(trial, 1, 0), 0);
    assert_int_equal(offset_of(trial, 1, 1700000000500), 1);
    assert_int_equal(offset_of(trial, 1, 1700000002000), 2);
    assert_int_equal(offset_of(trial, 1, 1700000002001), -1);
}

static void partitions_begin_and_end_and_have_times(void **state)
{
    (void)state;
    on_each_server(offsets_check);
}

/* ---- Record sets ---- */

static int64_t number_at(const unsigned char *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return (int64_t)number;
}

/* The offset after the last record of whole batches that begin at `next`. A batch: base offset (8 bytes), length (4), ...,
 * magic (byte 16), ..., last offset's delta (byte 23). */
static int64_t records_walk(const unsigned char *at, size_t size, int64_t next)
{
    while (size >= BATCH_HEADER) {
        size_t length = (size_t)number_at(at + 8, 4) + 12;
        if (length > size)
            break; /* cut off by the broker */
        assert_int_equal(at[16], 2);
        assert_int_equal(number_at(at, 8), next);
        next += number_at(at + 23, 4) + 1;
        at += length;
        size -= length;
    }
    return next;
}

/* One Fetch of one partition in a version: the slice, and its records to be freed. */
typedef struct one_fetch {
    int16_t version; /* 0: the usual way */
    fetch_part part;
    fetch_slice slice;
    unsigned char *records;
    fetch_answer answer;
} one_fetch;

static wire_reader *ask_in_version(trial *trial, const connection_api *api, const buffer *body)
{
    wire_writer writer = connection_request(trial->connection, api, api->most);
    buffer_append(writer.out, body->at, body->size);
    WORKS(connection_send(trial->connection, &trial->failure), trial);
    wire_reader *reader = connection_answer(trial->connection, 0, &trial->failure);
    if (reader == NULL)
        fail_msg("%s version %d: %s", api->name, api->most, trial->failure.text);
    return reader;
}

static void fetch_in_version(trial *trial, one_fetch *fetch, const fetch_ask *ask)
{
    connection_api api = { 1, "Fetch", fetch->version, fetch->version, 12 };
    buffer body = { 0 };
    wire_writer writer = { &body, fetch->version >= 12 };
    fetch_write(&writer, fetch->version, ask, &(fetch_manner){ "", true });
    codec_answer from = { ask_in_version(trial, &api, &body), fetch->version };
    fetch->answer.connection = trial->connection;
    fetch_read(&from, ask, &fetch->answer);
    buffer_done(&body);
}

static void fetch_one(trial *trial, one_fetch *fetch)
{
    fetch_slice end;
    fetch_ask ask = { &fetch->part, 1, 100, 1, 1 << 20 };
    fetch->answer = (fetch_answer){ 0 };
    if (fetch->version) {
        fetch_in_version(trial, fetch, &ask);
    } else {
        WORKS(fetch_send(trial->connection, &ask, &trial->failure), trial);
        WORKS(fetch_begin(trial->connection, &ask, &fetch->answer, &trial->failure), trial);
    }
    assert_int_equal(fetch->answer.error, 0);
    WORKS(fetch_next(&fetch->answer, &fetch->slice, &trial->failure), trial);
    assert_ptr_equal(fetch->slice.part, &fetch->part);
    fetch->records = malloc(fetch->slice.bytes + 1);
    if (fetch->slice.bytes)
        WORKS(fetch_records(&fetch->answer, fetch->records, fetch->slice.bytes, &trial->failure), trial);
    WORKS(fetch_next(&fetch->answer, &end, &trial->failure), trial);
    assert_null(end.part);
}

static void one_fetch_done(one_fetch *fetch)
{
    fetch_answer_done(&fetch->answer);
    free(fetch->records);
}

static void fetch_check(trial *trial)
{
    int64_t next = 0;
    int asked = 0;
    while (next < MESSAGES) {
        one_fetch fetch = { .part = { &trial->topic, 0, 0, next ? 0 : -1, next, 5000 } };
        fetch_one(trial, &fetch);
        assert_int_equal(fetch.slice.error, 0);
        assert_int_equal(fetch.slice.high_watermark, MESSAGES);
        assert_int_equal(fetch.slice.last_stable, MESSAGES);
        assert_int_equal(fetch.slice.log_start, 0);
        assert_int_equal(fetch.slice.aborted_count, 0);
        assert_int_equal(fetch.slice.diverging_epoch, -1);
        int64_t before = next;
        next = records_walk(fetch.records, fetch.slice.bytes, next);
        assert_true(next > before);
        one_fetch_done(&fetch);
        asked++;
    }
    assert_int_equal(next, MESSAGES);
    assert_true(asked >= 1);
}

static void every_record_is_fetched_once(void **state)
{
    (void)state;
    on_each_server(fetch_check);
}

static void several_check(trial *trial)
{
    protocol_topic one = trial->topic;
    topic_fill(trial->spec->bootstrap, "other", 0, 0, 5);
    topic_fill(trial->spec->bootstrap, "other", 1, 0, 5);
    topic_ask(trial, "other");
    fetch_part parts[] = { { &trial->topic, 1, -1, -1, 2, 10000 },
                           { &trial->topic, 0, -1, -1, 0, 10000 },
                           { &one, 0, -1, -1, 0, 100000 } };
    fetch_ask ask = { parts, 3, 100, 1, 1 << 20 };
    fetch_answer answer = { 0 };
    fetch_slice slice;
    unsigned seen = 0;
    WORKS(fetch_send(trial->connection, &ask, &trial->failure), trial);
    WORKS(fetch_begin(trial->connection, &ask, &answer, &trial->failure), trial);
    for (;;) {
        WORKS(fetch_next(&answer, &slice, &trial->failure), trial);
        if (slice.part == NULL)
            break;
        assert_int_equal(slice.error, 0);
        assert_int_equal(slice.high_watermark, slice.part == &parts[2] ? MESSAGES : 5);
        seen |= 1U << (slice.part - parts);
    }
    assert_int_equal(seen, 7);
    fetch_answer_done(&answer);
}

static void several_topics_fit_into_one_request(void **state)
{
    (void)state;
    on_each_server(several_check);
}

/* ---- Every version ---- */

static void fetch_versions_check(trial *trial)
{
    for (int16_t version = 4; version <= 13; version++) {
        one_fetch fetch = { .version = version, .part = { &trial->topic, 0, 0, -1, 0, 1 << 20 } };
        fetch_one(trial, &fetch);
        assert_int_equal(fetch.slice.error, 0);
        assert_int_equal(fetch.slice.high_watermark, MESSAGES);
        assert_int_equal(fetch.slice.log_start, version >= 5 ? 0 : -1);
        assert_int_equal(records_walk(fetch.records, fetch.slice.bytes, 0), MESSAGES);
        one_fetch_done(&fetch);
    }
}

static void every_version_of_fetch_is_understood(void **state)
{
    (void)state;
    on_each_server(fetch_versions_check);
}

static void metadata_versions_check(trial *trial)
{
    static const char *const names[] = { "plain", "absent" };
    const metadata_ask ask = { names, 2 };
    for (int16_t version = 1; version <= 12; version++) {
        connection_api api = { 3, "Metadata", version, version, 9 };
        buffer body = { 0 };
        wire_writer writer = { &body, version >= 9 };
        metadata metadata;
        metadata_write(&writer, version, &ask);
        codec_answer answer = { ask_in_version(trial, &api, &body), version };
        metadata_read(&answer, &ask, &trial->arena, &metadata);
        assert_int_equal(wire_left(answer.reader), 0);
        WORKS(connection_answered(trial->connection, &trial->failure), trial);
        assert_int_equal(metadata.topics[0].error, 0);
        assert_int_equal(metadata.topics[0].count, 2);
        assert_int_equal(metadata.topics[0].partitions[1].leader_epoch, version >= 7 ? 0 : -1);
        assert_int_equal(wire_uuid_is(&metadata.topics[0].id), version >= 10);
        assert_int_equal(metadata.topics[1].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        buffer_done(&body);
    }
}

static void every_version_of_metadata_is_understood(void **state)
{
    (void)state;
    on_each_server(metadata_versions_check);
}

static void offsets_versions_check(trial *trial)
{
    for (int16_t version = 2; version <= 7; version++) {
        connection_api api = { 2, "ListOffsets", version, version, 6 };
        offsets_part parts[] = {
            { .topic = &trial->topic, .partition = 0, .leader_epoch = 0, .time_ms = OFFSETS_END },
            { .topic = &trial->topic, .partition = 1, .leader_epoch = -1, .time_ms = OFFSETS_BEGIN },
            { .topic = &trial->topic, .partition = 7, .leader_epoch = -1, .time_ms = OFFSETS_BEGIN },
        };
        offsets_list list = { parts, 3, true, 0 };
        buffer body = { 0 };
        wire_writer writer = { &body, version >= 6 };
        offsets_write(&writer, version, &list);
        codec_answer answer = { ask_in_version(trial, &api, &body), version };
        offsets_read(&answer, &list);
        assert_int_equal(wire_left(answer.reader), 0);
        WORKS(connection_answered(trial->connection, &trial->failure), trial);
        assert_int_equal(parts[0].error, 0);
        assert_int_equal(parts[0].offset, MESSAGES);
        assert_int_equal(parts[0].offset_epoch, version >= 4 ? 0 : -1);
        assert_int_equal(parts[1].error, 0);
        assert_int_equal(parts[1].offset, 0);
        assert_int_equal(parts[2].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        buffer_done(&body);
    }
}

static void every_version_of_list_offsets_is_understood(void **state)
{
    (void)state;
    on_each_server(offsets_versions_check);
}

/* ---- Errors and marks ---- */

static void assert_error(trial *trial, const fetch_part *part, int16_t error)
{
    one_fetch fetch = { .part = *part };
    fetch_one(trial, &fetch);
    if (fetch.slice.error != error)
        fail_msg("%s instead of %s", protocol_error_name(fetch.slice.error), protocol_error_name(error));
    assert_int_equal(fetch.slice.bytes, 0);
    one_fetch_done(&fetch);
}

static void errors_check(trial *trial)
{
    protocol_topic unknown = { .name = "absent" }, unknown_id = { .name = "absent", .id.at = { 1, 2, 3 } };
    const protocol_topic *topic = &trial->topic;
    assert_error(trial, &(fetch_part){ topic, 0, -1, -1, MESSAGES + 1, 1000 },
                 RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    assert_error(trial, &(fetch_part){ topic, 9, -1, -1, 0, 1000 }, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_error(trial, &(fetch_part){ topic, 0, 5, -1, 0, 1000 }, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH);
    assert_error(trial, &(fetch_part){ &unknown, 0, -1, -1, 0, 1000 },
                 RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_error(trial, &(fetch_part){ &unknown_id, 0, -1, -1, 0, 1000 }, PROTOCOL_UNKNOWN_TOPIC_ID);
}

static void errors_are_told_by_partition(void **state)
{
    (void)state;
    on_each_server(errors_check);
}

static void divergence_check(trial *trial)
{
    one_fetch fetch = { .part = { &trial->topic, 0, -1, 0, MESSAGES + 500, 1000 } };
    fetch_one(trial, &fetch);
    assert_int_equal(fetch.slice.error, 0);
    assert_int_equal(fetch.slice.bytes, 0);
    assert_int_equal(fetch.slice.diverging_epoch, 0);
    assert_int_equal(fetch.slice.diverging_offset, MESSAGES);
    one_fetch_done(&fetch);
}

static void a_position_that_was_truncated_is_told(void **state)
{
    (void)state;
    on_each_server(divergence_check);
}

static void transaction_begin(rd_kafka_t *client, const char *value)
{
    char copy[20];
    snprintf(copy, sizeof copy, "%s", value);
    assert_null(rd_kafka_begin_transaction(client));
    assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC("transactions"), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_VALUE(copy, strlen(copy)),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     0);
    assert_int_equal(rd_kafka_flush(client, 30000), 0);
}

static void aborted_check(trial *trial)
{
    char text[200];
    rd_kafka_conf_t *conf = kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", trial->spec->bootstrap, text, sizeof text);
    rd_kafka_conf_set(conf, "transactional.id", "trial", text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    assert_null(rd_kafka_init_transactions(client, 60000));
    transaction_begin(client, "kept"); /* offset 0; the mark of its end is 1 */
    assert_null(rd_kafka_commit_transaction(client, 30000));
    transaction_begin(client, "lost");
    assert_null(rd_kafka_abort_transaction(client, 30000));
    transaction_begin(client, "lost too");
    assert_null(rd_kafka_abort_transaction(client, 30000));
    transaction_begin(client, "open");
    topic_ask(trial, "transactions");
    one_fetch fetch = { .part = { &trial->topic, 0, -1, -1, 0, 1 << 20 } };
    fetch_one(trial, &fetch);
    assert_int_equal(fetch.slice.error, 0);
    assert_int_equal(fetch.slice.high_watermark, 7);
    assert_int_equal(fetch.slice.last_stable, 6);
    assert_int_equal(fetch.slice.aborted_count, 2);
    assert_int_equal(fetch.slice.aborted[0].first_offset, 2);
    assert_int_equal(fetch.slice.aborted[1].first_offset, 4);
    assert_true(fetch.slice.aborted[0].producer >= 0);
    assert_int_equal(records_walk(fetch.records, fetch.slice.bytes, 0), 6);
    assert_int_equal(offset_of(trial, 0, OFFSETS_END), 6);
    one_fetch_done(&fetch);
    assert_null(rd_kafka_abort_transaction(client, 30000));
    rd_kafka_destroy(client);
}

static void aborted_transactions_are_told(void **state)
{
    (void)state;
    on_each_server(aborted_check);
}

/* A broker that throttles answers at once, without partitions, and says for how long it wants to be left alone. */
static void quota_check(trial *trial)
{
    char command[300];
    snprintf(
        command, sizeof command,
        "tests/servers/kafka.sh tool kafka.admin.ConfigCommand --bootstrap-server %s --alter --add-config "
        "consumer_byte_rate=2000 --entity-type clients --entity-name %s >&2",
        trial->spec->bootstrap, trial->spec->client_id);
    assert_int_equal(system(command), 0);
    fetch_part part = { &trial->topic, 0, -1, -1, 0, 1 << 20 };
    fetch_ask ask = { &part, 1, 100, 1, 1 << 20 };
    fetch_answer answer = { 0 };
    fetch_slice slice;
    bool throttled = false;
    for (int i = 0; i < 1000 && !throttled; i++) { /* the broker hears of it a little later */
        WORKS(fetch_send(trial->connection, &ask, &trial->failure), trial);
        WORKS(fetch_begin(trial->connection, &ask, &answer, &trial->failure), trial);
        assert_int_equal(answer.error, 0);
        throttled = answer.throttle_ms > 0;
        WORKS(fetch_next(&answer, &slice, &trial->failure), trial);
        assert_int_equal(slice.part == NULL, throttled);
        while (slice.part)
            WORKS(fetch_next(&answer, &slice, &trial->failure), trial);
    }
    assert_true(throttled);
    fetch_answer_done(&answer);
}

static void a_quota_asks_for_a_pause(void **state)
{
    (void)state;
    on_each_server(quota_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_has_an_id_and_its_partitions_leaders),
        cmocka_unit_test(asking_for_a_topic_does_not_make_it),
        cmocka_unit_test(partitions_begin_and_end_and_have_times),
        cmocka_unit_test(every_record_is_fetched_once),
        cmocka_unit_test(several_topics_fit_into_one_request),
        cmocka_unit_test(every_version_of_fetch_is_understood),
        cmocka_unit_test(every_version_of_metadata_is_understood),
        cmocka_unit_test(every_version_of_list_offsets_is_understood),
        cmocka_unit_test(errors_are_told_by_partition),
        cmocka_unit_test(a_position_that_was_truncated_is_told),
        cmocka_unit_test(aborted_transactions_are_told),
        cmocka_unit_test(a_quota_asks_for_a_pause),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
