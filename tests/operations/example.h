/*
 * tests/operations/example.h - what the examples share: sales come in as lines, a second passes, rows come out. Each example is a drawing of one
 * operation, and its batches with the rows that follow from them, worked out by hand. jobs/README.md names them by Spark's operations.
 *
 *     example_batch(test, "north,tea,3 north,jam,4 south,tea,5", "shop=north cents=7 | shop=south cents=5");
 */
#ifndef TESTS_OPERATIONS_EXAMPLE_H
#define TESTS_OPERATIONS_EXAMPLE_H

#include <sluice/test.h>

#define SALE_FIELDS(F) F(text, shop) F(text, item) F(i64, cents)
SL_RECORD(sale, SALE_FIELDS);

/* shop,item,cents; what is no such line is a dead letter */
__attribute__((unused)) static bool example_take(const sl_message *in, sale *out)
{
    sl_text field[3];
    if (sl_csv_split(NULL, in->value, field, 3) || !sl_to_i64(field[2], &out->cents))
        return false;
    out->shop = field[0];
    out->item = field[1];
    return true;
}

__attribute__((unused)) static bool example_take_or_reject(sl_task *task, const sl_message *in, sale *out)
{
    return example_take(in, out) || sl_reject(task, &in->origin, "no_sale", "line");
}
SL_STAGE(example_take_or_reject, sl_message, sale);

/* An input of that name, as sales. */
__attribute__((unused)) static sl_stream example_sales(sl_plan *plan, const char *input)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = input, .from = "memory" }),
                      &example_take_or_reject_stage);
}

/* The output "out": documents come in the order of these fields. */
void example_out(sl_stream in, sl_fields id);

typedef void example_draw(sl_plan *plan, const void *options);
sl_test *example_open(example_draw *draw); /* an interval of 1 s; T = 1 s, 2 s, ... */
sl_test *example_open_with(example_draw *draw, const char *options);
/* Lines with blanks between them, to another input than "sales". */
void example_send(sl_test *test, const char *input, const char *lines);
/* Sends them to "sales", lets a second pass, and compares what came out, field by field; texts that are missing are left out. */
void example_batch(sl_test *test, const char *lines, const char *wanted);

#endif
