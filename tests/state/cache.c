/*
 * tests/state/cache.c - what lookups found, against an array: answers, their age, and what is forgotten when it is too much.
 */
#include <base/memory.h>
#include <setjmp.h>
#include <state/cache.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <support/random.h>

#include <cmocka.h>

enum { KEYS = 500 };

typedef struct known {
    row_key key;
    linked_head *head;
    int64_t until_ns; /* 0: never put */
} known;

static known all[KEYS];

static void keys_make(arena *memory)
{
    for (size_t i = 0; i < KEYS; i++) {
        char text[60];
        int size = snprintf(text, sizeof text, i % 2 ? "%zu" : "%zu is a long key in the cache", i);
        all[i] = (known){ .key = key_of_bytes(text, (size_t)size, memory) };
    }
}

static void put(cache *cache, known *known, bool answered, int64_t until_ns)
{
    known->head = answered ? memory_new(sizeof(linked_head)) : NULL;
    known->until_ns = until_ns;
    cache_put(cache, known->key, known->head, until_ns);
}

static const cache_entry *find(const cache *cache, const known *known, int64_t now_ns)
{
    return cache_find(cache, known->key, key_hash(known->key), now_ns);
}

static void an_answer_holds_until_its_time(void **state)
{
    (void)state;
    cache cache;
    arena memory = { 0 };
    dice dice = { 51 };
    int64_t now = 0;
    cache_open(&cache, KEYS);
    keys_make(&memory);
    for (int step = 0; step < 20000; step++) {
        known *known = &all[dice_below(&dice, KEYS)];
        now += (int64_t)dice_below(&dice, 10);
        if (dice_below(&dice, 3) == 0)
            put(&cache, known, dice_below(&dice, 2), now + (int64_t)dice_below(&dice, 5000));
        const cache_entry *entry = find(&cache, known, now);
        assert_int_equal(entry != NULL, known->until_ns > now);
        if (entry)
            assert_ptr_equal(entry->head, known->head);
    }
    cache_close(&cache);
    arena_done(&memory);
}

static size_t found(const cache *cache, size_t from, size_t until, int64_t now_ns)
{
    size_t count = 0;
    for (size_t i = from; i < until; i++)
        count += find(cache, &all[i], now_ns) != NULL;
    return count;
}

static void what_is_too_old_is_forgotten_first(void **state)
{
    (void)state;
    cache cache;
    arena memory = { 0 };
    cache_open(&cache, 300);
    keys_make(&memory);
    for (size_t i = 0; i < KEYS; i++)
        put(&cache, &all[i], i % 3, i < 250 ? 100 : 1000);
    cache_trim(&cache, 100);
    assert_int_equal(cache.keys.live, 300);
    assert_int_equal(found(&cache, 250, KEYS, 100), 250);
    cache_close(&cache);
    arena_done(&memory);
}

static void enough_is_forgotten_even_when_all_is_fresh(void **state)
{
    (void)state;
    cache cache;
    arena memory = { 0 };
    cache_open(&cache, 100);
    keys_make(&memory);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < KEYS; i++)
            put(&cache, &all[i], true, 1000);
        assert_int_equal(found(&cache, 0, KEYS, 0), KEYS);
        cache_trim(&cache, 0);
        assert_int_equal(cache.keys.live, 100);
        assert_int_equal(found(&cache, 0, KEYS, 0), 100);
    }
    cache_close(&cache);
    arena_done(&memory);
}

static void a_cache_within_its_size_forgets_nothing(void **state)
{
    (void)state;
    cache cache;
    arena memory = { 0 };
    cache_open(&cache, KEYS);
    cache_trim(&cache, 0);
    keys_make(&memory);
    for (size_t i = 0; i < KEYS; i++)
        put(&cache, &all[i], true, 10);
    cache_trim(&cache, 5000);
    assert_int_equal(cache.keys.live, KEYS);
    cache_close(&cache);
    arena_done(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_holds_until_its_time),
        cmocka_unit_test(what_is_too_old_is_forgotten_first),
        cmocka_unit_test(enough_is_forgotten_even_when_all_is_fresh),
        cmocka_unit_test(a_cache_within_its_size_forgets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
