/*
 * sources/kafka/transport.c - connecting, waiting, and plain bytes; the TLS part is tls.c, the name lookup resolve.c.
 */
#include <base/clock.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sources/kafka/resolve.h>
#include <sources/kafka/tls.h>
#include <sources/kafka/transport.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERRUPTED "interrupted: the job ends"
#define CLOSED      "the broker closed the connection"

static bool is_interrupted(transport *transport);
static bool connect_any(transport *transport, const kafka_spec *spec, const struct addrinfo *list);
static bool connect_one(transport *transport, const kafka_spec *spec, const struct addrinfo *address);
static void socket_set(int fd, const kafka_spec *spec);

void transport_init(transport *transport)
{
    transport->fd = -1;
    transport->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&transport->interrupted, false);
}

void transport_done(transport *transport)
{
    transport_close(transport);
    if (transport->wakeup >= 0)
        close(transport->wakeup);
}

bool transport_open(transport *transport, const kafka_spec *spec, const char *host, int port)
{
    transport->why[0] = '\0';
    transport->hung_up = false;
    if (transport->wakeup < 0)
        return transport_fail(transport, "no file descriptor is left");
    struct addrinfo *list = resolve(transport, spec, host, port);
    if (list == NULL)
        return false;
    bool connected = connect_any(transport, spec, list);
    freeaddrinfo(list);
    if (!connected)
        return false;
    return tls_open(transport, spec->security, host);
}

void transport_close(transport *transport)
{
    tls_close(transport);
    if (transport->fd >= 0)
        close(transport->fd);
    transport->fd = -1;
}

void transport_interrupt(transport *transport)
{
    atomic_store(&transport->interrupted, true);
    uint64_t one = 1;
    if (transport->wakeup >= 0 && write(transport->wakeup, &one, sizeof one) < 0)
        return; /* it is readable already */
}

/* ---- Bytes ---- */

static bool is_interrupted(transport *transport)
{
    return atomic_load_explicit(&transport->interrupted, memory_order_relaxed) &&
           !transport_fail(transport, INTERRUPTED);
}

/* As tls_send(): how many, 0 to wait for *events, or -1. */
static ssize_t plain_send(transport *transport, const char *bytes, size_t size, short *events)
{
    *events = POLLOUT;
    ssize_t sent = send(transport->fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0 || errno == EAGAIN || errno == EINTR)
        return sent < 0 ? 0 : sent;
    transport->hung_up = errno == EPIPE || errno == ECONNRESET;
    transport_fail(transport, "sending: %s", strerror(errno));
    return -1;
}

static ssize_t plain_receive(transport *transport, char *to, size_t size, short *events)
{
    *events = POLLIN;
    ssize_t got = recv(transport->fd, to, size, 0);
    if (got > 0)
        return got;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    transport->hung_up = got == 0 || errno == ECONNRESET;
    if (got == 0)
        transport_fail(transport, CLOSED);
    else
        transport_fail(transport, "receiving: %s", strerror(errno));
    return -1;
}

bool transport_send(transport *transport, const char *bytes, size_t size)
{
    while (size && !is_interrupted(transport)) {
        short events = 0;
        ssize_t sent = transport->tls ? tls_send(transport, bytes, size, &events)
                                      : plain_send(transport, bytes, size, &events);
        if (sent < 0 || (sent == 0 && !transport_wait(transport, transport->fd, events)))
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return size == 0;
}

size_t transport_receive(transport *transport, char *to, size_t size)
{
    while (!is_interrupted(transport)) {
        short events = 0;
        ssize_t got = transport->tls ? tls_receive(transport, to, size, &events)
                                     : plain_receive(transport, to, size, &events);
        if (got > 0)
            return (size_t)got;
        if (got < 0 || !transport_wait(transport, transport->fd, events))
            return 0;
    }
    return 0;
}

/* ---- Waiting ---- */

static bool wait_is_over(transport *transport)
{
    if (transport->limit_ns && clock_ns(&clock_system) >= transport->limit_ns)
        return transport_fail(transport, "no answer until --startup-timeout");
    if (transport->deadline_ns)
        return transport_fail(transport,
                              "not ready within the time (kafka.socket.connection.setup.timeout.ms)");
    return transport_fail(transport, "nothing came for %" PRId64 " ms (kafka.socket.timeout.ms)",
                          transport->idle_ms);
}

bool transport_wait(transport *transport, int fd, short events)
{
    int64_t until_ns = transport->deadline_ns ? transport->deadline_ns
                                              : clock_ns(&clock_system) + transport->idle_ms * 1000000;
    if (transport->limit_ns && transport->limit_ns < until_ns)
        until_ns = transport->limit_ns;
    struct pollfd waits[2] = { { fd, events, 0 }, { transport->wakeup, POLLIN, 0 } };
    for (;;) {
        int64_t left_ms = (until_ns - clock_ns(&clock_system) + 999999) / 1000000;
        int ready = left_ms > 0 ? poll(waits, 2, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX) : 0;
        if (ready < 0 && errno != EINTR)
            return transport_fail(transport, "poll: %s", strerror(errno));
        if (ready > 0)
            return waits[1].revents ? transport_fail(transport, INTERRUPTED) : true;
        if (left_ms <= 0)
            return wait_is_over(transport);
    }
}

bool transport_fail(transport *transport, const char *format, ...)
{
    if (transport->why[0])
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(transport->why, sizeof transport->why, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Connecting ---- */

/* What is left of the time is shared by the addresses that are left, so that a dead one does not take it all. */
static bool connect_any(transport *transport, const kafka_spec *spec, const struct addrinfo *list)
{
    int64_t deadline_ns = transport->deadline_ns, count = 0;
    for (const struct addrinfo *address = list; address; address = address->ai_next)
        count++;
    bool connected = false;
    for (const struct addrinfo *address = list; address && !connected; address = address->ai_next) {
        if (is_interrupted(transport))
            break;
        transport->why[0] = '\0'; /* of the address before */
        int64_t now_ns = clock_ns(&clock_system);
        transport->deadline_ns = now_ns + (deadline_ns - now_ns) / count--;
        connected = connect_one(transport, spec, address);
    }
    transport->deadline_ns = deadline_ns;
    return connected;
}

static bool connect_one(transport *transport, const kafka_spec *spec, const struct addrinfo *address)
{
    int error = 0;
    socklen_t size = sizeof error;
    transport->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (transport->fd < 0)
        return transport_fail(transport, "socket: %s", strerror(errno));
    socket_set(transport->fd, spec);
    if (connect(transport->fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS && transport_wait(transport, transport->fd, POLLOUT))
            getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0)
        return true;
    transport_close(transport);
    return transport_fail(transport, "%s", strerror(error));
}

/* Before connecting: the window that TCP offers follows from the receive buffer then. */
static void socket_set(int fd, const kafka_spec *spec)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (spec->keepalive)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (spec->receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &spec->receive_bytes, sizeof spec->receive_bytes);
    if (spec->send_bytes)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &spec->send_bytes, sizeof spec->send_bytes);
}
