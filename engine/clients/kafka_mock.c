/*
 * clients/kafka_mock.c - the mock cluster and the client that it needs for its own bookkeeping.
 */
#include <base/memory.h>
#include <clients/kafka.h>
#include <clients/kafka_mock.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct kafka_mock {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
};

sl_result kafka_mock_open(int brokers, kafka_mock **mock, failure *failure)
{
    char text[200];
    rd_kafka_conf_t *conf = kafka_conf_new();
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return fail(failure, SL_FAILED, "the mock broker cannot start: %s", text);
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, brokers);
    if (cluster == NULL) {
        rd_kafka_destroy(client);
        return fail(failure, SL_FAILED, "the mock broker cannot open %d ports on 127.0.0.1", brokers);
    }
    *mock = memory_new(sizeof **mock);
    **mock = (kafka_mock){ client, cluster };
    return SL_OK;
}

void kafka_mock_close(kafka_mock *mock)
{
    if (mock == NULL)
        return;
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->client);
    free(mock);
}

sl_result kafka_mock_topic(kafka_mock *mock, const char *topic, int partitions, failure *failure)
{
    rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1);
    if (error)
        return fail(failure, SL_USAGE, "mock topic \"%s\" with %d partitions: %s", topic, partitions,
                    rd_kafka_err2str(error));
    return SL_OK;
}

const char *kafka_mock_servers(const kafka_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

struct rd_kafka_mock_cluster_s *kafka_mock_cluster(kafka_mock *mock)
{
    return mock->cluster;
}
