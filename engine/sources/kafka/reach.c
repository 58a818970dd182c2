/*
 * sources/kafka/reach.c - says when the cluster is gone and when it is back. Who knows it is the way's business: watch.c asks
 * for librdkafka, the guide of our own way asks all the time.
 *
 * A cluster that answers again within AWAY_MS was not gone: a broker that restarts quickly, a connection that was cut. Then
 * there is one line, which comes again like that of any long outage (base/outage.h), and one when it is back.
 */
#include <base/clock.h>
#include <base/log.h>
#include <sources/kafka/reader.h>

enum { AWAY_MS = 2000 };

void reach_lost(kafka_reader *reader, const char *why)
{
    kafka_reach *reach = &reader->reach;
    int64_t now_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&reader->mutex);
    if (reach->since_ns == 0)
        reach->since_ns = now_ns;
    reach->away = now_ns - reach->since_ns >= AWAY_MS * INT64_C(1000000);
    /* The reason may change from try to try: that is no news. */
    bool news = reach->away && !reader->stopping && outage_goes_on(&reach->outage, "unreachable", now_ns);
    pthread_mutex_unlock(&reader->mutex);
    if (news)
        log_warn("kafka", "topic %s: Kafka at %s is unreachable: %s; it is waited for%s", reader->topic,
                 reader->servers, why,
                 reader->spec.available_now ? "" : ", batches go on without this input");
}

void reach_found(kafka_reader *reader)
{
    kafka_reach *reach = &reader->reach;
    int64_t now_ns = clock_ns(&clock_system), unused_ns;
    char span[32];
    pthread_mutex_lock(&reader->mutex);
    int64_t since_ns = reach->since_ns;
    bool was_away = reach->away, told = outage_ends(&reach->outage, now_ns, &unused_ns);
    reach->since_ns = 0;
    reach->away = false;
    pthread_mutex_unlock(&reader->mutex);
    if (told)
        log_info("kafka", "topic %s: Kafka at %s answers again after %s; reading goes on", reader->topic,
                 reader->servers, clock_span(now_ns - since_ns, span));
    if (was_away)
        commits_resume(reader);
}
