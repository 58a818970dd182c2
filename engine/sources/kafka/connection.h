/*
 * sources/kafka/connection.h - one connection to one broker: opened with TLS and login where the settings say so, then
 * requests and their answers, in order. It blocks, within time limits.
 *
 *     connection *connection = connection_new(spec);
 *     connection_open(connection, "kafka-1", 9092, &failure)
 *     metadata_ask(connection, ...)                              // protocol.h
 *     connection_close(connection)                               // may be opened again, to the same broker or another
 *     connection_free(connection)
 *
 * One thread at a time, but for connection_interrupt(). Failures are SL_RETRY and name the broker and the reason; after one
 * the connection is closed. Where a login or a certificate is refused the text says which setting to look at.
 */
#ifndef SOURCES_KAFKA_CONNECTION_H
#define SOURCES_KAFKA_CONNECTION_H

#include <base/failure.h>
#include <sources/kafka/spec.h>
#include <sources/kafka/wire.h>

typedef struct connection connection;

connection *connection_new(const kafka_spec *spec); /* the spec outlives it */
void connection_free(connection *connection);       /* NULL is fine */

/* From now on nothing waits longer than until then, by clock_ns(); 0: the settings' limits are all. */
void connection_limit(connection *connection, int64_t until_ns);
sl_result connection_open(connection *connection, const char *host, int port, failure *failure);
void connection_close(connection *connection);
bool connection_is_open(const connection *connection);
const char *connection_name(const connection *connection); /* host:port of the last connection_open() */

/*
 * Runs on: any thread. Whatever waits returns SL_RETRY at once, and so does every call from now on: it is for the end.
 * Between connection_new() and connection_free().
 */
void connection_interrupt(connection *connection);
bool connection_is_interrupted(const connection *connection);
const kafka_spec *connection_spec(const connection *connection);

/* ---- For protocol.h: one request and its answer ---- */

typedef struct connection_api {
    int16_t key;
    const char *name;
    int16_t least, most; /* versions that we speak */
    int16_t flexible;    /* from this version on */
} connection_api;

enum { CONNECTION_KEYS = 40, CONNECTION_VERSIONS_KEY = 18, CONNECTION_REQUESTS = 4 };

typedef struct connection_range {
    int16_t least, most;
    bool known;
} connection_range;

typedef struct connection_versions { /* by the number of the API; those that we do not need are left out */
    connection_range of[CONNECTION_KEYS];
} connection_versions;

/* Behind the header of an answer to ApiVersions, from 0 (not flexible) to 3; returns the broker's error. */
int16_t connection_versions_read(wire_reader *reader, connection_versions *versions);

/* The highest version that both sides speak. SL_FAILED: there is none. */
sl_result connection_version(connection *connection, const connection_api *api, int16_t *version,
                             failure *failure);
/* Begins a request: its header is written. Its body goes to the writer, then it is sent. */
wire_writer connection_request(connection *connection, const connection_api *api, int16_t version);
sl_result connection_send(connection *connection, failure *failure);
/*
 * Waits for the answer to the oldest request that has none; NULL: failed. `wait_ms` is what the broker was asked to wait
 * before it answers. Up to CONNECTION_REQUESTS may be under way. The reader belongs to the connection, and stands behind
 * the answer's header.
 */
wire_reader *connection_answer(connection *connection, int64_t wait_ms, failure *failure);
int16_t connection_answer_version(const connection *connection); /* of the answer that is being read */
/* One bare message and the answer to it: no headers, as logins of old brokers have it. */
wire_reader *connection_exchange(connection *connection, sl_text message, failure *failure);
/* Ends an answer; what nobody read of it is skipped. A bad reader or a lost connection: SL_RETRY. */
sl_result connection_answered(connection *connection, failure *failure);
/* Closes the connection. SL_RETRY: "kafka at HOST:PORT: " and the rest. */
__attribute__((format(printf, 3, 4))) sl_result connection_fail(connection *connection, failure *failure,
                                                                const char *format, ...);

#endif
