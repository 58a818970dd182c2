/*
 * listeners/graphite.c - the job's metrics to Graphite's plain text port over TCP, after each batch:
 * --listen graphite:HOST:PORT (127.0.0.1:2003).
 *
 *     sluice.listens.batches_total.completed 17 1795402680
 */
#include <shared/metrics.h>
#include <shared/outlet.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct graphite {
    metrics *metrics;
    outlet *outlet;
} graphite;

typedef struct printing {
    FILE *out;
    long long seconds;
} printing;

static void *graphite_open(const sl_listener_place *place, char *error);
static void graphite_close(void *self);

static void *graphite_open(const sl_listener_place *place, char *error)
{
    graphite *self = calloc(1, sizeof *self);
    if (self == NULL) {
        snprintf(error, 256, "no memory for it");
        return NULL;
    }
    self->metrics = metrics_new(place->job);
    self->outlet = outlet_new("graphite", place->argument, "2003", false, error);
    if (self->metrics && self->outlet)
        return self;
    graphite_close(self);
    return NULL;
}

static void graphite_close(void *self)
{
    graphite *graphite = self;
    metrics_free(graphite->metrics);
    outlet_free(graphite->outlet);
    free(graphite);
}

/* Of a histogram the newest value: Graphite keeps the distribution itself. */
static void metric_print(void *argument, const metric *metric)
{
    printing *printing = argument;
    char path[512];
    if (metric->kind != METRIC_HISTOGRAM || metric->count)
        fprintf(printing->out, "%s %.15g %lld\n", metric_path(metric, path, sizeof path), metric->value,
                printing->seconds);
}

static void graphite_started(void *self, const sl_start_info *start)
{
    metrics_start(((graphite *)self)->metrics, start);
}

static void graphite_completed(void *self, const sl_batch_info *batch)
{
    graphite *graphite = self;
    char *text = NULL;
    size_t size = 0;
    printing printing = { open_memstream(&text, &size), batch->processing_end_time_ms / 1000 };
    metrics_batch(graphite->metrics, batch);
    if (printing.out == NULL)
        return;
    metrics_each(graphite->metrics, metric_print, &printing);
    fclose(printing.out);
    outlet_send(graphite->outlet, text, size, batch->processing_end_time_ms);
    free(text);
}

static void graphite_noted(void *self, const sl_batch_info *batch)
{
    metrics_batch(((graphite *)self)->metrics, batch);
}

extern const sl_listener listener_graphite;
const sl_listener listener_graphite = { .name = "graphite",
                                        .about = "metrics to Graphite over TCP, after each batch",
                                        .open = graphite_open,
                                        .close = graphite_close,
                                        .on_streaming_started = graphite_started,
                                        .on_batch_submitted = graphite_noted,
                                        .on_batch_completed = graphite_completed,
                                        .on_batch_failed = graphite_noted };
