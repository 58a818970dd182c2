/*
 * batches/pace.h - how fast a job reads: the limit that back-pressure sets after each batch, from the first one on that of the last
 * run, and the plan to catch up. Each change stands in the log with its reason. Driver.
 */
#ifndef BATCHES_PACE_H
#define BATCHES_PACE_H

#include <batches/back_pressure.h>
#include <batches/catch_up.h>
#include <batches/events.h>
#include <batches/intake.h>

typedef struct pace_spec {
    const char *job;
    const sl_clock *clock;
    events *events;
    intake *intake;
    const back_pressure_gains *gains; /* NULL: no back-pressure; read at the begin alone */
    double first;                     /* records a second until there is an estimate; 0: as the last run */
    sl_text last;                     /* account of the last run's last batch, or empty */
    bool ends;                        /* with its input: others tell how long it takes yet */
} pace_spec;

typedef struct pace {
    pace_spec spec;
    back_pressure pressure;
    double rate, rate_told; /* the limit that holds, and the one in the log; 0: none */
    catch_up catch_up;
} pace;

void pace_begin(pace *self, const pace_spec *spec);
void pace_completed(pace *self, const sl_batch_info *batch);
/* The limit that holds or, until there is one, what was reached: what the next run begins with. 0: no back-pressure. */
double pace_rate(const pace *self);
void pace_resumed(pace *self); /* batches had waited for a server or a disk */

#endif
