/*
 * tests/operations/rows.c - operations on rows: one for one, none, several; streams that meet and part; what is done with a batch.
 */
#include "example.h"
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- map, filter, mapValues ---- */

static bool in_euros(sl_task *task, const sale *in, sale *out)
{
    (void)task;
    *out = *in;
    out->cents = in->cents * 100;
    return true;
}
SL_STAGE(in_euros, sale, sale);

static void draw_map(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &in_euros_stage), SL_FIELDS(sale, shop));
}

static void map(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_map);
    example_batch(test, "north,tea,3 south,jam,4",
                  "shop=north item=tea cents=300 | shop=south item=jam cents=400");
    sl_test_close(test);
}

static bool is_dear(sl_task *task, const sale *in, sale *out)
{
    (void)task;
    *out = *in;
    return in->cents >= 5; /* false: no row */
}
SL_STAGE(is_dear, sale, sale);

static void draw_filter(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &is_dear_stage), SL_FIELDS(sale, shop));
}

static void filter(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_filter);
    example_batch(test, "north,tea,3 south,jam,5", "shop=south item=jam cents=5");
    assert_int_equal(sl_test_account(test)->filtered, 1);
    sl_test_close(test);
}

/* ---- flatMap, flatMapValues ---- */

/* A sale of several items, as in "tea+jam", is one of each. */
static void part_items(sl_task *task, const sale *in, sl_rows *out)
{
    (void)task;
    const char *at = in->item.at, *end = at + in->item.size;
    while (at <= end) {
        const char *plus = memchr(at, '+', (size_t)(end - at)), *until = plus ? plus : end;
        *sl_row(out, sale) = (sale){ in->shop, { at, (size_t)(until - at) }, in->cents };
        at = until + 1;
    }
}
SL_FLAT_STAGE(part_items, sale, sale);

static void draw_flat_map(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &part_items_stage), SL_FIELDS(sale, shop, item));
}

static void flat_map(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_flat_map);
    example_batch(test, "north,tea+jam+oil,3 south,tea,5",
                  "shop=north item=jam cents=3 | shop=north item=oil cents=3 | shop=north item=tea cents=3"
                  " | shop=south item=tea cents=5");
    sl_test_close(test);
}

/* ---- mapPartitions, glom ---- */

/* A row for each chunk: its first sale, with the sum of all. */
static void sum_chunk(sl_task *task, const sale *rows, size_t count, sl_rows *out)
{
    (void)task;
    sale *sum = sl_row(out, sale);
    *sum = rows[0];
    for (size_t i = 1; i < count; i++)
        sum->cents += rows[i].cents;
}
SL_CHUNK_STAGE(sum_chunk, sale, sale);

static void draw_map_partitions(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &sum_chunk_stage), SL_FIELDS(sale, shop));
}

static void map_partitions(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_map_partitions);
    example_batch(test, "north,tea,3 south,jam,4 north,jam,5", "shop=north item=tea cents=12");
    sl_test_close(test);
}

/* All items of a chunk in one text. */
static void list_chunk(sl_task *task, const sale *rows, size_t count, sl_rows *out)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += rows[i].item.size + 1;
    char *text = sl_batch_memory(task, size), *at = text;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, rows[i].item.at, rows[i].item.size);
        at += rows[i].item.size;
        *at++ = '+';
    }
    sl_row(out, sale)->item = (sl_text){ text, size - 1 };
}
SL_CHUNK_STAGE(list_chunk, sale, sale);

static void draw_glom(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &list_chunk_stage), SL_FIELDS(sale, item));
}

static void glom(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_glom);
    example_batch(test, "north,tea,3 south,jam,4 north,oil,5", "item=tea+jam+oil cents=0");
    sl_test_close(test);
}

/* ---- union, repartition ---- */

static void draw_union(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_union(example_sales(plan, "sales"), example_sales(plan, "orders")), SL_FIELDS(sale, shop));
}

static void union_of_two(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_union);
    example_send(test, "orders", "west,jam,1");
    example_batch(test, "north,tea,3", "shop=north item=tea cents=3 | shop=west item=jam cents=1");
    sl_test_close(test);
}

static void draw_repartition(sl_plan *plan, const void *options)
{
    (void)options;
    sl_fields shop = SL_FIELDS(sale, shop);
    example_out(sl_through(sl_exchange_by(example_sales(plan, "sales"), &shop), &sum_chunk_stage),
                SL_FIELDS(sale, shop));
}

/* The rows of a shop come one after another, whichever partition they stood in: with one shop, as one chunk. */
static void repartition(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_repartition);
    for (uint32_t partition = 0; partition < 3; partition++)
        sl_test_send_message(test, "sales", partition,
                             &(sl_message){ .origin = { .partition = partition, .time_ms = -1 },
                                            .value = SL_TEXT("north,tea,2") });
    example_batch(test, "", "shop=north item=tea cents=6");
    sl_test_close(test);
}

/* ---- transform, transformWith ---- */

#define STAMPED_FIELDS(F) F(text, shop) F(time, at)
SL_RECORD(stamped, STAMPED_FIELDS);

static bool stamp(sl_task *task, const sale *in, stamped *out)
{
    *out = (stamped){ in->shop, sl_batch_time_ms(task) };
    return true;
}
SL_STAGE(stamp, sale, stamped);

static void draw_transform(sl_plan *plan, const void *options)
{
    (void)options;
    example_out(sl_through(example_sales(plan, "sales"), &stamp_stage), SL_FIELDS(stamped, shop));
}

static void transform_with_time(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_transform);
    example_batch(test, "north,tea,3", "shop=north at=1970-01-01T00:00:01.000Z");
    example_batch(test, "north,tea,3", "shop=north at=1970-01-01T00:00:02.000Z");
    sl_test_close(test);
}

static sl_stream dear_in_euros(sl_stream sales)
{
    return sl_through(sl_through(sales, &is_dear_stage), &in_euros_stage);
}

static void draw_transform_with(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream both = sl_union(dear_in_euros(example_sales(plan, "sales")), example_sales(plan, "orders"));
    example_out(both, SL_FIELDS(sale, shop));
}

/* A function from streams to a stream is a C function: it draws, once, at the start. */
static void transform(void **state)
{
    (void)state;
    sl_test *test = example_open(draw_transform_with);
    example_send(test, "orders", "west,jam,1");
    example_batch(test, "north,tea,3 south,tea,7",
                  "shop=south item=tea cents=700 | shop=west item=jam cents=1");
    sl_test_close(test);
}

/* ---- cache, foreachRDD, saveAsTextFiles ---- */

static atomic_int calls, seen;

static bool count_call(sl_task *task, const sale *in, sale *out)
{
    (void)task;
    atomic_fetch_add(&calls, 1);
    *out = *in;
    return true;
}
SL_STAGE(count_call, sale, sale);

static void draw_cache(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sales = sl_through(example_sales(plan, "sales"), &count_call_stage);
    example_out(sales, SL_FIELDS(sale, shop));
    sl_to(sl_through(sales, &in_euros_stage), &(sl_output){ .name = "other", .to = { "memory" } });
}

/* A stream that several take is worked out once. */
static void cache(void **state)
{
    (void)state;
    atomic_store(&calls, 0);
    sl_test *test = example_open(draw_cache);
    example_batch(test, "north,tea,3", "shop=north item=tea cents=3");
    assert_int_equal(atomic_load(&calls), 1);
    sl_test_close(test);
}

/* It may come again for a batch that is tried again: T and the rows are the same then. */
static void tell_others(sl_task *task, const sale *rows, size_t count, sl_rows *out)
{
    (void)rows, (void)out;
    atomic_fetch_add(&seen, (int)count * (int)(sl_batch_time_ms(task) / 1000));
}
SL_CHUNK_STAGE(tell_others, sale, sale);

static void draw_for_each(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sales = example_sales(plan, "sales");
    sl_through(sales, &tell_others_stage);
    example_out(sales, SL_FIELDS(sale, shop));
}

static void for_each_rdd(void **state)
{
    (void)state;
    atomic_store(&seen, 0);
    sl_test *test = example_open(draw_for_each);
    example_batch(test, "north,tea,3 south,tea,3",
                  "shop=north item=tea cents=3 | shop=south item=tea cents=3");
    example_batch(test, "", "");
    example_batch(test, "west,tea,3", "shop=west item=tea cents=3");
    assert_int_equal(atomic_load(&seen), 2 * 1 + 1 * 3);
    sl_test_close(test);
}

static void draw_save(sl_plan *plan, const void *options)
{
    (void)options;
    sl_to(
        example_sales(plan, "sales"),
        &(sl_output){ .name = "out", .to = { "file:sales" }, .index = "sales", .id = SL_FIELDS(sale, shop) });
}

static void save_as_text_files(void **state)
{
    (void)state;
    char options[400];
    folder_open();
    snprintf(options, sizeof options, "--to out=file:%s", folder_path("out"));
    sl_test *test = example_open_with(draw_save, options);
    example_send(test, "sales", "north,tea,3");
    sl_test_batch(test);
    assert_string_equal(folder_read("out/sales/batch-1000.ndjson"),
                        "{\"_id\":\"north\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"shop\":\"north\","
                        "\"item\":\"tea\",\"cents\":3}\n");
    sl_test_close(test);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map),
        cmocka_unit_test(filter),
        cmocka_unit_test(flat_map),
        cmocka_unit_test(map_partitions),
        cmocka_unit_test(glom),
        cmocka_unit_test(union_of_two),
        cmocka_unit_test(repartition),
        cmocka_unit_test(transform),
        cmocka_unit_test(transform_with_time),
        cmocka_unit_test(cache),
        cmocka_unit_test(for_each_rdd),
        cmocka_unit_test(save_as_text_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
