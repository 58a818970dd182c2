/*
 * sluice/listener.h - told when a batch is submitted, started and completed (Spark: StreamingListener).
 *
 * A listener is one file that defines one `const sl_listener listener_NAME`; a file listeners/NAME.c is `--listen NAME`.
 *
 *     static void completed(void *self, const sl_batch_info *batch)
 *     {
 *         (void)self;
 *         printf("%lld records in %.1f ms\n", (long long)batch->records, batch->processing_ms);
 *     }
 *     const sl_listener listener_lines = { .name = "lines", .about = "a line per batch", .on_batch_completed = completed };
 *
 * Threads: each listener has a thread of its own; its hooks never run at the same time, so it needs no locks. A slow
 * listener never slows a batch: past 1,000 waiting events it loses its own newest copies, which are counted, unless it is
 * `lossless`. Memory: everything handed to a hook is the listener's to read until the hook returns.
 */
#ifndef SLUICE_LISTENER_H
#define SLUICE_LISTENER_H

#include <sluice/log.h>
#include <sluice/types.h>

typedef enum sl_batch_state {
    SL_BATCH_SUBMITTED, /* cut and journaled, waiting for the batch before */
    SL_BATCH_STARTED,
    SL_BATCH_COMPLETED, /* checkpointed */
    SL_BATCH_FAILED     /* this attempt; the same ranges are tried again */
} sl_batch_state;

const char *sl_batch_state_name(sl_batch_state state); /* "submitted", ... */

/* Spark's OffsetRange: the records [from, until) of one partition. end: its end when the batch was cut. */
typedef struct sl_range {
    const char *topic;
    int32_t partition;
    int64_t from, until, end;
} sl_range;

/* A counter that a job's plan brings: "bad_age": rows whose looked-up age was no number. */
typedef struct sl_counter {
    const char *name;
    int64_t value;
} sl_counter;

/* The account of a batch. Of a batch that is not completed, the fields from scheduling_delay_ms on may be zero. */
typedef struct sl_batch_info {
    const char *job;
    int64_t batch_id;      /* 1, 2, 3, ... over all restarts */
    int64_t batch_time_ms; /* T: ms since the epoch, a multiple of the interval that held when it was cut */
    int64_t interval_ms;
    sl_batch_state state;
    int32_t attempt; /* 1, 2, ... */
    bool catch_up;   /* the first batch after an outage or a restart */
    int64_t records; /* really read; gaps make it smaller than the ranges */
    const sl_range *ranges;
    size_t range_count; /* only partitions with something to read */
    /* Offsets of all partitions that this run is to read after this batch: up to the ends found at the start where it
     * ends there (--available-now), else up to the ends when it was cut. -1: not known, as after a restart. */
    int64_t unread;
    /* On the wall clock, ms since the epoch, which may be set back in between; 0: not yet. Of the first attempt's start,
     * and of this attempt's end. */
    int64_t submission_time_ms, processing_start_time_ms, processing_end_time_ms;
    double scheduling_delay_ms, processing_ms, total_delay_ms;
    int64_t written, duplicates, filtered, dead_letters, lookup_missed;
    const sl_counter *counters;
    size_t counter_count;
    const char *error; /* NULL, or why this attempt failed */
} sl_batch_info;

typedef struct sl_listener_place {
    const char *job;
    const char *work_dir; /* NULL in tests without one */
    const char *argument; /* what stood after "NAME:" in --listen NAME:argument, else NULL */
} sl_listener_place;

/* Hooks that are NULL are not called. */
typedef struct sl_listener {
    const char *name, *about;
    bool lossless;
    /* The answer is handed to every hook; NULL with a reason in `error` (256 bytes) refuses the start. */
    void *(*open)(const sl_listener_place *place, char *error);
    void (*close)(void *self);
    void (*on_batch_submitted)(void *self, const sl_batch_info *batch);
    void (*on_batch_started)(void *self, const sl_batch_info *batch);
    void (*on_batch_completed)(void *self, const sl_batch_info *batch);
    void (*on_batch_failed)(void *self, const sl_batch_info *batch);
    /*
     * At start, before all others: the accounts of the newest batches in the checkpoint, as sl_batch_json() printed them,
     * oldest first; at last 0 and NULL: these were all. A crash may have come between the checkpoint and
     * on_batch_completed; what was completed after the last of them is forgotten, and its numbers come again.
     */
    void (*on_batch_recalled)(void *self, int64_t batch_id, const char *account);
} sl_listener;

/*
 * The account as one line of JSON without a line end, as jobs' users read it in `sluice batches --json`. Returns the bytes
 * that the whole line takes, as snprintf does; at most room - 1 of them and a NUL are written.
 */
size_t sl_batch_json(const sl_batch_info *batch, char *at, size_t room);

#endif
