/*
 * base/sort.c - heaps, and heap sort.
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

static void swap(void **a, void **b)
{
    void *moved = *a;
    *a = *b;
    *b = moved;
}

static void heap_sort(void **at, size_t count, sort_order *order, const void *argument)
{
    for (size_t last = count; last-- > 1;) {
        swap(&at[0], &at[last]);
        sift(at, 0, last, order, argument);
    }
}

void sort_pointers(void **at, size_t count, sort_order *order, const void *argument)
{
    heap_make(at, count, order, argument);
    heap_sort(at, count, order, argument);
}

void sort_first(void **at, size_t count, size_t most, sort_order *order, const void *argument)
{
    if (most == 0)
        return;
    most = most < count ? most : count;
    heap_make(at, most, order, argument);
    for (size_t i = most; i < count; i++)
        if (order(at[i], at[0], argument) < 0) {
            swap(&at[i], &at[0]);
            sift(at, 0, most, order, argument);
        }
    heap_sort(at, most, order, argument);
}

void heap_make(void **at, size_t count, sort_order *order, const void *argument)
{
    for (size_t root = count / 2; root-- > 0;)
        sift(at, root, count, order, argument);
}

void heap_settle(void **at, size_t count, sort_order *order, const void *argument)
{
    if (count)
        sift(at, 0, count, order, argument);
}
