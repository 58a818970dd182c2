/*
 * tests/sources/kafka/record_batch.c - batches that the tests' own writer made, read back whole, in portions, in part; and
 * what is said of bytes that are none.
 */
#include <records/segment.h>
#include <setjmp.h>
#include <sources/kafka/record_batch.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/record_batches.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { MOST = 3000, UNPACKED_MAX = 16 << 20 };

/* A batch's bytes in memory of exactly their size and the slack, so that a sanitizer sees a step too far. */
typedef struct held {
    char *at;
    size_t size;
} held;

static held hold(const buffer *batch)
{
    held held = { malloc(batch->size + SEGMENT_SLACK), batch->size };
    memcpy(held.at, batch->at, batch->size);
    memset(held.at + batch->size, 0xFF, SEGMENT_SLACK);
    return held;
}

/* ---- Batches to read ---- */

typedef struct sample {
    written_batch batch;
    written_record records[MOST];
    size_t count;
    char bytes[MOST * 100];
    buffer written;
    held held;
} sample;

static sl_text text_draw(dice *dice, char **bytes)
{
    size_t size = dice_below(dice, 4) ? dice_below(dice, 20) : dice_below(dice, 90);
    sl_text text = { *bytes, size };
    if (dice_below(dice, 5) == 0)
        return (sl_text){ 0 };
    for (size_t i = 0; i < size; i++)
        *(*bytes)++ = (char)('a' + dice_below(dice, 3));
    return text;
}

/* Keys and values of all kinds, offsets with gaps, times to and fro, sometimes headers. */
static void sample_draw(sample *sample, dice *dice, written_codec codec, size_t count)
{
    static const written_header headers[] = { { { "trace", 5 }, { "x", 1 } }, { { "", 0 }, { 0 } } };
    char *bytes = sample->bytes;
    int64_t offset = (int64_t)dice_below(dice, 3);
    sample->count = count;
    for (size_t i = 0; i < count; i++) {
        sample->records[i] =
            (written_record){ .offset = offset,
                              .time_ms = 1700000000000 + (int64_t)dice_below(dice, 100000) - 50000 };
        if (bytes + 200 < sample->bytes + sizeof sample->bytes) {
            sample->records[i].key = text_draw(dice, &bytes);
            sample->records[i].value = text_draw(dice, &bytes);
        }
        if (dice_below(dice, 10) == 0) {
            sample->records[i].headers = headers;
            sample->records[i].header_count = 2;
        }
        offset += 1 + (int64_t)(dice_below(dice, 4) ? 0 : dice_below(dice, 300));
    }
    sample->batch = (written_batch){ .base_offset = (int64_t)dice_below(dice, 1000000),
                                     .packed_by = codec,
                                     .leader_epoch = 7 };
    sample->batch.last_offset = sample->batch.base_offset + offset + 5;
    sample->written.size = 0;
    batch_write(&sample->written, &sample->batch, sample->records, count);
    free(sample->held.at);
    sample->held = hold(&sample->written);
}

static sample *sample_new(void)
{
    return calloc(1, sizeof(sample));
}

static void sample_free(sample *sample)
{
    buffer_done(&sample->written);
    free(sample->held.at);
    free(sample);
}

/* The offset of each record, counted as the writer's header says. */
static int64_t sample_offset(const sample *sample, size_t i)
{
    return sample->batch.base_offset + sample->records[i].offset;
}

static void assert_text(sl_text is, sl_text wanted)
{
    assert_int_equal(is.at == NULL, wanted.at == NULL);
    assert_int_equal(is.size, wanted.size);
    if (wanted.size)
        assert_memory_equal(is.at, wanted.at, wanted.size);
}

static void assert_message(const sl_message *message, const sample *sample, size_t i)
{
    assert_int_equal(message->origin.offset, sample_offset(sample, i));
    assert_int_equal(message->origin.time_ms, sample->records[i].time_ms);
    assert_text(message->key, sample->records[i].key);
    assert_text(message->value, sample->records[i].value);
    sl_text name, value;
    size_t count = 0;
    for (; sl_header_at(message, count, &name, &value); count++) {
        assert_text(name, sample->records[i].headers[count].key);
        assert_text(value, sample->records[i].headers[count].value);
    }
    assert_int_equal(count, sample->records[i].header_count);
}

/* Up to `room` messages of [from, until) from `place` on, which moves; opened anew each time. */
static size_t read_portion(record_cursor *cursor, const held *held, record_scratch *scratch,
                           sl_message *messages, size_t room)
{
    record_cursor fresh = { .from = cursor->from, .until = cursor->until, .place = cursor->place };
    failure failure = { 0 };
    size_t count = 0;
    if (record_cursor_open(&fresh, held->at, held->size, scratch, &failure) != SL_OK ||
        record_cursor_read(&fresh, messages, room, &count, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    *cursor = fresh;
    return count;
}

/* All of [from, until), in portions of `room`, by workers that take turns. */
static void assert_reads(const sample *sample, int64_t from, int64_t until, size_t room,
                         record_scratch scratches[2])
{
    sl_message *messages = malloc(room * sizeof *messages);
    record_cursor cursor = { .from = from, .until = until };
    size_t next = 0, count, turn = 0;
    while (next < sample->count && sample_offset(sample, next) < from)
        next++;
    while ((count = read_portion(&cursor, &sample->held, &scratches[turn++ % 2], messages, room)) > 0)
        for (size_t i = 0; i < count; i++)
            assert_message(&messages[i], sample, next++);
    assert_true(next == sample->count || sample_offset(sample, next) >= until);
    free(messages);
}

/* ---- Tests: what is read ---- */

static void every_codec_gives_back_all_records(void **state)
{
    (void)state;
    dice dice = { 3 };
    sample *sample = sample_new();
    record_scratch scratches[2];
    record_scratch_init(&scratches[0], UNPACKED_MAX);
    record_scratch_init(&scratches[1], UNPACKED_MAX);
    for (written_codec codec = 0; codec < WRITTEN_CODECS; codec++)
        for (int round = 0; round < 20; round++) {
            sample_draw(sample, &dice, codec, round == 0 ? MOST : dice_below(&dice, 200));
            assert_reads(sample, 0, INT64_MAX, 256, scratches);
        }
    record_scratch_done(&scratches[0]);
    record_scratch_done(&scratches[1]);
    sample_free(sample);
}

static void any_range_can_be_read_in_any_portions_by_any_worker(void **state)
{
    (void)state;
    dice dice = { 4 };
    sample *sample = sample_new(), *other = sample_new();
    record_scratch scratches[2];
    record_scratch_init(&scratches[0], UNPACKED_MAX);
    record_scratch_init(&scratches[1], UNPACKED_MAX);
    for (int round = 0; round < 300; round++) {
        sample_draw(sample, &dice, (written_codec)dice_below(&dice, WRITTEN_CODECS),
                    1 + dice_below(&dice, 100));
        int64_t first = sample->batch.base_offset, span = sample->batch.last_offset - first + 3;
        int64_t from = first - 1 + (int64_t)dice_below(&dice, (size_t)span);
        int64_t until = first - 1 + (int64_t)dice_below(&dice, (size_t)span);
        assert_reads(sample, from, until, 1 + dice_below(&dice, 20), scratches);
        sample_draw(other, &dice, (written_codec)dice_below(&dice, WRITTEN_CODECS), 50);
        assert_reads(other, 0, INT64_MAX, 7, scratches); /* the scratches hold something else now */
        assert_reads(sample, first, until, 1 + dice_below(&dice, 20), scratches);
    }
    record_scratch_done(&scratches[0]);
    record_scratch_done(&scratches[1]);
    sample_free(sample);
    sample_free(other);
}

static record_batch header_of(const buffer *written)
{
    record_batch batch;
    failure failure = { 0 };
    assert_int_equal(record_batch_header(written->at, written->size, &batch, &failure), RECORD_BATCH_WHOLE);
    return batch;
}

static void a_header_says_what_was_written(void **state)
{
    (void)state;
    buffer out = { 0 };
    written_record records[] = { { .time_ms = 5000, .value = { "a", 1 } },
                                 { .time_ms = 9000, .offset = 4, .value = { "b", 1 } },
                                 { .time_ms = 7000, .value = { "c", 1 } } };
    batch_write(&out,
                &(written_batch){ .base_offset = 1LL << 40,
                                  .packed_by = WRITTEN_ZSTD,
                                  .is_transactional = true,
                                  .producer_id = 1LL << 33,
                                  .leader_epoch = 12 },
                records, 3);
    record_batch batch = header_of(&out);
    assert_int_equal(batch.size, out.size);
    assert_int_equal(batch.base_offset, 1LL << 40);
    assert_int_equal(batch.last_offset, (1LL << 40) + 5);
    assert_int_equal(batch.base_time_ms, 5000);
    assert_int_equal(batch.max_time_ms, 9000);
    assert_int_equal(batch.producer_id, 1LL << 33);
    assert_int_equal(batch.leader_epoch, 12);
    assert_int_equal(batch.records, 3);
    assert_int_equal(batch.packed_by, COMPRESSION_ZSTD);
    assert_true(batch.is_transactional);
    assert_false(batch.is_control || batch.is_log_append);
    assert_int_equal(batch.checksum, crc32c_naive(out.at + 21, out.size - 21));
    buffer_done(&out);
}

static void a_batch_that_is_cut_off_says_how_many_bytes_it_needs(void **state)
{
    (void)state;
    buffer out = { 0 };
    written_record record = { .value = { "value", 5 } };
    batch_write(&out, &(written_batch){ .base_offset = 3 }, &record, 1);
    for (size_t size = 0; size < out.size; size++) {
        buffer part = { out.at, size, size };
        held held = hold(&part);
        record_batch batch;
        failure failure = { 0 };
        assert_int_equal(record_batch_header(held.at, size, &batch, &failure), RECORD_BATCH_CUT_OFF);
        assert_int_equal(batch.size, size < 12 ? 0 : out.size);
        assert_int_equal(failure.result, SL_OK);
        record_cursor cursor = { .until = 10 };
        record_scratch scratch;
        record_scratch_init(&scratch, UNPACKED_MAX);
        assert_int_equal(record_cursor_open(&cursor, held.at, size, &scratch, &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "cut off"));
        free(held.at);
    }
    buffer_append(&out, "more", 4); /* the beginning of the next one */
    assert_int_equal(header_of(&out).size, out.size - 4);
    buffer_done(&out);
}

/* Reads all of one batch that stands in `out`; the result of the first call that fails. */
static sl_result read_all(const buffer *out, size_t unpacked_max, sl_message *messages, size_t room,
                          size_t *count, failure *failure)
{
    static char kept[100000];
    held held = hold(out);
    record_scratch scratch;
    record_cursor cursor = { .until = INT64_MAX };
    record_scratch_init(&scratch, unpacked_max);
    *count = 0;
    sl_result result = record_cursor_open(&cursor, held.at, held.size, &scratch, failure);
    if (result == SL_OK)
        result = record_cursor_read(&cursor, messages, room, count, failure);
    for (size_t i = 0, at = 0; i < *count && at + messages[i].value.size < sizeof kept; i++) {
        memcpy(kept + at, messages[i].value.at ? messages[i].value.at : "", messages[i].value.size);
        messages[i].value.at = messages[i].value.at ? kept + at : NULL;
        at += messages[i].value.size;
    }
    record_scratch_done(&scratch);
    free(held.at);
    return result;
}

static void log_append_time_is_the_time_of_every_record(void **state)
{
    (void)state;
    buffer out = { 0 };
    sl_message messages[5];
    size_t count;
    failure failure = { 0 };
    written_record records[] = { { .time_ms = 5000 }, { .time_ms = 6000 } };
    batch_write(&out, &(written_batch){ .is_log_append = true, .max_time_ms = 777000 }, records, 2);
    assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(messages[0].origin.time_ms, 777000);
    assert_int_equal(messages[1].origin.time_ms, 777000);
    buffer_done(&out);
}

static void the_widest_numbers_are_read(void **state)
{
    (void)state;
    buffer out = { 0 };
    sl_message messages[5];
    size_t count;
    failure failure = { 0 };
    written_record records[] = { { .time_ms = -1, .value = { "a", 1 } },
                                 { .time_ms = INT64_MAX - 1, .value = { "b", 1 } },
                                 { .time_ms = INT64_MIN, .offset = INT32_MAX, .value = { "", 0 } } };
    batch_write(&out, &(written_batch){ .base_offset = 5 }, records, 3);
    assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_OK);
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(messages[i].origin.time_ms, records[i].time_ms);
    assert_int_equal(messages[1].origin.offset, 6);
    assert_int_equal(messages[2].origin.offset, 5 + (int64_t)INT32_MAX);
    assert_non_null(messages[2].value.at);
    buffer_done(&out);
}

static void an_empty_batch_is_no_damage(void **state)
{
    (void)state;
    buffer out = { 0 };
    sl_message messages[5];
    size_t count;
    failure failure = { 0 };
    for (written_codec codec = 0; codec < WRITTEN_CODECS; codec++) {
        out.size = 0;
        batch_write(&out, &(written_batch){ .base_offset = 10, .last_offset = 19, .packed_by = codec }, NULL,
                    0);
        assert_int_equal(header_of(&out).records, 0);
        assert_int_equal(header_of(&out).last_offset, 19);
        assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_OK);
        assert_int_equal(count, 0);
    }
    buffer_done(&out);
}

static void a_control_batch_holds_a_marker_and_no_messages(void **state)
{
    (void)state;
    sl_message messages[5];
    size_t count;
    for (int commit = 0; commit < 2; commit++) {
        buffer out = { 0 };
        failure failure = { 0 };
        record_marker marker;
        batch_write_marker(&out, 70, 4711, commit);
        record_batch batch = header_of(&out);
        held held = hold(&out);
        assert_true(batch.is_control && batch.is_transactional);
        assert_int_equal(batch.producer_id, 4711);
        assert_int_equal(record_batch_marker(held.at, held.size, &marker, &failure), SL_OK);
        assert_int_equal(marker, commit ? RECORD_MARKER_COMMIT : RECORD_MARKER_ABORT);
        assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_OK);
        assert_int_equal(count, 0);
        held.at[held.size - 2] ^= 1;
        assert_int_equal(record_batch_marker(held.at, held.size, &marker, &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "checksum"));
        free(held.at);
        buffer_done(&out);
    }
}

static void a_marker_that_was_compacted_away_is_none(void **state)
{
    (void)state;
    buffer out = { 0 };
    failure failure = { 0 };
    record_marker marker;
    batch_write(&out, &(written_batch){ .base_offset = 3, .is_control = true }, NULL, 0);
    held held = hold(&out);
    assert_int_equal(record_batch_marker(held.at, held.size, &marker, &failure), SL_OK);
    assert_int_equal(marker, RECORD_MARKER_NONE);
    free(held.at);
    buffer_done(&out);
}

/* ---- Tests: what is refused ---- */

static void messages_of_before_kafka_0_11_are_known_as_such(void **state)
{
    (void)state;
    for (char format = 0; format < 2; format++) {
        char old[40] = { [7] = 9, [11] = 28, [16] = format };
        record_batch batch;
        record_cursor cursor = { .until = 10 };
        record_scratch scratch;
        failure failure = { 0 };
        record_scratch_init(&scratch, UNPACKED_MAX);
        assert_int_equal(record_batch_header(old, sizeof old, &batch, &failure), RECORD_BATCH_OLD);
        assert_int_equal(batch.size, 40);
        assert_int_equal(batch.base_offset, 9);
        assert_int_equal(record_cursor_open(&cursor, old, sizeof old, &scratch, &failure), SL_FAILED);
        assert_string_equal(failure.text, "message at offset 9 has the format of Kafka before 0.11");
    }
}

static void a_header_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char bytes[4];
        size_t count;
        const char *why;
    } cases[] = {
        { 0, { 0x80 }, 1, "its offsets are not possible" },
        { 8, { 0x80, 0, 0, 1 }, 4, "its length is not possible" },
        { 8, { 0, 0, 0, 48 }, 4, "its length is not possible" },
        { 8, { 0, 0, 0, 4 }, 4, "its length is not possible" },
        { 16, { 3 }, 1, "it has a message format that is not known" },
        { 16, { 0xFF }, 1, "it has a message format that is not known" },
        { 22, { 5 }, 1, "it is packed in a way that is not known" },
        { 22, { 0x21 }, 1, "it is packed and yet a control batch" },
        { 23, { 0xFF, 0xFF, 0xFF, 0xFF }, 4, "its offsets are not possible" },
        { 57, { 0, 0, 0, 2 }, 4, "it has more records than offsets" },
        { 57, { 0xFF, 0xFF, 0xFF, 0xFF }, 4, "it has more records than offsets" },
    };
    written_record record = { .value = { "value", 5 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer out = { 0 };
        record_batch batch;
        failure failure = { 0 };
        batch_write(&out, &(written_batch){ .base_offset = 3 }, &record, 1);
        memcpy(out.at + cases[i].at, cases[i].bytes, cases[i].count);
        batch_seal(out.at, out.size);
        held held = hold(&out);
        assert_int_equal(record_batch_header(held.at, held.size, &batch, &failure), RECORD_BATCH_DAMAGED);
        assert_int_equal(failure.result, SL_FAILED);
        if (strstr(failure.text, cases[i].why) == NULL)
            fail_msg("case %zu: %s", i, failure.text);
        free(held.at);
        buffer_done(&out);
    }
}

static void a_changed_byte_is_found_by_the_checksum(void **state)
{
    (void)state;
    buffer out = { 0 };
    sl_message messages[5];
    size_t count;
    written_record record = { .key = { "key", 3 }, .value = { "value", 5 } };
    batch_write(&out, &(written_batch){ .base_offset = 3 }, &record, 1);
    for (size_t i = 17; i < out.size; i++) {
        failure failure = { 0 };
        out.at[i] ^= 16;
        assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "offset 3 is damaged: "));
        out.at[i] ^= 16;
    }
    buffer_done(&out);
}

/* Records' bytes, how many records the header says, and what is said of them. */
typedef struct bad {
    const char *bytes;
    size_t size;
    int32_t count;
    const char *why;
} bad;

#define BAD(bytes, count, why)                                                                               \
    {                                                                                                        \
        bytes, sizeof bytes - 1, count, why                                                                  \
    }
/* length, attributes, time, offset, key, value, headers; in zigzag 1 is -1 */
#define GOOD "\x0C\0\0\0\1\1\0"

static const bad bad_records[] = {
    BAD(GOOD GOOD, 1, "after 1 of its 1 records, byte 7 of 14: bytes follow the last one"),
    BAD(GOOD "\0\0\0\0\0\0\0", 2, "after 1 of its 2 records, byte 7 of 14: "),
    BAD("", 1, "more records than its bytes can hold"),
    BAD(GOOD, 2, "more records than its bytes can hold"),
    BAD(GOOD, 0, "bytes and no records"),
    BAD("\x0E\0\0\0\1\1\0", 1, "the record reaches beyond the end"),
    BAD("\x0B\0\0\0\1\1\0", 1, "the record reaches beyond the end"),
    BAD("\xFF\xFF\xFF\xFF\xFF\1\0", 1, "the record reaches beyond the end"),
    BAD("\xFE\xFF\xFF\xFF\x1F\0\0", 1, "the record reaches beyond the end"),
    BAD("\xFE\xFF\xFF\xFF\x0F\0\0", 1, "the record reaches beyond the end"),
    BAD("\x20\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\2\0\0\1\1\0", 1, "the record's time is no number"),
    BAD("\x20\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\0\1\1\0", 1, "the record's time is no number"),
    BAD("\x14\0\0\xFF\xFF\xFF\xFF\x1F\1\1\0", 1, "the record's offset is no number"),
    BAD("\x0C\0\0\1\1\1\0", 1, "its offset is not one that can follow"),
    BAD("\x0C\0\0\2\1\1\0", 1, "its offset is not one that can follow"),
    BAD(GOOD GOOD, 2, "after 1 of its 2 records, byte 7 of 14: its offset is not one that can follow"),
    BAD("\x0C\0\0\0\3\1\0", 1, "the record's key reaches beyond it"),
    BAD("\x0C\0\0\0\x06\1\0", 1, "the record's key reaches beyond it"),
    BAD("\x0C\0\0\0\1\3\0", 1, "the record's value reaches beyond it"),
    BAD("\x0C\0\0\0\1\4\0", 1, "the record's value reaches beyond it"),
    BAD("\x0C\0\0\0\1\2\0", 1, "the record is too short"),
    BAD("\x0C\0\0\0\1\1\2", 1, "not as many headers as it says"),
    BAD("\x0C\0\0\0\1\1\1", 1, "not as many headers as it says"),
    BAD("\x0E\0\0\0\1\1\0\0", 1, "not as many headers as it says"),
    BAD("\x10\0\0\0\1\1\4\0\0", 1, "not as many headers as it says"),
};

static void a_damaged_record_is_told_with_its_place(void **state)
{
    (void)state;
    for (written_codec codec = 0; codec < WRITTEN_CODECS; codec++)
        for (size_t i = 0; i < sizeof bad_records / sizeof *bad_records; i++) {
            const bad *bad = &bad_records[i];
            buffer out = { 0 };
            sl_message messages[5];
            size_t count;
            failure failure = { 0 };
            if (bad->count == 0 && codec != WRITTEN_PLAIN)
                continue; /* packed bytes of no records are as good as none */
            batch_write_bytes(&out, &(written_batch){ .base_offset = 3, .packed_by = codec }, bad->count,
                              (sl_text){ bad->bytes, bad->size });
            assert_int_equal(read_all(&out, UNPACKED_MAX, messages, 5, &count, &failure), SL_FAILED);
            assert_int_equal(count, 0);
            if (strstr(failure.text, bad->why) == NULL || strstr(failure.text, "batch at offset 3") == NULL)
                fail_msg("case %zu, codec %u: %s", i, codec, failure.text);
            buffer_done(&out);
        }
}

static void what_unpacks_to_more_than_allowed_is_refused(void **state)
{
    (void)state;
    static char zeros[1 << 20];
    for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
        buffer out = { 0 };
        sl_message messages[5];
        size_t count;
        failure failure = { 0 };
        written_record record = { .value = { zeros, sizeof zeros } };
        batch_write(&out, &(written_batch){ .base_offset = 3, .packed_by = codec }, &record, 1);
        assert_int_equal(read_all(&out, sizeof zeros - 1, messages, 5, &count, &failure), SL_LIMIT);
        assert_string_equal(failure.text,
                            "record batch at offset 3: its records unpack to more than 1048575 bytes");
        assert_int_equal(read_all(&out, sizeof zeros + 30, messages, 5, &count, &failure), SL_OK);
        assert_int_equal(count, 1);
        buffer_done(&out);
    }
}

/* Whatever stands there, no message lies outside of the batch or the scratch, and no byte beyond the slack is touched. */
static void no_bytes_lead_astray(void **state)
{
    (void)state;
    dice dice = { 9 };
    sample *sample = sample_new();
    record_scratch scratch;
    record_scratch_init(&scratch, UNPACKED_MAX);
    for (int round = 0; round < 20000; round++) {
        if (round % 50 == 0)
            sample_draw(sample, &dice, (written_codec)dice_below(&dice, WRITTEN_CODECS),
                        1 + dice_below(&dice, 20));
        buffer *written = &sample->written;
        size_t at = 17 + dice_below(&dice, written->size - 17);
        char before = written->at[at];
        written->at[at] = (char)dice_next(&dice);
        batch_seal(written->at, written->size);
        held held = hold(written);
        failure failure = { 0 };
        sl_message messages[40];
        size_t count = 0;
        record_cursor cursor = { .until = INT64_MAX };
        if (record_cursor_open(&cursor, held.at, held.size, &scratch, &failure) == SL_OK)
            record_cursor_read(&cursor, messages, 40, &count, &failure);
        for (size_t i = 0; i < count; i++) {
            const unsigned char *value = (const unsigned char *)messages[i].value.at;
            assert_true(value == NULL ||
                        (value >= cursor.records && value + messages[i].value.size <= cursor.end));
        }
        record_scratch_forget(&scratch);
        free(held.at);
        written->at[at] = before;
    }
    record_scratch_done(&scratch);
    sample_free(sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_gives_back_all_records),
        cmocka_unit_test(any_range_can_be_read_in_any_portions_by_any_worker),
        cmocka_unit_test(a_header_says_what_was_written),
        cmocka_unit_test(a_batch_that_is_cut_off_says_how_many_bytes_it_needs),
        cmocka_unit_test(log_append_time_is_the_time_of_every_record),
        cmocka_unit_test(the_widest_numbers_are_read),
        cmocka_unit_test(an_empty_batch_is_no_damage),
        cmocka_unit_test(a_control_batch_holds_a_marker_and_no_messages),
        cmocka_unit_test(a_marker_that_was_compacted_away_is_none),
        cmocka_unit_test(messages_of_before_kafka_0_11_are_known_as_such),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(a_changed_byte_is_found_by_the_checksum),
        cmocka_unit_test(a_damaged_record_is_told_with_its_place),
        cmocka_unit_test(what_unpacks_to_more_than_allowed_is_refused),
        cmocka_unit_test(no_bytes_lead_astray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
