/*
 * tests/fuzz/disk/framed.h - bytes of libFuzzer as a file of frames. A first byte of 0 takes them as they are; otherwise each piece
 * is a size, a kind and so many bytes, and mostly becomes a frame whose size and checksum are right, so that damage reaches the
 * inside as well; some pieces stand between frames as they are, and the last may be torn.
 */
#ifndef TESTS_FUZZ_DISK_FRAMED_H
#define TESTS_FUZZ_DISK_FRAMED_H

#include <batches/frames.h>
#include <stdio.h>

static inline void framed_make(const uint8_t *data, size_t size, buffer *out)
{
    out->size = 0;
    if (size == 0 || data[0] == 0) {
        buffer_append(out, data + (size > 0), size - (size > 0));
        return;
    }
    for (size_t at = 1; at + 3 <= size;) {
        size_t wanted = data[at] | (size_t)data[at + 1] << 8, kind = data[at + 2], left = size - at - 3,
               start;
        size_t piece = wanted < left ? wanted : left;
        if (kind < 250) {
            frame_begin(out, &start);
            buffer_append(out, data + at + 3, piece);
            frame_end(out, start);
        } else {
            buffer_append(out, data + at + 3, piece);
        }
        if (kind == 249) /* torn, or the next one begins too early */
            out->size -= piece / 2;
        at += 3 + piece;
    }
}

static inline void file_make(const char *path, const buffer *bytes)
{
    FILE *file = fopen(path, "w");
    sl_expect(file && fwrite(bytes->at ? bytes->at : "", 1, bytes->size, file) == bytes->size);
    fclose(file);
}

#endif
