/*
 * tests/sinks/elastic/settle.c - what the status of each document leads to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/log.h>
#include <sinks/elastic/fixture.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void answer(fixture *fixture, const char *body)
{
    fake_http_add(fixture->server, &(fake_answer){ .body = body });
}

static void only_documents_that_were_put_off_are_sent_again(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &plays_output);
    answer(fixture, ANSWER("create", 429, 201, 503, 201, 500, 502, 504, 201, 200));
    answer(fixture, ANSWER("create", 201, 429, 201, 201, 201));
    assert_int_equal(fixture_write_plays(fixture, 0, 10, 19), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 3);
    assert_string_equal(offsets_in(fixture_bulk(fixture, 1)), "10 12 14 15 16");
    assert_string_equal(offsets_in(fixture_bulk(fixture, 2)), "12");
    fixture_exceptions(fixture, 0, &count);
    assert_int_equal(count, 0);
}

/* Each document is again what it was: cut out of the middle, not of its neighbours. */
static void a_document_sent_again_is_the_same(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    answer(fixture, ANSWER("create", 201, 429, 201));
    assert_int_equal(fixture_write_plays(fixture, 0, 9, 12), SL_OK);
    const char *again = fixture_bulk(fixture, 1), *first = strstr(fixture_bulk(fixture, 0), again);
    assert_non_null(first);
    assert_memory_equal(again, "{\"create\":{\"_id\":\"realtime-0-10\"}}\n{", 35);
    assert_string_equal(again + strlen(again) - 2, "}\n");
    assert_memory_equal(first + strlen(again), "{\"create\":{\"_id\":\"realtime-0-11\"}}", 33);
}

static void a_refused_record_is_noted_with_the_servers_reason(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &plays_output);
    answer(fixture, ANSWER("create", 201, 400, 429, 413));
    assert_int_equal(fixture_write_plays(fixture, 1, 0, 4), SL_OK);
    assert_string_equal(offsets_in(fixture_bulk(fixture, 1)), "2");
    const sink_exception *refused = fixture_exceptions(fixture, 1, &count);
    assert_int_equal(count, 2);
    assert_true(refused[0].refused && refused[1].refused);
    assert_int_equal(refused[0].origin.offset, 1);
    assert_int_equal(refused[0].origin.time_ms, T_MS - 999);
    assert_string_equal(refused[0].detail, "type_400: reason \"400\"");
    assert_int_equal(refused[1].origin.offset, 3);
}

static void a_refused_aggregate_fails_the_batch(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &ranks_output);
    answer(fixture, ANSWER("index", 400));
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_RETRY);
    assert_true(says(fixture, "ba_top_tracks"));
    assert_true(says(fixture, "refused the document \"0-1\": "));
    assert_true(says(fixture, "type_400: reason \"400\""));
    fixture_exceptions(fixture, 0, &count);
    assert_int_equal(count, 0);
}

static void a_record_that_is_there_counts_as_duplicate(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &plays_output);
    fixture_begin(fixture, 2);
    answer(fixture, ANSWER("create", 409, 201, 409));
    assert_int_equal(fixture_write_plays(fixture, 0, 4, 7), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
    const sink_exception *duplicates = fixture_exceptions(fixture, 0, &count);
    assert_int_equal(count, 2);
    assert_false(duplicates[0].refused || duplicates[1].refused);
    assert_int_equal(duplicates[0].origin.offset, 4);
    assert_int_equal(duplicates[1].origin.offset, 6);
}

static void an_aggregate_of_the_same_or_a_later_batch_may_stay(void **state)
{
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &ranks_output);
    answer(fixture, ANSWER("index", 409));
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
    fixture_exceptions(fixture, 0, &count);
    assert_int_equal(count, 0);
}

/* An operator can put it right, and no record is to blame: nothing must become a dead letter. */
static void trouble_with_the_index_fails_the_batch_loudly(void **state)
{
    static const char *const answers[] = {
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":403,\"error\":{\"type\":\"cluster_block_exception\",\"reason\":"
        "\"read-only\"}}}]}",
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":404,\"error\":{\"type\":\"index_not_found_exception\","
        "\"reason\":\"no such index\"}}}]}",
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":\"index_closed_exception\",\"reason\":"
        "\"closed\"}}}]}",
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":401,\"error\":{\"type\":\"security_exception\",\"reason\":"
        "\"closed\"}}}]}",
    };
    fixture *fixture = *state;
    size_t count;
    fixture_open(fixture, &plays_output);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        answer(fixture, answers[i]);
        fixture_begin(fixture, 1);
        assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_RETRY);
        assert_true(says(fixture, "ba_realtime2"));
        assert_true(says(fixture, "nothing is lost"));
        fixture_exceptions(fixture, 0, &count);
        assert_int_equal(count, 0);
    }
    assert_int_equal(fixture_bulks(fixture), 4);
}

/* ---- The warning ------------------------------------------------------------------------------------------------- */

typedef struct captured_log {
    char path[256], line[2000];
} captured_log;

static void log_capture(captured_log *log)
{
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Log", log_settings);
    const char *folder = getenv("TMPDIR");
    snprintf(log->path, sizeof log->path, "%s/sluice-log-XXXXXX", folder ? folder : P_tmpdir);
    close(mkstemp(log->path));
    assert_int_equal(log_open(settings, log->path, &failure), SL_OK);
    settings_free(settings);
}

/* The lines with these words; the last of them is in log->line. */
static size_t log_count(captured_log *log, const char *words)
{
    char line[sizeof log->line];
    size_t count = 0;
    log_close();
    FILE *file = fopen(log->path, "r");
    while (fgets(line, sizeof line, file)) {
        if (strstr(line, words) == NULL)
            continue;
        memcpy(log->line, line, sizeof line);
        count++;
    }
    fclose(file);
    unlink(log->path);
    return count;
}

static void duplicates_in_a_first_attempt_are_warned_about_once(void **state)
{
    fixture *fixture = *state;
    captured_log log;
    fixture_open(fixture, &plays_output);
    log_capture(&log);
    for (int i = 0; i < 2; i++) {
        fixture_begin(fixture, 1);
        answer(fixture, ANSWER("create", 409, 409));
        assert_int_equal(fixture_write_plays(fixture, 0, 4, 6), SL_OK);
    }
    assert_int_equal(log_count(&log, "index ba_realtime2 already holds the document \"realtime-0-4\", "), 1);
    assert_non_null(strstr(log.line, "--to documents=elastic:INDEX"));
    assert_null(strchr(log.line, '{')); /* words, not what was sent */
}

/* The id is told as it is, whatever stands in it. */
static void the_warning_names_the_document_that_is_there(void **state)
{
    fixture *fixture = *state;
    captured_log log;
    fixture->topic.id = "a \"\\_id\\\":x-0-";
    fixture->topic.id_size = strlen(fixture->topic.id);
    fixture_open(fixture, &plays_output);
    log_capture(&log);
    answer(fixture, ANSWER("create", 201, 201, 409));
    assert_int_equal(fixture_write_plays(fixture, 0, 4, 7), SL_OK);
    assert_int_equal(log_count(&log, "already holds the document \"a \\\"\\\\_id\\\\\\\":x-0-6\", which"), 1);
}

static void our_own_repeats_are_no_reason_to_warn(void **state)
{
    fixture *fixture = *state;
    captured_log log;
    fixture_open(fixture, &plays_output);
    log_capture(&log);
    fake_http_add(fixture->server, &(fake_answer){ .reset = true }); /* written, but who knows */
    answer(fixture, ANSWER("create", 409, 409));
    assert_int_equal(fixture_write_plays(fixture, 0, 4, 6), SL_OK);
    answer(fixture, ANSWER("create", 504, 201));
    answer(fixture, ANSWER("create", 409));
    assert_int_equal(fixture_write_plays(fixture, 0, 6, 8), SL_OK);
    fixture_begin(fixture, 2);
    answer(fixture, ANSWER("create", 409));
    assert_int_equal(fixture_write_plays(fixture, 0, 8, 9), SL_OK);
    assert_int_equal(log_count(&log, "already holds"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_documents_that_were_put_off_are_sent_again),
        TEST(a_document_sent_again_is_the_same),
        TEST(a_refused_record_is_noted_with_the_servers_reason),
        TEST(a_refused_aggregate_fails_the_batch),
        TEST(a_record_that_is_there_counts_as_duplicate),
        TEST(an_aggregate_of_the_same_or_a_later_batch_may_stay),
        TEST(trouble_with_the_index_fails_the_batch_loudly),
        TEST(duplicates_in_a_first_attempt_are_warned_about_once),
        TEST(the_warning_names_the_document_that_is_there),
        TEST(our_own_repeats_are_no_reason_to_warn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
