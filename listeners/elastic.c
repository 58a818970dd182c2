/*
 * listeners/elastic.c - the job's metrics as documents in Elasticsearch or OpenSearch, after each batch, into an index per day:
 * --listen elastic:URL (http://127.0.0.1:9200). What a document looks like: <clients/documents.h>.
 *
 * Beside the metrics of <shared/metrics.h> there are the collector's own "kafka-consumer.Consumer.RecordsLagMax.records-lag-max"
 * and "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate"; `sluice flow --to URL` tells the rest of them.
 */
#include <clients/documents.h>
#include <shared/metrics.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct elastic {
    metrics *metrics;
    documents *documents;
} elastic;

static void elastic_close(void *self);

static void *elastic_open(const sl_listener_place *place, char *error)
{
    elastic *self = calloc(1, sizeof *self);
    failure failure = { 0 };
    documents_spec spec = { .url = place->argument ? place->argument : "http://127.0.0.1:9200",
                            .setting = "--listen elastic:URL",
                            .path = place->job };
    if (self == NULL || (self->metrics = metrics_new(place->job)) == NULL)
        snprintf(error, 256, "no memory for it");
    else if (documents_new(&spec, &self->documents, &failure) != SL_OK)
        snprintf(error, 256, "%.250s", failure.text);
    else
        return self;
    if (self)
        elastic_close(self);
    return NULL;
}

static void elastic_close(void *self)
{
    elastic *elastic = self;
    metrics_free(elastic->metrics);
    documents_free(elastic->documents);
    free(elastic);
}

static void metric_add(void *argument, const metric *metric)
{
    char path[512];
    if (metric->kind != METRIC_HISTOGRAM || metric->count)
        documents_add(argument, metric_path(metric, path, sizeof path), metric->value);
}

static void consumer_add(documents *documents, const sl_batch_info *batch)
{
    int64_t lag = 0;
    for (size_t i = 0; i < batch->range_count; i++)
        if (batch->ranges[i].end - batch->ranges[i].until > lag)
            lag = batch->ranges[i].end - batch->ranges[i].until;
    documents_add(documents, "kafka-consumer.Consumer.RecordsLagMax.records-lag-max", (double)lag);
    documents_add(documents, "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate",
                  batch->interval_ms ? (double)batch->records * 1000 / (double)batch->interval_ms : 0);
}

static void elastic_started(void *self, const sl_start_info *start)
{
    metrics_start(((elastic *)self)->metrics, start);
}

static void elastic_completed(void *self, const sl_batch_info *batch)
{
    elastic *elastic = self;
    metrics_batch(elastic->metrics, batch);
    documents_begin(elastic->documents, batch->processing_end_time_ms);
    metrics_each(elastic->metrics, metric_add, elastic->documents);
    consumer_add(elastic->documents, batch);
    documents_send(elastic->documents);
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
