/*
 * tests/http/server.c - the job's HTTP server, asked over its socket byte by byte.
 */
#include <base/folder.h>
#include <http/server.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int stops;

static int start(void **state)
{
    (void)state;
    stops = 0;
    folder_open();
    return 0;
}

static void status_tell(void *argument, buffer *json)
{
    buffer_text(json, argument);
}

static void batches_tell(void *argument, buffer *lines)
{
    (void)argument;
    for (int i = 0; i < 10000; i++)
        buffer_print(lines, "{\"batch_id\":%d}\n", i);
}

static bool tune_tell(void *argument, const server_tune *wish, buffer *json)
{
    (void)argument;
    buffer_print(json, "%lld %lld %lld\n", (long long)wish->interval_ms, (long long)wish->rate,
                 (long long)wish->cores);
    return wish->cores != 7;
}

static server_tap tapped; /* as it was asked for */
static char told[64];
static int drops;

static int64_t tap_take(void *argument, const server_tap *wish, buffer *json)
{
    (void)argument;
    if (strcmp(wish->stream, "lines") != 0) {
        buffer_text(json, "{\"error\":\"no such stream\"}\n");
        return 0;
    }
    pthread_mutex_lock(&mutex);
    tapped = *wish;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return 1;
}

static size_t tap_tell(void *argument, int64_t client, char *at, size_t room)
{
    (void)argument, (void)client;
    pthread_mutex_lock(&mutex);
    size_t size = strlen(told) < room ? strlen(told) : room;
    memcpy(at, told, size);
    told[0] = '\0';
    pthread_mutex_unlock(&mutex);
    return size;
}

static void tap_drop(void *argument, int64_t client)
{
    (void)argument, (void)client;
    pthread_mutex_lock(&mutex);
    drops++;
    tapped.wake = NULL;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void stop_note(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    stops++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static server *server_make(const char *path)
{
    static char status[] = "{\"state\":\"running\"}";
    server *server = NULL;
    failure failure = { 0 };
    assert_int_equal(server_open(path,
                                 &(server_calls){ status, status_tell, batches_tell, stop_note, tune_tell,
                                                  tap_take, tap_tell, tap_drop },
                                 &server, &failure),
                     SL_OK);
    return server;
}

/* The whole answer, head and body; lives until the next call. */
static const char *asked(const char *path, const char *request)
{
    static char answer[400000];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
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

static void status_and_batches_are_what_the_calls_tell(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    const char *answer = asked(path, "GET /status HTTP/1.0\r\n\r\n");
    assert_ptr_equal(strstr(answer, "HTTP/1."), answer);
    assert_non_null(strstr(answer, " 200 "));
    assert_non_null(strstr(answer, "application/json"));
    assert_non_null(strstr(answer, "\r\n\r\n{\"state\":\"running\"}"));
    answer = asked(path, "GET /batches HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(answer, "\r\n\r\n{\"batch_id\":0}\n{\"batch_id\":1}\n"));
    assert_string_equal(answer + strlen(answer) - strlen("{\"batch_id\":9999}\n"), "{\"batch_id\":9999}\n");
    server_close(server);
}

static void a_stop_is_carried_out_after_its_answer(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    const char *answer = asked(path, "POST /stop HTTP/1.0\r\nContent-Length: 3\r\n\r\nnow");
    assert_non_null(strstr(answer, " 200 "));
    assert_non_null(strstr(answer, "{\"stopping\":true}"));
    pthread_mutex_lock(&mutex);
    while (stops == 0)
        pthread_cond_wait(&changed, &mutex);
    assert_int_equal(stops, 1);
    pthread_mutex_unlock(&mutex);
    server_close(server);
}

static void what_is_to_change_comes_as_numbers_and_may_be_refused(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    const char *answer =
        asked(path, "POST /tune?interval_ms=500&cores=2 HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(answer, " 200 "));
    assert_non_null(strstr(answer, "\r\n\r\n500 -1 2\n"));
    answer = asked(path, "POST /tune?rate=0&cores=7 HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(answer, " 400 "));
    assert_non_null(strstr(answer, "-1 0 7\n"));
    /* What is no number is one that no job takes. */
    answer = asked(path, "POST /tune?rate=-3&cores=2x&interval_ms= HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(answer, "9223372036854775807 9223372036854775807 9223372036854775807\n"));
    assert_non_null(strstr(asked(path, "GET /tune HTTP/1.0\r\n\r\n"), " 405 "));
    server_close(server);
}

static void tell_and_wake(const char *text)
{
    pthread_mutex_lock(&mutex);
    snprintf(told, sizeof told, "%s", text);
    if (tapped.wake)
        tapped.wake(tapped.waker);
    pthread_mutex_unlock(&mutex);
}

/* Reads until the text has come. */
static bool comes(int handle, const char *text)
{
    static char got[4000];
    size_t size = 0;
    while (size < sizeof got - 1) {
        ssize_t more = read(handle, got + size, sizeof got - 1 - size);
        if (more <= 0)
            return false;
        got[size += (size_t)more] = '\0';
        if (strstr(got, text))
            return true;
    }
    return false;
}

static int tap_asked(const char *path)
{
    static const char request[] = "GET /tap?stream=lines&every=3 HTTP/1.1\r\nHost: job\r\n\r\n";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(handle, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(handle, request, sizeof request - 1), sizeof request - 1);
    pthread_mutex_lock(&mutex);
    while (tapped.wake == NULL)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return handle;
}

static void a_tap_goes_on_as_it_is_told_more_and_others_are_answered_meanwhile(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    tapped = (server_tap){ 0 };
    int before = drops, handle = tap_asked(path);
    assert_int_equal(tapped.every, 3);
    tell_and_wake("{\"n\":1}\n");
    assert_true(comes(handle, "{\"n\":1}\n"));
    assert_non_null(strstr(asked(path, "GET /status HTTP/1.0\r\n\r\n"), " 200 "));
    for (int i = 0; i < 100; i++) {
        tell_and_wake("{\"n\":2}\n");
        assert_true(comes(handle, "{\"n\":2}\n"));
    }
    close(handle);
    for (pthread_mutex_lock(&mutex); drops == before;) { /* it is found out with the next lines */
        pthread_mutex_unlock(&mutex);
        tell_and_wake("more\n");
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    server_close(server);
    assert_int_equal(drops, before + 1);
}

static void a_server_that_closes_ends_a_tap_that_waits(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    tapped = (server_tap){ 0 };
    int before = drops, handle = tap_asked(path);
    tell_and_wake("{\"n\":1}\n");
    assert_true(comes(handle, "{\"n\":1}\n"));
    server_close(server);
    assert_false(comes(handle, "more"));
    assert_int_equal(drops, before + 1);
    close(handle);
}

static void a_stream_that_is_not_there_is_refused(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    const char *answer = asked(path, "GET /tap?stream=line HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(answer, " 400 "));
    assert_non_null(strstr(answer, "no such stream"));
    server_close(server);
}

static void a_wrong_method_is_405_and_a_wrong_path_404(void **state)
{
    (void)state;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    assert_non_null(strstr(asked(path, "GET /stop HTTP/1.0\r\n\r\n"), " 405 "));
    assert_non_null(strstr(asked(path, "POST /status HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), " 405 "));
    assert_non_null(strstr(asked(path, "GET /etc/passwd HTTP/1.0\r\n\r\n"), " 404 "));
    assert_int_equal(stops, 0);
    server_close(server);
}

static void only_the_owner_may_ask_and_the_socket_goes_with_the_server(void **state)
{
    (void)state;
    struct stat about;
    const char *path = folder_path("control.sock");
    server *server = server_make(path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    server_close(server);
    assert_false(folder_has("control.sock"));
    server_close(NULL);
}

static void the_socket_of_a_dead_job_is_replaced_and_of_a_living_one_refused(void **state)
{
    (void)state;
    failure failure = { 0 };
    const char *path = folder_path("control.sock");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    server *living = server_make(path), *second = NULL;
    server_calls calls = { 0 };
    assert_int_equal(server_open(path, &calls, &second, &failure), SL_RUNNING);
    assert_null(second);
    assert_non_null(strstr(asked(path, "GET /status HTTP/1.0\r\n\r\n"), " 200 "));
    server_close(living);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    server *server = NULL;
    failure failure = { 0 };
    server_calls calls = { 0 };
    assert_int_equal(server_open(folder_path("nowhere/control.sock"), &calls, &server, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_and_batches_are_what_the_calls_tell, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_stop_is_carried_out_after_its_answer, start, folder_stop),
        cmocka_unit_test_setup_teardown(what_is_to_change_comes_as_numbers_and_may_be_refused, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_tap_goes_on_as_it_is_told_more_and_others_are_answered_meanwhile,
                                        start, folder_stop),
        cmocka_unit_test_setup_teardown(a_server_that_closes_ends_a_tap_that_waits, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_stream_that_is_not_there_is_refused, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_wrong_method_is_405_and_a_wrong_path_404, start, folder_stop),
        cmocka_unit_test_setup_teardown(only_the_owner_may_ask_and_the_socket_goes_with_the_server, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(the_socket_of_a_dead_job_is_replaced_and_of_a_living_one_refused,
                                        start, folder_stop),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_named, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
