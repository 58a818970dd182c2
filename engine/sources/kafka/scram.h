/*
 * sources/kafka/scram.h - SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), the client's side: it proves that it knows
 * the password without sending it, and learns whether the server knows it too.
 *
 *     scram_first()          ->  n,,n=user,r=nonce
 *     scram_answer()         <-  r=nonce+more,s=salt,i=iterations
 *                            ->  c=biws,r=nonce+more,p=proof
 *     scram_check()          <-  v=signature
 *
 * Names and passwords are sent as they are, as other Kafka clients do: no SASLprep.
 */
#ifndef SOURCES_KAFKA_SCRAM_H
#define SOURCES_KAFKA_SCRAM_H

#include <base/buffer.h>
#include <base/failure.h>

/* Fewer make a stolen exchange too easy to guess from; more are an attack on the time of ours. */
enum { SCRAM_ITERATIONS_LEAST = 4096, SCRAM_ITERATIONS_MOST = 1000000, SCRAM_DIGEST_MOST = 64 };

typedef struct scram { /* a zeroed one is ready; scram_done() frees it */
    const char *mechanism, *password;
    buffer nonce, first;                        /* ours; the first message without its "n,," */
    unsigned char signature[SCRAM_DIGEST_MOST]; /* what the server has to answer */
    size_t digest;
} scram;

/* `nonce` NULL: a random one; it is given in tests. All texts are appended to *out. SL_FAILED: no random numbers. */
sl_result scram_first(scram *scram, const char *user, const char *nonce, buffer *out, failure *failure);
/* SL_FAILED: what the server says is not what the protocol allows, or not meant for us. */
sl_result scram_answer(scram *scram, sl_text server, buffer *out, failure *failure);
/* SL_FAILED: the login was refused, or the server does not know the password. */
sl_result scram_check(const scram *scram, sl_text server, failure *failure);
void scram_done(scram *scram);

#endif
