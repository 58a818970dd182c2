/*
 * tests/sinks/elastic/bulk.c - bulk requests that fail as a whole: what is sent again, how large, how often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <sinks/elastic/fixture.h>

#include <cmocka.h>
#include <stdlib.h>

static void answer(fixture *fixture, int status)
{
    fake_http_add(fixture->server,
                  &(fake_answer){ .status = status,
                                  .body = "{\"error\":{\"type\":\"some_type\",\"reason\":\"why\"}}" });
}

static void assert_sent(fixture *fixture, size_t i, const char *offsets)
{
    assert_string_equal(offsets_in(fixture_bulk(fixture, i)), offsets);
}

static void an_overloaded_server_gets_everything_again(void **state)
{
    static const int statuses[] = { 429, 503, 502, 504, 500 };
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    for (size_t i = 0; i < 5; i++) {
        answer(fixture, statuses[i]);
        assert_int_equal(fixture_write_plays(fixture, 0, 0, 3), SL_OK);
        assert_int_equal(fixture_bulks(fixture), 2 * i + 2);
        assert_sent(fixture, 2 * i, "0 1 2");
        assert_sent(fixture, 2 * i + 1, "0 1 2");
    }
}

static void a_server_that_names_a_time_is_left_alone_for_it(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    fake_http_add(fixture->server, &(fake_answer){ .status = 503, .headers = "Retry-After: 1\r\n" });
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_OK);
    assert_true(clock_ns(&clock_system) - before >= 1000000000);
}

/* The first is answered by a reset on a fresh connection or a kept one, the second by half an answer. */
static void what_is_unknown_is_sent_again(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    fake_http_add(fixture->server, &(fake_answer){ .reset = true });
    fake_http_add(fixture->server, &(fake_answer){ .reset = true });
    fake_http_add(fixture->server, &(fake_answer){ .body = ANSWER("create", 201, 201), .sent_bytes = 30 });
    fake_http_add(fixture->server,
                  &(fake_answer){ .body = "{\"took\":1,\"errors\":true,\"items\":[{\"crea" });
    fake_http_add(fixture->server, &(fake_answer){ .body = ANSWER("create", 201) }); /* of two documents */
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 2), SL_OK);
    for (size_t i = 0; i < 6; i++)
        assert_sent(fixture, i, "0 1");
    assert_int_equal(fixture_bulks(fixture), 6);
}

static void too_large_a_request_goes_out_in_halves(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    answer(fixture, 413);
    assert_int_equal(fixture_write_plays(fixture, 0, 10, 18), SL_OK);
    assert_sent(fixture, 0, "10 11 12 13 14 15 16 17");
    assert_sent(fixture, 1, "10 11 12 13");
    assert_sent(fixture, 2, "14 15 16 17");
    assert_int_equal(fixture_bulks(fixture), 3);
}

static void a_single_document_that_is_too_large_is_refused(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &plays_output);
    answer(fixture, 413); /* 0 1 2 */
    answer(fixture, 413); /* 0 */
    assert_int_equal(fixture_write_plays(fixture, 1, 0, 3), SL_OK);
    assert_sent(fixture, 1, "0");
    assert_sent(fixture, 2, "1");
    assert_sent(fixture, 3, "2");
    const sink_exception *refused = fixture_exceptions(fixture, 1, &count);
    assert_int_equal(count, 1);
    assert_true(refused->refused);
    assert_int_equal(refused->origin.offset, 0);
    assert_non_null(strstr(refused->detail, "too large"));
}

static void a_single_aggregate_that_is_too_large_fails_the_batch(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &ranks_output);
    answer(fixture, 413);
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_RETRY);
    assert_true(says(fixture, "the document \"0-1\""));
    assert_true(says(fixture, "too large"));
}

/* A limit in bytes under pressure answers 429 for ever to a request that it alone is over. */
static void a_request_that_is_put_off_thrice_goes_out_in_halves(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    for (int i = 0; i < 3; i++)
        answer(fixture, 429);
    assert_int_equal(fixture_write_plays(fixture, 0, 10, 14), SL_OK);
    for (size_t i = 0; i < 3; i++)
        assert_sent(fixture, i, "10 11 12 13");
    assert_sent(fixture, 3, "10 11");
    assert_sent(fixture, 4, "12 13");
}

static void a_lost_right_to_write_fails_the_batch_with_advice(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    for (int status = 401; status <= 403; status += 2) {
        answer(fixture, status);
        fixture_begin(fixture, 1);
        assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_RETRY);
        assert_true(says(fixture, "elastic.user"));
        assert_true(says(fixture, "some_type: why"));
    }
    assert_int_equal(fixture_bulks(fixture), 2);
}

static void a_request_that_no_repetition_makes_right_stops_the_job(void **state)
{
    static const int statuses[] = { 400, 405, 406 };
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    for (size_t i = 0; i < 3; i++) {
        answer(fixture, statuses[i]);
        fixture_begin(fixture, 1);
        assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_FAILED);
        assert_true(says(fixture, "some_type: why"));
    }
}

static void troubles_that_last_longer_than_the_timeout_fail_the_batch(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "1500ms");
    fixture_open(fixture, &plays_output);
    fake_http_usual(fixture->server, &(fake_answer){ .status = 503 });
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_RETRY);
    assert_true(clock_ns(&clock_system) - before < 10000000000);
    assert_true(says(fixture, "sink.timeout"));
    assert_true(says(fixture, "status 503"));
    assert_true(says(fixture, "ba_realtime2"));
    assert_in_range(fixture_bulks(fixture), 2, 10);
}

static void the_timeout_counts_all_troubles_of_an_attempt_together(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "350ms");
    fixture_open(fixture, &plays_output);
    sl_result result = SL_OK;
    int64_t written = 0;
    for (; result == SL_OK && written < 20; written++) {
        answer(fixture, 503);
        result = fixture_write_plays(fixture, 0, written, written + 1);
    }
    assert_int_equal(result, SL_RETRY);
    assert_in_range((uint64_t)written, 2, 8); /* each waits 50 to 100 ms */
    fixture_begin(fixture, 2);
    answer(fixture, 503);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_OK);
}

static void a_server_that_never_answers_is_left_at_the_timeout(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "200ms");
    fixture_open(fixture, &plays_output);
    fake_http_usual(fixture->server, &(fake_answer){ .silent = true });
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_RETRY);
    assert_true(clock_ns(&clock_system) - before < 5000000000);
    assert_true(says(fixture, "elastic.url"));
}

static void a_slow_answer_is_no_trouble_once_it_is_there(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "300ms");
    fixture_open(fixture, &plays_output);
    fake_http_add(fixture->server, &(fake_answer){ .silent = true });
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_OK);
    assert_sent(fixture, 0, "0");
    assert_sent(fixture, 1, "0");
}

static void a_stop_ends_waiting(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    fake_http_usual(fixture->server, &(fake_answer){ .status = 503 });
    atomic_store(&fixture->stop, true);
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_RETRY);
    assert_true(clock_ns(&clock_system) - before < 5000000000);
}

static void an_id_that_the_server_would_not_take_spoils_no_request(void **state)
{
    fixture *fixture = *state;
    size_t count;
    char topic[600];
    memset(topic, 'x', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    fixture_open(fixture, &plays_output);
    play rows[2] = { play_at(0), play_at(1) };
    sink_rows first = { .at = rows, .count = 1 }, second = { .at = rows + 1, .count = 1 };
    fixture->topic.id = topic;
    fixture->topic.id_size = strlen(topic);
    assert_int_equal(sink_elastic.rows(fixture->sink, 0, &first, &fixture->failure), SL_OK);
    fixture->topic.id = "realtime-0-";
    fixture->topic.id_size = strlen(fixture->topic.id);
    assert_int_equal(sink_elastic.rows(fixture->sink, 0, &second, &fixture->failure), SL_OK);
    assert_int_equal(sink_elastic.flush(fixture->sink, 0, &fixture->failure), SL_OK);
    assert_string_equal(offsets_in(fixture_bulk(fixture, 0)), "1");
    const sink_exception *refused = fixture_exceptions(fixture, 0, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(refused->detail, "600 bytes"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_overloaded_server_gets_everything_again),
        TEST(a_server_that_names_a_time_is_left_alone_for_it),
        TEST(what_is_unknown_is_sent_again),
        TEST(too_large_a_request_goes_out_in_halves),
        TEST(a_single_document_that_is_too_large_is_refused),
        TEST(a_single_aggregate_that_is_too_large_fails_the_batch),
        TEST(a_request_that_is_put_off_thrice_goes_out_in_halves),
        TEST(a_lost_right_to_write_fails_the_batch_with_advice),
        TEST(a_request_that_no_repetition_makes_right_stops_the_job),
        TEST(troubles_that_last_longer_than_the_timeout_fail_the_batch),
        TEST(the_timeout_counts_all_troubles_of_an_attempt_together),
        TEST(a_server_that_never_answers_is_left_at_the_timeout),
        TEST(a_slow_answer_is_no_trouble_once_it_is_there),
        TEST(a_stop_ends_waiting),
        TEST(an_id_that_the_server_would_not_take_spoils_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
