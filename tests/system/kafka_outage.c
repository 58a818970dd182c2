/*
 * tests/system/kafka_outage.c - the job `listens` when a real broker is killed: what its user reads and waits for, and that
 * nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/kafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

static kafka_server *kafka; /* NULL: it cannot be had */
static unsigned trials;

static int server_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "4", 1);
    kafka = kafka_server_start(NULL);
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(kafka);
    return 0;
}

/* Each trial has a topic of its own. A broker that an earlier one killed runs again. */
static trial *begun(void **state)
{
    trial *trial = *state;
    char topic[32];
    if (kafka == NULL)
        skip();
    kafka_server_restart(kafka);
    snprintf(topic, sizeof topic, "realtime-%u", ++trials);
    if (!trial_begin(trial, kafka_server_address(kafka), topic, 4))
        skip();
    trial_import(trial);
    return trial;
}

static void checked(trial *trial, const recount_windows *windows)
{
    recount *recount = recount_assert(trial, windows);
    recount_free(recount);
}

static const recount_windows short_windows = { 3000, 0, 500, 5, 1000, 250, 3 };
#define SHORT_WINDOWS                                                                                        \
    "--top-window", "3s", "--top-pane", "500ms", "--top-count", "5", "--interest-window", "1s",              \
        "--interest-pane", "250ms"

static void killed_and_waited_for(trial *trial, const char *way)
{
    char gone[120], back[120];
    snprintf(gone, sizeof gone, "Kafka at %s is unreachable: ", kafka_server_address(kafka));
    snprintf(back, sizeof back, "Kafka at %s answers again after ", kafka_server_address(kafka));
    trial_set(trial, "--interval", "250ms", "--conf", way, SHORT_WINDOWS, NULL);
    trial_send(trial, 300);
    trial_start(trial);
    trial_wait_all(trial);
    kafka_server_kill(kafka);
    trial_wait_log(trial, gone, 1);
    kafka_server_restart(kafka);
    trial_wait_log(trial, back, 1);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
    assert_int_equal(trial_logged(trial, gone), 1);
    assert_int_equal(trial_logged(trial, back), 1);
    assert_int_equal(trial_logged(trial, " WARN "), 1);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
}

static void a_broker_that_is_killed_is_waited_for(void **state)
{
    killed_and_waited_for(begun(state), "kafka.reader=fetch");
}

static void a_broker_that_is_killed_is_waited_for_by_librdkafka(void **state)
{
    killed_and_waited_for(begun(state), "kafka.reader=librdkafka");
}

/* What was read ahead goes on in small batches, so that there is always a position that was not told. */
static void a_stop_while_the_broker_is_gone_ends_soon(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "100ms", "--max-rate-per-partition", "50", SHORT_WINDOWS, NULL);
    trial_send(trial, 6000);
    trial_start(trial);
    trial_wait_files(trial, 3);
    kafka_server_kill(kafka);
    trial_wait_files(trial, trial_files(trial) + 3);
    int64_t start = trial_now_ms();
    trial_stop(trial);
    assert_in_range(trial_now_ms() - start, 0, 8000); /* two seconds on a machine that is not busy */
    assert_int_equal(trial_logged(trial, " did not acknowledge the group's last positions "), 1);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
    kafka_server_restart(kafka);
    trial_set(trial, SHORT_WINDOWS, NULL);
    trial_finish(trial);
    checked(trial, &short_windows);
}

static void a_start_without_a_broker_waits_as_long_as_it_may(void **state)
{
    trial *trial = begun(state);
    snprintf(trial->servers, sizeof trial->servers, "127.0.0.1:1");
    trial_set(trial, "--startup-timeout", "1s", NULL);
    int64_t start = trial_now_ms();
    trial_start(trial);
    assert_int_equal(trial_ended(trial), 3);
    assert_in_range(trial_now_ms() - start, 0, 4500);
    assert_int_equal(trial_logged(trial, " ERROR "), 1);
    assert_int_equal(trial_logged(trial, " ERROR listens kafka at 127.0.0.1:1 does not answer"), 1);
    assert_true(trial_logged(trial, "Connection refused") >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broker_that_is_killed_is_waited_for),
        TEST(a_broker_that_is_killed_is_waited_for_by_librdkafka),
        TEST(a_stop_while_the_broker_is_gone_ends_soon),
        TEST(a_start_without_a_broker_waits_as_long_as_it_may),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
