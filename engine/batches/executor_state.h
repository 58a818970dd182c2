/*
 * batches/executor_state.h - what the parts of the executor share: chunk.c, which a worker does with its input, finish.c, which
 * the driver does at the end, and executor.c, which says who does what when.
 */
#ifndef BATCHES_EXECUTOR_STATE_H
#define BATCHES_EXECUTOR_STATE_H

#include <batches/executor.h>
#include <batches/hot_keys.h>
#include <batches/timing.h>

/* A chunk that waits for its keys: where its block's reading stood. */
typedef struct parked {
    uint32_t block, chunk;
    source_reading reading;
    size_t count;
} parked;

typedef struct worker {
    sl_task task;
    executor *executor;
    sl_message *messages;
    void **rows;  /* by node: room for a chunk */
    sl_rows *out; /* by node: what it gave for this chunk */
    buffer parked;
    size_t rejects_before, reached_before;
    uint32_t only;     /* intake_block.only, of the chunk */
    int64_t newest_ms; /* of the records of the block at work */
    timing_worker *times;
    char padding[128];
} worker;

struct executor {
    executor_spec spec;
    operator nodes[PLAN_NODES_MAX];
    operator* operators[PLAN_NODES_MAX];
    bool has_lookups;
    uint32_t tapped; /* 1 + the node of which rows are told, see batches/tap.h; 0: none */
    unsigned team;   /* of the workers, how many work */
    worker *workers;
    timing *timing;
    hot_keys *hot_keys;
    const batch_frame *frame;
    buffer blocks;  /* of intake_block */
    buffer waiting; /* of parked: of all workers, this round */
    buffer dead;    /* of reject: of all workers, and refused records */
    buffer late;    /* of the balance */
    buffer saved;   /* one node's state on its way to the checkpoint */
    atomic_uint next_block, parked_chunks;
    atomic_uint next_shard[PLAN_NODES_MAX]; /* by level */
    atomic_bool failed;
    bool too_large;                    /* worker 0 says so between two barriers, when nobody reads it */
    bool stands_by, first_round, over; /* the driver's; workers that stand by read them behind a barrier */
    pthread_barrier_t barrier;
};

/* Chunks of this round's blocks, or of the parked ones, as long as there are some. Runs on: worker. */
void chunks_run(executor *executor, worker *worker, bool first_round);
/* Rows out of a merge, to the nodes behind this one (an operator_emit). */
void chunk_emit(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count);
/* A worker sends what it gathered for each output. */
void flushes_run(executor *executor, worker *worker);
/* The first worker's that failed; the output that it failed at is told. Driver, between barriers. */
sl_result team_failure(executor *executor, failure *failure);
/* finish.c: after all workers. Driver. */
sl_result attempt_finish(executor *executor, batch *batch, executor_result *result, failure *failure);

#endif
