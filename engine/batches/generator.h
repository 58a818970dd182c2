/*
 * batches/generator.h - cuts a batch at every tick (Spark: JobGenerator): ranges of what has arrived, written to the
 * journal and synced, then handed to the scheduler. A thread of its own, so that a tick is not late because a batch is.
 *
 * After a start the journaled batches that no checkpoint holds come first, with their own T and ranges. At most `held_max`
 * cut batches wait; while they do, ticks cut nothing, and the next cut is larger.
 */
#ifndef BATCHES_GENERATOR_H
#define BATCHES_GENERATOR_H

#include <batches/events.h>
#include <batches/journal.h>
#include <batches/pulse.h>

typedef struct generator generator;

typedef struct generator_spec {
    const char *job;
    intake *intake;
    journal *journal; /* NULL: no work folder */
    events *events;
    const sl_clock *clock;
    int64_t interval_ms;
    pulse pulse; /* is asked before a cut is journaled */
    size_t held_max;
    bool back_to_back;             /* available-now: the next cut as soon as the driver is free */
    int64_t last_id, last_time_ms; /* new batches come after these */
    bool fresh;        /* there is nothing to catch up with: the first start, or the one after a reset */
    bool replays_only; /* no cuts behind the journaled batches */
    batch **replays;
    size_t replay_count;
} generator_spec;

generator *generator_new(const generator_spec *spec);
void generator_free(generator *generator); /* NULL is fine; stops it and waits for a cut that runs */
sl_result generator_start(generator *generator, failure *failure); /* begins to tick */
void generator_stop(generator *generator); /* no more cuts, and generator_take() gives no more. Any thread */
void generator_join(
    generator *generator);            /* stops it and waits for a cut that runs; not from its own thread */
void generator_wake(void *generator); /* something arrived. Any thread */
/* Is there a trouble, of the input or of the journal's disk, for which nothing is cut at present? Any thread */
bool generator_waits(generator *generator, char *why, size_t room);

/* The interval from the next tick on, on its own grid. Any thread. */
void generator_interval(generator *generator, int64_t interval_ms);

size_t generator_held(generator *generator); /* batches that were cut and wait. Any thread */

/* The next batch, waiting for it; NULL: there will be none. SL_RETRY troubles are waited out. Runs on: driver. */
batch *generator_take(generator *generator, failure *failure);
void generator_give_back(generator *generator, batch *batch); /* done with it */

/* Tests, without a thread: one tick now. NULL: nothing was cut, see failure. */
batch *generator_tick(generator *generator, failure *failure);

#endif
