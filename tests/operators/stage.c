/*
 * tests/operators/stage.c - a row function over a chunk: what it returns true for goes on, in order, zeroed before.
 */
#include <base/memory.h>
#include <operators/operator.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

#define NUMBER_FIELDS(F) F(i64, number)
SL_RECORD(number, NUMBER_FIELDS);

#define DOUBLED_FIELDS(F) F(i64, number) F(i64, untouched) F(text, none)
SL_RECORD(doubled, DOUBLED_FIELDS);

/* Even numbers doubled; odd ones leave dirt in the row that they do not give. */
static bool even_only(sl_task *task, const number *in, doubled *out)
{
    assert_int_equal(out->untouched, 0);
    assert_null(out->none.at);
    assert_string_equal(task->stage, "even_only");
    out->number = in->number * 2;
    if (in->number % 2 == 0)
        return true;
    out->untouched = 7;
    out->none = SL_TEXT("dirt");
    return sl_reject(task, &(sl_origin){ .offset = in->number }, "odd", "number");
}
SL_STAGE(even_only, number, doubled);

static const plan_node node = { .kind = PLAN_STAGE, .name = "even_only", .as.stage = &even_only_stage };

static void rows_that_are_kept_come_out_in_order(void **state)
{
    (void)state;
    failure failure = { 0 };
    void *self;
    dice dice = { 121 };
    assert_int_equal(operator_stage.open(&(operator_spec){ .node = &node }, &self, &failure), SL_OK);
    static number rows[CHUNK_ROWS];
    doubled *room = memory_new((CHUNK_ROWS + 1) * sizeof(doubled));
    for (int round = 0; round < 200; round++) {
        size_t count = dice_below(&dice, CHUNK_ROWS + 1), kept = 0;
        sl_task task = { 0 };
        sl_rows given = { .at = rows, .count = count }, taken = { .at = room, .room = CHUNK_ROWS + 1 };
        memset(room, 0xAB, (CHUNK_ROWS + 1) * sizeof(doubled));
        for (size_t i = 0; i < count; i++)
            rows[i].number = (int64_t)dice_below(&dice, 1000);
        operator_stage.rows(self, &task, &given, &taken);
        for (size_t i = 0; i < count; i++)
            if (rows[i].number % 2 == 0)
                assert_int_equal(room[kept++].number, rows[i].number * 2);
        assert_int_equal(taken.count, kept);
        assert_int_equal(task.rejects.size / sizeof(reject), count - kept);
        for (size_t i = 0; i < kept; i++)
            assert_true(room[i].untouched == 0 && room[i].none.at == NULL);
        buffer_done(&task.rejects);
    }
    free(room);
    operator_stage.close(self);
}

/* Whatever a macro could call its own, a job may call its records and functions. */
#define ONE_FIELD(F) F(i64, number)
#define CHAIN(from, to)                                                                                      \
    SL_RECORD(to, ONE_FIELD);                                                                                \
    static bool from##_to_##to(sl_task *unused, const from *given, to *made)                                 \
    {                                                                                                        \
        (void)unused;                                                                                        \
        made->number = given->number + 1;                                                                    \
        return true;                                                                                         \
    }                                                                                                        \
    SL_STAGE(from##_to_##to, from, to)
CHAIN(number, in);
CHAIN(in, out);
CHAIN(out, row);
CHAIN(row, input);
CHAIN(input, task);
CHAIN(task, count);
CHAIN(count, i);
CHAIN(i, fields);
CHAIN(fields, schema);
CHAIN(schema, record);

static bool function(sl_task *task, const record *in, number *out)
{
    (void)task;
    out->number = in->number + 1;
    return true;
}
SL_STAGE(function, record, number);

static void any_name_will_do_for_records_and_functions(void **state)
{
    (void)state;
    static const sl_stage *const stages[] = {
        &number_to_in_stage,     &in_to_out_stage,        &out_to_row_stage, &row_to_input_stage,
        &input_to_task_stage,    &task_to_count_stage,    &count_to_i_stage, &i_to_fields_stage,
        &fields_to_schema_stage, &schema_to_record_stage, &function_stage
    };
    enum { STAGES = sizeof stages / sizeof stages[0], ROWS = 3 };
    number from[ROWS] = { { 10 }, { 20 }, { 30 } }, made[ROWS];
    for (size_t s = 0; s < STAGES; s++) {
        sl_rows taken = { .at = made, .room = ROWS };
        assert_int_equal(stages[s]->out()->row_bytes, sizeof(number));
        stages[s]->run(NULL, from, ROWS, &taken);
        assert_int_equal(taken.count, ROWS);
        memcpy(from, made, sizeof from);
    }
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(from[i].number, 10 * (i + 1) + STAGES);
    assert_string_equal(schema_schema()->name, "schema");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_that_are_kept_come_out_in_order),
                                        cmocka_unit_test(any_name_will_do_for_records_and_functions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
