/*
 * tests/base/buffer.c - bytes that grow at the end.
 */
#include <base/buffer.h>
#include <base/memory.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

static void what_is_appended_stands_in_order(void **state)
{
    (void)state;
    enum { MOST = 100000 };
    buffer grown = { 0 };
    unsigned char *wanted = memory_new(MOST + 1000);
    dice dice = { 3 };
    size_t size = 0;
    while (size < MOST) {
        size_t more = dice_below(&dice, 1000);
        for (size_t i = 0; i < more; i++)
            wanted[size + i] = (unsigned char)dice_next(&dice);
        buffer_append(&grown, wanted + size, more);
        size += more;
        assert_true(grown.room >= grown.size);
    }
    assert_int_equal(grown.size, size);
    assert_memory_equal(grown.at, wanted, size);
    free(wanted);
    buffer_done(&grown);
}

static void nothing_may_be_appended(void **state)
{
    (void)state;
    buffer empty = { 0 };
    buffer_append(&empty, NULL, 0);
    buffer_text(&empty, "");
    assert_int_equal(empty.size, 0);
    buffer_done(&empty);
}

static void an_emptied_buffer_keeps_its_room(void **state)
{
    (void)state;
    buffer reused = { 0 };
    for (int i = 0; i < 5000; i++)
        buffer_byte(&reused, 'x');
    size_t room = reused.room;
    const char *at = reused.at;
    reused.size = 0;
    for (int i = 0; i < 5000; i++)
        buffer_byte(&reused, 'y');
    assert_int_equal(reused.room, room);
    assert_ptr_equal(reused.at, at);
    buffer_done(&reused);
    assert_int_equal(reused.room, 0);
}

static void reserved_room_counts_only_when_it_is_used(void **state)
{
    (void)state;
    buffer out = { 0 };
    buffer_text(&out, "ab");
    memcpy(buffer_reserve(&out, 10000), "cd", 2);
    assert_int_equal(out.size, 2);
    assert_true(out.room >= 10002);
    out.size += 2;
    assert_memory_equal(out.at, "abcd", 4);
    buffer_done(&out);
}

/* Around 128 bytes printing goes on from a first guess to a second try. */
static void printed_text_of_any_length_is_whole(void **state)
{
    (void)state;
    for (int length = 0; length < 400; length++) {
        buffer out = { 0 };
        buffer_text(&out, "<");
        buffer_print(&out, "%*d|%s", length, 7, "end");
        size_t digits = length > 1 ? (size_t)length : 1;
        assert_int_equal(out.size, 1 + digits + 4);
        assert_int_equal(out.at[0], '<');
        assert_int_equal(out.at[digits], '7');
        assert_memory_equal(out.at + 1 + digits, "|end", 4);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stands_in_order),
        cmocka_unit_test(nothing_may_be_appended),
        cmocka_unit_test(an_emptied_buffer_keeps_its_room),
        cmocka_unit_test(reserved_room_counts_only_when_it_is_used),
        cmocka_unit_test(printed_text_of_any_length_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
