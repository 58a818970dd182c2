/*
 * tests/jobs/hello_count.c - the smallest job, batch by batch.
 */
#include "../../jobs/hello_count.c"

#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_batch_counts_its_own_lines(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_send(test, "lines", "one");
    sl_test_send(test, "lines", "two");
    sl_test_send(test, "lines", "");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "counts"),
        "{\"_id\":\"lines\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"what\":\"lines\",\"lines\":3}\n");
    sl_test_send(test, "lines", "three");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "counts"),
        "{\"_id\":\"lines\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"what\":\"lines\",\"lines\":1}\n");
    sl_test_close(test);
}

static void a_batch_without_lines_tells_nothing(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_send(test, "lines", "one");
    sl_test_batch(test);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "counts"), "");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_batch_counts_its_own_lines),
                                        cmocka_unit_test(a_batch_without_lines_tells_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
