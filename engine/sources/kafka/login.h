/*
 * sources/kafka/login.h - SASL over an open connection.
 */
#ifndef SOURCES_KAFKA_LOGIN_H
#define SOURCES_KAFKA_LOGIN_H

#include <sources/kafka/connection.h>
#include <sources/kafka/security.h>

/* *lifetime_ms: the broker wants the login anew after that; 0: never. SL_RETRY, with the broker's name in the text. */
sl_result login(connection *connection, const security *security, int64_t *lifetime_ms, failure *failure);

/* ---- Its answers, for tests and fuzzing ---- */

typedef struct login_handshake {
    int16_t error;
    char mechanisms[120]; /* what the broker offers, "PLAIN, SCRAM-SHA-256" */
} login_handshake;

typedef struct login_step {
    int16_t error;
    char message[200]; /* the broker's own words */
    sl_text bytes;     /* until the reader's next call */
    int64_t lifetime_ms;
} login_step;

void login_handshake_read(wire_reader *reader, login_handshake *handshake);
void login_step_read(wire_reader *reader, int16_t version, login_step *step, buffer *bytes);

#endif
