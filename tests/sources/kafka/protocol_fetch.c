/*
 * tests/sources/kafka/protocol_fetch.c - Fetch in every version, against bytes that Kafka's own classes agree with.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>
#include <sources/shared/assert_hex.h>

#define ID_AB     "0102030405060708090a0b0c0d0e0f10 "
#define ID_C      "1112131415161718191a1b1c1d1e1f20 "
#define HEAD      "ffffffff 00000032 00000001 000f4240 01 "
/* Partition 3 with records, 0 that is led by another broker, 1 of the other topic at its end. */
#define MARKS_3   "00000003 0000 000000000000012c 0000000000000122 "
#define ABORTED   "00000002 000000000000004d 00000000000000cd 000000000000004e 00000000000000d2 "
#define ABORTED_F "03 000000000000004d 00000000000000cd 00 000000000000004e 00000000000000d2 00 "
#define START_3   "000000000000000a "
#define MARKS_0   "00000000 0006 ffffffffffffffff ffffffffffffffff "
#define NOWHERE   "ffffffffffffffff "
#define MARKS_1   "00000001 0000 0000000000000005 0000000000000005 "
#define START_1   "0000000000000000 "

typedef struct version_row {
    int16_t from, until;
    const char *request, *answer;
} version_row;

/* clang-format off */
static const version_row versions[] = {
    { 4, 4, HEAD "00000002 0002'ab' 00000002  00000000 0000000000000064 000007d0  00000003 00000000000000c8 00000bb8"
                 " 0001'c' 00000001 00000001 0000000000000000 00000fa0",
      "00000003 00000002 0002'ab' 00000002 " MARKS_3 ABORTED "0000000a '0123456789'" MARKS_0 "ffffffff ffffffff"
      " 0001'c' 00000001 " MARKS_1 "00000000 00000000" },
    { 5, 6, HEAD "00000002 0002'ab' 00000002  00000000 0000000000000064 ffffffffffffffff 000007d0"
                 "  00000003 00000000000000c8 ffffffffffffffff 00000bb8"
                 " 0001'c' 00000001  00000001 0000000000000000 ffffffffffffffff 00000fa0",
      "00000003 00000002 0002'ab' 00000002 " MARKS_3 START_3 ABORTED "0000000a '0123456789'"
      MARKS_0 NOWHERE "ffffffff ffffffff 0001'c' 00000001 " MARKS_1 START_1 "00000000 00000000" },
    { 7, 8, HEAD "00000000 ffffffff 00000002 0002'ab' 00000002  00000000 0000000000000064 ffffffffffffffff 000007d0"
                 "  00000003 00000000000000c8 ffffffffffffffff 00000bb8"
                 " 0001'c' 00000001  00000001 0000000000000000 ffffffffffffffff 00000fa0 00000000",
      "00000003 0000 00000000 00000002 0002'ab' 00000002 " MARKS_3 START_3 ABORTED "0000000a '0123456789'"
      MARKS_0 NOWHERE "ffffffff ffffffff 0001'c' 00000001 " MARKS_1 START_1 "00000000 00000000" },
    { 9, 10, HEAD "00000000 ffffffff 00000002 0002'ab' 00000002"
                  "  00000000 00000005 0000000000000064 ffffffffffffffff 000007d0"
                  "  00000003 ffffffff 00000000000000c8 ffffffffffffffff 00000bb8"
                  " 0001'c' 00000001  00000001 ffffffff 0000000000000000 ffffffffffffffff 00000fa0 00000000",
      "00000003 0000 00000000 00000002 0002'ab' 00000002 " MARKS_3 START_3 ABORTED "0000000a '0123456789'"
      MARKS_0 NOWHERE "ffffffff ffffffff 0001'c' 00000001 " MARKS_1 START_1 "00000000 00000000" },
    { 11, 11, HEAD "00000000 ffffffff 00000002 0002'ab' 00000002"
                   "  00000000 00000005 0000000000000064 ffffffffffffffff 000007d0"
                   "  00000003 ffffffff 00000000000000c8 ffffffffffffffff 00000bb8"
                   " 0001'c' 00000001  00000001 ffffffff 0000000000000000 ffffffffffffffff 00000fa0 00000000 0002'rk'",
      "00000003 0000 00000000 00000002 0002'ab' 00000002 " MARKS_3 START_3 ABORTED "00000002 0000000a '0123456789'"
      MARKS_0 NOWHERE "ffffffff ffffffff ffffffff"
      " 0001'c' 00000001 " MARKS_1 START_1 "00000000 ffffffff 00000000" },
    { 12, 12, HEAD "00000000 ffffffff 03 03'ab' 03"
                   "  00000000 00000005 0000000000000064 00000004 ffffffffffffffff 000007d0 00"
                   "  00000003 ffffffff 00000000000000c8 ffffffff ffffffffffffffff 00000bb8 00 00"
                   " 02'c' 02  00000001 ffffffff 0000000000000000 ffffffff ffffffffffffffff 00000fa0 00 00"
                   " 01 03'rk' 00",
      "00000003 0000 00000000 03 03'ab' 03 " MARKS_3 START_3 ABORTED_F "00000002 0b'0123456789' 00"
      MARKS_0 NOWHERE "00 ffffffff 00 02 00 0d 00000004 000000000000005a 00 01 09 00000002 00000006 00 00"
      " 02'c' 02 " MARKS_1 START_1 "01 ffffffff 01 00 00 00" },
    { 13, 13, HEAD "00000000 ffffffff 03 " ID_AB "03"
                   "  00000000 00000005 0000000000000064 00000004 ffffffffffffffff 000007d0 00"
                   "  00000003 ffffffff 00000000000000c8 ffffffff ffffffffffffffff 00000bb8 00 00"
                   ID_C "02  00000001 ffffffff 0000000000000000 ffffffff ffffffffffffffff 00000fa0 00 00"
                   " 01 03'rk' 00",
      "00000003 0000 00000000 03 " ID_AB "03 " MARKS_3 START_3 ABORTED_F "00000002 0b'0123456789' 00"
      MARKS_0 NOWHERE "00 ffffffff 00 02 00 0d 00000004 000000000000005a 00 01 09 00000002 00000006 00 00"
      ID_C "02 " MARKS_1 START_1 "01 ffffffff 01 00 00 00" },
};
/* clang-format on */

static const protocol_topic ab = { "ab", { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } } };
static const protocol_topic c = { "c",
                                  { { 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 } } };
static const fetch_part parts[] = {
    { &ab, 0, 5, 4, 100, 2000 },
    { &ab, 3, -1, -1, 200, 3000 },
    { &c, 1, -1, -1, 0, 4000 },
};
static const fetch_ask ask = { parts, 3, 50, 1, 1000000 };

static void each_version(void (*check)(const version_row *row, int16_t version))
{
    int16_t next = 4;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        for (int16_t version = versions[i].from; version <= versions[i].until; version++) {
            assert_int_equal(version, next++);
            check(&versions[i], version);
        }
    assert_int_equal(next, 14);
}

static void request_check(const version_row *row, int16_t version)
{
    buffer out = { 0 };
    fetch_write(&(wire_writer){ &out, version >= 12 }, version, &ask, &(fetch_manner){ "rk", true });
    assert_hex(&out, row->request);
}

static void requests_are_full_ones_in_every_version(void **state)
{
    (void)state;
    each_version(request_check);
}

static void topics_without_an_id_are_asked_for_by_name(void **state)
{
    (void)state;
    protocol_topic nameless_id = { .name = "d" };
    fetch_part one = { &nameless_id, 0, -1, -1, 0, 1 };
    fetch_ask by_name = { &one, 1, 0, 1, 1 };
    assert_int_equal(fetch_version(13, &ask), 13);
    assert_int_equal(fetch_version(7, &ask), 7);
    assert_int_equal(fetch_version(13, &by_name), 12);
    assert_int_equal(fetch_version(4, &by_name), 4);
}

/* ---- Answers ---- */

typedef struct trial {
    char *bytes;
    wire_reader reader;
    fetch_answer answer;
    fetch_slice slice;
    failure failure;
} trial;

static void trial_begin(trial *trial, const char *text, int16_t version)
{
    size_t size;
    *trial = (struct trial){ .bytes = hex_exact(text, &size) };
    wire_reader_init(&trial->reader, trial->bytes, size, version >= 12);
    fetch_read(&(codec_answer){ &trial->reader, version }, &ask, &trial->answer);
}

static sl_result trial_next(trial *trial)
{
    return fetch_next(&trial->answer, &trial->slice, &trial->failure);
}

static void trial_end(trial *trial)
{
    fetch_answer_done(&trial->answer);
    free(trial->bytes);
}

static void first_slice_check(trial *trial, int16_t version)
{
    const fetch_slice *slice = &trial->slice;
    char records[11] = "";
    assert_int_equal(trial_next(trial), SL_OK);
    assert_ptr_equal(slice->part, &parts[1]);
    assert_int_equal(slice->error, 0);
    assert_int_equal(slice->high_watermark, 300);
    assert_int_equal(slice->last_stable, 290);
    assert_int_equal(slice->log_start, version >= 5 ? 10 : -1);
    assert_int_equal(slice->aborted_count, 2);
    assert_int_equal(slice->aborted[0].producer, 77);
    assert_int_equal(slice->aborted[0].first_offset, 205);
    assert_int_equal(slice->aborted[1].producer, 78);
    assert_int_equal(slice->aborted[1].first_offset, 210);
    assert_int_equal(slice->preferred_replica, version >= 11 ? 2 : -1);
    assert_int_equal(slice->bytes, 10);
    assert_int_equal(fetch_records(&trial->answer, records, 4, &trial->failure), SL_OK);
    assert_int_equal(fetch_records(&trial->answer, records + 4, 6, &trial->failure), SL_OK);
    assert_string_equal(records, "0123456789");
}

static void answer_check(const version_row *row, int16_t version)
{
    trial trial;
    const fetch_slice *slice = &trial.slice;
    trial_begin(&trial, row->answer, version);
    assert_int_equal(trial.answer.throttle_ms, 3);
    assert_int_equal(trial.answer.error, 0);
    first_slice_check(&trial, version);

    assert_int_equal(trial_next(&trial), SL_OK);
    assert_ptr_equal(slice->part, &parts[0]);
    assert_int_equal(slice->error, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(slice->high_watermark, -1);
    assert_int_equal(slice->aborted_count, 0);
    assert_int_equal(slice->bytes, 0);
    assert_int_equal(slice->diverging_epoch, version >= 12 ? 4 : -1);
    assert_int_equal(slice->diverging_offset, version >= 12 ? 90 : -1);
    assert_int_equal(slice->leader, version >= 12 ? 2 : -1);
    assert_int_equal(slice->leader_epoch, version >= 12 ? 6 : -1);

    assert_int_equal(trial_next(&trial), SL_OK);
    assert_ptr_equal(slice->part, &parts[2]);
    assert_int_equal(slice->error, 0);
    assert_int_equal(slice->high_watermark, 5);
    assert_int_equal(slice->log_start, version >= 5 ? 0 : -1);
    assert_int_equal(slice->preferred_replica, -1);
    assert_int_equal(slice->diverging_epoch, -1);
    assert_int_equal(slice->leader, -1);
    assert_int_equal(slice->bytes, 0);

    assert_int_equal(trial_next(&trial), SL_OK);
    assert_null(slice->part);
    trial_end(&trial);
}

static void answers_of_every_version_give_their_partitions_one_by_one(void **state)
{
    (void)state;
    each_version(answer_check);
}

/* `taken` of the ten bytes are read. */
static void skip_check(const version_row *row, int16_t version)
{
    for (size_t taken = 0; taken < 10; taken++) {
        trial trial;
        char records[10];
        trial_begin(&trial, row->answer, version);
        assert_int_equal(trial_next(&trial), SL_OK);
        assert_int_equal(fetch_records(&trial.answer, records, taken, &trial.failure), SL_OK);
        assert_memory_equal(records, "0123456789", taken);
        assert_int_equal(trial_next(&trial), SL_OK);
        assert_ptr_equal(trial.slice.part, &parts[0]);
        assert_int_equal(trial_next(&trial), SL_OK);
        assert_int_equal(trial_next(&trial), SL_OK);
        assert_null(trial.slice.part);
        assert_int_equal(wire_left(&trial.reader), 0);
        trial_end(&trial);
    }
}

static void records_that_nobody_takes_are_skipped(void **state)
{
    (void)state;
    each_version(skip_check);
}

/* The whole of an answer; true when nothing was wrong with it. */
static bool walk(trial *trial)
{
    char records[16];
    do {
        if (trial->reader.bad || trial_next(trial) != SL_OK)
            return false;
        size_t taken = trial->slice.part && trial->slice.bytes < sizeof records ? trial->slice.bytes : 0;
        if (taken && fetch_records(&trial->answer, records, taken, &trial->failure) != SL_OK)
            return false;
    } while (trial->slice.part);
    return true;
}

static void cut_check(const version_row *row, int16_t version)
{
    buffer whole = hex(row->answer);
    for (size_t size = 0; size <= whole.size; size++) {
        trial trial = { .bytes = malloc(size + 1) };
        memcpy(trial.bytes, whole.at, size);
        wire_reader_init(&trial.reader, trial.bytes, size, version >= 12);
        fetch_read(&(codec_answer){ &trial.reader, version }, &ask, &trial.answer);
        assert_int_equal(walk(&trial), size == whole.size);
        trial_end(&trial);
    }
    buffer_done(&whole);
}

static void an_answer_that_ends_early_is_seen_wherever_it_ends(void **state)
{
    (void)state;
    each_version(cut_check);
}

static void an_answer_about_something_else_is_a_fault(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "00000003 00000001 0002'xx' 00000001 " MARKS_1 "00000000 00000000", /* another topic */
        "00000003 00000001 ffff 00000001 " MARKS_1 "00000000 00000000",     /* none */
        "00000003 00000001 0002'ab' 00000001 " MARKS_1 "00000000 00000000", /* another partition */
        "00000003 00000001 0001'c' 00000002 " MARKS_1 "00000000 00000000" MARKS_1
        "00000000 00000000",                                               /* twice */
        "00000003 00000001 0001'c' 00000001 " MARKS_1 "00000000 00000001", /* records beyond the end */
        "00000003 00000001 0001'c' 00000001 " MARKS_1 "00000000 fffffffe", /* -2 bytes of records */
        "00000003 00000001 0001'c' 00000001 " MARKS_1 "10000000 00000000", /* 2^28 transactions */
        "00000003 00000001 0001'c' 7fffffff " MARKS_1 "00000000 00000000", /* 2^31 partitions */
        "00000003 7fffffff 0001'c' 00000001 " MARKS_1 "00000000 00000000", /* 2^31 topics */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        trial trial;
        trial_begin(&trial, wrong[i], 4);
        if (walk(&trial))
            fail_msg("wrong answer %zu is taken for a right one", i);
        trial_end(&trial);
    }
    trial trial;
    trial_begin(&trial, wrong[0] + 0, 4);
    assert_int_equal(trial_next(&trial), SL_RETRY);
    assert_string_equal(trial.failure.text, "in a topic, byte 12 of 46: a topic that nobody asked for (2)");
    trial_end(&trial);
}

static void an_error_of_the_whole_comes_without_partitions(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial, "00000064 0047 00000000 00000000", 7);
    assert_int_equal(trial.answer.error, RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(trial.answer.throttle_ms, 100);
    assert_int_equal(trial_next(&trial), SL_OK);
    assert_null(trial.slice.part);
    trial_end(&trial);
}

/* Newer brokers may tag what we do not know: whole answer, topics, partitions. */
static void tags_that_are_not_known_are_skipped(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial,
                "00000003 0000 00000000 02 02'c' 02 " MARKS_1 START_1 "01 ffffffff 04'abc' 01 07 02 'xx'"
                " 02 00 00 05 03 'yyy' 01 00 01 'z'",
                12);
    assert_true(walk(&trial));
    trial_end(&trial);
}

static void a_topic_may_come_in_several_pieces(void **state)
{
    (void)state;
    trial trial;
    trial_begin(&trial,
                "00000003 00000003 0002'ab' 00000001 " MARKS_0 "ffffffff ffffffff 0001'c' 00000001 " MARKS_1
                "00000000 00000000 0002'ab' 00000001 " MARKS_3 "00000000 00000001 'r'",
                4);
    static const size_t order[] = { 0, 2, 1 };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(trial_next(&trial), SL_OK);
        assert_ptr_equal(trial.slice.part, &parts[order[i]]);
    }
    assert_int_equal(trial_next(&trial), SL_OK);
    assert_null(trial.slice.part);
    trial_end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_full_ones_in_every_version),
        cmocka_unit_test(topics_without_an_id_are_asked_for_by_name),
        cmocka_unit_test(answers_of_every_version_give_their_partitions_one_by_one),
        cmocka_unit_test(records_that_nobody_takes_are_skipped),
        cmocka_unit_test(an_answer_that_ends_early_is_seen_wherever_it_ends),
        cmocka_unit_test(an_answer_about_something_else_is_a_fault),
        cmocka_unit_test(an_error_of_the_whole_comes_without_partitions),
        cmocka_unit_test(tags_that_are_not_known_are_skipped),
        cmocka_unit_test(a_topic_may_come_in_several_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
