/*
 * tests/http/site.c - the job's pages, asked over TCP byte by byte: who may ask, what is there, and ports that are taken.
 */
#include <arpa/inet.h>
#include <base/memory.h>
#include <http/site.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <json-c/json.h>

static recent *kept;
static site *opened;
static bool is_ready;

static void status_tell(void *argument, buffer *json)
{
    (void)argument;
    buffer_text(json, "{\"state\":\"running\"}");
}

static bool ready_tell(void *argument, buffer *why)
{
    (void)argument;
    if (!is_ready)
        buffer_text(why, "\"paused: redis\"");
    return is_ready;
}

static bool page_tell(void *argument, const char *path, buffer *body, const char **type)
{
    (void)argument;
    *type = "text/plain; version=0.0.4";
    buffer_text(body, strcmp(path, "/metrics") == 0 ? "metric 1\n" : "");
    return body->size > 0;
}

static sl_result site_try(const char *address, const char *token, failure *failure)
{
    site_spec spec = { .address = address, .token = token, .user = "me", .version = "0.1.0", .recent = kept };
    spec.calls = (site_calls){ NULL, status_tell, status_tell, status_tell, ready_tell, page_tell };
    return site_open(&spec, &opened, failure);
}

static void site_make(const char *address, const char *token)
{
    failure failure = { 0 };
    if (site_try(address, token, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

static int start(void **state)
{
    (void)state;
    kept = recent_new("listens", 100);
    recent_listener.on_streaming_started(kept, &(sl_start_info){ .job = "listens", .interval_ms = 2000 });
    for (int64_t id = 1; id <= 5; id++)
        recent_listener.on_batch_completed(kept, &(sl_batch_info){ .job = "listens",
                                                                   .batch_id = id,
                                                                   .batch_time_ms = id * 2000,
                                                                   .state = SL_BATCH_COMPLETED });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    site_close(opened);
    opened = NULL;
    recent_free(kept);
    return 0;
}

static int port_of(const site *site)
{
    return (int)strtol(strrchr(site_url(site), ':') + 1, NULL, 10);
}

/* The whole answer, head and body; lives until the next call. */
static const char *asked(const char *request)
{
    static char answer[400000];
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(opened)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int handle = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(handle, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(handle, request, strlen(request)), strlen(request));
    size_t all = 0;
    ssize_t size;
    while ((size = read(handle, answer + all, sizeof answer - 1 - all)) > 0)
        all += (size_t)size;
    answer[all] = '\0';
    close(handle);
    return answer;
}

static void assert_answer(const char *request, const char *status, const char *holds)
{
    const char *answer = asked(request);
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    if (strncmp(answer + 9, status, 3) != 0)
        fail_msg("%s: %.60s", request, answer);
    if (holds && strstr(answer, holds) == NULL)
        fail_msg("%s: no \"%s\" in %.2000s", request, holds, answer);
}

static void each_path_has_its_answer(void **state)
{
    (void)state;
    site_make("127.0.0.1:0", NULL);
    assert_answer("GET / HTTP/1.0\r\n\r\n", "200", "text/html");
    assert_answer("GET /page.js HTTP/1.0\r\n\r\n", "200", "text/javascript");
    assert_answer("GET /status HTTP/1.0\r\n\r\n", "200", "\r\n\r\n{\"state\":\"running\"}");
    assert_answer("GET /health HTTP/1.0\r\n\r\n", "200", "{\"alive\":true}");
    assert_answer("GET /metrics HTTP/1.0\r\n\r\n", "200", "text/plain; version=0.0.4");
    assert_answer("GET /metrics HTTP/1.0\r\n\r\n", "200", "\r\n\r\nmetric 1\n");
    assert_answer("GET /api/v1/applications/listens/streaming/batches?status=COMPLETED HTTP/1.0\r\n\r\n",
                  "200", "\"batchId\" : 10000,");
    assert_answer("GET /api/v1/applications/listens/streaming/batches?status=QUEUED HTTP/1.0\r\n\r\n", "200",
                  "\r\n\r\n[ ]");
    assert_answer("GET /api/v1/applications/listens/streaming/batches/7 HTTP/1.0\r\n\r\n", "404",
                  "\r\n\r\nunknown batch: 7");
    assert_non_null(
        strstr(asked("GET /api/v1/applications/listens/streaming/batches?status=x HTTP/1.0\r\n\r\n"),
               "\r\nContent-Type: text/plain\r\n"));
    assert_answer("GET /etc/passwd HTTP/1.0\r\n\r\n", "404", "/api/v1/applications");
    assert_answer("POST /status HTTP/1.0\r\nContent-Length: 3\r\n\r\nnow", "405", NULL);
    assert_answer("HEAD /status HTTP/1.0\r\n\r\n", "200", NULL);
}

static void a_job_is_ready_when_it_says_so(void **state)
{
    (void)state;
    site_make("127.0.0.1:0", "");
    is_ready = false;
    assert_answer("GET /ready HTTP/1.0\r\n\r\n", "503", "{\"ready\":false,\"reason\":\"paused: redis\"}");
    is_ready = true;
    assert_answer("GET /ready HTTP/1.0\r\n\r\n", "200", "{\"ready\":true}");
}

static size_t batches_in(const char *request)
{
    json_object *list = json_tokener_parse(strstr(asked(request), "\r\n\r\n") + 4);
    size_t count = json_object_array_length(list);
    json_object_put(list);
    return count;
}

static void batches_are_asked_for_by_number_and_from_an_id_on(void **state)
{
    (void)state;
    site_make("127.0.0.1:0", NULL);
    assert_int_equal(batches_in("GET /batches HTTP/1.0\r\n\r\n"), 5);
    assert_int_equal(batches_in("GET /batches?last=2 HTTP/1.0\r\n\r\n"), 2);
    assert_int_equal(batches_in("GET /batches?after=4 HTTP/1.0\r\n\r\n"), 1);
    assert_int_equal(batches_in("GET /batches?after=5&last=9 HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(batches_in("GET /batches?last=-1&after=x HTTP/1.0\r\n\r\n"), 5);
}

/* A page elsewhere may have a name of its own that leads to 127.0.0.1. */
static void on_a_loopback_address_the_host_has_to_be_one(void **state)
{
    (void)state;
    site_make("127.0.0.1:0", NULL);
    assert_answer("GET /status HTTP/1.0\r\nHost: localhost:4040\r\n\r\n", "200", NULL);
    assert_answer("GET /status HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", "200", NULL);
    assert_answer("GET /status HTTP/1.0\r\nHost: [::1]:4040\r\n\r\n", "200", NULL);
    assert_answer("GET /status HTTP/1.0\r\nHost: elsewhere.example:4040\r\n\r\n", "403", "localhost");
    assert_answer("GET /status HTTP/1.0\r\nHost: 127.0.0.1.example\r\n\r\n", "403", NULL);
    assert_answer("GET /status HTTP/1.0\r\nHost: [\r\n\r\n", "403", NULL);
}

static void with_a_token_nothing_is_told_without_it(void **state)
{
    (void)state;
    site_make("0.0.0.0:0", "s3cret");
    assert_answer("GET /status HTTP/1.0\r\n\r\n", "401", "WWW-Authenticate: Bearer");
    assert_answer("GET / HTTP/1.0\r\n\r\n", "401", NULL);
    assert_answer("GET /status?token=s3cre HTTP/1.0\r\n\r\n", "401", NULL);
    assert_answer("GET /status?token= HTTP/1.0\r\n\r\n", "401", NULL);
    assert_answer("GET /status HTTP/1.0\r\nAuthorization: Bearer S3cret\r\n\r\n", "401", NULL);
    assert_answer("GET /status HTTP/1.0\r\nAuthorization: Bearer s3cret\r\n\r\n", "200", NULL);
    assert_answer("GET /status?token=s3cret HTTP/1.0\r\nHost: any.example\r\n\r\n", "200", NULL);
}

static void a_port_that_is_taken_gives_way_to_the_next_free_one(void **state)
{
    (void)state;
    char address[64];
    site_make("127.0.0.1:0", NULL);
    site *first = opened;
    snprintf(address, sizeof address, "127.0.0.1:%d", port_of(first));
    site_make(address, NULL);
    assert_true(port_of(opened) != port_of(first));
    assert_answer("GET /health HTTP/1.0\r\n\r\n", "200", NULL);
    site_close(first);
}

static void assert_refused(const char *address, const char *why)
{
    failure failure = { 0 };
    assert_int_equal(site_try(address, NULL, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, why));
}

static void an_address_that_is_none_or_that_others_reach_is_refused(void **state)
{
    (void)state;
    assert_refused("0.0.0.0:0", "set http.token");
    assert_refused("[::]:4040", "set http.token");
    assert_refused("4040", "expected an IP address and a port");
    assert_refused("127.0.0.1", "expected");
    assert_refused("127.0.0.1:", "expected");
    assert_refused("127.0.0.1:65536", "expected");
    assert_refused("somewhere:80", "expected");
    assert_null(opened);
    site_make("localhost:0", NULL);
}

#define SITE_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

static void a_site_without_a_job_has_its_home_and_its_page(void **state)
{
    (void)state;
    failure failure = { 0 };
    site_spec spec = { .address = "127.0.0.1:0", .user = "", .version = "1", .home = "/flow.html" };
    spec.calls.page = page_tell;
    assert_int_equal(site_open(&spec, &opened, &failure), SL_OK);
    assert_answer("GET / HTTP/1.0\r\n\r\n", "200", "<title>Sluice: the flow</title>");
    assert_answer("GET /metrics HTTP/1.0\r\n\r\n", "200", "metric 1");
    assert_answer("GET /status HTTP/1.0\r\n\r\n", "404", "there is /");
    assert_answer("GET /api/v1/applications HTTP/1.0\r\n\r\n", "404", "there is /");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(each_path_has_its_answer),
        SITE_TEST(a_job_is_ready_when_it_says_so),
        SITE_TEST(batches_are_asked_for_by_number_and_from_an_id_on),
        SITE_TEST(on_a_loopback_address_the_host_has_to_be_one),
        SITE_TEST(with_a_token_nothing_is_told_without_it),
        SITE_TEST(a_port_that_is_taken_gives_way_to_the_next_free_one),
        SITE_TEST(an_address_that_is_none_or_that_others_reach_is_refused),
        SITE_TEST(a_site_without_a_job_has_its_home_and_its_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
