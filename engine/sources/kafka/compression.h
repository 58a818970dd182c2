/*
 * sources/kafka/compression.h - unpacks what Kafka's producers packed: gzip, snappy, lz4 and zstd, by their libraries.
 *
 * Sizes that the bytes tell of themselves are not trusted: room grows with what really comes out, up to the caller's limit.
 * An unpacker belongs to one worker. It keeps the libraries' contexts and the caller keeps the buffer, so that nothing is
 * allocated once both are warm.
 */
#ifndef SOURCES_KAFKA_COMPRESSION_H
#define SOURCES_KAFKA_COMPRESSION_H

#include <base/buffer.h>
#include <base/failure.h>

typedef enum compression { /* as batches number them */
                           COMPRESSION_NONE,
                           COMPRESSION_GZIP,
                           COMPRESSION_SNAPPY, /* bare, or in the frames of snappy-java */
                           COMPRESSION_LZ4,
                           COMPRESSION_ZSTD,
                           COMPRESSIONS,
} compression;

typedef struct unpacker { /* zeroed: ready */
    struct z_stream_s *gzip;
    struct LZ4F_dctx_s *lz4;
    struct ZSTD_DCtx_s *zstd;
} unpacker;

typedef struct packed {
    compression by;
    const void *at;
    size_t size;
    size_t unpacked_max; /* more than this fails with SL_LIMIT */
} packed;

const char *compression_name(compression by); /* "gzip" */

/* Replaces what `out` holds; SEGMENT_SLACK bytes behind it may be read. SL_FAILED: these bytes are not what was packed. */
sl_result unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure);
void unpacker_done(unpacker *unpacker);

#endif
