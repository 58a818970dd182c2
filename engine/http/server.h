/*
 * http/server.h - the job's own HTTP server (libmicrohttpd), on a unix socket in the work folder for now.
 *
 *     GET  /status    {"job","pid","state","batch_id","batch_time",...}
 *     GET  /batches   the accounts that the server holds, newest last, a line each
 *     POST /tune      ?interval_ms=N &rate=N &cores=N: what of these is given, from the next batch on
 *     GET  /tap       ?stream=NAME &every=N: lines without end, as batches bring them; one client at a time
 *     POST /stop      finish the running batch and stop; a second one stops at once
 *
 * It runs a small pool of threads of its own and never waits for a batch: what it tells are copies, made under a lock.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <base/buffer.h>
#include <base/failure.h>

typedef struct server server;

typedef struct server_tune { /* what was not given is -1 */
    int64_t interval_ms, rate, cores;
} server_tune;

typedef struct server_tap {
    const char *stream;
    int64_t every;
    void (*wake)(void *waker);
    void *waker;
} server_tap;

typedef struct server_calls { /* any thread */
    void *argument;
    void (*status)(void *argument, buffer *json);
    void (*batches)(void *argument, buffer *lines);
    void (*stop)(void *argument);
    /* What holds now, or {"error":...} and false: nothing was changed. */
    bool (*tune)(void *argument, const server_tune *wish, buffer *json);
    /* The client's number, or 0 with {"error":...}: there is no such stream. A newer client takes the place of an older one. wake(): there is something to read; any thread, not within read(). */
    int64_t (*tap_open)(void *argument, const server_tap *wish, buffer *json);
    size_t (*tap_read)(void *argument, int64_t client, char *at, size_t room); /* 0: nothing yet */
    void (*tap_close)(void *argument, int64_t client);
} server_calls;

/* A stale socket of a dead job is replaced. Calls are copied. */
sl_result server_open(const char *socket_path, const server_calls *calls, server **server, failure *failure);
void server_close(server *server); /* NULL is fine */

#endif
