/*
 * sources/kafka/spec.c - properties become numbers; the bootstrap list becomes hosts and ports.
 */
#include <base/memory.h>
#include <netinet/in.h>
#include <sources/kafka/security.h>
#include <sources/kafka/spec.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_USUAL = 9092 };

static void spec_unserved(const rd_kafka_conf_t *conf, buffer *why);
static void spec_read(kafka_spec *spec, const rd_kafka_conf_t *conf);
static sl_result servers_read(kafka_spec *spec, failure *failure);

sl_result kafka_spec_new(const kafka_client_spec *client, kafka_spec **out, buffer *why, failure *failure)
{
    rd_kafka_conf_t *conf = NULL;
    *out = NULL;
    why->size = 0;
    SL_TRY(kafka_client_conf(client, &conf, failure));
    spec_unserved(conf, why);
    kafka_spec *spec = memory_new(sizeof *spec);
    if (why->at[0] == '\0') {
        spec_read(spec, conf);
        servers_read(spec, failure);
        if (failure->result == SL_OK)
            security_new(conf, &spec->security, failure);
    }
    rd_kafka_conf_destroy(conf);
    if (why->at[0] == '\0' && failure->result == SL_OK)
        *out = spec;
    else
        kafka_spec_free(spec);
    return failure->result;
}

void kafka_spec_free(kafka_spec *spec)
{
    if (spec == NULL)
        return;
    security_free(spec->security);
    for (size_t i = 0; i < spec->server_count; i++)
        free(spec->servers[i].host);
    free(spec->servers);
    free(spec->bootstrap);
    free(spec->client_id);
    free(spec->rack);
    free(spec);
}

/* ---- Properties ---- */

static char *property_text(const rd_kafka_conf_t *conf, const char *name)
{
    char *value = security_property(conf, name);
    return value ? value : memory_text("");
}

/* What this librdkafka does not know has the value that newer ones give it. */
static int32_t property_number(const rd_kafka_conf_t *conf, const char *name, int32_t unknown)
{
    char *value = security_property(conf, name);
    long number = value ? strtol(value, NULL, 10) : unknown;
    free(value);
    return number > INT32_MAX ? INT32_MAX : (int32_t)number;
}

static bool property_is(const rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char *value = security_property(conf, name);
    bool same = value && strcmp(value, expected) == 0;
    free(value);
    return same;
}

static void spec_unserved(const rd_kafka_conf_t *conf, buffer *why)
{
    if (property_is(conf, "api.version.request", "false"))
        buffer_print(why, "kafka.api.version.request=false: our own reader asks brokers what they speak");
    else if (property_number(conf, "test.mock.num.brokers", 0) > 0)
        buffer_print(why,
                     "kafka.test.mock.num.brokers: only the librdkafka client itself reaches such brokers");
    else if (property_is(conf, "client.dns.lookup", "resolve_canonical_bootstrap_servers_only"))
        buffer_print(why, "kafka.client.dns.lookup: our own reader uses names as they are given");
    if (why->size)
        buffer_byte(why, '\0');
    else
        security_unserved(conf, why);
}

static void spec_read(kafka_spec *spec, const rd_kafka_conf_t *conf)
{
    spec->client_id = property_text(conf, "client.id");
    spec->rack = property_text(conf, "client.rack");
    spec->bootstrap = property_text(conf, "bootstrap.servers");
    spec->setup_ms = property_number(conf, "socket.connection.setup.timeout.ms", 30000);
    spec->timeout_ms = property_number(conf, "socket.timeout.ms", 60000);
    spec->send_bytes = property_number(conf, "socket.send.buffer.bytes", 0);
    spec->receive_bytes = property_number(conf, "socket.receive.buffer.bytes", 0);
    spec->keepalive = property_is(conf, "socket.keepalive.enable", "true");
    spec->family = property_is(conf, "broker.address.family", "v4")   ? AF_INET
                   : property_is(conf, "broker.address.family", "v6") ? AF_INET6
                                                                      : AF_UNSPEC;
    spec->answer_bytes_max = property_number(conf, "receive.message.max.bytes", 100000000);
    spec->read_committed = property_is(conf, "isolation.level", "read_committed");
    spec->fetch_wait_ms = property_number(conf, "fetch.wait.max.ms", 500);
    spec->fetch_bytes_min = property_number(conf, "fetch.min.bytes", 1);
    spec->fetch_bytes_max = property_number(conf, "fetch.max.bytes", 52428800);
    spec->part_bytes_max = property_number(conf, "fetch.message.max.bytes", 1048576);
    spec->backoff_ms = property_number(conf, "fetch.error.backoff.ms", 500);
    spec->reconnect_ms = property_number(conf, "reconnect.backoff.ms", 100);
    spec->reconnect_most_ms = property_number(conf, "reconnect.backoff.max.ms", 10000);
    spec->metadata_age_ms = property_number(conf, "topic.metadata.refresh.interval.ms", 300000);
}

/* ---- Servers ---- */

/* One of the list: [protocol://]host[:port], an IPv6 address in brackets. NULL: it is none. */
static char *server_parse(char *item, int32_t *port)
{
    char *protocol_end = strstr(item, "://");
    char *host = protocol_end ? protocol_end + 3 : item, *rest;
    *port = PORT_USUAL;
    if (*host == '[') {
        rest = strchr(++host, ']');
        if (rest == NULL)
            return NULL;
        *rest++ = '\0';
    } else {
        rest = strrchr(host, ':');
        if (rest && rest != strchr(host, ':'))
            rest = NULL; /* a bare IPv6 address */
    }
    if (rest && *rest == ':') {
        char *end = NULL;
        long number = strtol(rest + 1, &end, 10);
        *rest = '\0';
        *port = end == rest + 1 || *end || number < 1 || number > 65535 ? 0 : (int32_t)number;
    }
    return *host && *port ? host : NULL;
}

static sl_result servers_read(kafka_spec *spec, failure *failure)
{
    size_t room = 1;
    for (const char *at = spec->bootstrap; *at; at++)
        room += *at == ',';
    spec->servers = memory_new(room * sizeof *spec->servers);
    char *list = memory_text(spec->bootstrap), *next = list;
    for (char *item = strsep(&next, ","); item; item = strsep(&next, ",")) {
        item += strspn(item, " \t");
        item[strcspn(item, " \t")] = '\0';
        if (*item == '\0')
            continue;
        kafka_server_name *server = &spec->servers[spec->server_count];
        const char *host = server_parse(item, &server->port);
        if (host == NULL) {
            fail(failure, SL_USAGE, "kafka.bootstrap.servers=%s: write HOST:PORT,HOST:PORT", spec->bootstrap);
            break;
        }
        server->host = memory_text(host);
        spec->server_count++;
    }
    free(list);
    if (spec->server_count == 0)
        fail(failure, SL_USAGE, "kafka.bootstrap.servers is empty: write HOST:PORT,HOST:PORT");
    return failure->result;
}
