/*
 * cli/flow/servers.c - what each tells becomes samples, so that differences are taken in one way.
 */
#include <base/clock.h>
#include <cli/flow/servers.h>
#include <json-c/json.h>
#include <sluice/text.h>
#include <stdio.h>

enum { ASK_MS = 2000 };

/* A job tells its settings without logins. */
static void login_want(flow_server *out)
{
    snprintf(out->trouble, sizeof out->trouble,
             "it wants a login, and jobs tell none: give --redis or --elastic a URL with it");
}

/* Again when the address is another one. */
static bool http_open(asked_server *self, const char *address, const char *setting, flow_server *out)
{
    failure failure = { 0 };
    if (self->http == NULL || strcmp(self->address, address) != 0) {
        http_options options = {
            .url = address, .setting = setting, .connect_ms = ASK_MS, .total_ms = ASK_MS
        };
        http_free(self->http);
        self->http = NULL;
        snprintf(self->address, sizeof self->address, "%s", address);
        if (http_new(&options, &self->http, &failure) != SL_OK)
            snprintf(out->trouble, sizeof out->trouble, "%.250s", failure.text);
    }
    if (self->http)
        snprintf(out->place, sizeof out->place, "%.100s", http_place(self->http));
    return self->http != NULL;
}

static bool http_ask(asked_server *self, const char *path, sl_text *body, flow_server *out)
{
    failure failure = { 0 };
    http_reply reply = { 0 };
    http_request request = { .method = "GET", .path = path };
    sl_result result = http_send(self->http, &request, &reply, &failure);
    if (result != SL_OK)
        snprintf(out->trouble, sizeof out->trouble, "%.250s", failure.text);
    else if (reply.status == 401 || reply.status == 403)
        login_want(out);
    else if (reply.status != 200)
        snprintf(out->trouble, sizeof out->trouble, "it answers %d", reply.status);
    self->body.size = 0;
    buffer_append(&self->body, reply.body.at, reply.body.size);
    buffer_byte(&self->body, '\0');
    *body = (sl_text){ self->body.at, self->body.size - 1 };
    return result == SL_OK && reply.status == 200;
}

/* ---- Kafka ------------------------------------------------------------------------------------------------------- */

/* "http://host:7071/metrics": the path belongs to the address. */
void broker_look(asked_server *self, const char *address, flow_broker *out)
{
    sl_text body;
    flow_server *server = &out->server;
    server->asked = address != NULL;
    if (address == NULL || !http_open(self, address, "--exporter", server))
        return;
    bool whole = strstr(address, "/metrics") != NULL;
    if (!http_ask(self, whole ? "" : "/metrics", &body, server))
        return;
    server->answers = true;
    series_add(&self->series, body, clock_ns(&clock_system));
    const samples *now = series_now(&self->series);
    const char *topics = "kafka_server_brokertopicmetrics_oneminuterate",
               *requests = "kafka_network_requestmetrics_mean";
    /* Those of all topics together are the largest of a name. */
    out->messages_in = samples_most(now, topics, "\"MessagesInPerSec\"");
    out->bytes_in = samples_most(now, topics, "\"BytesInPerSec\"");
    out->bytes_out = samples_most(now, topics, "\"BytesOutPerSec\"");
    out->under_replicated =
        samples_most(now, "kafka_server_replicamanager_value", "\"UnderReplicatedPartitions\"");
    out->produce_ms = samples_most(now, requests, "name=\"TotalTimeMs\",request=\"Produce\"");
    out->fetch_ms = samples_most(now, requests, "name=\"TotalTimeMs\",request=\"FetchConsumer\"");
    server->rate = out->messages_in;
    server->latency_ms = out->produce_ms;
    server->errors = samples_most(now, topics, "\"FailedProduceRequestsPerSec\"");
    server->cpu = samples_most(now, "java_lang_operatingsystem_processcpuload", NULL);
}

/* ---- Redis ------------------------------------------------------------------------------------------------------- */

static bool redis_connect(asked_server *self, const char *address, flow_server *out)
{
    failure failure = { 0 };
    if (self->redis == NULL || strcmp(self->address, address) != 0) {
        redis_close(self->redis);
        settings_free(self->settings);
        self->redis = NULL;
        self->settings = settings_new();
        snprintf(self->address, sizeof self->address, "%s", address);
        settings_add(self->settings, "Redis", redis_settings);
        if (settings_set(self->settings, "redis.url", address, "sluice flow", &failure) != SL_OK ||
            settings_set(self->settings, "redis.timeout", "2s", "sluice flow", &failure) != SL_OK ||
            redis_open(self->settings, "flow", &self->redis, &failure) != SL_OK)
            snprintf(out->trouble, sizeof out->trouble, "%.250s", failure.text);
    }
    if (self->redis)
        snprintf(out->place, sizeof out->place, "%.100s", redis_where(self->redis));
    return self->redis != NULL;
}

/* "used_cpu_sys:1.5" becomes "used_cpu_sys 1.5". */
static void info_keep(series *series, sl_text info, int64_t now_ns)
{
    buffer text = { 0 };
    buffer_append(&text, info.at, info.size);
    for (size_t i = 0; i < text.size; i++)
        text.at[i] = text.at[i] == ':' ? ' ' : text.at[i];
    series_add(series, (sl_text){ text.at, text.size }, now_ns);
    buffer_done(&text);
}

static void info_ask(asked_server *self, flow_server *out)
{
    failure failure = { 0 };
    redis_reply reply;
    sl_text words[] = { SL_TEXT("INFO") };
    int64_t began_ns = clock_ns(&clock_system);
    if (redis_ask(self->redis, words, 1, &reply, &failure) != SL_OK || reply.type != REDIS_TEXT) {
        snprintf(out->trouble, sizeof out->trouble, "%.250s",
                 failure.text[0] ? failure.text : "it refuses INFO");
        return;
    }
    int64_t now_ns = clock_ns(&clock_system);
    out->answers = true;
    info_keep(&self->series, reply.text, now_ns);
    out->rate = series_rate(&self->series, "total_commands_processed", NULL);
    out->queue = samples_sum(series_now(&self->series), "blocked_clients", NULL);
    out->latency_ms = (double)(now_ns - began_ns) / 1e6;
    out->errors = series_rate(&self->series, "total_error_replies", NULL) +
                  series_rate(&self->series, "rejected_connections", NULL);
    out->cpu =
        series_rate(&self->series, "used_cpu_sys", NULL) + series_rate(&self->series, "used_cpu_user", NULL);
}

void redis_look(asked_server *self, const char *address, flow_server *out)
{
    out->asked = address != NULL;
    if (address && strstr(address, "[hidden]@"))
        login_want(out);
    else if (address && redis_connect(self, address, out))
        info_ask(self, out);
}

/* ---- Elasticsearch ----------------------------------------------------------------------------------------------- */

static double number_at(json_object *object, const char *const *path)
{
    for (; *path && object; path++)
        object = json_object_is_type(object, json_type_object) ? json_object_object_get(object, *path) : NULL;
    return object ? json_object_get_double(object) : 0;
}

static void node_print(json_object *node, buffer *text)
{
    static const struct {
        const char *name, *path[5];
    } wanted[] = { { "documents", { "indices", "indexing", "index_total" } },
                   { "milliseconds", { "indices", "indexing", "index_time_in_millis" } },
                   { "failed", { "indices", "indexing", "index_failed" } },
                   { "queue", { "thread_pool", "write", "queue" } },
                   { "rejected", { "thread_pool", "write", "rejected" } },
                   { "cpu", { "process", "cpu", "percent" } } };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        buffer_print(text, "%s %.17g\n", wanted[i].name, number_at(node, wanted[i].path));
}

static void nodes_keep(series *series, sl_text body)
{
    buffer text = { 0 };
    json_object *answer = json_tokener_parse(body.at), *nodes = NULL;
    if (json_object_is_type(answer, json_type_object) && json_object_object_get_ex(answer, "nodes", &nodes) &&
        json_object_is_type(nodes, json_type_object)) {
        json_object_object_foreach(nodes, name, node)
        {
            (void)name;
            node_print(node, &text);
        }
    }
    series_add(series, (sl_text){ text.at ? text.at : "", text.size }, clock_ns(&clock_system));
    json_object_put(answer);
    buffer_done(&text);
}

void elastic_look(asked_server *self, const char *address, flow_server *out)
{
    sl_text body;
    out->asked = address != NULL;
    if (address == NULL || !http_open(self, address, "elastic.url", out) ||
        !http_ask(self, "/_nodes/stats/indices,thread_pool,process", &body, out))
        return;
    out->answers = true;
    nodes_keep(&self->series, body);
    const series *series = &self->series;
    double documents = series_rise(series, "documents", NULL);
    out->rate = series_rate(series, "documents", NULL);
    out->queue = samples_sum(series_now(series), "queue", NULL);
    out->latency_ms = documents > 0 ? series_rise(series, "milliseconds", NULL) / documents : 0;
    out->errors = series_rate(series, "rejected", NULL) + series_rate(series, "failed", NULL);
    out->cpu = samples_sum(series_now(series), "cpu", NULL) / 100;
}

void asked_server_done(asked_server *self)
{
    http_free(self->http);
    redis_close(self->redis);
    settings_free(self->settings);
    series_done(&self->series);
    buffer_done(&self->body);
}
