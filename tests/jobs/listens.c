/*
 * tests/jobs/listens.c - the main job on a manual clock: documents, top tracks, interests, dead letters.
 */
#include "../../jobs/listens.c"
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void the_third_play_within_the_window_makes_an_interest(void **state)
{
    (void)state;
    sl_test *test =
        sl_test_open(&job, "--interval 1s --interest-window 3s --interest-pane 1s --interest-plays 2");
    sl_test_send(test, "lines", "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "interests"), "");
    sl_test_send(test, "lines", "1,9,56,\"2014-10-23 03:26:21\",0,\"72132\"");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "interests"),
                        "{\"_id\":\"9-56\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"customer_id\":\"9\","
                        "\"track_id\":\"56\",\"plays\":2}\n");
    sl_test_batch(test); /* no play of the pair: nothing is told again */
    assert_string_equal(sl_test_wrote(test, "interests"), "");
    sl_test_close(test);
}

static void a_document_has_the_listen_and_its_customer(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_known(test, "customers", "48",
                  "{\"name\":\"Ann \\\"A\\\"\",\"age\":\"23\",\"gender\":\"0\",\"Level\":\"1\"}");
    sl_test_send(test, "lines", "0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "documents"),
        "{\"_id\":\"lines-0-0\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"event_id\":0,\"customer_id\":\"48\","
        "\"track_id\":\"453\",\"datetime\":\"2014-10-23 03:26:20\",\"ismobile\":0,\"listening_zip_code\":\"72132\","
        "\"name\":\"Ann \\\"A\\\"\",\"age\":23,\"gender\":\"0\",\"Level\":\"1\"}\n");
    assert_string_equal(
        sl_test_wrote(test, "top_tracks"),
        "{\"_id\":\"0-1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"gender\":\"0\",\"rank\":1,\"track_id\":\"453\","
        "\"plays\":1,\"window_start\":\"1969-12-30T18:01:00.000Z\",\"window_end\":\"1970-01-01T00:00:01.000Z\"}\n");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "top_tracks"), ""); /* the list did not change */
    sl_test_close(test);
}

static void all_ten_fields_of_a_customer_stand_in_the_order_that_readers_know(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_known(
        test, "customers", "48",
        "{\"LinkedWithApps\":\"0\",\"Campaign\":\"3\",\"Level\":\"1\",\"Status\":\"1\",\"SignDate\":\"01/14/2013\","
        "\"Address\":\"1 Long Road, Ozark\",\"zip\":\"72132\",\"gender\":\"1\",\"age\":\"23\",\"name\":\"Ann\"}");
    sl_test_known(test, "customers", "49", "{\"name\":\"Bo\",\"age\":\"old\"}");
    sl_test_send(test, "lines", "007, 48 ,453,\"2014-10-23 03:26:20\",1,\"\"");
    sl_test_send(test, "lines", "1,49,453,\"2014-10-23 03:26:21\",0,72132");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "documents"),
        "{\"_id\":\"lines-0-0\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"event_id\":7,\"customer_id\":\"48\","
        "\"track_id\":\"453\",\"datetime\":\"2014-10-23 03:26:20\",\"ismobile\":1,\"listening_zip_code\":\"\","
        "\"name\":\"Ann\",\"age\":23,\"gender\":\"1\",\"zip\":\"72132\",\"Address\":\"1 Long Road, Ozark\","
        "\"SignDate\":\"01/14/2013\",\"Status\":\"1\",\"Level\":\"1\",\"Campaign\":\"3\",\"LinkedWithApps\":\"0\"}\n"
        "{\"_id\":\"lines-0-1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"event_id\":1,\"customer_id\":\"49\","
        "\"track_id\":\"453\",\"datetime\":\"2014-10-23 03:26:21\",\"ismobile\":0,\"listening_zip_code\":\"72132\","
        "\"name\":\"Bo\"}\n");
    sl_test_close(test);
}

static void what_would_part_an_id_is_encoded_in_its_parts(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --interest-plays 1");
    sl_test_send(test, "lines", "0,9-1,\"5%6 7\",\"2014-10-23 03:26:20\",0,\"72132\"");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "interests"),
                        "{\"_id\":\"9%2D1-5%256%207\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\","
                        "\"customer_id\":\"9-1\",\"track_id\":\"5%6 7\",\"plays\":1}\n");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_third_play_within_the_window_makes_an_interest),
        cmocka_unit_test(a_document_has_the_listen_and_its_customer),
        cmocka_unit_test(all_ten_fields_of_a_customer_stand_in_the_order_that_readers_know),
        cmocka_unit_test(what_would_part_an_id_is_encoded_in_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
