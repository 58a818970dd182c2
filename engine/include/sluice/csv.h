/*
 * sluice/csv.h - one CSV record (RFC 4180) cut into its fields, inline because a job calls it once per message.
 *
 *     sl_text field[6];
 *     const char *fault = sl_csv_split(task, in->value, field, 6);
 *     if (fault)
 *         return sl_reject(task, &in->origin, fault, "line");
 *
 * The answer is NULL, or the first broken rule in this order:
 *     null_value   a tombstone
 *     too_large    more than 64 KiB, line end included
 *     not_utf8     not valid UTF-8
 *     bad_quote    a quote inside an unquoted field, anything but a comma after a closing quote, a quote never closed
 *     field_count  not exactly `count` fields (an empty line has one)
 * One LF, CR or CRLF at the end is no part of the record. Fields lie in the message, except those with a doubled quote,
 * which are written out anew in the batch's memory.
 *
 * A line of at most 64 bytes, which is nearly every one, is cut by bit masks; longer lines and doubled quotes go through
 * sl_csv_split_slowly(). A test compares the two.
 */
#ifndef SLUICE_CSV_H
#define SLUICE_CSV_H

#include <sluice/types.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct sl_task sl_task;

const char *sl_csv_split_slowly(sl_task *task, sl_text line, sl_text *field, size_t count);

typedef struct sl_csv_masks_ {
    uint64_t comma, quote; /* bit i: byte i is one */
    bool high;             /* a byte is no ASCII */
} sl_csv_masks_;

#if defined(__SSE2__)
/* The masks of 16 to 64 bytes: whole steps, then the last 16 bytes again, which overlap the step before. */
static inline sl_csv_masks_ sl_csv_scan_(sl_text line)
{
    const __m128i comma = _mm_set1_epi8(','), quote = _mm_set1_epi8('"');
    size_t last = line.size - 16;
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(line.at + last)), high = bytes;
    sl_csv_masks_ masks = { (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, comma)) << last,
                            (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)) << last,
                            false };
#pragma GCC unroll 3
    for (unsigned at = 0; at < 48; at += 16) {
        if (last < at)
            break;
        bytes = _mm_loadu_si128((const __m128i *)(const void *)(line.at + at));
        high = _mm_or_si128(high, bytes);
        masks.comma |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, comma)) << at;
        masks.quote |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)) << at;
    }
    masks.high = _mm_movemask_epi8(high) != 0;
    return masks;
}
#else
static inline sl_csv_masks_ sl_csv_scan_(sl_text line)
{
    sl_csv_masks_ masks = { 0, 0, false };
    for (unsigned i = 0; i < line.size; i++) {
        masks.comma |= (uint64_t)(line.at[i] == ',') << i;
        masks.quote |= (uint64_t)(line.at[i] == '"') << i;
        masks.high |= (unsigned char)line.at[i] >> 7;
    }
    return masks;
}
#endif

/* Bit i is the parity of bits 0..i: set from each opening quote up to the byte before its closing one. */
static inline uint64_t sl_csv_inside_(uint64_t quote)
{
    quote ^= quote << 1;
    quote ^= quote << 2;
    quote ^= quote << 4;
    quote ^= quote << 8;
    quote ^= quote << 16;
    return quote ^ quote << 32;
}

static inline const char *sl_csv_split(sl_task *task, sl_text line, sl_text *field, size_t count)
{
    size_t size = line.size;
    if (size < 18 || size > 64 || line.at == NULL)
        return sl_csv_split_slowly(task, line, field, count);
    size -= line.at[size - 1] == '\n';
    size -= line.at[size - 1] == '\r';
    sl_csv_masks_ masks = sl_csv_scan_((sl_text){ line.at, size });
    uint64_t inside = sl_csv_inside_(masks.quote), separators = masks.comma & ~inside;
    uint64_t last = (uint64_t)1 << (size - 1);
    uint64_t starts = separators << 1 | 1, ends = separators >> 1 | last;
    uint64_t opening = masks.quote & inside, closing = masks.quote & ~inside;
    if (masks.high || (inside & last) | (opening & ~starts) | (closing & ~ends))
        return sl_csv_split_slowly(task, line, field, count);
    unsigned from = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (separators == 0)
            return "field_count";
        unsigned until = (unsigned)__builtin_ctzll(separators), quoted = masks.quote >> from & 1;
        separators &= separators - 1;
        field[i] = (sl_text){ line.at + from + quoted, until - from - 2 * quoted };
        from = until + 1;
    }
    unsigned quoted = from < size ? masks.quote >> from & 1 : 0;
    field[count - 1] = (sl_text){ line.at + from + quoted, size - from - 2 * quoted };
    return separators ? "field_count" : NULL;
}

#endif
