/*
 * sources/kafka/reader.h - the Kafka source's own parts: what they share, and what each does.
 *
 *     planner handle --- metadata, begins, ends, times -----> offsets.c    where to start, where to stop
 *     fetch handle ----- messages --> ingest.c (own thread) -> chains      look() and take() cut from them
 *                   <--- positions --- commits.c                           for lag tools
 */
#ifndef SOURCES_KAFKA_READER_H
#define SOURCES_KAFKA_READER_H

#include <clients/kafka.h>
#include <pthread.h>
#include <records/segment.h>
#include <sources/source.h>

typedef struct kafka_part {
    segment_chain chain;
    int64_t end;     /* as last known; never goes back */
    int64_t stop;    /* available-now: the end found at start, else INT64_MAX */
    failure trouble; /* what the next look() returns; SL_RETRY is told once */
    int64_t taken, released;
    bool hungry; /* look() wanted more than is here, and there is more to read */
} kafka_part;

typedef struct kafka_reader {
    source_spec spec;
    char *topic;
    const char *servers;
    rd_kafka_t *planner, *fetcher;
    rd_kafka_queue_t *arrivals, *answers; /* of the fetcher: messages, and answers to commits */
    source_partition *partitions;
    size_t count;
    pthread_t ingest;
    bool ingesting;

    pthread_mutex_t mutex;  /* of everything below */
    pthread_cond_t changed; /* room was made, or the end came */
    kafka_part *parts;
    segment *spare;
    size_t bytes, hungry, in_flight; /* parts that are hungry, that have ranges taken and not released */
    bool stopping;
    bool committing;                          /* a commit is under way */
    rd_kafka_topic_partition_list_t *waiting; /* what is to be committed after it; NULL: nothing */
} kafka_reader;

/* Fills every offset and the parts' next, end and stop. Leaves all as it was when it fails. */
sl_result offsets_resolve(kafka_reader *reader, source_partition *partitions, failure *failure);

sl_result ingest_start(kafka_reader *reader, failure *failure); /* the fetcher is assigned */
void ingest_stop(kafka_reader *reader);

void commits_send(kafka_reader *reader, const source_partition *partitions, size_t count);
void commits_finish(kafka_reader *reader); /* after ingest_stop: waits a little for what is under way */

#endif
