/*
 * tests/system/kafka_source.c - the Kafka source before a real broker: what the mock cluster does not have. Transactions,
 * times, deleted records, topics that are not to be made, and a broker that is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <sluice/text.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

enum { PARTITIONS = 2, PATIENCE_MS = 20000 };

typedef struct trial {
    settings *settings;
    source_spec spec;
    wakes wakes;
    void *self;
    source_partition *partitions;
    size_t count;
    char topic[32];
} trial;

static kafka_server *server; /* NULL: it cannot be had */
static unsigned trials;

static int server_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "2", 1);
    server = kafka_server_start(NULL);
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(server);
    return 0;
}

static int make_trial(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    snprintf(trial->topic, sizeof trial->topic, "topic-%u", ++trials);
    wakes_init(&trial->wakes);
    trial->settings = topic_settings(server ? kafka_server_address(server) : "127.0.0.1:1");
    trial->spec = (source_spec){ .name = "lines",
                                 .target = trial->topic,
                                 .settings = trial->settings,
                                 .job = "trial",
                                 .bytes_max = 64 << 20,
                                 .wake = wakes_add,
                                 .wake_argument = &trial->wakes };
    *state = trial;
    return 0;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    source_kafka.close(trial->self);
    settings_free(trial->settings);
    free(trial);
    return 0;
}

static sl_result started_at(trial *trial, int64_t offset, failure *failure)
{
    sl_result result = source_kafka.open(&trial->spec, &trial->self, failure);
    if (result != SL_OK)
        return result;
    trial->count = source_kafka.partitions(trial->self, &trial->partitions);
    for (size_t i = 0; i < trial->count; i++)
        trial->partitions[i].offset = i == 0 ? offset : -1;
    return source_kafka.start(trial->self, trial->partitions, trial->count, failure);
}

static void started(trial *trial)
{
    failure failure = { 0 };
    if (started_at(trial, -1, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(trial->count, PARTITIONS);
}

static source_view looked(trial *trial, uint32_t i, int64_t from)
{
    source_view view = { 0 };
    failure failure = { 0 };
    if (source_kafka.look(trial->self, &(source_wish){ i, from, INT64_MAX, SIZE_MAX }, &view, &failure) !=
        SL_OK)
        fail_msg("%s", failure.text);
    return view;
}

static source_view waited(trial *trial, uint32_t i, int64_t from, int64_t until)
{
    for (;;) {
        unsigned seen = wakes_count(&trial->wakes);
        source_view view = looked(trial, i, from);
        if (view.until >= until)
            return view;
        assert_true(wakes_wait(&trial->wakes, seen));
    }
}

/* "OFFSET:VALUE " of each message of the range. */
static void assert_range(trial *trial, uint32_t i, int64_t from, int64_t until, const char *expected)
{
    buffer blocks = { 0 }, out = { 0 };
    failure failure = { 0 };
    source_kafka.take(trial->self, i, from, until, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t k = 0; k < blocks.size / sizeof *block; k++) {
        source_reading reading = { 0 };
        sl_message got[100];
        source_messages read = { got, 100, 1 };
        while (read.count) {
            assert_int_equal(source_kafka.read(trial->self, &block[k], &reading, &read, &failure), SL_OK);
            for (size_t m = 0; m < read.count; m++)
                buffer_print(&out, "%lld:%.*s ", (long long)got[m].origin.offset, (int)got[m].value.size,
                             got[m].value.at);
        }
    }
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, expected);
    buffer_done(&out);
    buffer_done(&blocks);
}

/* ---- Transactions ---- */

static rd_kafka_t *transactions_open(void)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_server_address(server), text, sizeof text);
    rd_kafka_conf_set(conf, "transactional.id", "test", text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    assert_null(rd_kafka_init_transactions(client, PATIENCE_MS));
    return client;
}

static void transaction_write(rd_kafka_t *client, const char *topic, char *const *values)
{
    assert_null(rd_kafka_begin_transaction(client));
    for (; *values; values++)
        assert_int_equal(rd_kafka_producev(client, RD_KAFKA_VTYPE_TOPIC, topic, RD_KAFKA_VTYPE_PARTITION,
                                           (int32_t)0, RD_KAFKA_VTYPE_VALUE, *values, strlen(*values),
                                           RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_END),
                         0);
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
}

static void only_committed_records_are_read_and_control_records_are_passed(void **state)
{
    trial *trial = *state;
    if (server == NULL)
        skip();
    rd_kafka_t *client = transactions_open();
    transaction_write(client, trial->topic, (char *[]){ "a", "b", NULL }); /* 0 1, control record 2 */
    assert_null(rd_kafka_commit_transaction(client, PATIENCE_MS));
    transaction_write(client, trial->topic, (char *[]){ "no", "never", NULL }); /* 3 4, control record 5 */
    assert_null(rd_kafka_abort_transaction(client, PATIENCE_MS));
    transaction_write(client, trial->topic, (char *[]){ "c", NULL }); /* 6, control record 7 */
    assert_null(rd_kafka_commit_transaction(client, PATIENCE_MS));
    trial->spec.available_now = true;
    started(trial);
    source_view view = waited(trial, 0, 0, 8);
    assert_int_equal(view.until, 8);
    assert_int_equal(view.end, 8);
    assert_true(view.finished);
    assert_range(trial, 0, 0, 8, "0:a 1:b 6:c ");
    rd_kafka_destroy(client);
}

static void an_open_transaction_is_the_end_for_now(void **state)
{
    trial *trial = *state;
    if (server == NULL)
        skip();
    topic_message first = { 0, NULL, "first", 0 };
    topic_send(kafka_server_address(server), trial->topic, &first, 1);
    rd_kafka_t *client = transactions_open();
    transaction_write(client, trial->topic, (char *[]){ "later", NULL });
    trial->spec.available_now = true;
    started(trial);
    source_view view = waited(trial, 0, 0, 1);
    assert_int_equal(view.until, 1);
    assert_true(view.finished);
    source_kafka.close(trial->self);
    trial->spec.available_now = false;
    started(trial);
    assert_null(rd_kafka_commit_transaction(client, PATIENCE_MS));
    waited(trial, 0, 0, 3);
    assert_range(trial, 0, 0, 3, "0:first 1:later ");
    rd_kafka_destroy(client);
}

/* ---- Where to start ---- */

static void a_time_is_the_first_record_of_that_time_or_later(void **state)
{
    trial *trial = *state;
    if (server == NULL)
        skip();
    int64_t base = INT64_C(1700000000000);
    topic_message messages[5];
    for (int i = 0; i < 5; i++)
        messages[i] = (topic_message){ 0, NULL, "x", base + i * 1000 };
    topic_send(kafka_server_address(server), trial->topic, messages, 5);
    trial->spec.start = SOURCE_TIMESTAMP;
    trial->spec.start_ms = base + 1500;
    started(trial);
    assert_int_equal(trial->partitions[0].offset, 2);
    assert_int_equal(trial->partitions[1].offset, 0); /* empty: its end */
    source_kafka.close(trial->self);
    trial->spec.start_ms = base + 4001;
    started(trial);
    assert_int_equal(trial->partitions[0].offset, 5);
    source_kafka.close(trial->self);
    failure failure = { 0 };
    trial->spec.start = SOURCE_LATEST;
    assert_int_equal(started_at(trial, source_at_time(base + 2500), &failure),
                     SL_OK); /* set back by a reset */
    assert_int_equal(trial->partitions[0].offset, 3);
}

static void asking_for_a_topic_does_not_make_it(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    if (server == NULL)
        skip();
    for (int i = 0; i < 2; i++) {
        failure_clear(&failure);
        assert_int_equal(source_kafka.open(&trial->spec, &trial->self, &failure), SL_RETRY);
        assert_non_null(strstr(failure.text, "does not exist"));
    }
}

static void records_delete(const char *topic, int64_t before)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_server_address(server), text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = before;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteRecords(client, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

static void deleted_records_are_data_loss_unless_nobody_stood_there(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    if (server == NULL)
        skip();
    topic_fill(kafka_server_address(server), trial->topic, 0, 0, 10);
    records_delete(trial->topic, 6);
    assert_int_equal(started_at(trial, 4, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "begins at offset 6"));
    source_kafka.close(trial->self);
    started(trial);
    assert_int_equal(trial->partitions[0].offset, 6);
    waited(trial, 0, 6, 10);
    assert_range(trial, 0, 6, 10, "6:0:6 7:0:7 8:0:8 9:0:9 ");
}

static void skip_losses(trial *trial)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, "input.on_data_loss", "skip", "test", &failure), SL_OK);
}

static void with_skip_the_job_goes_on_behind_the_gap(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    if (server == NULL)
        skip();
    topic_fill(kafka_server_address(server), trial->topic, 0, 0, 10);
    records_delete(trial->topic, 6);
    skip_losses(trial);
    assert_int_equal(started_at(trial, 4, &failure), SL_OK);
    assert_int_equal(trial->partitions[0].offset, 6);
    waited(trial, 0, 6, 10);
    assert_range(trial, 0, 6, 10, "6:0:6 7:0:7 8:0:8 9:0:9 ");
    source_kafka.close(trial->self);
    assert_int_equal(started_at(trial, 11, &failure),
                     SL_OK); /* no such end: another topic, or a shorter one */
    assert_int_equal(trial->partitions[0].offset, 6);
}

/* A job that lags: what it has not fetched yet is deleted. A batch that was cut before spans the gap. */
static void with_skip_a_gap_that_opens_while_the_job_runs_is_passed_over(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    if (server == NULL || !topic_is_fetched()) /* librdkafka has fetched all before we can delete */
        skip();
    for (int i = 0; i < 10; i++) /* record batches of some 10 KB */
        topic_fill(kafka_server_address(server), trial->topic, 0, i * INT64_C(1000), 1000);
    assert_int_equal(settings_set(trial->settings, "kafka.fetch.message.max.bytes", "1000", "test", &failure),
                     SL_OK);
    trial->spec.bytes_max = 40 * 1024;
    skip_losses(trial);
    started(trial);
    int64_t held = waited(trial, 0, 0, 1000).until;
    assert_true(held < 8000);
    records_delete(trial->topic, 9998);
    while (held < 9998) {
        source_kafka.release(trial->self, 0, held);
        held = waited(trial, 0, held, held + 1).until;
    }
    waited(trial, 0, 9998, 10000);
    assert_range(trial, 0, 9998, 10000, "9998:0:9998 9999:0:9999 ");
}

/* ---- While it runs ---- */

static void positions_are_told_to_the_group(void **state)
{
    trial *trial = *state;
    if (server == NULL)
        skip();
    const char *address = kafka_server_address(server);
    topic_fill(address, trial->topic, 0, 0, 10);
    started(trial);
    waited(trial, 0, 0, 10);
    source_partition partitions[] = { { .topic = trial->topic, .offset = 7 },
                                      { .topic = trial->topic, .partition = 1 } };
    source_kafka.commit(trial->self, partitions, 2);
    partitions[0].offset = 10;
    source_kafka.commit(trial->self, partitions, 2);
    source_kafka.close(trial->self);
    trial->self = NULL;
    assert_int_equal(topic_committed(address, "sluice-trial", trial->topic, 0), 10);
}

static void a_killed_broker_loses_nothing(void **state)
{
    trial *trial = *state;
    if (server == NULL)
        skip();
    const char *address = kafka_server_address(server);
    topic_fill(address, trial->topic, 0, 0, 3);
    started(trial);
    waited(trial, 0, 0, 3);
    kafka_server_kill(server);
    kafka_server_restart(server);
    topic_fill(address, trial->topic, 0, 3, 3);
    waited(trial, 0, 0, 6);
    assert_range(trial, 0, 0, 6, "0:0:0 1:0:1 2:0:2 3:0:3 4:0:4 5:0:5 ");
}

#define with_a_topic(test) cmocka_unit_test_setup_teardown(test, make_trial, close_trial)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_a_topic(only_committed_records_are_read_and_control_records_are_passed),
        with_a_topic(an_open_transaction_is_the_end_for_now),
        with_a_topic(a_time_is_the_first_record_of_that_time_or_later),
        with_a_topic(asking_for_a_topic_does_not_make_it),
        with_a_topic(deleted_records_are_data_loss_unless_nobody_stood_there),
        with_a_topic(with_skip_the_job_goes_on_behind_the_gap),
        with_a_topic(with_skip_a_gap_that_opens_while_the_job_runs_is_passed_over),
        with_a_topic(positions_are_told_to_the_group),
        with_a_topic(a_killed_broker_loses_nothing),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
