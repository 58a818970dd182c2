/*
 * plan/task.h - what a worker carries through a batch: its chunk, its memory, what it rejected. `sl_task` to jobs.
 */
#ifndef PLAN_TASK_H
#define PLAN_TASK_H

#include <base/arena.h>
#include <base/buffer.h>
#include <base/failure.h>
#include <sinks/sink.h>
#include <sluice/job.h>

typedef struct reject {
    sl_origin origin;
    const char *stage, *reason, *detail;
    sl_text value; /* lies in the batch's input */
} reject;

/* One batch on its way through the operators. Written by the driver between regions. */
typedef struct batch_frame {
    int64_t id, time_ms, last_time_ms; /* T, and the T of the batch before; 0: none */
    int64_t now_ns;                    /* monotonic, when the attempt began: for expiry of caches */
    int32_t attempt;
    bool merged; /* the state holds this batch already: a later attempt only writes again */
    const void *options;
    const origin_reach *reached; /* see sink_batch */
    size_t reached_count;
} batch_frame;

struct sl_task {
    unsigned worker;
    const batch_frame *batch;
    arena memory;               /* lives as long as the batch */
    buffer rejects;             /* of reject */
    const char *stage;          /* the node at work */
    uint32_t feeder;            /* the node that feeds it */
    const sl_message *messages; /* of the chunk */
    size_t message_count;
    uint64_t sequence;        /* of the chunk; of rows out of a merge it has its top bit set */
    int64_t report_ms;        /* rows out of a window: E, its end */
    bool missing;             /* a lookup met keys that nobody asked for yet: the chunk comes again */
    int64_t records, reached; /* messages taken; rows at the end of the plan's trunk */
    failure failure;
};

#endif
