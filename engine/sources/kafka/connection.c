/*
 * sources/kafka/connection.c - requests and answers over a transport.
 *
 * What arrives is received into a stage, 64 KiB, from which numbers and texts are read; record sets go past it, straight to
 * where they are wanted. While much of an answer is to come only a little is staged ahead, since what is staged has to be
 * copied once more. With several requests under way the stage may hold the beginning of the next answer already.
 */
#include <base/clock.h>
#include <base/memory.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <sources/kafka/login.h>
#include <sources/kafka/protocol.h>
#include <sources/kafka/security.h>
#include <sources/kafka/transport.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <version.h>

enum { STAGE_AHEAD = 8 * 1024, SIZE_BYTES = 4, UNSUPPORTED_VERSION = 35 };

#define HINT_PROTOCOL "; is kafka.security.protocol right for this port?"
#define HINT_LOGIN    "; are kafka.sasl.username and kafka.sasl.password right?"

static const connection_api versions_api = { CONNECTION_VERSIONS_KEY, "ApiVersions", 0, 3, 3 };

typedef struct asked { /* a request without an answer yet */
    const connection_api *api;
    int16_t version;
    int32_t correlation;
} asked;

struct connection {
    const kafka_spec *spec;
    transport transport;
    char *name;
    bool open;
    const char *hint; /* for the message, should the broker hang up now */
    connection_versions versions;
    int64_t login_until_ns; /* when it has to be made anew; 0: never */

    buffer request;
    int32_t correlation;
    asked asked[CONNECTION_REQUESTS]; /* the oldest first */
    size_t asked_count;

    wire_reader reader;
    int16_t version; /* of the answer that is being read */
    size_t from,
        until; /* staged, not read: while an answer is read, reader.at is the truth instead of `from` */
    char stage[WIRE_STAGE_BYTES];
};

static sl_result versions_ask(connection *connection, failure *failure);
static sl_result login_make(connection *connection, failure *failure);
static sl_result lost(connection *connection, failure *failure);
static bool answer_begin(connection *connection, int64_t wait_ms, failure *failure);
static const wire_source *stage_source(void);

/* ---- Life ---- */

connection *connection_new(const kafka_spec *spec)
{
    connection *connection = memory_new(sizeof *connection);
    connection->spec = spec;
    connection->name = memory_text("?");
    transport_init(&connection->transport);
    return connection;
}

void connection_free(connection *connection)
{
    if (connection == NULL)
        return;
    transport_done(&connection->transport);
    buffer_done(&connection->request);
    free(connection->name);
    free(connection);
}

static void name_set(connection *connection, const char *host, int port)
{
    size_t size = strlen(host) + 16;
    bool brackets = strchr(host, ':') != NULL;
    free(connection->name);
    connection->name = memory_new(size);
    snprintf(connection->name, size, brackets ? "[%s]:%d" : "%s:%d", host, port);
}

void connection_limit(connection *connection, int64_t until_ns)
{
    connection->transport.limit_ns = until_ns;
}

sl_result connection_open(connection *connection, const char *host, int port, failure *failure)
{
    const kafka_spec *spec = connection->spec;
    connection_close(connection);
    name_set(connection, host, port);
    connection->hint = HINT_PROTOCOL;
    connection->from = connection->until = 0;
    connection->login_until_ns = 0;
    connection->transport.idle_ms = spec->timeout_ms;
    connection->transport.deadline_ns = clock_ns(&clock_system) + spec->setup_ms * INT64_C(1000000);
    connection->open = true;
    if (!transport_open(&connection->transport, spec, host, port))
        return lost(connection, failure);
    SL_TRY(versions_ask(connection, failure));
    if (spec->security->mechanism)
        SL_TRY(login_make(connection, failure));
    connection->transport.deadline_ns = 0;
    return SL_OK;
}

void connection_close(connection *connection)
{
    transport_close(&connection->transport);
    connection->open = false;
    connection->asked_count = 0;
}

bool connection_is_open(const connection *connection)
{
    return connection->open;
}

const char *connection_name(const connection *connection)
{
    return connection->name;
}

void connection_interrupt(connection *connection)
{
    transport_interrupt(&connection->transport);
}

bool connection_is_interrupted(const connection *connection)
{
    return atomic_load(&connection->transport.interrupted);
}

const kafka_spec *connection_spec(const connection *connection)
{
    return connection->spec;
}

/* ---- Failures ---- */

sl_result connection_fail(connection *connection, failure *failure, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    connection_close(connection);
    return fail(failure, SL_RETRY, "kafka at %s: %s", connection->name, text);
}

static sl_result lost(connection *connection, failure *failure)
{
    const transport *transport = &connection->transport;
    return connection_fail(connection, failure, "%s%s", transport->why,
                           transport->hung_up && connection->hint ? connection->hint : "");
}

/* ---- Versions ---- */

int16_t connection_versions_read(wire_reader *reader, connection_versions *versions)
{
    *versions = (connection_versions){ 0 };
    reader->part = "the list of versions";
    int16_t error = wire_get_i16(reader);
    if (error == UNSUPPORTED_VERSION) { /* the rest is written in version 0 */
        wire_skip(reader, wire_left(reader));
        return error;
    }
    size_t count = wire_get_count(reader, 6);
    for (size_t i = 0; i < count && !reader->bad; i++) {
        int16_t key = wire_get_i16(reader), least = wire_get_i16(reader), most = wire_get_i16(reader);
        wire_skip_tags(reader);
        if (key >= 0 && key < CONNECTION_KEYS && least >= 0 && most >= least)
            versions->of[key] = (connection_range){ least, most, true };
    }
    if (reader->flexible)
        wire_get_i32(reader); /* throttle time */
    wire_skip_tags(reader);
    return error;
}

/* In version 3, which tells the broker who we are; in version 0 when it knows no better. */
static sl_result versions_ask(connection *connection, failure *failure)
{
    int16_t error = UNSUPPORTED_VERSION;
    for (int16_t version = 3; version >= 0 && error == UNSUPPORTED_VERSION;
         version = (int16_t)(version - 3)) {
        wire_writer writer = connection_request(connection, &versions_api, version);
        if (writer.flexible) {
            wire_put_text(&writer, "sluice");
            wire_put_text(&writer, SLUICE_VERSION);
            wire_put_no_tags(&writer);
        }
        SL_TRY(connection_send(connection, failure));
        wire_reader *reader = connection_answer(connection, 0, failure);
        if (reader == NULL)
            return failure->result;
        error = connection_versions_read(reader, &connection->versions);
        SL_TRY(connection_answered(connection, failure));
    }
    if (error)
        return connection_fail(connection, failure, "asking for its versions: %s",
                               protocol_error_text(error));
    return SL_OK;
}

sl_result connection_version(connection *connection, const connection_api *api, int16_t *version,
                             failure *failure)
{
    if (!connection->open)
        return fail(failure, SL_RETRY, "kafka at %s: not connected", connection->name);
    if (connection->login_until_ns && connection->asked_count == 0 &&
        clock_ns(&clock_system) > connection->login_until_ns)
        SL_TRY(login_make(connection, failure));
    const connection_range *range = &connection->versions.of[api->key];
    if (!range->known || range->least > api->most || range->most < api->least)
        return fail(
            failure, SL_FAILED,
            "kafka at %s speaks %s in versions %d to %d, and our own reader %d to %d; kafka.reader=librdkafka "
            "may do",
            connection->name, api->name, range->known ? range->least : -1, range->known ? range->most : -1,
            api->least, api->most);
    *version = range->most < api->most ? range->most : api->most;
    return SL_OK;
}

/* ---- Login ---- */

/* Again after nine tenths of the time that the broker gives it. */
static sl_result login_make(connection *connection, failure *failure)
{
    int64_t lifetime_ms = 0;
    connection->login_until_ns = 0;
    connection->hint = HINT_LOGIN;
    sl_result result = login(connection, connection->spec->security, &lifetime_ms, failure);
    if (connection->request.room)
        OPENSSL_cleanse(connection->request.at, connection->request.room);
    if (lifetime_ms > 0 && lifetime_ms < INT64_C(1000) * 86400 * 365)
        connection->login_until_ns = clock_ns(&clock_system) + lifetime_ms * 900000;
    connection->hint = NULL;
    return result;
}

/* ---- Requests ---- */

wire_writer connection_request(connection *connection, const connection_api *api, int16_t version)
{
    sl_expect(connection->asked_count < CONNECTION_REQUESTS);
    wire_writer writer = { &connection->request, false };
    connection->request.size = 0;
    connection->correlation = connection->correlation < INT32_MAX ? connection->correlation + 1 : 0;
    connection->asked[connection->asked_count++] = (asked){ api, version, connection->correlation };
    wire_put_i32(&writer, 0); /* the size, when it is known */
    wire_put_i16(&writer, api->key);
    wire_put_i16(&writer, version);
    wire_put_i32(&writer, connection->correlation);
    wire_put_text(&writer, connection->spec->client_id);
    writer.flexible = version >= api->flexible;
    wire_put_no_tags(&writer);
    return writer;
}

sl_result connection_send(connection *connection, failure *failure)
{
    buffer *request = &connection->request;
    size_t whole = request->size;
    sl_expect(whole - SIZE_BYTES <= INT32_MAX);
    request->size = 0;
    wire_put_i32(&(wire_writer){ request, false }, (int32_t)(whole - SIZE_BYTES));
    request->size = whole;
    if (!connection->open)
        return fail(failure, SL_RETRY, "kafka at %s: not connected", connection->name);
    if (!transport_send(&connection->transport, request->at, request->size))
        return lost(connection, failure);
    return SL_OK;
}

/* ---- Answers ---- */

/* Whether the header is that of the oldest request, which is taken off the list. */
static bool header_read(connection *connection, failure *failure)
{
    asked oldest = connection->asked[0];
    wire_reader *reader = &connection->reader;
    connection->asked_count--;
    memmove(connection->asked, connection->asked + 1, connection->asked_count * sizeof oldest);
    reader->part = oldest.api->name;
    connection->version = oldest.version;
    reader->flexible = oldest.version >= oldest.api->flexible;
    int32_t correlation = wire_get_i32(reader);
    if (!reader->bad && correlation != oldest.correlation) {
        connection_fail(connection, failure, "answers request %" PRId32 " instead of %" PRId32 " (%s)%s",
                        correlation, oldest.correlation, oldest.api->name,
                        connection->hint ? HINT_PROTOCOL : "");
        return false;
    }
    if (oldest.api != &versions_api)
        wire_skip_tags(reader);
    return true;
}

wire_reader *connection_answer(connection *connection, int64_t wait_ms, failure *failure)
{
    sl_expect(connection->asked_count > 0);
    if (!answer_begin(connection, wait_ms, failure) || !header_read(connection, failure))
        return NULL;
    if (connection->reader.bad) {
        connection_answered(connection, failure);
        return NULL;
    }
    return &connection->reader;
}

int16_t connection_answer_version(const connection *connection)
{
    return connection->version;
}

wire_reader *connection_exchange(connection *connection, sl_text message, failure *failure)
{
    connection->request.size = 0;
    wire_put_i32(&(wire_writer){ &connection->request, false }, 0);
    buffer_append(&connection->request, message.at, message.size);
    if (connection_send(connection, failure) != SL_OK || !answer_begin(connection, 0, failure))
        return NULL;
    return &connection->reader;
}

sl_result connection_answered(connection *connection, failure *failure)
{
    wire_reader *reader = &connection->reader;
    wire_skip(
        reader,
        wire_left(reader)); /* old mock brokers end their ListOffsets answers with four bytes too many */
    if (!reader->bad) {
        connection->from = (size_t)(reader->at - connection->stage);
        if (!connection->transport.deadline_ns)
            connection->hint = NULL; /* the first answer after the greeting: it gets along with us */
        return SL_OK;
    }
    if (reader->fault == NULL)
        return lost(connection, failure);
    buffer text = { 0 };
    wire_explain(reader, &text);
    buffer_byte(&text, '\0');
    connection_fail(connection, failure, "an answer that makes no sense: %s", text.at);
    buffer_done(&text);
    return failure->result;
}

/* ---- The stage ---- */

/* At least `least` staged bytes, of `left` that are expected. */
static bool stage_fill(connection *connection, size_t least, size_t left)
{
    size_t staged = connection->until - connection->from;
    if (staged < least && connection->from) {
        memmove(connection->stage, connection->stage + connection->from, staged);
        connection->from = 0;
        connection->until = staged;
    }
    size_t most =
        left > sizeof connection->stage && least < STAGE_AHEAD ? STAGE_AHEAD : sizeof connection->stage;
    while (connection->until - connection->from < least) {
        size_t got = transport_receive(&connection->transport, connection->stage + connection->until,
                                       most - connection->until);
        if (got == 0)
            return false;
        connection->until += got;
    }
    return true;
}

/* The reader gets what of its answer is staged, from connection->from on. */
static void reader_show(connection *connection, size_t left)
{
    wire_reader *reader = &connection->reader;
    size_t staged = connection->until - connection->from, here = staged < left ? staged : left;
    reader->at = connection->stage + connection->from;
    reader->end = reader->at + here;
    reader->rest = left - here;
}

static bool reader_fill(wire_reader *reader, size_t least)
{
    connection *connection = reader->source_self;
    size_t left = wire_left(reader);
    connection->from = (size_t)(reader->at - connection->stage);
    if (!stage_fill(connection, least, left))
        return false;
    reader_show(connection, left);
    return true;
}

static bool reader_receive(wire_reader *reader, char *to, size_t size)
{
    connection *connection = reader->source_self;
    while (size) {
        size_t got = transport_receive(&connection->transport, to, size);
        if (got == 0)
            return false;
        to += got;
        size -= got;
        reader->rest -= got;
    }
    return true;
}

/* Waits for the size of the next answer, and lets the reader stand at its first byte. */
static bool answer_begin(connection *connection, int64_t wait_ms, failure *failure)
{
    wire_reader size;
    if (!connection->open) {
        fail(failure, SL_RETRY, "kafka at %s: not connected", connection->name);
        return false;
    }
    connection->transport.idle_ms = connection->spec->timeout_ms + wait_ms;
    if (!stage_fill(connection, SIZE_BYTES, SIZE_MAX)) {
        lost(connection, failure);
        return false;
    }
    connection->transport.idle_ms = connection->spec->timeout_ms;
    wire_reader_init(&size, connection->stage + connection->from, SIZE_BYTES, false);
    int32_t bytes = wire_get_i32(&size);
    if (bytes < 0 || bytes > connection->spec->answer_bytes_max) {
        connection_fail(
            connection, failure,
            "an answer of %" PRIu32 " bytes, when kafka.receive.message.max.bytes is %" PRId32 "%s",
            (uint32_t)bytes, connection->spec->answer_bytes_max, connection->hint ? HINT_PROTOCOL : "");
        return false;
    }
    connection->from += SIZE_BYTES;
    connection->reader =
        (wire_reader){ .size = (size_t)bytes, .source = stage_source(), .source_self = connection };
    reader_show(connection, (size_t)bytes);
    return true;
}

static const wire_source *stage_source(void)
{
    static const wire_source source = { reader_fill, reader_receive };
    return &source;
}
