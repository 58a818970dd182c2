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

/* ---- For protocol.h: one request and its answer ---- */

typedef struct connection_api {
    int16_t key;
    const char *name;
    int16_t least, most; /* versions that we speak */
    int16_t flexible;    /* from this version on */
} connection_api;

/* The highest version that both sides speak. SL_FAILED: there is none. */
sl_result connection_version(connection *connection, const connection_api *api, int16_t *version,
                             failure *failure);
/* Begins a request: its header is written. Its body goes to the writer, then it is sent. */
wire_writer connection_request(connection *connection, const connection_api *api, int16_t version);
sl_result connection_send(connection *connection, failure *failure);
/*
 * Waits for the answer to the oldest request that has none; NULL: failed. Several requests may be under way, up to
 * CONNECTION_REQUESTS. The reader belongs to the connection, and stands behind the answer's header.
 */
enum { CONNECTION_REQUESTS = 4 };
wire_reader *connection_answer(connection *connection, int64_t timeout_ms, failure *failure);
/* Ends an answer. Bytes that nobody read, a bad reader, or a lost connection: SL_RETRY. */
sl_result connection_answered(connection *connection, failure *failure);

#endif
