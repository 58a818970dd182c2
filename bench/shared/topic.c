/*
 * bench/shared/topic.c - the producer, and its listens.
 */
#include "topic.h"

void topic_line(line *line, uint64_t number, uint64_t *state)
{
    unsigned customer = zipf_next(state, TOPIC_CUSTOMERS), track = zipf_next(state, TOPIC_TRACKS);
    line_print(line, number, customer, track, state);
}

static void topic_make(rd_kafka_t *producer, const char *topic, int partitions)
{
    char why[512];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer);
    rd_kafka_CreateTopics(producer, &wanted, 1, NULL, queue);
    rd_kafka_event_t *done = rd_kafka_queue_poll(queue, 30000);
    if (done)
        rd_kafka_event_destroy(done);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
}

void topic_writer_open(topic_writer *writer, const char *servers, const char *topic, const char *linger_ms)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const pairs[][2] = { { "bootstrap.servers", servers },
                                     { "linger.ms", linger_ms },
                                     { "queue.buffering.max.messages", "2000000" },
                                     { "batch.size", "262144" } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why);
    writer->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (writer->producer == NULL)
        give_up(why);
    topic_make(writer->producer, topic, writer->partitions);
    writer->topic = rd_kafka_topic_new(writer->producer, topic, NULL);
}

void topic_write(const topic_writer *writer, int32_t partition, const line *line)
{
    while (rd_kafka_produce(writer->topic, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)line->text,
                            line->size, NULL, 0, NULL) != 0)
        rd_kafka_poll(writer->producer, 100);
}

bool topic_writer_close(topic_writer *writer)
{
    rd_kafka_resp_err_t left = rd_kafka_flush(writer->producer, 120000);
    rd_kafka_topic_destroy(writer->topic);
    rd_kafka_destroy(writer->producer);
    return left == RD_KAFKA_RESP_ERR_NO_ERROR;
}
