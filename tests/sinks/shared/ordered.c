/*
 * tests/sinks/shared/ordered.c - pieces merged by sequence.
 */
#include <setjmp.h>
#include <sinks/shared/ordered.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_merged(ordered *ordered, const char *wanted)
{
    buffer merged = { 0 };
    ordered_merge(ordered, &merged);
    buffer_byte(&merged, '\0');
    assert_string_equal(merged.at, wanted);
    buffer_done(&merged);
}

static void pieces_are_merged_by_sequence(void **state)
{
    (void)state;
    ordered all;
    ordered_init(&all, 3);
    buffer_text(ordered_begin(&all, 2, 5), "f");
    buffer_text(ordered_begin(&all, 0, 1), "b");
    buffer_text(ordered_begin(&all, 0, 4), "e");
    buffer_text(ordered_begin(&all, 1, UINT64_MAX), "g");
    buffer_text(ordered_begin(&all, 1, 3), "cd");
    buffer_text(ordered_begin(&all, 2, 0), "a");
    assert_merged(&all, "abcdefg");
    assert_merged(&all, "abcdefg"); /* merging changes nothing */
    ordered_done(&all);
}

static void a_chunk_in_two_pieces_keeps_their_order(void **state)
{
    (void)state;
    ordered all;
    ordered_init(&all, 2);
    buffer_text(ordered_begin(&all, 1, 7), "x");
    buffer_text(ordered_begin(&all, 1, 7), "y");
    ordered_begin(&all, 1, 7);
    buffer_text(ordered_begin(&all, 0, 6), "w");
    buffer_text(ordered_begin(&all, 1, 7), "z");
    assert_merged(&all, "wxyz");
    ordered_done(&all);
}

static void empty_pieces_are_not_told(void **state)
{
    (void)state;
    size_t count = 9;
    ordered all;
    ordered_init(&all, 2);
    ordered_pieces(&all, &count);
    assert_int_equal(count, 0);
    ordered_begin(&all, 0, 1);
    buffer_text(ordered_begin(&all, 0, 2), "a");
    ordered_begin(&all, 0, 3);
    const ordered_piece *pieces = ordered_pieces(&all, &count);
    assert_int_equal(count, 1);
    assert_int_equal(pieces[0].sequence, 2);
    assert_int_equal(ordered_bytes(&all, &pieces[0]).size, 1);
    ordered_done(&all);
}

static void a_reset_forgets_and_keeps_the_room(void **state)
{
    (void)state;
    ordered all;
    ordered_init(&all, 1);
    buffer_text(ordered_begin(&all, 0, 1), "lost");
    const char *room = all.writers[0].bytes.at;
    ordered_reset(&all);
    assert_merged(&all, "");
    assert_ptr_equal(all.writers[0].bytes.at, room);
    ordered_shrink(&all);
    assert_ptr_equal(all.writers[0].bytes.at, room); /* it is small */
    ordered_done(&all);
}

static void very_large_rooms_are_given_back(void **state)
{
    (void)state;
    buffer large = { 0 };
    buffer_reserve(&large, 65 * 1024 * 1024);
    ordered_shrink_buffer(&large);
    assert_int_equal(large.room, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_merged_by_sequence),
        cmocka_unit_test(a_chunk_in_two_pieces_keeps_their_order),
        cmocka_unit_test(empty_pieces_are_not_told),
        cmocka_unit_test(a_reset_forgets_and_keeps_the_room),
        cmocka_unit_test(very_large_rooms_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
