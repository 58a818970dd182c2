/*
 * tests/sinks/redis.c - shapes, replacement and fences, against a redis-server.
 */
#include <base/memory.h>
#include <clients/redis.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <sinks/sink.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const sink_kind sink_redis;

#define PERSON_FIELDS(F) F(text, name) F(maybe_i64, age)
SL_RECORD(person, PERSON_FIELDS);
#define PLAY_FIELDS(F)                                                                                       \
    F(origin, origin)                                                                                        \
    F(text, customer, "customer_id") F(text, track) F(i64, plays) F(text, note) F(link(person), person)
SL_RECORD(play, PLAY_FIELDS);

static redis_server *server; /* NULL: there is no redis-server */
static settings *known;

static sl_output interests, top, profiles, customers, tracks;

typedef struct place { /* a sink, and the batch that it writes */
    void *sink;
    sink_batch batch;
    buffer exceptions[2];
} place;

static void outputs_fill(void)
{
    interests = (sl_output){ .name = "interests",
                             .redis = { .shape = SL_SORTED_SET,
                                        .prefix = "interest:",
                                        .key = SL_FIELDS(play, customer),
                                        .member = SL_FIELDS(play, track) } };
    top = (sl_output){ .name = "top",
                       .whole = SL_FIELDS(play, customer),
                       .redis = { .shape = SL_SORTED_SET,
                                  .prefix = "top_tracks:",
                                  .key = SL_FIELDS(play, customer),
                                  .member = SL_FIELDS(play, track),
                                  .score = SL_FIELDS(play, plays) } };
    profiles =
        (sl_output){ .name = "profiles",
                     .redis = { .shape = SL_HASH, .prefix = "profile:", .key = SL_FIELDS(play, customer) } };
    customers =
        (sl_output){ .name = "customers", .redis = { .shape = SL_HASH, .key = SL_FIELDS(play, customer) } };
    tracks =
        (sl_output){ .name = "tracks",
                     .redis = { .shape = SL_SET, .prefix = "unique", .member = SL_FIELDS(play, track) } };
}

static int start(void **state)
{
    (void)state;
    failure failure = { 0 };
    outputs_fill();
    server = redis_server_start(NULL);
    if (server == NULL)
        return 0;
    known = settings_new();
    settings_add(known, "Redis", redis_settings);
    return settings_set(known, "redis.url", redis_server_unix_url(server), "test", &failure) == SL_OK ? 0
                                                                                                      : -1;
}

static int stop(void **state)
{
    (void)state;
    settings_free(known);
    redis_server_stop(server);
    return 0;
}

static sl_result place_open(place *place, const sl_output *output, sink_spec spec, failure *failure)
{
    *place = (struct place){ 0 };
    spec.output = output;
    spec.schema = play_schema();
    spec.settings = known;
    spec.writers = 2;
    spec.target = spec.target ? spec.target : "";
    spec.job = spec.job ? spec.job : "listens";
    return sink_redis.open(&spec, &place->sink, failure);
}

static place opened(const sl_output *output)
{
    place place;
    failure failure = { 0 };
    assert_int_equal(place_open(&place, output, (sink_spec){ 0 }, &failure), SL_OK);
    return place;
}

static void begin(place *place, int64_t time_ms)
{
    failure failure = { 0 };
    place->batch = (sink_batch){ .time_ms = time_ms, .attempt = 1, .exceptions = place->exceptions };
    assert_int_equal(sink_redis.begin(place->sink, &place->batch, &failure), SL_OK);
}

static void add(place *place, unsigned writer, uint64_t sequence, const play *rows, size_t count)
{
    failure failure = { 0 };
    sink_rows handed = { .at = rows, .count = count, .sequence = sequence };
    assert_int_equal(sink_redis.rows(place->sink, writer, &handed, &failure), SL_OK);
}

static sl_result end(place *place, failure *failure)
{
    for (unsigned writer = 0; writer < 2; writer++)
        assert_int_equal(sink_redis.flush(place->sink, writer, failure), SL_OK);
    return sink_redis.commit(place->sink, failure);
}

static sl_result rows_write(place *place, int64_t time_ms, const play *rows, size_t count, failure *failure)
{
    begin(place, time_ms);
    add(place, 0, 0, rows, count);
    return end(place, failure);
}

static void assert_written(place *place, int64_t time_ms, const play *rows, size_t count)
{
    failure failure = { 0 };
    assert_int_equal(rows_write(place, time_ms, rows, count, &failure), SL_OK);
}

static void assert_answer(const char *command, const char *wanted)
{
    assert_string_equal(redis_server_ask(server, command), wanted);
}

static bool fresh(void)
{
    if (server)
        redis_server_ask(server, "FLUSHALL");
    return server != NULL;
}

static void a_sorted_set_has_the_batch_time_as_score(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&interests);
    play rows[] = { { .customer = SL_TEXT("9"), .track = SL_TEXT("56") },
                    { .customer = SL_TEXT("9"), .track = SL_TEXT("7 7") },
                    { .customer = SL_TEXT("48"), .track = SL_TEXT("56") } };
    begin(&place, 1795402680000);
    add(&place, 1, 3, rows, 2);
    add(&place, 0, 1, rows + 2, 1);
    assert_int_equal(end(&place, &(failure){ 0 }), SL_OK);
    assert_answer("ZRANGE interest:9 0 -1 WITHSCORES", "56 1795402680000 7 7 1795402680000");
    assert_answer("ZRANGE interest:48 0 -1 WITHSCORES", "56 1795402680000");
    assert_answer("HMGET sluice:fence:interest job epoch T", "listens 1 1795402680000");
    sink_redis.close(place.sink);
}

static void a_hash_has_all_fields_but_its_key_and_what_is_missing(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&profiles);
    person ann = { .name = SL_TEXT("Ann"), .age = { 23, true } }, bob = { .name = SL_TEXT("") };
    play rows[] = { { .customer = SL_TEXT("9"), .track = SL_TEXT("56"), .plays = -3, .person = &ann },
                    { .customer = SL_TEXT("48"), .note = SL_TEXT("x"), .person = &bob } };
    assert_written(&place, 1000, rows, 2);
    assert_answer("HMGET profile:9 track plays note name age customer_id", "56 -3 nil Ann 23 nil");
    assert_answer("HLEN profile:9", "4");
    assert_answer("HMGET profile:48 track plays note name age", "nil 0 x  nil");
    assert_answer("HLEN profile:48", "3");
    sink_redis.close(place.sink);
}

static void a_set_without_a_key_field_is_named_by_its_prefix(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&tracks);
    play rows[] = {
        { .track = SL_TEXT("1") }, { .track = SL_TEXT("2") }, { .plays = 1 }, { .track = SL_TEXT("1") }
    };
    assert_written(&place, 1000, rows, 4);
    assert_answer("SORT unique", "1 2"); /* a row without a member has no place */
    assert_answer("HGET sluice:fence:unique T", "1000");
    sink_redis.close(place.sink);
}

static void keys_without_a_prefix_are_written_plainly(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    enum { COUNT = 5000 };
    place place = opened(&customers);
    play *rows = calloc(COUNT, sizeof *rows);
    char(*ids)[16] = calloc(COUNT, sizeof *ids);
    for (int i = 0; i < COUNT; i++) {
        rows[i].customer = (sl_text){ ids[i], (size_t)snprintf(ids[i], sizeof ids[i], "%d", i) };
        rows[i].plays = i + 1;
    }
    begin(&place, 1000);
    add(&place, 0, 0, rows, COUNT / 2);
    add(&place, 1, 1, rows + COUNT / 2, COUNT / 2);
    assert_int_equal(end(&place, &(failure){ 0 }), SL_OK);
    assert_answer("DBSIZE", "5000"); /* no fence */
    assert_answer("HGETALL 4999", "plays 5000");
    sink_redis.close(place.sink);
    free(rows);
    free(ids);
}

static void of_two_rows_with_one_key_the_later_chunk_wins(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    static const sl_output *const outputs[] = { &profiles, &customers };
    static const char *const keys[] = { "HGET profile:9 plays", "HGET 9 plays" };
    play first = { .customer = SL_TEXT("9"), .plays = 1 }, later = { .customer = SL_TEXT("9"), .plays = 2 };
    for (size_t i = 0; i < 2; i++) {
        place place = opened(outputs[i]);
        begin(&place, 1000);
        add(&place, 0, 8, &later, 1);
        add(&place, 1, 7, &first, 1);
        assert_int_equal(end(&place, &(failure){ 0 }), SL_OK);
        assert_answer(keys[i], "2");
        sink_redis.close(place.sink);
    }
}

static void a_batch_of_many_keys_is_written_whole(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    enum { COUNT = 2600 };
    place place = opened(&interests);
    play *rows = calloc(COUNT, sizeof *rows);
    char(*ids)[16] = calloc(COUNT, sizeof *ids);
    for (int i = 0; i < COUNT; i++) {
        rows[i].customer = (sl_text){ ids[i], (size_t)snprintf(ids[i], sizeof ids[i], "%d", i) };
        rows[i].track = rows[i].customer;
    }
    assert_written(&place, 1000, rows, COUNT);
    assert_answer("DBSIZE", "2601");
    assert_answer("ZSCORE interest:2599 2599", "1000");
    sink_redis.close(place.sink);
    free(rows);
    free(ids);
}

static void a_changed_group_is_replaced_and_an_empty_one_goes(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&top);
    play zero = { .customer = SL_TEXT("0") }, one = { .customer = SL_TEXT("1") };
    play rows[] = { { .track = SL_TEXT("a"), .plays = 5 }, { .track = SL_TEXT("b"), .plays = 4 } };
    play newer[] = { { .track = SL_TEXT("c"), .plays = 6 } };
    sink_group groups[] = { { .key_row = &zero, .rows = rows, .count = 2, .changed = true },
                            { .key_row = &one, .rows = rows, .count = 1, .changed = true } };
    begin(&place, 1000);
    assert_int_equal(sink_redis.replace(place.sink, groups, 2, &(failure){ 0 }), SL_OK);
    assert_int_equal(sink_redis.commit(place.sink, &(failure){ 0 }), SL_OK);
    assert_answer("ZRANGE top_tracks:0 0 -1 WITHSCORES", "b 4 a 5");
    assert_answer("ZRANGE top_tracks:1 0 -1 WITHSCORES", "a 5");
    sink_group next[] = { { .key_row = &zero, .rows = newer, .count = 1, .changed = true },
                          { .key_row = &one, .count = 0, .changed = true } };
    begin(&place, 2000);
    assert_int_equal(sink_redis.replace(place.sink, next, 2, &(failure){ 0 }), SL_OK);
    assert_int_equal(sink_redis.commit(place.sink, &(failure){ 0 }), SL_OK);
    assert_answer("ZRANGE top_tracks:0 0 -1 WITHSCORES", "c 6");
    assert_answer("EXISTS top_tracks:1", "0");
    next[0].changed = next[1].changed = false;
    begin(&place, 3000);
    assert_int_equal(sink_redis.replace(place.sink, next, 2, &(failure){ 0 }), SL_OK);
    assert_int_equal(sink_redis.commit(place.sink, &(failure){ 0 }), SL_OK);
    assert_answer("HGET sluice:fence:top_tracks T", "2000"); /* nothing changed, nothing written */
    sink_redis.close(place.sink);
}

static void a_group_may_be_longer_than_a_call_of_lua(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    enum { COUNT = 9001 };
    place place = opened(&top);
    play zero = { .customer = SL_TEXT("0") }, *rows = calloc(COUNT, sizeof *rows);
    char(*ids)[16] = calloc(COUNT, sizeof *ids);
    for (int i = 0; i < COUNT; i++) {
        rows[i].track = (sl_text){ ids[i], (size_t)snprintf(ids[i], sizeof ids[i], "t%d", i) };
        rows[i].plays = i;
    }
    sink_group group = { .key_row = &zero, .rows = rows, .count = COUNT, .changed = true };
    begin(&place, 1000);
    assert_int_equal(sink_redis.replace(place.sink, &group, 1, &(failure){ 0 }), SL_OK);
    assert_int_equal(sink_redis.commit(place.sink, &(failure){ 0 }), SL_OK);
    assert_answer("ZCARD top_tracks:0", "9001");
    assert_answer("ZSCORE top_tracks:0 t9000", "9000");
    sink_redis.close(place.sink);
    free(rows);
    free(ids);
}

static void an_older_batch_never_overwrites_and_the_same_may_come_again(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&profiles);
    play row = { .customer = SL_TEXT("9"), .plays = 2 };
    assert_written(&place, 2000, &row, 1);
    row.plays = 1;
    assert_written(&place, 1000, &row, 1);
    assert_answer("HGET profile:9 plays", "2");
    row.plays = 3;
    assert_written(&place, 2000, &row, 1);
    assert_answer("HGET profile:9 plays", "3");
    assert_answer("HGET sluice:fence:profile T", "2000");
    sink_redis.close(place.sink);
}

static void what_an_earlier_attempt_gathered_is_dropped(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&interests);
    play lost = { .customer = SL_TEXT("1"), .track = SL_TEXT("1") },
         kept = { .customer = SL_TEXT("2"), .track = SL_TEXT("2") };
    begin(&place, 1000);
    add(&place, 1, 0, &lost, 1);
    assert_written(&place, 1000, &kept, 1);
    assert_answer("KEYS interest:*", "interest:2");
    sink_redis.close(place.sink);
}

static void an_older_incarnation_of_the_job_is_refused(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place old = opened(&interests), new = opened(&interests);
    failure failure = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    assert_int_equal(rows_write(&old, 5000, &row, 1, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "incarnation"));
    assert_non_null(strstr(failure.text, "sluice:fence:interest"));
    assert_answer("EXISTS interest:9", "0");
    assert_written(&new, 1000, &row, 1);
    assert_answer("ZSCORE interest:9 56", "1000");
    sink_redis.close(old.sink);
    sink_redis.close(new.sink);
}

static void keys_of_another_job_are_only_taken_over_when_asked(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place mine = opened(&interests), other;
    failure failure = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    assert_int_equal(place_open(&other, &interests, (sink_spec){ .job = "other" }, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "'listens'"));
    assert_non_null(strstr(failure.text, "--take-over"));
    assert_written(&mine, 1000, &row, 1); /* the refused one changed nothing */
    failure_clear(&failure);
    assert_int_equal(
        place_open(&other, &interests, (sink_spec){ .job = "other", .take_over = true }, &failure), SL_OK);
    assert_int_equal(rows_write(&mine, 2000, &row, 1, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "of other"));
    assert_written(&other, 3000, &row, 1);
    assert_answer("ZSCORE interest:9 56", "3000");
    sink_redis.close(mine.sink);
    sink_redis.close(other.sink);
}

static void a_target_is_another_prefix_with_a_fence_of_its_own(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place mine = opened(&interests), moved;
    failure failure = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    sink_spec spec = { .job = "other", .target = "test:interest:" };
    assert_int_equal(place_open(&moved, &interests, spec, &failure), SL_OK);
    assert_written(&moved, 1000, &row, 1);
    assert_written(&mine, 2000, &row, 1);
    assert_answer("ZSCORE test:interest:9 56", "1000");
    assert_answer("HMGET sluice:fence:test:interest job T", "other 1000");
    assert_answer("ZSCORE interest:9 56", "2000");
    sink_redis.close(mine.sink);
    sink_redis.close(moved.sink);
}

static void a_script_that_the_server_forgot_is_sent_again(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&interests);
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    assert_written(&place, 1000, &row, 1);
    redis_server_ask(server, "SCRIPT FLUSH");
    assert_written(&place, 2000, &row, 1);
    assert_answer("ZSCORE interest:9 56", "2000");
    sink_redis.close(place.sink);
}

static void a_server_that_lost_everything_gets_the_next_batch_and_a_fence(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&interests);
    failure failure = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    redis_server_kill(server);
    assert_int_equal(rows_write(&place, 1000, &row, 1, &failure), SL_RETRY);
    redis_server_restart(server);
    assert_written(&place, 1000, &row, 1);
    assert_answer("ZSCORE interest:9 56", "1000");
    assert_answer("HMGET sluice:fence:interest job epoch T", "listens 1 1000");
    sink_redis.close(place.sink);
}

static void a_key_of_another_type_stops_the_job(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    static const sl_output *const outputs[] = { &interests, &customers };
    redis_server_ask(server, "SET interest:9 text");
    redis_server_ask(server, "SET 9 text");
    for (size_t i = 0; i < 2; i++) {
        place place = opened(outputs[i]);
        failure failure = { 0 };
        assert_int_equal(rows_write(&place, 1000, &row, 1, &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "WRONGTYPE"));
        assert_non_null(strstr(failure.text, outputs[i]->name));
        sink_redis.close(place.sink);
    }
}

static void a_full_server_is_tried_again(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place = opened(&interests);
    failure failure = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56") };
    redis_server_ask(server, "CONFIG SET maxmemory 1");
    assert_int_equal(rows_write(&place, 1000, &row, 1, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "maxmemory"));
    redis_server_ask(server, "CONFIG SET maxmemory 0");
    assert_written(&place, 1000, &row, 1);
    sink_redis.close(place.sink);
}

static void an_output_without_a_place_in_redis_is_refused(void **state)
{
    (void)state;
    if (!fresh())
        skip();
    place place;
    const sl_output wrong[] = {
        { .name = "documents" },
        { .name = "set", .redis = { .shape = SL_SET, .prefix = "a:" } },
        { .name = "no key", .redis = { .shape = SL_HASH } },
        { .name = "whole",
          .whole = SL_FIELDS(play, customer),
          .redis = { .shape = SL_HASH, .key = SL_FIELDS(play, customer) } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure failure = { 0 };
        assert_int_equal(place_open(&place, &wrong[i], (sink_spec){ 0 }, &failure), SL_USAGE);
        assert_non_null(strstr(failure.text, wrong[i].name));
    }
    failure failure = { 0 };
    assert_int_equal(place_open(&place, &interests, (sink_spec){ .target = "//127.0.0.1" }, &failure),
                     SL_USAGE);
    assert_non_null(strstr(failure.text, "redis.url"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sorted_set_has_the_batch_time_as_score),
        cmocka_unit_test(a_hash_has_all_fields_but_its_key_and_what_is_missing),
        cmocka_unit_test(a_set_without_a_key_field_is_named_by_its_prefix),
        cmocka_unit_test(keys_without_a_prefix_are_written_plainly),
        cmocka_unit_test(of_two_rows_with_one_key_the_later_chunk_wins),
        cmocka_unit_test(a_batch_of_many_keys_is_written_whole),
        cmocka_unit_test(a_changed_group_is_replaced_and_an_empty_one_goes),
        cmocka_unit_test(a_group_may_be_longer_than_a_call_of_lua),
        cmocka_unit_test(an_older_batch_never_overwrites_and_the_same_may_come_again),
        cmocka_unit_test(what_an_earlier_attempt_gathered_is_dropped),
        cmocka_unit_test(an_older_incarnation_of_the_job_is_refused),
        cmocka_unit_test(keys_of_another_job_are_only_taken_over_when_asked),
        cmocka_unit_test(a_target_is_another_prefix_with_a_fence_of_its_own),
        cmocka_unit_test(a_script_that_the_server_forgot_is_sent_again),
        cmocka_unit_test(a_server_that_lost_everything_gets_the_next_batch_and_a_fence),
        cmocka_unit_test(a_key_of_another_type_stops_the_job),
        cmocka_unit_test(a_full_server_is_tried_again),
        cmocka_unit_test(an_output_without_a_place_in_redis_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
