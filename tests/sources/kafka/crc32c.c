/*
 * tests/sources/kafka/crc32c.c - each way to the checksum against published values and against the definition.
 */
#include <setjmp.h>
#include <sources/kafka/crc32c.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <support/record_batches.h>

#include <cmocka.h>

enum { MOST = 80000 };

static char bytes[MOST + 64];

/* RFC 3720 (iSCSI), appendix B.4, and the check value of the catalogue of CRCs. */
static void published_values_come_out(const crc32c_way *way)
{
    char trial[32];
    assert_int_equal(way->of("", 0), 0);
    assert_int_equal(way->of("a", 1), 0xC1D04330);
    assert_int_equal(way->of("123456789", 9), 0xE3069283);
    memset(trial, 0, sizeof trial);
    assert_int_equal(way->of(trial, sizeof trial), 0x8A9136AA);
    memset(trial, 0xFF, sizeof trial);
    assert_int_equal(way->of(trial, sizeof trial), 0x62A8AB43);
    for (int i = 0; i < 32; i++)
        trial[i] = (char)i;
    assert_int_equal(way->of(trial, sizeof trial), 0x46DD794E);
    for (int i = 0; i < 32; i++)
        trial[i] = (char)(31 - i);
    assert_int_equal(way->of(trial, sizeof trial), 0x113FDB5C);
}

static void any_bytes_give_what_the_definition_gives(const crc32c_way *way)
{
    dice dice = { 11 };
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_next(&dice);
    for (size_t size = 0; size < 1700; size++) { /* past two rounds of short streams */
        size_t start = dice_below(&dice, 64);
        assert_int_equal(way->of(bytes + start, size), crc32c_naive(bytes + start, size));
    }
    for (int round = 0; round < 60; round++) {
        size_t start = dice_below(&dice, 64), size = dice_below(&dice, MOST);
        assert_int_equal(way->of(bytes + start, size), crc32c_naive(bytes + start, size));
    }
}

static void of_each_way(void (*check)(const crc32c_way *way))
{
    size_t count;
    const crc32c_way *way = crc32c_ways(&count);
    for (; count; way++, count--)
        if (way->is_here())
            check(way);
}

static void every_way_gives_the_published_values(void **state)
{
    (void)state;
    of_each_way(published_values_come_out);
}

static void every_way_gives_what_the_definition_gives(void **state)
{
    (void)state;
    of_each_way(any_bytes_give_what_the_definition_gives);
}

static void a_flipped_bit_anywhere_shows(void **state)
{
    (void)state;
    uint32_t before = crc32c(bytes, 3000);
    assert_int_equal(before, crc32c_naive(bytes, 3000));
    for (size_t bit = 0; bit < 3000 * 8; bit += 7) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(crc32c(bytes, 3000), before);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void there_is_always_a_way_without_the_processors_help(void **state)
{
    (void)state;
    size_t count;
    const crc32c_way *ways = crc32c_ways(&count);
    assert_true(count >= 1);
    assert_string_equal(ways[count - 1].name, "tables");
    assert_true(ways[count - 1].is_here());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_gives_the_published_values),
        cmocka_unit_test(every_way_gives_what_the_definition_gives),
        cmocka_unit_test(a_flipped_bit_anywhere_shows),
        cmocka_unit_test(there_is_always_a_way_without_the_processors_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
