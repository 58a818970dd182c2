/*
 * tests/operations/joins.c - rows of two streams with the same key, in the batch and over a window of 2 s; rows joined with a table.
 */
#include "example.h"
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define PAID_FIELDS(F) F(text, shop) F(text, sold) F(text, paid) F(i64, cents)
SL_RECORD(paid, PAID_FIELDS);

/* A partner that is not there is NULL. */
static bool pay(sl_task *task, const sale *sold, const sale *payment, paid *out)
{
    (void)task;
    out->shop = sold ? sold->shop : payment->shop;
    out->sold = sold ? sold->item : (sl_text){ 0 };
    out->paid = payment ? payment->item : (sl_text){ 0 };
    out->cents = (sold ? sold->cents : 0) - (payment ? payment->cents : 0);
    return true;
}
SL_PAIR(pay, sale, sale, paid);

/* How much was sold and not paid, a row a shop. */
static void balance(sl_task *task, const sale *sold, size_t sales, const sale *paid_back, size_t payments,
                    sl_rows *out)
{
    (void)task;
    paid *sum = sl_row(out, paid);
    sum->shop = sales ? sold[0].shop : paid_back[0].shop;
    for (size_t i = 0; i < sales; i++)
        sum->cents += sold[i].cents;
    for (size_t i = 0; i < payments; i++)
        sum->cents -= paid_back[i].cents;
}
SL_COGROUP(balance, sale, sale, paid);

static struct drawn {
    sl_join_kind kind;
    const sl_pair *pair;
    int64_t window_ms;
} drawn;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_window window = { .length = { drawn.window_ms }, .pane = { drawn.window_ms ? 1000 : 0 } };
    sl_stream joined = sl_join_by(example_sales(plan, "sales"), example_sales(plan, "payments"),
                                  &(sl_join){ .name = "paid",
                                              .left = SL_FIELDS(sale, shop),
                                              .right = SL_FIELDS(sale, shop),
                                              .pair = drawn.pair,
                                              .kind = drawn.kind,
                                              .window = window });
    example_out(joined, SL_FIELDS(paid, shop, sold, paid));
}

/* north has both, south sold alone, west paid alone. */
static const char *const sales = "north,tea,5 north,jam,6 south,oil,7", *const payments =
                                                                            "north,p1,2 west,p2,3";

static void assert_joined(sl_join_kind kind, const sl_pair *pair, const char *wanted)
{
    drawn = (struct drawn){ .kind = kind, .pair = pair };
    sl_test *test = example_open(draw);
    example_send(test, "payments", payments);
    example_batch(test, sales, wanted);
    example_batch(test, sales,
                  kind == SL_LEFT || kind == SL_FULL
                      ? /* the payments were the last batch's */
                      "shop=north sold=jam cents=6 | shop=north sold=tea cents=5"
                      " | shop=south sold=oil cents=7"
                      : pair == &balance_pair ? "shop=north cents=11 | shop=south cents=7" : "");
    sl_test_close(test);
}

#define BOTH "shop=north sold=jam paid=p1 cents=4 | shop=north sold=tea paid=p1 cents=3"

static void join(void **state)
{
    (void)state;
    assert_joined(SL_INNER, &pay_pair, BOTH);
}

static void left_outer_join(void **state)
{
    (void)state;
    assert_joined(SL_LEFT, &pay_pair, BOTH " | shop=south sold=oil cents=7");
}

static void right_outer_join(void **state)
{
    (void)state;
    assert_joined(SL_RIGHT, &pay_pair, BOTH " | shop=west paid=p2 cents=-3");
}

static void full_outer_join(void **state)
{
    (void)state;
    assert_joined(SL_FULL, &pay_pair, BOTH " | shop=south sold=oil cents=7 | shop=west paid=p2 cents=-3");
}

static void cogroup(void **state)
{
    (void)state;
    assert_joined(SL_INNER, &balance_pair, "shop=north cents=9 | shop=south cents=7 | shop=west cents=-3");
}

/* ---- Over windows: what was sold in the last 2 s, with what was paid in them ---- */

/* What is wanted of three batches: a sale in the first, its payment in the second, nothing in the third. */
static void assert_window(sl_join_kind kind, const sl_pair *pair, const char *const wanted[3])
{
    drawn = (struct drawn){ .kind = kind, .pair = pair, .window_ms = 2000 };
    sl_test *test = example_open(draw);
    example_batch(test, "north,tea,5", wanted[0]);
    example_send(test, "payments", "north,p1,2");
    example_batch(test, "", wanted[1]);
    example_batch(test, "", wanted[2]); /* T = 3 s: (1 s, 3 s] has the payment alone */
    sl_test_close(test);
}

static const char *const met = "shop=north sold=tea paid=p1 cents=3",
                         *const sold_alone = "shop=north sold=tea cents=5",
                         *const paid_alone = "shop=north paid=p1 cents=-2";

static void join_over_windows(void **state)
{
    (void)state;
    assert_window(SL_INNER, &pay_pair, (const char *const[]){ "", met, "" });
    assert_window(SL_LEFT, &pay_pair, (const char *const[]){ sold_alone, met, "" });
    assert_window(SL_RIGHT, &pay_pair, (const char *const[]){ "", met, paid_alone });
    assert_window(SL_FULL, &pay_pair, (const char *const[]){ sold_alone, met, paid_alone });
}

static void cogroup_over_windows(void **state)
{
    (void)state;
    assert_window(SL_INNER, &balance_pair,
                  (const char *const[]){ "shop=north cents=5", "shop=north cents=3", "shop=north cents=-2" });
}

/* ---- With a table ---- */

#define OWNER_FIELDS(F) F(text, owner) F(i64, since)
SL_RECORD(owner, OWNER_FIELDS);

#define OWNED_FIELDS(F) F(text, shop) F(i64, cents) F(link(owner), known)
SL_RECORD(owned, OWNED_FIELDS);

static bool take_owned(sl_task *task, const sl_message *in, owned *out)
{
    sale sold;
    if (!example_take(in, &sold))
        return sl_reject(task, &in->origin, "no_sale", "line");
    *out = (owned){ sold.shop, sold.cents, NULL };
    return true;
}
SL_STAGE(take_owned, sl_message, owned);

static void draw_look_up(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "sales", .from = "memory" });
    sl_stream joined =
        sl_look_up(sl_through(lines, &take_owned_stage), &(sl_lookup){ .name = "shops",
                                                                       .from = "redis",
                                                                       .prefix = "shop:",
                                                                       .key = SL_FIELDS(owned, shop),
                                                                       .into = SL_FIELDS(owned, known) });
    example_out(joined, SL_FIELDS(owned, shop));
}

/* Where the table lies is the user's choice: here where a test says what is known, else Redis. */
static void join_with_table(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_look_up);
    sl_test_known(test, "shops", "north", "{\"owner\":\"Ann\",\"since\":\"1999\"}");
    example_batch(test, "north,tea,3 south,tea,4",
                  "shop=north cents=3 owner=Ann since=1999 | shop=south cents=4");
    sl_test_known(test, "shops", "south", "{\"owner\":\"Bob\",\"since\":\"2001\"}");
    sl_test_pass(test, 5000); /* redis.cache.missing_ttl: then what was missing is asked for again */
    example_batch(test, "south,tea,4", "shop=south cents=4 owner=Bob since=2001");
    sl_test_close(test);
}

static void join_with_table_of_a_file(void **state)
{
    (void)state;
    char options[400];
    folder_open();
    folder_write("shops.csv", "shop,owner,since\nnorth,Ann,1999\n");
    snprintf(options, sizeof options, "--from shops=file:%s --conf redis.cache.ttl=10s",
             folder_path("shops.csv"));
    sl_test *test = example_open_with(draw_look_up, options);
    example_batch(test, "north,tea,3", "shop=north cents=3 owner=Ann since=1999");
    folder_write("shops.csv", "shop,owner,since\nnorth,Ann and Bob,2001\n");
    sl_test_pass(test, 10000);
    example_batch(test, "north,tea,3", "shop=north cents=3 owner=Ann and Bob since=2001");
    sl_test_close(test);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join),
        cmocka_unit_test(left_outer_join),
        cmocka_unit_test(right_outer_join),
        cmocka_unit_test(full_outer_join),
        cmocka_unit_test(cogroup),
        cmocka_unit_test(join_over_windows),
        cmocka_unit_test(cogroup_over_windows),
        cmocka_unit_test(join_with_table),
        cmocka_unit_test(join_with_table_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
