/*
 * sources/kafka/security.h - who we are and whom we trust: the security.*, sasl.* and ssl.* settings, read once. Names and
 * meanings are librdkafka's.
 */
#ifndef SOURCES_KAFKA_SECURITY_H
#define SOURCES_KAFKA_SECURITY_H

#include <base/buffer.h>
#include <base/failure.h>
#include <librdkafka/rdkafka.h>

struct ssl_ctx_st;
struct bio_method_st;

typedef struct security {
    struct ssl_ctx_st *tls;      /* NULL: no TLS; any number of threads may make connections from it */
    struct bio_method_st *bytes; /* how it gets at a transport's bytes */
    bool verify, verify_name;    /* the certificate; the broker's name in it */
    const char *mechanism;       /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"; NULL: no login */
    char *user, *password;
} security;

/* What keeps this path from serving the settings, as a sentence with a NUL at its end; empty: nothing. */
void security_unserved(const rd_kafka_conf_t *conf, buffer *why);
/* SL_USAGE: a file that cannot be read, a name without password, ... */
sl_result security_new(const rd_kafka_conf_t *conf, security **security, failure *failure);
void security_free(security *security); /* NULL is fine */

/* A property's value, to be freed; NULL: not set, empty, or unknown to this librdkafka. */
char *security_property(const rd_kafka_conf_t *conf, const char *name);

#endif
