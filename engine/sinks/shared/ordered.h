/*
 * sinks/shared/ordered.h - what the writers of a batch gathered, in the order of the batch's chunks.
 *
 *     writer 0: | chunk 0 | chunk 3 |          pieces: (0, ...) (3, ...)
 *     writer 1: | chunk 1 | chunk 2 |          pieces: (1, ...) (2, ...)
 *     merged:   | chunk 0 | chunk 1 | chunk 2 | chunk 3 |
 *
 * So a result does not depend on which worker took which chunk. Writers do not meet: each has a place of its own.
 */
#ifndef SINKS_SHARED_ORDERED_H
#define SINKS_SHARED_ORDERED_H

#include <base/buffer.h>

typedef struct ordered_writer {
    _Alignas(64) buffer bytes; /* a cache line each: workers fill them at the same time */
    buffer pieces;
} ordered_writer;

typedef struct ordered {
    ordered_writer *writers;
    unsigned count;
    buffer order; /* of ordered_piece */
} ordered;

typedef struct ordered_piece {
    uint64_t sequence;
    unsigned writer;
    size_t at, size; /* in the writer's bytes */
} ordered_piece;

void ordered_init(ordered *ordered, unsigned writers);
void ordered_done(ordered *ordered);
void ordered_reset(ordered *ordered); /* everything gathered is gone, the room stays */

/* Begins a piece: what is appended to the answer until the writer's next piece belongs to it. Runs on: worker. */
buffer *ordered_begin(ordered *ordered, unsigned writer, uint64_t sequence);

/* All pieces in order; they live until the next call. */
const ordered_piece *ordered_pieces(ordered *ordered, size_t *count);
sl_text ordered_bytes(const ordered *ordered, const ordered_piece *piece);
void ordered_merge(ordered *ordered, buffer *out); /* appends */

/* After an unusually large batch: buffers of more than 64 MB go back to the system. */
void ordered_shrink(ordered *ordered);
void ordered_shrink_buffer(buffer *buffer);

#endif
