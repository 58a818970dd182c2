/*
 * batches/back_pressure.h - how many records a second the next batch may take: Spark's PID estimator, exactly, and the share of each
 * partition by its lag.
 *
 *     dt        = (time - latest time) in seconds
 *     achieved  = records / processing delay
 *     error     = latest rate - achieved
 *     backlog   = scheduling delay * achieved / interval         what waits, as a rate
 *     change    = (error - latest error) / dt
 *     rate      = max(latest rate - proportional * error - integral * backlog - derived * change, min rate)
 *
 * The first batch only gives the latest rate. A batch without records, or that took no whole millisecond, gives none.
 */
#ifndef BATCHES_BACK_PRESSURE_H
#define BATCHES_BACK_PRESSURE_H

#include <sluice/types.h>

typedef struct back_pressure_gains {
    double proportional, integral, derived; /* 1, 0.2, 0 */
    double min_rate;                        /* 100 records a second */
} back_pressure_gains;

typedef struct back_pressure {
    back_pressure_gains gains;
    int64_t latest_ms; /* -1: there was no batch yet */
    double latest_rate, latest_error;
} back_pressure;

typedef struct back_pressure_batch {
    int64_t end_ms; /* on the wall clock */
    int64_t records, processing_ms, scheduling_ms, interval_ms;
} back_pressure_batch;

void back_pressure_init(back_pressure *self, const back_pressure_gains *gains);
/* A batch is completed. True: *rate is the new one, records a second over all partitions. */
bool back_pressure_update(back_pressure *self, const back_pressure_batch *batch, double *rate);

/*
 * Records that a batch may take of a partition whose unread records are `lag` of all `lags`: its share of the rate, but at most
 * max_rate records a second (0: no limit), and at least one a second, since a limit below a record would be none at all.
 */
int64_t back_pressure_share(double rate, int64_t lag, int64_t lags, int64_t max_rate, int64_t interval_ms);

#endif
