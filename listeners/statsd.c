/*
 * listeners/statsd.c - the job's metrics to StatsD over UDP, after each batch: --listen statsd:HOST:PORT (127.0.0.1:8125).
 *
 *     sluice.listens.batches_total.completed:1|c        what came since the last batch
 *     sluice.listens.batch_processing_seconds:3.2|ms    of this batch
 *     sluice.listens.source_lag_records.realtime.0:50|g
 *
 * Several lines a datagram, which stays below what a network passes on in one piece.
 */
#include <shared/metrics.h>
#include <shared/outlet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_MAX = 1400 };

typedef struct statsd {
    metrics *metrics;
    outlet *outlet;
    char datagram[DATAGRAM_MAX];
    size_t size;
    int64_t now_ms;
} statsd;

static void *statsd_open(const sl_listener_place *place, char *error);
static void statsd_close(void *self);

static void *statsd_open(const sl_listener_place *place, char *error)
{
    statsd *self = calloc(1, sizeof *self);
    if (self == NULL) {
        snprintf(error, 256, "no memory for it");
        return NULL;
    }
    self->metrics = metrics_new(place->job);
    self->outlet = outlet_new("statsd", place->argument, "8125", true, error);
    if (self->metrics && self->outlet)
        return self;
    statsd_close(self);
    return NULL;
}

static void statsd_close(void *self)
{
    statsd *statsd = self;
    metrics_free(statsd->metrics);
    outlet_free(statsd->outlet);
    free(statsd);
}

static void datagram_send(statsd *self)
{
    if (self->size)
        outlet_send(self->outlet, self->datagram, self->size, self->now_ms);
    self->size = 0;
}

static void line_add(statsd *self, const char *line, size_t size)
{
    if (self->size + size + 1 > DATAGRAM_MAX)
        datagram_send(self);
    if (size + 1 > DATAGRAM_MAX)
        return;
    if (self->size)
        self->datagram[self->size++] = '\n';
    memcpy(self->datagram + self->size, line, size);
    self->size += size;
}

static void metric_send(void *argument, const metric *metric)
{
    char path[512], line[600];
    int size = 0;
    metric_path(metric, path, sizeof path);
    if (metric->kind == METRIC_GAUGE)
        size = snprintf(line, sizeof line, "%s:%.15g|g", path, metric->value);
    else if (metric->kind == METRIC_COUNTER && metric->value > metric->before)
        size = snprintf(line, sizeof line, "%s:%.15g|c", path, metric->value - metric->before);
    else if (metric->kind == METRIC_HISTOGRAM && metric->count)
        size = snprintf(line, sizeof line, "%s:%.9g|ms", path, metric->value * 1e3);
    if (size > 0)
        line_add(argument, line, (size_t)size);
}

static void statsd_started(void *self, const sl_start_info *start)
{
    metrics_start(((statsd *)self)->metrics, start);
}

static void statsd_completed(void *self, const sl_batch_info *batch)
{
    statsd *statsd = self;
    statsd->now_ms = batch->processing_end_time_ms;
    metrics_batch(statsd->metrics, batch);
    metrics_each(statsd->metrics, metric_send, statsd);
    metrics_told(statsd->metrics);
    datagram_send(statsd);
}

static void statsd_noted(void *self, const sl_batch_info *batch)
{
    metrics_batch(((statsd *)self)->metrics, batch);
}

extern const sl_listener listener_statsd;
const sl_listener listener_statsd = { .name = "statsd",
                                      .about = "metrics to StatsD over UDP, after each batch",
                                      .open = statsd_open,
                                      .close = statsd_close,
                                      .on_streaming_started = statsd_started,
                                      .on_batch_submitted = statsd_noted,
                                      .on_batch_completed = statsd_completed,
                                      .on_batch_failed = statsd_noted };
