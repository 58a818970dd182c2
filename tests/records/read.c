/*
 * tests/records/read.c - records read by their description: every kind from CSV and from JSON, what is missing, what is wrong
 * and how it is told. Good values are drawn, printed here by plain means, and read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <inttypes.h>
#include <math.h>
#include <plan/task.h>
#include <pthread.h>
#include <sluice/records.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define OTHER_FIELDS(F) F(text, name)
SL_RECORD(other, OTHER_FIELDS);

#define SAMPLE_FIELDS(F)                                                                                     \
    F(origin, origin)                                                                                        \
    F(text, word)                                                                                            \
    F(i32, small)                                                                                            \
    F(i64, big, "Big One")                                                                                   \
    F(link(other), other)                                                                                    \
    F(f64, share)                                                                                            \
    F(flag, is)                                                                                              \
    F(time, at)                                                                                              \
    F(maybe_i64, perhaps)
SL_RECORD(sample, SAMPLE_FIELDS);

typedef bool reads(sl_task *task, const sl_message *in, const sl_schema *schema, void *row);

typedef struct outcome {
    bool read;
    sample row;
    char told[200]; /* "reason|detail" of a rejected line */
    arena memory;   /* of the texts */
} outcome;

static outcome read_of(reads *read, const char *text, size_t size)
{
    outcome outcome = { 0 };
    struct sl_task task = { 0 };
    sl_message message = { .origin = { 77, 5000, 3 }, .value = { text, size } };
    char *copy =
        malloc(size + 64); /* vector code may look past it, and nothing may be read of what is there */
    if (text) {
        memcpy(copy, text, size);
        memset(copy + size, '"', 64);
        message.value.at = copy;
    }
    outcome.read = read(&task, &message, sample_schema(), &outcome.row);
    if (task.rejects.size) {
        const reject *rejected = (const void *)task.rejects.at;
        assert_int_equal(task.rejects.size, sizeof *rejected);
        snprintf(outcome.told, sizeof outcome.told, "%s|%s", rejected->reason, rejected->detail);
    }
    assert_true(outcome.read == (task.rejects.size == 0));
    if (outcome.read && outcome.row.word.at) /* it may lie in the message */
        outcome.row.word.at = arena_copy(&task.memory, outcome.row.word.at, outcome.row.word.size);
    outcome.memory = task.memory;
    buffer_done(&task.rejects);
    free(copy);
    return outcome;
}

static void assert_row(reads *read, const char *text, const sample *expected)
{
    outcome got = read_of(read, text, strlen(text));
    if (!got.read)
        fail_msg("%s: %s", text, got.told);
    assert_true((got.row.word.at == NULL) == (expected->word.at == NULL));
    assert_true(sl_text_equal(got.row.word, expected->word));
    assert_int_equal(got.row.small, expected->small);
    assert_int_equal(got.row.big, expected->big);
    assert_true(got.row.share == expected->share);
    assert_int_equal(got.row.is, expected->is);
    assert_int_equal(got.row.at, expected->at);
    assert_int_equal(got.row.perhaps.known, expected->perhaps.known);
    assert_int_equal(got.row.perhaps.value, expected->perhaps.value);
    assert_int_equal(got.row.origin.offset, 77);
    assert_int_equal(got.row.origin.partition, 3);
    assert_null(got.row.other);
    arena_done(&got.memory);
}

static void assert_told(reads *read, const char *text, const char *told)
{
    outcome got = read_of(read, text, text ? strlen(text) : 0);
    assert_false(got.read);
    assert_string_equal(got.told, told);
    arena_done(&got.memory);
}

static void fields_of_a_line_go_to_the_record_in_order(void **state)
{
    (void)state;
    assert_row(sl_csv_read,
               "\"say \"\"ho\"\", ho\",-7, 9007199254740993 ,0.25,true,2026-11-23T10:00:00.123Z,12\n",
               &(sample){ .word = SL_TEXT("say \"ho\", ho"),
                          .small = -7,
                          .big = 9007199254740993,
                          .share = 0.25,
                          .is = true,
                          .at = 1795428000123,
                          .perhaps = { 12, true } });
    assert_row(sl_csv_read, ",2147483647,-1,-1e3,0,1970-01-01T00:00:00Z,",
               &(sample){ .word = SL_TEXT(""), .small = INT32_MAX, .big = -1, .share = -1000 });
}

static void members_of_an_object_go_to_the_record_by_name(void **state)
{
    (void)state;
    assert_row(
        sl_json_read,
        " {\"perhaps\":12,\"at\":\"2026-11-23T10:00:00.123Z\",\"is\":true,\"share\":0.25,\"unknown\":[1,{}],"
        "\"Big One\":9007199254740993,\"small\":-7,\"word\":\"say \\\"ho\\\", \\u00e4\\n\"}\r\n",
        &(sample){ .word = SL_TEXT("say \"ho\", ä\n"),
                   .small = -7,
                   .big = 9007199254740993,
                   .share = 0.25,
                   .is = true,
                   .at = 1795428000123,
                   .perhaps = { 12, true } });
    assert_row(
        sl_json_read,
        "{\"word\":null,\"small\":-2147483648,\"Big One\":9223372036854775807,\"share\":3,\"is\":false,"
        "\"at\":1795428000123,\"perhaps\":null}",
        &(sample){ .small = INT32_MIN, .big = INT64_MAX, .share = 3, .at = 1795428000123 });
    assert_row(sl_json_read, "{\"small\":0,\"Big One\":1,\"Big One\":2,\"share\":0,\"is\":false,\"at\":0}",
               &(sample){ .big = 2 }); /* the last one counts */
}

static void a_wrong_line_is_told_with_field_and_value(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } rows[] = {
        { NULL, "null_value|line" },
        { "a,1,2,3,0", "field_count|line" },
        { "a\"b,1,2,3,0,1970-01-01T00:00:00Z,", "bad_quote|line" },
        { "\xff,1,2,3,0,1970-01-01T00:00:00Z,", "not_utf8|line" },
        { "w,many,2,3,0,1970-01-01T00:00:00Z,", "bad_number|small: many" },
        { "w,2147483648,2,3,0,1970-01-01T00:00:00Z,", "bad_number|small: 2147483648" },
        { "w,1,9223372036854775808,3,0,1970-01-01T00:00:00Z,", "bad_number|Big One: 9223372036854775808" },
        { "w,1, ,3,0,1970-01-01T00:00:00Z,", "missing_field|Big One:  " },
        { "w,1,2,nan,0,1970-01-01T00:00:00Z,", "bad_number|share: nan" },
        { "w,1,2,3,yes,1970-01-01T00:00:00Z,", "bad_flag|is: yes" },
        { "w,1,2,3,0,yesterday,", "bad_time|at: yesterday" },
        { "w,1,2,3,0,2014-02-30T00:00:00Z,", "bad_time|at: 2014-02-30T00:00:00Z" },
        { "w,1,2,3,0,1970-01-01T00:00:00Z,x", "bad_number|perhaps: x" },
        { "w,1,2,3,0,1970-01-01T00:00:00Z,"
          "012345678901234567890123456789012345678901234567890123456789",
          "bad_number|perhaps: 012345678901234567890123456789012345678901234567890123456789" },
        { "w,1,2,3,0,1970-01-01T00:00:00Z,"
          "01234567890123456789012345678901234567890123456789012345678\xc3\xa4z", /* not cut within a character */
          "bad_number|perhaps: 01234567890123456789012345678901234567890123456789012345678..." },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_told(sl_csv_read, rows[i].line, rows[i].told);
}

#define REST "\"Big One\":2,\"share\":3,\"is\":true,\"at\":0}"

static void a_wrong_object_is_told_with_field_and_value(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } rows[] = {
        { NULL, "null_value|value" },
        { "{\"small\":\"1\"," REST, "bad_number|small: \"1\"" },
        { "{\"small\":1.0," REST, "bad_number|small: 1.0" },
        { "{\"small\":2147483648," REST, "bad_number|small: 2147483648" },
        { "{\"small\":null," REST, "missing_field|small: null" },
        { "{" REST, "missing_field|small: null" },
        { "{\"small\":1,\"word\":5," REST, "bad_text|word: 5" },
        { "{\"small\":1,\"word\":{\"a\":[1]}," REST, "bad_text|word: {\"a\":[1]}" },
        { "{\"small\":1,\"perhaps\":true," REST, "bad_number|perhaps: true" },
        { "{\"small\":1,\"Big One\":9223372036854775808,\"share\":3,\"is\":true,\"at\":0}",
          "bad_number|Big One: 9223372036854775808" },
        { "{\"small\":1,\"Big One\":2,\"share\":\"3\",\"is\":true,\"at\":0}", "bad_number|share: \"3\"" },
        { "{\"small\":1,\"Big One\":2,\"share\":3,\"is\":1,\"at\":0}", "bad_flag|is: 1" },
        { "{\"small\":1,\"Big One\":2,\"share\":3,\"is\":true,\"at\":\"now\"}", "bad_time|at: \"now\"" },
        { "{\"small\":1,\"Big One\":2,\"share\":3,\"is\":true,\"at\":1.5}", "bad_time|at: 1.5" },
    };
    static const char *const bad[] = {
        "", " ", "[1]", "7", "null", "{\"small\":1", "{} {}", "{}x", "{\"a\":1,}", "{\"word\":\"\xff\"}"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_told(sl_json_read, rows[i].text, rows[i].told);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        outcome got = read_of(sl_json_read, bad[i], strlen(bad[i]));
        assert_false(got.read);
        if (strncmp(got.told, "bad_json|", 9) != 0)
            fail_msg("%s: %s", bad[i], got.told);
        arena_done(&got.memory);
    }
}

static void drawn_and_read_back(dice *dice)
{
    static const char *const words[] = { "", "a", "Dvořák", "x y", "comma, here", "'", "0" };
    char line[400], object[400];
    sample row = { .word = { words[dice_below(dice, 7)], 0 }, .small = (int32_t)dice_next(dice) };
    row.word.size = strlen(row.word.at);
    row.big = (int64_t)dice_next(dice) >> dice_below(dice, 64);
    row.share = (double)(int64_t)dice_next(dice) / (double)(1 + dice_below(dice, 1000));
    row.is = dice_below(dice, 2);
    row.at = (int64_t)dice_below(dice, 1000000000) * 1000;
    row.perhaps = (sl_maybe_i64){ 0, dice_below(dice, 2) };
    row.perhaps.value = row.perhaps.known ? row.big : 0;
    time_t seconds = row.at / 1000;
    struct tm date;
    char time[40], maybe[40] = "";
    gmtime_r(&seconds, &date);
    strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &date);
    if (row.perhaps.known)
        snprintf(maybe, sizeof maybe, "%" PRId64, row.big);
    snprintf(line, sizeof line, "\"%s\",%" PRId32 ",%" PRId64 ",%.17g,%s,%s,%s", row.word.at, row.small,
             row.big, row.share, row.is ? "true" : "0", time, maybe);
    snprintf(object, sizeof object,
             "{\"at\":\"%s\",\"word\":\"%s\",\"small\":%" PRId32 ",\"Big One\":%" PRId64
             ",\"share\":%.17g,\"is\":%s,\"perhaps\":%s}",
             time, row.word.at, row.small, row.big, row.share, row.is ? "true" : "false",
             row.perhaps.known ? maybe : "null");
    assert_row(sl_csv_read, line, &row);
    assert_row(sl_json_read, object, &row);
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    dice dice = { 5 };
    for (int i = 0; i < 5000; i++)
        drawn_and_read_back(&dice);
}

static void *many_read(void *argument)
{
    dice dice = { (uint64_t)(uintptr_t)argument };
    for (int i = 0; i < 1000; i++)
        drawn_and_read_back(&dice);
    return NULL;
}

static void several_workers_read_at_once(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, many_read, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_a_line_go_to_the_record_in_order),
        cmocka_unit_test(members_of_an_object_go_to_the_record_by_name),
        cmocka_unit_test(a_wrong_line_is_told_with_field_and_value),
        cmocka_unit_test(a_wrong_object_is_told_with_field_and_value),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(several_workers_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
