/*
 * base/sort.h - pointers put in order in place. qsort() allocates; a warm batch may not.
 *
 * A heap of pointers has at its front the one that comes last in order. Replace it or change what it points to, and
 * heap_settle() brings the next one there: so a few are kept of many, or sorted runs are merged.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

typedef int sort_order(const void *a, const void *b, const void *argument); /* < 0: a comes first */

void sort_pointers(void **at, size_t count, sort_order *order, const void *argument); /* not stable */
/* Only the first `most` in order, at the front; behind them the others, as they come. */
void sort_first(void **at, size_t count, size_t most, sort_order *order, const void *argument);

void heap_make(void **at, size_t count, sort_order *order, const void *argument);
void heap_settle(void **at, size_t count, sort_order *order, const void *argument);

#endif
