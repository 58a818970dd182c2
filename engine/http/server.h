/*
 * http/server.h - the job's own HTTP server (libmicrohttpd), on a unix socket in the work folder for now.
 *
 *     GET  /status    {"job","pid","state","batch_id","batch_time",...}
 *     GET  /batches   the accounts that the server holds, newest last, a line each
 *     POST /stop      finish the running batch and stop; a second one stops at once
 *
 * It runs a small pool of threads of its own and never waits for a batch: what it tells are copies, made under a lock.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <base/buffer.h>
#include <base/failure.h>

typedef struct server server;

typedef struct server_calls { /* any thread */
    void *argument;
    void (*status)(void *argument, buffer *json);
    void (*batches)(void *argument, buffer *lines);
    void (*stop)(void *argument);
} server_calls;

/* A stale socket of a dead job is replaced. Calls are copied. */
sl_result server_open(const char *socket_path, const server_calls *calls, server **server, failure *failure);
void server_close(server *server); /* NULL is fine */

#endif
