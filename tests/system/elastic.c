/*
 * tests/system/elastic.c - the Elasticsearch sink before a real search server: what it really answers, and what is there in
 * the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/search_server.h>
#include <sinks/elastic/fixture.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static search_server *server; /* NULL: it cannot be had */

static int server_start(void **state)
{
    (void)state;
    server = search_server_start("-Ehttp.max_content_length=1mb");
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    search_server_stop(server);
    return 0;
}

static int start(void **state)
{
    fixture_start(state);
    fixture *fixture = *state;
    fixture_set(fixture, "elastic.replicas", "0");
    if (server)
        fixture_set(fixture, "elastic.url", search_server_url(server));
    return 0;
}

/* Opens with an index of the test's own, or skips. */
static fixture *open_with(void **state, const sl_output *output, const char *index)
{
    fixture *fixture = *state;
    if (server == NULL)
        skip();
    fixture->spec.target = index;
    fixture_open(fixture, output);
    return fixture;
}

static bool answers(const char *method, const char *path, const char *body, const char *part)
{
    const char *answer = search_server_ask(server, method, path, body);
    bool found = strstr(answer, part) != NULL;
    if (!found)
        fprintf(stderr, "%s %s answered %s\n", method, path, answer);
    return found;
}

static void assert_exceptions(fixture *fixture, unsigned writer, size_t refused, size_t duplicates)
{
    size_t count, refused_seen = 0;
    const sink_exception *exceptions = fixture_exceptions(fixture, writer, &count);
    for (size_t i = 0; i < count; i++)
        refused_seen += exceptions[i].refused;
    assert_int_equal(refused_seen, refused);
    assert_int_equal(count - refused_seen, duplicates);
}

static void records_are_there_once_however_often_they_are_written(void **state)
{
    fixture *fixture = open_with(state, &plays_output, "once");
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 700), SL_OK);
    assert_exceptions(fixture, 0, 0, 0);
    fixture_begin(fixture, 2);
    assert_int_equal(fixture_write_plays(fixture, 1, 0, 1000), SL_OK);
    assert_exceptions(fixture, 1, 0, 700);
    assert_int_equal(search_server_documents(server, "once"), 1000);
    assert_true(answers("GET", "/once/_doc/realtime-0-999", NULL, "\"event_id\":1099"));
}

static void packed_requests_are_taken_like_others(void **state)
{
    fixture_set(*state, "elastic.gzip", "true");
    fixture *fixture = open_with(state, &plays_output, "packed");
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 700), SL_OK);
    fixture_begin(fixture, 2);
    assert_int_equal(fixture_write_plays(fixture, 1, 0, 1000), SL_OK);
    assert_exceptions(fixture, 1, 0, 700); /* answers are read by their items */
    assert_int_equal(search_server_documents(server, "packed"), 1000);
    assert_true(answers("GET", "/packed/_doc/realtime-0-999", NULL, "\"event_id\":1099"));
}

static void the_index_has_the_mapping_of_the_record(void **state)
{
    open_with(state, &plays_output, "mapped");
    assert_true(answers("GET", "/mapped/_mapping", NULL, "\"@timestamp\":{\"type\":\"date\"}"));
    assert_true(answers("GET", "/mapped/_mapping", NULL, "\"event_id\":{\"type\":\"long\"}"));
    assert_true(answers("GET", "/mapped/_mapping", NULL, "\"datetime\":{\"type\":\"keyword\"}"));
    assert_true(answers(
        "GET", "/mapped/_mapping", NULL,
        "\"track_id\":{\"type\":\"text\",\"fields\":{\"keyword\":{\"type\":\"keyword\",\"ignore_above\":256}}}"));
    assert_true(answers("GET", "/mapped/_settings", NULL, "\"number_of_replicas\":\"0\""));
}

static void an_index_that_exists_keeps_its_mapping(void **state)
{
    if (server == NULL)
        skip();
    search_server_ask(server, "PUT", "/kept",
                      "{\"mappings\":{\"properties\":{\"track_id\":{\"type\":\"long\"}}}}");
    open_with(state, &plays_output, "kept");
    assert_true(
        answers("GET", "/kept/_mapping", NULL, "{\"properties\":{\"track_id\":{\"type\":\"long\"}}}"));
}

/* The index takes numbers only; every third track is none. */
static void refused_records_are_told_apart_from_written_ones(void **state)
{
    if (server == NULL)
        skip();
    search_server_ask(
        server, "PUT", "/strict",
        "{\"settings\":{\"number_of_replicas\":0},\"mappings\":{\"properties\":{\"track_id\":{\"type\":\"long\"}}}}");
    fixture *fixture = open_with(state, &plays_output, "strict");
    size_t count;
    play rows[9];
    for (int i = 0; i < 9; i++) {
        rows[i] = play_at(i);
        if (i % 3 == 0)
            rows[i].track_id = SL_TEXT("song");
    }
    sink_rows chunk = { .at = rows, .count = 9 };
    assert_int_equal(sink_elastic.rows(fixture->sink, 0, &chunk, &fixture->failure), SL_OK);
    assert_int_equal(sink_elastic.flush(fixture->sink, 0, &fixture->failure), SL_OK);
    assert_exceptions(fixture, 0, 3, 0);
    const sink_exception *refused = fixture_exceptions(fixture, 0, &count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(refused[i].origin.offset, 3 * i);
        assert_non_null(strstr(refused[i].detail, "track_id"));
    }
    assert_int_equal(search_server_documents(server, "strict"), 6);
}

static void an_older_batch_never_replaces_a_newer_one(void **state)
{
    fixture *fixture = open_with(state, &ranks_output, "ranks");
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_OK);
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_OK); /* the same again */
    fixture->batch.time_ms = T_MS - 1000;
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_OK);
    assert_true(answers("GET", "/ranks/_doc/0-1", NULL, "\"_version\":1795402680000"));
    fixture->batch.time_ms = T_MS + 1000;
    assert_int_equal(fixture_write_rank(fixture, "0", 1), SL_OK);
    assert_true(answers("GET", "/ranks/_doc/0-1", NULL, "\"_version\":1795402681000"));
    assert_int_equal(search_server_documents(server, "ranks"), 1);
}

static void fallen_ranks_are_deleted_however_often(void **state)
{
    fixture *fixture = open_with(state, &ranks_output, "fallen");
    rank rows[3] = { { .gender = SL_TEXT("0"), .rank = 1 },
                     { .gender = SL_TEXT("0"), .rank = 2 },
                     { .gender = SL_TEXT("0"), .rank = 3 } };
    sl_text fallen[] = { SL_TEXT("0-2"), SL_TEXT("0-3"), SL_TEXT("0-4") };
    sink_group all = { .key_row = rows, .rows = rows, .count = 3, .changed = true };
    assert_int_equal(sink_elastic.replace(fixture->sink, &all, 1, &fixture->failure), SL_OK);
    assert_int_equal(search_server_documents(server, "fallen"), 3);
    for (int i = 0; i < 2; i++) {
        sink_group less = {
            .key_row = rows, .rows = rows, .count = 1, .changed = true, .fallen = fallen, .fallen_count = 3
        };
        fixture_begin(fixture, i + 1);
        fixture->batch.time_ms = T_MS + 1000;
        assert_int_equal(sink_elastic.replace(fixture->sink, &less, 1, &fixture->failure), SL_OK);
        assert_int_equal(search_server_documents(server, "fallen"), 1);
    }
}

/* The server takes 1 MB at once. */
static void more_than_the_server_takes_at_once_goes_out_in_parts(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "elastic.bulk.bytes", "3mb");
    open_with(state, &plays_output, "parts");
    enum { COUNT = 20000 }; /* about 170 bytes each */
    play *rows = calloc(COUNT, sizeof *rows);
    for (int i = 0; i < COUNT; i++)
        rows[i] = play_at(i);
    sink_rows chunk = { .at = rows, .count = COUNT };
    sl_result written = sink_elastic.rows(fixture->sink, 0, &chunk, &fixture->failure);
    free(rows);
    assert_int_equal(written, SL_OK);
    assert_int_equal(sink_elastic.flush(fixture->sink, 0, &fixture->failure), SL_OK);
    assert_exceptions(fixture, 0, 0, 0);
    assert_int_equal(search_server_documents(server, "parts"), COUNT);
}

static void one_record_that_is_larger_than_that_is_refused_alone(void **state)
{
    fixture *fixture = open_with(state, &plays_output, "giant");
    char *text = malloc(1200000);
    memset(text, 'x', 1200000);
    play rows[3] = { play_at(0), play_at(1), play_at(2) };
    rows[1].track_id = (sl_text){ text, 1200000 };
    sink_rows chunk = { .at = rows, .count = 3 };
    sl_result written = sink_elastic.rows(fixture->sink, 0, &chunk, &fixture->failure);
    if (written == SL_OK)
        written = sink_elastic.flush(fixture->sink, 0, &fixture->failure);
    free(text);
    assert_int_equal(written, SL_OK);
    assert_exceptions(fixture, 0, 1, 0);
    assert_int_equal(search_server_documents(server, "giant"), 2);
}

/* Blocked for writing: 403. Blocked because the disk is full: 429. Closed: 400. None of them is a record's fault. */
static void an_index_that_takes_nothing_makes_no_dead_letters(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "3s");
    open_with(state, &plays_output, "blocked");
    static const char *const shut[][2] = { { "/blocked/_settings", "{\"index.blocks.write\":true}" },
                                           { "/blocked/_settings",
                                             "{\"index.blocks.read_only_allow_delete\":true}" },
                                           { "/blocked/_close", "" } };
    static const char *const open[][2] = { { "/blocked/_settings", "{\"index.blocks.write\":null}" },
                                           { "/blocked/_settings",
                                             "{\"index.blocks.read_only_allow_delete\":null}" },
                                           { "/blocked/_open?wait_for_active_shards=1", "" } };
    for (int i = 0; i < 3; i++) {
        const char *method = i < 2 ? "PUT" : "POST";
        assert_true(answers(method, shut[i][0], shut[i][1], "\"acknowledged\":true"));
        fixture_begin(fixture, 1);
        assert_int_equal(fixture_write_plays(fixture, 0, i, i + 1), SL_RETRY);
        assert_exceptions(fixture, 0, 0, 0);
        assert_true(says(fixture, "blocked"));
        assert_true(answers(method, open[i][0], open[i][1], "\"acknowledged\":true"));
        fixture_begin(fixture, 2);
        assert_int_equal(fixture_write_plays(fixture, 0, i, i + 1), SL_OK);
    }
    assert_int_equal(search_server_documents(server, "blocked"), 3);
}

static void a_server_that_is_killed_and_comes_back_has_everything(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "sink.timeout", "500ms");
    open_with(state, &plays_output, "killed");
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 500), SL_OK);
    search_server_kill(server);
    assert_int_equal(fixture_write_plays(fixture, 0, 500, 1000), SL_RETRY);
    assert_true(says(fixture, search_server_url(server)));
    search_server_restart(server);
    assert_true(answers("GET", "/_cluster/health/killed?wait_for_status=yellow&timeout=60s", NULL,
                        "\"timed_out\":false"));
    sink_elastic.close(fixture->sink);
    fixture->sink = NULL;
    fixture_set(fixture, "sink.timeout", "30s");
    fixture_open(fixture, &plays_output);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1000), SL_OK);
    assert_exceptions(fixture, 0, 0, 500);
    assert_int_equal(search_server_documents(server, "killed"), 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_there_once_however_often_they_are_written),
        TEST(packed_requests_are_taken_like_others),
        TEST(the_index_has_the_mapping_of_the_record),
        TEST(an_index_that_exists_keeps_its_mapping),
        TEST(refused_records_are_told_apart_from_written_ones),
        TEST(an_older_batch_never_replaces_a_newer_one),
        TEST(fallen_ranks_are_deleted_however_often),
        TEST(more_than_the_server_takes_at_once_goes_out_in_parts),
        TEST(one_record_that_is_larger_than_that_is_refused_alone),
        TEST(an_index_that_takes_nothing_makes_no_dead_letters),
        TEST(a_server_that_is_killed_and_comes_back_has_everything),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
