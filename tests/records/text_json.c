/*
 * tests/records/text_json.c - JSON texts and numbers against a naive printer; every byte at every place; nothing is written
 * past the room that was asked for.
 */
#include <records/document.h>
#include <records/text_json.h>
#include <records/utf8.h>
#include <setjmp.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

enum { TEXT_MAX = 80 };

/* RFC 8259: quote, backslash and control bytes escaped, the short forms where there are; bad bytes one by one. */
static size_t text_naive(const unsigned char *at, size_t size, char *out)
{
    char *to = out;
    *to++ = '"';
    for (size_t i = 0, length; i < size; i += length ? length : 1) {
        length = utf8_character(at + i, size - i);
        const char *found = at[i] ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", at[i]) : NULL;
        if (length == 0)
            to += sprintf(to, "\xEF\xBF\xBD");
        else if (found && (at[i] < 0x20 || at[i] == '"' || at[i] == '\\'))
            to += sprintf(to, "\\%c", found[1]);
        else if (at[i] < 0x20)
            to += sprintf(to, "\\u%04x", at[i]);
        else
            to += sprintf(to, "%.*s", (int)length, at + i);
    }
    *to++ = '"';
    return (size_t)(to - out);
}

/* In a range of exactly the room that is asked for, read from a text that ends with its memory. */
static void check_text(const unsigned char *bytes, size_t size)
{
    char wanted[TEXT_MAX * 6 + 3];
    size_t wanted_size = text_naive(bytes, size, wanted);
    char *text = malloc(size ? size : 1);
    memcpy(text, bytes, size);
    sl_text given = { text, size };
    char *room = malloc(json_text_room(given));
    size_t written = (size_t)(json_text(room, given) - room);
    if (written != wanted_size || memcmp(room, wanted, written) != 0)
        fail_msg("<%.*s> is printed as %.*s", (int)size, text, (int)written, room);
    free(room);
    free(text);
}

static void every_byte_at_every_place_is_escaped_as_it_must(void **state)
{
    (void)state;
    unsigned char bytes[40];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        for (size_t place = 0; place < size; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(bytes, 'a', sizeof bytes);
                bytes[place] = (unsigned char)byte;
                check_text(bytes, size);
            }
        }
    }
}

static void texts_of_any_bytes_are_printed(void **state)
{
    (void)state;
    dice dice = { 81 };
    unsigned char bytes[TEXT_MAX];
    for (int round = 0; round < 100000; round++) {
        size_t size = dice_below(&dice, TEXT_MAX), kinds = 1 + dice_below(&dice, 60);
        for (size_t i = 0; i < size; i++) {
            size_t lot = dice_below(&dice, kinds);
            bytes[i] = (unsigned char)(lot == 0   ? dice_next(&dice)
                                       : lot == 1 ? 0xC3
                                       : lot == 2 ? 0xA9
                                       : lot == 3 ? dice_below(&dice, 0x20)
                                       : lot == 4 ? '"'
                                                  : 'a' + lot % 26);
        }
        check_text(bytes, size);
    }
}

static void a_text_is_appended_to_what_is_there(void **state)
{
    (void)state;
    buffer out = { 0 };
    buffer_text(&out, "x:");
    json_string(&out, SL_TEXT("a\"b\\c\x01\xFF\xC3\xA9"));
    json_string(&out, (sl_text){ NULL, 0 });
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, "x:\"a\\\"b\\\\c\\u0001\xEF\xBF\xBD\xC3\xA9\"\"\"");
    buffer_done(&out);
}

static void check_number(int64_t value)
{
    char wanted[32], printed[JSON_NUMBER_MAX];
    int size = snprintf(wanted, sizeof wanted, "%lld", (long long)value);
    assert_int_equal(json_number(printed, value) - printed, size);
    assert_memory_equal(printed, wanted, (size_t)size);
}

static void numbers_are_printed_as_the_library_prints_them(void **state)
{
    (void)state;
    dice dice = { 82 };
    check_number(INT64_MIN);
    check_number(INT64_MAX);
    for (int64_t value = -2000; value <= 200000; value++)
        check_number(value);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10)
        for (int64_t off = -2; off <= 2; off++) {
            check_number(power + off);
            check_number(-power + off);
        }
    for (int round = 0; round < 200000; round++)
        check_number((int64_t)(dice_next(&dice) >> dice_below(&dice, 64)) * (dice_below(&dice, 2) ? 1 : -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place_is_escaped_as_it_must),
        cmocka_unit_test(texts_of_any_bytes_are_printed),
        cmocka_unit_test(a_text_is_appended_to_what_is_there),
        cmocka_unit_test(numbers_are_printed_as_the_library_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
