/*
 * http/advice.h - one sentence about a job, from its newest batches: is it stable, from which interval on would it be, and what
 * limits it.
 *
 *     stable: batches take 12 % of the interval; at 2000 records/s 40 ms would do; most time goes into sinks (61 %)
 *
 * A batch of n records takes about a + b * n: both are fitted to the retained batches (least squares). Batches of I seconds
 * at a rate of r records/s are stable when a + b * r * I <= I, which is I >= a / (1 - b * r); when b * r >= 1, no interval is.
 */
#ifndef HTTP_ADVICE_H
#define HTTP_ADVICE_H

#include <http/recent.h>

typedef struct advice {
    bool known;                 /* enough batches have been completed */
    bool stable;                /* they take less than their interval, and none waits for long */
    double share;               /* of the interval that batches take, on average */
    double rate;                /* records a second that came */
    double batch_ms, record_ms; /* the fitted costs */
    double least_interval_ms;   /* 0: no interval would do */
    const char *limit;          /* "work", "merge", "sinks", "commit" */
    double limit_share;         /* of the processing time */
} advice;

advice advice_of(const recent_view *view);
void advice_print(const advice *advice, buffer *out); /* the sentence */

#endif
