/*
 * sources/kafka/compression.c - gzip, snappy, lz4 and zstd, from untrusted bytes into a buffer that is used again.
 *
 * gzip and lz4 go on where the room ended. zstd begins its frame anew with more room instead, since unpacking at one go
 * needs no window of its own, whose size the frame would choose; a warm buffer has the room at once. Snappy tells its size
 * in front and cannot go on; but three of its bytes give 64 at most, which is checked first.
 */
#include <base/memory.h>
#include <records/segment.h>
#include <sources/kafka/compression.h>
#define ZLIB_CONST
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    ROOM_LEAST = 4096,
    GZIP_ONLY = 15 + 16, /* the largest window; gzip's header, not zlib's */
    SNAPPY_GROWTH_MAX = 22,
    SNAPPY_JAVA_HEADER = 16, /* magic, two version numbers */
};

typedef sl_result unpack_way(unpacker *unpacker, const packed *packed, buffer *out, failure *failure);

static const char snappy_java_magic[8] = { (char)0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };
static unpack_way *const ways[COMPRESSIONS];

sl_result unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    sl_expect(packed->by > COMPRESSION_NONE && packed->by < COMPRESSIONS);
    size_t likely = packed->size * 4 < packed->unpacked_max ? packed->size * 4 : packed->unpacked_max;
    out->size = 0;
    buffer_reserve(out, likely + ROOM_LEAST + SEGMENT_SLACK);
    return ways[packed->by](unpacker, packed, out, failure);
}

void unpacker_done(unpacker *unpacker)
{
    if (unpacker->gzip)
        inflateEnd(unpacker->gzip);
    free(unpacker->gzip);
    LZ4F_freeDecompressionContext(unpacker->lz4);
    ZSTD_freeDCtx(unpacker->zstd);
    *unpacker = (struct unpacker){ 0 };
}

static sl_result damaged(const packed *packed, const char *why, failure *failure)
{
    return fail(failure, SL_FAILED, "its records are no %s: %s", compression_name(packed->by), why);
}

static sl_result too_much(const packed *packed, failure *failure)
{
    return fail(failure, SL_LIMIT, "its records unpack to more than %zu bytes", packed->unpacked_max);
}

/* ---- Room ---- */

/* How many bytes may be put behind out->size. One more than is allowed, so that too much shows. */
static size_t room_left(const packed *packed, const buffer *out)
{
    size_t room = out->room - SEGMENT_SLACK;
    return (room <= packed->unpacked_max ? room : packed->unpacked_max + 1) - out->size;
}

/* There is none left: more, or it was too much. */
static sl_result room_make(const packed *packed, buffer *out, failure *failure)
{
    if (out->size > packed->unpacked_max)
        return too_much(packed, failure);
    buffer_reserve(out, out->room + SEGMENT_SLACK);
    return SL_OK;
}

/* ---- gzip ---- */

static z_stream *gzip_begin(unpacker *unpacker)
{
    z_stream *stream = unpacker->gzip;
    if (stream) {
        inflateReset(stream);
        return stream;
    }
    stream = unpacker->gzip = memory_new(sizeof *stream);
    sl_expect(inflateInit2(stream, GZIP_ONLY) == Z_OK);
    return stream;
}

static sl_result gzip_unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    z_stream *stream = gzip_begin(unpacker);
    stream->next_in = packed->at;
    stream->avail_in = (uInt)packed->size;
    for (;;) {
        if (room_left(packed, out) == 0)
            SL_TRY(room_make(packed, out, failure));
        size_t room = room_left(packed, out);
        stream->next_out = (Bytef *)out->at + out->size;
        stream->avail_out = (uInt)room;
        int status = inflate(stream, Z_NO_FLUSH);
        out->size += room - stream->avail_out;
        if (status == Z_STREAM_END && stream->avail_in == 0)
            return out->size > packed->unpacked_max ? too_much(packed, failure) : SL_OK;
        if (status == Z_STREAM_END)
            inflateReset(stream); /* another one follows */
        else if (status != Z_OK && status != Z_BUF_ERROR)
            return damaged(packed, stream->msg ? stream->msg : "it needs a dictionary", failure);
        else if (stream->avail_out)
            return damaged(packed, "they end too early", failure);
    }
}

/* ---- snappy ---- */

static sl_result snappy_block(const packed *packed, const char *at, size_t size, buffer *out,
                              failure *failure)
{
    size_t unpacked;
    if (snappy_uncompressed_length(at, size, &unpacked) != SNAPPY_OK || unpacked / SNAPPY_GROWTH_MAX > size)
        return damaged(packed, "the size in front is not possible", failure);
    if (unpacked > packed->unpacked_max - out->size)
        return too_much(packed, failure);
    buffer_reserve(out, unpacked + SEGMENT_SLACK);
    if (snappy_uncompress(at, size, out->at + out->size, &unpacked) != SNAPPY_OK)
        return damaged(packed, "the bytes make no sense", failure);
    out->size += unpacked;
    return SL_OK;
}

static uint32_t big_endian_at(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

static bool is_snappy_java(const char *at, size_t size)
{
    return size >= SNAPPY_JAVA_HEADER && memcmp(at, snappy_java_magic, sizeof snappy_java_magic) == 0;
}

/* Blocks with their sizes in front; where two streams were joined, there is another header in between. */
static sl_result snappy_unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    (void)unpacker;
    const char *at = packed->at, *end = at + packed->size;
    if (!is_snappy_java(at, packed->size))
        return snappy_block(packed, at, packed->size, out, failure);
    while (at < end) {
        if (is_snappy_java(at, (size_t)(end - at))) {
            at += SNAPPY_JAVA_HEADER;
            continue;
        }
        if (end - at < 4 || big_endian_at(at) > (size_t)(end - at - 4))
            return damaged(packed, "a block reaches beyond the end", failure);
        SL_TRY(snappy_block(packed, at + 4, big_endian_at(at), out, failure));
        at += 4 + big_endian_at(at);
    }
    return SL_OK;
}

/* ---- lz4 ---- */

static LZ4F_dctx *lz4_begin(unpacker *unpacker)
{
    if (unpacker->lz4)
        LZ4F_resetDecompressionContext(unpacker->lz4);
    else
        sl_expect(!LZ4F_isError(LZ4F_createDecompressionContext(&unpacker->lz4, LZ4F_VERSION)));
    return unpacker->lz4;
}

static sl_result lz4_unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    LZ4F_dctx *context = lz4_begin(unpacker);
    const char *at = packed->at, *end = at + packed->size;
    for (;;) {
        if (room_left(packed, out) == 0)
            SL_TRY(room_make(packed, out, failure));
        size_t room = room_left(packed, out), written = room, read = (size_t)(end - at);
        size_t wanted = LZ4F_decompress(context, out->at + out->size, &written, at, &read, NULL);
        if (LZ4F_isError(wanted))
            return damaged(packed, LZ4F_getErrorName(wanted), failure);
        out->size += written;
        at += read;
        if (wanted == 0 && at == end) /* of the frame nothing is missing */
            return out->size > packed->unpacked_max ? too_much(packed, failure) : SL_OK;
        if (at == end && written < room)
            return damaged(packed, "they end too early", failure);
    }
}

/* ---- zstd ---- */

static sl_result zstd_frame(ZSTD_DCtx *context, const packed *packed, sl_text frame, buffer *out,
                            failure *failure)
{
    for (;;) {
        size_t written =
            ZSTD_decompressDCtx(context, out->at + out->size, room_left(packed, out), frame.at, frame.size);
        if (!ZSTD_isError(written)) {
            out->size += written;
            return out->size > packed->unpacked_max ? too_much(packed, failure) : SL_OK;
        }
        if (ZSTD_getErrorCode(written) != ZSTD_error_dstSize_tooSmall)
            return damaged(packed, ZSTD_getErrorName(written), failure);
        if (out->room - SEGMENT_SLACK > packed->unpacked_max)
            return too_much(packed, failure);
        buffer_reserve(out, out->room + SEGMENT_SLACK);
    }
}

/* Frame by frame, since the library also reads what older versions of it wrote, by code that nobody tests any more. */
static sl_result zstd_unpack(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    if (unpacker->zstd == NULL)
        sl_expect((unpacker->zstd = ZSTD_createDCtx()) != NULL);
    const char *at = packed->at;
    size_t left = packed->size;
    do {
        if (left < 4 || big_endian_at(at) != __builtin_bswap32(ZSTD_MAGICNUMBER))
            return damaged(packed, "they begin otherwise", failure);
        size_t size = ZSTD_findFrameCompressedSize(at, left);
        if (ZSTD_isError(size))
            return damaged(packed, ZSTD_getErrorName(size), failure);
        SL_TRY(zstd_frame(unpacker->zstd, packed, (sl_text){ at, size }, out, failure));
        at += size;
        left -= size;
    } while (left);
    return SL_OK;
}

/* ---- Tables ---- */

static unpack_way *const ways[COMPRESSIONS] = {
    [COMPRESSION_GZIP] = gzip_unpack,
    [COMPRESSION_SNAPPY] = snappy_unpack,
    [COMPRESSION_LZ4] = lz4_unpack,
    [COMPRESSION_ZSTD] = zstd_unpack,
};

const char *compression_name(compression by)
{
    static const char *const names[COMPRESSIONS] = { "none", "gzip", "snappy", "lz4", "zstd" };
    return names[by];
}
