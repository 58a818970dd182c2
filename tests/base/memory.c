/*
 * tests/base/memory.c - allocations that cannot fail, and ranges of pages that grow.
 */
#include <base/memory.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_zeros(const unsigned char *at, size_t from, size_t until)
{
    for (size_t i = from; i < until; i++)
        if (at[i])
            fail_msg("byte %zu is not zero", i);
}

static void new_memory_is_zeroed(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 7, 4096, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *at = memory_new(sizes[i]);
        assert_non_null(at);
        assert_zeros(at, 0, sizes[i]);
        memset(at, 0xFF, sizes[i]);
        free(at);
    }
}

static void resized_memory_keeps_what_it_held(void **state)
{
    (void)state;
    char *at = memory_resize(NULL, 4);
    memcpy(at, "abc", 4);
    at = memory_resize(at, 100000);
    assert_string_equal(at, "abc");
    at = memory_resize(at, 2);
    assert_memory_equal(at, "ab", 2);
    at = memory_resize(at, 0);
    assert_non_null(at);
    free(at);
}

static void a_text_is_copied_and_none_stays_none(void **state)
{
    (void)state;
    char source[] = "word";
    char *copy = memory_text(source);
    source[0] = 'W';
    assert_string_equal(copy, "word");
    free(copy);
    assert_null(memory_text(NULL));
}

static size_t pages_there(void *at, size_t count)
{
    unsigned char there[64];
    size_t sum = 0;
    assert_in_range(count, 1, sizeof there);
    assert_int_equal(mincore(at, count * (size_t)sysconf(_SC_PAGESIZE), there), 0);
    for (size_t i = 0; i < count; i++)
        sum += there[i] & 1;
    return sum;
}

static void a_range_that_is_touched_is_there_as_it_was(void **state)
{
    (void)state;
    enum { PAGES = 64 };
    size_t bytes = PAGES * (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *at = range_new(bytes);
    at[5000] = 7;
    assert_in_range(pages_there(at, PAGES), 1, PAGES - 1);
    range_touch(at, bytes - 100); /* ends within a page */
    assert_int_equal(pages_there(at, PAGES), PAGES);
    assert_int_equal(at[5000], 7);
    assert_zeros(at, 5001, bytes);
    range_free(at, bytes);
}

/* Both below and above the size from which huge pages are asked for, sizes that end within a page too. */
static void a_grown_range_keeps_its_bytes_and_adds_zeros(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 512;
    unsigned char *at = range_new(size);
    assert_int_equal((uintptr_t)at % page, 0);
    assert_zeros(at, 0, size);
    memset(at, 1, size);
    while (size < 6 * 1024 * 1024) {
        size_t larger = size * 2 + 24;
        at = range_grow(at, size, larger);
        assert_int_equal((uintptr_t)at % page, 0);
        for (size_t i = 0; i < size; i++)
            if (at[i] != 1)
                fail_msg("byte %zu was lost on the way to %zu", i, larger);
        assert_zeros(at, size, larger);
        memset(at + size, 1, larger - size);
        size = larger;
    }
    range_free(at, size);
}

static void growing_nothing_makes_a_range_and_freeing_nothing_is_fine(void **state)
{
    (void)state;
    unsigned char *at = range_grow(NULL, 0, 10000);
    assert_zeros(at, 0, 10000);
    range_free(at, 10000);
    range_free(NULL, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(resized_memory_keeps_what_it_held),
        cmocka_unit_test(a_text_is_copied_and_none_stays_none),
        cmocka_unit_test(a_range_that_is_touched_is_there_as_it_was),
        cmocka_unit_test(a_grown_range_keeps_its_bytes_and_adds_zeros),
        cmocka_unit_test(growing_nothing_makes_a_range_and_freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
