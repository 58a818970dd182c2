/*
 * sources/kafka/ingest.c - the thread that drains the fetch handle into the partitions' chains.
 *
 * It drains all the time: librdkafka before 2.2 stops fetching for a whole second when its queue runs full, so a reader
 * that drains once per batch loses most of its speed. It waits in the library for the first message, gathers what comes
 * within a few milliseconds, and takes the lock once for all of it. Only when the chains hold as much as they may does it
 * wait for release(). When nothing is to be released, since a replay waits for more of one partition while another
 * one's backlog fills the memory, it may overdraw, up to twice that much.
 *
 * A partition reached an offset when a message below it arrived, or EOF was told: control records and holes at the end
 * bring no message.
 */
#include <base/log.h>
#include <base/memory.h>
#include <inttypes.h>
#include <sources/kafka/reader.h>
#include <stdlib.h>

enum { MESSAGES = 10000, IDLE_MS = 500, GATHER_MS = 5 };

static void *ingest_run(void *argument);
static bool ingest_wait(kafka_reader *reader);
static size_t ingest_receive(kafka_reader *reader, rd_kafka_message_t **messages);
static void ingest_store(kafka_reader *reader, rd_kafka_message_t **messages, size_t count);
static void part_trouble(kafka_reader *reader, const rd_kafka_message_t *message);
static sl_result trouble_kind(rd_kafka_resp_err_t error);

sl_result ingest_start(kafka_reader *reader, failure *failure)
{
    reader->arrivals = rd_kafka_queue_get_consumer(reader->fetcher);
    reader->answers = rd_kafka_queue_get_main(reader->fetcher);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);
    for (size_t i = 0; i < reader->count; i++)
        rd_kafka_topic_partition_list_add(list, reader->topic, (int32_t)i)->offset =
            reader->parts[i].chain.next;
    rd_kafka_resp_err_t error = rd_kafka_assign(reader->fetcher, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": %s", reader->topic, rd_kafka_err2str(error));
    if (pthread_create(&reader->ingest, NULL, ingest_run, reader) != 0)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": no thread to read with", reader->topic);
    reader->ingesting = true;
    return SL_OK;
}

void ingest_stop(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->stopping = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    if (reader->arrivals)
        rd_kafka_queue_yield(reader->arrivals);
    if (reader->ingesting)
        pthread_join(reader->ingest, NULL);
    reader->ingesting = false;
}

static void *ingest_run(void *argument)
{
    kafka_reader *reader = argument;
    rd_kafka_message_t **messages = memory_new(MESSAGES * sizeof(rd_kafka_message_t *));
    while (ingest_wait(reader)) {
        size_t count = ingest_receive(reader, messages);
        if (count) {
            ingest_store(reader, messages, count);
            if (reader->spec.wake)
                reader->spec.wake(reader->spec.wake_argument);
        }
        for (size_t i = 0; i < count; i++)
            rd_kafka_message_destroy(messages[i]);
        rd_kafka_poll(reader->fetcher, 0); /* answers to commits */
    }
    free(messages);
    return NULL;
}

static size_t bytes_allowed(const kafka_reader *reader)
{
    bool overdraw = reader->hungry && reader->in_flight == 0;
    return reader->spec.bytes_max * (overdraw ? 2 : 1);
}

/* Until there is room; false at the end. */
static bool ingest_wait(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (!reader->stopping && reader->bytes >= bytes_allowed(reader))
        pthread_cond_wait(&reader->changed, &reader->mutex);
    bool go_on = !reader->stopping;
    pthread_mutex_unlock(&reader->mutex);
    return go_on;
}

static size_t ingest_receive(kafka_reader *reader, rd_kafka_message_t **messages)
{
    messages[0] = rd_kafka_consume_queue(reader->arrivals, IDLE_MS);
    if (messages[0] == NULL)
        return 0;
    ssize_t more = rd_kafka_consume_batch_queue(reader->arrivals, GATHER_MS, messages + 1, MESSAGES - 1);
    return 1 + (more > 0 ? (size_t)more : 0);
}

static void part_store(kafka_reader *reader, kafka_part *part, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    size_t before = part->chain.bytes;
    segment_add(&part->chain,
                &(sl_message){
                    .origin = { message->offset, rd_kafka_message_timestamp(message, &type), 0 },
                    .key = { message->key, message->key_len },
                    .value = { message->payload, message->len },
                });
    reader->bytes += part->chain.bytes - before;
}

static void ingest_store(kafka_reader *reader, rd_kafka_message_t **messages, size_t count)
{
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_message_t *message = messages[i];
        bool known = message->partition >= 0 && (size_t)message->partition < reader->count;
        kafka_part *part = &reader->parts[known ? message->partition : 0];
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && known)
            segment_reach(&part->chain, message->offset);
        else if (message->err)
            part_trouble(reader, message);
        else if (known && part->trouble.result == SL_OK)
            part_store(reader, part, message);
    }
    pthread_mutex_unlock(&reader->mutex);
}

/* An error instead of messages; the first one that is for good stays. */
static void part_trouble(kafka_reader *reader, const rd_kafka_message_t *message)
{
    bool known = message->partition >= 0 && (size_t)message->partition < reader->count;
    kafka_part *part = &reader->parts[known ? message->partition : 0];
    sl_result kind = trouble_kind(message->err);
    if (sl_is_retriable(part->trouble.result))
        failure_clear(&part->trouble);
    if (kind == SL_DATA_LOSS)
        fail(&part->trouble, kind,
             "kafka topic \"%s\" partition %" PRId32 " has nothing at offset %" PRId64
             " any more: retention took it, or the topic was made anew (%s)",
             reader->topic, message->partition, part->chain.next, rd_kafka_message_errstr(message));
    else
        fail(&part->trouble, kind, "kafka topic \"%s\" partition %" PRId32 " at %s: %s", reader->topic,
             message->partition, reader->servers, rd_kafka_message_errstr(message));
}

static sl_result trouble_kind(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return SL_DATA_LOSS;
    case RD_KAFKA_RESP_ERR__BAD_MSG: /* the library goes on behind what it could not read */
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return SL_FAILED;
    default: return SL_RETRY;
    }
}
