/*
 * sources/kafka/commits.c - tells the group's coordinator how far the job is. Lag tools look there; the job never does.
 *
 * The driver only notes the newest offset of each partition; the way's own thread makes a request of it, for librdkafka
 * allocates and locks. One commit is under way at a time: an unreachable coordinator costs nothing but the lag tools' view.
 */
#include <base/clock.h>
#include <base/faults.h>
#include <base/log.h>
#include <sources/kafka/reader.h>

enum { FINISH_MS = 3000, POLL_MS = 50 };

static rd_kafka_topic_partition_list_t *list_make(kafka_reader *reader);
static void commit_start(kafka_reader *reader, rd_kafka_topic_partition_list_t *list);
static void commit_told(rd_kafka_resp_err_t error);

void commits_note(kafka_reader *reader, const source_partition *partitions, size_t count)
{
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < count; i++)
        if (partitions[i].offset >= 0)
            reader->parts[partitions[i].partition].commit = partitions[i].offset;
    reader->commit_noted = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

void commits_send(kafka_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    pthread_mutex_lock(&reader->mutex);
    if (commits_wait(reader)) {
        list = list_make(reader);
        reader->commit_noted = false;
        reader->committing = true;
    }
    pthread_mutex_unlock(&reader->mutex);
    if (list)
        commit_start(reader, list);
}

/* What was noted, which then is no longer. Under the lock. */
static rd_kafka_topic_partition_list_t *list_make(kafka_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->parts[i].commit >= 0)
            rd_kafka_topic_partition_list_add(list, reader->topic, (int32_t)i)->offset =
                reader->parts[i].commit;
        reader->parts[i].commit = -1;
    }
    return list;
}

void commits_finish(kafka_reader *reader)
{
    int64_t deadline_ns = clock_ns(&clock_system) + FINISH_MS * INT64_C(1000000);
    bool committing = true;
    while (committing) {
        commits_send(reader);
        pthread_mutex_lock(&reader->mutex);
        committing = reader->committing && clock_ns(&clock_system) < deadline_ns;
        pthread_mutex_unlock(&reader->mutex);
        if (committing)
            rd_kafka_poll(reader->client, POLL_MS);
    }
}

/* Runs on: the thread that calls commits_send(). */
static void commit_done(rd_kafka_t *client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
                        void *argument)
{
    (void)client, (void)list;
    kafka_reader *reader = argument;
    fault_point("after_offsets_told");
    if (error)
        commit_told(error);
    pthread_mutex_lock(&reader->mutex);
    reader->committing = false;
    pthread_mutex_unlock(&reader->mutex);
}

static void commit_start(kafka_reader *reader, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t error =
        rd_kafka_commit_queue(reader->client, list, reader->answers, commit_done, reader);
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    commit_told(error);
    pthread_mutex_lock(&reader->mutex);
    reader->committing = false;
    pthread_mutex_unlock(&reader->mutex);
}

/* A warning a minute at most: nothing of the job depends on it. */
static void commit_told(rd_kafka_resp_err_t error)
{
    static _Atomic int64_t told_ns;
    int64_t now = clock_ns(&clock_system);
    bool again = told_ns && now - told_ns < INT64_C(60000000000);
    if (!again)
        told_ns = now;
    if (!again || log_wants(LOG_LEVEL_DEBUG))
        log_write(again ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "kafka",
                  "telling the group how far the job is: %s; lag tools show an old position",
                  rd_kafka_err2str(error));
}
