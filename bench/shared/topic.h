/*
 * bench/shared/topic.h - filling a topic with listens, by a plain producer of librdkafka.
 */
#ifndef SHARED_TOPIC_H
#define SHARED_TOPIC_H

#include "measure.h"
#include <librdkafka/rdkafka.h>

enum { TOPIC_TRACKS = 100000, TOPIC_CUSTOMERS = 5000 };

typedef struct topic_writer {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    int partitions;
} topic_writer;

/* Makes the topic when it is not there. */
void topic_writer_open(topic_writer *writer, const char *servers, const char *topic, const char *linger_ms);
void topic_write(const topic_writer *writer, int32_t partition, const line *line);
bool topic_writer_close(topic_writer *writer); /* false: not everything arrived */

/* A listen of the topic: tracks and customers by Zipf's law. */
void topic_line(line *line, uint64_t number, uint64_t *state);

#endif
