/*
 * http/server.c - the job's own HTTP server on a unix socket: libmicrohttpd with two threads.
 *
 * Each request is answered from copies that the calls make under the engine's lock. A stop is carried out when its answer
 * has left, or its client would see the connection break.
 */
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <http/stream.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { THREADS = 2, CONNECTIONS_MOST = 64, IDLE_SECONDS = 10, WAITING_MOST = 16, ROUTES = 4 };

struct server {
    struct MHD_Daemon *daemon;
    server_calls calls;
    stream tap;
    char *path;
};

typedef struct route {
    const char *method, *path, *type;
    bool (*answer)(const server *server, struct MHD_Connection *connection, buffer *body); /* false: 400 */
    bool stops;
} route;

static const route routes[ROUTES];

/* The address of a socket file. A long path goes through its folder, which stays open in `folder` meanwhile. */
typedef struct address {
    struct sockaddr_un at;
    int folder;
} address;

static sl_result socket_listen(const char *path, int *socket_at, failure *failure);
static sl_result address_of(const char *path, address *address, failure *failure);
static bool is_answered(const address *address);
static struct MHD_Daemon *daemon_start(server *server, int listening);
static enum MHD_Result request(void *self, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);
static enum MHD_Result answer_routed(const server *server, struct MHD_Connection *connection,
                                     const route *route);
static enum MHD_Result answer_refused(struct MHD_Connection *connection, const char *path);
static enum MHD_Result answer_send(struct MHD_Connection *connection, unsigned code, const char *type,
                                   buffer *body);
static void request_over(void *self, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how);

sl_result server_open(const char *socket_path, const server_calls *calls, server **result, failure *failure)
{
    int listening = -1;
    SL_TRY(socket_listen(socket_path, &listening, failure));
    server *self = memory_new(sizeof *self);
    self->calls = *calls;
    self->path = memory_text(socket_path);
    stream_init(&self->tap, &self->calls);
    self->daemon = daemon_start(self, listening);
    if (self->daemon == NULL) {
        close(listening);
        server_close(self);
        return fail(failure, SL_FAILED, "starting the job's HTTP server on %s: no threads or memory for it",
                    socket_path);
    }
    *result = self;
    return SL_OK;
}

void server_close(server *self)
{
    if (self == NULL)
        return;
    stream_end(&self->tap);
    if (self->daemon != NULL)
        MHD_stop_daemon(self->daemon);
    stream_done(&self->tap);
    unlink(self->path);
    free(self->path);
    free(self);
}

/* ---- The socket -------------------------------------------------------------------------------------------------- */

static sl_result socket_listen(const char *path, int *socket_at, failure *failure)
{
    address address;
    SL_TRY(address_of(path, &address, failure));
    sl_result result = SL_OK;
    if (is_answered(&address)) {
        close(address.folder);
        return fail(failure, SL_RUNNING, "another process answers on %s", path);
    }
    unlink(path);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0 || bind(made, (const struct sockaddr *)&address.at, sizeof address.at) != 0 ||
        chmod(path, 0600) != 0 || listen(made, WAITING_MOST) != 0) {
        result = fail(failure, SL_FAILED, "making the socket %s: %s", path, strerror(errno));
        if (made >= 0)
            close(made);
    }
    close(address.folder);
    *socket_at = made;
    return result;
}

/* The system allows some 107 bytes; a folder has a short name of its own while it is open. */
static sl_result address_of(const char *path, address *address, failure *failure)
{
    *address = (struct address){ .at = { .sun_family = AF_UNIX } };
    const char *slash = strrchr(path, '/');
    char *folder = memory_text(path);
    folder[slash ? slash - path : 0] = '\0';
    address->folder = open(slash == path ? "/" : slash ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int reason = errno;
    free(folder);
    if (address->folder < 0)
        return fail(failure, SL_FAILED, "opening the folder of %s: %s", path, strerror(reason));
    size_t room = sizeof address->at.sun_path;
    int size = strlen(path) < room ? snprintf(address->at.sun_path, room, "%s", path)
                                   : snprintf(address->at.sun_path, room, "/proc/self/fd/%d/%s",
                                              address->folder, slash ? slash + 1 : path);
    if (size < (int)room)
        return SL_OK;
    close(address->folder);
    return fail(failure, SL_FAILED, "the socket's name is too long: %s", path);
}

static bool is_answered(const address *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered =
        probe >= 0 &&
        (connect(probe, (const struct sockaddr *)&address->at, sizeof address->at) == 0 || errno == EAGAIN);
    if (probe >= 0)
        close(probe);
    return answered;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static struct MHD_Daemon *daemon_start(server *server, int listening)
{
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME, 0,
                            NULL, NULL, request, server, MHD_OPTION_LISTEN_SOCKET, listening,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                            MHD_OPTION_NOTIFY_COMPLETED, request_over, server, MHD_OPTION_END);
}

/* Called for the head, for each piece of a body, and at the end. *state is NULL only at the head; then it is `server` for
 * a request that is going on, and the route when an answer was given that has an effect. */
/* NOLINTNEXTLINE(readability-function-size): the library says which parameters */
static enum MHD_Result request(void *self, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    if (*state == NULL) {
        *state = self;
        return MHD_YES;
    }
    if (*upload_size > 0) { /* no request has a body that matters */
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(path, "/tap") == 0 && strcmp(method, MHD_HTTP_METHOD_GET) == 0)
        return stream_answer(&((server *)self)->tap, connection);
    const char *wanted = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
    for (const route *route = routes; route < routes + ROUTES; route++) {
        if (strcmp(route->path, path) != 0 || strcmp(route->method, wanted) != 0)
            continue;
        if (route->stops)
            *state = (void *)(uintptr_t)route;
        return answer_routed(self, connection, route);
    }
    return answer_refused(connection, path);
}

static enum MHD_Result answer_routed(const server *server, struct MHD_Connection *connection,
                                     const route *route)
{
    buffer body = { 0 };
    unsigned code = route->answer(server, connection, &body) ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST;
    return answer_send(connection, code, route->type, &body);
}

static enum MHD_Result answer_refused(struct MHD_Connection *connection, const char *path)
{
    buffer body = { 0 };
    const route *known = routes;
    while (known < routes + ROUTES && strcmp(known->path, path) != 0)
        known++;
    bool found = known < routes + ROUTES;
    if (found)
        buffer_print(&body, "{\"error\":\"this path takes %s\"}\n", known->method);
    else
        buffer_print(
            &body,
            "{\"error\":\"there is GET /status, GET /batches, GET /tap, POST /tune and POST /stop\"}\n");
    unsigned code = found ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    return answer_send(connection, code, "application/json", &body);
}

static enum MHD_Result answer_send(struct MHD_Connection *connection, unsigned code, const char *type,
                                   buffer *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->at, MHD_RESPMEM_MUST_COPY);
    buffer_done(body);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static void request_over(void *self, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    (void)connection;
    (void)how;
    const server *server = self;
    if (*state != NULL && *state != self)
        server->calls.stop(server->calls.argument);
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

static bool status_answer(const server *server, struct MHD_Connection *connection, buffer *body)
{
    (void)connection;
    server->calls.status(server->calls.argument, body);
    return true;
}

static bool batches_answer(const server *server, struct MHD_Connection *connection, buffer *body)
{
    (void)connection;
    server->calls.batches(server->calls.argument, body);
    return true;
}

static bool stop_answer(const server *server, struct MHD_Connection *connection, buffer *body)
{
    (void)server;
    (void)connection;
    buffer_text(body, "{\"stopping\":true}\n");
    return true;
}

/* -1: not given. Anything but digits is none of the numbers that a job takes. */
static int64_t number_given(struct MHD_Connection *connection, const char *name)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
    if (text == NULL)
        return -1;
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 19 && text[digits] == '\0' ? strtoll(text, NULL, 10) : INT64_MAX;
}

static bool tune_answer(const server *server, struct MHD_Connection *connection, buffer *body)
{
    server_tune wish = { number_given(connection, "interval_ms"), number_given(connection, "rate"),
                         number_given(connection, "cores") };
    return server->calls.tune(server->calls.argument, &wish, body);
}

static const route routes[ROUTES] = {
    { MHD_HTTP_METHOD_GET, "/status", "application/json", status_answer, false },
    { MHD_HTTP_METHOD_GET, "/batches", "application/x-ndjson", batches_answer, false },
    { MHD_HTTP_METHOD_POST, "/tune", "application/json", tune_answer, false },
    { MHD_HTTP_METHOD_POST, "/stop", "application/json", stop_answer, true },
};
