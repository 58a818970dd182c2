/*
 * http/site.c - one daemon of libmicrohttpd with two threads; a table of paths.
 */
#include <arpa/inet.h>
#include <base/clock.h>
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <http/advice.h>
#include <http/rest.h>
#include <http/site.h>
#include <http/web.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    THREADS = 2,
    CONNECTIONS_MOST = 64,
    IDLE_SECONDS = 30,
    WAITING_MOST = 16,
    STATUSES_MOST = 8,
    LAST_USUAL = 100
};

struct site {
    struct MHD_Daemon *daemon;
    recent *recent;
    const char *home;
    site_calls calls;
    char *token, *user, *version, *url;
    bool loopback;
};

typedef struct answer {
    unsigned code;
    const char *type;
    buffer body;
} answer;

typedef struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } at;
    socklen_t size;
    char host[64];
    bool loopback;
} address;

typedef void path_answer(const site *self, struct MHD_Connection *connection, answer *answer);

static path_answer status_tell, batches_tell, settings_tell, plan_tell, advice_tell, health_tell, ready_tell;

static const struct {
    const char *path;
    path_answer *answer;
} paths[] = { { "/status", status_tell }, { "/batches", batches_tell }, { "/settings", settings_tell },
              { "/plan", plan_tell },     { "/advice", advice_tell },   { "/health", health_tell },
              { "/ready", ready_tell } };

static sl_result address_parse(const char *text, address *address, failure *failure);
static int port_listen(address *address);
static sl_result daemon_start(site *self, int listening, failure *failure);
static enum MHD_Result request(void *self, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);

static bool is_open(const char *token)
{
    return token == NULL || token[0] == '\0';
}

sl_result site_check(const char *text, const char *token, failure *failure)
{
    address address;
    SL_TRY(address_parse(text, &address, failure));
    if (address.loopback || !is_open(token))
        return SL_OK;
    return fail(failure, SL_USAGE,
                "http.address %s can be reached from other machines: set http.token, or a loopback address",
                text);
}

sl_result site_open(const site_spec *spec, site **opened, failure *failure)
{
    address address;
    SL_TRY(site_check(spec->address, spec->token, failure));
    SL_TRY(address_parse(spec->address, &address, failure));
    int listening = port_listen(&address);
    if (listening < 0)
        return fail(failure, SL_FAILED, "listening on %s: %s", spec->address, strerror(errno));
    site *self = memory_new(sizeof *self);
    self->recent = spec->recent;
    self->home = spec->home ? spec->home : "/";
    self->calls = spec->calls;
    self->loopback = address.loopback;
    self->token = is_open(spec->token) ? NULL : memory_text(spec->token);
    self->user = memory_text(spec->user);
    self->version = memory_text(spec->version);
    buffer url = { 0 };
    buffer_print(&url, "http://%s:%d", address.host, ntohs(address.at.four.sin_port));
    buffer_byte(&url, '\0');
    self->url = url.at;
    sl_result result = daemon_start(self, listening, failure);
    if (result == SL_OK)
        *opened = self;
    else
        site_close(self);
    return result;
}

const char *site_url(const site *self)
{
    return self->url;
}

void site_close(site *self)
{
    if (self == NULL)
        return;
    if (self->daemon)
        MHD_stop_daemon(self->daemon);
    free(self->token);
    free(self->user);
    free(self->version);
    free(self->url);
    free(self);
}

/* ---- The socket -------------------------------------------------------------------------------------------------- */

static bool host_parse(const char *host, uint16_t port, address *address)
{
    if (inet_pton(AF_INET, host, &address->at.four.sin_addr) == 1) {
        address->at.four.sin_family = AF_INET;
        address->at.four.sin_port = port;
        address->size = sizeof address->at.four;
        address->loopback = ntohl(address->at.four.sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->at.six.sin6_addr) != 1)
        return false;
    address->at.six.sin6_family = AF_INET6;
    address->at.six.sin6_port = port; /* where the other family has it, too */
    address->size = sizeof address->at.six;
    address->loopback = IN6_IS_ADDR_LOOPBACK(&address->at.six.sin6_addr);
    return true;
}

static sl_result address_parse(const char *text, address *address, failure *failure)
{
    const char *colon = strrchr(text, ':');
    memset(address, 0, sizeof *address);
    char *end = NULL;
    long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
    size_t size = colon ? (size_t)(colon - text) : 0;
    bool fits = port >= 0 && port <= 65535 && *end == '\0' && size > 0 && size < sizeof address->host;
    if (fits) {
        memcpy(address->host, text, size);
        address->host[size] = '\0';
        char bare[sizeof address->host];
        bool bracket = text[0] == '[' && text[size - 1] == ']';
        snprintf(bare, sizeof bare, "%.*s", (int)(bracket ? size - 2 : size), text + bracket);
        fits =
            host_parse(strcmp(bare, "localhost") == 0 ? "127.0.0.1" : bare, htons((uint16_t)port), address);
    }
    return fits
               ? SL_OK
               : fail(
                     failure, SL_USAGE,
                     "http.address %s: expected an IP address and a port, 127.0.0.1:4040 or [::1]:4040, or off",
                     text);
}

/* -1 with errno. On success the address has the port that it became. */
static int socket_listen(address *address, int port)
{
    int one = 1, made = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address->at.four.sin_port = htons((uint16_t)port);
    if (made < 0)
        return -1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(made, &address->at.any, address->size) == 0 && listen(made, WAITING_MOST) == 0 &&
        getsockname(made, &address->at.any, &address->size) == 0)
        return made;
    int reason = errno;
    close(made);
    errno = reason;
    return -1;
}

static int port_listen(address *address)
{
    int wished = ntohs(address->at.four.sin_port);
    for (int port = wished; wished && port < wished + SITE_PORTS && port <= 65535; port++) {
        int made = socket_listen(address, port);
        if (made >= 0 || errno != EADDRINUSE)
            return made;
    }
    return socket_listen(address, 0);
}

static sl_result daemon_start(site *self, int listening, failure *failure)
{
    self->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, request, self,
                         MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    if (self->daemon)
        return SL_OK;
    close(listening);
    return fail(failure, SL_FAILED, "starting the job's pages on %s: no threads or memory for them",
                self->url);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static const char *argument_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

/* Takes the same time wherever they differ. */
static bool texts_equal(const char *secret, const char *given)
{
    size_t size = strlen(secret), given_size = strlen(given);
    unsigned differ = given_size != size;
    for (size_t i = 0; i < size && given_size; i++)
        differ |= (unsigned)(secret[i] ^ given[i % given_size]) & 0xff;
    return differ == 0;
}

static bool has_token(const site *self, struct MHD_Connection *connection)
{
    const char *header =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    const char *argument = argument_of(connection, "token");
    if (header && strncasecmp(header, "Bearer ", 7) == 0 && texts_equal(self->token, header + 7))
        return true;
    return argument && texts_equal(self->token, argument);
}

/* "localhost:4040", "127.0.0.1", "[::1]:4040"; a program that speaks HTTP/1.0 may send none. */
static bool host_is_here(struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (host == NULL)
        return true;
    size_t size = host[0] == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":");
    if (host[size] != '\0' && host[size] != ':')
        return false;
    return (size == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (size == 5 && strncmp(host, "[::1]", 5) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == size);
}

static void refuse(answer *answer, unsigned code, const char *text)
{
    answer->code = code;
    answer->type = "application/json";
    answer->body.size = 0;
    buffer_print(&answer->body, "{\"error\":\"%s\"}\n", text);
}

static enum MHD_Result status_note(void *argument, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    rest_query *query = argument;
    (void)kind;
    if (strcmp(key, "status") == 0 && value && query->status_count < STATUSES_MOST)
        ((const char **)(uintptr_t)query->statuses)[query->status_count++] = value;
    return MHD_YES;
}

static void rest_tell(const site *self, struct MHD_Connection *connection, const char *path, answer *answer)
{
    const char *statuses[STATUSES_MOST];
    rest_query query = { path, statuses, 0, self->user, self->version, clock_wall_ms(&clock_system) };
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, status_note, &query);
    const recent_view *view = recent_lock(self->recent);
    answer->code = rest_answer(view, &query, &answer->body);
    recent_unlock(self->recent);
    answer->type = answer->code == MHD_HTTP_OK ? answer->type : "text/plain";
}

static bool web_tell(const site *self, const char *path, answer *answer)
{
    path = strcmp(path, "/") == 0 ? self->home : path;
    for (const web_file *file = web_files; file->path; file++) {
        if (strcmp(file->path, path) != 0)
            continue;
        answer->type = file->type;
        buffer_append(&answer->body, file->at, file->size);
        return true;
    }
    return false;
}

static void path_tell(const site *self, struct MHD_Connection *connection, const char *path, answer *answer)
{
    for (size_t i = 0; self->recent && i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].path, path) == 0) {
            paths[i].answer(self, connection, answer);
            return;
        }
    }
    if (self->recent && strncmp(path, "/api/v1", 7) == 0)
        rest_tell(self, connection, path + 7, answer);
    else if (!web_tell(self, path, answer) &&
             !self->calls.page(self->calls.argument, path, &answer->body, &answer->type))
        refuse(
            answer, MHD_HTTP_NOT_FOUND,
            "there is /, /api/v1/applications, /status, /batches, /settings, /plan, /advice, /health, /ready and /metrics");
}

static enum MHD_Result answer_send(struct MHD_Connection *connection, answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.size, answer->body.at, MHD_RESPMEM_MUST_COPY);
    buffer_done(&answer->body);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'");
    if (answer->code == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    enum MHD_Result result = MHD_queue_response(connection, answer->code, response);
    MHD_destroy_response(response);
    return result;
}

/* Called for the head, for each piece of a body, and at the end. */
/* NOLINTNEXTLINE(readability-function-size): the library says which parameters */
static enum MHD_Result request(void *argument, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state)
{
    site *self = argument;
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
    answer answer = { MHD_HTTP_OK, "application/json", { 0 } };
    bool reads = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (self->token && !has_token(self, connection))
        refuse(&answer, MHD_HTTP_UNAUTHORIZED,
               "this job's pages need its http.token: Authorization: Bearer TOKEN");
    else if (self->token == NULL && self->loopback && !host_is_here(connection))
        refuse(&answer, MHD_HTTP_FORBIDDEN, "these pages are for this machine alone: ask for localhost");
    else if (!reads)
        refuse(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "these pages are read only: this path takes GET");
    else
        path_tell(self, connection, path, &answer);
    return answer_send(connection, &answer);
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

static void status_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)connection;
    self->calls.status(self->calls.argument, &answer->body);
}

static void settings_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)connection;
    self->calls.settings(self->calls.argument, &answer->body);
}

static void plan_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)connection;
    self->calls.plan(self->calls.argument, &answer->body);
}

static void batch_advise(const recent_batch *batch, advice_sums *sums)
{
    const sl_phases *phases = &batch->phases;
    advice_add(sums, &(advice_batch){ .records = (double)batch->records,
                                      .interval_ms = (double)batch->interval_ms,
                                      .waited_ms = batch->scheduling_delay_ms,
                                      .taken_ms = batch->total_delay_ms - batch->scheduling_delay_ms,
                                      .phases = { (double)phases->work_ns, (double)phases->merge_ns,
                                                  (double)phases->sinks_ns, (double)phases->commit_ns },
                                      .catch_up = batch->catch_up });
}

static void advice_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)connection;
    advice_sums sums = { 0 };
    const recent_view *view = recent_lock(self->recent);
    for (size_t i = view->count; i > 0 && sums.count < ADVICE_BATCHES; i--)
        if (view->batches[i - 1]->state == SL_BATCH_COMPLETED)
            batch_advise(view->batches[i - 1], &sums);
    advice found = advice_of(&sums, (double)view->interval_ms);
    recent_unlock(self->recent);
    buffer_print(&answer->body, "{\"known\":%s,\"stable\":%s,\"least_interval_ms\":%.0f,\"advice\":\"",
                 found.known ? "true" : "false", found.stable ? "true" : "false", found.least_interval_ms);
    advice_print(&found, &answer->body);
    buffer_text(&answer->body, "\"}\n");
}

/* That it answers is what it says: a restart helps against nothing else. */
static void health_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)self;
    (void)connection;
    buffer_text(&answer->body, "{\"alive\":true}\n");
}

static void ready_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    (void)connection;
    buffer why = { 0 };
    if (self->calls.ready(self->calls.argument, &why)) {
        buffer_text(&answer->body, "{\"ready\":true}\n");
    } else {
        answer->code = MHD_HTTP_SERVICE_UNAVAILABLE;
        buffer_text(&answer->body, "{\"ready\":false,\"reason\":");
        buffer_append(&answer->body, why.at, why.size);
        buffer_text(&answer->body, "}\n");
    }
    buffer_done(&why);
}

static int64_t number_of(struct MHD_Connection *connection, const char *name, int64_t usual)
{
    const char *text = argument_of(connection, name);
    return text && text[0] >= '0' && text[0] <= '9' ? strtoll(text, NULL, 10) : usual;
}

/* ?after=ID: only batches behind it; ?last=N: the newest N of these. */
static void batches_tell(const site *self, struct MHD_Connection *connection, answer *answer)
{
    int64_t after = number_of(connection, "after", 0), last = number_of(connection, "last", LAST_USUAL);
    const recent_view *view = recent_lock(self->recent);
    size_t from = view->count;
    while (from > 0 && last-- > 0 && view->batches[from - 1]->id > after)
        from--;
    buffer_byte(&answer->body, '[');
    for (size_t i = from; i < view->count; i++) {
        buffer_text(&answer->body, i > from ? ",\n" : "");
        buffer_append(&answer->body, view->batches[i]->account.at, view->batches[i]->account.size);
    }
    buffer_text(&answer->body, "]\n");
    recent_unlock(self->recent);
}
