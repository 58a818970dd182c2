/*
 * sources/kafka/commits.c - tells the group's coordinator how far the job is. Lag tools look there; the job never does.
 *
 * One commit is under way at a time. What comes meanwhile waits, of each partition the newest only: an unreachable
 * coordinator costs nothing but the lag tools' view.
 */
#include <base/clock.h>
#include <base/faults.h>
#include <base/log.h>
#include <sources/kafka/reader.h>

enum { FINISH_MS = 3000, POLL_MS = 50 };

static void list_complete(rd_kafka_topic_partition_list_t *list,
                          const rd_kafka_topic_partition_list_t *older);
static void commit_start(kafka_reader *reader, rd_kafka_topic_partition_list_t *list);
static void commit_told(rd_kafka_resp_err_t error);

void commits_send(kafka_reader *reader, const source_partition *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        if (partitions[i].offset >= 0)
            rd_kafka_topic_partition_list_add(list, reader->topic, partitions[i].partition)->offset =
                partitions[i].offset;
    pthread_mutex_lock(&reader->mutex);
    bool wait = reader->committing;
    if (wait && reader->waiting) {
        list_complete(list, reader->waiting);
        rd_kafka_topic_partition_list_destroy(reader->waiting);
    }
    reader->waiting = wait ? list : NULL;
    reader->committing = true;
    pthread_mutex_unlock(&reader->mutex);
    if (!wait)
        commit_start(reader, list);
}

/* Adds the partitions that only the older list has. */
static void list_complete(rd_kafka_topic_partition_list_t *list, const rd_kafka_topic_partition_list_t *older)
{
    for (int i = 0; i < older->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &older->elems[i];
        if (rd_kafka_topic_partition_list_find(list, one->topic, one->partition) == NULL)
            rd_kafka_topic_partition_list_add(list, one->topic, one->partition)->offset = one->offset;
    }
}

void commits_finish(kafka_reader *reader)
{
    int64_t deadline_ns = clock_ns(&clock_system) + FINISH_MS * INT64_C(1000000);
    bool committing = true;
    while (committing) {
        pthread_mutex_lock(&reader->mutex);
        committing = reader->committing && clock_ns(&clock_system) < deadline_ns;
        pthread_mutex_unlock(&reader->mutex);
        if (committing)
            rd_kafka_poll(reader->client, POLL_MS);
    }
    if (reader->waiting)
        rd_kafka_topic_partition_list_destroy(reader->waiting);
    reader->waiting = NULL;
}

/* Runs on: the thread that drains, or the closing thread. */
static void commit_done(rd_kafka_t *client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
                        void *argument)
{
    (void)client, (void)list;
    kafka_reader *reader = argument;
    fault_point("after_offsets_told");
    if (error)
        commit_told(error);
    pthread_mutex_lock(&reader->mutex);
    rd_kafka_topic_partition_list_t *next = reader->waiting;
    reader->waiting = NULL;
    reader->committing = next != NULL;
    pthread_mutex_unlock(&reader->mutex);
    if (next)
        commit_start(reader, next);
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
