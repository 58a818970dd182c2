/*
 * tests/records/utf8.c - every character by its definition, every two and three bytes, and texts with a fault anywhere.
 */
#include <records/utf8.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

/* The bytes of a code point as RFC 3629 writes them, surrogates and all. */
static size_t encode(uint32_t point, unsigned char *at)
{
    if (point < 0x80) {
        at[0] = (unsigned char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; point >>= 6)
        at[i] = (unsigned char)(0x80 | (point & 0x3F));
    at[0] = (unsigned char)((size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0) | point);
    return size;
}

/* Valid bytes are those that some code point but a surrogate gives: decoded loosely and written again. */
static size_t character_naive(const unsigned char *at, size_t size)
{
    unsigned char again[4];
    size_t length = at[0] < 0x80   ? 1
                    : at[0] < 0xC0 ? 0
                    : at[0] < 0xE0 ? 2
                    : at[0] < 0xF0 ? 3
                    : at[0] < 0xF8 ? 4
                                   : 0;
    if (length == 0 || length > size)
        return 0;
    uint32_t point = length == 1 ? at[0] : at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        point = point << 6 | (at[i] & 0x3F);
    }
    bool allowed = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    return allowed && encode(point, again) == length && memcmp(at, again, length) == 0 ? length : 0;
}

static bool valid_naive(const unsigned char *at, size_t size)
{
    for (size_t length; size; at += length, size -= length)
        if ((length = character_naive(at, size)) == 0)
            return false;
    return true;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    unsigned char at[4];
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        size_t size = encode(point, at);
        bool surrogate = point >= 0xD800 && point <= 0xDFFF;
        if (utf8_character(at, size) != (surrogate ? 0 : size) || (size > 1 && utf8_character(at, size - 1)))
            fail_msg("U+%04X", point);
    }
    assert_int_equal(utf8_character(at, 0), 0);
}

static void any_four_bytes_are_judged_as_they_decode(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 256; first++) {
        for (uint32_t rest = 0; rest < 65536; rest += rest % 7 == 3 ? 1 : 3) {
            unsigned char at[4] = { (unsigned char)first, (unsigned char)(rest >> 8), (unsigned char)rest,
                                    (unsigned char)(rest * 31 >> 3) };
            for (size_t size = 1; size <= 4; size++)
                if (utf8_character(at, size) != character_naive(at, size))
                    fail_msg("%02X %02X %02X %02X, %zu bytes", at[0], at[1], at[2], at[3], size);
        }
    }
}

static void bytes_that_never_stand_in_a_text_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "\x80",
                                         "\xC0\x80",
                                         "\xC1\xBF",
                                         "\xE0\x9F\xBF",
                                         "\xED\xA0\x80",
                                         "\xF0\x8F\xBF\xBF",
                                         "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80",
                                         "\xFE",
                                         "\xFF",
                                         "\xE2\x82",
                                         "\xF0\x9F\x98",
                                         "a\xC3" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(utf8_is_valid((sl_text){ wrong[i], strlen(wrong[i]) }));
    assert_true(utf8_is_valid((sl_text){ "", 0 }));
    assert_true(utf8_is_valid((sl_text){ NULL, 0 }));
    assert_true(utf8_is_valid((sl_text){ "a\0b", 3 }));
}

/* Mostly plain bytes with a few characters and faults, so that eight at a time and one at a time meet everywhere. */
static void texts_with_a_fault_anywhere_are_refused(void **state)
{
    (void)state;
    dice dice = { 61 };
    size_t valid = 0, rounds = 200000;
    for (size_t round = 0; round < rounds; round++) {
        unsigned char text[64 + 4];
        size_t size = 0, wanted = dice_below(&dice, 64);
        while (size < wanted)
            size += encode(dice_below(&dice, 6) ? 'a' : (uint32_t)dice_below(&dice, 0xD000), text + size);
        if (size && dice_below(&dice, 2))
            text[dice_below(&dice, size)] = (unsigned char)dice_next(&dice);
        bool naive = valid_naive(text, size);
        assert_int_equal(utf8_is_valid((sl_text){ (const char *)text, size }), naive);
        valid += naive;
    }
    assert_in_range(valid, rounds / 10, rounds - rounds / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(any_four_bytes_are_judged_as_they_decode),
        cmocka_unit_test(bytes_that_never_stand_in_a_text_are_refused),
        cmocka_unit_test(texts_with_a_fault_anywhere_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
