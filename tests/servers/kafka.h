/*
 * tests/servers/kafka.h - a real Kafka broker of a test's own (kafka.sh), on a free port and in a temporary folder. It ends
 * with the test program, however that ends.
 */
#ifndef SERVERS_KAFKA_H
#define SERVERS_KAFKA_H

#include <stdbool.h>

typedef struct kafka_server kafka_server;

/* `extra`: broker settings, "key=value key=value", or NULL. NULL when it cannot be had here: the test skips. */
kafka_server *kafka_server_start(const char *extra);
typedef struct kafka_server_options {
    const char *version; /* NULL: the usual one of kafka.sh */
    const char *extra;   /* as above */
    bool secure;         /* listeners with TLS and login beside the plain one: SECURE in kafka.sh */
    bool metrics;        /* the JMX exporter, instead of those: METRICS_PORT in kafka.sh */
} kafka_server_options;

kafka_server *kafka_server_start_as(const kafka_server_options *options);
void kafka_server_stop(kafka_server *server); /* NULL is fine */

const char *kafka_server_address(const kafka_server *server); /* 127.0.0.1:port */

int kafka_server_port(const kafka_server *server);
int kafka_server_metrics_port(const kafka_server *server);
const char *kafka_server_folder(const kafka_server *server); /* RUN in kafka.sh */

void kafka_server_kill(kafka_server *server);             /* SIGKILL */
void kafka_server_hang(kafka_server *server, bool hangs); /* SIGSTOP, SIGCONT */
void kafka_server_restart(kafka_server *server);          /* at its address, with its data, unless it runs */

#endif
