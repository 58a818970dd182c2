/*
 * listeners/shared/metrics.h - what happened to a job as a flat list of metrics, for those who pass them on: prometheus, statsd,
 * graphite, elastic. A listener feeds its own list from its hooks:
 *
 *     metrics_batch(self->metrics, batch);
 *     metrics_each(self->metrics, print, out);
 *
 * Names are stable and hold neither job nor time; those are labels. Units are base units: seconds, records. Counters end in
 * _total. Any thread: hooks write while a page reads.
 */
#ifndef LISTENERS_METRICS_H
#define LISTENERS_METRICS_H

#include <sluice/listener.h>

typedef enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } metric_kind;

enum { METRIC_LABELS_MAX = 3, METRIC_BUCKETS = 15 };

typedef struct metric_label {
    const char *name, *value;
} metric_label;

typedef struct metric {
    const char *name, *help;
    metric_kind kind;
    metric_label labels[METRIC_LABELS_MAX]; /* the job's first */
    size_t label_count;
    double value;  /* of a histogram: the newest */
    double before; /* when metrics_told() was last called: of a counter its difference is news */
    /* Of a histogram: */
    const double *bounds; /* METRIC_BUCKETS of them; a last bucket has none */
    uint64_t buckets[METRIC_BUCKETS + 1], count;
    double sum;
} metric;

typedef struct metrics metrics;

metrics *metrics_new(const char *job); /* NULL: no memory */
void metrics_free(metrics *metrics);   /* NULL is fine */

/* From the hooks of these names. metrics_batch() is for all four states. */
void metrics_start(metrics *metrics, const sl_start_info *start);
void metrics_batch(metrics *metrics, const sl_batch_info *batch);
void metrics_pause(metrics *metrics, const sl_pause_info *pause);
void metrics_rate(metrics *metrics, const sl_rate_info *rate);

/* All metrics of one name follow one another. */
typedef void metrics_visit(void *argument, const metric *metric);
void metrics_each(metrics *metrics, metrics_visit *visit, void *argument);
void metrics_told(metrics *metrics); /* what counters have now is no news any more */

/* "sluice.listens.batches_total.completed": what has no labels, for statsd and graphite. Returns `at`. */
const char *metric_path(const metric *metric, char *at, size_t room);

#endif
