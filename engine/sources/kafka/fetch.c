/*
 * sources/kafka/fetch.c - reading by Fetch requests of our own, as the source sees it: opened, asked for offsets, started,
 * stopped. See fetch.h for the parts.
 *
 * Until start() the engine's thread uses the connections itself; then each belongs to a thread.
 */
#include <base/log.h>
#include <base/memory.h>
#include <inttypes.h>
#include <sources/kafka/fetch.h>
#include <stdlib.h>

enum { UNPACKED_MAX = 256 << 20 }; /* of one record batch; brokers take batches of 1 MiB unless told */
enum { CALM_MS = 200, CALM_BYTES = 1 << 20 }; /* batches this far apart need not have every record at once */

static void note_key(void *found, const char *key, const char *value)
{
    (void)key, (void)value;
    *(bool *)found = true;
}

static bool user_gave_bytes_min(const settings *settings)
{
    bool found = false;
    settings_each(settings, "kafka.fetch.min.bytes", note_key, &found);
    settings_each(settings, "kafka.consumer.fetch.min.bytes", note_key, &found);
    return found;
}

/* A request a produced batch is dear where nobody waits for each: then brokers gather for a moment. An end is waited for. */
static int32_t bytes_min_of(const kafka_reader *reader, const kafka_spec *spec)
{
    bool calm = reader->spec.interval_ms >= CALM_MS && !reader->spec.available_now;
    return calm && !user_gave_bytes_min(reader->spec.settings) ? CALM_BYTES : spec->fetch_bytes_min;
}

/* Of the brokers themselves the guide says why they did not answer; of the whole, this. */
static sl_result first_ask(fetcher *fetcher, failure *failure)
{
    struct failure why = { 0 };
    connection_limit(fetcher->guide, reader_deadline_ns(fetcher->reader));
    sl_result result = guide_ask(fetcher, &why);
    if (result == SL_OK)
        return SL_OK;
    if (result != SL_RETRY || guide_was_heard(fetcher))
        return fail(failure, result, "%s", why.text);
    return fail(failure, result,
                "kafka at %s does not answer: %s; is it running, and is kafka.bootstrap.servers right?",
                fetcher->spec->bootstrap, why.text);
}

static sl_result fetcher_open(kafka_reader *reader, int32_t *count, failure *failure)
{
    fetcher *fetcher = reader->way_self = memory_new(sizeof *fetcher);
    fetcher->reader = reader;
    fetcher->spec = reader->fetch_spec;
    fetcher->worker_count = reader->spec.workers ? reader->spec.workers : 1;
    fetcher->topic.name = reader->topic;
    fetcher->wait_ms = fetcher->spec->fetch_wait_ms;
    fetcher->bytes_min = bytes_min_of(reader, fetcher->spec);
    fetcher->guide = connection_new(fetcher->spec);
    fetcher->scratches = memory_new(fetcher->worker_count * sizeof *fetcher->scratches);
    for (unsigned i = 0; i < fetcher->worker_count; i++)
        record_scratch_init(&fetcher->scratches[i], UNPACKED_MAX);
    SL_TRY(first_ask(fetcher, failure));
    *count = (int32_t)fetcher->count;
    return SL_OK;
}

/* ---- Offsets ---- */

static sl_result offsets_of(fetch_broker *broker, int64_t time_ms, int64_t *offsets, failure *failure)
{
    fetcher *fetcher = broker->fetcher;
    offsets_part *parts = memory_new(fetcher->count * sizeof *parts);
    size_t count = 0;
    int32_t throttle_ms;
    for (size_t i = 0; i < fetcher->count; i++)
        if (fetcher->places[i].leader == broker->id)
            parts[count++] = (offsets_part){ .topic = &fetcher->topic,
                                             .partition = (int32_t)i,
                                             .leader_epoch = fetcher->places[i].leader_epoch,
                                             .time_ms = time_ms };
    connection_limit(broker->connection, reader_deadline_ns(fetcher->reader));
    sl_result result = count ? broker_connect(broker, failure) : SL_OK;
    if (count && result == SL_OK)
        result = offsets_get(broker->connection, parts, count, &throttle_ms, failure);
    for (size_t i = 0; i < count && result == SL_OK; i++) {
        offsets[parts[i].partition] = parts[i].offset;
        if (parts[i].error)
            result = fail(failure, SL_RETRY,
                          "kafka at %s: asking where the partitions of topic \"%s\" begin and end: %s",
                          connection_name(broker->connection), fetcher->topic.name,
                          protocol_error_text(parts[i].error));
    }
    free(parts);
    return result;
}

static sl_result fetcher_offsets(kafka_reader *reader, int64_t time_ms, int64_t *offsets, failure *failure)
{
    fetcher *fetcher = reader->way_self;
    sl_result result = SL_OK;
    if (fetcher->stale)
        SL_TRY(first_ask(fetcher, failure));
    places_add(fetcher, reader->count); /* some may be expected only */
    for (size_t i = 0; i < fetcher->count && result == SL_OK; i++)
        if (fetcher->places[i].leader < 0)
            result = fail(failure, SL_RETRY, "kafka topic \"%s\" at %s: partition %zu has no leader now",
                          reader->topic, reader->servers, i);
    for (fetch_broker *broker = fetcher->brokers; broker && result == SL_OK; broker = broker->next)
        result = offsets_of(broker, time_ms, offsets, failure);
    fetcher->stale = result != SL_OK;
    return result;
}

sl_result broker_ask_lost(fetch_broker *broker, failure *failure)
{
    fetcher *fetcher = broker->fetcher;
    kafka_reader *reader = fetcher->reader;
    pthread_mutex_lock(&reader->mutex);
    size_t count = fetcher->count;
    pthread_mutex_unlock(&reader->mutex);
    for (uint32_t p = 0; p < count; p++) {
        offsets_part bounds[2] = { { &fetcher->topic, (int32_t)p, -1, KAFKA_TIME_BEGIN, 0, -1, -1 },
                                   { &fetcher->topic, (int32_t)p, -1, KAFKA_TIME_END, 0, -1, -1 } };
        int32_t throttle_ms;
        pthread_mutex_lock(&reader->mutex);
        bool lost = reader->parts[p].lost && fetcher->places[p].leader == broker->id;
        pthread_mutex_unlock(&reader->mutex);
        if (!lost)
            continue;
        for (size_t i = 0; i < 2; i++)
            SL_TRY(offsets_get(broker->connection, &bounds[i], 1, &throttle_ms, failure));
        pthread_mutex_lock(&reader->mutex);
        if (bounds[0].error == 0 && bounds[1].error == 0)
            loss_settle(reader, p, bounds[0].offset, bounds[1].offset);
        pthread_mutex_unlock(&reader->mutex);
        if (reader->spec.wake)
            reader->spec.wake(reader->spec.wake_argument);
    }
    return SL_OK;
}

/* ---- Threads ---- */

static void commit_answered(rd_kafka_t *client, void *argument)
{
    (void)client;
    fetcher *fetcher = argument;
    pthread_mutex_lock(&fetcher->reader->mutex);
    fetcher->answered = true;
    pthread_cond_broadcast(&fetcher->reader->changed);
    pthread_mutex_unlock(&fetcher->reader->mutex);
}

static sl_result fetcher_start(kafka_reader *reader, failure *failure)
{
    fetcher *fetcher = reader->way_self;
    for (size_t i = 0; i < reader->count; i++)
        reader->parts[i].chain.form = fetch_unit;
    connection_limit(fetcher->guide, 0);
    for (fetch_broker *broker = fetcher->brokers; broker; broker = broker->next)
        connection_limit(broker->connection, 0);
    rd_kafka_queue_cb_event_enable(reader->answers, commit_answered, fetcher);
    if (pthread_create(&fetcher->thread, NULL, guide_run, fetcher) != 0)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": no thread to read with", reader->topic);
    pthread_mutex_lock(&reader->mutex);
    fetcher->running = true;
    sl_result result = SL_OK;
    for (fetch_broker *broker = fetcher->brokers; broker && result == SL_OK; broker = broker->next)
        if (!broker->running)
            result = broker_start(broker, failure);
    pthread_mutex_unlock(&reader->mutex);
    return result;
}

static void fetcher_stop(kafka_reader *reader)
{
    fetcher *fetcher = reader->way_self;
    if (fetcher == NULL)
        return;
    if (reader->answers)
        rd_kafka_queue_cb_event_enable(reader->answers, NULL, NULL);
    connection_interrupt(fetcher->guide);
    if (fetcher->running)
        pthread_join(fetcher->thread, NULL); /* from now on there is no new broker */
    fetcher->running = false;
    for (fetch_broker *broker = fetcher->brokers; broker; broker = broker->next)
        connection_interrupt(broker->connection);
    for (fetch_broker *broker = fetcher->brokers; broker; broker = broker->next)
        if (broker->running)
            pthread_join(broker->thread, NULL);
}

static void fetcher_close(kafka_reader *reader)
{
    fetcher *fetcher = reader->way_self;
    if (fetcher == NULL)
        return;
    while (fetcher->brokers) {
        fetch_broker *next = fetcher->brokers->next;
        broker_free(fetcher->brokers);
        fetcher->brokers = next;
    }
    for (unsigned i = 0; i < fetcher->worker_count; i++)
        record_scratch_done(&fetcher->scratches[i]);
    connection_free(fetcher->guide);
    arena_done(&fetcher->memory);
    free(fetcher->scratches);
    free(fetcher->places);
    free(fetcher);
}

const kafka_way kafka_way_fetch = {
    .name = "fetch",
    .open = fetcher_open,
    .offsets = fetcher_offsets,
    .start = fetcher_start,
    .stop = fetcher_stop,
    .close = fetcher_close,
    .read = fetcher_read,
};
