/*
 * sources/kafka/resolve.h - the addresses of a broker's name, within the transport's time limit.
 */
#ifndef SOURCES_KAFKA_RESOLVE_H
#define SOURCES_KAFKA_RESOLVE_H

#include <sources/kafka/transport.h>

struct addrinfo;

/* To be freed by freeaddrinfo(); NULL: failed, and the transport knows why. */
struct addrinfo *resolve(transport *transport, const kafka_spec *spec, const char *host, int port);

#endif
