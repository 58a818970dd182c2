/*
 * sources/kafka/fetch_guide.c - knows who leads which partition, and tells when nobody can be asked.
 *
 * The guide has a connection of its own, to any broker that answers: those that the last answer named, then those of
 * kafka.bootstrap.servers. It asks when a broker's thread was told of another leader or lost its connection, and every
 * topic.metadata.refresh.interval.ms. It also sends commits through librdkafka, and lets it give its answers.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <inttypes.h>
#include <sources/kafka/fetch.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000 };

static sl_result metadata_take(fetcher *fetcher, const metadata *metadata, failure *failure);

/* ---- Connecting ---- */

/* Any broker that is known already; false: none answers. */
static bool guide_reconnect(fetcher *fetcher)
{
    kafka_reader *reader = fetcher->reader;
    bool is_open = false;
    for (const fetch_broker *broker = fetcher->brokers; broker && !is_open; broker = broker->next) {
        failure failure = { 0 };
        pthread_mutex_lock(&reader->mutex);
        char *host = memory_text(broker->host);
        int port = broker->port;
        pthread_mutex_unlock(&reader->mutex);
        is_open = connection_open(fetcher->guide, host, port, &failure) == SL_OK;
        free(host);
    }
    return is_open;
}

static sl_result guide_connect(fetcher *fetcher, failure *failure)
{
    struct failure last = { 0 };
    if (connection_is_open(fetcher->guide) || guide_reconnect(fetcher))
        return SL_OK;
    for (size_t i = 0; i < fetcher->spec->server_count; i++) {
        const kafka_server_name *server = &fetcher->spec->servers[i];
        failure_clear(&last);
        if (connection_open(fetcher->guide, server->host, server->port, &last) == SL_OK)
            return SL_OK;
    }
    return fail(failure, SL_RETRY, "%s", last.text);
}

/* ---- Asking ---- */

/* A connection that is open from the last time may be dead since: then a new one is tried, and nobody is alarmed. */
static sl_result guide_metadata(fetcher *fetcher, metadata *metadata, failure *failure)
{
    const char *topics[] = { fetcher->topic.name };
    metadata_ask ask = { topics, 1 };
    struct failure old = { 0 };
    bool was_open = connection_is_open(fetcher->guide);
    arena_reset(&fetcher->memory);
    if (was_open && metadata_get(fetcher->guide, &ask, &fetcher->memory, metadata, &old) == SL_OK)
        return SL_OK;
    connection_close(fetcher->guide);
    SL_TRY(guide_connect(fetcher, failure));
    arena_reset(&fetcher->memory);
    sl_result result = metadata_get(fetcher->guide, &ask, &fetcher->memory, metadata, failure);
    if (result != SL_OK)
        connection_close(fetcher->guide);
    return result;
}

sl_result guide_ask(fetcher *fetcher, failure *failure)
{
    metadata metadata = { 0 };
    SL_TRY(guide_metadata(fetcher, &metadata, failure));
    const metadata_topic *topic = &metadata.topics[0];
    if (topic->error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || (!topic->error && topic->count == 0))
        return fail(
            failure, SL_RETRY,
            "kafka topic \"%s\" does not exist at %s (kafka.bootstrap.servers); create it, or name another",
            fetcher->topic.name, fetcher->spec->bootstrap);
    if (topic->error)
        return fail(failure, SL_RETRY, "kafka topic \"%s\" at %s: %s", fetcher->topic.name,
                    fetcher->spec->bootstrap, protocol_error_text(topic->error));
    return metadata_take(fetcher, &metadata, failure);
}

bool guide_was_heard(const fetcher *fetcher)
{
    return connection_is_open(fetcher->guide);
}

static void leaderless_tell(fetcher *fetcher, int32_t partition)
{
    int64_t lasted_ns, now_ns = clock_ns(&clock_system);
    char span[32];
    if (partition >= 0 && outage_goes_on(&fetcher->leaderless, "no leader", now_ns))
        log_warn("kafka", "partition %" PRId32 " of topic %s has no leader now; it is waited for", partition,
                 fetcher->topic.name);
    if (partition < 0 && outage_ends(&fetcher->leaderless, now_ns, &lasted_ns))
        log_info("kafka", "every partition of topic %s has a leader again, after %s", fetcher->topic.name,
                 clock_span(lasted_ns, span));
}

/* Under the lock. */
static sl_result broker_take(fetcher *fetcher, const metadata_broker *told, failure *failure)
{
    fetch_broker **at = &fetcher->brokers;
    while (*at && (*at)->id != told->id)
        at = &(*at)->next;
    bool is_new = *at == NULL;
    if (is_new) {
        *at = memory_new(sizeof **at);
        (*at)->fetcher = fetcher;
        (*at)->id = told->id;
        (*at)->connection = connection_new(fetcher->spec);
    }
    if (is_new || strcmp((*at)->host, told->host) != 0) {
        free((*at)->host);
        (*at)->host = memory_text(told->host);
    }
    (*at)->port = told->port;
    return is_new && fetcher->running ? broker_start(*at, failure) : SL_OK;
}

void places_add(fetcher *fetcher, size_t count)
{
    for (; fetcher->count < count; fetcher->count++)
        fetcher->places[fetcher->count] =
            (fetch_place){ .leader = -1, .leader_epoch = -1, .last_epoch = -1, .nearer = -1 };
}

/* A partition that has no leader, or -1. Under the lock. */
static int32_t places_take(fetcher *fetcher, const metadata_topic *topic)
{
    int32_t leaderless = -1;
    if (fetcher->places == NULL) {
        fetcher->places = memory_new((topic->count + KAFKA_ADDED_MAX) * sizeof *fetcher->places);
        places_add(fetcher, topic->count);
    }
    for (size_t i = 0; i < topic->count; i++) {
        const metadata_partition *told = &topic->partitions[i];
        if (told->index < 0 || (size_t)told->index >= fetcher->count)
            continue;
        fetch_place *place = &fetcher->places[told->index];
        bool old = told->leader_epoch >= 0 && told->leader_epoch < place->leader_epoch;
        if (old)
            continue; /* this broker has not heard of the last election */
        if (place->leader != told->leader) {
            place->rest_until_ns = 0;
            place->nearer = -1;
        }
        place->leader = told->leader;
        place->leader_epoch = told->leader_epoch;
        if (told->leader < 0)
            leaderless = told->index;
    }
    return leaderless;
}

static sl_result metadata_take(fetcher *fetcher, const metadata *metadata, failure *failure)
{
    kafka_reader *reader = fetcher->reader;
    const metadata_topic *topic = &metadata->topics[0];
    sl_result result = SL_OK;
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < metadata->broker_count && result == SL_OK; i++)
        result = broker_take(fetcher, &metadata->brokers[i], failure);
    bool known = wire_uuid_is(&fetcher->topic.id), told = wire_uuid_is(&topic->id);
    bool anew = known && told && memcmp(&fetcher->topic.id, &topic->id, sizeof topic->id) != 0;
    if (anew)
        loss_of_topic(reader);
    if (told && !known)
        reader->topic_id = fetcher->topic.id = topic->id;
    size_t before = fetcher->running && !anew ? fetcher->count : topic->count;
    if (before < topic->count)
        places_add(fetcher, growth_take(reader, topic->count));
    int32_t leaderless = places_take(fetcher, topic);
    fetcher->stale = leaderless >= 0;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    if (anew && reader->spec.wake)
        reader->spec.wake(reader->spec.wake_argument);
    leaderless_tell(fetcher, leaderless);
    growth_tell(reader, before, topic->count);
    return result;
}

/* ---- The thread ---- */

static void guide_tell(fetcher *fetcher, const failure *why)
{
    int64_t unused_ns, now_ns = clock_ns(&clock_system);
    bool heard = guide_was_heard(fetcher);
    if (heard)
        reach_found(fetcher->reader);
    else
        reach_lost(fetcher->reader, why->text);
    if (heard && why->result != SL_OK && outage_goes_on(&fetcher->topicless, why->text, now_ns))
        log_warn("kafka", "%s; it is waited for", why->text);
    if (why->result == SL_OK && outage_ends(&fetcher->topicless, now_ns, &unused_ns))
        log_info("kafka", "topic %s is back", fetcher->topic.name);
}

/* Waits until something is to be asked, not before rest_ns; false at the end. */
static bool guide_wait(fetcher *fetcher, int64_t rest_ns, int64_t refresh_ns)
{
    kafka_reader *reader = fetcher->reader;
    bool wait = true;
    pthread_mutex_lock(&reader->mutex);
    while (wait && !reader->stopping) {
        int64_t until_ns = fetcher->stale ? rest_ns : refresh_ns, commit_ns = commits_due_ns(reader);
        if (fetcher->answered || commit_ns <= clock_ns(&clock_system)) {
            fetcher->answered = false;
            pthread_mutex_unlock(&reader->mutex);
            rd_kafka_poll(reader->client, 0);
            commits_send(reader);
            pthread_mutex_lock(&reader->mutex);
        } else if (commit_ns < until_ns) {
            clock_wait(&clock_system, &reader->changed, &reader->mutex, commit_ns);
        } else {
            wait = clock_wait(&clock_system, &reader->changed, &reader->mutex, until_ns);
        }
    }
    bool go_on = !reader->stopping;
    pthread_mutex_unlock(&reader->mutex);
    return go_on;
}

void *guide_run(void *argument)
{
    fetcher *fetcher = argument;
    const kafka_spec *spec = fetcher->spec;
    retry retry = { spec->reconnect_ms, spec->reconnect_most_ms, 0 };
    int64_t age_ns = spec->metadata_age_ms > 0 ? spec->metadata_age_ms * INT64_C(1000000) : INT64_MAX / 2;
    int64_t rest_ns = 0, refresh_ns = clock_ns(&clock_system) + age_ns;
    while (guide_wait(fetcher, rest_ns, refresh_ns)) {
        failure failure = { 0 };
        if (guide_ask(fetcher, &failure) == SL_OK)
            retry.tries = 0;
        if (!connection_is_interrupted(fetcher->guide))
            guide_tell(fetcher, &failure);
        int64_t now_ns = clock_ns(&clock_system);
        rest_ns = now_ns + retry_next_ms(&retry) * NS_PER_MS;
        refresh_ns = failure.result == SL_OK ? now_ns + age_ns : rest_ns;
    }
    return NULL;
}
