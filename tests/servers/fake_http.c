/*
 * tests/servers/fake_http.c - one thread, a handful of connections, requests with a Content-Length.
 */
#include <arpa/inet.h>
#include <base/buffer.h>
#include <base/memory.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <servers/fake_http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16, ANSWERS = 64, REQUESTS = 256 };

typedef struct connection {
    int socket;
    unsigned number;
    buffer input;
} connection;

struct fake_http {
    pthread_t thread;
    pthread_mutex_t mutex; /* over answers and requests */
    int listening, stop;
    char url[64];
    connection connections[CONNECTIONS];
    unsigned made;
    fake_answer answers[ANSWERS], usual;
    size_t answer_count, answered;
    fake_request requests[REQUESTS];
    size_t request_count;
};

static void *serve(void *argument);
static fake_answer answer_copy(const fake_answer *answer);

fake_http *fake_http_start(void)
{
    fake_http *server = memory_new(sizeof *server);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    pthread_mutex_init(&server->mutex, NULL);
    server->usual = answer_copy(&(fake_answer){ .body = "{}" });
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listening, (struct sockaddr *)&address, size) != 0 ||
        listen(server->listening, 16) != 0 ||
        getsockname(server->listening, (struct sockaddr *)&address, &size) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    for (int i = 0; i < CONNECTIONS; i++)
        server->connections[i].socket = -1;
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    return server;
}

void fake_http_stop(fake_http *server)
{
    if (server == NULL)
        return;
    if (eventfd_write(server->stop, 1) != 0)
        abort();
    pthread_join(server->thread, NULL);
    close(server->listening);
    close(server->stop);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (server->connections[i].socket >= 0)
            close(server->connections[i].socket);
        buffer_done(&server->connections[i].input);
    }
    for (size_t i = 0; i < server->answer_count; i++)
        free((char *)(size_t)server->answers[i].body);
    free((char *)(size_t)server->usual.body);
    for (size_t i = 0; i < server->request_count; i++) {
        free(server->requests[i].head);
        free(server->requests[i].method);
        free(server->requests[i].path);
        free(server->requests[i].body);
    }
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *fake_http_url(const fake_http *server)
{
    return server->url;
}

void fake_http_add(fake_http *server, const fake_answer *answer)
{
    pthread_mutex_lock(&server->mutex);
    if (server->answer_count == ANSWERS)
        abort();
    server->answers[server->answer_count++] = answer_copy(answer);
    pthread_mutex_unlock(&server->mutex);
}

void fake_http_usual(fake_http *server, const fake_answer *answer)
{
    pthread_mutex_lock(&server->mutex);
    free((char *)(size_t)server->usual.body);
    server->usual = answer_copy(answer);
    pthread_mutex_unlock(&server->mutex);
}

size_t fake_http_count(fake_http *server)
{
    pthread_mutex_lock(&server->mutex);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

const fake_request *fake_http_request(fake_http *server, size_t i)
{
    return i < fake_http_count(server) ? &server->requests[i] : NULL;
}

static fake_answer answer_copy(const fake_answer *answer)
{
    fake_answer copy = *answer;
    copy.body = memory_text(answer->body ? answer->body : "");
    if (copy.status == 0)
        copy.status = 200;
    return copy;
}

/* ---- The thread -------------------------------------------------------------------------------------------------- */

static void connection_end(connection *connection, bool reset)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    if (reset)
        setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection->socket);
    connection->socket = -1;
    connection->input.size = 0;
}

static void answer_send(connection *connection, const fake_answer *answer, bool head_only)
{
    buffer out = { 0 };
    size_t size = strlen(answer->body);
    size_t sent = head_only ? 0 : answer->sent_bytes ? answer->sent_bytes : size;
    buffer_print(&out,
                 "HTTP/1.1 %d Scripted\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                 answer->status, size, answer->headers ? answer->headers : "");
    buffer_append(&out, answer->body, sent);
    for (size_t done = 0; done < out.size;) {
        ssize_t part = send(connection->socket, out.at + done, out.size - done, MSG_NOSIGNAL);
        if (part <= 0)
            break;
        done += (size_t)part;
    }
    buffer_done(&out);
    if (answer->sent_bytes)
        connection_end(connection, false);
}

static char *piece(const char *at, size_t size)
{
    char *copy = memory_new(size + 1);
    if (size)
        memcpy(copy, at, size);
    return copy;
}

static fake_answer request_note(fake_http *server, const connection *connection, size_t head, size_t body)
{
    const char *at = connection->input.at, *space = memchr(at, ' ', head), *path = space + 1;
    const char *end = memchr(path, ' ', head);
    pthread_mutex_lock(&server->mutex);
    if (server->request_count == REQUESTS)
        abort();
    server->requests[server->request_count] = (fake_request){ .head = piece(at, head),
                                                              .method = piece(at, (size_t)(space - at)),
                                                              .path = piece(path, (size_t)(end - path)),
                                                              .body = piece(at + head, body),
                                                              .body_bytes = body,
                                                              .connection = connection->number };
    server->request_count++;
    bool scripted = server->answered < server->answer_count;
    fake_answer answer = scripted ? server->answers[server->answered++] : server->usual;
    answer.body = memory_text(answer.body); /* the usual one may be replaced meanwhile */
    pthread_mutex_unlock(&server->mutex);
    return answer;
}

/* Answers the first request in the input when it is there as a whole; false when more has to come. */
static bool request_take(fake_http *server, connection *connection)
{
    buffer *input = &connection->input;
    const char *end = input->size ? memmem(input->at, input->size, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return false;
    size_t head = (size_t)(end - input->at) + 4;
    const char *length = memmem(input->at, head, "Content-Length: ", 16);
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    if (input->size < head + body)
        return false;
    bool head_only = memcmp(input->at, "HEAD ", 5) == 0;
    fake_answer answer = request_note(server, connection, head, body);
    memmove(input->at, input->at + head + body, input->size - head - body);
    input->size -= head + body;
    if (answer.reset)
        connection_end(connection, true);
    else if (!answer.silent)
        answer_send(connection, &answer, head_only);
    free((char *)(size_t)answer.body);
    return connection->socket >= 0;
}

static void connection_read(fake_http *server, connection *connection)
{
    char *at = buffer_reserve(&connection->input, 65536);
    ssize_t size = recv(connection->socket, at, 65536, 0);
    if (size <= 0) {
        connection_end(connection, false);
        return;
    }
    connection->input.size += (size_t)size;
    while (request_take(server, connection))
        ;
}

static void connection_take(fake_http *server)
{
    int socket = accept4(server->listening, NULL, NULL, SOCK_CLOEXEC);
    for (int i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].socket < 0) {
            server->connections[i].socket = socket;
            server->connections[i].number = server->made++;
            return;
        }
    abort();
}

static void *serve(void *argument)
{
    fake_http *server = argument;
    for (;;) {
        struct pollfd watched[CONNECTIONS + 2] = { { .fd = server->stop, .events = POLLIN },
                                                   { .fd = server->listening, .events = POLLIN } };
        for (int i = 0; i < CONNECTIONS; i++)
            watched[i + 2] = (struct pollfd){ .fd = server->connections[i].socket, .events = POLLIN };
        poll(watched, CONNECTIONS + 2, -1);
        if (watched[0].revents)
            return NULL;
        for (int i = 0; i < CONNECTIONS; i++)
            if (watched[i + 2].fd >= 0 && watched[i + 2].revents)
                connection_read(server, &server->connections[i]);
        if (watched[1].revents)
            connection_take(server);
    }
}
