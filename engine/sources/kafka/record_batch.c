/*
 * sources/kafka/record_batch.c - record batches, header and records. All numbers of the header are big-endian; those of the
 * records are varints, zigzag.
 *
 *     header   0 base offset 8 | 8 length of what follows 4 | 12 leader epoch 4 | 16 format 1 | 17 CRC-32C of what follows 4
 *              21 attributes 2 | 23 last offset - base 4 | 27 base time 8 | 35 latest time 8 | 43 producer id 8
 *              51 its epoch 2 | 53 sequence 4 | 57 records 4 | 61 ...
 *     record   length of what follows, attributes 1, time - base, offset - base, key size (-1: null), key,
 *              value size (-1: null), value, count of headers, headers
 *
 * Reading records is the hottest loop of the Kafka path. The slack behind every batch lets it read a record's small numbers
 * without asking how many bytes are left; what they say is checked before a key or value is believed. The next record's
 * place follows from the length alone, so that the processor begins with it long before this one is done.
 *
 * Most records have no headers, so those that have are looked through, and the message points to their begin.
 */
#include <records/headers.h>
#include <records/segment.h>
#include <sources/kafka/crc32c.h>
#include <sources/kafka/record_batch.h>

enum {
    SIZE_KNOWN = 12,   /* bytes of the header until the length is there */
    FORMAT_KNOWN = 17, /* ... until the format is */
    CHECKED_FROM = 21,
    HEADER_BYTES = 61,
    FORMAT = 2,
    RECORD_BYTES_LEAST = 7,
    MARKER_KEY_BYTES = 4, /* version, type */
};

/* Bits of the attributes. */
enum {
    ATTRIBUTE_CODEC = 7,
    ATTRIBUTE_LOG_APPEND = 8,
    ATTRIBUTE_TRANSACTIONAL = 16,
    ATTRIBUTE_CONTROL = 32,
};

typedef struct record {
    uint64_t time;   /* counted from the batch's, may be negative */
    uint32_t offset; /* counted from the batch's */
    sl_text key, value;
    const unsigned char *headers, *end; /* NULL: it has none; behind the record */
} record;

/* What stays the same while records of a batch are read. */
typedef struct record_limits {
    const unsigned char *end;
    int64_t base_offset;
    uint64_t base_time, time_mask; /* log-append time: the deltas do not count */
    uint32_t total;                /* records that are messages */
    uint32_t from, until, last;    /* counted from base_offset */
} record_limits;

static const char *header_read(const unsigned char *at, record_batch *batch);
static sl_result records_open(const record_batch *batch, const void *at, record_scratch *scratch,
                              failure *failure);
__attribute__((always_inline)) static inline const char *record_read(const unsigned char *at,
                                                                     const unsigned char *end,
                                                                     record *record);
static sl_result record_damaged(const record_cursor *cursor, const char *why, failure *failure);

/* ---- Numbers ---- */

static inline uint32_t number32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t number64(const unsigned char *at)
{
    return (uint64_t)number32(at) << 32 | number32(at + 4);
}

typedef struct varint {
    uint64_t value;
    const unsigned char *next; /* behind it; NULL: it has more bits than asked for */
} varint;

/* One whose first two bytes say that more follow. Apart, so that the usual ones stay in registers. */
__attribute__((noinline)) static varint varint_long(const unsigned char *at, unsigned bits)
{
    uint64_t value = (at[0] & 127u) | (uint64_t)(at[1] & 127u) << 7;
    at += 2;
    for (unsigned shift = 14; shift < bits; shift += 7, at++) {
        value |= (uint64_t)(*at & 127u) << shift;
        if (*at < 128)
            return (varint){ value, bits - shift < 7 && *at >> (bits - shift) ? NULL : at + 1 };
    }
    return (varint){ 0, NULL };
}

static inline varint varint_at(const unsigned char *at, unsigned bits)
{
    if (at[0] < 128)
        return (varint){ at[0], at + 1 };
    if (at[1] < 128)
        return (varint){ (at[0] & 127u) | (uint64_t)at[1] << 7, at + 2 };
    return varint_long(at, bits);
}

static inline uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ -(value & 1);
}

/* ---- Header ---- */

record_batch_state record_batch_header(const void *at, size_t size, record_batch *batch, failure *failure)
{
    const unsigned char *header = at;
    *batch = (record_batch){ 0 };
    if (size < SIZE_KNOWN)
        return RECORD_BATCH_CUT_OFF;
    uint32_t length = number32(header + 8);
    int64_t offset = (int64_t)number64(header);
    const char *why =
        length > INT32_MAX || length < FORMAT_KNOWN - SIZE_KNOWN ? "its length is not possible" : NULL;
    if (why == NULL) {
        batch->size = SIZE_KNOWN + (size_t)length;
        if (size < FORMAT_KNOWN)
            return RECORD_BATCH_CUT_OFF;
        batch->base_offset = offset;
        if (header[16] < FORMAT)
            return RECORD_BATCH_OLD;
        why = header[16] > FORMAT          ? "it has a message format that is not known"
              : batch->size < HEADER_BYTES ? "its length is not possible"
              : size < HEADER_BYTES        ? NULL
                                           : header_read(header, batch);
    }
    if (why == NULL)
        return size < batch->size ? RECORD_BATCH_CUT_OFF : RECORD_BATCH_WHOLE;
    fail(failure, SL_FAILED, "record batch at offset %lld is damaged: %s", (long long)offset, why);
    return RECORD_BATCH_DAMAGED;
}

/* The reason why it is damaged, or NULL. */
static const char *header_read(const unsigned char *at, record_batch *batch)
{
    unsigned attributes = (unsigned)at[21] << 8 | at[22];
    uint32_t last = number32(at + 23);
    batch->last_offset = (int64_t)((uint64_t)batch->base_offset + last);
    batch->leader_epoch = (int32_t)number32(at + 12);
    batch->checksum = number32(at + 17);
    batch->base_time_ms = (int64_t)number64(at + 27);
    batch->max_time_ms = (int64_t)number64(at + 35);
    batch->producer_id = (int64_t)number64(at + 43);
    batch->records = (int32_t)number32(at + 57);
    batch->packed_by = attributes & ATTRIBUTE_CODEC;
    batch->is_log_append = attributes & ATTRIBUTE_LOG_APPEND;
    batch->is_transactional = attributes & ATTRIBUTE_TRANSACTIONAL;
    batch->is_control = attributes & ATTRIBUTE_CONTROL;
    if (batch->base_offset < 0 || last > INT32_MAX || batch->last_offset < 0)
        return "its offsets are not possible";
    if (batch->packed_by >= COMPRESSIONS)
        return "it is packed in a way that is not known";
    if (batch->records < 0 || (uint32_t)batch->records > last + 1)
        return "it has more records than offsets";
    if (batch->is_control && batch->packed_by != COMPRESSION_NONE)
        return "it is packed and yet a control batch";
    return NULL;
}

/* ---- Opening ---- */

void record_scratch_init(record_scratch *scratch, size_t unpacked_max)
{
    *scratch = (record_scratch){ .unpacked_max = unpacked_max < INT32_MAX ? unpacked_max : INT32_MAX };
}

void record_scratch_forget(record_scratch *scratch)
{
    scratch->opened = NULL;
}

void record_scratch_done(record_scratch *scratch)
{
    unpacker_done(&scratch->unpacker);
    buffer_done(&scratch->unpacked);
    record_scratch_forget(scratch);
}

/* A header for those who want a whole batch or nothing. */
static sl_result header_of_whole(const void *at, size_t size, record_batch *batch, failure *failure)
{
    record_batch_state state = record_batch_header(at, size, batch, failure);
    if (state == RECORD_BATCH_WHOLE)
        return SL_OK;
    if (state == RECORD_BATCH_CUT_OFF)
        return fail(failure, SL_FAILED, "a record batch is cut off: %zu bytes of %zu are here", size,
                    batch->size);
    if (state == RECORD_BATCH_OLD)
        return fail(failure, SL_FAILED, "message at offset %lld has the format of Kafka before 0.11",
                    (long long)batch->base_offset);
    return failure->result;
}

static bool is_opened(const record_scratch *scratch, const record_batch *batch, const void *at)
{
    return scratch->opened == at && scratch->batch.base_offset == batch->base_offset &&
           scratch->batch.checksum == batch->checksum && scratch->batch.size == batch->size;
}

sl_result record_cursor_open(record_cursor *cursor, const void *at, size_t size, record_scratch *scratch,
                             failure *failure)
{
    record_batch *batch = &cursor->batch;
    SL_TRY(header_of_whole(at, size, batch, failure));
    if (!is_opened(scratch, batch, at))
        SL_TRY(records_open(batch, at, scratch, failure));
    bool is_packed = batch->packed_by != COMPRESSION_NONE && batch->records;
    cursor->records =
        is_packed ? (const unsigned char *)scratch->unpacked.at : (const unsigned char *)at + HEADER_BYTES;
    cursor->end = cursor->records + (is_packed ? scratch->unpacked.size : batch->size - HEADER_BYTES);
    return SL_OK;
}

static sl_result checksum_check(const record_batch *batch, const void *at, failure *failure)
{
    uint32_t checksum = crc32c((const char *)at + CHECKED_FROM, batch->size - CHECKED_FROM);
    if (checksum == batch->checksum)
        return SL_OK;
    return fail(failure, SL_FAILED,
                "record batch at offset %lld is damaged: its checksum is %08x, its bytes give %08x",
                (long long)batch->base_offset, batch->checksum, checksum);
}

static sl_result records_open(const record_batch *batch, const void *at, record_scratch *scratch,
                              failure *failure)
{
    size_t size = batch->size - HEADER_BYTES;
    struct failure inner = { 0 };
    record_scratch_forget(scratch);
    SL_TRY(checksum_check(batch, at, failure));
    if (batch->packed_by != COMPRESSION_NONE && batch->records) {
        packed packed = { batch->packed_by, (const char *)at + HEADER_BYTES, size, scratch->unpacked_max };
        unpack(&scratch->unpacker, &packed, &scratch->unpacked, &inner);
        size = scratch->unpacked.size;
    } else if (batch->records == 0 && size && batch->packed_by == COMPRESSION_NONE)
        fail(&inner, SL_FAILED, "it has bytes and no records");
    if (inner.result == SL_OK && (size_t)batch->records > size / RECORD_BYTES_LEAST)
        fail(&inner, SL_FAILED, "it has more records than its bytes can hold");
    if (inner.result != SL_OK)
        return fail(failure, inner.result, "record batch at offset %lld: %s", (long long)batch->base_offset,
                    inner.text);
    scratch->opened = at;
    scratch->batch = *batch;
    return SL_OK;
}

/* ---- Records ---- */

/* Offsets in [0, last + 1], counted from the batch's. */
static uint32_t offset_within(const record_batch *batch, int64_t offset)
{
    if (offset <= batch->base_offset)
        return 0;
    return offset > batch->last_offset ? (uint32_t)(batch->last_offset - batch->base_offset) + 1
                                       : (uint32_t)(offset - batch->base_offset);
}

static record_limits limits_of(const record_cursor *cursor)
{
    const record_batch *batch = &cursor->batch;
    return (record_limits){
        .end = cursor->end,
        .base_offset = batch->base_offset,
        .total = batch->is_control ? 0 : (uint32_t)batch->records,
        .base_time = (uint64_t)(batch->is_log_append ? batch->max_time_ms : batch->base_time_ms),
        .time_mask = batch->is_log_append ? 0 : UINT64_MAX,
        .from = offset_within(batch, cursor->from),
        .until = offset_within(batch, cursor->until),
        .last = offset_within(batch, batch->last_offset),
    };
}

sl_result record_cursor_read(record_cursor *cursor, sl_message *messages, size_t room, size_t *count,
                             failure *failure)
{
    record_limits limits = limits_of(cursor);
    record_place place = cursor->place;
    const unsigned char *at = cursor->records + place.at;
    const char *why = NULL;
    size_t filled = 0;
    sl_expect(place.at <= limits.end - cursor->records);
    *count = 0;
    while (filled < room && place.records < limits.total && place.offset_next < limits.until) {
        record record;
        why = record_read(at, limits.end, &record);
        if (why == NULL && (record.offset < place.offset_next || record.offset > limits.last))
            why = "its offset is not one that can follow";
        if (why || record.offset >= limits.until)
            break;
        messages[filled] = (sl_message){
            .origin = { .offset = limits.base_offset + record.offset,
                        .time_ms = (int64_t)(limits.base_time + (record.time & limits.time_mask)) },
            .key = record.key,
            .value = record.value,
            .headers = (const char *)record.headers,
        };
        filled += record.offset >= limits.from;
        at = record.end;
        place.offset_next = record.offset + 1;
        place.records++;
    }
    place.at = (uint32_t)(at - cursor->records);
    cursor->place = place;
    if (why == NULL && limits.total && place.records == limits.total && at != limits.end)
        why = "bytes follow the last one";
    if (why)
        return record_damaged(cursor, why, failure);
    *count = filled;
    return SL_OK;
}

static sl_result record_damaged(const record_cursor *cursor, const char *why, failure *failure)
{
    return fail(failure, SL_FAILED,
                "record batch at offset %lld is damaged: after %u of its %d records, byte %u of %td: %s",
                (long long)cursor->batch.base_offset, cursor->place.records, cursor->batch.records,
                cursor->place.at, cursor->end - cursor->records, why);
}

/* Is there a key or value of this size (zigzag; 1: null)? */
static inline bool text_fits(varint size, const unsigned char *end)
{
    return size.value == 1 || (size.value % 2 == 0 && (int64_t)(size.value / 2) <= end - size.next);
}

static inline sl_text text_of(varint size)
{
    return (sl_text){ size.value == 1 ? NULL : (const char *)size.next, size.value / 2 };
}

__attribute__((noinline)) static const char *headers_read(const unsigned char *at, record *record)
{
    if (at >= record->end)
        return "the record is too short";
    if (!headers_are_whole((const char *)at, (const char *)record->end))
        return "the record has not as many headers as it says";
    record->headers = at;
    return NULL;
}

/* The reason why it is damaged, or NULL. Reads less than SEGMENT_SLACK bytes more than it knows to be there. */
__attribute__((always_inline)) static inline const char *record_read(const unsigned char *at,
                                                                     const unsigned char *end, record *record)
{
    if (at >= end)
        return "there are no more bytes";
    varint length = varint_at(at, 32);
    if (length.next == NULL || length.value % 2 || (int64_t)(length.value / 2) > end - length.next)
        return "the record reaches beyond the end";
    record->end = length.next + length.value / 2;
    varint time = varint_at(length.next + 1, 64);
    if (time.next == NULL)
        return "the record's time is no number";
    varint offset = varint_at(time.next, 32);
    if (offset.next == NULL)
        return "the record's offset is no number";
    record->time = unzigzag(time.value);
    record->offset = (uint32_t)(offset.value / 2) | -(uint32_t)(offset.value % 2); /* below 0: beyond any */
    varint key = varint_at(offset.next, 32);
    if (key.next == NULL || !text_fits(key, record->end))
        return "the record's key reaches beyond it";
    record->key = text_of(key);
    varint value = varint_at(key.next + key.value / 2, 32);
    if (value.next == NULL || !text_fits(value, record->end))
        return "the record's value reaches beyond it";
    record->value = text_of(value);
    record->headers = NULL;
    const unsigned char *rest = value.next + value.value / 2;
    return *rest == 0 && rest + 1 == record->end ? NULL : headers_read(rest, record);
}

/* ---- Markers ---- */

sl_result record_batch_marker(const void *at, size_t size, record_marker *marker, failure *failure)
{
    record_batch batch;
    record record;
    *marker = RECORD_MARKER_NONE;
    SL_TRY(header_of_whole(at, size, &batch, failure));
    SL_TRY(checksum_check(&batch, at, failure));
    if (!batch.is_control || batch.records == 0)
        return SL_OK;
    const char *why = record_read((const unsigned char *)at + HEADER_BYTES,
                                  (const unsigned char *)at + batch.size, &record);
    if (why == NULL && record.key.size < MARKER_KEY_BYTES)
        why = "it is no marker";
    if (why)
        return fail(failure, SL_FAILED, "control batch at offset %lld is damaged: %s",
                    (long long)batch.base_offset, why);
    unsigned type = (unsigned)(unsigned char)record.key.at[2] << 8 | (unsigned char)record.key.at[3];
    *marker = type == 0 ? RECORD_MARKER_ABORT : type == 1 ? RECORD_MARKER_COMMIT : RECORD_MARKER_NONE;
    return SL_OK;
}
