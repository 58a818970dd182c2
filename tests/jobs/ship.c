/*
 * tests/jobs/ship.c - lines as messages: their bytes, in their order.
 */
#include "../../jobs/ship.c"

#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void a_line_is_a_message_of_the_same_bytes(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_send(test, "lines", "0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"");
    sl_test_send(test, "lines", "not a listen, \"\\\xff");
    sl_test_send(test, "lines", ""); /* memory gives lines in the order of their bytes */
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "messages"),
                        "\n0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"\nnot a listen, \"\\\xff\n");
    assert_int_equal(sl_test_account(test)->written, 3);
    sl_test_close(test);
}

static void a_batch_without_lines_sends_nothing(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "");
    sl_test_send(test, "lines", "one");
    sl_test_batch(test);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "messages"), "");
    assert_int_equal(sl_test_account(test)->records, 0);
    assert_int_equal(sl_test_account(test)->interval_ms, 200);
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_message_of_the_same_bytes),
        cmocka_unit_test(a_batch_without_lines_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
