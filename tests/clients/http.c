/*
 * tests/clients/http.c - requests against a scripted server: what is sent, what comes back, what is said when nothing does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <clients/http.h>
#include <cmocka.h>
#include <servers/fake_http.h>
#include <sluice/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static fake_http *server;

static int start(void **state)
{
    (void)state;
    server = fake_http_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_http_stop(server);
    return 0;
}

static http *connect_to(const char *url, http_options options)
{
    failure failure = { 0 };
    http *made = NULL;
    options.url = url;
    options.setting = "test.url";
    if (http_new(&options, &made, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return made;
}

/* line: "GET /path" */
static sl_result ask(http *http, const char *line, const char *body, http_reply *reply, failure *failure)
{
    char method[8];
    size_t size = strcspn(line, " ");
    snprintf(method, sizeof method, "%.*s", (int)size, line);
    http_request request = { .method = method, .path = line + size + 1 };
    if (body) {
        request.type = "application/json";
        request.body = (sl_text){ body, strlen(body) };
    }
    return http_send(http, &request, reply, failure);
}

static void assert_reply(const http_reply *reply, int status, const char *body)
{
    assert_int_equal(reply->status, status);
    assert_int_equal(reply->body.size, strlen(body));
    assert_memory_equal(reply->body.at, body, strlen(body));
}

static void a_request_arrives_as_it_was_made_and_its_answer_comes_back(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    fake_http_add(server, &(fake_answer){ .status = 201, .body = "{\"a\":1}" });
    assert_int_equal(ask(http, "PUT /tracks?x=1", "{\"b\":2}", &reply, &failure), SL_OK);
    assert_reply(&reply, 201, "{\"a\":1}");
    const fake_request *request = fake_http_request(server, 0);
    assert_string_equal(request->method, "PUT");
    assert_string_equal(request->path, "/tracks?x=1");
    assert_string_equal(request->body, "{\"b\":2}");
    assert_non_null(strstr(request->head, "Content-Type: application/json\r\n"));
    assert_null(strstr(request->head, "Expect:"));
    http_free(http);
}

/* What a request's body holds when zlib's own gunzip has had it. */
static size_t unpacked(const fake_request *request, char *to, size_t room)
{
    z_stream stream = { .next_in = (Bytef *)request->body,
                        .avail_in = (uInt)request->body_bytes,
                        .next_out = (Bytef *)to,
                        .avail_out = (uInt)room };
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    return room - stream.avail_out;
}

static void bodies_are_packed_where_that_is_wanted(void **state)
{
    (void)state;
    enum { ROOM = 100000 };
    failure failure = { 0 };
    http_reply reply;
    char *body = malloc(ROOM + 1), *found = malloc(ROOM + 1);
    http *http = connect_to(fake_http_url(server), (http_options){ .gzip = true });
    for (size_t size = 0, i = 0; size <= ROOM; size = size * 3 + 1, i++) {
        for (size_t at = 0; at < size; at++)
            body[at] = (char)('a' + at * at / 7 % 26);
        body[size] = '\0';
        assert_int_equal(ask(http, "POST /tracks/_bulk", body, &reply, &failure), SL_OK);
        const fake_request *request = fake_http_request(server, i);
        assert_non_null(strstr(request->head, "Content-Encoding: gzip\r\n"));
        assert_int_equal(unpacked(request, found, ROOM + 1), size);
        assert_memory_equal(found, body, size);
        assert_true(size < 1000 || request->body_bytes < size / 2);
    }
    assert_int_equal(ask(http, "GET /tracks", NULL, &reply, &failure), SL_OK);
    http_free(http);
    free(body);
    free(found);
}

static void methods_can_follow_each_other_on_one_connection(void **state)
{
    (void)state;
    static const char *const methods[] = { "POST", "HEAD", "GET", "PUT", "HEAD", "POST", "GET" };
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    fake_http_usual(server, &(fake_answer){ .body = "text" });
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const char *body = methods[i][0] == 'P' ? "body" : NULL;
        char line[16];
        snprintf(line, sizeof line, "%s /", methods[i]);
        assert_int_equal(ask(http, line, body, &reply, &failure), SL_OK);
        assert_reply(&reply, 200, methods[i][0] == 'H' ? "" : "text");
        assert_false(reply.maybe_repeated);
        const fake_request *request = fake_http_request(server, i);
        assert_string_equal(request->method, methods[i]);
        assert_string_equal(request->body, body ? body : "");
        assert_int_equal(request->connection, 0);
    }
    http_free(http);
}

static void a_large_body_is_sent_whole_without_asking_for_leave(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    static char body[3 << 20];
    memset(body, 'x', sizeof body - 1);
    assert_int_equal(ask(http, "POST /", body, &reply, &failure), SL_OK);
    assert_int_equal(fake_http_request(server, 0)->body_bytes, sizeof body - 1);
    assert_null(strstr(fake_http_request(server, 0)->head, "100-continue"));
    http_free(http);
}

static void name_and_password_of_the_url_log_in_and_are_shown_nowhere(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    char url[128];
    snprintf(url, sizeof url, "http://ann:s%%40crets@%s/prefix/", fake_http_url(server) + strlen("http://"));
    http *http = connect_to(url, (http_options){ 0 });
    assert_string_equal(http_place(http), fake_http_url(server));
    assert_int_equal(ask(http, "GET /a", NULL, &reply, &failure), SL_OK);
    assert_string_equal(fake_http_request(server, 0)->path, "/prefix/a");
    /* base64("ann:s@crets"), by coreutils' base64 */
    assert_non_null(strstr(fake_http_request(server, 0)->head, "Authorization: Basic YW5uOnNAY3JldHM=\r\n"));
    fake_http_add(server, &(fake_answer){ .reset = true });
    fake_http_add(
        server, &(fake_answer){ .reset = true }); /* libcurl tries once more when a kept connection breaks */
    assert_int_equal(ask(http, "GET /a", NULL, &reply, &failure), SL_RETRY);
    assert_null(strstr(failure.text, "crets"));
    assert_null(strstr(failure.text, "ann"));
    http_free(http);
}

static void settings_for_the_login_win_over_the_url_and_the_key_over_both(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    char url[128];
    snprintf(url, sizeof url, "http://ann:x@%s", fake_http_url(server) + strlen("http://"));
    http *named = connect_to(url, (http_options){ .user = "bob", .password = "y" });
    http *keyed = connect_to(url, (http_options){ .user = "bob", .password = "y", .api_key = "a2V5" });
    assert_int_equal(ask(named, "GET /", NULL, &reply, &failure), SL_OK);
    assert_int_equal(ask(keyed, "GET /", NULL, &reply, &failure), SL_OK);
    assert_non_null(strstr(fake_http_request(server, 0)->head, "Authorization: Basic Ym9iOnk=\r\n"));
    assert_non_null(strstr(fake_http_request(server, 1)->head, "Authorization: ApiKey a2V5\r\n"));
    assert_null(strstr(fake_http_request(server, 1)->head, "Basic"));
    http_free(named);
    http_free(keyed);
}

static void what_is_no_url_is_refused_without_being_shown(void **state)
{
    (void)state;
    static const char *const wrong[] = { "ftp://ann:secret@host", "http://ann:secret@host:port", "http://",
                                         "", "http://a b" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        failure failure = { 0 };
        http *made = NULL;
        http_options options = { .url = wrong[i], .setting = "test.url" };
        assert_int_equal(http_new(&options, &made, &failure), SL_USAGE);
        assert_null(made);
        assert_non_null(strstr(failure.text, "test.url"));
        assert_null(strstr(failure.text, "secret"));
    }
}

static void a_key_with_a_line_end_is_refused(void **state)
{
    (void)state;
    failure failure = { 0 };
    http *made = NULL;
    http_options options = { .url = "http://h", .setting = "test.url", .api_key = "a\r\nX-Evil: 1" };
    assert_int_equal(http_new(&options, &made, &failure), SL_USAGE);
    assert_null(strstr(failure.text, "Evil"));
}

static void a_server_that_is_not_there_is_named_with_its_setting(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    fake_http *gone = fake_http_start();
    char url[64], place[100];
    snprintf(url, sizeof url, "%s", fake_http_url(gone));
    fake_http_stop(gone);
    http *http = connect_to(url, (http_options){ 0 });
    assert_int_equal(ask(http, "GET /a?secret=1", NULL, &reply, &failure), SL_RETRY);
    snprintf(place, sizeof place, "%s (test.url): GET /a: ", url);
    assert_memory_equal(failure.text, place, strlen(place));
    assert_non_null(strstr(failure.text, "efused"));
    http_free(http);
}

static void resets_and_answers_cut_short_may_be_tried_again(void **state)
{
    (void)state;
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    const fake_answer troubles[] = { { .reset = true }, { .body = "0123456789", .sent_bytes = 4 } };
    for (size_t i = 0; i < 2; i++) {
        failure failure = { 0 };
        fake_http_add(server, &troubles[i]);
        assert_int_equal(ask(http, "POST /", "x", &reply, &failure), SL_RETRY);
        assert_int_equal(ask(http, "POST /", "x", &reply, &failure), SL_OK);
    }
    http_free(http);
}

/* The first request makes the connection; the server drops it before it answers the second. */
static void a_request_that_went_out_twice_is_marked(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    assert_int_equal(ask(http, "POST /", "1", &reply, &failure), SL_OK);
    assert_false(reply.maybe_repeated);
    fake_http_add(server, &(fake_answer){ .reset = true });
    sl_result second = ask(http, "POST /", "2", &reply, &failure);
    if (second == SL_RETRY)
        second = ask(http, "POST /", "2", &reply, &failure);
    assert_int_equal(second, SL_OK);
    assert_true(reply.maybe_repeated);
    assert_int_equal(fake_http_count(server), 3);
    http_free(http);
}

static void a_silent_server_is_left_after_the_time_limit(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ .total_ms = 150 });
    fake_http_add(server, &(fake_answer){ .silent = true });
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_RETRY);
    int64_t ms = (clock_ns(&clock_system) - before) / 1000000;
    assert_in_range((uint64_t)ms, 140, 10000);
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_OK);
    http_free(http);
}

static void a_stop_ends_waiting_for_a_silent_server(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    atomic_bool stopping = true;
    http *http = connect_to(fake_http_url(server), (http_options){ .stop = &stopping });
    fake_http_add(server, &(fake_answer){ .silent = true });
    int64_t before = clock_ns(&clock_system);
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_RETRY);
    assert_true(clock_ns(&clock_system) - before < 30 * 1000000000ll);
    assert_non_null(strstr(failure.text, "stopping"));
    http_free(http);
}

static void a_stop_lets_a_server_that_is_well_answer(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    atomic_bool stopping = true;
    http *http = connect_to(fake_http_url(server), (http_options){ .stop = &stopping });
    fake_http_add(server, &(fake_answer){ .body = "done" });
    assert_int_equal(ask(http, "POST /_bulk", "{}", &reply, &failure), SL_OK);
    assert_reply(&reply, 200, "done");
    http_free(http);
}

static void an_answer_is_read_up_to_its_limit(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ .reply_bytes_max = 10 });
    fake_http_add(server, &(fake_answer){ .body = "0123456789" });
    fake_http_add(server, &(fake_answer){ .body = "0123456789a" });
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_OK);
    assert_reply(&reply, 200, "0123456789");
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, "longer than 10 bytes"));
    http_free(http);
}

static void a_wish_to_come_back_later_is_told(void **state)
{
    (void)state;
    failure failure = { 0 };
    http_reply reply;
    http *http = connect_to(fake_http_url(server), (http_options){ 0 });
    fake_http_add(server, &(fake_answer){ .status = 503, .headers = "Retry-After: 7\r\n" });
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_OK);
    assert_int_equal(reply.retry_after_ms, 7000);
    assert_int_equal(ask(http, "GET /", NULL, &reply, &failure), SL_OK);
    assert_int_equal(reply.retry_after_ms, 0);
    http_free(http);
}

static void a_part_of_a_path_is_escaped(void **state)
{
    (void)state;
    buffer path = { 0 };
    http_path_part(&path, "a-b_c.9~/?%&\xc3\xa4 ");
    buffer_byte(&path, '\0');
    assert_string_equal(path.at, "a-b_c.9~%2F%3F%25%26%C3%A4%20");
    buffer_done(&path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_arrives_as_it_was_made_and_its_answer_comes_back),
        TEST(bodies_are_packed_where_that_is_wanted),
        TEST(methods_can_follow_each_other_on_one_connection),
        TEST(a_large_body_is_sent_whole_without_asking_for_leave),
        TEST(name_and_password_of_the_url_log_in_and_are_shown_nowhere),
        TEST(settings_for_the_login_win_over_the_url_and_the_key_over_both),
        TEST(what_is_no_url_is_refused_without_being_shown),
        TEST(a_key_with_a_line_end_is_refused),
        TEST(a_server_that_is_not_there_is_named_with_its_setting),
        TEST(resets_and_answers_cut_short_may_be_tried_again),
        TEST(a_request_that_went_out_twice_is_marked),
        TEST(a_silent_server_is_left_after_the_time_limit),
        TEST(a_stop_ends_waiting_for_a_silent_server),
        TEST(a_stop_lets_a_server_that_is_well_answer),
        TEST(an_answer_is_read_up_to_its_limit),
        TEST(a_wish_to_come_back_later_is_told),
        TEST(a_part_of_a_path_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
