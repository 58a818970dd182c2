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
        sl_rows given = { rows, count, count }, taken = { room, 0, CHUNK_ROWS + 1 };
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_that_are_kept_come_out_in_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
