/*
 * tests/lookups/redis.c - hashes found by their keys, against a redis-server.
 */
#include <clients/redis.h>
#include <lookups/lookup.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const lookup_kind lookup_redis;

static redis_server *server; /* NULL: there is no redis-server */
static settings *known;
static const char *const names[] = { "name", "age", "zip" };

enum { NAMES = 3 };

static int start(void **state)
{
    (void)state;
    failure failure = { 0 };
    server = redis_server_start(NULL);
    if (server == NULL)
        return 0;
    known = settings_new();
    settings_add(known, "Redis", redis_settings);
    return settings_set(known, "redis.url", redis_server_url(server), "test", &failure) == SL_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    settings_free(known);
    redis_server_stop(server);
    return 0;
}

static void *opened(const char *target, const char *prefix)
{
    void *self = NULL;
    failure failure = { 0 };
    lookup_spec spec = { .name = "customers",
                         .target = target,
                         .prefix = prefix,
                         .names = names,
                         .name_count = NAMES,
                         .settings = known,
                         .job = "test" };
    redis_server_ask(server, "FLUSHALL");
    assert_int_equal(lookup_redis.open(&spec, &self, &failure), SL_OK);
    return self;
}

static void assert_text(sl_text text, const char *wanted)
{
    assert_non_null(text.at);
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void fields_are_found_and_missing_ones_stay_missing(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    void *self = opened("", "");
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text keys[] = { SL_TEXT("48"), SL_TEXT("nobody"), SL_TEXT("9") };
    sl_text answers[3 * NAMES] = { 0 };
    redis_server_ask(server, "HSET 48 name Ann age 23 zip 72132 more x");
    redis_server_ask(server, "HSET 9 name  zip 1");
    assert_int_equal(lookup_redis.ask(self, &(lookup_question){ keys, 3, answers, &memory }, &failure),
                     SL_OK);
    lookup_redis.close(self); /* answers live in `memory` */
    assert_text(answers[0], "Ann");
    assert_text(answers[1], "23");
    assert_text(answers[2], "72132");
    assert_null(answers[3].at);
    assert_null(answers[4].at);
    assert_null(answers[5].at);
    assert_text(answers[6], "");
    assert_null(answers[7].at);
    assert_text(answers[8], "1");
    arena_done(&memory);
}

static void a_key_of_another_type_is_unknown(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    void *self = opened("", "");
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text keys[] = { SL_TEXT("text"), SL_TEXT("48") };
    sl_text answers[2 * NAMES] = { 0 };
    redis_server_ask(server, "SET text x");
    redis_server_ask(server, "HSET 48 name Ann");
    assert_int_equal(lookup_redis.ask(self, &(lookup_question){ keys, 2, answers, &memory }, &failure),
                     SL_OK);
    assert_null(answers[0].at);
    assert_text(answers[NAMES], "Ann");
    lookup_redis.close(self);
    arena_done(&memory);
}

static void a_plain_value_is_found_by_its_key(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    static const char *const only[] = { "flag" };
    void *self = NULL;
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text keys[] = { SL_TEXT("2"), SL_TEXT("3"), SL_TEXT("5"), SL_TEXT("4") }, answers[4] = { 0 };
    lookup_spec spec = { .name = "predictions",
                         .target = "",
                         .prefix = "pred_event:",
                         .names = only,
                         .name_count = 1,
                         .plain = true,
                         .settings = known,
                         .job = "test" };
    redis_server_ask(server, "FLUSHALL");
    redis_server_ask(server, "SET pred_event:2 1");
    redis_server_ask(server, "SET pred_event:4 0");
    redis_server_ask(server, "HSET pred_event:5 flag 1");
    assert_int_equal(lookup_redis.open(&spec, &self, &failure), SL_OK);
    for (int time = 0; time < 2; time++) {
        assert_int_equal(lookup_redis.ask(self, &(lookup_question){ keys, 4, answers, &memory }, &failure),
                         SL_OK);
        assert_text(answers[0], "1");
        assert_null(answers[1].at);
        assert_null(answers[2].at); /* of another type: unknown, and the connection goes on */
        assert_text(answers[3], "0");
    }
    lookup_redis.close(self);
    arena_done(&memory);
}

static void a_prefix_stands_before_each_key_and_the_target_replaces_it(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    static const char *const targets[] = { "", "other:" }, *const found[] = { "Ann", "Bob" };
    for (size_t i = 0; i < 2; i++) {
        void *self = opened(targets[i], "cust:");
        failure failure = { 0 };
        arena memory = { 0 };
        sl_text key = SL_TEXT("48"), answers[NAMES] = { 0 };
        redis_server_ask(server, "HSET cust:48 name Ann");
        redis_server_ask(server, "HSET other:48 name Bob");
        assert_int_equal(lookup_redis.ask(self, &(lookup_question){ &key, 1, answers, &memory }, &failure),
                         SL_OK);
        assert_text(answers[0], found[i]);
        lookup_redis.close(self);
        arena_done(&memory);
    }
}

static void ten_thousand_keys_get_their_own_answers(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    enum { COUNT = 10000 };
    void *self = opened("", "");
    failure failure = { 0 };
    arena memory = { 0 };
    char(*texts)[16] = calloc(COUNT, sizeof *texts);
    sl_text *keys = calloc(COUNT, sizeof *keys), *answers = calloc(COUNT * NAMES, sizeof *answers);
    for (int i = 0; i < COUNT; i++) {
        keys[i] = (sl_text){ texts[i], (size_t)snprintf(texts[i], sizeof texts[i], "%d", i) };
        if (i % 100 == 7) {
            char command[64];
            snprintf(command, sizeof command, "HSET %d name n%d zip z%d", i, i, i);
            redis_server_ask(server, command);
        }
    }
    assert_int_equal(lookup_redis.ask(self, &(lookup_question){ keys, COUNT, answers, &memory }, &failure),
                     SL_OK);
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_null(answers[i * NAMES + 1].at);
        if (i % 100 == 7)
            assert_text(answers[i * NAMES], name);
        else
            assert_null(answers[i * NAMES].at);
    }
    lookup_redis.close(self);
    arena_done(&memory);
    free(texts);
    free(keys);
    free(answers);
}

static void a_server_that_went_away_is_asked_again(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    void *self = opened("", "");
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text key = SL_TEXT("48"), answers[NAMES] = { 0 };
    redis_server_kill(server);
    assert_int_equal(lookup_redis.ask(self, &(lookup_question){ &key, 1, answers, &memory }, &failure),
                     SL_RETRY);
    redis_server_restart(server);
    redis_server_ask(server, "HSET 48 name Ann");
    failure_clear(&failure);
    assert_int_equal(lookup_redis.ask(self, &(lookup_question){ &key, 1, answers, &memory }, &failure),
                     SL_OK);
    assert_text(answers[0], "Ann");
    lookup_redis.close(self);
    arena_done(&memory);
}

static void opening_without_a_server_may_be_tried_again(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    void *self = &known;
    failure failure = { 0 };
    lookup_spec spec = { .name = "customers",
                         .target = "",
                         .names = names,
                         .name_count = NAMES,
                         .settings = known,
                         .job = "test" };
    redis_server_kill(server);
    assert_int_equal(lookup_redis.open(&spec, &self, &failure), SL_RETRY);
    assert_ptr_equal(self, &known);
    redis_server_restart(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_and_missing_ones_stay_missing),
        cmocka_unit_test(a_key_of_another_type_is_unknown),
        cmocka_unit_test(a_plain_value_is_found_by_its_key),
        cmocka_unit_test(a_prefix_stands_before_each_key_and_the_target_replaces_it),
        cmocka_unit_test(ten_thousand_keys_get_their_own_answers),
        cmocka_unit_test(a_server_that_went_away_is_asked_again),
        cmocka_unit_test(opening_without_a_server_may_be_tried_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
