/*
 * tests/readme/listener.c - the listener of listeners/README.md, as it stands there, and that it prints what it should.
 */
#include <sluice/listener.h>
#include <stdio.h>

static void completed(void *self, const sl_batch_info *batch)
{
    (void)self;
    printf("%lld records in %.1f ms\n", (long long)batch->records, batch->processing_ms);
}

extern const sl_listener listener_lines;
const sl_listener listener_lines = { .name = "lines",
                                     .about = "a line per batch",
                                     .on_batch_completed = completed };

/* ---- Its test ---------------------------------------------------------------------------------------------------- */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void a_batch_is_a_line(void **state)
{
    (void)state;
    char line[100] = { 0 };
    int ends[2], kept = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    sl_batch_info batch = { .records = 12, .processing_ms = 3.25 };
    listener_lines.on_batch_completed(NULL, &batch);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(ends[1]);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    close(ends[0]);
    assert_string_equal(line, "12 records in 3.2 ms\n"); /* halves go to even digits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
