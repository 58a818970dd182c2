/*
 * tests/sinks/elastic.c - the life of a batch at the Elasticsearch sink: what is sent for which rows, and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sinks/elastic/fixture.h>

#include <cmocka.h>
#include <stdlib.h>

/* Written down from the contract with the outside, not from the sink. */
static void a_record_is_created_under_its_origin(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 2), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
    assert_string_equal(fixture_bulk(fixture, 0),
                        "{\"create\":{\"_id\":\"realtime-0-0\"}}\n"
                        "{\"@timestamp\":\"2026-11-23T02:57:59.000Z\",\"event_id\":100,\"track_id\":\"453\","
                        "\"datetime\":\"2014-10-23 03:26:20\",\"mobile\":1}\n"
                        "{\"create\":{\"_id\":\"realtime-0-1\"}}\n"
                        "{\"@timestamp\":\"2026-11-23T02:57:59.001Z\",\"event_id\":101,\"track_id\":\"453\","
                        "\"datetime\":\"2014-10-23 03:26:20\",\"mobile\":1}\n");
    const fake_request *request = fake_http_request(fixture->server, fake_http_count(fixture->server) - 1);
    assert_string_equal(request->method, "POST");
    assert_memory_equal(request->path, "/ba_realtime2/_bulk?filter_path=", 32);
    assert_non_null(strstr(request->head, "Content-Type: application/x-ndjson\r\n"));
    assert_int_equal(sink_elastic.commit(fixture->sink, &fixture->failure), SL_OK);
}

static void an_aggregate_carries_the_batch_time_as_its_version(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &ranks_output);
    assert_int_equal(fixture_write_rank(fixture, "0\"-", 1), SL_OK);
    assert_string_equal(
        fixture_bulk(fixture, 0),
        "{\"index\":{\"_id\":\"0\\\"%2D-1\",\"version\":1795402680000,\"version_type\":\"external\"}}\n"
        "{\"@timestamp\":\"2026-11-23T02:58:00.000Z\",\"gender\":\"0\\\"-\",\"rank\":1,\"share\":0.5,"
        "\"is_new\":false,\"since\":\"2026-11-23T02:58:00.000Z\"}\n");
}

static void nothing_to_write_sends_nothing(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 0), SL_OK);
    assert_int_equal(sink_elastic.replace(fixture->sink, NULL, 0, &fixture->failure), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 0);
}

static void the_index_of_the_place_wins_over_the_jobs_own(void **state)
{
    fixture *fixture = *state;
    fixture->spec.target = "mine";
    fixture_open(fixture, &plays_output);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_OK);
    const fake_request *request = fake_http_request(fixture->server, fake_http_count(fixture->server) - 1);
    assert_memory_equal(request->path, "/mine/_bulk?", 12);
}

static void much_is_sent_before_the_flush(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "elastic.bulk.bytes", "1kb");
    fixture_open(fixture, &plays_output);
    play rows[30];
    for (int i = 0; i < 30; i++)
        rows[i] = play_at(i);
    sink_rows chunk = { .at = rows, .count = 30 };
    assert_int_equal(sink_elastic.rows(fixture->sink, 1, &chunk, &fixture->failure), SL_OK);
    size_t before = fixture_bulks(fixture);
    assert_true(before > 3);
    assert_int_equal(sink_elastic.flush(fixture->sink, 1, &fixture->failure), SL_OK);
    int64_t next = 0;
    for (size_t i = 0; i < fixture_bulks(fixture); i++) {
        const char *at = fixture_bulk(fixture, i);
        assert_true(strlen(at) < 1024 + 200);
        for (; (at = strstr(at, "realtime-0-")) != NULL; at++)
            assert_int_equal(strtol(at + 11, NULL, 10), next++);
    }
    assert_int_equal(next, 30);
}

static void writers_do_not_mix_their_documents(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    play row = play_at(7);
    sink_rows rows = { .at = &row, .count = 1 };
    assert_int_equal(sink_elastic.rows(fixture->sink, 1, &rows, &fixture->failure), SL_OK);
    assert_int_equal(fixture_write_plays(fixture, 0, 0, 1), SL_OK);
    assert_int_equal(sink_elastic.flush(fixture->sink, 1, &fixture->failure), SL_OK);
    assert_string_equal(offsets_in(fixture_bulk(fixture, 0)), "0");
    assert_string_equal(offsets_in(fixture_bulk(fixture, 1)), "7");
}

static void a_new_attempt_drops_what_the_last_one_gathered(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &plays_output);
    play row = play_at(7);
    sink_rows rows = { .at = &row, .count = 1 };
    assert_int_equal(sink_elastic.rows(fixture->sink, 0, &rows, &fixture->failure), SL_OK);
    fixture_begin(fixture, 2);
    assert_int_equal(fixture_write_plays(fixture, 0, 1, 2), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
    assert_string_equal(offsets_in(fixture_bulk(fixture, 0)), "1");
}

static void only_changed_groups_are_replaced_and_fallen_documents_deleted(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &ranks_output);
    rank men[2] = { { .gender = SL_TEXT("0"), .rank = 1 }, { .gender = SL_TEXT("0"), .rank = 2 } };
    rank women = { .gender = SL_TEXT("1"), .rank = 1 };
    sl_text fallen[] = { SL_TEXT("0-3"), SL_TEXT("0-4") };
    sink_group groups[] = {
        { .key_row = men, .rows = men, .count = 2, .changed = true, .fallen = fallen, .fallen_count = 2 },
        { .key_row = &women, .rows = &women, .count = 1 },
    };
    assert_int_equal(sink_elastic.replace(fixture->sink, groups, 2, &fixture->failure), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
#define VERSION ",\"version\":1795402680000,\"version_type\":\"external\"}}\n"
#define REST    "\"share\":0,\"is_new\":false,\"since\":\"1970-01-01T00:00:00.000Z\"}\n"
    assert_string_equal(fixture_bulk(fixture, 0),
                        "{\"index\":{\"_id\":\"0-1\"" VERSION
                        "{\"@timestamp\":\"2026-11-23T02:58:00.000Z\",\"gender\":\"0\",\"rank\":1," REST
                        "{\"index\":{\"_id\":\"0-2\"" VERSION
                        "{\"@timestamp\":\"2026-11-23T02:58:00.000Z\",\"gender\":\"0\",\"rank\":2," REST
                        "{\"delete\":{\"_id\":\"0-3\"" VERSION "{\"delete\":{\"_id\":\"0-4\"" VERSION);
}

static void a_delete_of_what_is_gone_or_newer_is_done(void **state)
{
    fixture *fixture = *state;
    fixture_open(fixture, &ranks_output);
    fake_http_add(fixture->server, &(fake_answer){ .body = ANSWER("delete", 404, 409, 200) });
    sl_text fallen[] = { SL_TEXT("0-3"), SL_TEXT("0-4"), SL_TEXT("0-5") };
    sink_group group = { .changed = true, .fallen = fallen, .fallen_count = 3 };
    assert_int_equal(sink_elastic.replace(fixture->sink, &group, 1, &fixture->failure), SL_OK);
    assert_int_equal(fixture_bulks(fixture), 1);
}

static void a_place_without_a_usable_index_is_wrong_usage(void **state)
{
    fixture *fixture = *state;
    static const char *const wrong[] = { "Upper", "a,b", "a*", "_a",   "-a",  "+a", "a b",
                                         "a/b",   ".",   "..", "a\"b", "a#b", "a:b" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture->spec.target = wrong[i];
        assert_int_equal(fixture_try_open(fixture, &plays_output), SL_USAGE);
        assert_true(says(fixture, "documents"));
    }
    sl_output nameless = plays_output;
    nameless.index = NULL;
    fixture->spec.target = "";
    assert_int_equal(fixture_try_open(fixture, &nameless), SL_USAGE);
    assert_true(says(fixture, "--to documents=elastic:INDEX"));
    assert_int_equal(fake_http_count(fixture->server), 0);
    assert_null(fixture->sink);
}

static void an_output_without_ids_is_wrong_usage(void **state)
{
    fixture *fixture = *state;
    sl_output raw = plays_output;
    raw.raw = (sl_fields){ play_schema, 1, { offsetof(play, track_id) } };
    assert_int_equal(fixture_try_open(fixture, &raw), SL_USAGE);
    sl_output bare = plays_output;
    bare.id.count = 0;
    assert_int_equal(fixture_try_open(fixture, &bare), SL_USAGE);
    assert_true(says(fixture, "no id"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_created_under_its_origin),
        TEST(an_aggregate_carries_the_batch_time_as_its_version),
        TEST(nothing_to_write_sends_nothing),
        TEST(the_index_of_the_place_wins_over_the_jobs_own),
        TEST(much_is_sent_before_the_flush),
        TEST(writers_do_not_mix_their_documents),
        TEST(a_new_attempt_drops_what_the_last_one_gathered),
        TEST(only_changed_groups_are_replaced_and_fallen_documents_deleted),
        TEST(a_delete_of_what_is_gone_or_newer_is_done),
        TEST(a_place_without_a_usable_index_is_wrong_usage),
        TEST(an_output_without_ids_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
