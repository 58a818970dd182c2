/*
 * sources/kafka/watch.h - beside librdkafka's reading: takes what is told to reader->client, answers to commits and troubles with
 * brokers, and finds out whether the cluster is there.
 */
#ifndef SOURCES_KAFKA_WATCH_H
#define SOURCES_KAFKA_WATCH_H

#include <sources/kafka/reader.h>

typedef struct watch {
    kafka_reader *reader;
    rd_kafka_t *asker;      /* whom it asks: a handle that does not fetch */
    int64_t age_ns, ask_ns; /* how often, and when next, it asks how many partitions there are */
    size_t count;           /* what it was told; under the reader's lock */
    pthread_t thread;
    bool running;
} watch;

/* The topic's id, by a connection of our own: librdkafka 2.0 does not tell it. None: the settings allow no such connection, or
 * the broker does not tell. Until the deadline. */
sl_result watch_identify(kafka_reader *reader, int64_t deadline_ns, wire_uuid *id, failure *failure);
sl_result watch_start(watch *watch, failure *failure); /* reader and asker are set */
void watch_stop(watch *watch);                         /* after reader->stopping; also when it does not run */

#endif
