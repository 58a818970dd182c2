/*
 * tests/sources/kafka/protocol_offsets.c - ListOffsets in every version, against bytes that Kafka's own classes agree with.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>
#include <sources/shared/assert_hex.h>

typedef struct version_row {
    int16_t from, until;
    const char *request, *answer; /* the answer has the topics and the partitions the other way round */
} version_row;

/* clang-format off */
static const version_row versions[] = {
    { 2, 3, "ffffffff 01 00000002"
            " 0002'ab' 00000002  00000000 fffffffffffffffe  00000003 0000018bcfe56800"
            " 0001'c' 00000001  00000000 ffffffffffffffff",
      "00000009 00000002"
      " 0001'c' 00000001  00000000 0006 ffffffffffffffff ffffffffffffffff"
      " 0002'ab' 00000002  00000003 0000 0000018bcfe56801 000000000000002a"
      "  00000000 0000 ffffffffffffffff 000000000000000b" },
    { 4, 5, "ffffffff 01 00000002"
            " 0002'ab' 00000002  00000000 00000005 fffffffffffffffe  00000003 ffffffff 0000018bcfe56800"
            " 0001'c' 00000001  00000000 ffffffff ffffffffffffffff",
      "00000009 00000002"
      " 0001'c' 00000001  00000000 0006 ffffffffffffffff ffffffffffffffff ffffffff"
      " 0002'ab' 00000002  00000003 0000 0000018bcfe56801 000000000000002a 00000004"
      "  00000000 0000 ffffffffffffffff 000000000000000b 00000002" },
    { 6, 7, "ffffffff 01 03"
            " 03'ab' 03  00000000 00000005 fffffffffffffffe 00  00000003 ffffffff 0000018bcfe56800 00 00"
            " 02'c' 02  00000000 ffffffff ffffffffffffffff 00 00 00",
      "00000009 03"
      " 02'c' 02  00000000 0006 ffffffffffffffff ffffffffffffffff ffffffff 00 00"
      " 03'ab' 03  00000003 0000 0000018bcfe56801 000000000000002a 00000004 00"
      "  00000000 0000 ffffffffffffffff 000000000000000b 00000002 00 00 00" },
};
/* clang-format on */

static const protocol_topic ab = { .name = "ab" }, c = { .name = "c" };

static void parts_fill(offsets_part parts[3])
{
    parts[0] = (offsets_part){ .topic = &ab, .partition = 0, .leader_epoch = 5, .time_ms = OFFSETS_BEGIN };
    parts[1] = (offsets_part){ .topic = &ab, .partition = 3, .leader_epoch = -1, .time_ms = 1700000000000 };
    parts[2] = (offsets_part){ .topic = &c, .partition = 0, .leader_epoch = -1, .time_ms = OFFSETS_END };
}

static void each_version(void (*check)(const version_row *row, int16_t version))
{
    int16_t next = 2;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        for (int16_t version = versions[i].from; version <= versions[i].until; version++) {
            assert_int_equal(version, next++);
            check(&versions[i], version);
        }
    assert_int_equal(next, 8);
}

static void request_check(const version_row *row, int16_t version)
{
    offsets_part parts[3];
    buffer out = { 0 };
    parts_fill(parts);
    offsets_write(&(wire_writer){ &out, version >= 6 }, version, &(offsets_list){ parts, 3, true, 0 });
    assert_hex(&out, row->request);
}

static void requests_put_the_parts_of_a_topic_together(void **state)
{
    (void)state;
    each_version(request_check);
}

static void who_reads_all_asks_for_the_end_of_all(void **state)
{
    (void)state;
    offsets_part parts[3];
    buffer out = { 0 };
    parts_fill(parts);
    offsets_write(&(wire_writer){ &out, false }, 2, &(offsets_list){ parts + 2, 1, false, 0 });
    assert_hex(&out, "ffffffff 00 00000001 0001'c' 00000001 00000000 ffffffffffffffff");
}

static bool answer_of(const char *text, int16_t version, offsets_list *list)
{
    size_t size;
    char *bytes = hex_exact(text, &size);
    wire_reader reader;
    wire_reader_init(&reader, bytes, size, version >= 6);
    offsets_read(&(codec_answer){ &reader, version }, list);
    if (!reader.bad)
        assert_int_equal(wire_left(&reader), 0);
    free(bytes);
    return !reader.bad;
}

static void answer_check(const version_row *row, int16_t version)
{
    offsets_part parts[3];
    offsets_list list = { parts, 3, true, 0 };
    parts_fill(parts);
    assert_true(answer_of(row->answer, version, &list));
    assert_int_equal(list.throttle_ms, 9);
    assert_int_equal(parts[0].error, 0);
    assert_int_equal(parts[0].offset, 11);
    assert_int_equal(parts[0].offset_epoch, version >= 4 ? 2 : -1);
    assert_int_equal(parts[1].error, 0);
    assert_int_equal(parts[1].offset, 42);
    assert_int_equal(parts[1].offset_epoch, version >= 4 ? 4 : -1);
    assert_int_equal(parts[2].error, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(parts[2].offset, -1);
    assert_int_equal(parts[2].offset_epoch, -1);
}

static void answers_of_every_version_find_their_parts(void **state)
{
    (void)state;
    each_version(answer_check);
}

static void cut_check(const version_row *row, int16_t version)
{
    buffer whole = hex(row->answer);
    for (size_t size = 0; size < whole.size; size++) {
        offsets_part parts[3];
        offsets_list list = { parts, 3, true, 0 };
        char *exact = malloc(size + 1);
        wire_reader reader;
        parts_fill(parts);
        memcpy(exact, whole.at, size);
        wire_reader_init(&reader, exact, size, version >= 6);
        offsets_read(&(codec_answer){ &reader, version }, &list);
        assert_true(reader.bad);
        free(exact);
    }
    buffer_done(&whole);
}

static void an_answer_that_ends_early_is_seen_wherever_it_ends(void **state)
{
    (void)state;
    each_version(cut_check);
}

static void parts_without_an_answer_have_an_error(void **state)
{
    (void)state;
    offsets_part parts[3];
    offsets_list list = { parts, 3, true, 0 };
    parts_fill(parts);
    assert_true(answer_of(
        "00000000 00000001 0002'ab' 00000001 00000003 0000 ffffffffffffffff 0000000000000001", 2, &list));
    assert_int_equal(parts[0].error, RD_KAFKA_RESP_ERR_UNKNOWN);
    assert_int_equal(parts[1].error, 0);
    assert_int_equal(parts[1].offset, 1);
    assert_int_equal(parts[2].error, RD_KAFKA_RESP_ERR_UNKNOWN);
}

static void an_answer_about_something_else_is_a_fault(void **state)
{
    (void)state;
    offsets_part parts[3];
    offsets_list list = { parts, 3, true, 0 };
    parts_fill(parts);
    assert_false(answer_of(
        "00000000 00000001 0002'xx' 00000001 00000003 0000 ffffffffffffffff 0000000000000001", 2, &list));
    assert_false(answer_of(
        "00000000 00000001 0002'ab' 00000001 00000001 0000 ffffffffffffffff 0000000000000001", 2, &list));
    assert_false(answer_of("00000000 00000001 ffff 00000001 00000003 0000 ffffffffffffffff 0000000000000001",
                           2, &list));
    assert_false(answer_of("00000000 7fffffff", 2, &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_put_the_parts_of_a_topic_together),
        cmocka_unit_test(who_reads_all_asks_for_the_end_of_all),
        cmocka_unit_test(answers_of_every_version_find_their_parts),
        cmocka_unit_test(an_answer_that_ends_early_is_seen_wherever_it_ends),
        cmocka_unit_test(parts_without_an_answer_have_an_error),
        cmocka_unit_test(an_answer_about_something_else_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
