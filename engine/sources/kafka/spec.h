/*
 * sources/kafka/spec.h - what the kafka.* settings say to our own Fetch path. There is one source of truth: the values are
 * read back from a librdkafka configuration that was built as for a client (clients/kafka.h), with its defaults.
 *
 * Some settings ask for what this path has not (Kerberos, OAuth, key stores): then librdkafka has to do the reading.
 */
#ifndef SOURCES_KAFKA_SPEC_H
#define SOURCES_KAFKA_SPEC_H

#include <clients/kafka.h>

struct security;

typedef struct kafka_server_name {
    char *host;
    int32_t port;
} kafka_server_name;

typedef struct kafka_spec {     /* read only, once made: any number of connections on any threads share one */
    char *bootstrap;            /* bootstrap.servers, as given, for messages */
    kafka_server_name *servers; /* the same, taken apart: one at least */
    size_t server_count;
    char *client_id;    /* client.id */
    char *rack;         /* client.rack; "": none */
    int family;         /* broker.address.family: AF_UNSPEC, AF_INET, AF_INET6 */
    int32_t setup_ms;   /* socket.connection.setup.timeout.ms: until a connection is usable */
    int32_t timeout_ms; /* socket.timeout.ms: for an answer, beside what the broker is asked to wait */
    int32_t send_bytes, receive_bytes; /* socket.{send,receive}.buffer.bytes; 0: the system's own */
    bool keepalive;                    /* socket.keepalive.enable; Nagle's algorithm is always off */
    int32_t answer_bytes_max;          /* receive.message.max.bytes */
    struct security *security;         /* TLS and login */

    /* For the source; connections look at rack and read_committed only. */
    bool read_committed;                     /* isolation.level */
    int32_t fetch_wait_ms;                   /* fetch.wait.max.ms */
    int32_t fetch_bytes_min;                 /* fetch.min.bytes */
    int32_t fetch_bytes_max;                 /* fetch.max.bytes: of one answer */
    int32_t part_bytes_max;                  /* fetch.message.max.bytes: of one partition in it */
    int32_t backoff_ms;                      /* fetch.error.backoff.ms */
    int32_t reconnect_ms, reconnect_most_ms; /* reconnect.backoff.ms, reconnect.backoff.max.ms */
    int32_t metadata_age_ms;                 /* topic.metadata.refresh.interval.ms; -1: never */
} kafka_spec;

/*
 * SL_OK and *spec NULL: librdkafka has to serve these settings; `why` says which one and why, with a NUL at its end.
 * SL_USAGE: a wrong value, a certificate that cannot be read, ...
 */
sl_result kafka_spec_new(const kafka_client_spec *client, kafka_spec **spec, buffer *why, failure *failure);
void kafka_spec_free(kafka_spec *spec); /* NULL is fine; after the last connection */

#endif
