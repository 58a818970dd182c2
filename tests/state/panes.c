/*
 * tests/state/panes.c - panes and what was added to them, against arrays; memory does not grow while panes come and go.
 */
#include <setjmp.h>
#include <state/panes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <support/random.h>

#include <cmocka.h>

enum { PANES = 400, TOUCHES_MAX = 700 };

typedef struct wanted {
    int64_t number;
    uint32_t count;
    pane_touch at[TOUCHES_MAX];
} wanted;

static wanted made[PANES];

static void check_pane(const pane *pane, const wanted *wanted)
{
    uint32_t seen = 0;
    assert_int_equal(pane->number, wanted->number);
    for (const pane_page *page = pane->first; page; page = page->next) {
        for (uint32_t i = 0; i < page->count; i++, seen++) {
            assert_true(seen < wanted->count);
            assert_int_equal(page->at[i].id, wanted->at[seen].id);
            assert_int_equal(page->at[i].times, wanted->at[seen].times);
        }
        assert_true(page->next || page == pane->last);
    }
    assert_int_equal(seen, wanted->count);
}

static void check(const panes *panes, size_t first, size_t until)
{
    assert_int_equal(panes->count, until - first);
    for (size_t i = first; i < until; i++)
        check_pane(panes_nth(panes, i - first), &made[i]);
    if (first < until) {
        assert_ptr_equal(panes_oldest(panes), panes_nth(panes, 0));
        assert_ptr_equal(panes_newest(panes), panes_nth(panes, until - first - 1));
    } else {
        assert_null(panes_oldest(panes));
        assert_null(panes_newest(panes));
    }
}

/* Many panes are empty, and a page holds 126: sizes around its multiples are frequent. */
static void pane_fill(panes *panes, wanted *wanted, int64_t number, dice *dice)
{
    static const uint32_t sizes[] = { 0, 0, 1, 125, 126, 127, 252, 253 };
    size_t lot = dice_below(dice, 12);
    *wanted =
        (struct wanted){ number, lot < 8 ? sizes[lot] : (uint32_t)dice_below(dice, TOUCHES_MAX), { { 0 } } };
    pane *pane = panes_open(panes, number);
    for (uint32_t i = 0; i < wanted->count; i++) {
        wanted->at[i] = (pane_touch){ (uint32_t)dice_next(dice), (uint32_t)dice_next(dice) };
        pane_add(panes, pane, wanted->at[i]);
    }
}

static void panes_hold_what_was_added_while_they_come_and_go(void **state)
{
    (void)state;
    dice dice = { 41 };
    for (int round = 0; round < 6; round++) {
        panes panes = { 0 };
        size_t first = 0;
        int64_t number = -5;
        for (size_t i = 0; i < PANES; i++) {
            number += 1 + (int64_t)dice_below(&dice, 3);
            pane_fill(&panes, &made[i], number, &dice);
            while (first <= i && dice_below(&dice, 100) < (i < PANES / 2 ? 30u : 55u)) {
                panes_drop_oldest(&panes);
                first++;
            }
            if (i % 20 == 0)
                check(&panes, first, i + 1);
        }
        check(&panes, first, PANES);
        for (; first < PANES; first++)
            panes_drop_oldest(&panes);
        check(&panes, PANES, PANES);
        panes_done(&panes);
    }
}

static void pages_of_dropped_panes_serve_again(void **state)
{
    (void)state;
    panes panes = { 0 };
    size_t warm = 0;
    for (int64_t number = 0; number < 500; number++) {
        pane *pane = panes_open(&panes, number);
        for (uint32_t i = 0; i < 1000; i++)
            pane_add(&panes, pane, (pane_touch){ i, 1 });
        if (number >= 10)
            panes_drop_oldest(&panes);
        if (number == 20)
            warm = panes.bytes;
    }
    assert_true(warm > 0);
    assert_int_equal(panes.bytes, warm);
    panes_done(&panes);
    assert_int_equal(panes.bytes, 0);
    panes_done(&panes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panes_hold_what_was_added_while_they_come_and_go),
        cmocka_unit_test(pages_of_dropped_panes_serve_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
