/*
 * http/advice.h - one sentence about a job, from its newest batches: is it stable, from which interval on would it be, and what
 * limits it.
 *
 *     stable: batches take 12 % of the interval; at 2000 records/s 40 ms would do; most time goes into sinks (61 %)
 *
 * A batch of n records takes about a + b * n: both are fitted to the batches (least squares). Batches of I seconds at a rate of
 * r records/s are stable when a + b * r * I <= I, which is I >= a / (1 - b * r); when b * r >= 1, no interval is.
 *
 * The more alike the batches are, the less is known of b. So it is taken as small as it may well be (by two standard errors),
 * and the rest as the cost of a batch: then the interval is rather too long than too short.
 */
#ifndef HTTP_ADVICE_H
#define HTTP_ADVICE_H

#include <base/buffer.h>

/* As many of the newest completed batches as are worth a look. */
enum { ADVICE_BATCHES = 100, ADVICE_PHASES = 4 };

typedef struct advice_batch {
    double records, interval_ms, waited_ms, taken_ms;
    double phases[ADVICE_PHASES]; /* work, merge, sinks, commit; in any unit */
    bool catch_up;                /* its records came in more than an interval */
} advice_batch;

typedef struct advice_sums { /* a zeroed one is ready */
    double came, came_in_ms; /* records of batches that did not catch up, and their intervals */
    /* Of those with records: others cost next to nothing. */
    double count, records, records_squared, taken_ms, taken_squared, products, waited_ms,
        phases[ADVICE_PHASES];
} advice_sums;

typedef struct advice {
    bool known;                 /* enough batches with records have been completed */
    bool stable;                /* they take less than their interval, and none waits for long */
    double share;               /* of the interval that batches take, on average */
    double rate;                /* records a second that came */
    double batch_ms, record_ms; /* the fitted costs */
    double least_interval_ms;   /* 0: no interval would do */
    const char *limit;          /* "work", "merge", "sinks", "commit" */
    double limit_share;         /* of the processing time */
} advice;

void advice_add(advice_sums *sums, const advice_batch *batch);
/* For batches of this interval: those that were added may have had another one. */
advice advice_of(const advice_sums *sums, double interval_ms);
void advice_print(const advice *advice, buffer *out); /* the sentence */

#endif
