/*
 * tests/fuzz/fetch/record_batch.c - any bytes as record batches, for libFuzzer.
 *
 * The first byte says what the others are, so that damage reaches the inside as well, where no checksum fits by chance:
 *
 *     0          what a broker sends: batches, one after another
 *     1          one batch, whose length, format and checksum are made right
 *     2 to 7     flags, records, offsets, then the bytes of records: made into a batch, packed by codec 0 to 5
 *
 * A batch is read twice: at one go, and a range of it in small portions by two workers that take turns. Both must say the
 * same, and every message lies where its bytes are.
 */
#include <records/segment.h>
#include <sources/kafka/crc32c.h>
#include <sources/kafka/record_batch.h>
#include <stdlib.h>
#include <support/record_batches.h>

enum { MOST = 4096, UNPACKED_MAX = 1 << 18, HEADER_BYTES = 61 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static record_scratch scratches[2];
static sl_message wholly[MOST], portion[MOST];

static void check_message(const sl_message *message, const record_cursor *cursor)
{
    const sl_text texts[] = { message->key, message->value };
    sl_expect(message->origin.offset >= cursor->batch.base_offset);
    sl_expect(message->origin.offset <= cursor->batch.last_offset);
    for (int i = 0; i < 2; i++) {
        const unsigned char *at = (const unsigned char *)texts[i].at;
        if (at == NULL) {
            sl_expect(texts[i].size == 0);
            continue;
        }
        sl_expect(at >= cursor->records && texts[i].size <= (size_t)(cursor->end - at));
        volatile unsigned char last = at[texts[i].size + SEGMENT_SLACK - 1]; /* may be read */
        (void)last;
    }
}

static void check_same(const sl_message *a, const sl_message *b)
{
    sl_expect(a->origin.offset == b->origin.offset && a->origin.time_ms == b->origin.time_ms);
    sl_expect(a->key.size == b->key.size && a->value.size == b->value.size);
    sl_expect((a->key.at == NULL) == (b->key.at == NULL) && (a->value.at == NULL) == (b->value.at == NULL));
}

/* [from, until) in portions, of what `wholly` holds. */
static void check_range(const char *at, size_t size, const record_cursor *all, size_t count)
{
    int64_t span = all->batch.last_offset - all->batch.base_offset + 1;
    record_cursor range = { .from = all->batch.base_offset + span / 3,
                            .until = all->batch.last_offset - span / 5 };
    size_t next = 0, got = 1;
    while (next < count && wholly[next].origin.offset < range.from)
        next++;
    for (unsigned turn = 0; got; turn++) {
        failure failure = { 0 };
        record_scratch *scratch = &scratches[turn % 2];
        sl_expect(record_cursor_open(&range, at, size, scratch, &failure) == SL_OK);
        sl_expect(record_cursor_read(&range, portion, 1 + turn % 7, &got, &failure) == SL_OK);
        for (size_t i = 0; i < got; i++) {
            check_message(&portion[i], &range);
            check_same(&portion[i], &wholly[next++]);
        }
    }
    sl_expect(next >= count || wholly[next].origin.offset >= range.until);
}

static void read_records(const char *at, size_t size)
{
    failure failure = { 0 };
    record_cursor cursor = { .from = 0, .until = INT64_MAX };
    size_t count = 0;
    record_scratch_forget(&scratches[0]);
    record_scratch_forget(&scratches[1]);
    if (record_cursor_open(&cursor, at, size, &scratches[0], &failure) != SL_OK) {
        sl_expect(failure.result != SL_OK && failure.text[0]);
        return;
    }
    bool read = record_cursor_read(&cursor, wholly, MOST, &count, &failure) == SL_OK;
    sl_expect(read == (failure.result == SL_OK));
    for (size_t i = 0; i < count; i++) {
        check_message(&wholly[i], &cursor);
        sl_expect(i == 0 || wholly[i].origin.offset > wholly[i - 1].origin.offset);
    }
    if (read && count < MOST)
        check_range(at, size, &cursor, count);
}

/* In memory of exactly this size and the slack. */
static void read_all(const char *bytes, size_t size)
{
    char *held = malloc(size + SEGMENT_SLACK);
    if (size)
        memcpy(held, bytes, size);
    memset(held + size, 0xFF, SEGMENT_SLACK);
    for (size_t at = 0; at < size;) {
        record_batch batch;
        record_marker marker;
        failure failure = { 0 };
        record_batch_state state = record_batch_header(held + at, size - at, &batch, &failure);
        sl_expect((state == RECORD_BATCH_DAMAGED) == (failure.result != SL_OK));
        read_records(held + at, size - at);
        record_batch_marker(held + at, size - at, &marker, &failure);
        if (state != RECORD_BATCH_WHOLE)
            break;
        at += batch.size;
    }
    free(held);
}

/* ---- Making batches ---- */

static void number_put(char *at, uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        at[i] = (char)value;
}

static void make_right(char *at, size_t size)
{
    if (size < HEADER_BYTES)
        return;
    number_put(at + 8, (uint32_t)(size - 12));
    at[16] = 2;
    number_put(at + 17, crc32c(at + 21, size - 21));
}

/* Flags: 1 log append, 2 transactional, 4 control. */
static void make_batch(buffer *out, written_codec codec, const uint8_t *data, size_t size)
{
    if (size < 3)
        return;
    written_batch batch = { .base_offset = 1000,
                            .last_offset = 1000 + data[2] * 8,
                            .packed_by = codec,
                            .is_log_append = data[0] & 1,
                            .is_transactional = data[0] & 2,
                            .is_control = data[0] & 4 };
    batch_write_bytes(out, &batch, data[1], (sl_text){ (const char *)data + 3, size - 3 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static buffer made;
    if (size == 0)
        return 0;
    for (int i = 0; i < 2 && scratches[i].unpacked_max == 0; i++)
        record_scratch_init(&scratches[i], UNPACKED_MAX);
    made.size = 0;
    if (data[0] >= 2) {
        make_batch(&made, (written_codec)((data[0] - 2) % WRITTEN_CODECS), data + 1, size - 1);
    } else {
        buffer_append(&made, data + 1, size - 1);
        if (data[0] == 1)
            make_right(made.at, made.size);
    }
    read_all(made.at, made.size);
    return 0;
}
