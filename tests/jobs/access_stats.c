/*
 * tests/jobs/access_stats.c - on a manual clock: every window that ends is told, each number as a recount of all plays gives it.
 */
#include "../../jobs/access_stats.c"
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { CUSTOMERS = 60, TRACKS = 40 };

typedef struct listen {
    int64_t time_ms;
    size_t customer, track;
    bool mobile;
} listen;

static buffer history; /* of listen */

/* ---- Customers: some are unknown, some have no gender or no age ---- */

static int gender_of(size_t customer)
{
    return customer % 5 == 0 || customer % 7 == 0 ? -1 : customer % 2 ? 1 : 0;
}

static int age_of_customer(size_t customer)
{
    return customer % 5 == 0 || customer % 11 == 0 ? -1 : (int)(customer * 13 % 120);
}

static void customers_make(sl_test *test)
{
    for (size_t i = 0; i < CUSTOMERS; i++) {
        char key[16], json[120], gender[32] = "", age[32] = "";
        if (i % 5 == 0)
            continue;
        snprintf(key, sizeof key, "%zu", i);
        if (gender_of(i) >= 0)
            snprintf(gender, sizeof gender, ",\"gender\":\"%d\"", gender_of(i));
        if (age_of_customer(i) >= 0)
            snprintf(age, sizeof age, ",\"age\":\"%d\"", age_of_customer(i));
        snprintf(json, sizeof json, "{\"name\":\"N\"%s%s}", gender, age);
        sl_test_known(test, "customers", key, json);
    }
}

static void listen_send(sl_test *test, const listen *listen, dice *dice)
{
    char line[80];
    int size = snprintf(line, sizeof line, "0,%zu,%zu,\"2014-10-23 03:26:20\",%d,\"72132\"", listen->customer,
                        listen->track, listen->mobile);
    sl_test_send_message(test, "lines", (uint32_t)dice_below(dice, 3),
                         &(sl_message){ .origin = { .time_ms = -1 }, .value = { line, (size_t)size } });
}

/* ---- The recount ---- */

static access recounted(const recount *recount, int64_t end_ms)
{
    bool customers[CUSTOMERS] = { 0 }, tracks[TRACKS] = { 0 };
    access sum = { .window_start = recount_start(recount, end_ms), .window_end = end_ms };
    int64_t *const ages[] = { &sum.age_0,  &sum.age_10, &sum.age_20, &sum.age_30, &sum.age_40,
                              &sum.age_50, &sum.age_60, &sum.age_70, &sum.age_80, &sum.age_90 };
    for (size_t i = 0; i < history.size / sizeof(listen); i++) {
        const listen *one = (const listen *)(const void *)history.at + i;
        int gender = gender_of(one->customer), age = age_of_customer(one->customer);
        if (one->time_ms <= sum.window_start || one->time_ms > end_ms)
            continue;
        sum.plays++;
        sum.mobile_plays += one->mobile;
        sum.customers += !customers[one->customer];
        sum.tracks += !tracks[one->track];
        customers[one->customer] = tracks[one->track] = true;
        sum.gender_0 += gender == 0, sum.gender_1 += gender == 1, sum.gender_unknown += gender < 0;
        ++*(age < 0 ? &sum.age_unknown : ages[age < 90 ? age / 10 : 9]);
    }
    return sum;
}

static void document_print_of(const access *sum, int64_t batch_ms, buffer *out)
{
    char start[25], end[25], now[25];
    iso_print(sum->window_start, start);
    iso_print(sum->window_end, end);
    iso_print(batch_ms, now);
    buffer_print(out, "{\"_id\":\"%s\",\"@timestamp\":\"%s\",\"window_start\":\"%s\",\"window_end\":\"%s\"",
                 end, now, start, end);
#define PRINT(type, member) buffer_print(out, ",\"" #member "\":%lld", (long long)sum->member);
    COUNTS(PRINT)
    buffer_text(out, "}\n");
}

static void check(sl_test *test, const recount *recount)
{
    static int64_t ends[RECOUNT_ENDS_MAX];
    buffer wanted = { 0 }, last = { 0 };
    size_t count = recount_ends(recount, ends);
    for (size_t i = 0; i < count; i++) {
        access sum = recounted(recount, ends[i]);
        document_print_of(&sum, recount->time_ms, &wanted);
        last.size = 0;
        document_print_of(&sum, recount->time_ms, &last);
    }
    lines_sort(&wanted);
    buffer_byte(&wanted, '\0');
    buffer_byte(&last, '\0');
    assert_string_equal(sl_test_wrote(test, "windows"), wanted.at);
    assert_string_equal(sl_test_wrote(test, "latest"), last.at);
    buffer_done(&wanted);
    buffer_done(&last);
}

static void run(uint64_t seed, const char *arguments, recount recount, size_t most)
{
    dice dice = { seed };
    sl_test *test = sl_test_open(&job, arguments);
    customers_make(test);
    recount.keys = 1;
    history.size = 0;
    for (int batch = 0; batch < 60; batch++) {
        if (dice_below(&dice, 6) == 0) {
            int64_t pause = (int64_t)dice_below(&dice, (size_t)recount.length_ms * 2);
            sl_test_pass(test, pause);
            recount_pass(&recount, pause);
        }
        recount_batch(&recount);
        for (size_t left = dice_below(&dice, 3) ? dice_below(&dice, most) : 0; left; left--) {
            listen one = { recount.time_ms, dice_below(&dice, CUSTOMERS), dice_below(&dice, TRACKS),
                           dice_below(&dice, 3) == 0 };
            buffer_append(&history, &one, sizeof one);
            listen_send(test, &one, &dice);
        }
        sl_test_batch(test);
        check(test, &recount);
    }
    sl_test_close(test);
    recount_done(&recount);
}

static void every_window_that_ends_is_told_with_what_was_in_it(void **state)
{
    (void)state;
    run(1, "--interval 1s --window 6s --slide 2s --pane 1s",
        (recount){ .interval_ms = 1000, .length_ms = 6000, .slide_ms = 2000, .pane_ms = 1000 }, 30);
    run(2, "--interval 700ms --window 9s --slide 1s --pane 3s",
        (recount){ .interval_ms = 700, .length_ms = 9000, .slide_ms = 1000, .pane_ms = 3000 }, 30);
    run(3, "--interval 2s --window 30min --cores 3",
        (recount){ .interval_ms = 2000, .length_ms = 1800000, .slide_ms = 300000, .pane_ms = 1000 }, 3000);
    buffer_done(&history);
}

static void a_window_in_which_nobody_listens_is_told_with_zeros(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --window 2s --slide 1s --pane 1s");
    sl_test_batch(test);
    assert_non_null(
        strstr(sl_test_wrote(test, "windows"), "\"window_end\":\"1970-01-01T00:00:01.000Z\",\"plays\":0,"));
    sl_test_send(test, "lines", "0,9,56,\"2014-10-23 03:26:20\",1,\"72132\"");
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "latest"),
                           "\"plays\":1,\"customers\":1,\"tracks\":1,\"mobile_plays\":1,"));
    sl_test_batch(test);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "latest"),
                           "\"plays\":0,\"customers\":0,\"tracks\":0,\"mobile_plays\":0,"));
    sl_test_close(test);
}

/* Names and their order as dashboards have them, not as the job's description has. */
static void a_window_is_a_document_of_these_fields(void **state)
{
    (void)state;
    static const char wanted[] =
        "{\"_id\":\"1970-01-01T00:00:01.000Z\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\","
        "\"window_start\":\"1969-12-31T23:59:59.000Z\",\"window_end\":\"1970-01-01T00:00:01.000Z\","
        "\"plays\":3,\"customers\":2,\"tracks\":1,\"mobile_plays\":2,\"gender_0\":2,\"gender_1\":0,"
        "\"gender_unknown\":1,\"age_0\":0,\"age_10\":0,\"age_20\":2,\"age_30\":0,\"age_40\":0,\"age_50\":0,"
        "\"age_60\":0,\"age_70\":0,\"age_80\":0,\"age_90\":0,\"age_unknown\":1}\n";
    sl_test *test = sl_test_open(&job, "--interval 1s --window 2s --slide 1s --pane 1s");
    sl_test_known(test, "customers", "9", "{\"gender\":\"0\",\"age\":\"29\"}");
    sl_test_send(test, "lines", "0,9,56,\"2014-10-23 03:26:20\",1,\"72132\"");
    sl_test_send(test, "lines", "1,8,56,\"2014-10-23 03:26:20\",1,\"72132\"");
    sl_test_send(test, "lines", "2,9,56,\"2014-10-23 03:26:20\",0,\"72132\"");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "windows"), wanted);
    assert_string_equal(sl_test_wrote(test, "latest"), wanted);
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_window_that_ends_is_told_with_what_was_in_it),
        cmocka_unit_test(a_window_is_a_document_of_these_fields),
        cmocka_unit_test(a_window_in_which_nobody_listens_is_told_with_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
