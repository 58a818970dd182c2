/*
 * sources/kafka/librdkafka.c - reading by librdkafka: a thread drains its consumer into the partitions' chains.
 *
 * A second handle, the planner, asks for metadata and offsets, so that answers never queue behind a long poll.
 *
 * The thread drains all the time: librdkafka before 2.2 stops fetching for a whole second when its queue runs full, so a reader
 * that drains once per batch loses most of its speed. It waits in the library for the first message, gathers what comes
 * within a few milliseconds, and takes the lock once for all of it. Only when the chains hold as much as they may does it
 * wait for release().
 *
 * A partition reached an offset when a message below it arrived, or EOF was told: control records and holes at the end
 * bring no message.
 */
#include <base/log.h>
#include <base/memory.h>
#include <base/traffic.h>
#include <inttypes.h>
#include <records/headers.h>
#include <sources/kafka/watch.h>
#include <stdlib.h>

enum { MESSAGES = 10000, IDLE_MS = 500, GATHER_MS = 5, ASK_MS = 5000, SOON_MS = 2000, CLOSE_MS = 1000 };

typedef struct drain {
    rd_kafka_t *planner;
    rd_kafka_queue_t *arrivals;
    pthread_t thread;
    bool running;
    watch watch;
    buffer headers; /* of one message */
} drain;

static sl_result drain_topic(kafka_reader *reader, int32_t *count, failure *failure);
static sl_result topic_ask(kafka_reader *reader, int patience_ms, int32_t *count, failure *failure);
static sl_result reason_add(kafka_reader *reader, failure *failure);
static void *drain_run(void *argument);
static bool drain_wait(kafka_reader *reader);
static size_t drain_receive(kafka_reader *reader, rd_kafka_message_t **messages);
static void drain_store(kafka_reader *reader, rd_kafka_message_t **messages, size_t count);
static void part_trouble(kafka_reader *reader, const rd_kafka_message_t *message);
static sl_result trouble_kind(rd_kafka_resp_err_t error);

static sl_result drain_open(kafka_reader *reader, int32_t *count, failure *failure)
{
    drain *drain = reader->way_self = memory_new(sizeof *drain);
    kafka_client_spec client = {
        .role = KAFKA_PLANNER,
        .settings = reader->spec.settings,
        .job = reader->spec.job,
        .troubled = reader_told,
        .opaque = reader,
    };
    SL_TRY(kafka_client_open(&client, &drain->planner, failure));
    drain->watch = (watch){ .reader = reader, .asker = drain->planner };
    SL_TRY(drain_topic(reader, count, failure));
    return watch_identify(reader, reader_deadline_ns(reader), &reader->topic_id, failure);
}

static sl_result drain_topic(kafka_reader *reader, int32_t *count, failure *failure)
{
    /* When a reason is known, whoever waits for the start wants to read it soon. */
    sl_result result =
        topic_ask(reader, kafka_patience_ms(reader_deadline_ns(reader), SOON_MS), count, failure);
    if (result != SL_RETRY || reader->trouble[0])
        return result;
    failure_clear(failure);
    return topic_ask(reader, kafka_patience_ms(reader_deadline_ns(reader), ASK_MS - SOON_MS), count, failure);
}

static sl_result topic_ask(kafka_reader *reader, int patience_ms, int32_t *count, failure *failure)
{
    sl_result result =
        kafka_topic_count(((drain *)reader->way_self)->planner, reader->topic, patience_ms, count, failure);
    return result == SL_RETRY ? reason_add(reader, failure) : result;
}

/* The library's own result says "transport failure"; why, it tells besides. */
static sl_result reason_add(kafka_reader *reader, failure *failure)
{
    size_t size = strlen(failure->text);
    rd_kafka_poll(((drain *)reader->way_self)->planner, 0);
    if (reader->trouble[0])
        snprintf(failure->text + size, sizeof failure->text - size, " (%s)", reader->trouble);
    return failure->result;
}

/* rd_kafka_offsets_for_times() knows the times -1 and -2: one request per broker, and its timeout is honoured, which that
 * of rd_kafka_query_watermark_offsets() is not before 2.3. */
static sl_result drain_offsets(kafka_reader *reader, int64_t time_ms, int64_t *offsets, failure *failure)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);
    for (size_t i = 0; i < reader->count; i++)
        rd_kafka_topic_partition_list_add(list, reader->topic, (int32_t)i)->offset = time_ms;
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(
        ((drain *)reader->way_self)->planner, list, kafka_patience_ms(reader_deadline_ns(reader), ASK_MS));
    for (int i = 0; i < list->cnt && !error; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        error = answer->err;
        offsets[answer->partition] = answer->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return SL_OK;
    fail(failure, SL_RETRY, "kafka at %s: asking where the partitions of topic \"%s\" begin and end: %s",
         reader->servers, reader->topic, rd_kafka_err2str(error));
    return reason_add(reader, failure);
}

static sl_result drain_assign(kafka_reader *reader, failure *failure)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);
    for (size_t i = 0; i < reader->count; i++)
        rd_kafka_topic_partition_list_add(list, reader->topic, (int32_t)i)->offset =
            growth_is_unread(&reader->parts[i]) ? RD_KAFKA_OFFSET_BEGINNING : reader->parts[i].chain.next;
    rd_kafka_resp_err_t error = rd_kafka_assign(reader->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error ? fail(failure, SL_FAILED, "kafka topic \"%s\": %s", reader->topic, rd_kafka_err2str(error))
                 : SL_OK;
}

static sl_result drain_start(kafka_reader *reader, failure *failure)
{
    drain *drain = reader->way_self;
    drain->arrivals = rd_kafka_queue_get_consumer(reader->client);
    SL_TRY(drain_assign(reader, failure));
    if (pthread_create(&drain->thread, NULL, drain_run, reader) != 0)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": no thread to read with", reader->topic);
    drain->running = true;
    return watch_start(&drain->watch, failure);
}

static void drain_stop(kafka_reader *reader)
{
    drain *drain = reader->way_self;
    if (drain == NULL)
        return;
    if (drain->arrivals)
        rd_kafka_queue_yield(drain->arrivals);
    if (drain->running)
        pthread_join(drain->thread, NULL);
    drain->running = false;
    watch_stop(&drain->watch);
}

static void drain_close(kafka_reader *reader)
{
    drain *drain = reader->way_self;
    if (drain == NULL)
        return;
    if (drain->arrivals)
        rd_kafka_queue_destroy(drain->arrivals);
    if (!kafka_client_close(drain->planner, CLOSE_MS))
        log_debug("kafka", "topic %s: the client that asks did not close in time", reader->topic);
    buffer_done(&drain->headers);
    free(drain);
}

static int64_t drain_end(kafka_reader *reader, uint32_t part)
{
    int64_t low, high;
    rd_kafka_resp_err_t error =
        rd_kafka_get_watermark_offsets(reader->client, reader->topic, (int32_t)part, &low, &high);
    return error ? -1 : high;
}

static sl_result drain_read(kafka_reader *reader, const source_block *block, source_reading *reading,
                            source_messages *messages, failure *failure)
{
    (void)reader, (void)failure;
    messages->count = segment_read(block, reading, messages->at, messages->room);
    return SL_OK;
}

/* After its error a partition is silent until it is assigned anew. */
static void lost_ask(kafka_reader *reader)
{
    int64_t *begin = NULL, *end;
    failure failure = { 0 };
    bool lost = false;
    for (size_t i = 0; i < reader->count; i++)
        lost = lost || reader->parts[i].lost; /* only this thread sets it */
    if (!lost)
        return;
    begin = memory_new(2 * reader->count * sizeof *begin);
    end = begin + reader->count;
    bool known = drain_offsets(reader, KAFKA_TIME_BEGIN, begin, &failure) == SL_OK &&
                 drain_offsets(reader, KAFKA_TIME_END, end, &failure) == SL_OK;
    pthread_mutex_lock(&reader->mutex);
    for (uint32_t i = 0; i < reader->count && known; i++)
        if (reader->parts[i].lost)
            loss_settle(reader, i, begin[i], end[i]);
    pthread_mutex_unlock(&reader->mutex);
    free(begin);
    if (drain_assign(reader, &failure) != SL_OK || !known)
        log_warn("kafka", "%s; trying again", failure.text);
}

/* Those that were added are assigned, too. */
static void added_take(kafka_reader *reader)
{
    const watch *watch = &((drain *)reader->way_self)->watch;
    failure failure = { 0 };
    pthread_mutex_lock(&reader->mutex);
    size_t before = reader->count, count = watch->count, after = growth_take(reader, count);
    pthread_mutex_unlock(&reader->mutex);
    growth_tell(reader, before, count);
    if (after > before && drain_assign(reader, &failure) != SL_OK)
        log_warn("kafka", "%s; its new partitions are not read", failure.text);
}

static void *drain_run(void *argument)
{
    kafka_reader *reader = argument;
    rd_kafka_message_t **messages = memory_new(MESSAGES * sizeof(rd_kafka_message_t *));
    while (drain_wait(reader)) {
        size_t count = drain_receive(reader, messages);
        if (count) {
            drain_store(reader, messages, count);
            lost_ask(reader);
            if (reader->spec.wake)
                reader->spec.wake(reader->spec.wake_argument);
        }
        for (size_t i = 0; i < count; i++)
            rd_kafka_message_destroy(messages[i]);
        commits_send(reader);
        added_take(reader);
    }
    free(messages);
    return NULL;
}

/* Until there is room; false at the end. */
static bool drain_wait(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (!reader->stopping && reader->bytes >= kafka_bytes_allowed(reader))
        pthread_cond_wait(&reader->changed, &reader->mutex);
    bool go_on = !reader->stopping;
    pthread_mutex_unlock(&reader->mutex);
    return go_on;
}

static size_t drain_receive(kafka_reader *reader, rd_kafka_message_t **messages)
{
    const drain *drain = reader->way_self;
    messages[0] = rd_kafka_consume_queue(drain->arrivals, IDLE_MS);
    if (messages[0] == NULL)
        return 0;
    ssize_t more = rd_kafka_consume_batch_queue(drain->arrivals, GATHER_MS, messages + 1, MESSAGES - 1);
    return 1 + (more > 0 ? (size_t)more : 0);
}

static const char *headers_of(const rd_kafka_message_t *message, buffer *out)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    out->size = 0;
    headers_begin(out, rd_kafka_header_cnt(headers));
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; i++)
        headers_add(out, (sl_text){ name, strlen(name) }, (sl_text){ value, size });
    return out->at;
}

static void part_store(kafka_reader *reader, kafka_part *part, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    drain *drain = reader->way_self;
    size_t before = part->chain.bytes;
    segment_add(&part->chain,
                &(sl_message){
                    .origin = { message->offset, rd_kafka_message_timestamp(message, &type), 0 },
                    .key = { message->key, message->key_len },
                    .value = { message->payload, message->len },
                    .headers = headers_of(message, &drain->headers),
                });
    reader->bytes += part->chain.bytes - before;
}

static void drain_store(kafka_reader *reader, rd_kafka_message_t **messages, size_t count)
{
    traffic received = { 0 };
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_message_t *message = messages[i];
        received.bytes_in += message->err ? 0 : (int64_t)message->len;
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
    traffic_add(TRAFFIC_KAFKA_IN, &received);
}

/* An error instead of messages; the first one that is for good stays. */
static void part_trouble(kafka_reader *reader, const rd_kafka_message_t *message)
{
    bool known = message->partition >= 0 && (size_t)message->partition < reader->count;
    kafka_part *part = &reader->parts[known ? message->partition : 0];
    sl_result kind = trouble_kind(message->err);
    reader->doubted = reader->doubted || kind == SL_DATA_LOSS ||
                      message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                      message->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
                      message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (sl_is_retriable(part->trouble.result))
        failure_clear(&part->trouble);
    if (kind == SL_DATA_LOSS && loss_is_skipped(reader))
        part->lost = true;
    else if (kind == SL_DATA_LOSS)
        fail(&part->trouble, kind,
             "kafka topic \"%s\" partition %" PRId32 " has nothing at offset %" PRId64
             " any more: retention took it, or the topic was made anew (%s)%s",
             reader->topic, message->partition, part->chain.next, rd_kafka_message_errstr(message),
             loss_advice(reader));
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

const kafka_way kafka_way_librdkafka = {
    .name = "librdkafka",
    .open = drain_open,
    .offsets = drain_offsets,
    .start = drain_start,
    .stop = drain_stop,
    .close = drain_close,
    .end = drain_end,
    .read = drain_read,
};
