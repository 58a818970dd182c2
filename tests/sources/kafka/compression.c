/*
 * tests/sources/kafka/compression.c - what the libraries packed comes back, and nothing else does: bytes that are cut, changed,
 * or unpack to far more than they may.
 */
#include <lz4frame.h>
#include <records/segment.h>
#include <setjmp.h>
#include <sources/kafka/compression.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/record_batches.h>
#include <zstd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { MOST = 3 << 20, NO_LIMIT = 64 << 20 };

static compression number_of(written_codec codec)
{
    return codec == WRITTEN_SNAPPY_JAVA ? COMPRESSION_SNAPPY : (compression)codec;
}

/* In memory of exactly the packed size, so that a sanitizer sees a step too far. */
static sl_result unpack_exactly(unpacker *unpacker, const packed *packed, buffer *out, failure *failure)
{
    struct packed held = *packed;
    char *bytes = malloc(packed->size ? packed->size : 1);
    if (packed->size)
        memcpy(bytes, packed->at, packed->size);
    held.at = bytes;
    sl_result result = unpack(unpacker, &held, out, failure);
    free(bytes);
    return result;
}

static sl_result unpack_text(written_codec codec, const buffer *bytes, size_t unpacked_max, buffer *out,
                             failure *failure)
{
    unpacker unpacker = { 0 };
    packed packed = { number_of(codec), bytes->at, bytes->size, unpacked_max };
    sl_result result = unpack_exactly(&unpacker, &packed, out, failure);
    unpacker_done(&unpacker);
    return result;
}

/* Bytes that repeat themselves a little, as records do. */
static sl_text bytes_draw(dice *dice, char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = i > 100 && dice_below(dice, 8) ? at[i - 60 - dice_below(dice, 2)] : (char)dice_next(dice);
    return (sl_text){ at, size };
}

static void assert_holds(const buffer *out, sl_text wanted)
{
    assert_int_equal(out->size, wanted.size);
    assert_memory_equal(out->at, wanted.at, wanted.size);
    assert_true(out->room - out->size >= SEGMENT_SLACK);
}

static void what_was_packed_comes_back_whatever_came_before(void **state)
{
    (void)state;
    static char bytes[MOST];
    dice dice = { 21 };
    unpacker unpacker = { 0 };
    buffer packed_bytes = { 0 }, out = { 0 };
    for (int round = 0; round < 240; round++) {
        written_codec codec = WRITTEN_GZIP + (written_codec)dice_below(&dice, WRITTEN_CODECS - 1);
        size_t most = round % 40 == 0 ? MOST : round % 4 ? 3000 : 300000;
        sl_text text = bytes_draw(&dice, bytes, dice_below(&dice, most));
        failure failure = { 0 };
        packed_bytes.size = 0;
        pack(&packed_bytes, codec, text);
        packed packed = { number_of(codec), packed_bytes.at, packed_bytes.size, NO_LIMIT };
        if (unpack_exactly(&unpacker, &packed, &out, &failure) != SL_OK)
            fail_msg("codec %u, %zu bytes: %s", codec, text.size, failure.text);
        assert_holds(&out, text);
    }
    unpacker_done(&unpacker);
    buffer_done(&packed_bytes);
    buffer_done(&out);
}

static void once_warm_nothing_grows(void **state)
{
    (void)state;
    static char bytes[300000];
    dice dice = { 22 };
    sl_text text = bytes_draw(&dice, bytes, sizeof bytes);
    unpacker unpacker = { 0 }, warm = { 0 };
    buffer out = { 0 };
    size_t room = 0;
    const char *at = NULL;
    for (int round = 0; round < 2; round++) {
        for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
            buffer packed_bytes = { 0 };
            failure failure = { 0 };
            pack(&packed_bytes, codec, text);
            packed packed = { number_of(codec), packed_bytes.at, packed_bytes.size, NO_LIMIT };
            assert_int_equal(unpack(&unpacker, &packed, &out, &failure), SL_OK);
            buffer_done(&packed_bytes);
        }
        if (round == 0) {
            warm = unpacker;
            room = out.room;
            at = out.at;
        }
    }
    assert_memory_equal(&unpacker, &warm, sizeof warm);
    assert_int_equal(out.room, room);
    assert_ptr_equal(out.at, at);
    unpacker_done(&unpacker);
    buffer_done(&out);
}

static void exactly_the_limit_is_allowed(void **state)
{
    (void)state;
    static char bytes[200000];
    dice dice = { 23 };
    for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
        buffer packed_bytes = { 0 }, out = { 0 };
        sl_text text = bytes_draw(&dice, bytes, sizeof bytes - codec);
        failure none = { 0 }, failure = { 0 };
        pack(&packed_bytes, codec, text);
        assert_int_equal(unpack_text(codec, &packed_bytes, text.size, &out, &none), SL_OK);
        assert_holds(&out, text);
        assert_int_equal(unpack_text(codec, &packed_bytes, text.size - 1, &out, &failure), SL_LIMIT);
        assert_non_null(strstr(failure.text, "unpack to more than "));
        buffer_done(&packed_bytes);
        buffer_done(&out);
    }
}

/* A few bytes that unpack to 64 MiB take no more room than the limit and its double. */
static void a_bomb_takes_no_more_room_than_the_limit_allows(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    char *zeros = calloc(1, size);
    for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
        buffer packed_bytes = { 0 }, out = { 0 };
        failure failure = { 0 };
        pack(&packed_bytes, codec, (sl_text){ zeros, size });
        assert_int_equal(unpack_text(codec, &packed_bytes, 1 << 20, &out, &failure), SL_LIMIT);
        assert_true(out.room < 4 << 20);
        buffer_done(&packed_bytes);
        buffer_done(&out);
    }
    free(zeros);
}

static void a_size_that_is_only_claimed_gets_no_room(void **state)
{
    (void)state;
    static const struct {
        written_codec codec;
        const char *bytes;
        size_t size;
    } cases[] = {
        { WRITTEN_SNAPPY, "\xFF\xFF\xFF\x7F\0a", 6 }, /* 256 MiB */
        { WRITTEN_SNAPPY, "\x80\x80\x80\x80\x08\0a", 7 },
        { WRITTEN_SNAPPY_JAVA, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\6\xFF\xFF\xFF\x7F\0a", 26 },
        { WRITTEN_SNAPPY_JAVA, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\x7F\0\0\6\1\0a", 23 },
        /* a frame that says it holds 2^60 bytes, with a window of 1 GiB: a block of one byte, then nothing */
        { WRITTEN_ZSTD, "\x28\xB5\x2F\xFD\xC0\xA0\0\0\0\0\0\0\0\x10\x08\0\0a", 18 },
        { WRITTEN_LZ4, "\x04\x22\x4D\x18\x68\x70\0\0\0\0\0\0\0\x10\xD8\1\0\0\x80z", 20 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer bytes = { 0 }, out = { 0 };
        failure failure = { 0 };
        buffer_append(&bytes, cases[i].bytes, cases[i].size);
        assert_int_equal(unpack_text(cases[i].codec, &bytes, 1 << 30, &out, &failure), SL_FAILED);
        assert_true(out.room < 100000);
        buffer_done(&bytes);
        buffer_done(&out);
    }
}

/* Java's frames of snappy may end after any block; only the count of records can tell. All others notice. */
static void cut_off_bytes_never_pass_for_the_whole(void **state)
{
    (void)state;
    static char bytes[70000];
    dice dice = { 24 };
    for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
        buffer packed_bytes = { 0 }, out = { 0 };
        sl_text text = bytes_draw(&dice, bytes, sizeof bytes);
        pack(&packed_bytes, codec, text);
        size_t whole = packed_bytes.size, step = 1 + whole / 400;
        for (packed_bytes.size = 0; packed_bytes.size < whole; packed_bytes.size += step) {
            failure failure = { 0 };
            sl_result result = unpack_text(codec, &packed_bytes, NO_LIMIT, &out, &failure);
            if (result == SL_OK)
                assert_true(codec == WRITTEN_SNAPPY_JAVA);
            assert_true(result == SL_FAILED || out.size < text.size);
        }
        buffer_done(&packed_bytes);
        buffer_done(&out);
    }
}

static void two_parts_one_after_another_are_both_unpacked(void **state)
{
    (void)state;
    static const written_codec codecs[] = { WRITTEN_GZIP, WRITTEN_LZ4, WRITTEN_ZSTD, WRITTEN_SNAPPY_JAVA };
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        buffer packed_bytes = { 0 }, out = { 0 };
        failure failure = { 0 };
        pack(&packed_bytes, codecs[i], (sl_text){ "first ", 6 });
        pack(&packed_bytes, codecs[i], (sl_text){ "second", 6 });
        assert_int_equal(unpack_text(codecs[i], &packed_bytes, 12, &out, &failure), SL_OK);
        assert_holds(&out, (sl_text){ "first second", 12 });
        buffer_append(&packed_bytes, "x", 1);
        assert_int_equal(unpack_text(codecs[i], &packed_bytes, 12, &out, &failure), SL_FAILED);
        buffer_done(&packed_bytes);
        buffer_done(&out);
    }
}

/* Blocks that refer to the one before, checksums, blocks of 4 MiB. */
static void lz4_frames_of_every_kind_are_read(void **state)
{
    (void)state;
    static char bytes[MOST];
    dice dice = { 25 };
    sl_text text = bytes_draw(&dice, bytes, sizeof bytes);
    for (unsigned kind = 0; kind < 16; kind++) {
        LZ4F_preferences_t how = { 0 };
        how.frameInfo.blockMode = kind & 1 ? LZ4F_blockIndependent : LZ4F_blockLinked;
        how.frameInfo.contentChecksumFlag = kind & 2 ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
        how.frameInfo.blockChecksumFlag = kind & 4 ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum;
        how.frameInfo.blockSizeID = kind & 8 ? LZ4F_max4MB : LZ4F_max64KB;
        buffer frame = { 0 }, out = { 0 };
        failure failure = { 0 };
        size_t room = LZ4F_compressFrameBound(text.size, &how);
        frame.size = LZ4F_compressFrame(buffer_reserve(&frame, room), room, text.at, text.size, &how);
        assert_int_equal(unpack_text(WRITTEN_LZ4, &frame, NO_LIMIT, &out, &failure), SL_OK);
        assert_holds(&out, text);
        buffer_done(&frame);
        buffer_done(&out);
    }
}

/* As Java's producer writes it: in pieces, the size not known in advance, the largest window. */
static void a_zstd_frame_that_does_not_tell_its_size_is_read(void **state)
{
    (void)state;
    static char bytes[MOST];
    dice dice = { 26 };
    sl_text text = bytes_draw(&dice, bytes, sizeof bytes);
    buffer frame = { 0 }, out = { 0 };
    failure failure = { 0 };
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t room = ZSTD_compressBound(text.size) + 1000;
    ZSTD_outBuffer to = { buffer_reserve(&frame, room), room, 0 };
    for (size_t at = 0; at < text.size;) {
        size_t piece = text.size - at < 100000 ? text.size - at : 100000;
        ZSTD_inBuffer from = { text.at + at, piece, 0 };
        at += piece;
        ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue);
        assert_int_equal(from.pos, piece);
    }
    ZSTD_inBuffer nothing = { "", 0, 0 };
    assert_int_equal(ZSTD_compressStream2(context, &to, &nothing, ZSTD_e_end), 0);
    frame.size = to.pos;
    assert_int_equal(unpack_text(WRITTEN_ZSTD, &frame, NO_LIMIT, &out, &failure), SL_OK);
    assert_holds(&out, text);
    frame.at[frame.size - 1] ^= 1; /* its own checksum */
    assert_int_equal(unpack_text(WRITTEN_ZSTD, &frame, NO_LIMIT, &out, &failure), SL_FAILED);
    ZSTD_freeCCtx(context);
    buffer_done(&frame);
    buffer_done(&out);
}

static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static char bytes[5000];
    dice dice = { 27 };
    unpacker unpacker = { 0 };
    buffer out = { 0 };
    for (int round = 0; round < 5000; round++) {
        written_codec codec = WRITTEN_GZIP + (written_codec)dice_below(&dice, WRITTEN_CODECS - 1);
        sl_text text = bytes_draw(&dice, bytes, 1 + dice_below(&dice, round % 10 ? 100 : sizeof bytes));
        buffer packed_bytes = { 0 };
        failure failure = { 0 };
        pack(&packed_bytes, codec, text);
        for (size_t change = 0; change <= dice_below(&dice, 3); change++)
            packed_bytes.at[dice_below(&dice, packed_bytes.size)] = (char)dice_next(&dice);
        packed packed = { number_of(codec), packed_bytes.at, packed_bytes.size, 100000 };
        sl_result result = unpack_exactly(&unpacker, &packed, &out, &failure);
        assert_true(result == SL_OK || failure.text[0]);
        assert_true(result != SL_OK || out.size <= 100000);
        buffer_done(&packed_bytes);
    }
    unpacker_done(&unpacker);
    buffer_done(&out);
}

static void a_failure_names_the_codec(void **state)
{
    (void)state;
    static const char *const names[] = { "none", "gzip", "snappy", "lz4", "zstd", "snappy" };
    for (written_codec codec = WRITTEN_GZIP; codec < WRITTEN_CODECS; codec++) {
        static char noise[] = "\xFFThis is not what any of them makes of anything.";
        buffer bytes = { noise, sizeof noise, sizeof noise }, out = { 0 };
        failure failure = { 0 };
        char wanted[40];
        snprintf(wanted, sizeof wanted, "its records are no %s: ", names[codec]);
        assert_int_equal(unpack_text(codec, &bytes, NO_LIMIT, &out, &failure), SL_FAILED);
        assert_memory_equal(failure.text, wanted, strlen(wanted));
        assert_true(strlen(failure.text) > strlen(wanted));
        assert_string_equal(compression_name(number_of(codec)), names[codec]);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_comes_back_whatever_came_before),
        cmocka_unit_test(once_warm_nothing_grows),
        cmocka_unit_test(exactly_the_limit_is_allowed),
        cmocka_unit_test(a_bomb_takes_no_more_room_than_the_limit_allows),
        cmocka_unit_test(a_size_that_is_only_claimed_gets_no_room),
        cmocka_unit_test(cut_off_bytes_never_pass_for_the_whole),
        cmocka_unit_test(two_parts_one_after_another_are_both_unpacked),
        cmocka_unit_test(lz4_frames_of_every_kind_are_read),
        cmocka_unit_test(a_zstd_frame_that_does_not_tell_its_size_is_read),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(a_failure_names_the_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
