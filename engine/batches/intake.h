/*
 * batches/intake.h - the inputs of a job: which partitions there are, how far each has been cut, and what a batch takes.
 *
 * Partitions are numbered over all inputs, in the order in which they were found; that number is sl_origin.partition.
 * Called by the generator while it cuts and by the driver while it reads, under the intake's lock.
 */
#ifndef BATCHES_INTAKE_H
#define BATCHES_INTAKE_H

#include <base/clock.h>
#include <pthread.h>
#include <records/origins.h>
#include <sluice/listener.h>
#include <sources/source.h>
#include <stdatomic.h>

typedef struct position {
    int64_t next;          /* the first offset not yet cut */
    double share;          /* of a record: what the rate limit left over */
    int64_t lag;           /* unread records when a cut under back-pressure began */
    uint32_t input, local; /* which input, and its own number of the partition */
} position;

typedef struct intake_input {
    const source_kind *kind;
    void *self;
    source_spec spec;
    uint32_t *numbers; /* by the source's own number */
    size_t partitions;
    bool aside; /* no input of the plan: its blocks name partitions of others (batches/retries.h) */
    bool started;
} intake_input;

typedef struct intake {
    intake_input *inputs;
    size_t input_count;
    origins origins;
    position *positions; /* beside origins.at */
    size_t room;         /* of both; once the job runs they stay where they are */
    bool silent;         /* the outside is not told how far it is read */
    bool full;           /* there is no room for partitions that were added, which was told */
    size_t shares;       /* partitions among which this is shared out: */
    size_t bytes_max;    /* that one batch may take */
    int64_t rate_max;    /* records per second and partition; 0: no limit */
    int64_t lags;        /* of all positions, of a cut under back-pressure */
    double
        pressure;   /* records per second of all partitions, shared out by lag; 0: no limit. Under the lock */
    buffer scratch; /* of one call, under the lock */
    pthread_mutex_t mutex;
} intake;

typedef struct batch_range {
    uint32_t partition;
    int64_t from, until, end;
} batch_range;

/* A batch that was cut. Its ranges never change again. */
typedef struct batch {
    int64_t id, time_ms, interval_ms;
    int64_t rate_max; /* records per second and partition that held when it was cut; 0: no limit */
    bool catch_up, journaled;
    bool replayed; /* from the journal: an attempt before this start may have written some of it */
    buffer ranges; /* of batch_range */
    int64_t submitted_ns, submitted_ms; /* on the monotonic and on the wall clock */
    int64_t unread; /* offsets of all partitions that this run is to read after it; -1: not known */
} batch;

typedef struct intake_block {
    const intake_input *input;
    source_block block;
    uint32_t only; /* 1 + the node where its records go on; 0: all nodes see them */
} intake_block;

void intake_init(intake *intake, const settings *settings);
void intake_done(intake *intake);

/* Adds an opened source: numbers its partitions. The spec is kept. A source that has more of them later gets them numbered
 * by the next cut. */
intake_input *intake_add(intake *intake, const source_kind *kind, const source_spec *spec);
void intake_number(intake *intake, intake_input *input);
/* Before the start: journaled batches will be read again, in order, from where the positions stand. A partition without a
 * position begins with them. Records between checkpoint and journal are DATA_LOSS: nobody would read them. */
sl_result intake_resume(intake *intake, batch *const *replays, size_t count, failure *failure);
/* Starts every source at its partitions' positions; -1 stands for "as the settings say". Called again after SL_RETRY it goes on
 * with those that did not start. */
sl_result intake_start(intake *intake, failure *failure);
/* The number of a partition by its origin_name.name, or -1. */
int64_t intake_find(const intake *intake, const char *name, int32_t partition);

/* After the start, before the first cut: how far every partition is read (int64_t, by number; -1: not at all). */
void intake_reach(intake *intake, buffer *reach);
/* What the source has to say of a partition beside its position; NULL: nothing. */
const char *intake_note(intake *intake, uint32_t number, arena *memory);

/* Fills the batch's ranges with what has arrived, under the limits; *finished: nothing will come after it. */
sl_result intake_cut(intake *intake, batch *batch, bool *finished, failure *failure);
void intake_uncut(intake *intake, const batch *batch); /* the newest cut is taken back */
/* Back-pressure: the next cuts take no more records a second, over all partitions; 0: no limit. Any thread. */
void intake_limit(intake *intake, double records_per_second);
/* The same by partition: rate.max_per_partition from the next cut on. Any thread. */
void intake_rate_max(intake *intake, int64_t records_per_second);
/* Is all of a journaled batch here again? */
sl_result intake_holds(intake *intake, const batch *batch, bool *all, failure *failure);
void intake_take(intake *intake, const batch *batch, buffer *blocks); /* of intake_block */
/* The batch is in the checkpoint: its input is given back, and the outside is told. */
void intake_release(intake *intake, const batch *batch);

void batch_free(batch *batch);

static inline const batch_range *batch_ranges(const batch *batch, size_t *count)
{
    *count = batch->ranges.size / sizeof(batch_range);
    return (const batch_range *)(const void *)batch->ranges.at;
}

#endif
