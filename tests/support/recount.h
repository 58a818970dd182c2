/*
 * tests/support/recount.h - what a count in a window must give, counted again from the definition: all batches are kept
 * with their times, and at each report those that the window holds are added up.
 *
 *     a window that ends at E holds the batches t with (ceil(E / pane) - length / pane) * pane < t <= E
 */
#ifndef TESTS_SUPPORT_RECOUNT_H
#define TESTS_SUPPORT_RECOUNT_H

#include <base/buffer.h>

enum { RECOUNT_ENDS_MAX = 5000 };

typedef struct recount {
    int64_t interval_ms, length_ms, slide_ms, pane_ms; /* length 0: the batch alone; slide 0: every batch */
    size_t keys;
    int64_t clock_ms, last_ms, time_ms; /* last T, 0: none; T */
    buffer batches;                     /* of int64_t T, uint32_t times[keys] */
} recount;

void recount_done(recount *recount);
void recount_pass(recount *recount, int64_t ms);
/* One interval passes: the times of the new batch, all zero, to be filled at once. */
uint32_t *recount_batch(recount *recount);
/* The ends at which the newest batch reports, oldest first. */
size_t recount_ends(const recount *recount, int64_t ends[RECOUNT_ENDS_MAX]);
void recount_window(const recount *recount, int64_t end_ms, uint64_t *totals);
int64_t recount_start(const recount *recount, int64_t end_ms); /* exclusive */
const uint32_t *recount_newest(const recount *recount);

/* "1970-01-01T00:00:01.000Z" of the years from 1970 on. */
void iso_print(int64_t ms, char at[25]);
/* Lines sorted by their bytes. */
void lines_sort(buffer *lines);

#endif
