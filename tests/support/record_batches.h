/*
 * tests/support/record_batches.h - writes Kafka record batches (format 2) byte by byte, as a broker would send them, with an
 * encoder and a checksum of its own: tests read them with the engine's decoder, or serve them over a socket.
 *
 *     written_record records[] = { { .time_ms = 1000, .value = { "a", 1 } }, { .offset = 7, .value = { 0 } } };
 *     batch_write(&out, &(written_batch){ .base_offset = 100, .packed_by = WRITTEN_LZ4 }, records, 2);  // 100 and 107
 */
#ifndef TESTS_SUPPORT_RECORD_BATCHES_H
#define TESTS_SUPPORT_RECORD_BATCHES_H

#include <base/buffer.h>

typedef enum written_codec { /* as batches number them; snappy-java's frames come last, they have no number of their own */
                             WRITTEN_PLAIN,
                             WRITTEN_GZIP,
                             WRITTEN_SNAPPY,
                             WRITTEN_LZ4,
                             WRITTEN_ZSTD,
                             WRITTEN_SNAPPY_JAVA,
                             WRITTEN_CODECS,
} written_codec;

typedef struct written_header {
    sl_text key, value; /* value.at NULL: null */
} written_header;

typedef struct written_record {
    int64_t offset; /* from base_offset; 0 at the second record or later: the one after the record before */
    int64_t time_ms;
    sl_text key, value; /* at NULL: null */
    const written_header *headers;
    size_t header_count;
} written_record;

typedef struct written_batch {
    int64_t base_offset;
    int64_t last_offset; /* 0: the last record's */
    written_codec packed_by;
    bool is_log_append, is_transactional, is_control;
    int64_t max_time_ms; /* 0: the latest of the records */
    int64_t producer_id; /* -1 unless is_transactional, is_control, or not 0 */
    int16_t producer_epoch;
    int32_t sequence;
    int32_t leader_epoch;
} written_batch;

/* Appends one batch. */
void batch_write(buffer *out, const written_batch *batch, const written_record *records, size_t count);
/* A control batch of one offset that ends a transaction. */
void batch_write_marker(buffer *out, int64_t offset, int64_t producer_id, bool commit);
/* A batch whose records' bytes are given as they are, for damaged ones. */
void batch_write_bytes(buffer *out, const written_batch *batch, int32_t count, sl_text bytes);
/* After a byte of the batch at `at` was changed: the checksum is made to fit again. */
void batch_seal(char *at, size_t size);

/* One bit after the other, from the definition. */
uint32_t crc32c_naive(const void *at, size_t size);
void varint_write(buffer *out, int64_t value); /* zigzag, as in records */

/* Appends what the library makes of the bytes. */
void pack(buffer *out, written_codec by, sl_text bytes);

#endif
