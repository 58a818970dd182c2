/*
 * tests/readme/first_job.c - the first job of README.md and its test, as they stand there: c_blocks.c compares them.
 */

/*
 * hot_pages.c - the pages of each site that were visited most in the last minute.
 *
 *     lines -> parse_visit -> count by site and page in 1 min -> top 3 per site -> console
 */
#include <sluice/job.h>

/* Records: a row's struct and its description in one. A line of the input is "site,page". */
#define PAGE_FIELDS(F) F(text, site) F(i64, rank) F(text, page) F(i64, visits)
SL_RECORD(page, PAGE_FIELDS);

/* Stages: map and filter in one. Fill *out and return true, or return false: no row. */
static bool parse_visit(sl_task *task, const sl_message *in, page *out)
{
    sl_text field[2];
    const char *fault = sl_csv_split(task, in->value, field, 2);
    if (fault)
        return sl_reject(task, &in->origin, fault, "line"); /* counted, and kept as a dead letter */
    out->site = sl_trim(field[0]);
    out->page = sl_trim(field[1]);
    return true;
}
SL_STAGE(parse_visit, sl_message, page);

/* Drawing: runs once at the start, before any record. */
static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:visits" });
    sl_stream pages = sl_through(lines, &parse_visit_stage);
    sl_stream visits = sl_count_by(pages, &(sl_count){ .name = "visits_of_pages",
                                                       .key = SL_FIELDS(page, site, page),
                                                       .into = SL_FIELDS(page, visits),
                                                       .window = { .length = { .ms = 60000 } } });
    sl_stream top = sl_top_by(visits, &(sl_top){ .per = SL_FIELDS(page, site),
                                                 .count = 3,
                                                 .most = SL_FIELDS(page, visits),
                                                 .then = SL_FIELDS(page, page),
                                                 .rank = SL_FIELDS(page, rank) });
    sl_to(top, &(sl_output){ .name = "hot_pages",
                             .to = { "console" },
                             .index = "hot_pages",
                             .id = SL_FIELDS(page, site, rank),
                             .whole = SL_FIELDS(page, site) });
}

const sl_job job = { .name = "hot_pages", .about = "the most visited pages of each site", .draw = draw };

/* ---- Its tests --------------------------------------------------------------------------------------------------- */

#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_minute_later_only_new_visits_count(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s"); /* ends in memory, a clock at 0 */
    sl_test_send(test, "lines", "shop,/cart");
    sl_test_batch(test); /* a second passes; the batch of T = 1 s runs */
    assert_non_null(strstr(sl_test_wrote(test, "hot_pages"), "\"page\":\"/cart\",\"visits\":1}\n"));

    sl_test_send(test, "lines", "shop,/");
    sl_test_pass(test, 59000);
    sl_test_batch(test); /* T = 61 s: the visit of T = 1 s has left the window */
    assert_string_equal(sl_test_wrote(test, "hot_pages"),
                        "{\"_id\":\"shop-1\",\"@timestamp\":\"1970-01-01T00:01:01.000Z\",\"site\":\"shop\","
                        "\"rank\":1,\"page\":\"/\",\"visits\":1}\n");
    sl_test_close(test);
}

static void three_pages_of_each_site_are_told_and_bad_lines_are_kept(void **state)
{
    (void)state;
    static const char *const lines[] = { "shop,/cart", "shop,/", "blog,/hello", "shop,/",     "no site",
                                         "shop,/a",    "shop,/", "shop,/b",     "shop,/cart", "shop,/c" };
    static const char *const wanted[] = { "\"_id\":\"blog-1\"", "\"page\":\"/hello\",\"visits\":1}",
                                          "\"_id\":\"shop-1\"", "\"page\":\"/\",\"visits\":3}",
                                          "\"_id\":\"shop-2\"", "\"page\":\"/cart\",\"visits\":2}",
                                          "\"_id\":\"shop-3\"", "\"page\":\"/a\",\"visits\":1}" };
    sl_test *test = sl_test_open(&job, "--interval 1s");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        sl_test_send(test, "lines", lines[i]);
    sl_test_batch(test);
    const char *at = sl_test_wrote(test, "hot_pages");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        at = strstr(at, wanted[i]);
        assert_non_null(at);
    }
    assert_string_equal(strchr(at, '\n'), "\n"); /* nothing behind the third */
    assert_non_null(strstr(sl_test_wrote(test, "dead_letters"), "\"reason\":\"field_count\""));
    assert_int_equal(sl_test_account(test)->records, 10);
    assert_int_equal(sl_test_account(test)->dead_letters, 1);
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_later_only_new_visits_count),
        cmocka_unit_test(three_pages_of_each_site_are_told_and_bad_lines_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
