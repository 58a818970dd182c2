/*
 * base/sort.h - pointers put in order in place. qsort() allocates; a warm batch may not.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

typedef int sort_order(const void *a, const void *b, const void *argument); /* < 0: a comes first */

void sort_pointers(void **at, size_t count, sort_order *order, const void *argument); /* not stable */

#endif
