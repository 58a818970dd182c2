/*
 * clients/kafka_mock.h - librdkafka's mock cluster: brokers on 127.0.0.1 inside this process that any Kafka client can
 * talk to. For demonstrations and tests without Java. It keeps the newest 5 MiB or 100,000 message sets of a partition,
 * and nothing on the disk.
 */
#ifndef CLIENTS_KAFKA_MOCK_H
#define CLIENTS_KAFKA_MOCK_H

#include <base/failure.h>

typedef struct kafka_mock kafka_mock;
struct rd_kafka_mock_cluster_s;

sl_result kafka_mock_open(int brokers, kafka_mock **mock, failure *failure);
void kafka_mock_close(kafka_mock *mock); /* NULL is fine */
sl_result kafka_mock_topic(kafka_mock *mock, const char *topic, int partitions, failure *failure);
const char *kafka_mock_servers(const kafka_mock *mock);               /* "127.0.0.1:41234,127.0.0.1:..." */
struct rd_kafka_mock_cluster_s *kafka_mock_cluster(kafka_mock *mock); /* for tests that inject errors */

#endif
