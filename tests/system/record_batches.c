/*
 * tests/system/record_batches.c - batches as a real broker stores them: packed by Java's libraries, with the times of the log,
 * with what ends transactions, and compacted.
 */
#include <librdkafka/rdkafka.h>
#include <records/segment.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <setjmp.h>
#include <sources/kafka/record_batch.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/raw_fetch.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { PATIENCE_MS = 30000, HEADER_BYTES = 61, ROUNDS_MOST = 200 };

static kafka_server *server; /* NULL: it cannot be had */

static int server_start(void **state)
{
    (void)state;
    server = kafka_server_start("log.cleaner.backoff.ms=100");
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(server);
    return 0;
}

/* ---- Topics ---- */

static rd_kafka_t *client_open(const char *transactional_id)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_server_address(server), text, sizeof text);
    if (transactional_id)
        rd_kafka_conf_set(conf, "transactional.id", transactional_id, text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    return client;
}

/* ---- Reading ---- */

typedef struct stored {
    record_scratch scratch;
    buffer batches, text; /* as fetched; "offset:key=value " of every message, "~": null */
    int64_t next, time_least, time_most;
    size_t count, records, packed,
        gaps;         /* of batches; of all batches; ... that have fewer records than offsets */
    char markers[40]; /* "2:commit 5:abort " */
    compression packed_by;
    bool is_snappy_java;
} stored;

static void stored_done(stored *stored)
{
    record_scratch_done(&stored->scratch);
    buffer_done(&stored->batches);
    buffer_done(&stored->text);
}

static void text_print(buffer *out, sl_text text)
{
    buffer_print(out, "%.*s", text.at ? (int)text.size : 1, text.at ? text.at : "~");
}

static void messages_note(stored *stored, const sl_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const sl_message *message = &messages[i];
        buffer_print(&stored->text, "%lld:", (long long)message->origin.offset);
        text_print(&stored->text, message->key);
        buffer_byte(&stored->text, '=');
        text_print(&stored->text, message->value);
        buffer_byte(&stored->text, ' ');
        if (stored->time_most < message->origin.time_ms)
            stored->time_most = message->origin.time_ms;
        if (stored->time_least > message->origin.time_ms || stored->records == 0)
            stored->time_least = message->origin.time_ms;
        stored->records++;
    }
}

static void marker_note(stored *stored, const char *at, const record_batch *batch)
{
    record_marker marker;
    failure failure = { 0 };
    size_t size = strlen(stored->markers);
    if (record_batch_marker(at, batch->size, &marker, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_not_equal(marker, RECORD_MARKER_NONE);
    snprintf(stored->markers + size, sizeof stored->markers - size, "%lld:%s ", (long long)batch->base_offset,
             marker == RECORD_MARKER_COMMIT ? "commit" : "abort");
}

static void batch_note(stored *stored, const char *at, const record_batch *batch)
{
    sl_message messages[64];
    failure failure = { 0 };
    record_cursor cursor = { .from = stored->next, .until = INT64_MAX };
    record_scratch_forget(&stored->scratch);
    for (size_t count = 1; count;) {
        if (record_cursor_open(&cursor, at, batch->size, &stored->scratch, &failure) != SL_OK ||
            record_cursor_read(&cursor, messages, 64, &count, &failure) != SL_OK)
            fail_msg("%s", failure.text);
        messages_note(stored, messages, count);
    }
    stored->count++;
    stored->gaps += batch->records < batch->last_offset - batch->base_offset + 1;
    stored->packed += batch->packed_by != COMPRESSION_NONE;
    if (batch->packed_by != COMPRESSION_NONE)
        stored->packed_by = batch->packed_by;
    stored->is_snappy_java |= memcmp(at + HEADER_BYTES, "\x82SNAPPY", 7) == 0;
    if (batch->is_control)
        marker_note(stored, at, batch);
    stored->next = batch->last_offset + 1;
}

/* Everything that the topic's only partition holds below `until`. */
static void topic_look(stored *stored, const char *topic, int64_t until)
{
    memset(stored, 0, sizeof *stored);
    record_scratch_init(&stored->scratch, 64 << 20);
    while (stored->next < until) {
        assert_int_equal(raw_fetch(kafka_server_address(server), topic, 0, stored->next, &stored->batches),
                         0);
        buffer_reserve(&stored->batches, SEGMENT_SLACK);
        record_batch batch;
        failure failure = { 0 };
        for (size_t at = 0; at < stored->batches.size && stored->next < until; at += batch.size) {
            record_batch_state read =
                record_batch_header(stored->batches.at + at, stored->batches.size - at, &batch, &failure);
            assert_int_equal(read, RECORD_BATCH_WHOLE);
            batch_note(stored, stored->batches.at + at, &batch);
        }
    }
    buffer_byte(&stored->text, '\0');
}

/* ---- Tests ---- */

static void what_the_broker_packs_is_read(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static const char *const codecs[COMPRESSIONS] = { "uncompressed", "gzip", "snappy", "lz4", "zstd" };
    if (server == NULL)
        skip();
    for (unsigned codec = 0; codec < COMPRESSIONS; codec++) {
        char topic[40];
        stored stored;
        buffer wanted = { 0 };
        snprintf(topic, sizeof topic, "by-%s", codecs[codec]);
        topic_make(kafka_server_address(server), topic, 1,
                   (const char *const[]){ "compression.type", codecs[codec], NULL });
        topic_fill(kafka_server_address(server), topic, 0, 0, COUNT);
        topic_look(&stored, topic, COUNT);
        for (int i = 0; i < COUNT; i++)
            buffer_print(&wanted, "%d:~=0:%d ", i, i);
        buffer_byte(&wanted, '\0');
        assert_string_equal(stored.text.at, wanted.at);
        assert_int_equal(stored.packed, codec == COMPRESSION_NONE ? 0 : stored.count);
        assert_int_equal(stored.packed_by, codec);
        assert_int_equal(stored.is_snappy_java, codec == COMPRESSION_SNAPPY);
        buffer_done(&wanted);
        stored_done(&stored);
    }
}

static void a_topic_may_have_the_times_of_its_log(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    stored stored;
    topic_message messages[] = { { 0, "a", "1", 1700000000000 }, { 0, "b", "2", 1700000001000 } };
    topic_make(kafka_server_address(server), "created", 1,
               (const char *const[]){ "message.timestamp.type", "CreateTime", NULL });
    topic_make(kafka_server_address(server), "appended", 1,
               (const char *const[]){ "message.timestamp.type", "LogAppendTime", NULL });
    topic_send(kafka_server_address(server), "created", messages, 2);
    topic_look(&stored, "created", 2);
    assert_int_equal(stored.time_least, 1700000000000);
    assert_int_equal(stored.time_most, 1700000001000);
    stored_done(&stored);
    topic_send(kafka_server_address(server), "appended", messages, 2);
    topic_look(&stored, "appended", 2);
    assert_true(stored.time_least > 1700000001000);
    assert_string_equal(stored.text.at, "0:a=1 1:b=2 ");
    stored_done(&stored);
}

static void transaction_write(rd_kafka_t *client, const char *topic, const char *const *values)
{
    assert_null(rd_kafka_begin_transaction(client));
    for (; *values; values++)
        assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                           RD_KAFKA_V_VALUE((void *)(uintptr_t)*values, strlen(*values)),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                         0);
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
}

static void markers_tell_how_a_transaction_ended(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    stored stored;
    topic_make(kafka_server_address(server), "transactions", 1, NULL);
    rd_kafka_t *client = client_open("test");
    assert_null(rd_kafka_init_transactions(client, PATIENCE_MS));
    transaction_write(client, "transactions", (const char *const[]){ "a", "b", NULL });
    assert_null(rd_kafka_commit_transaction(client, PATIENCE_MS));
    transaction_write(client, "transactions", (const char *const[]){ "no", "never", NULL });
    assert_null(rd_kafka_abort_transaction(client, PATIENCE_MS));
    topic_look(&stored, "transactions", 6);
    assert_string_equal(stored.text.at, "0:~=a 1:~=b 3:~=no 4:~=never ");
    assert_string_equal(stored.markers, "2:commit 5:abort ");
    stored_done(&stored);
    rd_kafka_destroy(client);
}

/* Ten times the keys a to e, then a tombstone for e: offsets 0 to 50. Only the last of each key stays. */
static void a_compacted_topic_has_gaps_and_tombstones(void **state)
{
    (void)state;
    static const char *const settings[] = { "cleanup.policy",
                                            "compact",
                                            "segment.ms",
                                            "100",
                                            "min.cleanable.dirty.ratio",
                                            "0.01",
                                            "delete.retention.ms",
                                            "3600000",
                                            "compression.type",
                                            "lz4",
                                            NULL };
    topic_message messages[51];
    char keys[51][2], values[51][8];
    if (server == NULL)
        skip();
    for (int i = 0; i < 51; i++) {
        snprintf(keys[i], sizeof keys[i], "%c", i < 50 ? 'a' + i % 5 : 'e');
        snprintf(values[i], sizeof values[i], "%d", i);
        messages[i] = (topic_message){ 0, keys[i], i < 50 ? values[i] : NULL, 0 };
    }
    topic_make(kafka_server_address(server), "compacted", 1, settings);
    topic_send(kafka_server_address(server), "compacted", messages, 51);
    /* The newest segment is never compacted: another message begins a new one. */
    for (int64_t round = 0;; round++) {
        stored stored;
        char filler[32];
        snprintf(filler, sizeof filler, "filler-%lld", (long long)round);
        topic_message another = { 0, filler, "", 0 };
        topic_send(kafka_server_address(server), "compacted", &another, 1);
        topic_look(&stored, "compacted", 51);
        bool compacted = stored.records == 5;
        if (compacted) {
            assert_string_equal(stored.text.at, "45:a=45 46:b=46 47:c=47 48:d=48 50:e=~ ");
            assert_true(stored.gaps > 0 && stored.packed_by == COMPRESSION_LZ4);
        }
        buffer nothing = { 0 };
        if (!compacted) /* half a second passes */
            raw_fetch(kafka_server_address(server), "compacted", 0, 51 + round + 1, &nothing);
        buffer_done(&nothing);
        stored_done(&stored);
        if (compacted)
            break;
        assert_true(round < ROUNDS_MOST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_broker_packs_is_read),
        cmocka_unit_test(a_topic_may_have_the_times_of_its_log),
        cmocka_unit_test(markers_tell_how_a_transaction_ended),
        cmocka_unit_test(a_compacted_topic_has_gaps_and_tombstones),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
