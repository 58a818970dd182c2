/*
 * tests/operations/windows.c - operations over windows, in batches of 1 s: with an inverse and without, and with a slide that is not the batch.
 */
#include "example.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TALLY_FIELDS(F) F(text, shop) F(text, item) F(i64, cents) F(i64, rows) F(time, until)
SL_RECORD(tally, TALLY_FIELDS);

static bool one_row(sl_task *task, const sale *in, tally *out)
{
    (void)task;
    *out = (tally){ in->shop, in->item, in->cents, 1, 0 };
    return true;
}
SL_STAGE(one_row, sale, tally);

static sl_stream tallies(sl_plan *plan)
{
    return sl_through(example_sales(plan, "sales"), &one_row_stage);
}

/* The last two batches. */
#define TWO_SECONDS                                                                                          \
    {                                                                                                        \
        .length = { 2000 }, .pane = { 1000 }                                                                 \
    }

/* ---- window, groupByKeyAndWindow ---- */

static void draw_window(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_rows_in(example_sales(plan, "sales"), "last", &(sl_window)TWO_SECONDS),
                SL_FIELDS(sale, shop, item));
}

static void window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_window);
    example_batch(test, "north,tea,1", "shop=north item=tea cents=1");
    example_batch(test, "south,jam,2", "shop=north item=tea cents=1 | shop=south item=jam cents=2");
    example_batch(test, "", "shop=south item=jam cents=2");
    example_batch(test, "", "");
    sl_test_close(test);
}

/* slice(from, to): the rows of the batches between two times, here of the two before the batch at 3 s. */
static bool of_two_before(sl_task *task, const tally *in, tally *out)
{
    int64_t now = sl_batch_time_ms(task);
    *out = *in;
    return now == 3000 && in->until < now;
}
SL_STAGE(of_two_before, tally, tally);

static bool stamp(sl_task *task, const tally *in, tally *out)
{
    *out = *in;
    out->until = sl_batch_time_ms(task);
    return true;
}
SL_STAGE(stamp, tally, tally);

static void draw_slice(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream last = sl_rows_in(sl_through(tallies(plan), &stamp_stage), "last",
                                &(sl_window){ .length = { 3000 }, .pane = { 1000 } });
    example_out(sl_through(last, &of_two_before_stage), SL_FIELDS(tally, shop));
}

static void slice(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_slice);
    example_batch(test, "north,tea,1", "");
    example_batch(test, "south,jam,2", "");
    example_batch(test, "west,oil,3",
                  "shop=north item=tea cents=1 rows=1 until=1970-01-01T00:00:01.000Z"
                  " | shop=south item=jam cents=2 rows=1 until=1970-01-01T00:00:02.000Z");
    sl_test_close(test);
}

static void first_and_last(sl_task *task, const sale *rows, size_t count, sl_rows *out)
{
    (void)task;
    *sl_row(out, sale) = (sale){ rows[0].shop, rows[0].item, rows[count - 1].cents };
}
SL_CHUNK_STAGE(first_and_last, sale, sale);

static void draw_group(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_group_by(example_sales(plan, "sales"), &(sl_group){ .name = "by_shop",
                                                                       .key = SL_FIELDS(sale, shop),
                                                                       .each = &first_and_last_stage,
                                                                       .window = TWO_SECONDS }),
                SL_FIELDS(sale, shop));
}

static void group_by_key_and_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_group);
    example_batch(test, "north,tea,1 north,jam,2", "shop=north item=tea cents=2");
    example_batch(test, "north,oil,3 south,jam,4",
                  "shop=north item=tea cents=3 | shop=south item=jam cents=4");
    example_batch(test, "", "shop=north item=oil cents=3 | shop=south item=jam cents=4");
    sl_test_close(test);
}

/* ---- countByWindow, countByValueAndWindow ---- */

#define ROWS_FIELDS(F) F(i64, rows)
SL_RECORD(rows, ROWS_FIELDS);

static bool row_of_none(sl_task *task, const sale *in, rows *out)
{
    (void)task, (void)in;
    out->rows = 1;
    return true;
}
SL_STAGE(row_of_none, sale, rows);

static void draw_count(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream ones = sl_through(example_sales(plan, "sales"), &row_of_none_stage);
    example_out(sl_reduce_by(ones, &(sl_reduce){ .name = "all",
                                                 .sum = SL_FIELDS(rows, rows),
                                                 .window = TWO_SECONDS,
                                                 .even_if_empty = true }),
                SL_FIELDS(rows, rows));
}

static void count_by_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_count);
    example_batch(test, "north,tea,1 south,tea,1", "rows=2");
    example_batch(test, "north,tea,1", "rows=3");
    example_batch(test, "", "rows=1");
    example_batch(test, "", "rows=0");
    sl_test_close(test);
}

#define VALUE_FIELDS(F) F(text, shop) F(text, item) F(i64, rows)
SL_RECORD(value, VALUE_FIELDS);

static bool take_value(sl_task *task, const sale *in, value *out)
{
    (void)task;
    *out = (value){ in->shop, in->item, 0 };
    return true;
}
SL_STAGE(take_value, sale, value);

static void draw_values(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream values = sl_through(example_sales(plan, "sales"), &take_value_stage);
    example_out(sl_count_by(values, &(sl_count){ .name = "values",
                                                 .key = SL_FIELDS(value, shop, item),
                                                 .into = SL_FIELDS(value, rows),
                                                 .window = TWO_SECONDS }),
                SL_FIELDS(value, shop, item));
}

static void count_by_value_and_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_values);
    example_batch(test, "north,tea,1 north,jam,1", "shop=north item=jam rows=1 | shop=north item=tea rows=1");
    example_batch(test, "north,tea,1", "shop=north item=jam rows=1 | shop=north item=tea rows=2");
    example_batch(test, "", "shop=north item=tea rows=1");
    sl_test_close(test);
}

/* ---- reduceByWindow, reduceByKeyAndWindow ---- */

/* The dearest: there is no way back from it, so that what stays is joined anew when a pane leaves. */
static void dearer(sale *into, const sale *from)
{
    into->cents = from->cents > into->cents ? from->cents : into->cents;
}
SL_COMBINE(dearer, sale);

static void draw_dearest(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_reduce_by(example_sales(plan, "sales"), &(sl_reduce){ .name = "dearest",
                                                                         .key = SL_FIELDS(sale, shop, item),
                                                                         .add = &dearer_combine,
                                                                         .window = TWO_SECONDS }),
                SL_FIELDS(sale, shop));
}

static void reduce_by_key_and_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_dearest);
    example_batch(test, "north,tea,9", "shop=north item=tea cents=9");
    example_batch(test, "north,tea,4 south,tea,1",
                  "shop=north item=tea cents=9 | shop=south item=tea cents=1");
    example_batch(test, "", "shop=north item=tea cents=4 | shop=south item=tea cents=1");
    example_batch(test, "", "");
    sl_test_close(test);
}

/* A pane that leaves is taken back. A key goes with its last row: no filter is needed. */
static void bought(sale *into, const sale *from)
{
    into->cents += from->cents;
}
static void taken_back(sale *into, const sale *from)
{
    into->cents -= from->cents;
}
SL_COMBINE(bought, sale);
SL_COMBINE(taken_back, sale);

static void draw_inverse(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_reduce_by(example_sales(plan, "sales"), &(sl_reduce){ .name = "turnover",
                                                                         .key = SL_FIELDS(sale, shop, item),
                                                                         .add = &bought_combine,
                                                                         .remove = &taken_back_combine,
                                                                         .window = TWO_SECONDS }),
                SL_FIELDS(sale, shop));
}

static void reduce_by_key_and_window_with_inverse(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_inverse);
    example_batch(test, "north,tea,9 north,tea,1", "shop=north item=tea cents=10");
    example_batch(test, "north,tea,4 south,tea,0",
                  "shop=north item=tea cents=14 | shop=south item=tea cents=0");
    example_batch(test, "", "shop=north item=tea cents=4 | shop=south item=tea cents=0");
    example_batch(test, "", "");
    sl_test_close(test);
}

#define CENTS_FIELDS(F) F(i64, cents)
SL_RECORD(cents, CENTS_FIELDS);

static bool take_cents(sl_task *task, const sale *in, cents *out)
{
    (void)task;
    out->cents = in->cents;
    return true;
}
SL_STAGE(take_cents, sale, cents);

static void draw_all(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream all = sl_through(example_sales(plan, "sales"), &take_cents_stage);
    example_out(
        sl_reduce_by(all,
                     &(sl_reduce){ .name = "all", .sum = SL_FIELDS(cents, cents), .window = TWO_SECONDS }),
        SL_FIELDS(cents, cents));
}

static void reduce_by_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_all);
    example_batch(test, "north,tea,9 south,tea,1", "cents=10");
    example_batch(test, "north,tea,4", "cents=14");
    example_batch(test, "", "cents=4");
    example_batch(test, "", "");
    sl_test_close(test);
}

/* ---- A slide of its own ---- */

static void draw_slide(sl_plan *plan, const void *options)
{
    (void)options;
    sl_window window = { .length = { 4000 }, .slide = { 2000 }, .pane = { 1000 } };
    window.end = SL_FIELDS(tally, until);
    example_out(sl_reduce_by(tallies(plan), &(sl_reduce){ .name = "sums",
                                                          .key = SL_FIELDS(tally, shop),
                                                          .sum = SL_FIELDS(tally, cents, rows),
                                                          .window = window }),
                SL_FIELDS(tally, shop, until));
}

/* Batches of 1 s, a report every 2 s of the last 4 s; a report that was missed is made up. */
static void slide_apart_from_batch(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_slide);
    example_batch(test, "north,tea,1", "");
    example_batch(test, "north,tea,2", "shop=north cents=3 rows=2 until=1970-01-01T00:00:02.000Z");
    example_batch(test, "north,tea,4", "");
    example_batch(test, "", "shop=north cents=7 rows=3 until=1970-01-01T00:00:04.000Z");
    sl_test_pass(test, 2000); /* no batch at 5 s and 6 s */
    example_batch(test, "north,tea,8", "shop=north cents=4 rows=1 until=1970-01-01T00:00:06.000Z");
    example_batch(test, "", "shop=north cents=8 rows=1 until=1970-01-01T00:00:08.000Z");
    sl_test_close(test);
}

/* ---- distinct ---- */

static void draw_distinct(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_distinct_by(
                    example_sales(plan, "sales"),
                    &(sl_distinct){ .name = "items", .key = SL_FIELDS(sale, item), .window = TWO_SECONDS }),
                SL_FIELDS(sale, item));
}

static void distinct_in_a_window(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_distinct);
    example_batch(test, "north,tea,9 south,tea,1", "item=tea cents=0");
    example_batch(test, "north,jam,4", "item=jam cents=0 | item=tea cents=0");
    example_batch(test, "", "item=jam cents=0");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window),
        cmocka_unit_test(slice),
        cmocka_unit_test(group_by_key_and_window),
        cmocka_unit_test(count_by_window),
        cmocka_unit_test(count_by_value_and_window),
        cmocka_unit_test(reduce_by_window),
        cmocka_unit_test(reduce_by_key_and_window),
        cmocka_unit_test(reduce_by_key_and_window_with_inverse),
        cmocka_unit_test(slide_apart_from_batch),
        cmocka_unit_test(distinct_in_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
