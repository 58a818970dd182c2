/*
 * tests/listeners/statsd.c - datagrams, received by a socket of the test.
 */
#include "../../listeners/statsd.c"
#include <arpa/inet.h>
#include <listeners/measured.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int receiver;
static char place[32], received[65536];

static int start(void **state)
{
    (void)state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    receiver = socket(AF_INET, SOCK_DGRAM, 0);
    bind(receiver, (const struct sockaddr *)&address, sizeof address);
    getsockname(receiver, (struct sockaddr *)&address, &size);
    snprintf(place, sizeof place, "127.0.0.1:%d", ntohs(address.sin_port));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(receiver);
    return 0;
}

/* Loopback hands a datagram over before send() returns. All lines, each with its end. */
static size_t receive(void)
{
    size_t all = 0, count = 0;
    ssize_t size;
    while ((size = recv(receiver, received + all, sizeof received - 2 - all, MSG_DONTWAIT)) > 0) {
        assert_true(size <= 1432);
        all += (size_t)size;
        received[all++] = '\n';
        count++;
    }
    received[all] = '\0';
    return count;
}

static void *opened(void)
{
    char error[256];
    sl_start_info begun = measured_start();
    void *self = listener_statsd.open(&(sl_listener_place){ .job = "my.job", .argument = place }, error);
    assert_non_null(self);
    listener_statsd.on_streaming_started(self, &begun);
    return self;
}

static void counters_tell_what_is_new_gauges_what_is(void **state)
{
    (void)state;
    void *self = opened();
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    for (int i = 0; i < 2; i++) {
        listener_statsd.on_batch_completed(self, &batch);
        assert_true(receive() > 0);
        assert_non_null(strstr(received, "sluice.my_job.batches_total.completed:1|c\n"));
        assert_non_null(strstr(received, "sluice.my_job.records_total.written:237|c\n"));
        assert_non_null(strstr(received, "sluice.my_job.batch_processing_seconds:3.2|ms\n"));
        assert_non_null(strstr(received, "sluice.my_job.source_lag_records.real__time_.1:50|g\n"));
        assert_null(strstr(received, "batches_total.failed")); /* nothing new */
    }
    sl_range many[60];
    for (int i = 0; i < 60; i++)
        many[i] = (sl_range){ "realtime", i, 0, 1, 1, 0 };
    batch.ranges = many;
    batch.range_count = 60;
    listener_statsd.on_batch_completed(self, &batch);
    assert_true(receive() > 2); /* several lines a datagram, several datagrams */
    assert_non_null(strstr(received, "source_offset.realtime.59:1|g\n"));
    batch = measured_batch(SL_BATCH_FAILED);
    listener_statsd.on_batch_failed(self, &batch);
    assert_int_equal(receive(), 0);
    listener_statsd.close(self);
}

/* Nobody takes what is sent; the hook returns all the same. */
static void a_server_that_is_gone_is_no_trouble(void **state)
{
    (void)state;
    void *self = opened();
    close(receiver);
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    for (int i = 0; i < 20; i++)
        listener_statsd.on_batch_completed(self, &batch);
    listener_statsd.close(self);
    receiver = -1;
}

static void a_wrong_place_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { ":8125", "host:", "host:99999", "host:port", "host:0" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char error[256] = "";
        assert_null(listener_statsd.open(&(sl_listener_place){ .job = "j", .argument = wrong[i] }, error));
        assert_non_null(strstr(error, wrong[i]));
    }
}

#define STATSD_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STATSD_TEST(counters_tell_what_is_new_gauges_what_is),
        STATSD_TEST(a_server_that_is_gone_is_no_trouble),
        STATSD_TEST(a_wrong_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
