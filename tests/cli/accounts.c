/*
 * tests/cli/accounts.c - the history's lines sorted out.
 */
#include <base/folder.h>
#include <cli/accounts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static accounts read_all(const char *older, const char *newer)
{
    accounts accounts = { 0 };
    failure failure = { 0 };
    if (older)
        folder_write("history.1.ndjson", older);
    if (newer)
        folder_write("history.ndjson", newer);
    assert_int_equal(accounts_read(folder_path(""), &accounts, &failure), SL_OK);
    return accounts;
}

static void line_is(const accounts *accounts, size_t i, const char *expected)
{
    assert_true(i < accounts->count);
    assert_int_equal(accounts->lines[i].size, strlen(expected));
    assert_memory_equal(accounts->lines[i].at, expected, strlen(expected));
}

static void each_batch_comes_once_with_its_last_attempt(void **state)
{
    (void)state;
    accounts accounts = read_all(NULL, "{\"batch_id\":1,\"attempt\":1,\"state\":\"failed\"}\n"
                                       "{\"batch_id\":1,\"attempt\":2,\"state\":\"completed\"}\n"
                                       "{\"batch_id\":2,\"attempt\":1,\"state\":\"completed\"}\n");
    assert_int_equal(accounts.count, 2);
    line_is(&accounts, 0, "{\"batch_id\":1,\"attempt\":2,\"state\":\"completed\"}");
    line_is(&accounts, 1, "{\"batch_id\":2,\"attempt\":1,\"state\":\"completed\"}");
    accounts_done(&accounts);
}

static void the_generation_before_comes_first(void **state)
{
    (void)state;
    accounts accounts = read_all("{\"batch_id\":9}\n{\"batch_id\":10}\n",
                                 "{\"batch_id\":10,\"again\":1}\n{\"batch_id\":11}\n");
    assert_int_equal(accounts.count, 3);
    line_is(&accounts, 0, "{\"batch_id\":9}");
    line_is(&accounts, 1, "{\"batch_id\":10,\"again\":1}");
    line_is(&accounts, 2, "{\"batch_id\":11}");
    accounts_done(&accounts);
}

static void a_torn_last_line_is_left_out(void **state)
{
    (void)state;
    accounts accounts = read_all(NULL, "{\"batch_id\":1}\n{\"batch_id\":2,\"rec");
    assert_int_equal(accounts.count, 1);
    accounts_done(&accounts);
}

static void a_line_torn_by_a_crash_and_overgrown_is_left_out(void **state)
{
    (void)state;
    accounts accounts = read_all(NULL, "{\"batch_id\":1}\n{\"batch_id\":2,\"rec\n{\"batch_id\":3}\n");
    assert_int_equal(accounts.count, 2);
    line_is(&accounts, 1, "{\"batch_id\":3}");
    accounts_done(&accounts);
}

static void no_history_is_no_accounts(void **state)
{
    (void)state;
    accounts accounts = read_all(NULL, NULL);
    assert_int_equal(accounts.count, 0);
    accounts_done(&accounts);
}

static void a_name_inside_a_text_is_not_taken_for_the_batch(void **state)
{
    (void)state;
    accounts accounts =
        read_all(NULL, "{\"error\":\"of \\\"batch_id\\\":99\",\"batch_id\":4}\n{\"batch_id\":99}\n");
    account account;
    assert_int_equal(accounts.count, 2);
    assert_true(account_parse(accounts.lines[0], &account));
    assert_int_equal(account.batch_id, 4);
    assert_string_equal(account.error, "of \"batch_id\":99");
    accounts_done(&accounts);
}

static void sums_are_of_completed_batches(void **state)
{
    (void)state;
    accounts accounts = read_all(
        NULL, "{\"batch_id\":1,\"state\":\"completed\",\"records\":10,\"written\":7,\"duplicates\":1,"
              "\"filtered\":1,\"dead_letters\":1}\n"
              "{\"batch_id\":2,\"state\":\"completed\",\"records\":5,\"written\":5}\n"
              "{\"batch_id\":3,\"state\":\"failed\",\"records\":100,\"written\":100}\n");
    account sum = accounts_sum(&accounts);
    assert_int_equal(sum.records, 15);
    assert_int_equal(sum.written, 12);
    assert_int_equal(sum.duplicates + sum.filtered + sum.dead_letters, 3);
    accounts_done(&accounts);
}

static void what_is_no_json_object_is_no_account(void **state)
{
    (void)state;
    account account;
    assert_false(account_parse((sl_text){ "[1]", 3 }, &account));
    assert_false(account_parse((sl_text){ "{\"batch_id\":", 12 }, &account));
    assert_false(account_parse((sl_text){ "", 0 }, &account));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_batch_comes_once_with_its_last_attempt, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(the_generation_before_comes_first, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_torn_last_line_is_left_out, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_line_torn_by_a_crash_and_overgrown_is_left_out, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(no_history_is_no_accounts, folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_name_inside_a_text_is_not_taken_for_the_batch, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(sums_are_of_completed_batches, folder_start, folder_stop),
        cmocka_unit_test(what_is_no_json_object_is_no_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
