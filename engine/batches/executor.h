/*
 * batches/executor.h - runs a batch through the plan on all workers: steps 4 to 7 of a batch's life (engine/README.md).
 * The only file that opens OpenMP regions is executor.c, and only the driver calls it.
 */
#ifndef BATCHES_EXECUTOR_H
#define BATCHES_EXECUTOR_H

#include <base/clock.h>
#include <batches/dead_letters.h>
#include <batches/events.h>
#include <batches/journal.h>
#include <batches/pulse.h>
#include <batches/tap.h>
#include <operators/output.h>
#include <plan/plan.h>

typedef struct executor executor;

typedef struct executor_spec {
    const sl_plan *plan;
    const void *const *places; /* by node: lookup_place, output_places */
    const settings *settings;
    const sl_clock *clock;
    intake *intake;
    events *events; /* NULL: no listeners */
    dead_letters *dead_letters;
    const void *options;
    tap *tap;         /* NULL: nobody can look on */
    journal *journal; /* NULL: no work folder. For a batch without input that turns out to write */
    pulse pulse;      /* is asked before places commit */
    unsigned workers; /* the most that there may be */
    unsigned team;    /* how many of them work; 0: all */
    bool saves;
    size_t state_max; /* bytes */
} executor_spec;

typedef struct executor_result {
    int64_t records, written, duplicates, filtered, dead_letters;
    bool wrote; /* something went to a sink */
    operator_account operators;
} executor_result;

sl_result executor_open(const executor_spec *spec, executor **executor, failure *failure);
void executor_close(executor *executor); /* NULL is fine */

/* Calls run() with the workers standing by: asleep until a batch needs them, and at once there. Without it each batch gathers
 * them anew, and OpenMP has them spin for milliseconds afterwards, on a core that the reading threads want. */
typedef sl_result executor_work(void *argument, failure *failure);
sl_result executor_stand_by(executor *executor, executor_work *run, void *argument, failure *failure);

/* How many work from the next batch on: 1 to spec.workers. Driver, while none stand by. */
void executor_team(executor *executor, unsigned team);

/* One attempt. frame->merged is set once the state holds the batch; the same frame comes again at the next attempt. */
sl_result executor_run(executor *executor, batch *batch, batch_frame *frame, executor_result *result,
                       failure *failure);
void executor_settle(executor *executor); /* the batch is in the checkpoint */

/* The state of every node that has one: "name" and bytes, see batches/checkpoint.h. */
typedef void executor_saved(void *argument, const char *name, sl_text bytes);
void executor_save(executor *executor, bool all, executor_saved *saved, void *argument);
sl_result executor_load(executor *executor, const char *name, sl_text bytes, failure *failure);

/* What the attempt took, into the info: lives until the next one. And the outputs, without times. */
void executor_times(executor *executor, int64_t submitted_ns, int64_t now_ns, sl_batch_info *info);
int64_t executor_newest(const executor *executor, uint32_t partition); /* after it; see timing.h */
const sl_output_info *executor_outputs(executor *executor, size_t *count);

output *executor_output(executor *executor, const char *name); /* NULL: none of this name. Tests */

#endif
