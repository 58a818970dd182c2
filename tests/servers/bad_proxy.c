/*
 * tests/servers/bad_proxy.c - a thread takes connections; each has two more, one for what the client says and one for answers.
 */
#include <arpa/inet.h>
#include <base/memory.h>
#include <netinet/in.h>
#include <pthread.h>
#include <servers/bad_proxy.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 65536, CONNECTIONS = 64 };

typedef struct passage { /* one direction of a connection */
    struct line *line;
    int from, to;
    bool answers;
} passage;

typedef struct line {
    struct bad_proxy *proxy;
    struct line *next;
    int client, server;
    passage ways[2];
    pthread_t threads[2];
} line;

struct bad_proxy {
    int listener, port, server_port;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    line *lines;
    bool stopping;
    unsigned one_of, misdeeds;
    dice dice;
};

typedef enum misdeed { NONE, HALF, RUBBISH, SILENCE } misdeed;

static void *connections_take(void *argument);

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

bad_proxy *bad_proxy_start(int port)
{
    bad_proxy *proxy = memory_new(sizeof *proxy);
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    proxy->server_port = port;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&proxy->mutex, NULL);
    if (bind(proxy->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, CONNECTIONS) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&proxy->thread, NULL, connections_take, proxy) != 0)
        abort();
    proxy->port = ntohs(address.sin_port);
    return proxy;
}

static void line_cut(const line *line)
{
    shutdown(line->client, SHUT_RDWR);
    shutdown(line->server, SHUT_RDWR);
}

void bad_proxy_stop(bad_proxy *proxy)
{
    if (proxy == NULL)
        return;
    pthread_mutex_lock(&proxy->mutex);
    proxy->stopping = true;
    pthread_mutex_unlock(&proxy->mutex);
    shutdown(proxy->listener, SHUT_RDWR);
    pthread_join(proxy->thread, NULL); /* from now on there are no new ones */
    for (line *at = proxy->lines, *next; at; at = next) {
        next = at->next;
        line_cut(at);
        for (int i = 0; i < 2; i++)
            pthread_join(at->threads[i], NULL);
        close(at->client);
        close(at->server);
        free(at);
    }
    close(proxy->listener);
    pthread_mutex_destroy(&proxy->mutex);
    free(proxy);
}

int bad_proxy_port(const bad_proxy *proxy)
{
    return proxy->port;
}

void bad_proxy_misbehave(bad_proxy *proxy, unsigned one_of, uint64_t seed)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->one_of = one_of;
    proxy->dice = (dice){ seed };
    pthread_mutex_unlock(&proxy->mutex);
}

unsigned bad_proxy_misdeeds(bad_proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    unsigned misdeeds = proxy->misdeeds;
    pthread_mutex_unlock(&proxy->mutex);
    return misdeeds;
}

/* ---- One connection ---- */

static misdeed misdeed_draw(bad_proxy *proxy)
{
    misdeed drawn = NONE;
    pthread_mutex_lock(&proxy->mutex);
    if (proxy->one_of && dice_below(&proxy->dice, proxy->one_of) == 0) {
        drawn = HALF + (misdeed)dice_below(&proxy->dice, 3);
        proxy->misdeeds++;
    }
    pthread_mutex_unlock(&proxy->mutex);
    return drawn;
}

static bool all_sent(int to, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(to, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Never what the client could take for an answer: what nobody can find out is no test. */
static void rubbish_send(bad_proxy *proxy, int to)
{
    static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 39\r\n\r\n"
                               "<html><body>Please log in</body></html>";
    char noise[200];
    pthread_mutex_lock(&proxy->mutex);
    bool is_page = dice_below(&proxy->dice, 2);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(128 + dice_below(&proxy->dice, 128));
    pthread_mutex_unlock(&proxy->mutex);
    all_sent(to, is_page ? page : noise, is_page ? sizeof page - 1 : sizeof noise);
}

/* The last byte of "127.0.0.1" and a number of four bytes: so a broker's place is written. */
static void port_replace(const bad_proxy *proxy, char *bytes, size_t size)
{
    unsigned port = (unsigned)proxy->server_port;
    const char place[] = { '1', 0, 0, (char)(port >> 8), (char)port };
    for (char *at = bytes; size >= sizeof place; at++) {
        at = memmem(at, size - (size_t)(at - bytes), place, sizeof place);
        if (at == NULL)
            return;
        at[3] = (char)(proxy->port >> 8);
        at[4] = (char)proxy->port;
    }
}

static bool answer_pass(bad_proxy *proxy, int to, char *bytes, size_t size)
{
    misdeed misdeed = misdeed_draw(proxy);
    port_replace(proxy, bytes, size);
    if (misdeed == RUBBISH)
        rubbish_send(proxy, to);
    if (misdeed == HALF)
        all_sent(to, bytes, size / 2);
    return misdeed == NONE && all_sent(to, bytes, size);
}

static void *passage_run(void *argument)
{
    passage *way = argument;
    char *bytes = memory_new(CHUNK);
    for (ssize_t got; (got = recv(way->from, bytes, CHUNK, 0)) > 0;) {
        bool passed = way->answers ? answer_pass(way->line->proxy, way->to, bytes, (size_t)got)
                                   : all_sent(way->to, bytes, (size_t)got);
        if (!passed)
            break;
    }
    line_cut(way->line);
    free(bytes);
    return NULL;
}

/* A server that is not there: the client's connection ends at once. */
static void line_begin(bad_proxy *proxy, int client)
{
    struct sockaddr_in address = loopback(proxy->server_port);
    line *made = memory_new(sizeof *made);
    *made = (line){ .proxy = proxy, .client = client };
    made->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(made->server, (struct sockaddr *)&address, sizeof address) != 0)
        shutdown(client, SHUT_RDWR);
    made->ways[0] = (passage){ made, client, made->server, false };
    made->ways[1] = (passage){ made, made->server, client, true };
    for (int i = 0; i < 2; i++)
        if (pthread_create(&made->threads[i], NULL, passage_run, &made->ways[i]) != 0)
            abort();
    made->next = proxy->lines;
    proxy->lines = made;
}

static void *connections_take(void *argument)
{
    bad_proxy *proxy = argument;
    for (;;) {
        int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&proxy->mutex);
        bool stopping = proxy->stopping;
        pthread_mutex_unlock(&proxy->mutex);
        if (stopping) {
            if (client >= 0)
                close(client);
            return NULL;
        }
        if (client >= 0)
            line_begin(proxy, client);
    }
}
