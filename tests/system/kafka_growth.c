/*
 * tests/system/kafka_growth.c - partitions that are added to a topic of a real broker while it is read, by either reader, and
 * by a job that is stopped and started.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/kafka.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <support/source_trial.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

static kafka_server *server; /* NULL: it cannot be had */
static const char *const readers[] = { "fetch", "librdkafka" };

static int server_start(void **state)
{
    (void)state;
    server = kafka_server_start(NULL);
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(server);
    return 0;
}

/* A trial on a topic of two partitions, which the reader looks at often; it begins with what is new. */
static source_trial *trial_on(const char *topic, size_t reader)
{
    char name[48];
    const char *pairs[] = { "kafka.reader", readers[reader], "kafka.topic.metadata.refresh.interval.ms",
                            "100", NULL };
    snprintf(name, sizeof name, "%s-%s", topic, readers[reader]);
    topic_make(kafka_server_address(server), name, 2, NULL);
    source_trial *trial = source_trial_new(kafka_server_address(server), name, pairs);
    trial->spec.start = SOURCE_LATEST;
    return trial;
}

/* Until the source has so many partitions. */
static void growth_await(source_trial *trial, size_t count)
{
    unsigned seen = wakes_count(&trial->wakes);
    while ((trial->count = source_kafka.partitions(trial->self, &trial->partitions)) < count) {
        if (!wakes_wait(&trial->wakes, seen))
            fail_msg("it has %zu partitions still", trial->count);
        seen = wakes_count(&trial->wakes);
    }
    assert_int_equal(trial->count, count);
}

static void grown(size_t reader)
{
    source_trial *trial = trial_on("grown", reader);
    const char *address = kafka_server_address(server);
    topic_fill(address, trial->topic, 0, 0, 10);
    source_trial_start(trial);
    assert_int_equal(trial->partitions[0].offset, 10);
    topic_grow(address, trial->topic, 4);
    topic_fill(address, trial->topic, 3, 0, 50);
    topic_fill(address, trial->topic, 0, 10, 5);
    growth_await(trial, 4);
    assert_int_equal(trial->partitions[3].offset, 0);
    source_trial_wait(trial, 3, 0, 50);
    source_trial_numbers(trial, 3, 0, 50);
    source_trial_wait(trial, 0, 10, 15);
    source_trial_numbers(trial, 0, 10, 15);
    topic_grow(address, trial->topic, 5); /* and once more */
    growth_await(trial, 5);
    for (uint32_t i = 0; i < 5; i++) {
        int64_t from = i == 0 ? 15 : i == 3 ? 50 : 0;
        topic_fill(address, trial->topic, (int32_t)i, from, 7);
        source_trial_wait(trial, i, from, from + 7);
        source_trial_numbers(trial, i, from, from + 7);
    }
    source_trial_free(trial);
}

static void added_partitions_are_read_from_their_first_record_on(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    for (size_t reader = 0; reader < 2; reader++)
        grown(reader);
}

/* The run has an end that was found at its start. */
static void a_run_with_an_end_leaves_them_to_the_next(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    for (size_t reader = 0; reader < 2; reader++) {
        source_trial *trial = trial_on("ended", reader);
        const char *address = kafka_server_address(server);
        topic_fill(address, trial->topic, 1, 0, 10);
        trial->spec.available_now = true;
        trial->spec.start = SOURCE_EARLIEST;
        source_trial_start(trial);
        topic_grow(address, trial->topic, 3);
        topic_fill(address, trial->topic, 2, 0, 10);
        source_view view = source_trial_wait(trial, 1, 0, 10);
        assert_true(view.finished);
        assert_int_equal(source_kafka.partitions(trial->self, &trial->partitions), 2);
        source_trial_free(trial);
    }
}

static sl_result expected_start(source_trial *trial, failure *failure)
{
    failure_clear(failure);
    for (size_t i = 0; i < trial->count; i++)
        trial->partitions[i].offset = i == 3 ? 3 : 0;
    return source_kafka.start(trial->self, trial->partitions, trial->count, failure);
}

/* A broker that starts may not have heard of them yet; a position that is there means that they are. */
static void partitions_with_a_position_are_waited_for_at_the_start(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    for (size_t reader = 0; reader < 2; reader++) {
        source_trial *trial = trial_on("expected", reader);
        failure failure = { 0 };
        topic_fill(kafka_server_address(server), trial->topic, 0, 0, 5);
        assert_int_equal(source_trial_open(trial, &failure), SL_OK);
        assert_false(source_kafka.expect(trial->self, "another", 3));
        assert_false(source_kafka.expect(trial->self, trial->topic, -1));
        assert_true(source_kafka.expect(trial->self, trial->topic, 3));
        trial->count = source_kafka.partitions(trial->self, &trial->partitions);
        assert_int_equal(trial->count, 4);
        assert_int_equal(expected_start(trial, &failure), SL_RETRY);
        assert_non_null(strstr(failure.text, "the job has read 4 partitions of it, and was shown 2"));
        topic_grow(kafka_server_address(server), trial->topic, 4);
        topic_fill(kafka_server_address(server), trial->topic, 3, 0, 10);
        while (expected_start(trial, &failure) == SL_RETRY) /* until the broker tells of them */
            ;
        assert_int_equal(failure.result, SL_OK);
        source_trial_wait(trial, 3, 3, 10);
        source_trial_numbers(trial, 3, 3, 10);
        source_trial_numbers(trial, 0, 0, 5);
        source_trial_free(trial);
    }
}

/* While it runs, and while it does not: what then starts anywhere but there loses records. */
static void a_job_takes_them_into_everything(void **state)
{
    trial *trial = *state;
    if (server == NULL || !trial_begin(trial, kafka_server_address(server), "realtime", 2))
        skip();
    trial_import(trial);
    topic_make(trial->servers, trial->topic, 2, NULL);
    trial_set(trial, "--interval", "100ms", "--conf", "kafka.topic.metadata.refresh.interval.ms=100", NULL);
    trial_start(trial);
    trial_send(trial, 300);
    trial_wait_all(trial);
    topic_grow(trial->servers, trial->topic, 4);
    trial->listens.partitions = 4;
    trial_wait_log(trial, "2 partitions were added to topic realtime, which has 4 now", 1);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_signal(trial, SIGKILL);
    assert_int_equal(trial_ended(trial), 128 + SIGKILL);
    topic_grow(trial->servers, trial->topic, 6);
    trial->listens.partitions = 6;
    trial_send(trial, 300);
    trial_set(trial, "--interval", "100ms", "--from-offsets", "latest", NULL);
    trial_start(trial);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_stop(trial);
    recount_free(recount_assert(trial, &recount_usual));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added_partitions_are_read_from_their_first_record_on),
        cmocka_unit_test(a_run_with_an_end_leaves_them_to_the_next),
        cmocka_unit_test(partitions_with_a_position_are_waited_for_at_the_start),
        cmocka_unit_test_setup_teardown(a_job_takes_them_into_everything, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
