/*
 * tests/base/arena.c - memory of one lifetime: nothing overlaps, everything is aligned, pages serve again.
 */
#include <base/arena.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <support/random.h>

#include <cmocka.h>

enum { PIECES = 3000 };

typedef struct piece {
    unsigned char *at, mark;
    size_t size;
} piece;

/* Each piece is filled with its own mark: another piece on top of it would show. */
static void pieces_take(arena *arena, dice *dice, piece *pieces)
{
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = dice_below(dice, 50) ? dice_below(dice, 200) : dice_below(dice, 600000);
        pieces[i] = (piece){ arena_take(arena, size), (unsigned char)dice_next(dice), size };
        assert_int_equal((uintptr_t)pieces[i].at % 16, 0);
        memset(pieces[i].at, pieces[i].mark, size);
    }
}

static void pieces_check(const piece *pieces)
{
    for (size_t i = 0; i < PIECES; i++)
        for (size_t n = 0; n < pieces[i].size; n++)
            if (pieces[i].at[n] != pieces[i].mark)
                fail_msg("byte %zu of piece %zu belongs to another piece", n, i);
}

static void pieces_of_any_size_do_not_overlap(void **state)
{
    (void)state;
    static piece pieces[PIECES];
    arena arena = { 0 };
    dice dice = { 1 };
    for (int round = 0; round < 5; round++) {
        pieces_take(&arena, &dice, pieces);
        pieces_check(pieces);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void a_warm_arena_takes_no_more_pages(void **state)
{
    (void)state;
    arena arena = { 0 };
    size_t cold = 0;
    for (int round = 0; round < 20; round++) {
        dice dice = { 7 };
        for (int i = 0; i < 2000; i++)
            arena_take(&arena, dice_below(&dice, 2000));
        if (round == 0)
            cold = arena_bytes(&arena);
        assert_int_equal(arena_bytes(&arena), cold);
        arena_reset(&arena);
    }
    assert_true(cold > 0);
    arena_done(&arena);
}

static void a_piece_may_be_larger_than_any_page(void **state)
{
    (void)state;
    arena arena = { 0 };
    char *small = arena_take(&arena, 10), *large = arena_take(&arena, 3 * 1024 * 1024);
    memset(large, 1, 3 * 1024 * 1024);
    memset(small, 2, 10);
    assert_int_equal(large[0], 1);
    assert_true(arena_bytes(&arena) >= 3 * 1024 * 1024);
    arena_done(&arena);
}

static void a_copy_lives_apart_from_its_source(void **state)
{
    (void)state;
    arena arena = { 0 };
    char source[] = "bytes";
    char *copy = arena_copy(&arena, source, sizeof source);
    source[0] = 'x';
    assert_string_equal(copy, "bytes");
    assert_non_null(arena_copy(&arena, NULL, 0));
    arena_done(&arena);
}

static void a_finished_arena_is_empty_and_ready_again(void **state)
{
    (void)state;
    arena arena = { 0 };
    arena_reset(&arena);
    arena_done(&arena);
    assert_int_equal(arena_bytes(&arena), 0);
    memset(arena_take(&arena, 100), 0, 100);
    arena_done(&arena);
    assert_int_equal(arena_bytes(&arena), 0);
    assert_null(arena.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_do_not_overlap),
        cmocka_unit_test(a_warm_arena_takes_no_more_pages),
        cmocka_unit_test(a_piece_may_be_larger_than_any_page),
        cmocka_unit_test(a_copy_lives_apart_from_its_source),
        cmocka_unit_test(a_finished_arena_is_empty_and_ready_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
