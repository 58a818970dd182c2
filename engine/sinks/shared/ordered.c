/*
 * sinks/shared/ordered.c - pieces of several writers, merged by the sequence of their chunks.
 */
#include <base/failure.h>
#include <sinks/shared/ordered.h>
#include <stdlib.h>

enum { KEPT_BYTES = 64 * 1024 * 1024 };

static int piece_compare(const void *a, const void *b);

void ordered_init(ordered *ordered, unsigned writers)
{
    size_t bytes = writers * sizeof(ordered_writer);
    ordered->count = writers;
    ordered->order = (buffer){ 0 };
    ordered->writers = aligned_alloc(_Alignof(ordered_writer), bytes);
    sl_expect(ordered->writers != NULL);
    memset(ordered->writers, 0, bytes);
}

void ordered_done(ordered *ordered)
{
    for (unsigned i = 0; i < ordered->count; i++) {
        buffer_done(&ordered->writers[i].bytes);
        buffer_done(&ordered->writers[i].pieces);
    }
    buffer_done(&ordered->order);
    free(ordered->writers);
    ordered->writers = NULL;
    ordered->count = 0;
}

void ordered_reset(ordered *ordered)
{
    for (unsigned i = 0; i < ordered->count; i++)
        ordered->writers[i].bytes.size = ordered->writers[i].pieces.size = 0;
}

buffer *ordered_begin(ordered *ordered, unsigned writer, uint64_t sequence)
{
    ordered_writer *own = &ordered->writers[writer];
    ordered_piece piece = { .sequence = sequence, .writer = writer, .at = own->bytes.size };
    buffer_append(&own->pieces, &piece, sizeof piece);
    return &own->bytes;
}

/* A piece ends where the next of its writer begins. */
static void pieces_gather(ordered *ordered, const ordered_writer *writer)
{
    const ordered_piece *pieces = (const void *)writer->pieces.at;
    size_t count = writer->pieces.size / sizeof *pieces;
    for (size_t i = 0; i < count; i++) {
        ordered_piece piece = pieces[i];
        piece.size = (i + 1 < count ? pieces[i + 1].at : writer->bytes.size) - piece.at;
        if (piece.size)
            buffer_append(&ordered->order, &piece, sizeof piece);
    }
}

const ordered_piece *ordered_pieces(ordered *ordered, size_t *count)
{
    ordered->order.size = 0;
    for (unsigned i = 0; i < ordered->count; i++)
        pieces_gather(ordered, &ordered->writers[i]);
    *count = ordered->order.size / sizeof(ordered_piece);
    if (*count > 1)
        qsort(ordered->order.at, *count, sizeof(ordered_piece), piece_compare);
    return (const void *)ordered->order.at;
}

sl_text ordered_bytes(const ordered *ordered, const ordered_piece *piece)
{
    return (sl_text){ ordered->writers[piece->writer].bytes.at + piece->at, piece->size };
}

void ordered_merge(ordered *ordered, buffer *out)
{
    size_t count;
    const ordered_piece *pieces = ordered_pieces(ordered, &count);
    for (size_t i = 0; i < count; i++) {
        sl_text bytes = ordered_bytes(ordered, &pieces[i]);
        buffer_append(out, bytes.at, bytes.size);
    }
}

void ordered_shrink(ordered *ordered)
{
    for (unsigned i = 0; i < ordered->count; i++)
        ordered_shrink_buffer(&ordered->writers[i].bytes);
}

void ordered_shrink_buffer(buffer *buffer)
{
    if (buffer->room > KEPT_BYTES)
        buffer_done(buffer);
}

static int piece_compare(const void *a, const void *b)
{
    const ordered_piece *left = a, *right = b;
    if (left->sequence != right->sequence)
        return left->sequence < right->sequence ? -1 : 1;
    if (left->writer != right->writer)
        return left->writer < right->writer ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}
