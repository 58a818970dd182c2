/*
 * tests/jobs/profiles.c - customers' profiles on a manual clock: parts of the day, favourites, distinct tracks and days, who
 * is written when, and who is forgotten.
 */
#include "../../jobs/profiles.c"
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void send(sl_test *test, const char *customer, const char *track, const char *datetime, int mobile)
{
    char line[200];
    snprintf(line, sizeof line, "0,%s,%s,\"%s\",%d,\"72132\"", customer, track, datetime, mobile);
    sl_test_send(test, "lines", line);
}

static void a_profile_tells_all_listens_so_far(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    send(test, "48", "453", "2014-10-23 04:59:59", 0);
    send(test, "48", "453", "2014-10-23 22:00:00", 1);
    send(test, "48", "19", "2014-10-24 05:00:00", 1);
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "profiles"),
        "{\"_id\":\"48\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"customer_id\":\"48\",\"plays\":3,"
        "\"mobile_plays\":2,\"unique_tracks\":2,\"morning\":1,\"afternoon\":0,\"evening\":0,\"night\":2,"
        "\"favourite\":\"night\",\"active_days\":2,\"morning_avg\":0.5,\"afternoon_avg\":0,"
        "\"evening_avg\":0,\"night_avg\":1,\"since\":\"2014-10-23T04:59:59.000Z\"}\n");
    send(test, "48", "19", "2014-10-24 11:59:59", 0); /* as many as at night now: morning comes first */
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "profiles"),
        "{\"_id\":\"48\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"customer_id\":\"48\",\"plays\":4,"
        "\"mobile_plays\":2,\"unique_tracks\":2,\"morning\":2,\"afternoon\":0,\"evening\":0,\"night\":2,"
        "\"favourite\":\"morning\",\"active_days\":2,\"morning_avg\":1,\"afternoon_avg\":0,"
        "\"evening_avg\":0,\"night_avg\":1,\"since\":\"2014-10-23T04:59:59.000Z\"}\n");
    sl_test_close(test);
}

static void only_customers_of_the_batch_are_written(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    send(test, "1", "7", "2014-10-23 12:00:00", 0);
    send(test, "2", "7", "2014-10-23 17:00:00", 0);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "profiles"), "\"customer_id\":\"1\",\"plays\":1,"));
    assert_non_null(strstr(sl_test_wrote(test, "profiles"), "\"favourite\":\"evening\""));
    send(test, "2", "7", "no date", 0);
    send(test, "2", "8", "2014-10-23 21:59:59", 0);
    sl_test_batch(test);
    assert_null(strstr(sl_test_wrote(test, "profiles"), "\"customer_id\":\"1\""));
    assert_non_null(strstr(sl_test_wrote(test, "profiles"),
                           "\"customer_id\":\"2\",\"plays\":2,\"mobile_plays\":0,\"unique_tracks\":2,"));
    assert_int_equal(sl_test_account(test)->dead_letters, 1);
    assert_int_equal(sl_test_account(test)->written, 1);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "profiles"), "");
    sl_test_close(test);
}

static void who_was_idle_too_long_starts_anew(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --profile-timeout 3s");
    send(test, "9", "1", "2014-10-23 12:00:00", 0);
    sl_test_batch(test);
    sl_test_batch(test);
    send(test, "9", "1", "2014-10-23 13:00:00", 0); /* idle for 2 s */
    sl_test_batch(test);
    assert_non_null(
        strstr(sl_test_wrote(test, "profiles"), "\"plays\":2,\"mobile_plays\":0,\"unique_tracks\":1,"));
    sl_test_batch(test);
    sl_test_batch(test);
    send(test, "9", "1", "2014-10-25 08:00:00", 0); /* for 3 s */
    sl_test_batch(test);
    const char *wrote = sl_test_wrote(test, "profiles");
    assert_non_null(
        strstr(wrote, "\"plays\":1,\"mobile_plays\":0,\"unique_tracks\":1,\"morning\":1,\"afternoon\":0,"));
    assert_non_null(strstr(wrote, "\"active_days\":1,"));
    assert_non_null(strstr(wrote, "\"since\":\"2014-10-25T08:00:00.000Z\""));
    sl_test_close(test);
}

/* Against the C library, over all days of a leap cycle and some odd years. */
static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const int years[] = { 1, 4, 100, 400, 1600, 1899, 1969, 1970, 2000, 2014, 2015, 2016, 2100, 9999 };
    for (size_t y = 0; y < sizeof years / sizeof *years; y++)
        for (unsigned month = 1; month <= 12; month++)
            for (unsigned day = 1; day <= sl_days_of_month((unsigned)years[y], month); day++) {
                char text[64];
                struct tm date = { .tm_year = years[y] - 1900,
                                   .tm_mon = (int)month - 1,
                                   .tm_mday = (int)day,
                                   .tm_hour = (int)(day % 24),
                                   .tm_min = (int)month,
                                   .tm_sec = 59 };
                snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:59", years[y], month, day, date.tm_hour,
                         date.tm_min);
                assert_int_equal(datetime_ms((sl_text){ text, 19 }), (int64_t)timegm(&date) * 1000);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_tells_all_listens_so_far),
        cmocka_unit_test(only_customers_of_the_batch_are_written),
        cmocka_unit_test(who_was_idle_too_long_starts_anew),
        cmocka_unit_test(dates_are_those_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
