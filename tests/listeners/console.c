/*
 * tests/listeners/console.c - the lines that the console listener prints.
 */
#include "../../listeners/console.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const sl_counter counters[] = { { "bad_age", 2 } };
static const sl_batch_info batch = { .batch_time_ms = 1795402680000,
                                     .attempt = 3,
                                     .records = 240,
                                     .written = 237,
                                     .filtered = 1,
                                     .dead_letters = 2,
                                     .lookup_missed = 4,
                                     .counters = counters,
                                     .counter_count = 1,
                                     .scheduling_delay_ms = 0.1,
                                     .processing_ms = 3.2,
                                     .total_delay_ms = 3.3,
                                     .error = "redis:\nno\x7f answer" };

static void prints(void (*hook)(void *self, const sl_batch_info *batch), const char *expected)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    hook(out, &batch);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void each_event_has_its_line(void **state)
{
    (void)state;
    prints(listener_console.on_batch_submitted, "[batchSubmitted] 1795402680000\n");
    prints(listener_console.on_batch_started, "[batchStarted] 1795402680000\n");
    prints(
        listener_console.on_batch_completed,
        "[batchCompleted] 1795402680000 records=240 written=237 duplicates=0 filtered=1 dead_letters=2 lookup_missed=4 "
        "bad_age=2 scheduling_delay_ms=0.1 processing_ms=3.2 total_delay_ms=3.3\n");
}

static void a_reason_stays_on_its_line(void **state)
{
    (void)state;
    prints(listener_console.on_batch_failed,
           "[batchFailed] 1795402680000 attempt=3 error=redis: no  answer\n");
}

static void it_prints_to_standard_output_and_takes_no_argument(void **state)
{
    (void)state;
    char error[256] = "";
    assert_ptr_equal(listener_console.open(&(sl_listener_place){ .job = "j" }, error), stdout);
    assert_null(listener_console.open(&(sl_listener_place){ .job = "j", .argument = "loud" }, error));
    assert_non_null(strstr(error, "loud"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_line), cmocka_unit_test(a_reason_stays_on_its_line),
        cmocka_unit_test(it_prints_to_standard_output_and_takes_no_argument)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
