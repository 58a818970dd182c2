/*
 * tests/operations/states.c - what is remembered of each key from batch to batch: a struct that a function changes.
 */
#include "example.h"
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SHOP_FIELDS(F) F(text, shop) F(i64, cents) F(i64, sales)
SL_RECORD(shop, SHOP_FIELDS);

static const sl_update shops = {
    .name = "shops",
    .key = { sale_schema, 1, { offsetof(sale, shop) } },
    .into = { shop_schema, 1, { offsetof(shop, shop) } },
};

/* ---- updateStateByKey ---- */

static bool add_sale(sl_task *task, const sale *in, shop *state, sl_key *key)
{
    (void)task, (void)key;
    state->cents += in->cents;
    state->sales++;
    return true;
}
SL_UPDATE(add_sale, sale, shop);

static void draw_update(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_update_by(example_sales(plan, "sales"), &add_sale_update, &shops), SL_FIELDS(shop, shop));
}

static void update_state_by_key(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_update);
    example_batch(test, "north,tea,1 north,jam,2 south,tea,3",
                  "shop=north cents=3 sales=2 | shop=south cents=3 sales=1");
    example_batch(test, "north,tea,4", "shop=north cents=7 sales=3");
    sl_test_close(test);
}

/* checkpoint(interval): always. The same name and folder go on where they stopped. */
static void checkpoint(void **state)
{
    (void)state;
    char options[400];
    folder_open();
    snprintf(options, sizeof options, "--work-dir %s", folder_path("work"));
    sl_test *test = example_open_with(draw_update, options);
    example_batch(test, "north,tea,1", "shop=north cents=1 sales=1");
    sl_test_close(test);
    test = example_open_with(draw_update, options);
    example_batch(test, "north,tea,2", "shop=north cents=3 sales=2");
    sl_test_close(test);
    folder_close();
}

/* ---- mapWithState: exists, get, update, remove ---- */

/* A shop is told when it comes and when it closes, which an item of that name says. */
static bool open_and_close(sl_task *task, const sale *in, shop *state, sl_key *key)
{
    (void)task;
    bool closes = sl_text_equal(in->item, SL_TEXT("close"));
    state->sales++;
    state->cents += in->cents;
    key->remove = closes;
    return key->is_new || closes; /* is_new: it does not exist yet */
}
SL_UPDATE(open_and_close, sale, shop);

static void draw_map_with_state(sl_plan *plan, const void *options)
{
    (void)options;
    sl_update each = shops;
    each.tell = SL_TELL_CALLS; /* a row for each call, not for each key */
    example_out(sl_update_by(example_sales(plan, "sales"), &open_and_close_update, &each),
                SL_FIELDS(shop, shop, sales));
}

static void map_with_state(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_map_with_state);
    example_batch(test, "north,tea,1 north,jam,2", "shop=north cents=1 sales=1");
    example_batch(test, "north,close,0", "shop=north cents=3 sales=3");
    example_batch(test, "north,tea,5 north,close,0 north,oil,7",
                  "shop=north cents=5 sales=1 | shop=north cents=7 sales=1 | shop=north cents=5 sales=2");
    sl_test_close(test);
}

/* ---- timeout ---- */

static bool until_idle(sl_task *task, const sale *in, shop *state, sl_key *key)
{
    (void)task;
    if (key->timing_out)
        return true; /* the last word of it */
    state->cents += in->cents;
    return false;
}
SL_UPDATE(until_idle, sale, shop);

static void draw_timeout(sl_plan *plan, const void *options)
{
    (void)options;
    sl_update idle = shops;
    idle.timeout.ms = 2000;
    idle.tell = SL_TELL_CALLS;
    example_out(sl_update_by(example_sales(plan, "sales"), &until_idle_update, &idle), SL_FIELDS(shop, shop));
}

static void timeout(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_timeout);
    example_batch(test, "north,tea,1 south,tea,2", "");
    example_batch(test, "north,tea,3", "");
    example_batch(test, "", "shop=south cents=2 sales=0");            /* T = 3 s: none in (1 s, 3 s] */
    example_batch(test, "north,tea,5", "shop=north cents=4 sales=0"); /* T = 4 s: it comes back anew */
    example_batch(test, "", "");
    example_batch(test, "", "shop=north cents=5 sales=0");
    sl_test_close(test);
}

/* ---- stateSnapshots ---- */

static void draw_snapshots(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream states = sl_update_by(example_sales(plan, "sales"), &add_sale_update, &shops);
    example_out(sl_snapshots(states, (sl_duration){ 2000 }), SL_FIELDS(shop, shop));
}

static void state_snapshots(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_snapshots);
    example_batch(test, "north,tea,1 south,tea,2", "");
    example_batch(test, "north,tea,3", "shop=north cents=4 sales=2 | shop=south cents=2 sales=1");
    example_batch(test, "", "");
    example_batch(test, "", "shop=north cents=4 sales=2 | shop=south cents=2 sales=1");
    sl_test_close(test);
}

/* ---- initialState ---- */

#define BEFORE_FIELDS(F) F(i64, cents) F(i64, sales)
SL_RECORD(before, BEFORE_FIELDS);

#define LATER_FIELDS(F) F(text, shop) F(i64, cents) F(link(before), before)
SL_RECORD(later, LATER_FIELDS);

static bool take_later(sl_task *task, const sl_message *in, later *out)
{
    sale sold;
    if (!example_take(in, &sold))
        return sl_reject(task, &in->origin, "no_sale", "line");
    *out = (later){ sold.shop, sold.cents, NULL };
    return true;
}
SL_STAGE(take_later, sl_message, later);

/* A key that is new begins with what the table has of it. */
static bool go_on(sl_task *task, const later *in, shop *state, sl_key *key)
{
    (void)task;
    if (key->is_new && in->before) {
        state->cents = in->before->cents;
        state->sales = in->before->sales;
    }
    state->cents += in->cents;
    state->sales++;
    return true;
}
SL_UPDATE(go_on, later, shop);

static void draw_initial(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sales =
        sl_through(sl_from(plan, &(sl_input){ .name = "sales", .from = "memory" }), &take_later_stage);
    sales = sl_look_up(sales, &(sl_lookup){ .name = "initial",
                                            .from = "file:initial.csv",
                                            .key = SL_FIELDS(later, shop),
                                            .into = SL_FIELDS(later, before) });
    example_out(
        sl_update_by(
            sales, &go_on_update,
            &(sl_update){ .name = "shops", .key = SL_FIELDS(later, shop), .into = SL_FIELDS(shop, shop) }),
        SL_FIELDS(shop, shop));
}

static void initial_state(void **state)
{
    (void)state;
    char options[400];
    folder_open();
    folder_write("initial.csv", "shop,cents,sales\nnorth,100,7\n");
    snprintf(options, sizeof options, "--from initial=file:%s", folder_path("initial.csv"));
    sl_test *test = example_open_with(draw_initial, options);
    example_batch(test, "north,tea,1 south,tea,2",
                  "shop=north cents=101 sales=8 | shop=south cents=2 sales=1");
    example_batch(test, "north,tea,1", "shop=north cents=102 sales=9");
    sl_test_close(test);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(update_state_by_key), cmocka_unit_test(checkpoint),
        cmocka_unit_test(map_with_state),      cmocka_unit_test(timeout),
        cmocka_unit_test(state_snapshots),     cmocka_unit_test(initial_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
