/*
 * listeners/elastic.c - the job's metrics as documents in Elasticsearch or OpenSearch, after each batch, into an index per day:
 * --listen elastic:URL (http://127.0.0.1:9200). The documents have the fields of the pipeline's JMX collector, so that what was
 * drawn over them goes on working.
 *
 *     kafka_mon-2026.11.23
 *     {"@timestamp":"2026-11-23T10:00:00.500Z","@version":"1","host":"here","path":"listens","type":"jmx",
 *      "metric_path":"sluice.listens.batches_total.completed","metric_value_number":17}
 *
 * Beside the metrics of <shared/metrics.h> there are the collector's own "kafka-consumer.Consumer.RecordsLagMax.records-lag-max"
 * and "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate". A server that is gone is left alone for 5 s, and what
 * was for it is dropped and counted.
 */
#include <clients/http.h>
#include <shared/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_MS = 5000 };

typedef struct elastic {
    metrics *metrics;
    http *server;
    char host[256], *job;
    int64_t again_ms;
    unsigned long long dropped;
    bool told;
} elastic;

typedef struct printing {
    FILE *out;
    const elastic *self;
    char time[32], index[32];
} printing;

static void *elastic_open(const sl_listener_place *place, char *error);
static void elastic_close(void *self);

static void *elastic_open(const sl_listener_place *place, char *error)
{
    elastic *self = calloc(1, sizeof *self);
    failure failure = { 0 };
    http_options options = { .url = place->argument ? place->argument : "http://127.0.0.1:9200",
                             .setting = "--listen elastic:URL",
                             .connect_ms = 1000,
                             .total_ms = 5000 };
    if (self == NULL || (self->job = strdup(place->job)) == NULL ||
        (self->metrics = metrics_new(place->job)) == NULL)
        snprintf(error, 256, "no memory for it");
    else if (http_new(&options, &self->server, &failure) != SL_OK)
        snprintf(error, 256, "%.250s", failure.text);
    else if (gethostname(self->host, sizeof self->host - 1) != 0)
        snprintf(error, 256, "this machine has no name");
    else
        return self;
    if (self)
        elastic_close(self);
    return NULL;
}

static void elastic_close(void *self)
{
    elastic *elastic = self;
    if (elastic->dropped)
        sl_log_warn("elastic", "the metrics of %llu batches could not be sent to %s", elastic->dropped,
                    http_place(elastic->server));
    metrics_free(elastic->metrics);
    http_free(elastic->server);
    free(elastic->job);
    free(elastic);
}

/* ---- Documents --------------------------------------------------------------------------------------------------- */

static void text_print(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    }
    putc('"', out);
}

static void document_print(const printing *printing, const char *path, double value)
{
    FILE *out = printing->out;
    fprintf(out, "{\"create\":{\"_index\":\"%s\"}}\n{\"@timestamp\":\"%s\",\"@version\":\"1\",\"host\":",
            printing->index, printing->time);
    text_print(out, printing->self->host);
    fputs(",\"path\":", out);
    text_print(out, printing->self->job);
    fputs(",\"type\":\"jmx\",\"metric_path\":", out);
    text_print(out, path);
    fprintf(out, ",\"metric_value_number\":%.15g}\n", value);
}

static void metric_print(void *argument, const metric *metric)
{
    char path[512];
    if (metric->kind != METRIC_HISTOGRAM || metric->count)
        document_print(argument, metric_path(metric, path, sizeof path), metric->value);
}

static void consumer_print(const printing *printing, const sl_batch_info *batch)
{
    int64_t lag = 0;
    for (size_t i = 0; i < batch->range_count; i++)
        if (batch->ranges[i].end - batch->ranges[i].until > lag)
            lag = batch->ranges[i].end - batch->ranges[i].until;
    document_print(printing, "kafka-consumer.Consumer.RecordsLagMax.records-lag-max", (double)lag);
    document_print(printing, "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate",
                   batch->interval_ms ? (double)batch->records * 1000 / (double)batch->interval_ms : 0);
}

static void times_fill(printing *printing, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char day[24];
    gmtime_r(&seconds, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(printing->time, sizeof printing->time, "%s.%03dZ", day, (int)(ms % 1000));
    strftime(printing->index, sizeof printing->index, "kafka_mon-%Y.%m.%d", &parts);
}

/* ---- Sending ----------------------------------------------------------------------------------------------------- */

static bool bulk_send(elastic *self, const char *text, size_t size, char *why)
{
    failure failure = { 0 };
    http_reply reply;
    http_request request = { .method = "POST",
                             .path = "/_bulk?filter_path=errors",
                             .type = "application/x-ndjson" };
    request.body = (sl_text){ text, size };
    sl_result result = http_send(self->server, &request, &reply, &failure);
    if (result != SL_OK)
        snprintf(why, 256, "%.250s", failure.text);
    else if (reply.status != 200)
        snprintf(why, 256, "%.150s answers %d", http_place(self->server), reply.status);
    else if (memmem(reply.body.at, reply.body.size, "\"errors\":true", 13))
        snprintf(why, 256, "%.150s refuses documents of metrics", http_place(self->server));
    else
        return true;
    return false;
}

static void bulk_try(elastic *self, const char *text, size_t size, int64_t now_ms)
{
    char why[256] = "";
    if (now_ms >= self->again_ms && bulk_send(self, text, size, why)) {
        if (self->told)
            sl_log_info("elastic", "%s takes metrics again", http_place(self->server));
        self->told = false;
        return;
    }
    self->dropped++;
    if (now_ms < self->again_ms)
        return;
    self->again_ms = now_ms + AGAIN_MS;
    if (!self->told)
        sl_log_warn("elastic", "%s; the job goes on without", why);
    self->told = true;
}

static void elastic_started(void *self, const sl_start_info *start)
{
    metrics_start(((elastic *)self)->metrics, start);
}

static void elastic_completed(void *self, const sl_batch_info *batch)
{
    elastic *elastic = self;
    char *text = NULL;
    size_t size = 0;
    printing printing = { .out = open_memstream(&text, &size), .self = elastic };
    metrics_batch(elastic->metrics, batch);
    if (printing.out == NULL)
        return;
    times_fill(&printing, batch->processing_end_time_ms);
    metrics_each(elastic->metrics, metric_print, &printing);
    consumer_print(&printing, batch);
    fclose(printing.out);
    bulk_try(elastic, text, size, batch->processing_end_time_ms);
    free(text);
}

static void elastic_noted(void *self, const sl_batch_info *batch)
{
    metrics_batch(((elastic *)self)->metrics, batch);
}

extern const sl_listener listener_elastic;
const sl_listener listener_elastic = { .name = "elastic",
                                       .about = "metrics as documents in an index per day, after each batch",
                                       .open = elastic_open,
                                       .close = elastic_close,
                                       .on_streaming_started = elastic_started,
                                       .on_batch_submitted = elastic_noted,
                                       .on_batch_completed = elastic_completed,
                                       .on_batch_failed = elastic_noted };
