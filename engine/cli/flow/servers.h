/*
 * cli/flow/servers.h - the servers of the flow: the broker by its JMX exporter, Redis by INFO, Elasticsearch by its node's
 * statistics.
 */
#ifndef CLI_FLOW_SERVERS_H
#define CLI_FLOW_SERVERS_H

#include <cli/flow/flow.h>
#include <cli/flow/series.h>
#include <clients/http.h>
#include <clients/redis.h>

typedef struct asked_server {
    char address[300]; /* that it was opened with */
    http *http;
    redis *redis;
    settings *settings; /* of redis */
    series series;
    buffer body; /* of the last answer, with a NUL */
} asked_server;

/* address: NULL: it is not asked. */
void broker_look(asked_server *broker, const char *address, flow_broker *out);
void redis_look(asked_server *redis, const char *address, flow_server *out);
void elastic_look(asked_server *elastic, const char *address, flow_server *out);
void asked_server_done(asked_server *server);

#endif
