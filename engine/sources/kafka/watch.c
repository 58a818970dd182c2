/*
 * sources/kafka/watch.c - the thread that serves librdkafka's clients, and asks when they tell of a trouble.
 *
 * librdkafka reconnects by itself. What it says about that comes broker by broker, again and again, or not at all when nothing
 * was asked; whether the cluster is gone it does not say. So each trouble is only a reason to ask the cluster: without an
 * answer it is lost (reach.c), else it is one broker's trouble, told now and then. Without troubles nobody is asked anything.
 */
#include <base/clock.h>
#include <base/log.h>
#include <sources/kafka/watch.h>
#include <stdlib.h>

enum { IDLE_MS = 1000, PAUSE_MS = 100, ASK_MS = 1000, ASK_AGAIN_MS = 500 }; /* again: a stop waits for it */

static void *watch_run(void *argument);
static void clients_serve(watch *watch, int wait_ms);
static void broker_tell(const kafka_reader *reader);
static void partitions_ask(watch *watch);

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
        if (!lost)
            partitions_ask(watch);
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

/* The thread that reads takes them up. */
static void partitions_ask(watch *watch)
{
    int32_t count;
    failure ignored = { 0 }; /* it is asked again, and of troubles the clients tell */
    int64_t now_ns = clock_ns(&clock_system);
    if (watch->age_ns <= 0 || now_ns < watch->ask_ns)
        return;
    watch->ask_ns = now_ns + watch->age_ns;
    if (kafka_topic_count(watch->asker, watch->reader->topic, ASK_MS, &count, &ignored) != SL_OK)
        return;
    pthread_mutex_lock(&watch->reader->mutex);
    watch->count = (size_t)count;
    pthread_mutex_unlock(&watch->reader->mutex);
}
