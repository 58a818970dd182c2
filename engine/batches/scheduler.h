/*
 * batches/scheduler.h - the driver: one batch after another, each tried until it is done (Spark: JobScheduler). Steps 3 and
 * 8 to 10 of a batch's life stand here; 4 to 7 are the executor's.
 */
#ifndef BATCHES_SCHEDULER_H
#define BATCHES_SCHEDULER_H

#include <batches/checkpoint.h>
#include <batches/crashes.h>
#include <batches/generator.h>
#include <batches/pace.h>

typedef struct scheduler scheduler;

typedef struct scheduler_spec {
    const char *job;
    generator *generator;
    executor *executor;
    checkpoint *checkpoint; /* NULL: no work folder */
    journal *journal;       /* NULL too */
    crashes *crashes;       /* NULL too */
    intake *intake;
    events *events;
    const sl_clock *clock;
    const void *options;
    const back_pressure_gains *pressure; /* NULL: no back-pressure; copied */
    double pressure_first;               /* the rate until there is an estimate; 0: that of the last run */
    sl_text last;                        /* the last run's last account, or empty */
    bool ends;                           /* with its input */
    pulse pulse;                         /* is asked before the checkpoint */
    bool reach_is_kept;                  /* some place wants to know how far all of the input is read */
    int64_t last_time_ms;                /* of the newest batch that the checkpoint holds */
    unsigned team;                       /* workers that work; see scheduler_team() */
    int64_t failures_max;                /* attempts at one batch; 0: no limit */
    const atomic_bool *stop;             /* finish the running batch */
} scheduler_spec;

typedef struct scheduler_totals {
    int64_t batches, records, written, duplicates, filtered, dead_letters;
    int64_t next; /* of the first partition: behind what was read, also before this run */
} scheduler_totals;

scheduler *scheduler_new(const scheduler_spec *spec);
void scheduler_free(scheduler *scheduler); /* NULL is fine */

/* Until the generator gives no more. Runs on: driver, the thread that opens all OpenMP regions. */
sl_result scheduler_run(scheduler *scheduler, failure *failure);
sl_result scheduler_run_one(scheduler *scheduler, batch *batch, failure *failure);

/* How many workers work from the next batch on. Any thread. */
void scheduler_team(scheduler *scheduler, unsigned team);

/* Any thread. The account is the last completed batch's line; empty before there was one. */
scheduler_totals scheduler_totals_now(scheduler *scheduler);
/* "running", "paused: elasticsearch since 12:03, 4 batches held", "retrying: ...", "waiting: ..." */
const char *scheduler_state(scheduler *scheduler, char *text, size_t room);
/* Why it is not "running", in full; empty when it is. */
const char *scheduler_reason(scheduler *scheduler, char *text, size_t room);
void scheduler_account(scheduler *scheduler, buffer *out);
const sl_batch_info *scheduler_last(
    const scheduler *scheduler); /* driver: of the last batch, until the next one */

#endif
