/*
 * batches/frames.h - how journal and checkpoint lay records into a file: each is whole, or it is not there.
 *
 *     | "SLF1" | payload size: 8 bytes | XXH3 of the payload: 8 bytes | payload | ...        little-endian
 *
 * A payload is values one after another, written and read by the functions below.
 */
#ifndef BATCHES_FRAMES_H
#define BATCHES_FRAMES_H

#include <base/buffer.h>

void frame_begin(buffer *out, size_t *start); /* what is appended next is the payload */
void frame_end(buffer *out, size_t start);

/* Says of a frame that it is not synced by itself ("SLFu"): when it is lost, nothing is. */
void frame_loosen(buffer *out, size_t start);

/* The payload at *at, which moves behind the frame; false at the end, or where the file is torn or damaged. */
bool frame_read(sl_text file, size_t *at, sl_text *payload);
/* Where the first whole frame at or behind `from` begins; file.size: nowhere. When reading stopped before the end, what
 * stands there is damaged if a whole frame follows: it was acknowledged. Otherwise a crash tore it. */
size_t frame_find(sl_text file, size_t from);

/* Is there a whole frame from `from` on that was synced? Then so was all before it. */
bool frame_is_behind(sl_text file, size_t from);

/* Every payload begins with the batch's id and its T. */
typedef struct batch_mark {
    int64_t id, time_ms;
} batch_mark;

void mark_raise(batch_mark *mark, batch_mark at_least);
/* Raises the mark to the greatest id and T of the whole frames from `from` on, whatever is damaged between them. */
void frames_mark(sl_text file, size_t from, batch_mark *mark);

typedef struct frame_reader {
    const char *at, *end;
    bool damaged; /* something did not fit; all later reads give zeros */
} frame_reader;

void put_i64(buffer *out, int64_t value);
void put_text(buffer *out, sl_text text);
int64_t get_i64(frame_reader *reader);
sl_text get_text(frame_reader *reader); /* lies in the payload */

#endif
