/*
 * tests/system/fetch.c - the Kafka source reading by Fetch requests of its own, before real brokers of Kafka 3.9 and 4.1: what
 * is stored in every form, and brokers and topics that change under it. What is expected is made beside what is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/source_trial.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { SERVERS = 2, PATIENCE_MS = 60000 };

static const char *const versions[SERVERS] = { "3.9.1", "4.1.0" };
static kafka_server *servers[SERVERS]; /* NULL: it cannot be had */

static const char *const quick[] = { "kafka.fetch.wait.max.ms", "50", "kafka.fetch.error.backoff.ms", "50",
                                     NULL };

static int servers_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "1", 1);
    for (int i = 0; i < SERVERS; i++)
        servers[i] = kafka_server_start_as(
            &(kafka_server_options){ .version = versions[i],
                                     .extra = "log.cleaner.backoff.ms=100 message.max.bytes=30000000 "
                                              "file.delete.delay.ms=100" });
    return 0;
}

static int servers_stop(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++)
        kafka_server_stop(servers[i]);
    return 0;
}

static void on_each_server(void (*check)(kafka_server *server))
{
    int checked = 0;
    for (int i = 0; i < SERVERS; i++) {
        if (servers[i])
            check(servers[i]);
        checked += servers[i] != NULL;
    }
    if (checked == 0)
        skip();
}

/* ---- Topics and what is sent ---- */

/* `pairs` of properties, then NULL. */
static rd_kafka_t *client_open(const kafka_server *server, const char *const *pairs)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_server_address(server), text, sizeof text);
    for (; pairs && *pairs; pairs += 2)
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], text, sizeof text) != RD_KAFKA_CONF_OK)
            fail_msg("%s", text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    return client;
}

static void produce(rd_kafka_t *client, const char *topic, const char *value, size_t size)
{
    assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     0);
}

static source_trial *trial_new(const kafka_server *server, const char *topic, const char *const *pairs)
{
    return source_trial_new(kafka_server_address(server), topic, pairs);
}

/* ---- Transactions ---- */

enum { PRODUCERS = 3, STEPS = 60, VALUE_ROOM = 16 };

typedef struct story { /* transactions side by side */
    rd_kafka_t *clients[PRODUCERS];
    int open[PRODUCERS]; /* the number of the transaction that is open, or -1 */
    int transactions;
    bool committed[STEPS + PRODUCERS];
    char values[STEPS][VALUE_ROOM];
    int of[STEPS]; /* the transaction of a value */
    int count;
} story;

static void story_end(story *story, int who, bool commit)
{
    rd_kafka_t *client = story->clients[who];
    if (commit)
        assert_null(rd_kafka_commit_transaction(client, PATIENCE_MS));
    else
        assert_null(rd_kafka_abort_transaction(client, PATIENCE_MS));
    story->committed[story->open[who]] = commit;
    story->open[who] = -1;
}

static void story_send(story *story, int who, const char *topic)
{
    if (story->open[who] < 0) {
        assert_null(rd_kafka_begin_transaction(story->clients[who]));
        story->open[who] = story->transactions++;
    }
    char *value = story->values[story->count];
    int size = snprintf(value, VALUE_ROOM, "%d.%d", story->open[who], story->count);
    story->of[story->count++] = story->open[who];
    produce(story->clients[who], topic, value, (size_t)size);
    assert_int_equal(rd_kafka_flush(story->clients[who], PATIENCE_MS), 0);
}

/* Every transaction ends with a marker, the last thing that the topic holds. */
static void story_play(story *story, const kafka_server *server, const char *topic)
{
    dice dice = { 20 };
    memset(story, 0, sizeof *story);
    for (int i = 0; i < PRODUCERS; i++) {
        char id[40];
        snprintf(id, sizeof id, "%s-%d", topic, i);
        story->clients[i] = client_open(server, (const char *const[]){ "transactional.id", id, NULL });
        assert_null(rd_kafka_init_transactions(story->clients[i], PATIENCE_MS));
        story->open[i] = -1;
    }
    for (int step = 0; step < STEPS; step++) {
        uint64_t draw = dice_next(&dice);
        int who = (int)(draw % PRODUCERS);
        if (draw / 8 % 3 == 0 && story->open[who] >= 0)
            story_end(story, who, draw / 64 % 2 == 0);
        else
            story_send(story, who, topic);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        if (story->open[i] >= 0)
            story_end(story, i, i % 2 == 0);
        rd_kafka_destroy(story->clients[i]);
    }
}

/* The values, without offsets: when a marker is written is the broker's choice. */
static void assert_values(source_trial *trial, int64_t until, const story *story, bool all)
{
    char *read = source_trial_read(trial, 0, 0, until, 256);
    char *next = read;
    for (int i = 0; i < story->count; i++) {
        if (!all && !story->committed[story->of[i]])
            continue;
        char *word = strsep(&next, " ");
        char *value = word ? strchr(word, '=') : NULL;
        assert_non_null(value);
        assert_string_equal(value + 1, story->values[i]);
    }
    assert_true(next && *next == '\0');
    free(read);
}

static void transactions_check(kafka_server *server)
{
    static story story;
    topic_make(kafka_server_address(server), "transactions", 1, NULL);
    story_play(&story, server, "transactions");
    int64_t end = story.count + story.transactions;
    source_trial *trial = trial_new(server, "transactions", quick);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, end);
    assert_values(trial, end, &story, false);
    source_trial_free(trial);
    for (int all = 0; all < 2; all++) { /* what ends with the input ends behind the last marker */
        const char *const level[] = { "kafka.isolation.level", all ? "read_uncommitted" : "read_committed",
                                      NULL };
        trial = trial_new(server, "transactions", level);
        trial->spec.available_now = true;
        source_trial_start(trial);
        assert_true(source_trial_wait(trial, 0, 0, end).finished);
        assert_values(trial, end, &story, all);
        source_trial_free(trial);
    }
}

static void only_committed_transactions_are_read_unless_all_are_wanted(void **state)
{
    (void)state;
    on_each_server(transactions_check);
}

/* ---- What batches may look like ---- */

enum { LARGE_COUNT = 200, LARGE_BYTES = 100 * 1024 };

/* Letters that packers find something in, but not everything. */
static void letters_make(char *to, size_t size, uint64_t seed)
{
    dice dice = { seed };
    for (size_t i = 0; i < size; i++)
        to[i] = (char)('a' + (i % 64 < 32 ? i % 7 : dice_below(&dice, 26)));
}

static void codec_check(const kafka_server *server, const char *codec)
{
    char topic[40];
    char *value = malloc(LARGE_BYTES);
    buffer expected = { 0 };
    const char *const producer[] = {
        "compression.codec", codec,      "linger.ms",          "60000", "batch.size", "29000000",
        "message.max.bytes", "29000000", "batch.num.messages", "200",   NULL
    };
    snprintf(topic, sizeof topic, "packed-%s", codec);
    topic_make(kafka_server_address(server), topic, 1, NULL);
    rd_kafka_t *client = client_open(server, producer);
    for (int i = 0; i < LARGE_COUNT; i++) { /* one batch of 20 MB */
        letters_make(value, LARGE_BYTES, (uint64_t)i);
        produce(client, topic, value, LARGE_BYTES);
        buffer_print(&expected, "%d:~=%.*s ", i, LARGE_BYTES, value);
    }
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
    produce(client, topic, "behind", 6);
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
    buffer_print(&expected, "%d:~=behind ", LARGE_COUNT);
    buffer_byte(&expected, '\0');
    source_trial *trial = trial_new(server, topic, quick);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, LARGE_COUNT + 1);
    for (int twice = 0; twice < 2; twice++) { /* as a batch that is tried again is */
        char *read = source_trial_read(trial, 0, 0, LARGE_COUNT + 1, twice ? 7 : 256);
        assert_int_equal(strlen(read), strlen(expected.at));
        assert_memory_equal(read, expected.at, expected.size);
        free(read);
    }
    source_trial_free(trial);
    rd_kafka_destroy(client);
    buffer_done(&expected);
    free(value);
}

static void codecs_check(kafka_server *server)
{
    static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd" };
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        codec_check(server, codecs[i]);
}

static void batches_larger_than_what_is_asked_for_come_in_every_packing(void **state)
{
    (void)state;
    on_each_server(codecs_check);
}

static void headers_check(kafka_server *server)
{
    rd_kafka_t *client = client_open(server, NULL);
    topic_make(kafka_server_address(server), "headers", 1,
               (const char *const[]){ "message.timestamp.type", "LogAppendTime", NULL });
    for (int i = 0; i < 3; i++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
        rd_kafka_header_add(headers, "trace", -1, "0123456789", -1);
        rd_kafka_header_add(headers, "empty", -1, NULL, 0);
        assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC("headers"), RD_KAFKA_V_PARTITION(0),
                                           RD_KAFKA_V_KEY("k", 1), RD_KAFKA_V_VALUE("v", 1),
                                           RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
                         0);
    }
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), 0);
    rd_kafka_destroy(client);
    source_trial *trial = trial_new(server, "headers", quick);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 3);
    char *read = source_trial_read(trial, 0, 0, 3, 256);
    assert_string_equal(read, "0:k=v 1:k=v 2:k=v ");
    free(read);
    source_trial_free(trial);
}

static void headers_are_passed_over(void **state)
{
    (void)state;
    on_each_server(headers_check);
}

/* Ten times the keys a to e, then a tombstone for e. The newest segment is never compacted: others begin new ones. */
static void compacted_check(kafka_server *server)
{
    enum { COUNT = 51, ROUNDS_MOST = 200 };
    static const char *const settings[] = {
        "cleanup.policy",      "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01",
        "delete.retention.ms", "3600000", NULL
    };
    topic_message messages[COUNT];
    char keys[COUNT][2], values[COUNT][8];
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "%c", i < 50 ? 'a' + i % 5 : 'e');
        snprintf(values[i], sizeof values[i], "%d", i);
        messages[i] = (topic_message){ 0, keys[i], i < 50 ? values[i] : NULL, 0 };
    }
    topic_make(kafka_server_address(server), "compacted", 1, settings);
    topic_send(kafka_server_address(server), "compacted", messages, COUNT);
    for (int round = 1, compacted = 0; !compacted; round++) {
        topic_message filler = { 0, "filler", "", 0 };
        assert_true(round < ROUNDS_MOST);
        topic_send(kafka_server_address(server), "compacted", &filler, 1);
        source_trial *trial = trial_new(server, "compacted", quick);
        trial->spec.available_now = true;
        source_trial_start(trial);
        assert_true(source_trial_wait(trial, 0, 0, COUNT + round).finished);
        char *read = source_trial_read(trial, 0, 0, COUNT, 256);
        compacted = strcmp(read, "45:a=45 46:b=46 47:c=47 48:d=48 50:e=~ ") == 0;
        free(read);
        read = source_trial_read(trial, 0, 46, 48, 256);
        assert_string_equal(read, "46:b=46 47:c=47 ");
        free(read);
        source_trial_free(trial);
    }
}

static void a_compacted_topic_has_gaps_and_tombstones(void **state)
{
    (void)state;
    on_each_server(compacted_check);
}

static void damage_check(kafka_server *server)
{
    char path[300], byte;
    topic_make(kafka_server_address(server), "damaged", 1, NULL);
    for (int i = 0; i < 3; i++) /* a batch or more each time */
        topic_fill(kafka_server_address(server), "damaged", 0, i * 10, 10);
    snprintf(path, sizeof path, "%s/data/damaged-0/00000000000000000000.log", kafka_server_folder(server));
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    off_t last = lseek(file, 0, SEEK_END) - 2; /* of the value of the last record */
    assert_int_equal(pread(file, &byte, 1, last), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, last), 1);
    close(file);
    source_trial *trial = trial_new(server, "damaged", quick);
    buffer out = { 0 };
    failure failure = { 0 };
    source_trial_start(trial);
    if (topic_is_fetched()) { /* whoever opens the batch sees it */
        source_trial_wait(trial, 0, 0, 30);
        source_trial_numbers(trial, 0, 0, 20);
        assert_int_equal(source_trial_try(trial, 0, 0, 30, &out, &failure), SL_FAILED);
    } else {
        assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_FAILED);
    }
    assert_non_null(strstr(failure.text, "kafka topic \"damaged\" partition 0"));
    assert_non_null(
        strstr(failure.text, " at offset 2")); /* 20, or later where they came as several batches */
    buffer_done(&out);
    source_trial_free(trial);
}

static void a_byte_that_changed_in_the_brokers_log_is_told(void **state)
{
    (void)state;
    on_each_server(damage_check);
}

/* ---- While it runs ---- */

static void anew_check(kafka_server *server)
{
    failure failure = { 0 };
    topic_make(kafka_server_address(server), "anew", 1, NULL);
    topic_fill(kafka_server_address(server), "anew", 0, 0, 10);
    source_trial *trial = trial_new(server, "anew", quick);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 10);
    topic_delete(kafka_server_address(server), "anew");
    topic_make(kafka_server_address(server), "anew", 1, NULL);
    topic_fill(kafka_server_address(server), "anew", 0, 0, 50);
    assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "\"anew\""));
    source_trial_free(trial);
}

static void a_topic_that_was_made_anew_is_data_loss(void **state)
{
    (void)state;
    on_each_server(anew_check);
}

static void hang_check(kafka_server *server)
{
    enum { NS_PER_S = 1000000000 };
    topic_make(kafka_server_address(server), "hangs", 1, NULL);
    topic_fill(kafka_server_address(server), "hangs", 0, 0, 10);
    source_trial *one = trial_new(server, "hangs", quick), *other = trial_new(server, "hangs", quick);
    source_trial_start(one);
    source_trial_start(other);
    source_trial_wait(one, 0, 0, 10);
    source_trial_wait(other, 0, 0, 10);
    kafka_server_hang(server, true);
    int64_t before_ns = clock_ns(&clock_system);
    source_trial_free(other);
    assert_true(clock_ns(&clock_system) - before_ns < 2 * (int64_t)NS_PER_S);
    kafka_server_hang(server, false);
    topic_fill(kafka_server_address(server), "hangs", 0, 10, 10);
    source_trial_wait(one, 0, 0, 20);
    source_trial_numbers(one, 0, 0, 20);
    source_trial_free(one);
}

static void a_broker_that_hangs_keeps_nobody_from_stopping_and_is_read_again(void **state)
{
    (void)state;
    on_each_server(hang_check);
}

static void kill_check(kafka_server *server)
{
    topic_make(kafka_server_address(server), "killed", 1, NULL);
    topic_fill(kafka_server_address(server), "killed", 0, 0, 10);
    source_trial *trial = trial_new(server, "killed", quick);
    source_trial_start(trial);
    source_trial_wait(trial, 0, 0, 10);
    kafka_server_kill(server);
    kafka_server_restart(server);
    topic_fill(kafka_server_address(server), "killed", 0, 10, 10);
    source_trial_wait(trial, 0, 0, 20);
    source_trial_numbers(trial, 0, 0, 20);
    source_trial_free(trial);
}

static void a_killed_broker_loses_nothing(void **state)
{
    (void)state;
    on_each_server(kill_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_committed_transactions_are_read_unless_all_are_wanted),
        cmocka_unit_test(batches_larger_than_what_is_asked_for_come_in_every_packing),
        cmocka_unit_test(headers_are_passed_over),
        cmocka_unit_test(a_compacted_topic_has_gaps_and_tombstones),
        cmocka_unit_test(a_byte_that_changed_in_the_brokers_log_is_told),
        cmocka_unit_test(a_topic_that_was_made_anew_is_data_loss),
        cmocka_unit_test(a_broker_that_hangs_keeps_nobody_from_stopping_and_is_read_again),
        cmocka_unit_test(a_killed_broker_loses_nothing),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
