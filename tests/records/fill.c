/*
 * tests/records/fill.c - what is printed is read back as it was; what is no such value leaves the field as it was.
 */
#include <base/buffer.h>
#include <inttypes.h>
#include <math.h>
#include <records/document.h>
#include <records/fill.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PART_FIELDS(F) F(text, name)
SL_RECORD(part, PART_FIELDS);

#define ALL_FIELDS(F)                                                                                        \
    F(text, name)                                                                                            \
    F(i32, small)                                                                                            \
    F(i64, large)                                                                                            \
    F(f64, share) F(flag, yes) F(time, when) F(maybe_i64, age) F(origin, origin) F(link(part), part)
SL_RECORD(all, ALL_FIELDS);

enum { NAME, SMALL, LARGE, SHARE, YES, WHEN, AGE, ORIGIN, PART };

static const sl_field *field(int number)
{
    return &all_schema()->fields[number];
}

static bool fill(int number, const char *text, all *row)
{
    return field_fill(field(number), (sl_text){ text, strlen(text) }, row);
}

static double fraction_draw(dice *dice)
{
    uint64_t bits = dice_next(dice);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 0.5;
}

static all row_draw(dice *dice)
{
    int64_t large = (int64_t)(dice_next(dice) >> 1);
    all row = { .name = SL_TEXT("any bytes"),
                .small = (int32_t)(large >> 7),
                .large = dice_below(dice, 2) ? large : -large,
                .share = fraction_draw(dice),
                .yes = dice_below(dice, 2),
                .when = (int64_t)dice_below(dice, 253402300799) * 1000 + (int64_t)dice_below(dice, 1000),
                .age = { (int64_t)dice_below(dice, 200) - 100, true } };
    return row;
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    dice dice = { 7 };
    for (int i = 0; i < 100000; i++) {
        all row = row_draw(&dice), read = { 0 };
        buffer texts[AGE + 1] = { 0 };
        for (int f = NAME; f <= AGE; f++) {
            assert_true(field_text(field(f), &row, &texts[f]));
            assert_true(field_fill(field(f), (sl_text){ texts[f].at, texts[f].size }, &read));
        }
        assert_true(sl_text_equal(read.name, row.name));
        assert_int_equal(read.small, row.small);
        assert_true(read.large == row.large && read.when == row.when && read.yes == row.yes);
        assert_memory_equal(&read.share, &row.share, sizeof row.share);
        assert_true(read.age.known && read.age.value == row.age.value);
        for (int f = NAME; f <= AGE; f++)
            buffer_done(&texts[f]);
    }
}

static void the_outermost_values_are_read(void **state)
{
    (void)state;
    all row = { 0 };
    assert_true(fill(SMALL, "2147483647", &row) && row.small == INT32_MAX);
    assert_true(fill(SMALL, "-2147483648", &row) && row.small == INT32_MIN);
    assert_true(fill(LARGE, "9223372036854775807", &row) && row.large == INT64_MAX);
    assert_true(fill(LARGE, "-0", &row) && row.large == 0);
    assert_true(fill(SHARE, "1.7976931348623157e308", &row) && row.share > 1e308);
    assert_true(fill(SHARE, "-1E-3", &row) && row.share < 0);
    assert_true(fill(YES, "true", &row) && row.yes);
    assert_true(fill(YES, "0", &row) && !row.yes);
    assert_true(fill(WHEN, "0001-01-01T00:00:00Z", &row) && row.when < 0);
    assert_true(fill(AGE, "007", &row) && row.age.known && row.age.value == 7);
    assert_true(fill(NAME, "", &row) && row.name.at != NULL && row.name.size == 0);
}

static void what_is_no_value_leaves_the_field_as_it_was(void **state)
{
    (void)state;
    static const char *const integers[] = { "",    "-",   "+1",  " 1",  "1 ",
                                            "1.0", "1e3", "0x1", "--1", "9223372036854775808" };
    static const char *const fractions[] = { "",    "-",     "+1.5", " 1.5", "1.5 ", "1,5",  "nan",
                                             "inf", "1e999", "0x10", "1.5x", "e5",   "1.5.5" };
    static const char *const times[] = { "",
                                         "0",
                                         "2026-11-23",
                                         "2026-11-23T10:00:00",
                                         "2026-02-29T10:00:00Z",
                                         "2026-11-23 10:00:00Z",
                                         "2026-11-23T10:00:00+01:00" };
    static const char *const flags[] = { "", "yes", "2", "TRUE", "10", "tru" };
    all row = { .small = 5, .large = 6, .share = 7, .yes = true, .when = 8, .age = { 9, true } };
    const all before = row;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        for (int f = SMALL; f <= AGE; f += f == LARGE ? AGE - LARGE : 1)
            assert_false(fill(f, integers[i], &row));
    assert_false(fill(SMALL, "2147483648", &row) || fill(SMALL, "-2147483649", &row));
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++)
        assert_false(fill(SHARE, fractions[i], &row));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_false(fill(WHEN, times[i], &row));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        assert_false(fill(YES, flags[i], &row));
    assert_false(field_fill(field(SHARE), SL_TEXT("1\0"), &row));
    char long_one[200];
    memset(long_one, '1', sizeof long_one);
    for (int f = SMALL; f <= AGE; f++)
        assert_false(field_fill(field(f), (sl_text){ long_one, sizeof long_one }, &row));
    assert_memory_equal(&row, &before, sizeof row);
}

static void origins_and_links_cannot_be_filled(void **state)
{
    (void)state;
    all row = { 0 };
    for (int f = NAME; f <= AGE; f++)
        assert_true(field_can_fill(field(f)));
    for (int f = ORIGIN; f <= PART; f++) {
        assert_false(field_can_fill(field(f)));
        assert_false(fill(f, "1", &row));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(the_outermost_values_are_read),
        cmocka_unit_test(what_is_no_value_leaves_the_field_as_it_was),
        cmocka_unit_test(origins_and_links_cannot_be_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
