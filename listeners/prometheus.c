/*
 * listeners/prometheus.c - the job's metrics in the text format of Prometheus, at /metrics of the job's HTTP server. It is there
 * by itself wherever the server is.
 *
 *     # HELP sluice_batches_total Batches completed, and attempts that failed.
 *     # TYPE sluice_batches_total counter
 *     sluice_batches_total{job_name="listens",status="completed"} 17
 */
#include <shared/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *prometheus_open(const sl_listener_place *place, char *error);
static void prometheus_close(void *self);
static char *prometheus_page(void *self, size_t *size);

static void *prometheus_open(const sl_listener_place *place, char *error)
{
    metrics *made = place->argument ? NULL : metrics_new(place->job);
    if (place->argument)
        snprintf(error, 256, "prometheus takes no argument: its text is at /metrics of http.address");
    else if (made == NULL)
        snprintf(error, 256, "no memory for the metrics");
    return made;
}

static void prometheus_close(void *self)
{
    metrics_free(self);
}

static void prometheus_started(void *self, const sl_start_info *start)
{
    metrics_start(self, start);
}

static void prometheus_batch(void *self, const sl_batch_info *batch)
{
    metrics_batch(self, batch);
}

static void prometheus_paused(void *self, const sl_pause_info *pause)
{
    metrics_pause(self, pause);
}

static void prometheus_rate(void *self, const sl_rate_info *rate)
{
    metrics_rate(self, rate);
}

/* ---- The page ---------------------------------------------------------------------------------------------------- */

typedef struct printing {
    FILE *out;
    const char *last; /* the name whose head was printed */
} printing;

/* `more`: a label of its own behind the others, or "". */
static void labels_print(FILE *out, const metric *metric, const char *more)
{
    putc('{', out);
    for (size_t l = 0; l < metric->label_count; l++) {
        fprintf(out, "%s%s=\"", l ? "," : "", metric->labels[l].name);
        for (const char *at = metric->labels[l].value; *at; at++) {
            if (*at == '\\' || *at == '"' || *at == '\n')
                putc('\\', out);
            putc(*at == '\n' ? 'n' : *at, out);
        }
        putc('"', out);
    }
    fprintf(out, "%s}", more);
}

static void histogram_print(FILE *out, const metric *metric)
{
    uint64_t sum = 0;
    for (size_t b = 0; b <= METRIC_BUCKETS; b++) {
        char bound[48];
        sum += metric->buckets[b];
        if (b < METRIC_BUCKETS)
            snprintf(bound, sizeof bound, ",le=\"%g\"", metric->bounds[b]);
        else
            snprintf(bound, sizeof bound, ",le=\"+Inf\"");
        fprintf(out, "%s_bucket", metric->name);
        labels_print(out, metric, bound);
        fprintf(out, " %llu\n", (unsigned long long)sum);
    }
    fprintf(out, "%s_sum", metric->name);
    labels_print(out, metric, "");
    fprintf(out, " %.9g\n%s_count", metric->sum, metric->name);
    labels_print(out, metric, "");
    fprintf(out, " %llu\n", (unsigned long long)metric->count);
}

static void metric_print(void *argument, const metric *metric)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    printing *printing = argument;
    if (printing->last != metric->name)
        fprintf(printing->out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                kinds[metric->kind]);
    printing->last = metric->name;
    if (metric->kind == METRIC_HISTOGRAM) {
        histogram_print(printing->out, metric);
        return;
    }
    fputs(metric->name, printing->out);
    labels_print(printing->out, metric, "");
    fprintf(printing->out, " %.15g\n", metric->value);
}

static char *prometheus_page(void *self, size_t *size)
{
    char *text = NULL;
    printing printing = { open_memstream(&text, size), NULL };
    if (printing.out == NULL)
        return NULL;
    metrics_each(self, metric_print, &printing);
    fclose(printing.out);
    return text;
}

extern const sl_listener listener_prometheus;
const sl_listener listener_prometheus = { .name = "prometheus",
                                          .about = "metrics at /metrics of the job's HTTP server",
                                          .lossless = true,
                                          .open = prometheus_open,
                                          .close = prometheus_close,
                                          .on_streaming_started = prometheus_started,
                                          .on_batch_submitted = prometheus_batch,
                                          .on_batch_completed = prometheus_batch,
                                          .on_batch_failed = prometheus_batch,
                                          .on_paused = prometheus_paused,
                                          .on_resumed = prometheus_paused,
                                          .on_rate_changed = prometheus_rate,
                                          .page_path = "/metrics",
                                          .page_type = "text/plain; version=0.0.4; charset=utf-8",
                                          .page = prometheus_page };
