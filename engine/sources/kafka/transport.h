/*
 * sources/kafka/transport.h - bytes to and from one broker: name lookup, TCP, and TLS where it is asked for, each with a
 * time limit and each left at once when another thread interrupts.
 *
 * The socket does not block: whoever has to wait polls it together with an eventfd, which an interruption makes readable
 * for good. A false answer or 0 means that it failed, and `why` says so without naming the broker.
 */
#ifndef SOURCES_KAFKA_TRANSPORT_H
#define SOURCES_KAFKA_TRANSPORT_H

#include <sluice/types.h>
#include <sources/kafka/spec.h>
#include <stdatomic.h>

struct ssl_st;

typedef struct transport {
    int fd;     /* -1: closed */
    int wakeup; /* the eventfd */
    atomic_bool interrupted;
    struct ssl_st *tls;  /* NULL: plain */
    int64_t deadline_ns; /* while it is set nothing waits longer than until then; 0: none */
    int64_t idle_ms;     /* without one: how long the other side may be silent */
    int64_t limit_ns;    /* nothing waits longer than until then in any case; 0: none */
    bool hung_up;        /* the other side ended it */
    char why[300];
} transport;

void transport_init(transport *transport);
void transport_done(transport *transport);

/* Under transport->deadline_ns. */
bool transport_open(transport *transport, const kafka_spec *spec, const char *host, int port);
void transport_close(transport *transport);
void transport_interrupt(transport *transport); /* Runs on: any thread */

bool transport_send(transport *transport, const char *bytes, size_t size);
/* At least one byte and at most `size`. */
size_t transport_receive(transport *transport, char *to, size_t size);

/* ---- For its parts ---- */

/* Waits for POLLIN or POLLOUT at the descriptor. */
bool transport_wait(transport *transport, int fd, short events);
/* The first failure wins. False, so that it can be returned. */
__attribute__((format(printf, 2, 3))) bool transport_fail(transport *transport, const char *format, ...);

#endif
