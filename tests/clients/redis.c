/*
 * tests/clients/redis.c - pipelines, and what happens when the server goes away, against a redis-server.
 */
#include <clients/redis.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static redis_server *server; /* NULL: there is no redis-server */

static int start(void **state)
{
    (void)state;
    server = redis_server_start(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_stop(server);
    return 0;
}

static sl_result try_connection(const char *url, const char *timeout, redis **client, failure *failure)
{
    settings *settings = settings_new();
    settings_add(settings, "Redis", redis_settings);
    assert_int_equal(settings_set(settings, "redis.url", url, "test", failure), SL_OK);
    assert_int_equal(settings_set(settings, "redis.timeout", timeout, "test", failure), SL_OK);
    sl_result result = redis_open(settings, "a test", client, failure);
    settings_free(settings);
    return result;
}

static redis *connection(const char *url)
{
    redis *client = NULL;
    failure failure = { 0 };
    assert_int_equal(try_connection(url, "5s", &client, &failure), SL_OK);
    return client;
}

static redis_reply ask(redis *client, const char *a, const char *b, const char *c)
{
    redis_reply reply;
    failure failure = { 0 };
    const char *texts[] = { a, b, c };
    sl_text words[3];
    size_t count = 0;
    for (; count < 3 && texts[count]; count++)
        words[count] = (sl_text){ texts[count], strlen(texts[count]) };
    assert_int_equal(redis_ask(client, words, count, &reply, &failure), SL_OK);
    return reply;
}

static void assert_text(sl_text text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void words_are_bytes(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = connection(redis_server_unix_url(server));
    failure failure = { 0 };
    redis_reply reply;
    sl_text words[] = { SL_TEXT("SET"), SL_TEXT("a key\r\n%s"), { "x\0y\r\n", 5 } };
    assert_int_equal(redis_ask(client, words, 3, &reply, &failure), SL_OK);
    assert_text(reply.text, "OK");
    words[0] = SL_TEXT("GET");
    assert_int_equal(redis_ask(client, words, 2, &reply, &failure), SL_OK);
    assert_int_equal(reply.type, REDIS_TEXT);
    assert_int_equal(reply.text.size, 5);
    assert_memory_equal(reply.text.at, "x\0y\r\n", 5);
    redis_close(client);
}

static void each_type_of_reply_is_understood(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = connection(redis_server_url(server));
    assert_int_equal(ask(client, "GET", "nothing", NULL).type, REDIS_NIL);
    redis_reply reply = ask(client, "RPUSH", "list", "one");
    assert_int_equal(reply.type, REDIS_NUMBER);
    assert_int_equal(reply.number, 1);
    reply = ask(client, "GET", "list", NULL);
    assert_true(redis_error_is(&reply, "WRONGTYPE"));
    assert_false(redis_error_is(&reply, "WRONG"));
    reply = ask(client, "EVAL", "return {1,{'two',false},{}}", "0");
    assert_int_equal(reply.type, REDIS_LIST);
    assert_int_equal(reply.count, 3);
    assert_int_equal(reply.items[0].number, 1);
    assert_int_equal(reply.items[1].count, 2);
    assert_text(reply.items[1].items[0].text, "two");
    assert_int_equal(reply.items[1].items[1].type, REDIS_NIL);
    assert_int_equal(reply.items[2].count, 0);
    reply = ask(client, "CLIENT", "GETNAME", NULL);
    assert_text(reply.text, "sluice-a_test"); /* names have no blanks */
    redis_close(client);
}

typedef struct gathered {
    size_t count;
    sl_text last;
    bool in_order;
} gathered;

static sl_result gather(void *argument, size_t command, const redis_reply *reply, failure *failure)
{
    (void)failure;
    gathered *gathered = argument;
    int64_t number = -1;
    sl_text digits = { reply->text.at, reply->text.size < 7 ? reply->text.size : 7 };
    gathered->in_order = gathered->in_order && command == gathered->count++ && sl_to_i64(digits, &number) &&
                         (size_t)number == command;
    gathered->last = reply->text;
    return SL_OK;
}

static void a_long_pipeline_is_answered_in_order(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = connection(redis_server_url(server));
    failure failure = { 0 };
    arena texts = { 0 };
    gathered all = { .in_order = true };
    assert_int_equal(redis_begin(client, &(redis_taker){ gather, &all, &texts }, &failure), SL_OK);
    for (int i = 0; i < 20000; i++) {
        char text[16];
        sl_text words[] = { SL_TEXT("ECHO"), { text, (size_t)snprintf(text, sizeof text, "%07d", i) } };
        assert_int_equal(redis_add(client, words, 2, &failure), SL_OK);
    }
    assert_int_equal(redis_finish(client, &failure), SL_OK);
    assert_true(all.in_order);
    assert_int_equal(all.count, 20000);
    ask(client, "PING", NULL, NULL);
    assert_text(all.last, "0019999"); /* it lies in the arena, not in the connection */
    arena_done(&texts);
    redis_close(client);
}

/* More than the buffers of both sockets hold, in both directions: writing everything first would never end. */
static void large_commands_and_large_replies_pass_each_other(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    enum { SIZE = 400 * 1000, COUNT = 100 };
    redis *client = connection(redis_server_unix_url(server));
    failure failure = { 0 };
    char *text = calloc(1, SIZE + 1);
    gathered all = { .in_order = true };
    memset(text, 'x', SIZE);
    assert_int_equal(redis_begin(client, &(redis_taker){ .take = gather, .argument = &all }, &failure),
                     SL_OK);
    for (int i = 0; i < COUNT; i++) {
        char digits[8];
        snprintf(digits, sizeof digits, "%07d", i);
        memcpy(text, digits, 7);
        sl_text words[] = { SL_TEXT("ECHO"), { text, SIZE } };
        assert_int_equal(redis_add(client, words, 2, &failure), SL_OK);
    }
    assert_int_equal(redis_finish(client, &failure), SL_OK);
    assert_int_equal(all.count, COUNT);
    assert_true(all.in_order);
    free(text);
    redis_close(client);
}

static void a_server_that_is_not_there_may_come(void **state)
{
    (void)state;
    redis *client = NULL;
    failure failure = { 0 };
    assert_int_equal(try_connection("redis://127.0.0.1:1", "1s", &client, &failure), SL_OK);
    assert_int_equal(redis_ping(client, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "127.0.0.1:1"));
    assert_non_null(strstr(failure.text, "refused"));
    redis_close(client);
}

static void a_restarted_server_is_found_again(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = connection(redis_server_url(server));
    failure failure = { 0 };
    ask(client, "PING", NULL, NULL);
    redis_server_restart(server);
    assert_text(ask(client, "PING", NULL, NULL).text, "PONG");
    assert_text(ask(client, "CLIENT", "GETNAME", NULL).text, "sluice-a_test");
    redis_server_kill(server);
    assert_int_equal(redis_ping(client, &failure), SL_RETRY);
    redis_server_restart(server);
    assert_text(ask(client, "PING", NULL, NULL).text, "PONG");
    redis_close(client);
}

static void a_pipeline_that_breaks_may_be_tried_again(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = connection(redis_server_url(server));
    failure failure = { 0 };
    gathered all = { .in_order = true };
    redis_taker taker = { .take = gather, .argument = &all };
    sl_text words[] = { SL_TEXT("ECHO"), SL_TEXT("0") };
    assert_int_equal(redis_begin(client, &taker, &failure), SL_OK);
    assert_int_equal(redis_add(client, words, 2, &failure), SL_OK);
    redis_server_restart(server);
    assert_int_equal(redis_finish(client, &failure), SL_RETRY);
    failure_clear(&failure);
    assert_int_equal(redis_begin(client, &taker, &failure), SL_OK);
    assert_int_equal(redis_add(client, words, 2, &failure), SL_OK);
    assert_int_equal(redis_finish(client, &failure), SL_OK);
    assert_int_equal(all.count, 1);
    /* One that is given up leaves nothing behind for the next. */
    assert_int_equal(redis_begin(client, &taker, &failure), SL_OK);
    assert_int_equal(redis_add(client, words, 2, &failure), SL_OK);
    assert_text(ask(client, "PING", NULL, NULL).text, "PONG");
    redis_close(client);
}

static void a_hung_server_costs_the_timeout_also_after_a_reconnection(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    redis *client = NULL;
    failure failure = { 0 };
    assert_int_equal(try_connection(redis_server_url(server), "50ms", &client, &failure), SL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(redis_ping(client, &failure), SL_OK);
        redis_server_hang(server);
        assert_int_equal(redis_ping(client, &failure), SL_RETRY);
        assert_non_null(strstr(failure.text, "redis.timeout"));
        failure_clear(&failure);
        redis_server_go_on(server);
        redis_server_ask(server, "PING");
    }
    redis_close(client);
}

static void the_database_of_the_address_is_chosen_on_each_connection(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    char url[80];
    snprintf(url, sizeof url, "%s/5", redis_server_url(server));
    redis *client = connection(url);
    for (int i = 0; i < 2; i++) {
        ask(client, "SET", "in_five", "yes");
        assert_string_equal(redis_server_ask(server, "GET in_five"), "nil");
        redis_server_restart(server);
    }
    redis_close(client);
}

static void a_wrong_password_stops_with_advice(void **state)
{
    (void)state;
    redis_server *closed = redis_server_start((const char *const[]){ "--requirepass", "s3cret", NULL });
    if (closed == NULL)
        skip();
    char url[80];
    failure failure = { 0 };
    redis *client = connection(redis_server_url(closed));
    assert_int_equal(redis_ping(client, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "NOAUTH"));
    redis_close(client);
    failure_clear(&failure);
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%s", strrchr(redis_server_url(closed), ':') + 1);
    client = connection(url);
    assert_int_equal(redis_ping(client, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "WRONGPASS"));
    assert_null(strstr(failure.text, "wrong@"));
    redis_close(client);
    failure_clear(&failure);
    snprintf(url, sizeof url, "redis://default:s3cret@127.0.0.1:%s",
             strrchr(redis_server_url(closed), ':') + 1);
    client = connection(url);
    assert_int_equal(redis_ping(client, &failure), SL_OK);
    redis_server_restart(closed);
    assert_int_equal(redis_ping(client, &failure), SL_OK); /* logged in again */
    redis_close(client);
    redis_server_stop(closed);
}

static void errors_that_pass_by_themselves_are_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        sl_result result;
    } errors[] = {
        { "LOADING Redis is loading the dataset in memory", SL_RETRY },
        { "BUSY Redis is busy running a script", SL_RETRY },
        { "MASTERDOWN Link with MASTER is down", SL_RETRY },
        { "CLUSTERDOWN The cluster is down", SL_RETRY },
        { "TRYAGAIN Multiple keys request during rehashing", SL_RETRY },
        { "READONLY You can't write against a read only replica.", SL_RETRY },
        { "OOM command not allowed when used memory > 'maxmemory'.", SL_RETRY },
        { "NOPERM this user has no permissions", SL_FAILED },
        { "WRONGTYPE Operation against a key", SL_FAILED },
        { "MOVED 3999 127.0.0.1:6381", SL_FAILED },
        { "ERR unknown command", SL_FAILED },
        { "LOADINGS", SL_FAILED },
    };
    redis *client = connection("redis://h");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        failure failure = { 0 };
        sl_text error = { errors[i].error, strlen(errors[i].error) };
        assert_int_equal(redis_refused(client, "asking", error, &failure), errors[i].result);
        assert_non_null(strstr(failure.text, errors[i].error));
        assert_non_null(strstr(failure.text, "asking"));
    }
    redis_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_bytes),
        cmocka_unit_test(each_type_of_reply_is_understood),
        cmocka_unit_test(a_long_pipeline_is_answered_in_order),
        cmocka_unit_test(large_commands_and_large_replies_pass_each_other),
        cmocka_unit_test(a_server_that_is_not_there_may_come),
        cmocka_unit_test(a_restarted_server_is_found_again),
        cmocka_unit_test(a_pipeline_that_breaks_may_be_tried_again),
        cmocka_unit_test(a_hung_server_costs_the_timeout_also_after_a_reconnection),
        cmocka_unit_test(the_database_of_the_address_is_chosen_on_each_connection),
        cmocka_unit_test(a_wrong_password_stops_with_advice),
        cmocka_unit_test(errors_that_pass_by_themselves_are_tried_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
