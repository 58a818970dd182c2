/*
 * tests/plan/window.c - panes and reports against the definition: at T a window holds exactly the batches t with
 * (ceil(T / pane) - length / pane) * pane < t <= T.
 */
#include <base/failure.h>
#include <plan/window.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

static sl_result find(int64_t length_ms, int64_t pane_ms, window *window)
{
    failure failure = { 0 };
    sl_window drawn = { .length = { length_ms }, .pane = { pane_ms } };
    sl_result result = window_of(&drawn, "plays", window, &failure);
    assert_int_equal(result, failure.result);
    if (result != SL_OK)
        assert_non_null(strstr(failure.text, "\"plays\""));
    return result;
}

static int64_t ceiling(int64_t number, int64_t by)
{
    int64_t whole = 0;
    while (whole * by < number)
        whole++;
    return whole;
}

/* ---- Panes ---- */

/* A batch is in the window when its pane has not gone: for each pair of times, the same as the definition. */
static void a_batch_is_in_the_window_as_its_definition_says(void **state)
{
    (void)state;
    dice dice = { 21 };
    for (int round = 0; round < 300; round++) {
        int64_t pane = 1 + (int64_t)dice_below(&dice, 40), count = 1 + (int64_t)dice_below(&dice, 12);
        window window;
        assert_int_equal(find(pane * count, pane, &window), SL_OK);
        for (int pair = 0; pair < 400; pair++) {
            int64_t end = 1 + (int64_t)dice_below(&dice, 1000),
                    time = 1 + (int64_t)dice_below(&dice, (size_t)end);
            int64_t start = (ceiling(end, pane) - count) * pane;
            assert_int_equal(window_start(&window, end), start);
            assert_int_equal(window_pane(&window, time) > window_gone(&window, end), time > start);
            assert_true(window_pane(&window, time) <= window_pane(&window, end));
        }
    }
}

static void a_pane_of_one_interval_gives_the_window_of_spark(void **state)
{
    (void)state;
    window window;
    assert_int_equal(find(10000, 2000, &window), SL_OK);
    for (int64_t end = 2000; end < 100000; end += 2000)
        assert_int_equal(window_start(&window, end), end - 10000);
}

static void the_batch_alone_is_a_window_too(void **state)
{
    (void)state;
    window window;
    assert_int_equal(find(0, 0, &window), SL_OK);
    assert_true(window_pane(&window, 5000) > window_gone(&window, 5000));
    assert_true(window_pane(&window, 4999) <= window_gone(&window, 5000));
    assert_int_equal(window_start(&window, 5000), 4999);
}

/* ---- The usual pane ---- */

/* The smallest whole number of seconds that divides the length and gives at most 1,800 panes, if it is at most length / 60. */
static int64_t usual_pane(int64_t length_ms)
{
    for (int64_t pane = 1000; pane * 60 <= length_ms; pane += 1000)
        if (length_ms % pane == 0 && length_ms / pane <= 1800)
            return pane;
    return 0;
}

static void the_usual_pane_is_the_finest_of_at_most_1800(void **state)
{
    (void)state;
    dice dice = { 22 };
    window window;
    assert_int_equal(find(30 * 60000, 0, &window), SL_OK);
    assert_int_equal(window.pane_ms, 1000);
    assert_int_equal(find(30 * 3600000, 0, &window), SL_OK);
    assert_int_equal(window.pane_ms, 60000);
    for (int round = 0; round < 3000; round++) {
        int64_t length =
            1 + (int64_t)dice_below(&dice, 400000) * (int64_t[]){ 1, 500, 1000, 60000 }[dice_below(&dice, 4)];
        int64_t pane = usual_pane(length);
        sl_result result = find(length, 0, &window);
        assert_int_equal(result, pane ? SL_OK : SL_USAGE);
        if (pane) {
            assert_int_equal(window.pane_ms, pane);
            assert_int_equal(window.panes, length / pane);
        }
    }
}

static void a_short_window_asks_for_a_pane(void **state)
{
    (void)state;
    window window;
    assert_int_equal(find(59000, 0, &window), SL_USAGE);
    assert_int_equal(find(60000, 0, &window), SL_OK);
    assert_int_equal(find(61000, 0, &window), SL_OK);
    assert_int_equal(find(60001, 0, &window), SL_USAGE);
    assert_int_equal(find(3000, 1, &window), SL_OK);
}

static void a_length_that_is_no_multiple_of_its_pane_is_refused(void **state)
{
    (void)state;
    window window;
    assert_int_equal(find(10000, 3000, &window), SL_USAGE);
    assert_int_equal(find(1000, 2000, &window), SL_USAGE);
    assert_int_equal(find(2000, 2000, &window), SL_OK);
    assert_int_equal(window.panes, 1);
}

/* ---- Reports ---- */

static void check_reports(const window *window, int64_t last, int64_t time)
{
    static int64_t ends[REPORTS_MAX], wanted[20000];
    int64_t slide = window->slide_ms, most = window->panes * window->pane_ms / slide;
    size_t all = 0, count = window_reports(window, last, time, ends);
    for (int64_t end = slide; end <= time; end += slide)
        if (end > last)
            wanted[all++] = end;
    most = most < 1 ? 1 : most > REPORTS_MAX ? REPORTS_MAX : most;
    size_t skipped = all > (size_t)most ? all - (size_t)most : 0;
    assert_int_equal(count, all - skipped);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ends[i], wanted[skipped + i]);
}

static void each_multiple_of_the_slide_is_reported_once(void **state)
{
    (void)state;
    dice dice = { 23 };
    for (int round = 0; round < 2000; round++) {
        window window = { .pane_ms = 1 + (int64_t)dice_below(&dice, 50),
                          .panes = 1 + (int64_t)dice_below(&dice, 50) };
        window.slide_ms = 1 + (int64_t)dice_below(&dice, 600);
        int64_t last = 1 + (int64_t)dice_below(&dice, 3000);
        check_reports(&window, last, last + 1 + (int64_t)dice_below(&dice, 5000));
    }
}

static void so_many_missed_reports_are_bounded(void **state)
{
    (void)state;
    check_reports(&(window){ .pane_ms = 1, .panes = 9000, .slide_ms = 1 }, 5, 15000);
}

static void without_a_slide_every_batch_reports_itself(void **state)
{
    (void)state;
    int64_t ends[REPORTS_MAX];
    window window = { .pane_ms = 10, .panes = 3 };
    assert_int_equal(window_reports(&window, 0, 70, ends), 1);
    assert_int_equal(ends[0], 70);
    assert_int_equal(window_reports(&window, 70, 700, ends), 1);
    assert_int_equal(ends[0], 700);
}

/* Before the first batch there was nothing to report. */
static void the_first_batch_reports_only_its_own_end(void **state)
{
    (void)state;
    int64_t ends[REPORTS_MAX];
    window window = { .pane_ms = 10, .panes = 30, .slide_ms = 50 };
    assert_int_equal(window_reports(&window, 0, 1010, ends), 0);
    assert_int_equal(window_reports(&window, 0, 1000, ends), 1);
    assert_int_equal(ends[0], 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_in_the_window_as_its_definition_says),
        cmocka_unit_test(a_pane_of_one_interval_gives_the_window_of_spark),
        cmocka_unit_test(the_batch_alone_is_a_window_too),
        cmocka_unit_test(the_usual_pane_is_the_finest_of_at_most_1800),
        cmocka_unit_test(a_short_window_asks_for_a_pane),
        cmocka_unit_test(a_length_that_is_no_multiple_of_its_pane_is_refused),
        cmocka_unit_test(each_multiple_of_the_slide_is_reported_once),
        cmocka_unit_test(so_many_missed_reports_are_bounded),
        cmocka_unit_test(without_a_slide_every_batch_reports_itself),
        cmocka_unit_test(the_first_batch_reports_only_its_own_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
