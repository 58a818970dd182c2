/*
 * tests/servers/topic.c - plain producers and consumers for tests. Whatever fails here ends the test program.
 */
#include <base/memory.h>
#include <clients/kafka.h>
#include <inttypes.h>
#include <servers/topic.h>
#include <stdlib.h>

enum { PATIENCE_MS = 60000 };

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *servers, const char *group);
static const char *line_after(const char *line);

static void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[200];
    sl_expect(rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK);
}

static void message_send(rd_kafka_t *client, const char *topic, const topic_message *message,
                         rd_kafka_headers_t *headers)
{
    const char *key = message->key, *value = message->value;
    rd_kafka_resp_err_t error = rd_kafka_producev(
        client, RD_KAFKA_VTYPE_TOPIC, topic, RD_KAFKA_VTYPE_PARTITION, message->partition, RD_KAFKA_VTYPE_KEY,
        key, key ? strlen(key) : (size_t)0, RD_KAFKA_VTYPE_VALUE, value, value ? strlen(value) : (size_t)0,
        RD_KAFKA_VTYPE_TIMESTAMP, message->time_ms, RD_KAFKA_VTYPE_HEADERS, headers, RD_KAFKA_VTYPE_MSGFLAGS,
        RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_END);
    sl_expect(error == RD_KAFKA_RESP_ERR_NO_ERROR);
}

void topic_send(const char *servers, const char *topic, const topic_message *messages, size_t count)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, servers, NULL);
    for (size_t i = 0; i < count; i++)
        message_send(client, topic, &messages[i], NULL);
    sl_expect(rd_kafka_flush(client, PATIENCE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(client);
}

void topic_send_headers(const char *servers, const char *topic, const topic_message *message,
                        const char *const *headers)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, servers, NULL);
    rd_kafka_headers_t *made = rd_kafka_headers_new(0);
    for (const char *const *at = headers; *at; at += 2)
        sl_expect(rd_kafka_header_add(made, at[0], -1, at[1], at[1] ? -1 : 0) == 0);
    message_send(client, topic, message, made);
    sl_expect(rd_kafka_flush(client, PATIENCE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(client);
}

void topic_fill(const char *servers, const char *topic, int32_t partition, int64_t first, int64_t count)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, servers, NULL);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    for (int64_t i = first; i < first + count; i++) {
        char value[40];
        int size = snprintf(value, sizeof value, "%" PRId32 ":%" PRId64, partition, i);
        while (rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, value, (size_t)size, NULL, 0, NULL) !=
               0)
            rd_kafka_poll(client, 100);
    }
    sl_expect(rd_kafka_flush(client, PATIENCE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
}

static rd_kafka_topic_partition_list_t *topic_partitions(rd_kafka_t *client, const char *topic)
{
    int32_t count = 0;
    failure failure = { 0 };
    sl_expect(kafka_topic_count(client, topic, PATIENCE_MS, &count, &failure) == SL_OK);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    return list;
}

static int line_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *topic_lines_sorted(buffer *out)
{
    buffer_byte(out, '\0');
    size_t count = 0;
    for (const char *line = out->at; *line; line = line_after(line))
        count++;
    char **lines = memory_new((count + 1) * sizeof *lines), *next = out->at;
    for (size_t i = 0; i < count; i++)
        lines[i] = strsep(&next, "\n");
    qsort(lines, count, sizeof *lines, line_compare);
    buffer sorted = { 0 };
    for (size_t i = 0; i < count; i++)
        buffer_print(&sorted, "%s\n", lines[i]);
    buffer_byte(&sorted, '\0');
    free(lines);
    buffer_done(out);
    return sorted.at;
}

static void message_print(const rd_kafka_message_t *message, buffer *out)
{
    buffer_append(out, message->key ? message->key : "~", message->key ? message->key_len : 1);
    buffer_byte(out, '=');
    buffer_append(out, message->payload ? message->payload : "~", message->payload ? message->len : 1);
    buffer_byte(out, '\n');
}

char *topic_read(const char *servers, const char *topic)
{
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, servers, "reader");
    rd_kafka_topic_partition_list_t *list = topic_partitions(client, topic);
    buffer out = { 0 };
    int ends = 0;
    rd_kafka_assign(client, list);
    while (ends < list->cnt) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, PATIENCE_MS);
        sl_expect(message != NULL);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ends++;
        else if (!message->err)
            message_print(message, &out);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return topic_lines_sorted(&out);
}

int64_t topic_committed(const char *servers, const char *group, const char *topic, int32_t partition)
{
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, servers, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    sl_expect(rd_kafka_committed(client, list, PATIENCE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return offset;
}

/* ---- What administrators do ---- */

typedef struct administrator {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
} administrator;

static administrator administrator_begin(const char *servers)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, servers, NULL);
    return (administrator){ client, rd_kafka_queue_new(client) };
}

static void administrator_end(administrator one)
{
    rd_kafka_queue_destroy(one.queue);
    rd_kafka_destroy(one.client);
}

/* The only topic of an answer: all three kinds of answers are read in the same way. */
static rd_kafka_resp_err_t answer_error(administrator one)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(one.queue, PATIENCE_MS);
    sl_expect(event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    size_t count = 0;
    const rd_kafka_topic_result_t **topics = NULL;
    if (rd_kafka_event_CreateTopics_result(event))
        topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    else if (rd_kafka_event_DeleteTopics_result(event))
        topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    else if (rd_kafka_event_CreatePartitions_result(event))
        topics =
            rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
    if (!error && count == 1)
        error = rd_kafka_topic_result_error(topics[0]);
    rd_kafka_event_destroy(event);
    return error;
}

/* Until the broker tells of so many: whoever would write to others sooner has his messages refused. */
static void partitions_await(administrator one, const char *topic, int32_t partitions)
{
    int32_t count = 0;
    failure failure = { 0 };
    while (count != partitions) {
        failure_clear(&failure);
        sl_expect(kafka_topic_count(one.client, topic, PATIENCE_MS, &count, &failure) == SL_OK ||
                  sl_is_retriable(failure.result));
    }
}

/* After a deletion the name is free only a moment later. */
void topic_make(const char *servers, const char *topic, int32_t partitions, const char *const *settings)
{
    char text[200];
    administrator one = administrator_begin(servers);
    rd_kafka_resp_err_t error;
    do {
        rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, text, sizeof text);
        for (size_t i = 0; settings && settings[i]; i += 2)
            rd_kafka_NewTopic_set_config(wanted, settings[i], settings[i + 1]);
        rd_kafka_CreateTopics(one.client, &wanted, 1, NULL, one.queue);
        error = answer_error(one);
        rd_kafka_NewTopic_destroy(wanted);
    } while (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
    sl_expect(!error);
    partitions_await(one, topic, partitions);
    administrator_end(one);
}

void topic_grow(const char *servers, const char *topic, int32_t partitions)
{
    char text[200];
    administrator one = administrator_begin(servers);
    rd_kafka_NewPartitions_t *wanted =
        rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof text);
    rd_kafka_CreatePartitions(one.client, &wanted, 1, NULL, one.queue);
    sl_expect(!answer_error(one));
    rd_kafka_NewPartitions_destroy(wanted);
    partitions_await(one, topic, partitions);
    administrator_end(one);
}

void topic_delete(const char *servers, const char *topic)
{
    administrator one = administrator_begin(servers);
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(one.client, &gone, 1, NULL, one.queue);
    sl_expect(!answer_error(one));
    rd_kafka_DeleteTopic_destroy(gone);
    administrator_end(one);
}

settings *topic_settings(const char *servers)
{
    static const setting others[] = {
        { "input.on_data_loss", NULL, SETTING_CHOICE, "fail", "fail|skip", NULL, NULL, "the same" },
        { "sink.timeout", NULL, SETTING_DURATION, "10s", NULL, NULL, NULL, "as the engine has it" },
        { 0 },
    };
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Kafka", kafka_settings);
    settings_add(settings, "Others", others);
    settings_pass(settings, "kafka.");
    sl_expect(settings_set(settings, "kafka.bootstrap.servers", servers, "test", &failure) == SL_OK);
    const char *reader = getenv("SLUICE_KAFKA_READER"); /* as jobs take it */
    sl_expect(reader == NULL || settings_set(settings, "kafka.reader", reader, "test", &failure) == SL_OK);
    return settings;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *servers, const char *group)
{
    char text[200];
    rd_kafka_conf_t *conf = kafka_conf_new();
    conf_set(conf, "bootstrap.servers", servers);
    if (type == RD_KAFKA_CONSUMER) {
        conf_set(conf, "group.id", group);
        conf_set(conf, "enable.partition.eof", "true");
        conf_set(conf, "fetch.wait.max.ms", "10");
    } else {
        conf_set(conf, "linger.ms", "5");
        conf_set(conf, "enable.idempotence", "true"); /* order survives a retry */
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    sl_expect(client != NULL);
    return client;
}

static const char *line_after(const char *line)
{
    return strchr(line, '\n') + 1;
}

bool topic_is_fetched(void)
{
    const char *reader = getenv("SLUICE_KAFKA_READER");
    return reader == NULL || strcmp(reader, "librdkafka") != 0;
}
