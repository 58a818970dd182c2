/*
 * tests/batches/tap.c - rows that pass are told as they are, sampled, bounded, and once.
 */
#include <batches/tap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POINT_FIELDS(F) F(text, word) F(i64, n)
SL_RECORD(point, POINT_FIELDS);

static bool make_point(sl_task *task, const sl_message *in, point *out)
{
    (void)task;
    *out = (point){ in->value, 1 };
    return true;
}
SL_STAGE(make_point, sl_message, point);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream points =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &make_point_stage);
    sl_to(points, &(sl_output){ .name = "points", .to = { "memory" }, .index = "points" });
}
static const sl_job drawn = { .name = "drawn", .draw = draw };

static sl_plan plan;
static origin_name topic = { .topic = (char[]){ "t" }, .partition = 2 };
static origins all = { &topic, 1 };
static int wakes;

static void wake(void *unused)
{
    (void)unused;
    wakes++;
}

static int start(void **state)
{
    wakes = 0;
    *state = tap_new(&(tap_spec){ &plan, &all, 2 });
    return plan_draw(&plan, &drawn, NULL) == SL_OK ? 0 : 1;
}

static int stop(void **state)
{
    tap_free(*state);
    return 0;
}

static int64_t client;

static void opened(tap *tap, const char *stream, int64_t every)
{
    failure failure = { 0 };
    client = tap_open(tap, &(tap_wish){ stream, every, wake, NULL }, &failure);
    assert_true(client > 0);
}

static const char *read_all(tap *tap)
{
    static char text[4 << 20];
    size_t size = 0;
    for (size_t more; (more = tap_read(tap, client, text + size, 1000)) > 0; size += more)
        ;
    text[size] = '\0';
    return text;
}

static void points_pass(tap *tap, unsigned worker, int64_t from, size_t count)
{
    static point rows[256];
    for (size_t i = 0; i < count; i++)
        rows[i] = (point){ SL_TEXT("w"), from + (int64_t)i };
    tap_rows(tap, worker, &(sl_rows){ .at = rows, .count = count, .room = count });
}

static void rows_of_a_stage_are_documents_and_those_of_an_input_messages(void **state)
{
    tap *tap = *state;
    opened(tap, "points", 1); /* an output: what comes to it */
    assert_int_equal(tap_begin(tap, 2000), 2);
    points_pass(tap, 0, 7, 1);
    assert_string_equal(read_all(tap), ""); /* not before the batch is done */
    tap_settle(tap);
    assert_int_equal(wakes, 1);
    assert_string_equal(read_all(tap),
                        "{\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"word\":\"w\",\"n\":7}\n");
    tap_close(tap, client);
    opened(tap, "lines", 1);
    assert_int_equal(tap_begin(tap, 4000), 1);
    sl_message message = { .origin = { .partition = 0, .offset = 5, .time_ms = 9 },
                           .value = SL_TEXT("a \"b\"") };
    tap_rows(tap, 1, &(sl_rows){ .at = &message, .count = 1, .room = 1 });
    tap_settle(tap);
    assert_string_equal(
        read_all(tap),
        "{\"topic\":\"t\",\"partition\":2,\"offset\":5,\"timestamp\":9,\"key\":null,\"value\":\"a \\\"b\\\"\"}\n");
}

static void every_nth_row_of_a_worker_is_told_over_chunks_and_batches(void **state)
{
    tap *tap = *state;
    opened(tap, "make_point", 10);
    int64_t next = 0, told = 0;
    for (int batch = 0; batch < 3; batch++) {
        assert_int_equal(tap_begin(tap, batch), 2);
        for (size_t count = 7; count < 40; count += 11, next += (int64_t)count - 11)
            points_pass(tap, 0, next, count);
        tap_settle(tap);
        for (const char *at = read_all(tap); (at = strstr(at, "\"n\":")) != NULL; at++, told += 10)
            assert_int_equal(atoi(at + 4), told);
    }
    assert_int_equal(told, (next + 9) / 10 * 10);
}

static void an_attempt_that_is_made_again_tells_its_rows_once(void **state)
{
    tap *tap = *state;
    opened(tap, "points", 1);
    tap_begin(tap, 0);
    points_pass(tap, 0, 1, 2);
    tap_begin(tap, 0); /* the first one failed */
    points_pass(tap, 1, 1, 2);
    tap_settle(tap);
    const char *text = read_all(tap);
    assert_non_null(strstr(text, "\"n\":1}\n"));
    assert_null(strstr(strstr(text, "\"n\":1}\n") + 1, "\"n\":1}\n"));
}

static void what_finds_no_room_is_counted(void **state)
{
    tap *tap = *state;
    opened(tap, "points", 1);
    tap_begin(tap, 0);
    for (int i = 0; i < 10; i++)
        points_pass(tap, 0, i * 256, 256);
    points_pass(tap, 1, 0, 3); /* the other worker has room of its own */
    tap_settle(tap);
    assert_non_null(strstr(read_all(tap), "\n{\"lost\":1560}\n")); /* 2560 less 1000 */
    int64_t lost = 0, rows = 0;
    for (int batch = 0; batch < 200; batch++) { /* nobody reads */
        tap_begin(tap, batch);
        points_pass(tap, 0, 0, 256);
        points_pass(tap, 0, 0, 256);
        tap_settle(tap);
    }
    tap_begin(tap, 0);
    const char *text = read_all(tap);
    assert_true(strlen(text) < 5 << 20);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        rows++;
    tap_settle(tap);
    for (const char *at = text; (at = strstr(at, "{\"lost\":")) != NULL; at++, rows--)
        lost += atoi(at + strlen("{\"lost\":"));
    for (const char *at = read_all(tap); (at = strstr(at, "{\"lost\":")) != NULL; at++)
        lost += atoi(at + strlen("{\"lost\":"));
    assert_true(lost > 0);
    assert_int_equal(rows + lost, 200 * 512);
}

static void a_batch_without_rows_gives_a_sign_of_life(void **state)
{
    tap *tap = *state;
    assert_int_equal(tap_begin(tap, 0), 0); /* nobody looks on */
    tap_settle(tap);
    assert_int_equal(wakes, 0);
    opened(tap, "points", 1);
    tap_begin(tap, 0);
    tap_settle(tap);
    assert_int_equal(wakes, 1);
    assert_string_equal(read_all(tap), "\n");
    tap_begin(tap, 0);
    tap_close(tap, client);
    tap_settle(tap);
    assert_int_equal(wakes, 1);
}

static void a_stream_that_is_not_there_is_refused(void **state)
{
    tap *tap = *state;
    failure failure = { 0 };
    assert_int_equal(tap_open(tap, &(tap_wish){ "point", 1, wake, NULL }, &failure), 0);
    assert_string_equal(failure.text,
                        "there is no stream \"point\", did you mean \"points\"?; there are: lines, "
                        "make_point, points");
}

static void a_newer_client_takes_the_place_of_the_one_before(void **state)
{
    tap *tap = *state;
    char text[100];
    opened(tap, "lines", 1);
    int64_t older = client;
    tap_begin(tap, 0);
    opened(tap, "points", 1);
    tap_settle(tap); /* of what the other one asked for */
    assert_int_equal(wakes, 0);
    tap_begin(tap, 0);
    points_pass(tap, 0, 1, 1);
    tap_settle(tap);
    assert_int_equal(tap_read(tap, older, text, sizeof text), 0);
    tap_close(tap, older); /* late: it has nothing to close any more */
    assert_non_null(strstr(read_all(tap), "\"n\":1}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_of_a_stage_are_documents_and_those_of_an_input_messages, start,
                                        stop),
        cmocka_unit_test_setup_teardown(every_nth_row_of_a_worker_is_told_over_chunks_and_batches, start,
                                        stop),
        cmocka_unit_test_setup_teardown(an_attempt_that_is_made_again_tells_its_rows_once, start, stop),
        cmocka_unit_test_setup_teardown(what_finds_no_room_is_counted, start, stop),
        cmocka_unit_test_setup_teardown(a_batch_without_rows_gives_a_sign_of_life, start, stop),
        cmocka_unit_test_setup_teardown(a_stream_that_is_not_there_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_newer_client_takes_the_place_of_the_one_before, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
