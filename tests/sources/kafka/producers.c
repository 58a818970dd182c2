/*
 * tests/sources/kafka/producers.c - batches as librdkafka's producer writes them, fetched from the mock cluster byte by byte.
 * What a real broker makes of them is in tests/system/record_batches.c.
 */
#include <clients/kafka_mock.h>
#include <librdkafka/rdkafka.h>
#include <records/segment.h>
#include <setjmp.h>
#include <sources/kafka/record_batch.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/raw_fetch.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { COUNT = 3000, PATIENCE_MS = 30000, HEADERS_EVERY = 7 };

static kafka_mock *mock;
static char bytes[COUNT * 300];
static sl_message sent[COUNT];
static size_t got;

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

/* Keys and values that are there, empty, or null; times to and fro. */
static void messages_draw(dice *dice)
{
    char *at = bytes;
    for (size_t i = 0; i < COUNT; i++) {
        sl_text *texts[] = { &sent[i].key, &sent[i].value };
        sent[i].origin.time_ms = 1700000000000 + (int64_t)dice_below(dice, 100000);
        for (int t = 0; t < 2; t++) {
            size_t size = dice_below(dice, 3) ? dice_below(dice, 30) : dice_below(dice, 140);
            *texts[t] = dice_below(dice, 4) ? (sl_text){ at, size } : (sl_text){ 0 };
            for (size_t b = 0; b < size; b++)
                *at++ = (char)('a' + dice_below(dice, 4));
        }
    }
}

static rd_kafka_t *producer_open(const char *codec)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_mock_servers(mock), text, sizeof text);
    rd_kafka_conf_set(conf, "compression.codec", codec, text, sizeof text);
    rd_kafka_conf_set(conf, "linger.ms", "100", text, sizeof text);
    rd_kafka_conf_set(conf, "enable.idempotence", "true", text, sizeof text);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(producer);
    return producer;
}

static void produce(const char *topic, const char *codec)
{
    rd_kafka_t *producer = producer_open(codec);
    for (size_t i = 0; i < COUNT; i++) {
        rd_kafka_headers_t *headers = i % HEADERS_EVERY ? NULL : rd_kafka_headers_new(2);
        if (headers) {
            rd_kafka_header_add(headers, "trace", -1, "some bytes", -1);
            rd_kafka_header_add(headers, "null", -1, NULL, 0);
        }
        assert_int_equal(
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_KEY((void *)(uintptr_t)sent[i].key.at, sent[i].key.size),
                              RD_KAFKA_V_VALUE((void *)(uintptr_t)sent[i].value.at, sent[i].value.size),
                              RD_KAFKA_V_TIMESTAMP(sent[i].origin.time_ms),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
                              RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

static void assert_text(sl_text is, sl_text wanted)
{
    assert_int_equal(is.at == NULL, wanted.at == NULL);
    assert_int_equal(is.size, wanted.size);
    if (wanted.size)
        assert_memory_equal(is.at, wanted.at, wanted.size);
}

/* One batch, of the messages from number `got` on. */
static void batch_check(const char *at, const record_batch *batch, record_scratch *scratch)
{
    sl_message messages[100];
    failure failure = { 0 };
    record_cursor cursor = { .from = 0, .until = INT64_MAX };
    assert_int_equal(batch->base_offset, got);
    assert_int_equal(batch->last_offset, (int64_t)got + batch->records - 1);
    for (size_t count = 1; count;) {
        if (record_cursor_open(&cursor, at, batch->size, scratch, &failure) != SL_OK ||
            record_cursor_read(&cursor, messages, 100, &count, &failure) != SL_OK)
            fail_msg("%s", failure.text);
        for (size_t i = 0; i < count; i++, got++) {
            assert_int_equal(messages[i].origin.offset, got);
            assert_int_equal(messages[i].origin.time_ms, sent[got].origin.time_ms);
            assert_text(messages[i].key, sent[got].key);
            assert_text(messages[i].value, sent[got].value);
        }
    }
}

/* How many of the batches were packed. */
static size_t topic_check(const char *topic, compression packed_by)
{
    buffer batches = { 0 };
    record_scratch scratch;
    size_t packed = 0;
    record_scratch_init(&scratch, 64 << 20);
    for (got = 0; got < COUNT;) {
        assert_int_equal(raw_fetch(kafka_mock_servers(mock), topic, 0, (int64_t)got, &batches), 0);
        buffer_reserve(&batches, SEGMENT_SLACK);
        for (size_t at = 0; at < batches.size;) {
            record_batch batch;
            failure failure = { 0 };
            assert_int_equal(record_batch_header(batches.at + at, batches.size - at, &batch, &failure),
                             RECORD_BATCH_WHOLE);
            assert_true(batch.packed_by == packed_by || batch.packed_by == COMPRESSION_NONE);
            packed += batch.packed_by != COMPRESSION_NONE;
            record_scratch_forget(&scratch);
            batch_check(batches.at + at, &batch, &scratch);
            at += batch.size;
        }
    }
    assert_int_equal(got, COUNT);
    record_scratch_done(&scratch);
    buffer_done(&batches);
    return packed;
}

static void what_a_producer_packs_is_read(void **state)
{
    (void)state;
    static const char *const codecs[COMPRESSIONS] = { "none", "gzip", "snappy", "lz4", "zstd" };
    dice dice = { 31 };
    for (unsigned codec = 0; codec < COMPRESSIONS; codec++) {
        char topic[40];
        failure failure = { 0 };
        snprintf(topic, sizeof topic, "packed-%s", codecs[codec]);
        assert_int_equal(kafka_mock_topic(mock, topic, 1, &failure), SL_OK);
        messages_draw(&dice);
        produce(topic, codecs[codec]);
        assert_int_equal(topic_check(topic, (compression)codec) > 0, codec != COMPRESSION_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_producer_packs_is_read),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
