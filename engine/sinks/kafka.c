/*
 * sinks/kafka.c - documents as messages of a Kafka topic.
 *
 * The value is the document (by kafka.format=csv a line of CSV; or the raw bytes of an output that has such), the key is the document's id, so that compaction
 * and readers can drop repeats: a batch that comes again writes its messages again. One idempotent producer serves all
 * writers; its reports come on a thread of their own, and flush() waits until none of the writer's messages is without
 * one. What a server refuses for good is a dead letter where the row's origin is known. With --exactly-once the producer has
 * transactions, and a batch that was written is not written again: sinks/kafka/once.h.
 *
 *     rows ---> producer ---> servers ---> reports (thread) ---> writer: waiting - 1, trouble, refused
 *     flush <------------------------------------------------------ waiting == 0
 */
#include <base/arena.h>
#include <base/clock.h>
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <clients/kafka.h>
#include <clients/kafka_traffic.h>
#include <pthread.h>
#include <sinks/kafka/once.h>
#include <sinks/shared/lines.h>
#include <stdlib.h>

enum { METADATA_MS = 5000, REPORTS_MS = 500, CLOSE_MS = 10000 };

typedef struct kafka_writer kafka_writer;

typedef struct kafka_sent { /* one message on its way; lives until the next begin */
    kafka_writer *writer;
    struct kafka_sent *next;
    sl_origin origin;
    bool has_origin;
    rd_kafka_resp_err_t error;
} kafka_sent;

typedef struct kafka_sink {
    sink_spec spec;
    char *topic;
    rd_kafka_t *producer;
    rd_kafka_topic_t *handle;
    rd_kafka_queue_t *reports_queue;
    pthread_t reports;
    bool reporting;
    atomic_bool stopping;
    traffic measured; /* of this producer, by its last statistics */
    bool transacts, csv;
    once once;             /* where it does */
    atomic_bool any;       /* messages of this attempt */
    pthread_mutex_t mutex; /* of the writers' trouble and refused */
    pthread_cond_t all_told;
    const sink_batch *batch;
    kafka_writer *writers;
} kafka_sink;

struct kafka_writer {
    kafka_sink *sink;
    arena sent;
    buffer key, value;
    atomic_size_t waiting; /* messages without a report */
    failure trouble;
    kafka_sent *refused;
};

static sl_result producer_open(kafka_sink *sink, failure *failure);
static sl_result producer_renew(kafka_sink *sink, failure *failure);
static void producer_close(kafka_sink *sink);
static sl_result row_send(kafka_writer *writer, const void *row, failure *failure);
static sl_result message_send(kafka_writer *writer, const sl_origin *origin, sl_text key, sl_text value,
                              failure *failure);
static void writer_wait(kafka_writer *writer);
static sl_result error_kind(rd_kafka_resp_err_t error);
static bool error_refuses(rd_kafka_resp_err_t error);
static void kafka_close(void *self);

/* With `memory` it is closed again, after what the servers keep was read into it. */
static sl_result sink_open(const sink_spec *spec, sink_kept *memory, void **self, failure *failure)
{
    kafka_sink *sink = memory_new(sizeof *sink);
    const char *usual = spec->output->index ? spec->output->index : spec->output->name;
    sink->spec = *spec;
    sink->topic = memory_text(spec->target && spec->target[0] ? spec->target : usual);
    sink->writers = memory_new(spec->writers * sizeof *sink->writers);
    for (unsigned i = 0; i < spec->writers; i++)
        sink->writers[i].sink = sink;
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_cond_init(&sink->all_told, NULL);
    sink->transacts = settings_flag(spec->settings, "kafka.exactly_once");
    sink->csv = lines_format_of(spec, "kafka.format").kind == LINES_CSV;
    sink->once = (once){ .spec = &sink->spec, .topic = sink->topic };
    sl_result result = producer_open(sink, failure);
    int patience_ms = kafka_patience_ms(spec->deadline_ns, METADATA_MS);
    if (result == SL_OK)
        result = kafka_topic_count(sink->producer, sink->topic, patience_ms, &sink->once.partitions, failure);
    if (result == SL_OK && sink->transacts && memory)
        result = once_recall(&sink->once, sink->producer, patience_ms, memory, failure);
    else if (result == SL_OK && sink->transacts)
        result = once_start(&sink->once, sink->producer, patience_ms, failure);
    if (result != SL_OK || memory)
        kafka_close(sink);
    else
        *self = sink;
    return result;
}

static sl_result kafka_open(const sink_spec *spec, void **self, failure *failure)
{
    return sink_open(spec, NULL, self, failure);
}

static sl_result kafka_recall(const sink_spec *spec, sink_kept *memory, failure *failure)
{
    return settings_flag(spec->settings, "kafka.exactly_once") ? sink_open(spec, memory, NULL, failure)
                                                               : SL_OK;
}

static void kafka_close(void *self)
{
    kafka_sink *sink = self;
    if (sink == NULL)
        return;
    producer_close(sink);
    once_done(&sink->once);
    for (unsigned i = 0; i < sink->spec.writers; i++) {
        arena_done(&sink->writers[i].sent);
        buffer_done(&sink->writers[i].key);
        buffer_done(&sink->writers[i].value);
    }
    pthread_cond_destroy(&sink->all_told);
    pthread_mutex_destroy(&sink->mutex);
    free(sink->writers);
    free(sink->topic);
    free(sink);
}

static sl_result kafka_begin(void *self, const sink_batch *batch, failure *failure)
{
    kafka_sink *sink = self;
    for (unsigned i = 0; i < sink->spec.writers;
         i++) { /* an earlier attempt may have left before its flush */
        kafka_writer *writer = &sink->writers[i];
        writer_wait(writer);
        arena_reset(&writer->sent);
        failure_clear(&writer->trouble);
        writer->refused = NULL;
    }
    SL_TRY(producer_renew(sink, failure));
    sink->batch = batch;
    atomic_store(&sink->any, false);
    return sink->transacts ? once_begin(&sink->once, sink->producer, batch, failure) : SL_OK;
}

static sl_result kafka_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    kafka_sink *sink = self;
    const char *row = rows->at;
    if (sink->once.sent)
        return SL_OK;
    if (sink->transacts && rows->count)
        atomic_store(&sink->any, true);
    for (size_t i = 0; i < rows->count; i++, row += sink->spec.schema->row_bytes)
        SL_TRY(row_send(&sink->writers[writer], row, failure));
    return SL_OK;
}

static sl_result kafka_flush(void *self, unsigned number, failure *failure)
{
    kafka_sink *sink = self;
    kafka_writer *writer = &sink->writers[number];
    fault_point("before_kafka_answer");
    writer_wait(writer);
    fault_point("after_kafka_answer");
    for (const kafka_sent *sent = writer->refused; sent; sent = sent->next) {
        sink_exception exception = { sent->origin, true, "" };
        snprintf(exception.detail, sizeof exception.detail, "%s", rd_kafka_err2str(sent->error));
        sink_note(sink->batch, number, &exception);
    }
    writer->refused = NULL;
    if (writer->trouble.result != SL_OK)
        return fail(failure, writer->trouble.result, "%s", writer->trouble.text);
    return SL_OK;
}

static sl_result kafka_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    kafka_sink *sink = self;
    for (size_t i = 0; i < count; i++) {
        const sink_group *group = &groups[i];
        if (!group->changed || sink->once.sent)
            continue;
        atomic_store(&sink->any, true); /* also where all it does is to let fall */
        sink_rows rows = { group->rows, group->count, i };
        SL_TRY(kafka_rows(sink, 0, &rows, failure));
        for (size_t k = 0; k < group->fallen_count; k++) /* a tombstone: the key has no value any more */
            SL_TRY(message_send(&sink->writers[0], NULL, group->fallen[k], (sl_text){ 0 }, failure));
    }
    return kafka_flush(sink, 0, failure);
}

static sl_result kafka_commit(void *self, failure *failure)
{
    kafka_sink *sink = self;
    if (!sink->transacts)
        return SL_OK;
    return once_commit(&sink->once, sink->producer, sink->batch, atomic_load(&sink->any), failure);
}

/* ---- Messages ---- */

static sl_result row_send(kafka_writer *writer, const void *row, failure *failure)
{
    const sink_spec *spec = &writer->sink->spec;
    if (spec->output->raw.count) {
        const sl_text *raw = (const void *)((const char *)row + spec->output->raw.offset[0]);
        return message_send(writer, document_origin(spec->document, row), (sl_text){ 0 }, *raw, failure);
    }
    writer->key.size = writer->value.size = 0;
    sl_text key = { 0 };
    if (document_has_id(spec->document)) {
        document_id(spec->document, row, &writer->key);
        key = (sl_text){ writer->key.at, writer->key.size };
    }
    if (writer->sink->csv)
        csv_print(&(csv_columns){ spec->schema, spec->document, false }, row, writer->sink->batch->time_ms,
                  &writer->value);
    else
        document_print(spec->document, row, writer->sink->batch->time_ms, &writer->value);
    return message_send(writer, document_origin(spec->document, row), key,
                        (sl_text){ writer->value.at, writer->value.size }, failure);
}

/* Blocks while the producer's queue is full; reports make room. */
static sl_result message_send(kafka_writer *writer, const sl_origin *origin, sl_text key, sl_text value,
                              failure *failure)
{
    kafka_sink *sink = writer->sink;
    kafka_sent *sent = arena_take(&writer->sent, sizeof *sent);
    *sent = (kafka_sent){ .writer = writer, .has_origin = origin != NULL };
    if (origin)
        sent->origin = *origin;
    union {
        const char *given;
        void *taken; /* copied, not changed */
    } bytes = { value.at };
    atomic_fetch_add(&writer->waiting, 1);
    int refused =
        rd_kafka_produce(sink->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK,
                         bytes.taken, value.size, key.at, key.size, sent);
    if (refused == 0)
        return SL_OK;
    atomic_fetch_sub(&writer->waiting, 1);
    rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (!origin || !error_refuses(error))
        return fail(failure, error_kind(error), "kafka topic \"%s\": a message of %zu bytes: %s", sink->topic,
                    value.size, rd_kafka_err2str(error));
    sent->error = error;
    pthread_mutex_lock(&sink->mutex);
    sent->next = writer->refused;
    writer->refused = sent;
    pthread_mutex_unlock(&sink->mutex);
    return SL_OK;
}

static void writer_wait(kafka_writer *writer)
{
    kafka_sink *sink = writer->sink;
    int64_t began_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&sink->mutex);
    while (atomic_load(&writer->waiting)) /* message.timeout.ms bounds it */
        pthread_cond_wait(&sink->all_told, &sink->mutex);
    pthread_mutex_unlock(&sink->mutex);
    traffic_add(TRAFFIC_KAFKA_OUT, &(traffic){ .blocked_ns = clock_ns(&clock_system) - began_ns });
}

/* Runs on: the reports' thread. */
static int producer_measured(rd_kafka_t *client, char *json, size_t size, void *opaque)
{
    (void)client;
    (void)size;
    kafka_traffic_add(json, &((kafka_sink *)opaque)->measured);
    return 0;
}

/* Runs on: the reports' thread. The error's own text only: rd_kafka_message_errstr() gives a producer its payload. */
static void message_told(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    kafka_sink *sink = opaque;
    kafka_sent *sent = message->_private;
    kafka_writer *writer = sent->writer;
    if (message->err) {
        pthread_mutex_lock(&sink->mutex);
        if (sent->has_origin && error_refuses(message->err)) {
            sent->error = message->err;
            sent->next = writer->refused;
            writer->refused = sent;
        } else {
            fail(&writer->trouble, error_kind(message->err), "kafka topic \"%s\" at %s: %s", sink->topic,
                 kafka_servers(sink->spec.settings), rd_kafka_err2str(message->err));
        }
        pthread_mutex_unlock(&sink->mutex);
    }
    if (atomic_fetch_sub(&writer->waiting, 1) > 1)
        return;
    pthread_mutex_lock(&sink->mutex);
    pthread_cond_broadcast(&sink->all_told);
    pthread_mutex_unlock(&sink->mutex);
}

/* Runs on: the reports' thread. That all servers are down says less than why the last one is. */
static void producer_troubled(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    (void)client;
    const kafka_sink *sink = opaque;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && kafka_trouble_is_news(reason))
        log_warn("kafka", "topic %s: %.*s", sink->topic, (int)kafka_reason_size(reason), reason);
}

static bool error_refuses(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
           error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static sl_result error_kind(rd_kafka_resp_err_t error)
{
    bool for_good = error_refuses(error) || error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                    error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
                    error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
                    error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
    return for_good ? SL_FAILED : SL_RETRY;
}

/* ---- The producer ---- */

static void *reports_run(void *argument)
{
    kafka_sink *sink = argument;
    while (!atomic_load(&sink->stopping))
        rd_kafka_poll(sink->producer, REPORTS_MS);
    return NULL;
}

/* A new one, where this one is of no use any more, or the servers must tell what became of its last transaction. */
static sl_result producer_renew(kafka_sink *sink, failure *failure)
{
    char text[200] = "";
    bool fatal = sink->producer == NULL || rd_kafka_fatal_error(sink->producer, text, sizeof text);
    if (!fatal && !sink->once.doubtful)
        return SL_OK;
    if (fatal)
        log_warn("kafka", "topic %s: the producer is made anew: %s", sink->topic, text);
    producer_close(sink);
    SL_TRY(producer_open(sink, failure));
    if (!sink->transacts)
        return SL_OK;
    sink->once.doubtful = true; /* until it is known */
    return once_start(&sink->once, sink->producer, (int)settings_ms(sink->spec.settings, "sink.timeout"),
                      failure);
}

static sl_result producer_open(kafka_sink *sink, failure *failure)
{
    const settings *settings = sink->spec.settings;
    char *name = sink->transacts ? once_name(&sink->spec, sink->topic) : NULL;
    kafka_client_spec client = {
        .role = KAFKA_PRODUCER,
        .settings = settings,
        .job = sink->spec.job,
        .timeout_ms = settings_ms(settings, "sink.timeout"),
        .transactional_id = name,
        .delivered = message_told,
        .troubled = producer_troubled,
        .measured = producer_measured,
        .opaque = sink,
    };
    sink->measured = (traffic){ 0 };
    sl_result result = kafka_client_open(&client, &sink->producer, failure);
    free(name);
    SL_TRY(result);
    sink->handle = rd_kafka_topic_new(sink->producer, sink->topic, NULL);
    if (sink->handle == NULL)
        return fail(failure, SL_USAGE, "kafka topic \"%s\": %s", sink->topic,
                    rd_kafka_err2str(rd_kafka_last_error()));
    sink->reports_queue = rd_kafka_queue_get_main(sink->producer);
    atomic_store(&sink->stopping, false);
    if (pthread_create(&sink->reports, NULL, reports_run, sink) != 0)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": no thread for its reports", sink->topic);
    sink->reporting = true;
    return SL_OK;
}

/* Whatever is not safe by now belongs to a batch that failed: it is thrown away. */
static void producer_close(kafka_sink *sink)
{
    atomic_store(&sink->stopping, true);
    if (sink->reporting) {
        rd_kafka_queue_yield(sink->reports_queue);
        pthread_join(sink->reports, NULL);
    }
    sink->reporting = false;
    if (sink->reports_queue)
        rd_kafka_queue_destroy(sink->reports_queue);
    if (sink->handle)
        rd_kafka_topic_destroy(sink->handle);
    if (sink->producer)
        rd_kafka_purge(sink->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (!kafka_client_close(sink->producer, CLOSE_MS))
        log_warn("kafka", "the producer of topic %s did not close within %d s and is left behind",
                 sink->topic, CLOSE_MS / 1000);
    sink->reports_queue = NULL;
    sink->handle = NULL;
    sink->producer = NULL;
}

const sink_kind sink_kafka = {
    .name = "kafka",
    .about = "messages of a Kafka topic: kafka:TOPIC",
    .open = kafka_open,
    .close = kafka_close,
    .begin = kafka_begin,
    .rows = kafka_rows,
    .flush = kafka_flush,
    .replace = kafka_replace,
    .commit = kafka_commit,
    .recall = kafka_recall,
    .settings = kafka_settings,
};
