/*
 * tests/jobs/event_targets.c - who gets the offer, batch by batch.
 */
#include "../../jobs/event_targets.c"

#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void listen(sl_test *test, const char *customer)
{
    char line[100];
    snprintf(line, sizeof line, "7,%s,453,\"2014-10-23 03:26:20\",1,\"02132\"", customer);
    sl_test_send(test, "lines", line);
}

static void a_flagged_listener_is_told_and_his_document_says_so(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_known(test, "customers", "48", "{\"name\":\"Ann\",\"age\":\"23\",\"gender\":\"0\"}");
    sl_test_known(test, "predictions", "48", "{\"flag\":\"1\"}");
    listen(test, "48");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "documents"),
        "{\"_id\":\"lines-0-0\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"event_id\":7,\"customer_id\":\"48\","
        "\"track_id\":\"453\",\"datetime\":\"2014-10-23 03:26:20\",\"ismobile\":1,\"listening_zip_code\":\"02132\","
        "\"name\":\"Ann\",\"age\":23,\"gender\":\"0\",\"SendEvent\":1}\n");
    assert_non_null(strstr(sl_test_wrote(test, "event_users"), "\"customer_id\":\"48\"}"));
    assert_int_equal(sl_test_account(test)->lookup_missed, 0);
    sl_test_close(test);
}

static size_t lines_with(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part))) {
        text += strlen(part);
        count++;
    }
    return count;
}

static void no_flag_and_no_number_are_no_offer(void **state)
{
    (void)state;
    static const char *const flags[] = { "{\"flag\":\"0\"}", "{\"flag\":\"yes\"}", "{\"flag\":\"\"}",
                                         "{\"flag\":\"2\"}", "{\"flag\":\"1 \"}",  NULL };
    sl_test *test = sl_test_open(&job, "--interval 1s");
    for (int i = 0; i < 6; i++) {
        char customer[8];
        snprintf(customer, sizeof customer, "%d", i);
        if (flags[i])
            sl_test_known(test, "predictions", customer, flags[i]);
        listen(test, customer);
    }
    sl_test_batch(test);
    const sl_batch_info *account = sl_test_account(test);
    assert_int_equal(account->written, 6);
    assert_int_equal(account->filtered, 0); /* who gets no offer has his document all the same */
    assert_int_equal(account->lookup_missed, 6 + 1);
    assert_int_equal(lines_with(sl_test_wrote(test, "documents"), "\"SendEvent\":0}\n"), 6);
    assert_string_equal(sl_test_wrote(test, "event_users"), "");
    for (size_t i = 0; i < account->counter_count; i++)
        if (strcmp(account->counters[i].name, "bad_flag") == 0)
            assert_int_equal(account->counters[i].value, 3);
    sl_test_close(test);
}

static void a_prediction_that_changes_is_seen_when_the_cache_lets_go(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --conf redis.cache.ttl=10s");
    sl_test_known(test, "predictions", "5", "{\"flag\":\"0\"}");
    listen(test, "5");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "event_users"), "");
    sl_test_known(test, "predictions", "5", "{\"flag\":\"1\"}");
    sl_test_pass(test, 10000);
    listen(test, "5");
    listen(test, "5");
    sl_test_batch(test);
    assert_int_equal(lines_with(sl_test_wrote(test, "documents"), "\"SendEvent\":1}\n"), 2);
    assert_int_not_equal(lines_with(sl_test_wrote(test, "event_users"), "\"customer_id\":\"5\"}"), 0);
    sl_test_close(test);
}

static void a_malformed_listen_is_a_dead_letter(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_known(test, "predictions", "5", "{\"flag\":\"1\"}");
    sl_test_send(test, "lines", "7,5,453,\"2014-10-23 03:26:20\",2,\"02132\"");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->dead_letters, 1);
    assert_non_null(strstr(sl_test_wrote(test, "dead_letters"), "\"reason\":\"bad_flag\""));
    assert_string_equal(sl_test_wrote(test, "event_users"), "");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flagged_listener_is_told_and_his_document_says_so),
        cmocka_unit_test(no_flag_and_no_number_are_no_offer),
        cmocka_unit_test(a_prediction_that_changes_is_seen_when_the_cache_lets_go),
        cmocka_unit_test(a_malformed_listen_is_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
