/*
 * tests/listeners/graphite.c - lines over TCP, to a server of the test that goes and comes back.
 */
#include "../../listeners/graphite.c"
#include <arpa/inet.h>
#include <listeners/measured.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int listening, port;
static char place[32], received[65536];

static void server_start(void)
{
    int one = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    address.sin_port = htons((uint16_t)port);
    listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 4), 0);
    getsockname(listening, (struct sockaddr *)&address, &size);
    port = ntohs(address.sin_port);
    snprintf(place, sizeof place, "127.0.0.1:%d", port);
}

static int start(void **state)
{
    (void)state;
    port = 0;
    server_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (listening >= 0)
        close(listening);
    return 0;
}

static void *opened(void)
{
    char error[256];
    sl_start_info begun = measured_start();
    void *self = listener_graphite.open(&(sl_listener_place){ .job = "my.job", .argument = place }, error);
    assert_non_null(self);
    listener_graphite.on_streaming_started(self, &begun);
    return self;
}

static void batch_end(void *self, int64_t end_ms)
{
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    batch.processing_end_time_ms = end_ms;
    listener_graphite.on_batch_completed(self, &batch);
}

/* Up to the last metric of a batch. */
static void receive(int connection)
{
    size_t all = 0;
    ssize_t size;
    while ((size = read(connection, received + all, sizeof received - 1 - all)) > 0) {
        all += (size_t)size;
        received[all] = '\0';
        const char *last = strstr(received, "process_max_resident_memory_bytes");
        if (last && strchr(last, '\n'))
            return;
    }
}

static void each_metric_is_a_line_with_its_time(void **state)
{
    (void)state;
    void *self = opened();
    batch_end(self, 1795402680500);
    int connection = accept(listening, NULL, NULL);
    receive(connection);
    assert_non_null(strstr(received, "sluice.my_job.batches_total.completed 1 1795402680\n"));
    assert_non_null(strstr(received, "sluice.my_job.batch_processing_seconds 0.0032 1795402680\n"));
    assert_non_null(strstr(received, "sluice.my_job.source_offset.realtime.0 220 1795402680\n"));
    batch_end(self, 1795402682500); /* over the same connection */
    receive(connection);
    assert_non_null(strstr(received, "sluice.my_job.batches_total.completed 2 1795402682\n"));
    listener_graphite.close(self);
    close(connection);
}

/* Time is that of batches: after 5 s it is tried again. */
static void a_server_that_comes_back_is_found_again(void **state)
{
    (void)state;
    void *self = opened();
    close(listening);
    listening = -1;
    batch_end(self, 1795402680000);
    server_start();
    batch_end(self, 1795402682000); /* too early */
    batch_end(self, 1795402686000);
    int connection = accept(listening, NULL, NULL);
    receive(connection);
    assert_non_null(strstr(received, "sluice.my_job.batches_total.completed 3 1795402686\n"));
    listener_graphite.close(self);
    close(connection);
}

static void a_wrong_place_is_refused(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(listener_graphite.open(&(sl_listener_place){ .job = "j", .argument = "host:x" }, error));
    assert_non_null(strstr(error, "--listen graphite:HOST:PORT"));
}

#define GRAPHITE_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPHITE_TEST(each_metric_is_a_line_with_its_time),
        GRAPHITE_TEST(a_server_that_comes_back_is_found_again),
        GRAPHITE_TEST(a_wrong_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
