/*
 * http/stream.h - an answer that goes on as long as there is something to tell, for `GET /tap`. While there is nothing its
 * connection is suspended: no thread waits, and nobody asks at intervals. A newer client ends the answer of the one before,
 * whose connection may be dead without anybody having noticed.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <http/server.h>
#include <microhttpd.h>
#include <pthread.h>

typedef struct stream_client stream_client;

typedef struct stream {
    const server_calls *calls;
    pthread_mutex_t mutex; /* guards: */
    stream_client *newest; /* NULL: there is none */
} stream;

void stream_init(stream *stream, const server_calls *calls);
void stream_done(stream *stream);

/* The answer to the request, or {"error":...}. */
enum MHD_Result stream_answer(stream *stream, struct MHD_Connection *connection);
/* Lets a connection that waits go, so that the server can stop. */
void stream_end(stream *stream);

#endif
