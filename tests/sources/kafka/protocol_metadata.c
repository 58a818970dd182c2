/*
 * tests/sources/kafka/protocol_metadata.c - Metadata in every version, against bytes that Kafka's own classes agree with.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>
#include <sources/shared/assert_hex.h>

/* Parts of answers that several versions share. Brokers, cluster, controller. */
#define OLD_BROKERS "00000002 00000001 0002'h1' 00002384 0001'r'  00000002 0002'h2' 0000ffff ffff "
#define NEW_BROKERS "03 00000001 03'h1' 00002384 02'r' 00  00000002 03'h2' 0000ffff 00 00 "
#define ID          "0102030405060708090a0b0c0d0e0f10 "
#define NO_ID       "00000000000000000000000000000000 "

typedef struct version_row {
    int16_t from, until;
    const char *request, *answer;
} version_row;

static const char *const names[] = { "ab", "c" };
static const metadata_ask two = { names, 2 };

/* clang-format off */
static const version_row versions[] = {
    { 1, 1, "ffffffff",
      OLD_BROKERS "00000002 00000002"
      " 0000 0002'ab' 00 00000002  0000 00000000 00000001 00000002 00000001 00000002 00000001 00000001"
      "  0005 00000001 ffffffff 00000001 00000002 00000000"
      " 0003 0001'c' 00 00000000" },
    { 2, 2, "ffffffff",
      OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002  0000 00000000 00000001 00000002 00000001 00000002 00000001 00000001"
      "  0005 00000001 ffffffff 00000001 00000002 00000000"
      " 0003 0001'c' 00 00000000" },
    { 3, 3, "ffffffff",
      "00000007 " OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002  0000 00000000 00000001 00000002 00000001 00000002 00000001 00000001"
      "  0005 00000001 ffffffff 00000001 00000002 00000000"
      " 0003 0001'c' 00 00000000" },
    { 4, 4, "00000002 0002'ab' 0001'c' 00",
      "00000007 " OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002  0000 00000000 00000001 00000002 00000001 00000002 00000001 00000001"
      "  0005 00000001 ffffffff 00000001 00000002 00000000"
      " 0003 0001'c' 00 00000000" },
    { 5, 6, "00000002 0002'ab' 0001'c' 00",
      "00000007 " OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002  0000 00000000 00000001 00000002 00000001 00000002 00000001 00000001 00000001 00000002"
      "  0005 00000001 ffffffff 00000001 00000002 00000000 00000000"
      " 0003 0001'c' 00 00000000" },
    { 7, 7, "00000002 0002'ab' 0001'c' 00",
      "00000007 " OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002"
      "  0000 00000000 00000001 00000005 00000002 00000001 00000002 00000001 00000001 00000001 00000002"
      "  0005 00000001 ffffffff 00000006 00000001 00000002 00000000 00000000"
      " 0003 0001'c' 00 00000000" },
    { 8, 8, "00000002 0002'ab' 0001'c' 00 00 00",
      "00000007 " OLD_BROKERS "0002'cl' 00000002 00000002"
      " 0000 0002'ab' 00 00000002"
      "  0000 00000000 00000001 00000005 00000002 00000001 00000002 00000001 00000001 00000001 00000002"
      "  0005 00000001 ffffffff 00000006 00000001 00000002 00000000 00000000 80000000"
      " 0003 0001'c' 00 00000000 80000000 80000000" },
    { 9, 9, "03 03'ab' 00 02'c' 00 00 00 00 00",
      "00000007 " NEW_BROKERS "03'cl' 00000002 03"
      " 0000 03'ab' 00 03"
      "  0000 00000000 00000001 00000005 03 00000001 00000002 02 00000001 02 00000002 00"
      "  0005 00000001 ffffffff 00000006 02 00000002 01 01 00 80000000 00"
      " 0003 02'c' 00 01 80000000 00 80000000 00" },
    { 10, 10, "03 " NO_ID "03'ab' 00 " NO_ID "02'c' 00 00 00 00 00",
      "00000007 " NEW_BROKERS "03'cl' 00000002 03"
      " 0000 03'ab' " ID "00 03"
      "  0000 00000000 00000001 00000005 03 00000001 00000002 02 00000001 02 00000002 00"
      "  0005 00000001 ffffffff 00000006 02 00000002 01 01 00 80000000 00"
      " 0003 02'c' " NO_ID "00 01 80000000 00 80000000 00" },
    { 11, 12, "03 " NO_ID "03'ab' 00 " NO_ID "02'c' 00 00 00 00",
      "00000007 " NEW_BROKERS "03'cl' 00000002 03"
      " 0000 03'ab' " ID "00 03"
      "  0000 00000000 00000001 00000005 03 00000001 00000002 02 00000001 02 00000002 00"
      "  0005 00000001 ffffffff 00000006 02 00000002 01 01 00 80000000 00"
      " 0003 02'c' " NO_ID "00 01 80000000 00 00" },
};
/* clang-format on */

static void each_version(void (*check)(const version_row *row, int16_t version))
{
    int16_t next = 1;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        for (int16_t version = versions[i].from; version <= versions[i].until; version++) {
            assert_int_equal(version, next++);
            check(&versions[i], version);
        }
    assert_int_equal(next, 13);
}

static void request_check(const version_row *row, int16_t version)
{
    buffer out = { 0 };
    metadata_write(&(wire_writer){ &out, version >= 9 }, version, &two);
    assert_hex(&out, row->request);
}

static void requests_name_the_topics_and_make_none(void **state)
{
    (void)state;
    each_version(request_check);
}

static void answer_of(const char *text, int16_t version, arena *arena, metadata *metadata,
                      wire_reader *reader)
{
    size_t size;
    char *bytes = hex_exact(text, &size);
    wire_reader_init(reader, bytes, size, version >= 9);
    metadata_read(&(codec_answer){ reader, version }, &two, arena, metadata);
    if (!reader->bad)
        assert_int_equal(wire_left(reader), 0);
    free(bytes);
}

static void topics_check(const metadata *metadata, int16_t version)
{
    static const wire_uuid id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
    const metadata_topic *topic = &metadata->topics[0];
    assert_int_equal(metadata->topic_count, 2);
    assert_string_equal(topic->name, "ab");
    assert_int_equal(topic->error, 0);
    assert_int_equal(topic->count, 2);
    if (version >= 10)
        assert_memory_equal(&topic->id, &id, sizeof id);
    else
        assert_false(wire_uuid_is(&topic->id));
    assert_int_equal(topic->partitions[0].index, 0);
    assert_int_equal(topic->partitions[0].error, 0);
    assert_int_equal(topic->partitions[0].leader, 1);
    assert_int_equal(topic->partitions[0].leader_epoch, version >= 7 ? 5 : -1);
    assert_int_equal(topic->partitions[1].index, 1);
    assert_int_equal(topic->partitions[1].error, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(topic->partitions[1].leader, -1);
    assert_int_equal(topic->partitions[1].leader_epoch, version >= 7 ? 6 : -1);
    assert_string_equal(metadata->topics[1].name, "c");
    assert_int_equal(metadata->topics[1].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(metadata->topics[1].count, 0);
}

static void answer_check(const version_row *row, int16_t version)
{
    arena arena = { 0 };
    metadata metadata;
    wire_reader reader;
    answer_of(row->answer, version, &arena, &metadata, &reader);
    assert_false(reader.bad);
    assert_int_equal(metadata.throttle_ms, version >= 3 ? 7 : 0);
    assert_int_equal(metadata.broker_count, 2);
    assert_int_equal(metadata.brokers[0].id, 1);
    assert_string_equal(metadata.brokers[0].host, "h1");
    assert_int_equal(metadata.brokers[0].port, 9092);
    assert_string_equal(metadata.brokers[0].rack, "r");
    assert_int_equal(metadata.brokers[1].id, 2);
    assert_string_equal(metadata.brokers[1].host, "h2");
    assert_int_equal(metadata.brokers[1].port, 65535);
    assert_null(metadata.brokers[1].rack);
    topics_check(&metadata, version);
    arena_done(&arena);
}

static void answers_of_every_version_are_understood(void **state)
{
    (void)state;
    each_version(answer_check);
}

static void cut_check(const version_row *row, int16_t version)
{
    buffer whole = hex(row->answer);
    for (size_t size = 0; size < whole.size; size++) {
        arena arena = { 0 };
        metadata metadata;
        wire_reader reader;
        char *exact = malloc(size + 1);
        memcpy(exact, whole.at, size);
        wire_reader_init(&reader, exact, size, version >= 9);
        metadata_read(&(codec_answer){ &reader, version }, &two, &arena, &metadata);
        assert_true(reader.bad);
        free(exact);
        arena_done(&arena);
    }
    buffer_done(&whole);
}

static void an_answer_that_ends_early_is_seen_wherever_it_ends(void **state)
{
    (void)state;
    each_version(cut_check);
}

static void a_topic_that_the_broker_leaves_out_is_unknown(void **state)
{
    (void)state;
    arena arena = { 0 };
    metadata metadata;
    wire_reader reader;
    answer_of(
        "00000000 00000002 00000001 0000 0005'other' 00 00000001 0000 00000000 00000001 00000000 00000000", 1,
        &arena, &metadata, &reader);
    assert_false(reader.bad);
    assert_int_equal(metadata.topic_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(metadata.topics[i].name, names[i]);
        assert_int_equal(metadata.topics[i].error, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        assert_int_equal(metadata.topics[i].count, 0);
    }
    arena_done(&arena);
}

static void impossible_brokers_and_counts_are_faults(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "00000001 00000001 0002'h1' 00010000 ffff 00000002 00000000", /* port 65536 */
        "00000001 00000001 ffff 00002384 ffff 00000002 00000000",     /* no host */
        "7fffffff 00000001 0002'h1' 00002384 ffff 00000002 00000000", /* 2^31 brokers */
        "00000000 00000002 40000000",                                 /* 2^30 topics */
        "00000000 00000002 00000001 0000 0002'ab' 00 10000000 0000 00000000 00000001 00000000 00000000",
        "00000000 00000002 00000001 0000 0002'ab' 00 00000001 0000 00000000 00000001 40000000 00000000",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        arena arena = { 0 };
        metadata metadata;
        wire_reader reader;
        answer_of(wrong[i], 1, &arena, &metadata, &reader);
        assert_true(reader.bad);
        assert_non_null(reader.fault);
        assert_true(arena_bytes(&arena) < 1 << 20);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_name_the_topics_and_make_none),
        cmocka_unit_test(answers_of_every_version_are_understood),
        cmocka_unit_test(an_answer_that_ends_early_is_seen_wherever_it_ends),
        cmocka_unit_test(a_topic_that_the_broker_leaves_out_is_unknown),
        cmocka_unit_test(impossible_brokers_and_counts_are_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
