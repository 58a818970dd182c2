/*
 * base/traffic.h - what this process exchanges with servers, by kind of server: added up by those who speak to them, for each
 * request or answer and never for a record; read by listeners (sl_traffic_now()). Any thread.
 */
#ifndef BASE_TRAFFIC_H
#define BASE_TRAFFIC_H

#include <sluice/types.h>

typedef enum traffic_server {
    TRAFFIC_NONE, /* is not counted */
    TRAFFIC_KAFKA_IN,
    TRAFFIC_KAFKA_OUT,
    TRAFFIC_REDIS,
    TRAFFIC_ELASTIC,
    TRAFFIC_SERVERS
} traffic_server;

typedef struct traffic {
    int64_t requests, answers;
    int64_t bytes_out, bytes_in;
    int64_t records;    /* of those that were written to Kafka */
    int64_t latency_ns; /* of all answers together */
    int64_t blocked_ns; /* that workers and driver stood and waited */
} traffic;

void traffic_add(traffic_server server, const traffic *amount);
traffic traffic_of(traffic_server server); /* since the process began */

#endif
