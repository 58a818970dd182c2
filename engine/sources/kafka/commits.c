/*
 * sources/kafka/commits.c - tells the group's coordinator how far the job is. Lag tools look there; the job never does.
 *
 * The driver only notes the newest offset of each partition; a thread of the way makes a request of it, for librdkafka
 * allocates and locks. One commit is under way at a time, and ten a second are enough. What could not be told goes with the
 * next batch, or when the cluster is back. An unreachable coordinator costs nothing but the lag tools' view, so the end of
 * the job waits for it but shortly.
 */
#include <base/clock.h>
#include <base/faults.h>
#include <base/log.h>
#include <sources/kafka/reader.h>

enum { PAUSE_MS = 100, FINISH_MS = 3000, POLL_MS = 50, QUIET_SECONDS = 30 };

typedef rd_kafka_topic_partition_list_t positions;

static positions *positions_take(kafka_reader *reader);
static bool positions_left(const kafka_reader *reader);
static void commit_done(rd_kafka_t *client, rd_kafka_resp_err_t error, positions *list, void *argument);
static void commit_failed(kafka_reader *reader, const positions *list, rd_kafka_resp_err_t error);
static bool commit_is_open(kafka_reader *reader);
static void tell_unfinished(const kafka_reader *reader);

void commits_note(kafka_reader *reader, const source_partition *partitions, size_t count)
{
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < count; i++)
        if (partitions[i].offset >= 0)
            reader->parts[partitions[i].partition].commit = partitions[i].offset;
    if (!reader->commit_noted) /* else the way's thread knows when to send */
        pthread_cond_broadcast(&reader->changed);
    reader->commit_noted = true;
    pthread_mutex_unlock(&reader->mutex);
}

void commits_resume(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->commit_noted = positions_left(reader);
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

void commits_send(kafka_reader *reader)
{
    positions *list = NULL;
    pthread_mutex_lock(&reader->mutex);
    int64_t now_ns = clock_ns(&clock_system);
    if (commits_due_ns(reader) <= now_ns) {
        list = positions_take(reader);
        reader->commit_noted = false;
        reader->committing = true;
        reader->commit_next_ns = now_ns + PAUSE_MS * INT64_C(1000000);
    }
    pthread_mutex_unlock(&reader->mutex);
    if (list == NULL)
        return;
    rd_kafka_resp_err_t error =
        rd_kafka_commit_queue(reader->client, list, reader->answers, commit_done, reader);
    if (error)
        commit_failed(reader, list, error);
    rd_kafka_topic_partition_list_destroy(list);
}

void commits_finish(kafka_reader *reader)
{
    int64_t deadline_ns = reader->stop_ns + FINISH_MS * INT64_C(1000000);
    reader->commit_next_ns = 0;
    while (!reader->reach.away && commit_is_open(reader) && clock_ns(&clock_system) < deadline_ns) {
        commits_resume(reader);
        commits_send(reader);
        rd_kafka_poll(reader->client, POLL_MS);
    }
    if (reader->committing || positions_left(reader))
        tell_unfinished(reader);
}

/* What was noted, which then is no longer. Under the lock. */
static positions *positions_take(kafka_reader *reader)
{
    positions *list = rd_kafka_topic_partition_list_new((int)reader->count);
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->parts[i].commit >= 0)
            rd_kafka_topic_partition_list_add(list, reader->topic, (int32_t)i)->offset =
                reader->parts[i].commit;
        reader->parts[i].commit = -1;
    }
    return list;
}

static bool positions_left(const kafka_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->parts[i].commit >= 0)
            return true;
    return false;
}

/* Runs on: who polls the client. */
static void commit_done(rd_kafka_t *client, rd_kafka_resp_err_t error, positions *list, void *argument)
{
    (void)client;
    kafka_reader *reader = argument;
    int64_t unused_ns;
    fault_point("after_offsets_told");
    if (error) {
        commit_failed(reader, list, error);
        return;
    }
    pthread_mutex_lock(&reader->mutex);
    reader->committing = false;
    reader->commit_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    reader->commit_since_ns = 0;
    outage_ends(&reader->commit_outage, clock_ns(&clock_system), &unused_ns);
    pthread_mutex_unlock(&reader->mutex);
}

/* Coordinators move and load, which takes them seconds. And no news while the cluster is in trouble anyway: see reach.c. */
static void commit_failed(kafka_reader *reader, const positions *list, rd_kafka_resp_err_t error)
{
    const char *why = rd_kafka_err2str(error);
    pthread_mutex_lock(&reader->mutex);
    for (int i = 0; list && i < list->cnt; i++) {
        int64_t *commit = &reader->parts[list->elems[i].partition].commit;
        if (*commit < 0) /* no newer one was noted */
            *commit = list->elems[i].offset;
    }
    reader->committing = reader->commit_noted = false; /* not again at once */
    reader->commit_error = error;
    int64_t now_ns = clock_ns(&clock_system);
    if (reader->commit_since_ns == 0 || reader->reach.since_ns != 0)
        reader->commit_since_ns = now_ns;
    bool lasts = now_ns - reader->commit_since_ns >= QUIET_SECONDS * INT64_C(1000000000);
    bool news = lasts && outage_goes_on(&reader->commit_outage, why, now_ns);
    pthread_mutex_unlock(&reader->mutex);
    if (news || log_wants(LOG_LEVEL_DEBUG))
        log_write(news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "kafka",
                  "topic %s: telling the group how far the job is: %s; lag tools show an old position",
                  reader->topic, why);
}

static bool commit_is_open(kafka_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    bool open = reader->committing || positions_left(reader);
    pthread_mutex_unlock(&reader->mutex);
    return open;
}

static void tell_unfinished(const kafka_reader *reader)
{
    const char *why = reader->reach.away     ? "it is unreachable"
                      : reader->commit_error ? rd_kafka_err2str(reader->commit_error)
                                             : "no answer";
    log_warn(
        "kafka",
        "topic %s: Kafka at %s did not acknowledge the group's last positions (%s). Nothing is lost: the "
        "checkpoint has them, the next start tells them again, and only lag tools show older ones until then",
        reader->topic, reader->servers, why);
}
