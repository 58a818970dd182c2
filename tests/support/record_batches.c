/*
 * tests/support/record_batches.c - record batches from the definition: https://kafka.apache.org/documentation/#recordbatch
 */
#include <base/failure.h>
#include <base/memory.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <support/record_batches.h>
#include <zlib.h>
#include <zstd.h>

enum { HEADER_BYTES = 61, LENGTH_COUNTS_FROM = 12, CHECKSUM_AT = 17, CHECKED_FROM = 21 };

uint32_t crc32c_naive(const void *at, size_t size)
{
    const unsigned char *byte = at;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return ~crc;
}

/* ---- Numbers ---- */

static void number_put(char *at, unsigned bytes, uint64_t value)
{
    for (; bytes; value >>= 8)
        at[--bytes] = (char)value;
}

static void number_write(buffer *out, unsigned bytes, int64_t value)
{
    number_put(buffer_reserve(out, bytes), bytes, (uint64_t)value);
    out->size += bytes;
}

void varint_write(buffer *out, int64_t value)
{
    uint64_t zigzag = value < 0 ? ((uint64_t)(-(value + 1)) << 1) + 1 : (uint64_t)value << 1;
    for (; zigzag >= 128; zigzag >>= 7)
        buffer_byte(out, (char)(zigzag | 128));
    buffer_byte(out, (char)zigzag);
}

static void text_write(buffer *out, sl_text text)
{
    varint_write(out, text.at ? (int64_t)text.size : -1);
    if (text.at)
        buffer_append(out, text.at, text.size);
}

/* ---- Records ---- */

static void record_write(buffer *out, const written_record *record, int64_t offset, int64_t base_time_ms)
{
    buffer body = { 0 };
    buffer_byte(&body, 0);
    varint_write(&body, record->time_ms - base_time_ms);
    varint_write(&body, offset);
    text_write(&body, record->key);
    text_write(&body, record->value);
    varint_write(&body, (int64_t)record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        text_write(&body, record->headers[i].key);
        text_write(&body, record->headers[i].value);
    }
    varint_write(out, (int64_t)body.size);
    buffer_append(out, body.at, body.size);
    buffer_done(&body);
}

/* What the header says of the records. */
typedef struct span {
    int64_t last_offset, base_time_ms, max_time_ms; /* the offset counted from the batch's */
} span;

static void header_write(buffer *out, const written_batch *batch, span span, int32_t count, size_t bytes)
{
    bool has_producer = batch->is_transactional || batch->is_control || batch->producer_id;
    int attributes = batch->packed_by == WRITTEN_SNAPPY_JAVA ? WRITTEN_SNAPPY : (int)batch->packed_by;
    attributes |= batch->is_log_append << 3 | batch->is_transactional << 4 | batch->is_control << 5;
    number_write(out, 8, batch->base_offset);
    number_write(out, 4, (int64_t)(HEADER_BYTES - LENGTH_COUNTS_FROM + bytes));
    number_write(out, 4, batch->leader_epoch);
    number_write(out, 1, 2);
    number_write(out, 4, 0); /* the checksum, by batch_seal() */
    number_write(out, 2, attributes);
    number_write(out, 4, batch->last_offset ? batch->last_offset - batch->base_offset : span.last_offset);
    number_write(out, 8, span.base_time_ms);
    number_write(out, 8, batch->max_time_ms ? batch->max_time_ms : span.max_time_ms);
    number_write(out, 8, has_producer ? batch->producer_id : -1);
    number_write(out, 2, has_producer ? batch->producer_epoch : -1);
    number_write(out, 4, has_producer ? batch->sequence : -1);
    number_write(out, 4, count);
}

static void whole_write(buffer *out, const written_batch *batch, span span, int32_t count, sl_text bytes)
{
    buffer packed = { 0 };
    pack(&packed, batch->packed_by, bytes);
    size_t start = out->size;
    header_write(out, batch, span, count, packed.size);
    buffer_append(out, packed.at, packed.size);
    batch_seal(out->at + start, out->size - start);
    buffer_done(&packed);
}

void batch_write(buffer *out, const written_batch *batch, const written_record *records, size_t count)
{
    buffer bytes = { 0 };
    span span = { 0, count ? records[0].time_ms : -1, -1 };
    int64_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        if (records[i].offset || i == 0)
            offset = records[i].offset;
        record_write(&bytes, &records[i], offset, span.base_time_ms);
        if (span.max_time_ms < records[i].time_ms)
            span.max_time_ms = records[i].time_ms;
        span.last_offset = offset++;
    }
    whole_write(out, batch, span, (int32_t)count, (sl_text){ bytes.at, bytes.size });
    buffer_done(&bytes);
}

void batch_write_bytes(buffer *out, const written_batch *batch, int32_t count, sl_text bytes)
{
    whole_write(out, batch, (span){ count > 0 ? count - 1 : 0, 0, 0 }, count, bytes);
}

void batch_write_marker(buffer *out, int64_t offset, int64_t producer_id, bool commit)
{
    const char key[4] = { 0, 0, 0, commit };
    const char value[6] = { 0 }; /* version, epoch of the coordinator */
    written_record marker = { .time_ms = 1, .key = { key, sizeof key }, .value = { value, sizeof value } };
    batch_write(
        out,
        &(written_batch){
            .base_offset = offset, .is_transactional = true, .is_control = true, .producer_id = producer_id },
        &marker, 1);
}

void batch_seal(char *at, size_t size)
{
    number_put(at + CHECKSUM_AT, 4, crc32c_naive(at + CHECKED_FROM, size - CHECKED_FROM));
}

/* ---- Codecs ---- */

static void gzip_pack(buffer *out, sl_text bytes)
{
    z_stream stream = { 0 };
    sl_expect(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
    size_t room = deflateBound(&stream, (uLong)bytes.size);
    stream.next_in = (Bytef *)(uintptr_t)bytes.at;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)buffer_reserve(out, room);
    stream.avail_out = (uInt)room;
    sl_expect(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out->size += room - stream.avail_out;
    deflateEnd(&stream);
}

static void snappy_pack(buffer *out, sl_text bytes)
{
    size_t size = snappy_max_compressed_length(bytes.size);
    char *at = buffer_reserve(out, size);
    sl_expect(snappy_compress(bytes.size ? bytes.at : "", bytes.size, at, &size) == SNAPPY_OK);
    out->size += size;
}

/* Blocks of 32 KiB of the records, each with its packed size in front. */
static void snappy_java_pack(buffer *out, sl_text bytes)
{
    enum { BLOCK = 32 * 1024 };
    buffer_append(out, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    while (bytes.size) {
        sl_text block = { bytes.at, bytes.size < BLOCK ? bytes.size : BLOCK };
        size_t size_at = out->size;
        number_write(out, 4, 0);
        snappy_pack(out, block);
        number_put(out->at + size_at, 4, out->size - size_at - 4);
        bytes.at += block.size;
        bytes.size -= block.size;
    }
}

static void lz4_pack(buffer *out, sl_text bytes)
{
    LZ4F_preferences_t how = { .frameInfo = { .blockMode = LZ4F_blockIndependent } };
    size_t room = LZ4F_compressFrameBound(bytes.size, &how);
    size_t size = LZ4F_compressFrame(buffer_reserve(out, room), room, bytes.at, bytes.size, &how);
    sl_expect(!LZ4F_isError(size));
    out->size += size;
}

static void zstd_pack(buffer *out, sl_text bytes)
{
    size_t room = ZSTD_compressBound(bytes.size);
    size_t size = ZSTD_compress(buffer_reserve(out, room), room, bytes.at, bytes.size, 3);
    sl_expect(!ZSTD_isError(size));
    out->size += size;
}

static void plain_pack(buffer *out, sl_text bytes)
{
    buffer_append(out, bytes.at, bytes.size);
}

void pack(buffer *out, written_codec by, sl_text bytes)
{
    static void (*const ways[WRITTEN_CODECS])(buffer * out, sl_text bytes) = {
        plain_pack, gzip_pack, snappy_pack, lz4_pack, zstd_pack, snappy_java_pack,
    };
    ways[by](out, bytes);
}
