/*
 * batches/timing.h - where a batch's time went: the driver's phases, the workers' steps, the outputs.
 *
 *     submitted      attempt begins                barrier           barrier                             account
 *     |   waiting    |           work              |      merge      |      sinks       |     commit     |
 *
 * The driver's clock runs through: each moment belongs to one phase, so that they sum up to the total delay. Workers
 * count ticks of the processor for each chunk and step, which costs less than a nanosecond a record; barriers are not counted.
 */
#ifndef BATCHES_TIMING_H
#define BATCHES_TIMING_H

#include <batches/events.h>
#include <operators/output.h>

typedef enum timing_phase {
    TIMING_WAITING,
    TIMING_WORK,
    TIMING_MERGE,
    TIMING_SINKS,
    TIMING_COMMIT,
    TIMING_PHASES
} timing_phase;

/* Of one worker in one attempt, in ticks. Written by that worker. */
typedef struct timing_worker {
    uint64_t nodes[PLAN_NODES_MAX];
    uint64_t reading, merging, flushing;
    buffer blocks; /* of timing_block */
} timing_worker;

typedef struct timing_block {
    uint32_t partition;
    uint64_t ticks;
    int64_t time_ms; /* of its newest record */
} timing_block;

typedef struct timing timing;

typedef struct timing_spec {
    const sl_plan *plan;
    const void *const *places; /* by node: of an output its output_places */
    const origins *origins;
    const sl_clock *clock;
    events *events; /* NULL: nobody is told */
    unsigned workers;
} timing_spec;

timing *timing_new(const timing_spec *spec);
void timing_free(timing *timing); /* NULL is fine */
timing_worker *timing_of(timing *timing, unsigned worker);
const sl_output_info *timing_outputs(const timing *timing, size_t *count);

/* Driver: */
void timing_team(timing *timing, unsigned team); /* how many workers take part */
void timing_begin(timing *timing, const batch_frame *frame);
void timing_enter(timing *timing,
                  timing_phase phase); /* at the first entry of sinks, outputs are told as started */
void timing_output_ended(timing *timing, uint32_t node, const char *error); /* NULL: it is committed */
/* Fills what the info has of times. Lives until the next attempt. */
void timing_end(timing *timing, int64_t submitted_ns, int64_t now_ns, sl_batch_info *info);
/* After the end: of the newest record of the partition, ms since the epoch; 0: none was read. */
int64_t timing_newest(const timing *timing, uint32_t partition);

/* Runs on: worker. */
static inline void timing_block_add(timing_worker *worker, const timing_block *block)
{
    buffer_append(&worker->blocks, block, sizeof *block);
}

#endif
