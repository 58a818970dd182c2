/*
 * tests/records/key.c - keys against the fields they were made of: equal when those are, and read back as they were.
 */
#include <math.h>
#include <records/key.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

#define PAIR_FIELDS(F) F(i64, number) F(text, one) F(i32, between) F(text, two)
SL_RECORD(pair, PAIR_FIELDS);

enum { ROWS = 600, BYTES_MAX = 400 };

static char bytes[ROWS][2][BYTES_MAX];
static pair rows[ROWS];

/* Few different bytes and sizes around every limit, so that many rows are equal and many nearly so. */
static sl_text text_draw(dice *dice, char *at)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 4, 6, 7, 8, 12, 13, 14, 15, 16, 253, 254, 255, 256, 399 };
    size_t size = sizes[dice_below(dice, dice_below(dice, 3) ? 8 : 18)];
    if (dice_below(dice, 15) == 0)
        return (sl_text){ 0 };
    memset(at, dice_below(dice, 3) ? 'x' : 0, size);
    if (size)
        at[dice_below(dice, size)] = (char)('x' + dice_below(dice, 2));
    return (sl_text){ at, size };
}

static void rows_draw(uint64_t seed)
{
    dice dice = { seed };
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = (pair){ (int64_t)dice_below(&dice, 2) << dice_below(&dice, 2) * 40,
                          text_draw(&dice, bytes[i][0]), 0, text_draw(&dice, bytes[i][1]) };
}

static bool same_text(sl_text a, sl_text b)
{
    return (a.at == NULL) == (b.at == NULL) && a.size == b.size &&
           (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static bool same_fields(const sl_fields *fields, const pair *a, const pair *b)
{
    bool same = true;
    for (size_t i = 0; i < fields->count; i++) {
        size_t offset = fields->offset[i];
        same &= offset == offsetof(pair, number) ? a->number == b->number
                : offset == offsetof(pair, one)  ? same_text(a->one, b->one)
                                                 : same_text(a->two, b->two);
    }
    return same;
}

static sl_fields fields_of(size_t shape)
{
    switch (shape) {
    case 0: return SL_FIELDS(pair, one);
    case 1: return SL_FIELDS(pair, one, two);
    case 2: return SL_FIELDS(pair, number);
    case 3: return SL_FIELDS(pair, number, one);
    default: return SL_FIELDS(pair, two, number, one);
    }
}

static void keys_are_equal_when_their_fields_are(void **state)
{
    (void)state;
    static row_key keys[ROWS];
    for (size_t shape = 0; shape < 5; shape++) {
        sl_fields fields = fields_of(shape);
        arena memory = { 0 };
        size_t equal = 0;
        rows_draw(shape + 91);
        for (size_t i = 0; i < ROWS; i++) {
            keys[i] = key_of_row(&fields, &rows[i], &memory);
            for (size_t j = 0; j < i; j++) {
                bool same = same_fields(&fields, &rows[i], &rows[j]);
                assert_int_equal(key_equal(keys[i], keys[j]), same);
                equal += same;
                if (same)
                    assert_int_equal(key_hash(keys[i]), key_hash(keys[j]));
            }
        }
        assert_true(equal > 20);
        arena_done(&memory);
    }
}

static void a_key_gives_its_fields_back(void **state)
{
    (void)state;
    for (size_t shape = 0; shape < 5; shape++) {
        sl_fields fields = fields_of(shape);
        rows_draw(shape + 95);
        for (size_t i = 0; i < ROWS; i++) {
            arena memory = { 0 };
            pair back = { 0 };
            row_key key = key_of_row(&fields, &rows[i], &memory), kept = key_keep(key);
            arena_done(&memory); /* what is kept needs nothing of it */
            key_fill(&fields, &kept, &back);
            assert_true(same_fields(&fields, &rows[i], &back));
            if (shape <= 1)
                assert_true(same_text(key_first_text(&kept), rows[i].one));
            key_release(kept);
        }
    }
}

static void the_bytes_of_a_key_make_it_again(void **state)
{
    (void)state;
    arena memory = { 0 };
    sl_fields fields = fields_of(4);
    rows_draw(99);
    for (size_t i = 0; i < ROWS; i++) {
        row_key key = key_of_row(&fields, &rows[i], &memory);
        sl_text written = key_bytes(&key);
        assert_int_equal(key_is_long(key), written.size > KEY_SHORT_MAX);
        row_key again = key_of_bytes(written.at, written.size, &memory);
        assert_true(key_equal(key, again));
        assert_int_equal(key_hash(key), key_hash(again));
    }
    arena_done(&memory);
}

#define MIX_FIELDS(F)                                                                                        \
    F(flag, on) F(i32, small) F(f64, share) F(time, when) F(maybe_i64, perhaps) F(text, name) F(i64, large)
SL_RECORD(mix, MIX_FIELDS);

/* Few values of each kind, among them those of which two are written alike and mean the same. */
static mix mix_draw(dice *dice)
{
    static const double shares[] = { 0.0, -0.0, 1.5, -1.5, (double)INFINITY, (double)NAN, -(double)NAN };
    static const int32_t smalls[] = { 0, -1, INT32_MIN };
    mix made;
    memset(&made, 0x5A, sizeof made); /* what lies between the fields is no part of a key */
    made.on = dice_below(dice, 2);
    made.small = smalls[dice_below(dice, 3)];
    made.share = shares[dice_below(dice, 7)];
    made.when = (int64_t)dice_below(dice, 2) << 40;
    made.perhaps = (sl_maybe_i64){ (int64_t)dice_below(dice, 3), dice_below(dice, 2) };
    made.name = dice_below(dice, 3) ? SL_TEXT("a") : (sl_text){ 0 };
    made.large = -(int64_t)dice_below(dice, 2);
    return made;
}

static bool same_share(double a, double b)
{
    return isnan(a) ? isnan(b) : !(a < b) && !(a > b) && !isnan(b);
}

static bool same_perhaps(sl_maybe_i64 a, sl_maybe_i64 b)
{
    return a.known == b.known && (!a.known || a.value == b.value);
}

static void fields_of_every_kind_make_keys(void **state)
{
    (void)state;
    enum { MIXES = 400 };
    static mix mixes[MIXES];
    sl_fields first = SL_FIELDS(mix, on, small, share, perhaps),
              second = SL_FIELDS(mix, name, when, share, large);
    arena memory = { 0 };
    dice dice = { 11 };
    size_t equal[2] = { 0, 0 };
    for (size_t i = 0; i < MIXES; i++) {
        mix back = { 0 }, *a = &mixes[i];
        *a = mix_draw(&dice);
        row_key one = key_of_row(&first, a, &memory), two = key_of_row(&second, a, &memory);
        key_fill(&first, &one, &back);
        key_fill(&second, &two, &back);
        assert_true(back.on == a->on && back.small == a->small && back.when == a->when &&
                    back.large == a->large);
        assert_true(same_share(back.share, a->share) && same_perhaps(back.perhaps, a->perhaps));
        assert_true(same_text(back.name, a->name));
        for (size_t j = 0; j < i; j++) {
            const mix *b = &mixes[j];
            bool share = same_share(a->share, b->share);
            bool like_one =
                a->on == b->on && a->small == b->small && share && same_perhaps(a->perhaps, b->perhaps);
            bool like_two =
                same_text(a->name, b->name) && a->when == b->when && share && a->large == b->large;
            assert_int_equal(key_equal(one, key_of_row(&first, b, &memory)), like_one);
            assert_int_equal(key_equal(two, key_of_row(&second, b, &memory)), like_two);
            equal[0] += like_one;
            equal[1] += like_two;
        }
    }
    assert_true(equal[0] > 100 && equal[1] > 100);
    arena_done(&memory);
}

/* The short way gives the same key or none. Texts end with their memory, which a sanitizer watches. */
static void the_short_way_makes_the_same_key(void **state)
{
    (void)state;
    size_t made = 0, refused = 0;
    for (size_t shape = 0; shape < 2; shape++) {
        sl_fields fields = fields_of(shape);
        rows_draw(shape + 100);
        for (size_t i = 0; i < ROWS; i++) {
            arena memory = { 0 };
            row_key quick, key = key_of_row(&fields, &rows[i], &memory);
            sl_text texts[2] = { rows[i].one, rows[i].two };
            bool missing = false;
            char *copies[2] = { NULL, NULL };
            size_t size = fields.count;
            for (size_t t = 0; t < fields.count; t++) {
                missing |= texts[t].at == NULL;
                size += texts[t].size;
                copies[t] = malloc(texts[t].size + 1);
                if (texts[t].at) {
                    memcpy(copies[t] + 1, texts[t].at, texts[t].size);
                    texts[t].at = copies[t] + 1;
                }
            }
            bool short_one = key_of_texts(texts, fields.count, &quick);
            assert_int_equal(short_one, !missing && size <= KEY_SHORT_MAX);
            if (short_one)
                assert_true(quick.low == key.low && quick.high == key.high);
            made += short_one;
            refused += !short_one;
            free(copies[0]);
            free(copies[1]);
            arena_done(&memory);
        }
    }
    assert_true(made > 100 && refused > 100);
}

static row_key key_of(const char *one, const char *two, arena *memory)
{
    pair row = { .one = { one, one ? strlen(one) : 0 }, .two = { two, two ? strlen(two) : 0 } };
    return key_of_row(&SL_FIELDS(pair, one, two), &row, memory);
}

static void where_a_field_ends_is_part_of_the_key(void **state)
{
    (void)state;
    arena memory = { 0 };
    assert_false(key_equal(key_of("ab", "c", &memory), key_of("a", "bc", &memory)));
    assert_false(key_equal(key_of("", "a", &memory), key_of("a", "", &memory)));
    assert_false(key_equal(key_of("", "", &memory), key_of(NULL, "", &memory)));
    assert_false(key_equal(key_of(NULL, "", &memory), key_of("", NULL, &memory)));
    assert_false(key_equal(key_of("a long text and ", "then more", &memory),
                           key_of("a long text and t", "hen more", &memory)));
    arena_done(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_equal_when_their_fields_are),
        cmocka_unit_test(a_key_gives_its_fields_back),
        cmocka_unit_test(the_bytes_of_a_key_make_it_again),
        cmocka_unit_test(fields_of_every_kind_make_keys),
        cmocka_unit_test(the_short_way_makes_the_same_key),
        cmocka_unit_test(where_a_field_ends_is_part_of_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
