/*
 * sources/kafka/watch.c - the thread that serves librdkafka's clients, and asks when they tell of a trouble.
 *
 * librdkafka reconnects by itself. What it says about that comes broker by broker, again and again, or not at all when nothing
 * was asked; whether the cluster is gone it does not say. So each trouble is only a reason to ask the cluster: without an
 * answer it is lost (reach.c), else it is one broker's trouble, told now and then. Without troubles nobody is asked anything.
 */
#include <base/clock.h>
#include <base/log.h>
#include <sources/kafka/protocol.h>
#include <sources/kafka/watch.h>
#include <stdlib.h>

enum { IDLE_MS = 1000, PAUSE_MS = 100, ASK_MS = 1000, ASK_AGAIN_MS = 500 }; /* again: a stop waits for it */

static void *watch_run(void *argument);
static void clients_serve(watch *watch, int wait_ms);
static void broker_tell(const kafka_reader *reader);
static bool age_is_up(watch *watch);
static void partitions_ask(watch *watch);
static void topic_compare(watch *watch);

sl_result watch_identify(kafka_reader *reader, int64_t deadline_ns, wire_uuid *id, failure *failure)
{
    const kafka_spec *spec = reader->fetch_spec;
    const char *topics[] = { reader->topic };
    metadata_ask ask = { topics, 1 };
    struct failure last = { .result = spec ? SL_RETRY : SL_OK };
    connection *connection = spec ? connection_new(spec) : NULL;
    arena memory = { 0 };
    metadata metadata = { 0 };
    for (size_t i = 0; spec && i < spec->server_count && last.result != SL_OK; i++) {
        failure_clear(&last);
        connection_limit(connection, deadline_ns);
        if (connection_open(connection, spec->servers[i].host, spec->servers[i].port, &last) == SL_OK &&
            metadata_get(connection, &ask, &memory, &metadata, &last) == SL_OK)
            *id = metadata.topics[0].id;
    }
    connection_free(connection);
    arena_done(&memory);
    return last.result == SL_OK ? SL_OK : fail(failure, last.result, "%s", last.text);
}

sl_result watch_start(watch *watch, failure *failure)
{
    char age[32] = "";
    size_t room = sizeof age;
    rd_kafka_conf_get(rd_kafka_conf(watch->asker), "topic.metadata.refresh.interval.ms", age, &room);
    watch->age_ns = strtol(age, NULL, 10) * INT64_C(1000000);
    watch->ask_ns = clock_ns(&clock_system) + watch->age_ns;
    if (pthread_create(&watch->thread, NULL, watch_run, watch) != 0)
        return fail(failure, SL_FAILED, "kafka topic \"%s\": no thread to watch its servers with",
                    watch->reader->topic);
    watch->running = true;
    return SL_OK;
}

void watch_stop(watch *watch)
{
    if (!watch->running)
        return;
    rd_kafka_queue_yield(watch->reader->answers);
    pthread_join(watch->thread, NULL);
    watch->running = false;
}

static bool watch_goes_on(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    bool go_on = !reader->stopping;
    pthread_mutex_unlock(&reader->mutex);
    return go_on;
}

static void *watch_run(void *argument)
{
    watch *watch = argument;
    kafka_reader *reader = watch->reader;
    bool lost = false;
    while (watch_goes_on(reader)) {
        clients_serve(watch, lost ? PAUSE_MS : IDLE_MS);
        if (!lost && age_is_up(watch)) {
            partitions_ask(watch);
            topic_compare(watch);
        }
        if (!lost && !reader->troubled)
            continue;
        bool was_lost = lost, was_away = reader->reach.away;
        lost = !kafka_answers(watch->asker, lost ? ASK_AGAIN_MS : ASK_MS);
        clients_serve(watch, 0); /* what they told meanwhile belongs to the same trouble */
        if (lost)
            reach_lost(reader, reader->trouble);
        else if (was_lost)
            reach_found(reader);
        if (!lost && !was_away) /* it was slow to answer, or answered at once: the trouble is one broker's */
            broker_tell(reader);
        reader->troubled = false;
    }
    return NULL;
}

static void clients_serve(watch *watch, int wait_ms)
{
    rd_kafka_poll(watch->reader->client, wait_ms);
    rd_kafka_poll(watch->asker, 0);
}

static void broker_tell(const kafka_reader *reader)
{
    if (kafka_trouble_is_news(reader->trouble))
        log_warn("kafka", "%s; partitions that this broker leads are waited for", reader->trouble);
}

/* Time to ask what may have changed, or a reason to. */
static bool age_is_up(watch *watch)
{
    int64_t now_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&watch->reader->mutex);
    bool is_up = watch->reader->doubted || (watch->age_ns > 0 && now_ns >= watch->ask_ns);
    watch->reader->doubted = false;
    pthread_mutex_unlock(&watch->reader->mutex);
    if (is_up)
        watch->ask_ns = now_ns + watch->age_ns;
    return is_up;
}

/* The thread that reads takes them up. */
static void partitions_ask(watch *watch)
{
    int32_t count;
    failure ignored = { 0 }; /* it is asked again, and of troubles the clients tell */
    if (kafka_topic_count(watch->asker, watch->reader->topic, ASK_MS, &count, &ignored) != SL_OK)
        return;
    pthread_mutex_lock(&watch->reader->mutex);
    watch->count = (size_t)count;
    pthread_mutex_unlock(&watch->reader->mutex);
}

/* A topic that is away is doubted until it is known which one comes back. */
static void topic_compare(watch *watch)
{
    kafka_reader *reader = watch->reader;
    wire_uuid id = { 0 };
    failure ignored = { 0 };
    int64_t deadline_ns = clock_ns(&clock_system) + ASK_MS * INT64_C(1000000);
    if (!wire_uuid_is(&reader->topic_id))
        return;
    bool told = watch_identify(reader, deadline_ns, &id, &ignored) == SL_OK && wire_uuid_is(&id);
    bool anew = told && memcmp(&id, &reader->topic_id, sizeof id) != 0;
    pthread_mutex_lock(&reader->mutex);
    if (anew)
        loss_of_topic(reader);
    else if (!told)
        reader->doubted = true;
    pthread_mutex_unlock(&reader->mutex);
    if (anew && reader->spec.wake)
        reader->spec.wake(reader->spec.wake_argument);
}
