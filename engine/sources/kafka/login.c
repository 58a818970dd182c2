/*
 * sources/kafka/login.c - SaslHandshake names the mechanism, then its messages are exchanged: inside SaslAuthenticate, or,
 * with brokers before 1.0, bare and with nothing but their size in front.
 */
#include <librdkafka/rdkafka.h>
#include <openssl/crypto.h>
#include <sources/kafka/login.h>
#include <sources/kafka/protocol.h>
#include <sources/kafka/scram.h>
#include <stdio.h>

static const connection_api handshake_api = { 17, "SaslHandshake", 0, 1, INT16_MAX };
static const connection_api authenticate_api = { 36, "SaslAuthenticate", 0, 2, 2 };

typedef struct exchange {
    connection *connection;
    const security *security;
    bool bare;       /* as brokers before 1.0 want it */
    buffer out, in;  /* the message to send; what came back */
    login_step step; /* its bytes are in `in` */
} exchange;

static sl_result handshake(exchange *exchange, failure *failure);
static sl_result plain_login(exchange *exchange, failure *failure);
static sl_result scram_login(exchange *exchange, failure *failure);

sl_result login(connection *connection, const security *security, int64_t *lifetime_ms, failure *failure)
{
    exchange exchange = { .connection = connection, .security = security };
    sl_result result = handshake(&exchange, failure);
    if (result == SL_OK)
        result = strcmp(security->mechanism, "PLAIN") == 0 ? plain_login(&exchange, failure)
                                                           : scram_login(&exchange, failure);
    *lifetime_ms = result == SL_OK ? exchange.step.lifetime_ms : 0;
    if (exchange.out.room)
        OPENSSL_cleanse(exchange.out.at, exchange.out.room); /* PLAIN has the password in it */
    buffer_done(&exchange.out);
    buffer_done(&exchange.in);
    return result;
}

static sl_result login_fail(const exchange *exchange, failure *failure, const char *why)
{
    return connection_fail(exchange->connection, failure,
                           "login of \"%s\" by %s: %s; see kafka.sasl.username, kafka.sasl.password and "
                           "kafka.sasl.mechanisms",
                           exchange->security->user, exchange->security->mechanism, why);
}

/* ---- The mechanism ---- */

void login_handshake_read(wire_reader *reader, login_handshake *handshake)
{
    reader->part = "the mechanisms";
    handshake->error = wire_get_i16(reader);
    size_t count = wire_get_count(reader, 2), size = 0;
    handshake->mechanisms[0] = '\0';
    for (size_t i = 0; i < count && !reader->bad; i++) {
        sl_text name = wire_get_text(reader);
        if (name.size + 3 > sizeof handshake->mechanisms - size)
            continue;
        size += (size_t)snprintf(handshake->mechanisms + size, sizeof handshake->mechanisms - size, "%s%.*s",
                                 size ? ", " : "", (int)name.size, name.at ? name.at : "");
    }
}

static sl_result handshake(exchange *exchange, failure *failure)
{
    connection *connection = exchange->connection;
    int16_t version = 0;
    login_handshake offered;
    SL_TRY(connection_version(connection, &handshake_api, &version, failure));
    exchange->bare = version == 0;
    wire_writer writer = connection_request(connection, &handshake_api, version);
    wire_put_text(&writer, exchange->security->mechanism);
    SL_TRY(connection_send(connection, failure));
    wire_reader *reader = connection_answer(connection, 0, failure);
    if (reader == NULL)
        return failure->result;
    login_handshake_read(reader, &offered);
    SL_TRY(connection_answered(connection, failure));
    if (offered.error == RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE)
        return connection_fail(connection, failure,
                               "no login is wanted at this port; is kafka.security.protocol right?");
    if (offered.error)
        return connection_fail(connection, failure,
                               "login by %s: %s; the broker offers %s (kafka.sasl.mechanisms)",
                               exchange->security->mechanism, protocol_error_text(offered.error),
                               offered.mechanisms[0] ? offered.mechanisms : "nothing");
    return SL_OK;
}

/* ---- One message and its answer ---- */

void login_step_read(wire_reader *reader, int16_t version, login_step *step, buffer *bytes)
{
    reader->part = "the answer to a login";
    step->error = wire_get_i16(reader);
    sl_text message = wire_get_text(reader);
    snprintf(step->message, sizeof step->message, "%.*s", (int)message.size, message.at ? message.at : "");
    sl_text found = wire_get_bytes(reader);
    bytes->size = 0;
    buffer_append(bytes, found.at, found.size);
    step->bytes = (sl_text){ bytes->at, bytes->size };
    step->lifetime_ms = version >= 1 ? wire_get_i64(reader) : 0;
    wire_skip_tags(reader);
}

static sl_result step_bare(exchange *exchange, failure *failure)
{
    wire_reader *reader =
        connection_exchange(exchange->connection, (sl_text){ exchange->out.at, exchange->out.size }, failure);
    if (reader == NULL)
        return failure->result;
    exchange->step = (login_step){ 0 };
    exchange->in.size = 0;
    size_t size = wire_left(reader);
    if (size > WIRE_TEXT_BYTES_MAX)
        wire_fault(reader, "a login message that is longer than it can be", (int64_t)size);
    else if (wire_get_raw(reader, buffer_reserve(&exchange->in, size + 1), size))
        exchange->in.size = size;
    exchange->step.bytes = (sl_text){ exchange->in.at, exchange->in.size };
    return connection_answered(exchange->connection, failure);
}

static sl_result step(exchange *exchange, failure *failure)
{
    connection *connection = exchange->connection;
    int16_t version = 0;
    if (exchange->bare)
        return step_bare(exchange, failure);
    SL_TRY(connection_version(connection, &authenticate_api, &version, failure));
    wire_writer writer = connection_request(connection, &authenticate_api, version);
    wire_put_bytes(&writer, (sl_text){ exchange->out.at, exchange->out.size });
    wire_put_no_tags(&writer);
    SL_TRY(connection_send(connection, failure));
    wire_reader *reader = connection_answer(connection, 0, failure);
    if (reader == NULL)
        return failure->result;
    login_step_read(reader, version, &exchange->step, &exchange->in);
    SL_TRY(connection_answered(connection, failure));
    if (exchange->step.error == 0)
        return SL_OK;
    return login_fail(exchange, failure,
                      exchange->step.message[0] ? exchange->step.message
                                                : protocol_error_text(exchange->step.error));
}

/* ---- Mechanisms ---- */

static sl_result plain_login(exchange *exchange, failure *failure)
{
    const security *security = exchange->security;
    buffer_byte(&exchange->out, '\0');
    buffer_text(&exchange->out, security->user);
    buffer_byte(&exchange->out, '\0');
    buffer_text(&exchange->out, security->password);
    return step(exchange, failure);
}

static sl_result scram_steps(exchange *exchange, scram *scram, failure *local, failure *failure)
{
    SL_TRY(scram_first(scram, exchange->security->user, NULL, &exchange->out, local));
    SL_TRY(step(exchange, failure));
    exchange->out.size = 0;
    SL_TRY(scram_answer(scram, exchange->step.bytes, &exchange->out, local));
    SL_TRY(step(exchange, failure));
    return scram_check(scram, exchange->step.bytes, local);
}

static sl_result scram_login(exchange *exchange, failure *told)
{
    scram scram = { .mechanism = exchange->security->mechanism, .password = exchange->security->password };
    failure local = { 0 };
    sl_result result = scram_steps(exchange, &scram, &local, told);
    scram_done(&scram);
    return local.result == SL_OK ? result : login_fail(exchange, told, local.text);
}
