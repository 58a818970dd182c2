/*
 * sluice/listener.h - told when a batch is submitted, started and completed, and what else happens to a job (Spark:
 * StreamingListener).
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
    int64_t
        time_ms; /* of the newest record in it, ms since the epoch; 0: none was read yet, or it has none */
} sl_range;

/* A counter that a job's plan brings: "bad_age": rows whose looked-up age was no number. */
typedef struct sl_counter {
    const char *name;
    int64_t value;
} sl_counter;

/*
 * Where a batch's total delay went, by the driver's clock, from barrier to barrier of all workers. The five sum up to
 * total_delay_ms exactly.
 */
typedef struct sl_phases {
    int64_t waiting_ns; /* from the submission to the start of this attempt */
    int64_t work_ns;    /* input is opened, stages and lookups run, documents are printed, keys gathered */
    int64_t merge_ns;   /* keys become state, windows advance, what they give is printed */
    int64_t sinks_ns;   /* sinks send, and wait for the answer of every item */
    int64_t commit_ns;  /* places commit, dead letters are written */
} sl_phases;

/* Workers' time with one step of the plan, of all workers together; with several of them more than the wall clock's. */
typedef struct sl_step {
    const char *name; /* "reading", nodes of the plan by name, "merging", "flushing" */
    int64_t ns;
} sl_step;

/* An output in a batch (Spark: OutputOperationInfo). Outputs are written side by side: their times overlap. */
typedef struct sl_output_info {
    int64_t batch_time_ms;
    int32_t id;                         /* 0, 1, ... in the order in which they are drawn */
    const char *name, *description;     /* its places, "elastic:ba_realtime2, file:out" */
    int64_t start_time_ms, end_time_ms; /* ms since the epoch; 0: not yet */
    const char *error;                  /* NULL, or why this attempt at the batch failed at this output */
} sl_output_info;

/* What a lookup did for a batch. */
typedef struct sl_lookup_info {
    int64_t batch_time_ms;
    const char *name;
    int64_t rows, missed; /* rows that came through, and those of them that no row was found for */
    int64_t asked, found; /* keys that the cache did not hold and were asked for; those that had an answer */
    int64_t asking_ns;    /* how long the answers took */
} sl_lookup_info;

/* What a node of the plan keeps from batch to batch, after this one: together it is what memory.state limits. */
typedef struct sl_state_info {
    const char *name;
    int64_t keys, bytes;
} sl_state_info;

/* A key that took much of a node's rows: they have one owner, who works alone. From a sample of the batch's rows. */
typedef struct sl_hot_key {
    const char *name; /* of the node */
    const char *key;  /* its fields, "0, 56" */
    double share;     /* of the node's rows */
} sl_hot_key;

/* The account of a batch. Of a batch that is not completed, the fields from scheduling_delay_ms on may be zero. */
typedef struct sl_batch_info {
    const char *job;
    int64_t batch_id;      /* 1, 2, 3, ... over all restarts */
    int64_t batch_time_ms; /* T: ms since the epoch, a multiple of the interval that held when it was cut */
    int64_t interval_ms;
    int64_t rate_max; /* records a second and partition that it could take; 0: no limit */
    double
        rate_limit; /* records a second that back-pressure lets the job read; 0: it is off, or has seen no batch yet */
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

    /* Where the time went, once the attempt ended. */
    sl_phases phases;
    const sl_step *steps;
    size_t step_count;
    const char *slowest_topic; /* of the partition that took workers most time; NULL: none */
    int32_t slowest_partition;
    int64_t slowest_partition_ns;
    int32_t workers, slowest_worker;       /* from 0 */
    int64_t slowest_worker_ns, workers_ns; /* at work: the busiest one, and all */
    const sl_output_info *outputs;
    size_t output_count;
    const sl_lookup_info *lookups;
    size_t lookup_count;
    const sl_state_info *states;
    size_t state_count;
    const sl_hot_key *hot_keys; /* of each node the hottest first */
    size_t hot_key_count;
} sl_batch_info;

/* The job runs: before its first batch of this start. */
typedef struct sl_start_info {
    const char *job;
    int64_t time_ms, interval_ms;
    int32_t workers;
    int64_t last_batch_id;         /* of the checkpoint; 0: there is none */
    const sl_output_info *outputs; /* without times */
    size_t output_count;
} sl_start_info;

/* Something went wrong that the job lives with: an attempt failed, or an input cannot be cut. */
typedef struct sl_error_info {
    const char *job;
    int64_t time_ms;
    int64_t batch_time_ms; /* 0: of no batch */
    const char *place;     /* "redis", "elastic", "kafka", "input"; NULL: of none */
    const char *text;
} sl_error_info;

/* No batch goes on, since a server is away or a disk is full; or, with an end, they go on again. */
typedef struct sl_pause_info {
    const char *job;
    int64_t since_ms, until_ms; /* until: 0 while it lasts */
    const char *place, *text;   /* as in sl_error_info */
} sl_pause_info;

/* The rate under which batches are cut was changed. */
typedef struct sl_rate_info {
    const char *job;
    int64_t time_ms;
    double before, records_per_second; /* of all partitions; 0: no limit */
    const char *reason;
} sl_rate_info;

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

    /* Once, when the job begins to run: after everything that is recalled, before every other hook. */
    void (*on_streaming_started)(void *self, const sl_start_info *start);
    /* Each attempt that gets so far starts all outputs; an output is completed, or ends with its error. Before the batch is. */
    void (*on_output_started)(void *self, const sl_output_info *output);
    void (*on_output_completed)(void *self, const sl_output_info *output);
    void (*on_lookup)(void *self,
                      const sl_lookup_info *lookup); /* of batches that used it, before they are completed */
    void (*on_error)(void *self, const sl_error_info *error);
    void (*on_paused)(void *self, const sl_pause_info *pause);
    void (*on_resumed)(void *self, const sl_pause_info *pause);
    void (*on_rate_changed)(void *self, const sl_rate_info *rate);

    /*
     * A page of its own on the job's HTTP server, "/metrics" and its type. page() is called on a thread of the server, also
     * while a hook runs: it locks what it reads. It returns the body, from malloc(), and its size; NULL: there is none now.
     */
    const char *page_path, *page_type;
    char *(*page)(void *self, size_t *size);
} sl_listener;

/* What this process has exchanged with servers of one kind since it began. Sizes are those of what was sent and received. */
typedef struct sl_traffic {
    const char *server; /* "kafka_in": read from; "kafka_out": written to; "redis", "elastic" */
    int64_t requests, answers, bytes_out, bytes_in;
    int64_t records;    /* written to Kafka */
    int64_t latency_ns; /* of all answers together */
    int64_t blocked_ns; /* how long threads of the job stood and waited, together */
} sl_traffic;

/* Any thread. Those that were spoken to; returns how many. */
size_t sl_traffic_now(sl_traffic *at, size_t room);

/*
 * The account as one line of JSON without a line end, as jobs' users read it in `sluice batches --json`. Returns the bytes
 * that the whole line takes, as snprintf does; at most room - 1 of them and a NUL are written.
 */
size_t sl_batch_json(const sl_batch_info *batch, char *at, size_t room);

#endif
