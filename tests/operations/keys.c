/*
 * tests/operations/keys.c - rows of a key to one, each key once, the most of all, and rows of two streams: each within its batch.
 */
#include "example.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define TALLY_FIELDS(F) F(text, shop) F(text, item) F(i64, rows)
SL_RECORD(tally, TALLY_FIELDS);

static bool one_row(sl_task *task, const sale *in, tally *out)
{
    (void)task;
    *out = (tally){ in->shop, in->item, 1 };
    return true;
}
SL_STAGE(one_row, sale, tally);

static sl_stream tallies(sl_plan *plan)
{
    return sl_through(example_sales(plan, "sales"), &one_row_stage);
}

/* ---- count, countByValue ---- */

static void draw_count(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(
        sl_reduce_by(tallies(plan),
                     &(sl_reduce){ .name = "all", .sum = SL_FIELDS(tally, rows), .even_if_empty = true }),
        SL_FIELDS(tally, rows));
}

static void count(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_count);
    example_batch(test, "north,tea,3 south,jam,4 north,tea,5", "rows=3");
    example_batch(test, "", "rows=0");
    sl_test_close(test);
}

static void draw_count_by_value(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_count_by(tallies(plan), &(sl_count){ .name = "values",
                                                        .key = SL_FIELDS(tally, shop, item),
                                                        .into = SL_FIELDS(tally, rows) }),
                SL_FIELDS(tally, shop, item));
}

static void count_by_value(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_count_by_value);
    example_batch(test, "north,tea,3 north,jam,4 north,tea,5",
                  "shop=north item=jam rows=1 | shop=north item=tea rows=2");
    example_batch(test, "north,tea,3", "shop=north item=tea rows=1");
    sl_test_close(test);
}

/* ---- reduce, reduceByKey, combineByKey ---- */

static void dearer(sale *into, const sale *from)
{
    into->cents = from->cents > into->cents ? from->cents : into->cents;
}
SL_COMBINE(dearer, sale);

#define CENTS_FIELDS(F) F(i64, cents)
SL_RECORD(cents, CENTS_FIELDS);

static bool take_cents(sl_task *task, const sale *in, cents *out)
{
    (void)task;
    out->cents = in->cents;
    return true;
}
SL_STAGE(take_cents, sale, cents);

static void most_cents(cents *into, const cents *from)
{
    into->cents = from->cents > into->cents ? from->cents : into->cents;
}
SL_COMBINE(most_cents, cents);

static void draw_reduce(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream all = sl_through(example_sales(plan, "sales"), &take_cents_stage);
    example_out(sl_reduce_by(all, &(sl_reduce){ .name = "most", .add = &most_cents_combine }),
                SL_FIELDS(cents, cents));
}

static void reduce(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_reduce);
    example_batch(test, "north,tea,3 south,jam,9 north,tea,5", "cents=9");
    example_batch(test, "", "");
    sl_test_close(test);
}

static void draw_reduce_by_key(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_reduce_by(example_sales(plan, "sales"), &(sl_reduce){ .name = "dearest",
                                                                         .key = SL_FIELDS(sale, shop, item),
                                                                         .add = &dearer_combine }),
                SL_FIELDS(sale, shop, item));
}

static void reduce_by_key(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_reduce_by_key);
    example_batch(test, "north,tea,3 south,jam,9 north,tea,5 north,tea,4",
                  "shop=north item=tea cents=5 | shop=south item=jam cents=9");
    sl_test_close(test);
}

/* How many and how much, of which a later stage makes the average: what is combined is another record than what came. */
#define AVERAGE_FIELDS(F) F(text, shop) F(i64, rows) F(i64, cents) F(f64, average)
SL_RECORD(average, AVERAGE_FIELDS);

static bool begin_average(sl_task *task, const sale *in, average *out)
{
    (void)task;
    *out = (average){ in->shop, 1, in->cents, 0 };
    return true;
}
SL_STAGE(begin_average, sale, average);

static bool end_average(sl_task *task, const average *in, average *out)
{
    (void)task;
    *out = *in;
    out->average = (double)in->cents / (double)in->rows;
    return true;
}
SL_STAGE(end_average, average, average);

static void draw_combine_by_key(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sums = sl_reduce_by(sl_through(example_sales(plan, "sales"), &begin_average_stage),
                                  &(sl_reduce){ .name = "sums",
                                                .key = SL_FIELDS(average, shop),
                                                .sum = SL_FIELDS(average, rows, cents) });
    example_out(sl_through(sums, &end_average_stage), SL_FIELDS(average, shop));
}

static void combine_by_key(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_combine_by_key);
    example_batch(test, "north,tea,3 south,jam,9 north,jam,4",
                  "shop=north rows=2 cents=7 average=3.5 | shop=south rows=1 cents=9 average=9");
    sl_test_close(test);
}

/* ---- groupByKey ---- */

/* The rows of a shop in their order: the first item, and the last one's price. */
static void first_and_last(sl_task *task, const sale *rows, size_t count, sl_rows *out)
{
    (void)task;
    *sl_row(out, sale) = (sale){ rows[0].shop, rows[0].item, rows[count - 1].cents };
}
SL_CHUNK_STAGE(first_and_last, sale, sale);

static void draw_group_by_key(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_group_by(example_sales(plan, "sales"), &(sl_group){ .name = "by_shop",
                                                                       .key = SL_FIELDS(sale, shop),
                                                                       .each = &first_and_last_stage }),
                SL_FIELDS(sale, shop));
}

static void group_by_key(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_group_by_key);
    example_batch(test, "north,tea,3 south,jam,9 north,jam,4 north,oil,1",
                  "shop=north item=tea cents=1 | shop=south item=jam cents=9");
    sl_test_close(test);
}

/* ---- distinct, countApproxDistinct, top ---- */

static void draw_distinct(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_distinct_by(example_sales(plan, "sales"),
                               &(sl_distinct){ .name = "items", .key = SL_FIELDS(sale, item) }),
                SL_FIELDS(sale, item));
}

static void distinct(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_distinct);
    example_batch(test, "north,tea,3 south,tea,9 north,jam,4", "item=jam cents=0 | item=tea cents=0");
    example_batch(test, "north,tea,3", "item=tea cents=0");
    sl_test_close(test);
}

static void draw_about(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_count_about(tallies(plan), &(sl_about){ .name = "items",
                                                           .key = SL_FIELDS(tally, shop),
                                                           .of = SL_FIELDS(tally, item),
                                                           .into = SL_FIELDS(tally, rows) }),
                SL_FIELDS(tally, shop));
}

/* Few are told exactly. */
static void count_approx_distinct(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_about);
    example_batch(test, "north,tea,3 south,tea,9 north,jam,4 north,tea,1",
                  "shop=north rows=2 | shop=south rows=1");
    sl_test_close(test);
}

#define PLACED_FIELDS(F) F(i64, rank) F(text, shop) F(text, item) F(i64, cents)
SL_RECORD(placed, PLACED_FIELDS);

static bool place(sl_task *task, const sale *in, placed *out)
{
    (void)task;
    *out = (placed){ 0, in->shop, in->item, in->cents };
    return true;
}
SL_STAGE(place, sale, placed);

static bool per_shop;

static void draw_top(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sums = sl_reduce_by(sl_through(example_sales(plan, "sales"), &place_stage),
                                  &(sl_reduce){ .name = "turnover",
                                                .key = SL_FIELDS(placed, shop, item),
                                                .sum = SL_FIELDS(placed, cents) });
    example_out(sl_top_by(sums, &(sl_top){ .per = per_shop ? SL_FIELDS(placed, shop) : (sl_fields){ 0 },
                                           .most = SL_FIELDS(placed, cents),
                                           .then = SL_FIELDS(placed, item),
                                           .rank = SL_FIELDS(placed, rank),
                                           .count = 2 }),
                SL_FIELDS(placed, shop, rank));
}

static void top(void **state)
{
    (void)state;
    const char *sales = "north,tea,3 south,jam,9 north,jam,5 north,oil,4 north,tea,3";
    per_shop = true;
    sl_test *test = example_open(draw_top);
    example_batch(test, sales,
                  "rank=1 shop=north item=tea cents=6 | rank=2 shop=north item=jam cents=5"
                  " | rank=1 shop=south item=jam cents=9");
    sl_test_close(test);
    per_shop = false;
    test = example_open(draw_top);
    example_batch(test, sales, "rank=2 shop=north item=tea cents=6 | rank=1 shop=south item=jam cents=9");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count),
        cmocka_unit_test(count_by_value),
        cmocka_unit_test(reduce),
        cmocka_unit_test(reduce_by_key),
        cmocka_unit_test(combine_by_key),
        cmocka_unit_test(group_by_key),
        cmocka_unit_test(distinct),
        cmocka_unit_test(count_approx_distinct),
        cmocka_unit_test(top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
