/*
 * tests/base/settings_parse.c - single values: what is taken, what is refused, and in which words.
 */
#include <base/settings_rows.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

typedef struct number_case {
    const char *text;
    int64_t value;
} number_case;

static void durations_are_numbers_with_units(void **unused)
{
    (void)unused;
    static const number_case cases[] = { { "250ms", 250 },
                                         { "2s", 2000 },
                                         { "5min", 300000 },
                                         { "5m", 300000 },
                                         { "30h", 108000000 },
                                         { "1d", 86400000 },
                                         { "0s", 0 },
                                         { "007s", 7000 },
                                         { "2 s", 2000 },
                                         { "2S", 2000 },
                                         { "106751991167d", 106751991167 * 86400000 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failure failure = { 0 };
        int64_t ms = -1;
        assert_int_equal(duration_parse(cases[i].text, &ms, &failure), SL_OK);
        assert_int_equal(ms, cases[i].value);
    }
}

static void a_bare_number_is_no_duration(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    int64_t ms = 77;
    assert_int_equal(duration_parse("2", &ms, &failure), SL_USAGE);
    assert_string_equal(failure.text, "\"2\" has no unit: write 2ms, 2s, 2min, 2h or 2d");
    failure_clear(&failure);
    assert_int_equal(duration_parse("0", &ms, &failure), SL_USAGE);
    assert_int_equal(ms, 77);
}

static void what_is_no_duration_is_refused_with_an_example(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "",
                                         "s",
                                         "-2s",
                                         "+2s",
                                         " 2s",
                                         "2s ",
                                         "2.5s",
                                         "2sec",
                                         "2 ",
                                         "2x",
                                         "2ss",
                                         "1h30m",
                                         "0x2s",
                                         "1e3s",
                                         "106751991168d",
                                         "9223372036854775808ms",
                                         "99999999999999999999ms" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure failure = { 0 };
        int64_t ms = 77;
        assert_int_equal(duration_parse(wrong[i], &ms, &failure), SL_USAGE);
        assert_non_null(strstr(failure.text, "5min"));
        assert_int_equal(ms, 77);
    }
}

static void sizes_are_powers_of_1024_in_any_spelling(void **unused)
{
    (void)unused;
    static const number_case cases[] = {
        { "0", 0 },          { "4096", 4096 },   { "64k", 65536 },     { "64K", 65536 },
        { "64kb", 65536 },   { "64KiB", 65536 }, { "128mb", 1 << 27 }, { "128 MB", 1 << 27 },
        { "128M", 1 << 27 }, { "1g", 1 << 30 },  { "1Gb", 1 << 30 },   { "2t", (int64_t)1 << 41 },
        { "12b", 12 }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failure failure = { 0 };
        size_t bytes = 77;
        assert_int_equal(bytes_parse(cases[i].text, &bytes, &failure), SL_OK);
        assert_int_equal(bytes, cases[i].value);
    }
}

static void what_is_no_size_is_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "",   "k",     "-1",       "1.5g",
                                         "1p", "1 k b", "8388608t", "9223372036854775808" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure failure = { 0 };
        size_t bytes = 77;
        assert_int_equal(bytes_parse(wrong[i], &bytes, &failure), SL_USAGE);
        assert_non_null(strstr(failure.text, "128mb"));
        assert_int_equal(bytes, 77);
    }
}

static void times_are_those_of_the_calendar(void **unused)
{
    (void)unused;
    for (int64_t ms = -62135596800000; ms < 250000000000000; ms += 86399997 * 11 + 54321) {
        char text[64];
        failure failure = { 0 };
        int64_t parsed = 0;
        struct tm parts;
        int64_t of_second = (ms % 1000 + 1000) % 1000;
        time_t seconds = (time_t)((ms - of_second) / 1000);
        gmtime_r(&seconds, &parts);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)of_second);
        assert_int_equal(time_parse(text, &parsed, &failure), SL_OK);
        assert_int_equal(parsed, ms);
    }
}

static void a_time_may_have_a_fraction_of_any_length(void **unused)
{
    (void)unused;
    static const number_case cases[] = { { "2026-11-23T10:00:00Z", 1795428000000 },
                                         { "2026-11-23T10:00:00.5Z", 1795428000500 },
                                         { "2026-11-23T10:00:00.123456789Z", 1795428000123 },
                                         { "2026-11-23T10:00:00.0009Z", 1795428000000 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failure failure = { 0 };
        int64_t ms = 0;
        assert_int_equal(time_parse(cases[i].text, &ms, &failure), SL_OK);
        assert_int_equal(ms, cases[i].value);
    }
}

static void what_is_no_utc_time_is_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "",
                                         "Z",
                                         "2026-11-23",
                                         "2026-11-23T10:00:00",
                                         "2026-11-23 10:00:00Z",
                                         "2026-11-23T10:00:00.Z",
                                         "2026-11-23T10:00:00,5Z",
                                         "2026-11-23T10:00:00+01:00",
                                         "2026-11-23T10:00:00Zx",
                                         "2026-02-29T10:00:00Z",
                                         "2026-11-23T24:00:00Z",
                                         "2026-11-23T10:00Z",
                                         "20261123T100000Z" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure failure = { 0 };
        int64_t ms = 77;
        assert_int_equal(time_parse(wrong[i], &ms, &failure), SL_USAGE);
        assert_int_equal(ms, 77);
    }
}

static void the_nearest_word_is_the_one_that_was_meant(void **unused)
{
    (void)unused;
    static const char *const words[] = { "--interval", "--cores", "--work-dir",
                                         "--to",       "--from",  "--from-offsets" };
    static const char *const cases[][2] = {
        { "--intervall", "--interval" },      { "--intreval", "--interval" },
        { "--INTERVAL", "--interval" },       { "--core", "--cores" },
        { "--workdir", "--work-dir" },        { "--form", "--from" },
        { "--from-offset", "--from-offsets" }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(nearest_word(cases[i][0], words, 6), cases[i][1]);
    assert_null(nearest_word("--verbose", words, 6));
    assert_null(nearest_word("", words, 6));
    assert_null(nearest_word("--interval", words, 0));
}

static void a_word_that_is_far_too_long_is_near_nothing(void **unused)
{
    (void)unused;
    char long_word[200];
    const char *const words[] = { long_word, "x" };
    memset(long_word, 'a', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_null(nearest_word(long_word, words, 2));
}

static void refuse(const setting *row, const char *value, const char *expected)
{
    failure failure = { 0 };
    setting_number number = { .i64 = 77 };
    assert_int_equal(value_check(row, value, &number, &failure), SL_USAGE);
    assert_string_equal(failure.text, expected);
    assert_int_equal(number.i64, 77);
}

static void a_value_out_of_range_is_told_the_nearest_that_is_allowed(void **unused)
{
    (void)unused;
    static const setting cores = { "cores", NULL, SETTING_I64, NULL, "1", "64", NULL, NULL };
    static const setting interval = { "interval", NULL, SETTING_DURATION, NULL, "1ms", NULL, NULL, NULL };
    static const setting memory = { "memory", NULL, SETTING_SIZE, NULL, NULL, "1g", NULL, NULL };
    static const setting skew = { "skew", NULL, SETTING_F64, NULL, "0", "4.5", NULL, NULL };
    refuse(&cores, "0", "0 is less than allowed; the nearest that is allowed is 1 (1 to 64)");
    refuse(&cores, "-9223372036854775807",
           "-9223372036854775807 is less than allowed; the nearest that is allowed is 1 (1 to 64)");
    refuse(&cores, "65", "65 is more than allowed; the nearest that is allowed is 64 (1 to 64)");
    refuse(&cores, "two", "\"two\" is no whole number (1 to 64)");
    refuse(&cores, "9223372036854775808", "\"9223372036854775808\" is no whole number (1 to 64)");
    refuse(&interval, "0s", "0s is less than allowed; the nearest that is allowed is 1ms (at least 1ms)");
    refuse(&memory, "1025mb", "1025mb is more than allowed; the nearest that is allowed is 1g (at most 1g)");
    refuse(&skew, "4.6", "4.6 is more than allowed; the nearest that is allowed is 4.5 (0 to 4.5)");
}

static void numbers_that_only_c_knows_are_refused(void **unused)
{
    (void)unused;
    static const setting skew = { "skew", NULL, SETTING_F64, NULL, NULL, NULL, NULL, NULL };
    static const char *const wrong[] = { "", "nan", "inf", "0x10", "1e999", "1,5", " 1", "1 " };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure failure = { 0 };
        setting_number number = { 0 };
        assert_int_equal(value_check(&skew, wrong[i], &number, &failure), SL_USAGE);
    }
    failure failure = { 0 };
    setting_number number = { 0 };
    assert_int_equal(value_check(&skew, "-1.25e2", &number, &failure), SL_OK);
    assert_true(number.f64 >= -125 && number.f64 <= -125);
}

static void a_choice_that_is_none_is_told_the_nearest(void **unused)
{
    (void)unused;
    static const setting format = { "format", NULL, SETTING_CHOICE, NULL, "text|json", NULL, NULL, NULL };
    failure failure = { 0 };
    setting_number number = { .i64 = 77 };
    assert_int_equal(value_check(&format, "json", &number, &failure), SL_OK);
    assert_int_equal(value_check(&format, "text", &number, &failure), SL_OK);
    refuse(&format, "jason", "\"jason\" is none of text|json; did you mean json?");
    refuse(&format, "binary", "\"binary\" is none of text|json");
    refuse(&format, "", "\"\" is none of text|json");
    refuse(&format, "text|json", "\"text|json\" is none of text|json");
}

static void a_flag_is_true_or_false(void **unused)
{
    (void)unused;
    static const setting flag = { "flag", NULL, SETTING_FLAG, NULL, NULL, NULL, NULL, NULL };
    failure failure = { 0 };
    setting_number number = { 0 };
    assert_int_equal(value_check(&flag, "true", &number, &failure), SL_OK);
    assert_int_equal(number.i64, 1);
    assert_int_equal(value_check(&flag, "false", &number, &failure), SL_OK);
    assert_int_equal(number.i64, 0);
    refuse(&flag, "yes", "\"yes\" is neither true nor false");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_numbers_with_units),
        cmocka_unit_test(a_bare_number_is_no_duration),
        cmocka_unit_test(what_is_no_duration_is_refused_with_an_example),
        cmocka_unit_test(sizes_are_powers_of_1024_in_any_spelling),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(times_are_those_of_the_calendar),
        cmocka_unit_test(a_time_may_have_a_fraction_of_any_length),
        cmocka_unit_test(what_is_no_utc_time_is_refused),
        cmocka_unit_test(the_nearest_word_is_the_one_that_was_meant),
        cmocka_unit_test(a_word_that_is_far_too_long_is_near_nothing),
        cmocka_unit_test(a_value_out_of_range_is_told_the_nearest_that_is_allowed),
        cmocka_unit_test(numbers_that_only_c_knows_are_refused),
        cmocka_unit_test(a_choice_that_is_none_is_told_the_nearest),
        cmocka_unit_test(a_flag_is_true_or_false),
    };
    return cmocka_run_group_tests_name("base/settings_parse", tests, NULL, NULL);
}
