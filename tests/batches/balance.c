/*
 * tests/batches/balance.c - each record in one place of the account: a plan
 *
 *     lines -> parse -+-> documents          (the output that counts)
 *                     +-> sort out -> lists
 *
 * in which records are rejected before and behind the fork, twice over, refused, there already, or lost.
 */
#include <batches/balance.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LINES, PARSE, DOCUMENTS, SORT_OUT, LISTS, NODES };

static sl_plan plan;
static buffer scratch;

static int plan_make(void **state)
{
    (void)state;
    plan = (sl_plan){ .count = NODES };
    plan.nodes[LINES] =
        (plan_node){ .kind = PLAN_SOURCE, .name = "lines", .trunk = PARSE, .children = { PARSE } };
    plan.nodes[PARSE] =
        (plan_node){ .kind = PLAN_STAGE, .name = "parse", .children = { DOCUMENTS, SORT_OUT } };
    plan.nodes[DOCUMENTS] = (plan_node){ .kind = PLAN_OUTPUT, .input = PARSE, .name = "documents" };
    plan.nodes[SORT_OUT] =
        (plan_node){ .kind = PLAN_STAGE, .input = PARSE, .name = "sort_out", .children = { LISTS } };
    plan.nodes[LISTS] = (plan_node){ .kind = PLAN_OUTPUT, .input = SORT_OUT, .name = "lists" };
    plan.nodes[LINES].child_count = plan.nodes[SORT_OUT].child_count = 1;
    plan.nodes[PARSE].child_count = 2;
    return 0;
}

static int scratch_done(void **state)
{
    (void)state;
    buffer_done(&scratch);
    return 0;
}

static reject rejected_by(uint32_t node, int64_t offset)
{
    return (reject){ .origin = { .offset = offset }, .stage = plan.nodes[node].name };
}

/* 100 records, of which 90 get through the trunk. */
static balance found(const reject *rejects, size_t count)
{
    balance made = { .plan = &plan, .records = 100, .reached = 90, .output = DOCUMENTS };
    made.rejects = rejects;
    made.reject_count = count;
    made.fate.rows = 90;
    balance_find(&made, &scratch);
    return made;
}

static void assert_balances(const balance *balance)
{
    failure failure = { 0 };
    assert_int_equal(balance_check(balance, 7, &failure), SL_OK);
    assert_int_equal(balance->records,
                     balance->written + balance->duplicates + balance->filtered + balance->dead_letters);
}

static void what_the_trunk_rejects_is_not_filtered(void **state)
{
    (void)state;
    reject rejects[4];
    for (int64_t i = 0; i < 4; i++)
        rejects[i] = rejected_by(PARSE, i);
    balance got = found(rejects, 4);
    assert_int_equal(got.dead_letters, 4);
    assert_int_equal(got.filtered, 6);
    assert_int_equal(got.written, 90);
    assert_balances(&got);
}

static void a_record_that_is_rejected_twice_is_one_dead_letter(void **state)
{
    (void)state;
    reject rejects[] = { rejected_by(SORT_OUT, 50), rejected_by(PARSE, 3), rejected_by(DOCUMENTS, 50),
                         rejected_by(SORT_OUT, 20), rejected_by(LISTS, 50) };
    balance got = found(rejects, 5);
    assert_int_equal(got.dead_letters, 3); /* 3, 20, 50 */
    assert_int_equal(got.filtered, 9);
    assert_int_equal(got.written, 88);
    assert_balances(&got);
}

static void a_rejected_record_that_was_there_already_is_a_dead_letter(void **state)
{
    (void)state;
    sink_exception present[90];
    const sink_exception *all[90];
    for (int64_t i = 0; i < 90; i++) {
        present[i] = (sink_exception){ .origin = { .offset = 10 + i } };
        all[i] = &present[i];
    }
    reject rejects[] = { rejected_by(SORT_OUT, 99), rejected_by(SORT_OUT, 10), rejected_by(SORT_OUT, 44) };
    balance got = { .plan = &plan, .records = 100, .reached = 90, .output = DOCUMENTS };
    got.rejects = rejects;
    got.reject_count = 3;
    got.fate = (output_fate){ .rows = 90, .present = all, .present_count = 90 };
    balance_find(&got, &scratch);
    assert_int_equal(got.duplicates, 87);
    assert_int_equal(got.dead_letters, 3);
    assert_int_equal(got.written, 0);
    assert_balances(&got);
}

static void a_record_that_was_lost_on_the_way_to_its_output_is_a_bug(void **state)
{
    (void)state;
    failure failure = { 0 };
    balance got = found(NULL, 0);
    assert_balances(&got);
    got.fate.rows = 89;
    assert_int_equal(balance_check(&got, 7, &failure), SL_FAILED);
    assert_non_null(
        strstr(failure.text, "batch 7 does not balance: 90 records went on to the output \"documents\""));
    assert_non_null(strstr(failure.text, "bug"));

    got.retries = true; /* records that pass only what they had not passed */
    failure_clear(&failure);
    assert_int_equal(balance_check(&got, 7, &failure), SL_OK);
}

static void an_output_behind_a_fork_need_not_see_every_record(void **state)
{
    (void)state;
    balance got = found(NULL, 0);
    got.output = LISTS;
    got.fate.rows = 12;
    assert_balances(&got);
    got.output = NODES; /* none of single records */
    assert_balances(&got);
}

static void more_than_there_was_is_a_bug(void **state)
{
    (void)state;
    failure failure = { 0 };
    balance got = found(NULL, 0);
    got.reached = got.fate.rows = 101;
    balance_find(&got, &scratch);
    assert_int_equal(balance_check(&got, 7, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "100 records, of which 101 written"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_trunk_rejects_is_not_filtered),
        cmocka_unit_test(a_record_that_is_rejected_twice_is_one_dead_letter),
        cmocka_unit_test(a_rejected_record_that_was_there_already_is_a_dead_letter),
        cmocka_unit_test(a_record_that_was_lost_on_the_way_to_its_output_is_a_bug),
        cmocka_unit_test(an_output_behind_a_fork_need_not_see_every_record),
        cmocka_unit_test(more_than_there_was_is_a_bug),
    };
    return cmocka_run_group_tests_name("batches/balance", tests, plan_make, scratch_done);
}
