/*
 * tests/state/store.c - a shard against a naive table: random additions, removals and searches, chains of probes that
 * removal must not break, ids that come again, growth.
 */
#include <base/memory.h>
#include <setjmp.h>
#include <state/store.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

enum { KEYS = 3000 };

typedef struct known { /* one key that a test may add */
    row_key key;
    uint64_t hash;
    uint32_t id; /* STORE_NONE: not in the shard */
    uint64_t value;
} known;

static known all[KEYS];

static void known_set(size_t i, const char *text, arena *memory)
{
    row_key key = key_of_bytes(text, strlen(text), memory);
    all[i] = (known){ key, key_hash(key), STORE_NONE, 0 };
}

/* Every third key is long. */
static void keys_make(arena *memory)
{
    for (size_t i = 0; i < KEYS; i++) {
        char text[80];
        snprintf(text, sizeof text, i % 3 ? "%zu" : "%zu is the number of a key that is too long to be short",
                 i);
        known_set(i, text, memory);
    }
}

static void check(const store_shard *shard)
{
    size_t live = 0;
    for (size_t i = 0; i < KEYS; i++) {
        if (all[i].key.high == 0)
            continue;
        assert_int_equal(store_find(shard, all[i].key, all[i].hash), all[i].id);
        if (all[i].id == STORE_NONE)
            continue;
        live++;
        assert_true(all[i].id < shard->used);
        assert_true(store_holds(shard, all[i].id));
        assert_true(key_equal(*store_key(shard, all[i].id), all[i].key));
        assert_memory_equal(store_value(shard, all[i].id), &all[i].value, sizeof all[i].value);
    }
    assert_int_equal(shard->live, live);
    for (uint32_t id = 0; id < shard->used; id++)
        live -= store_holds(shard, id);
    assert_int_equal(live, 0);
}

static void add(store_shard *shard, known *known, uint64_t value)
{
    static const uint64_t zero;
    known->id = store_add(shard, known->key, known->hash);
    assert_memory_equal(store_value(shard, known->id), &zero, sizeof zero);
    memcpy(store_value(shard, known->id), &value, sizeof value);
    known->value = value;
}

static void take_out(store_shard *shard, known *known)
{
    store_remove(shard, known->id);
    known->id = STORE_NONE;
}

/* Waves: mostly additions, then mostly removals, over ever more keys. */
static void random_changes_leave_what_a_naive_table_has(void **state)
{
    (void)state;
    store_shard shard;
    arena memory = { 0 };
    dice dice = { 31 };
    store_open(&shard, sizeof(uint64_t));
    keys_make(&memory);
    for (int wave = 0; wave < 24; wave++) {
        size_t among = 10 + (size_t)wave * (KEYS - 10) / 23, adding = wave % 2 ? 3 : 7;
        for (int step = 0; step < 3000; step++) {
            known *known = &all[dice_below(&dice, among)];
            if (known->id == STORE_NONE && dice_below(&dice, 10) < adding)
                add(&shard, known, dice_next(&dice));
            else if (known->id != STORE_NONE && dice_below(&dice, 10) >= adding)
                take_out(&shard, known);
        }
        check(&shard);
    }
    store_close(&shard);
    arena_done(&memory);
}

/* Keys whose slots lie in the last two and first two of 64: chains that go round the end of the index. */
static size_t crowd_find(arena *memory, size_t wanted)
{
    size_t found = 0;
    memset(all, 0, sizeof all);
    for (int i = 0; found < wanted; i++) {
        char text[20];
        snprintf(text, sizeof text, "crowd %d", i);
        known_set(found, text, memory);
        size_t home = all[found].hash >> 32 & 63;
        found += home >= 62 || home <= 1;
    }
    all[found] = (known){ 0 };
    return found;
}

static void removal_from_a_chain_loses_nobody(void **state)
{
    (void)state;
    enum { CROWD = 30 };
    arena memory = { 0 };
    dice dice = { 32 };
    size_t count = crowd_find(&memory, CROWD);
    for (int round = 0; round < 300; round++) {
        store_shard shard;
        store_open(&shard, sizeof(uint64_t));
        for (size_t i = 0; i < count; i++)
            add(&shard, &all[i], i);
        assert_int_equal(shard.mask, 63);
        for (size_t left = count; left;) {
            known *known = &all[dice_below(&dice, count)];
            if (known->id == STORE_NONE)
                continue;
            take_out(&shard, known);
            left--;
            if (round < 20)
                check(&shard);
        }
        assert_int_equal(shard.live, 0);
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(shard.slots[i].id_one, 0);
        store_close(&shard);
    }
    arena_done(&memory);
}

static void ids_of_removed_keys_come_again(void **state)
{
    (void)state;
    store_shard shard;
    arena memory = { 0 };
    store_open(&shard, sizeof(uint64_t));
    keys_make(&memory);
    for (size_t i = 0; i < 1000; i++)
        add(&shard, &all[i], i);
    assert_int_equal(shard.used, 1000);
    size_t bytes = store_bytes(&shard);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 500; i++)
            take_out(&shard, &all[(size_t)round * 37 % 500 + i]);
        for (size_t i = 0; i < 500; i++)
            add(&shard, &all[(size_t)round * 37 % 500 + i], i);
    }
    assert_int_equal(shard.used, 1000);
    assert_int_equal(store_bytes(&shard), bytes);
    check(&shard);
    store_close(&shard);
    arena_done(&memory);
}

/* The bytes of a long key may go once it is in the shard. */
static void a_long_key_is_copied(void **state)
{
    (void)state;
    store_shard shard;
    arena memory = { 0 };
    char text[] = "a key of more than fifteen bytes";
    store_open(&shard, 0);
    row_key key = key_of_bytes(text, sizeof text - 1, &memory);
    uint32_t id = store_add(&shard, key, key_hash(key));
    memset((void *)(uintptr_t)key_address(key), 0, sizeof text);
    row_key again = key_of_bytes(text, sizeof text - 1, &memory);
    assert_int_equal(store_find(&shard, again, key_hash(again)), id);
    text[20] ^= 1;
    row_key other = key_of_bytes(text, sizeof text - 1, &memory);
    assert_int_equal(store_find(&shard, other, key_hash(other)), STORE_NONE);
    store_close(&shard);
    arena_done(&memory);
}

static void a_million_keys_are_found(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    store_shard shard;
    store_open(&shard, sizeof(uint64_t));
    for (uint64_t i = 0; i < MILLION; i++) {
        row_key key = key_of_bytes((const char *)&i, sizeof i, NULL);
        memcpy(store_value(&shard, store_add(&shard, key, key_hash(key))), &i, sizeof i);
    }
    assert_int_equal(shard.live, MILLION);
    assert_true(shard.live <= shard.mask - shard.mask / 4);
    for (uint64_t i = 0; i < MILLION; i++) {
        row_key key = key_of_bytes((const char *)&i, sizeof i, NULL);
        uint32_t id = store_find(&shard, key, key_hash(key));
        if (id == STORE_NONE || memcmp(store_value(&shard, id), &i, sizeof i) != 0)
            fail_msg("key %llu was lost", (unsigned long long)i);
    }
    store_close(&shard);
}

/* Cleared when nearly full and when nearly empty, which go different ways; ids begin anew, and nothing of before is found. */
static void a_table_can_be_cleared(void **state)
{
    (void)state;
    static const int sizes[] = { 5000, 3, 0, 700, 5000 };
    char text[64];
    arena memory = { 0 };
    store_shard shard;
    store_open(&shard, sizeof(uint64_t));
    for (size_t round = 0; round < sizeof sizes / sizeof sizes[0]; round++) {
        for (int i = 0; i < sizes[round]; i++) {
            int size =
                snprintf(text, sizeof text, i % 3 ? "%d" : "a key too long to lie in sixteen bytes %d", i);
            row_key key = key_of_bytes(text, (size_t)size, &memory);
            assert_int_equal(store_find(&shard, key, key_hash(key)), STORE_NONE);
            assert_int_equal(store_add(&shard, key, key_hash(key)), i);
        }
        if (sizes[round] > 100)
            store_remove(&shard, 50); /* an id that waits to be used again is forgotten, too */
        store_clear(&shard);
        assert_int_equal(shard.live, 0);
        assert_int_equal(shard.used, 0);
        assert_false(store_holds(&shard, 0));
    }
    store_close(&shard);
    arena_done(&memory);
}

/* So many that some slots tell the same of two keys: near is not yet found. Half of them come again, some at once. */
static void a_walk_gives_each_key_its_id(void **state)
{
    (void)state;
    enum { WALKED = 400000, KEYS_WALKED = 200000 };
    store_shard shard;
    store_walk walk;
    dice dice = { 33 };
    row_key *keys = memory_new(WALKED * sizeof *keys);
    uint32_t ids[STORE_VECTOR];
    size_t at = 0;
    store_open(&shard, 0);
    for (size_t i = 0; i < WALKED; i++) {
        uint64_t number = i < KEYS_WALKED ? i / 2 : dice_below(&dice, KEYS_WALKED);
        keys[i] = key_of_bytes((const char *)&number, sizeof number, NULL);
    }
    store_walk_begin(&walk, &shard, keys, WALKED);
    for (size_t count; (count = store_walk_next(&walk, ids)) > 0; at += count)
        for (size_t i = 0; i < count; i++)
            if (!key_equal(*store_key(&shard, ids[i]), keys[at + i]))
                fail_msg("key %zu has the id of another one", at + i);
    assert_int_equal(at, WALKED);
    for (size_t i = 0; i < WALKED; i++)
        assert_int_not_equal(store_find(&shard, keys[i], key_hash(keys[i])), STORE_NONE);
    for (uint32_t id = 0; id < shard.used; id++)
        assert_int_equal(store_find(&shard, *store_key(&shard, id), key_hash(*store_key(&shard, id))), id);
    store_close(&shard);
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_can_be_cleared),
        cmocka_unit_test(random_changes_leave_what_a_naive_table_has),
        cmocka_unit_test(removal_from_a_chain_loses_nobody),
        cmocka_unit_test(ids_of_removed_keys_come_again),
        cmocka_unit_test(a_long_key_is_copied),
        cmocka_unit_test(a_million_keys_are_found),
        cmocka_unit_test(a_walk_gives_each_key_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
