/*
 * tests/jobs/import_customers.c - rows of cust.csv as customers, and what becomes of bad ones.
 */
#include "../../jobs/import_customers.c"

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

#include <unistd.h>

static const char header[] = "CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps";
static const char paula[] = "2,\"Paula Peltier\",0,\"10084 Easy Gate Bend\",\"66216\",\"01/13/2013\",1,0,4,1";

typedef struct outcome {
    bool taken;
    char reason[32], detail[32]; /* of a rejected row */
    imported row;
} outcome;

/* Texts in the row lie in `line`, which stays. */
static outcome read_row(const options *set, const char *line, int64_t offset)
{
    outcome outcome = { 0 };
    batch_frame frame = { .options = set };
    struct sl_task task = { .batch = &frame };
    sl_message message = { .origin = { .offset = offset }, .value = { line, strlen(line) } };
    int error = dup(STDERR_FILENO);
    FILE *nowhere = fopen("/dev/null", "w");
    dup2(fileno(nowhere), STDERR_FILENO); /* what it tells of bad rows */
    outcome.taken = read_customer(&task, &message, &outcome.row);
    dup2(error, STDERR_FILENO);
    close(error);
    fclose(nowhere);
    if (task.rejects.size) {
        const reject *rejected = (const void *)task.rejects.at;
        snprintf(outcome.reason, sizeof outcome.reason, "%s", rejected->reason);
        snprintf(outcome.detail, sizeof outcome.detail, "%s", rejected->detail);
    }
    buffer_done(&task.rejects);
    arena_done(&task.memory);
    return outcome;
}

static void text_is(sl_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.at, expected, text.size);
}

static void a_row_fills_all_fields(void **state)
{
    (void)state;
    outcome outcome = read_row(&(options){ .seed = 1 }, paula, 300);
    assert_true(outcome.taken);
    text_is(outcome.row.id, "2");
    text_is(outcome.row.name, "Paula Peltier");
    text_is(outcome.row.gender, "0");
    text_is(outcome.row.address, "10084 Easy Gate Bend");
    text_is(outcome.row.zip, "66216");
    text_is(outcome.row.sign_date, "01/13/2013");
    text_is(outcome.row.status, "1");
    text_is(outcome.row.level, "0");
    text_is(outcome.row.campaign, "4");
    text_is(outcome.row.linked_with_apps, "1");
}

static void the_hash_has_the_ten_names_that_readers_know(void **state)
{
    (void)state;
    static const char *const names[] = { "name",     "gender", "age",   "zip",      "Address",
                                         "SignDate", "Status", "Level", "Campaign", "LinkedWithApps" };
    const sl_schema *schema = imported_schema();
    assert_int_equal(schema->count, 12);
    for (size_t i = 0; i < 10; i++) {
        bool found = false;
        for (size_t k = 2; k < schema->count; k++)
            found = found || strcmp(schema->fields[k].name, names[i]) == 0;
        assert_true(found);
    }
}

static void the_header_is_no_customer_and_the_row_behind_it_is_the_first(void **state)
{
    (void)state;
    outcome outcome = read_row(&(options){ .seed = 1 }, header, 0);
    assert_false(outcome.taken);
    assert_string_equal(outcome.reason, "");
    outcome =
        read_row(&(options){ .seed = 1 }, "0,\"Gregory Koval\",0,\"x\",\"72132\",\"06/04/2013\",1,1,1,0", 78);
    assert_true(outcome.taken);
    text_is(outcome.row.id, "0");
}

static void a_file_without_a_header_loses_no_row(void **state)
{
    (void)state;
    assert_true(read_row(&(options){ .seed = 1 }, paula, 0).taken);
}

static void a_strange_header_is_told(void **state)
{
    (void)state;
    outcome outcome =
        read_row(&(options){ .seed = 1 },
                 "CustID,Gender,Name,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps", 0);
    assert_false(outcome.taken);
    assert_string_equal(outcome.reason, "bad_header");
}

static void bad_rows_are_rejected_with_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason, *detail;
    } rows[] = {
        { "", "field_count", "line" },
        { "1,a,0,b,c,d,1,1,1", "field_count", "line" },
        { "1,\"a\"b,0,b,c,d,1,1,1,0", "bad_quote", "line" },
        { " ,a,0,b,c,d,1,1,1,0", "empty_field", "CustID" },
        { "12345678901234567890123456789012345678901234567890123456789012345,a,0,b,c,d,1,1,1,0", "too_long",
          "CustID" },
        { "1,\xff,0,b,c,d,1,1,1,0", "not_utf8", "line" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome outcome = read_row(&(options){ .seed = 1 }, rows[i].line, 100);
        assert_false(outcome.taken);
        assert_string_equal(outcome.reason, rows[i].reason);
        assert_string_equal(outcome.detail, rows[i].detail);
    }
}

static void ages_agree_between_imports_and_differ_between_seeds(void **state)
{
    (void)state;
    size_t different = 0;
    for (int i = 0; i < 1000; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        sl_text text = { id, strlen(id) };
        assert_int_equal(age_drawn(1, text), age_drawn(1, text));
        different += age_drawn(1, text) != age_drawn(2, text);
    }
    assert_true(different > 900);
}

static void decades_come_in_the_pipelines_shares(void **state)
{
    (void)state;
    enum { DRAWS = 120000 };
    static const int twelfths[7] = { 0, 1, 4, 3, 2, 1, 1 };
    int decades[7] = { 0 }, years[10] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        int64_t age = age_drawn(1, (sl_text){ id, strlen(id) });
        assert_true(age >= 10 && age <= 69);
        decades[age / 10]++;
        years[age % 10]++;
    }
    for (int i = 1; i < 7; i++)
        assert_true(abs(decades[i] - twelfths[i] * DRAWS / 12) < 1000);
    for (int i = 0; i < 10; i++)
        assert_true(abs(years[i] - DRAWS / 10) < 1000);
}

static void a_column_may_hold_the_age(void **state)
{
    (void)state;
    options eleventh = { .age_column = "Age" }, level = { .age_column = "Level" };
    char line[300];
    snprintf(line, sizeof line, "%s,41", paula);
    outcome outcome = read_row(&eleventh, line, 300);
    assert_true(outcome.taken);
    assert_int_equal(outcome.row.age, 41);
    snprintf(line, sizeof line, "%s,Age", header);
    assert_string_equal(read_row(&eleventh, line, 0).reason, "");
    snprintf(line, sizeof line, "%s,old", paula);
    outcome = read_row(&eleventh, line, 300);
    assert_string_equal(outcome.reason, "bad_number");
    assert_string_equal(outcome.detail, "age");
    assert_int_equal(read_row(&level, paula, 300).row.age, 0);
}

static void the_import_fails_unless_all_went_in(void **state)
{
    (void)state;
    int output = dup(STDOUT_FILENO);
    FILE *nowhere = fopen("/dev/null", "w");
    fflush(stdout);
    dup2(fileno(nowhere), STDOUT_FILENO);
    const char *all = summary(&(options){ 0 }, &(sl_totals){ 11, 10, 0, 0 }),
               *bad = summary(&(options){ 0 }, &(sl_totals){ 11, 9, 1, 0 }),
               *skipped = summary(&(options){ .skip_bad = true }, &(sl_totals){ 11, 9, 1, 0 });
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
    fclose(nowhere);
    assert_null(all);
    assert_non_null(bad);
    assert_null(skipped);
}

static void a_batch_has_its_customers_and_keeps_what_is_bad(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --age-column zip");
    sl_test_send(test, "customers", header);
    sl_test_send(test, "customers",
                 "2,\"Paula \"\"P\"\" Peltier\",0,\"1, Easy Gate\",\"66\",\"01/13/2013\",1,0,4,1\r");
    sl_test_send(test, "customers", "3,x");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "customers"),
        "{\"_id\":\"customers-0-1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"id\":\"2\","
        "\"name\":\"Paula \\\"P\\\" Peltier\",\"gender\":\"0\",\"age\":66,\"zip\":\"66\","
        "\"Address\":\"1, Easy Gate\",\"SignDate\":\"01/13/2013\",\"Status\":\"1\",\"Level\":\"0\","
        "\"Campaign\":\"4\",\"LinkedWithApps\":\"1\"}\n");
    assert_non_null(strstr(sl_test_wrote(test, "dead_letters"), "\"reason\":\"field_count\""));
    assert_int_equal(sl_test_account(test)->records, 3);
    assert_int_equal(sl_test_account(test)->written, 1);
    assert_int_equal(sl_test_account(test)->filtered, 1);
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_fills_all_fields),
        cmocka_unit_test(the_hash_has_the_ten_names_that_readers_know),
        cmocka_unit_test(the_header_is_no_customer_and_the_row_behind_it_is_the_first),
        cmocka_unit_test(a_file_without_a_header_loses_no_row),
        cmocka_unit_test(a_strange_header_is_told),
        cmocka_unit_test(bad_rows_are_rejected_with_their_reason),
        cmocka_unit_test(ages_agree_between_imports_and_differ_between_seeds),
        cmocka_unit_test(decades_come_in_the_pipelines_shares),
        cmocka_unit_test(a_column_may_hold_the_age),
        cmocka_unit_test(the_import_fails_unless_all_went_in),
        cmocka_unit_test(a_batch_has_its_customers_and_keeps_what_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
