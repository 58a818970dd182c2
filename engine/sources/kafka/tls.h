/*
 * sources/kafka/tls.h - TLS over a connected transport, by OpenSSL. The broker's certificate and name are verified as
 * security.h was told.
 */
#ifndef SOURCES_KAFKA_TLS_H
#define SOURCES_KAFKA_TLS_H

#include <sources/kafka/security.h>
#include <sources/kafka/transport.h>
#include <sys/types.h>

/* The handshake. Does nothing where the settings want no TLS. */
bool tls_open(transport *transport, const security *security, const char *host);
void tls_close(transport *transport);

/* How many bytes; 0: first wait for *events; -1: failed, and the transport knows why. */
ssize_t tls_send(transport *transport, const char *bytes, size_t size, short *events);
ssize_t tls_receive(transport *transport, char *to, size_t size, short *events);

struct bio_method_st *tls_bytes_new(void); /* for security.c; NULL: no memory */

#endif
