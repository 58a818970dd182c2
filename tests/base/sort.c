/*
 * tests/base/sort.c - pointers in order, compared with what the C library makes of the same numbers.
 */
#include <base/sort.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

enum { MOST = 2000 };

static int number_compare(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

/* `argument`: 1 or -1, so that it is seen to arrive. */
static int pointer_order(const void *a, const void *b, const void *argument)
{
    return number_compare(a, b) * *(const int *)argument;
}

static void check(dice *dice, size_t count, size_t range)
{
    static int numbers[MOST], wanted[MOST];
    static void *pointers[MOST];
    static const int up = 1, down = -1;
    for (size_t i = 0; i < count; i++) {
        wanted[i] = numbers[i] = (int)dice_below(dice, range);
        pointers[i] = &numbers[i];
    }
    qsort(wanted, count, sizeof wanted[0], number_compare);
    sort_pointers(pointers, count, pointer_order, &up);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(*(int *)pointers[i], wanted[i]);
    sort_pointers(pointers, count, pointer_order, &down);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(*(int *)pointers[i], wanted[count - 1 - i]);
}

static void any_number_of_pointers_comes_into_order(void **state)
{
    (void)state;
    dice dice = { 5 };
    for (size_t count = 0; count < 70; count++)
        for (size_t range = 1; range < 200; range = range * 3 + 1)
            check(&dice, count, range);
    for (int round = 0; round < 50; round++)
        check(&dice, dice_below(&dice, MOST), 1 + dice_below(&dice, 1000));
}

static void the_first_ones_are_those_of_a_full_sort(void **state)
{
    (void)state;
    static int numbers[MOST], wanted[MOST];
    static void *pointers[MOST];
    static const int up = 1;
    dice dice = { 9 };
    for (int round = 0; round < 2000; round++) {
        size_t count = dice_below(&dice, round % 50 ? 40 : MOST), most = dice_below(&dice, count + 2);
        size_t rest = 0, rest_wanted = 0;
        for (size_t i = 0; i < count; i++) {
            wanted[i] = numbers[i] = (int)dice_below(&dice, 1 + count);
            pointers[i] = &numbers[i];
        }
        qsort(wanted, count, sizeof wanted[0], number_compare);
        sort_first(pointers, count, most, pointer_order, &up);
        for (size_t i = 0; i < count; i++) {
            if (i < most)
                assert_int_equal(*(int *)pointers[i], wanted[i]);
            rest += i < most ? 0 : (size_t)((int *)pointers[i] - numbers);
            rest_wanted += i;
        }
        for (size_t i = 0; i < most && i < count; i++)
            rest += (size_t)((int *)pointers[i] - numbers);
        assert_int_equal(rest, rest_wanted); /* none is there twice */
    }
}

/* The greatest of some runs comes first, again and again. */
static void a_heap_merges_sorted_runs(void **state)
{
    (void)state;
    enum { RUNS = 7, EACH = 100 };
    static int numbers[RUNS][EACH], wanted[RUNS * EACH];
    static const int up = 1;
    dice dice = { 11 };
    void *heads[RUNS];
    size_t count = RUNS;
    for (size_t run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < EACH; i++)
            wanted[run * EACH + i] = numbers[run][i] = (int)dice_below(&dice, 300) + 1;
        numbers[run][0] = wanted[run * EACH] = 0; /* the end of a run */
        qsort(numbers[run], EACH, sizeof(int), number_compare);
        heads[run] = &numbers[run][EACH - 1];
    }
    qsort(wanted, RUNS * EACH, sizeof(int), number_compare);
    heap_make(heads, count, pointer_order, &up);
    for (size_t i = RUNS * EACH; i-- > RUNS;) {
        assert_int_equal(*(int *)heads[0], wanted[i]);
        heads[0] = (int *)heads[0] - 1;
        if (*(int *)heads[0] == 0)
            heads[0] = heads[--count];
        heap_settle(heads, count, pointer_order, &up);
    }
    assert_int_equal(count, 0);
}

static void every_pointer_is_still_there_once(void **state)
{
    (void)state;
    static int numbers[MOST];
    static void *pointers[MOST];
    static const int up = 1;
    char seen[MOST] = { 0 };
    for (int i = 0; i < MOST; i++) {
        numbers[i] = i % 7; /* many are equal */
        pointers[i] = &numbers[i];
    }
    sort_pointers(pointers, MOST, pointer_order, &up);
    for (int i = 0; i < MOST; i++)
        seen[(int *)pointers[i] - numbers]++;
    for (int i = 0; i < MOST; i++)
        assert_int_equal(seen[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_pointers_comes_into_order),
        cmocka_unit_test(the_first_ones_are_those_of_a_full_sort),
        cmocka_unit_test(a_heap_merges_sorted_runs),
        cmocka_unit_test(every_pointer_is_still_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
