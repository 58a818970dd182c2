/*
 * listeners/shared/outlet.c - a socket that is made when it is needed. The listener's own thread waits here, nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <shared/outlet.h>
#include <sluice/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 1000, AGAIN_MS = 5000 };

struct outlet {
    char listener[32], host[256], port[16];
    bool udp, told;
    int socket; /* -1: none */
    int64_t again_ms;
    unsigned long long dropped;
};

outlet *outlet_new(const char *listener, const char *where, const char *usual_port, bool udp, char *error)
{
    outlet *made = calloc(1, sizeof *made);
    const char *text = where && *where ? where : "127.0.0.1", *colon = strrchr(text, ':');
    if (made == NULL) {
        snprintf(error, 256, "no memory for it");
        return NULL;
    }
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    const char *port = colon ? colon + 1 : usual_port;
    made->socket = -1;
    made->udp = udp;
    snprintf(made->listener, sizeof made->listener, "%s", listener);
    snprintf(made->host, sizeof made->host, "%.*s", (int)size, text);
    snprintf(made->port, sizeof made->port, "%s", port);
    long number = strtol(port, NULL, 10);
    if (size > 0 && size < sizeof made->host && strspn(port, "0123456789") == strlen(port) && number > 0 &&
        number < 65536)
        return made;
    snprintf(error, 256, "--listen %s:HOST:PORT, not \"%.100s\"", listener, text);
    free(made);
    return NULL;
}

void outlet_free(outlet *self)
{
    if (self == NULL)
        return;
    if (self->dropped)
        sl_log_warn(self->listener, "%llu packets could not be sent to %s:%s", self->dropped, self->host,
                    self->port);
    if (self->socket >= 0)
        close(self->socket);
    free(self);
}

/* ---- The socket -------------------------------------------------------------------------------------------------- */

static bool wait_writable(int handle)
{
    struct pollfd one = { .fd = handle, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof error;
    return poll(&one, 1, WAIT_MS) == 1 && getsockopt(handle, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
           error == 0;
}

static int address_connect(const struct addrinfo *address)
{
    int made = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return -1;
    if (connect(made, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && wait_writable(made)))
        return made;
    close(made);
    return -1;
}

static void connect_to(outlet *self)
{
    struct addrinfo wanted = { .ai_socktype = self->udp ? SOCK_DGRAM : SOCK_STREAM }, *found = NULL;
    if (getaddrinfo(self->host, self->port, &wanted, &found) != 0)
        return;
    for (const struct addrinfo *at = found; at && self->socket < 0; at = at->ai_next)
        self->socket = address_connect(at);
    freeaddrinfo(found);
}

static bool send_all(const outlet *self, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(self->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !self->udp &&
            wait_writable(self->socket))
            continue;
        if (sent < 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Half a stream's line would garble the next: the connection goes with it. */
bool outlet_send(outlet *self, const char *bytes, size_t size, int64_t now_ms)
{
    if (self->socket < 0 && now_ms >= self->again_ms)
        connect_to(self);
    if (self->socket >= 0 && send_all(self, bytes, size)) {
        if (self->told)
            sl_log_info(self->listener, "%s:%s takes metrics again", self->host, self->port);
        self->told = false;
        return true;
    }
    if (self->socket >= 0)
        close(self->socket);
    self->socket = -1;
    if (now_ms >= self->again_ms)
        self->again_ms = now_ms + AGAIN_MS;
    self->dropped++;
    if (!self->told)
        sl_log_warn(self->listener, "%s:%s takes no metrics; the job goes on without", self->host,
                    self->port);
    self->told = true;
    return false;
}
