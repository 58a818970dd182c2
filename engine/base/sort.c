/*
 * base/sort.c - heap sort.
 */
#include <base/sort.h>

static void sift(void **at, size_t root, size_t count, sort_order *order, const void *argument)
{
    void *moved = at[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && order(at[child], at[child + 1], argument) < 0)
            child++;
        if (order(moved, at[child], argument) >= 0)
            break;
        at[root] = at[child];
    }
    at[root] = moved;
}

void sort_pointers(void **at, size_t count, sort_order *order, const void *argument)
{
    for (size_t root = count / 2; root-- > 0;)
        sift(at, root, count, order, argument);
    for (size_t last = count; last-- > 1;) {
        void *first = at[0];
        at[0] = at[last];
        at[last] = first;
        sift(at, 0, last, order, argument);
    }
}
