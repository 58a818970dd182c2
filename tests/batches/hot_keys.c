/*
 * tests/batches/hot_keys.c - keys that take much of a batch are named with their share; where none does, none is.
 */
#include <batches/job_run.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VISIT_FIELDS(F) F(text, site) F(text, page) F(i64, number) F(i64, visits)
SL_RECORD(visit, VISIT_FIELDS);

static bool parse(sl_task *task, const sl_message *in, visit *out)
{
    sl_text field[3];
    if (sl_csv_split(task, in->value, field, 3))
        return false;
    out->site = field[0];
    out->page = field[1];
    return sl_to_i64(field[2], &out->number);
}
SL_STAGE(parse, sl_message, visit);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream visits = sl_through(lines, &parse_stage);
    sl_stream counts = sl_count_by(visits, &(sl_count){ .name = "pages",
                                                        .key = SL_FIELDS(visit, site, page),
                                                        .into = SL_FIELDS(visit, visits) });
    sl_stream numbers = sl_count_by(
        visits,
        &(sl_count){ .name = "numbers", .key = SL_FIELDS(visit, number), .into = SL_FIELDS(visit, visits) });
    sl_to(counts, &(sl_output){ .name = "counts", .to = { "memory" }, .id = SL_FIELDS(visit, site, page) });
    sl_to(numbers, &(sl_output){ .name = "numbers_out", .to = { "memory" }, .id = SL_FIELDS(visit, number) });
}

static const sl_job visits_job = { .name = "visits", .about = "", .draw = draw };

/* Of each ten rows `hot` are of one page, whose key is long; numbers are all different. */
static const sl_batch_info *batch_of(job_run *run, int rows, int hot)
{
    char line[80];
    assert_int_equal(job_run_open(run, &visits_job, "--interval 1s --cores 2"), SL_OK);
    for (int i = 0; i < rows; i++) {
        if ((i * 7) % 10 < hot)
            snprintf(line, sizeof line, "shop,/a/very/popular/page,%d", i);
        else
            snprintf(line, sizeof line, "shop,/%d,%d", i, i);
        job_run_send(run, (uint32_t)i % 2, line);
    }
    assert_int_equal(job_run_batch(run), SL_OK);
    return job_run_account(run);
}

static void a_key_with_a_third_of_the_rows_is_named(void **state)
{
    (void)state;
    job_run run = { 0 };
    const sl_batch_info *batch = batch_of(&run, 20000, 3);
    assert_int_equal(batch->records, 20000);
    assert_int_equal(batch->hot_key_count, 1);
    assert_string_equal(batch->hot_keys[0].name, "pages");
    assert_string_equal(batch->hot_keys[0].key, "shop, /a/very/popular/page");
    if (fabs(batch->hot_keys[0].share - 0.3) > 0.1) /* about 650 rows are looked at: 5 deviations */
        fail_msg("%g", batch->hot_keys[0].share);
    job_run_close(&run);
}

static void a_small_batch_is_looked_at_whole(void **state)
{
    (void)state;
    job_run run = { 0 };
    const sl_batch_info *batch = batch_of(&run, 60, 5);
    assert_int_equal(batch->hot_key_count, 1);
    assert_true(fabs(batch->hot_keys[0].share - 0.5) < 0.001);
    job_run_close(&run);
}

static void where_all_keys_are_alike_none_is_hot(void **state)
{
    (void)state;
    job_run run = { 0 };
    assert_int_equal(batch_of(&run, 20000, 0)->hot_key_count, 0);
    job_run_close(&run);
}

static void a_few_rows_say_nothing(void **state)
{
    (void)state;
    job_run run = { 0 };
    assert_int_equal(batch_of(&run, 40, 9)->hot_key_count, 0);
    job_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_with_a_third_of_the_rows_is_named),
        cmocka_unit_test(a_small_batch_is_looked_at_whole),
        cmocka_unit_test(where_all_keys_are_alike_none_is_hot),
        cmocka_unit_test(a_few_rows_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
