/*
 * tests/jobs/generate.c - made-up listens: the same bytes every time, well-formed unless meant otherwise, popular as the law
 * says.
 */
#include "../../jobs/generate.c"

#include <plan/task.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const options usual = { .customers = 5000, .tracks = 1200, .seed = 1, .skew = 1.0 };

/* The rules of the topic, in their order; NULL: a good line. */
static const char *reason_of(sl_text line)
{
    sl_text field[6];
    int64_t number;
    const char *fault = sl_csv_split(NULL, line, field, 6);
    if (fault)
        return fault;
    if (!sl_to_i64(field[0], &number))
        return "bad_number";
    for (int i = 1; i <= 2; i++)
        if (field[i].size == 0 || field[i].size > 64)
            return field[i].size ? "too_long" : "empty_field";
    if (!sl_is_datetime(field[3]))
        return "bad_datetime";
    if (!sl_text_equal(field[4], SL_TEXT("0")) && !sl_text_equal(field[4], SL_TEXT("1")))
        return "bad_flag";
    return field[5].size == 5 ? NULL : "zip";
}

static void a_line_has_the_form_of_the_topic(void **state)
{
    (void)state;
    char line[LINE_ROOM];
    for (int64_t number = 0; number < 20000; number++)
        assert_null(reason_of((sl_text){ line, listen_print(&usual, number, line) }));
    size_t size = listen_print(&usual, 7, line);
    int64_t event, customer, track;
    int mobile, end = 0;
    char zip[6];
    line[size] = '\0';
    assert_int_equal(sscanf(line, "%ld,%ld,%ld,\"2014-10-01 00:00:07\",%1d,\"%5[0-9]\"%n", &event, &customer,
                            &track, &mobile, zip, &end),
                     5);
    assert_int_equal(end, size);
    assert_int_equal(event, 7);
}

static void seed_and_number_alone_make_the_line(void **state)
{
    (void)state;
    char first[LINE_ROOM], second[LINE_ROOM], other[LINE_ROOM];
    options seeded = usual;
    seeded.seed = 2;
    size_t different = 0;
    for (int64_t number = 999; number >= 0; number--) {
        size_t size = listen_print(&usual, number, first);
        assert_int_equal(listen_print(&usual, number, second), size);
        assert_memory_equal(first, second, size);
        different += listen_print(&seeded, number, other) != size || memcmp(first, other, size) != 0;
    }
    assert_true(different > 990);
}

static void the_stage_takes_number_and_options_from_its_task(void **state)
{
    (void)state;
    char line[LINE_ROOM];
    batch_frame frame = { .options = &usual };
    struct sl_task task = { .batch = &frame };
    sl_message tick = { .origin = { .offset = 123456 } };
    generated row = { 0 };
    assert_true(make_listen(&task, &tick, &row));
    assert_int_equal(row.line.size, listen_print(&usual, 123456, line));
    assert_memory_equal(row.line.at, line, row.line.size);
    assert_int_equal(row.origin.offset, 123456);
    arena_done(&task.memory);
}

static void dates_run_through_the_last_quarter_and_begin_again(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = { { 0, "2014-10-01 00:00:00" },
                 { 86399, "2014-10-01 23:59:59" },
                 { 31 * 86400, "2014-11-01 00:00:00" },
                 { 61 * 86400 + 3661, "2014-12-01 01:01:01" },
                 { 92 * 86400 - 1, "2014-12-31 23:59:59" },
                 { 92 * 86400, "2014-10-01 00:00:00" } };
    char text[DATE_ROOM];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        datetime_print(rows[i].number, false, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* How often each of the first ranks is drawn, against the integral of the law over [k + 1, k + 2). */
static void ranks_follow(double skew, double (*share)(int64_t rank, int64_t count))
{
    enum { COUNT = 1000, DRAWS = 200000, LOOKED_AT = 20 };
    int64_t drawn[COUNT] = { 0 };
    for (int64_t number = 0; number < DRAWS; number++)
        drawn[rank_of(draw_share(&usual, number, CHOICE_TRACK), COUNT, skew)]++;
    for (int64_t rank = 0; rank < LOOKED_AT; rank++) {
        double expected = share(rank, COUNT) * DRAWS, spread = sqrt(expected);
        assert_true(fabs((double)drawn[rank] - expected) < 5 * spread);
    }
}

static double share_even(int64_t rank, int64_t count)
{
    (void)rank;
    return 1 / (double)count;
}

static double share_zipf(int64_t rank, int64_t count)
{
    return log(1 + 1 / (double)(rank + 1)) / log((double)count + 1);
}

static double share_half(int64_t rank, int64_t count) /* skew 0.5: the integral of x^-0.5 is 2 sqrt(x) */
{
    return (sqrt((double)rank + 2) - sqrt((double)rank + 1)) / (sqrt((double)count + 1) - 1);
}

static double share_two(int64_t rank, int64_t count) /* skew 2: the integral of x^-2 is -1/x */
{
    return (1 / (double)(rank + 1) - 1 / (double)(rank + 2)) / (1 - 1 / ((double)count + 1));
}

static void popularity_follows_the_law(void **state)
{
    (void)state;
    ranks_follow(0, share_even);
    ranks_follow(0.5, share_half);
    ranks_follow(1, share_zipf);
    ranks_follow(2, share_two);
}

static void ranks_stay_within_their_count(void **state)
{
    (void)state;
    static const double shares[] = { 0, 0x1p-53, 0.5, 1 - 0x1p-53 },
                        skews[] = { 0, 0.999999, 1, 1.000001, 4 };
    static const int64_t counts[] = { 1, 2, 1000000000 };
    for (size_t i = 0; i < 4 * 5 * 3; i++) {
        int64_t rank = rank_of(shares[i % 4], counts[i / 20], skews[i / 4 % 5]);
        assert_true(rank >= 0 && rank < counts[i / 20]);
    }
}

static void a_malformed_line_breaks_the_rule_it_is_named_for(void **state)
{
    (void)state;
    char line[LINE_ROOM];
    options set = usual;
    int64_t bad = 0, seen[BAD_KIND_COUNT] = { 0 };
    set.bad = 0.1;
    for (int64_t number = 0; number < 20000; number++) {
        bad_kind kind = bad_kind_of(&set, number);
        const char *reason = reason_of((sl_text){ line, listen_print(&set, number, line) });
        if (kind == NOT_BAD) {
            assert_null(reason);
            continue;
        }
        assert_string_equal(reason, bad_names[kind]);
        seen[kind]++;
        bad++;
    }
    assert_true(bad > 1800 && bad < 2200);
    for (size_t kind = 0; kind < BAD_KIND_COUNT; kind++)
        assert_true(seen[kind] > 150);
}

static void all_of_them_may_be_malformed_or_none(void **state)
{
    (void)state;
    options set = usual;
    for (int64_t number = 0; number < 1000; number++) {
        set.bad = 1;
        assert_true(bad_kind_of(&set, number) < NOT_BAD);
        set.bad = 0;
        assert_true(bad_kind_of(&set, number) == NOT_BAD);
    }
}

/* ---- Batch by batch ---- */

static void assert_listens(sl_test *test, const options *set, int64_t from, int64_t until)
{
    char wanted[4 * LINE_ROOM], *at = wanted;
    for (int64_t number = from; number < until; number++) {
        at += listen_print(set, number, at);
        *at++ = '\n';
    }
    *at = '\0';
    assert_string_equal(sl_test_wrote(test, "listens"), wanted);
    assert_int_equal(sl_test_account(test)->written, until - from);
}

static void each_tick_is_the_next_listen(void **state)
{
    (void)state;
    options set = usual;
    set.seed = 7;
    sl_test *test = sl_test_open(&job, "--seed 7");
    for (int i = 0; i < 3; i++)
        sl_test_send(test, "ticks", "");
    sl_test_batch(test);
    assert_listens(test, &set, 0, 3);
    assert_int_equal(sl_test_account(test)->batch_time_ms, 100);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "listens"), "");
    sl_test_send(test, "ticks", "");
    sl_test_batch(test);
    assert_listens(test, &set, 3, 4);
    sl_test_close(test);
}

static void a_real_listen_stays_as_it_is_unless_it_is_to_be_malformed(void **state)
{
    (void)state;
    static const char *const options_of[] = { "", "--bad 1" };
    static const char real[] = "0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"";
    for (int bad = 0; bad < 2; bad++) {
        sl_test *test = sl_test_open(&job, options_of[bad]);
        sl_test_send(test, "ticks", real);
        sl_test_batch(test);
        const char *wrote = sl_test_wrote(test, "listens");
        sl_text line = { wrote, strlen(wrote) - 1 };
        assert_int_equal(sl_text_equal(line, (sl_text){ real, sizeof real - 1 }), !bad);
        assert_int_equal(reason_of(line) != NULL, bad);
        sl_test_close(test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_the_form_of_the_topic),
        cmocka_unit_test(seed_and_number_alone_make_the_line),
        cmocka_unit_test(the_stage_takes_number_and_options_from_its_task),
        cmocka_unit_test(dates_run_through_the_last_quarter_and_begin_again),
        cmocka_unit_test(popularity_follows_the_law),
        cmocka_unit_test(ranks_stay_within_their_count),
        cmocka_unit_test(a_malformed_line_breaks_the_rule_it_is_named_for),
        cmocka_unit_test(all_of_them_may_be_malformed_or_none),
        cmocka_unit_test(each_tick_is_the_next_listen),
        cmocka_unit_test(a_real_listen_stays_as_it_is_unless_it_is_to_be_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
