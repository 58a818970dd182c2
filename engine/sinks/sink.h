/*
 * sinks/sink.h - the contract of a sink kind: a place to which an output is written.
 *
 * One file sinks/NAME.c defines `const sink_kind sink_NAME`; "NAME:target" is a place for --to. A sink says how rows are
 * written; batches, order, retries of a batch and accounts are the engine's.
 *
 * Life of a batch, for each place of each output:
 *
 *     begin    driver   drops whatever an earlier attempt left behind
 *     rows     workers  any number of times, each worker with its own writer number; may send when enough is gathered
 *     flush    workers  once per writer: returns when everything the writer was handed is safe, or has failed
 *     replace  driver   instead of rows: an output with `whole`
 *     commit   driver   once, when every writer of every place has flushed: make it visible (rename, commit)
 *
 * Writes are idempotent, since a failed batch comes again from begin with the same rows: ids from origins and create-only,
 * or whole values guarded by the batch time. A result of SL_RETRY fails this attempt of the batch; anything else but SL_OK
 * stops the job. Short troubles (one 429, one reset) are retried inside, within `sink.timeout`.
 * A writer belongs to one worker at a time: no locks. flush(0) and replace are called from the driver as well.
 */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include <base/settings.h>
#include <records/document.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct sink_spec {
    const sl_output *output;  /* as the job drew it; lives as long as the sink */
    const sl_schema *schema;  /* of the rows */
    const document *document; /* prints them */
    const origins *origins;
    const char
        *target; /* what stood after "elastic:"; "" when nothing: the job's own name for it (output->index) */
    const settings *settings;
    const char *job;
    const char *work_dir; /* NULL in tests without one */
    unsigned writers;
    bool first_run;          /* the job has no checkpoint yet */
    bool take_over;          /* --take-over: take fences that another job's name owns */
    bool bare;               /* documents without @timestamp and _id: dead letters */
    int64_t deadline_ns;     /* open waits for servers until then, by clock_ns(); 0: as it likes */
    const atomic_bool *stop; /* becomes true when waiting has no point any more */
} sink_spec;

/* What became of single records, where it was not "written". Filled by sinks, one list per writer. */
typedef struct sink_exception {
    sl_origin origin;
    bool refused;     /* for good: becomes a dead letter. Else: it was there already */
    char detail[216]; /* the server's reason when refused */
} sink_exception;

typedef struct sink_batch {
    int64_t id, time_ms;
    int32_t attempt;
    buffer *exceptions;          /* of sink_exception, by writer; emptied by the engine before begin */
    const origin_reach *reached; /* all of the input, after it; lives as long as the batch */
    size_t reached_count;
} sink_batch;

/* What a place itself keeps of the last batch that it took, with how far its input was read then. */
typedef struct sink_kept {
    int64_t batch_id, time_ms; /* 0: nothing */
    bool whole;                /* every position is there */
    buffer reached;            /* of origin_reach; their texts are the caller's to free */
} sink_kept;

static inline void sink_note(const sink_batch *batch, unsigned writer, const sink_exception *exception)
{
    buffer_append(&batch->exceptions[writer], exception, sizeof *exception);
}

static inline void sink_kept_done(sink_kept *memory)
{
    const origin_reach *reached = (const origin_reach *)(const void *)memory->reached.at;
    for (size_t i = 0; i < memory->reached.size / sizeof *reached; i++) {
        free((void *)(uintptr_t)reached[i].topic);
        free((void *)(uintptr_t)reached[i].note);
    }
    buffer_done(&memory->reached);
}

typedef struct sink_rows {
    const void *at;
    size_t count;
    uint64_t
        sequence; /* of the chunk within the batch: files are written in this order, whoever worked on it */
} sink_rows;

/* An output with `whole`: all its rows, by group. */
typedef struct sink_group {
    const void *key_row; /* a row in which the fields of `whole` are filled */
    const void *rows;    /* in order; may be none */
    size_t count;
    bool changed;          /* differs from what was last written */
    const sl_text *fallen; /* ids of documents that were last written and are no more */
    size_t fallen_count;
} sink_group;

typedef struct sink_kind {
    const char *name, *about;
    const setting *settings; /* ends with { 0 }; NULL: none */

    /* SL_RETRY: called again, with back-off, until the start-up timeout. *self is untouched on failure. */
    sl_result (*open)(const sink_spec *spec, void **self, failure *failure);
    void (*close)(void *self); /* NULL is fine */
    sl_result (*begin)(void *self, const sink_batch *batch,
                       failure *failure); /* `batch` lives until commit */
    sl_result (*rows)(void *self, unsigned writer, const sink_rows *rows, failure *failure);
    sl_result (*flush)(void *self, unsigned writer, failure *failure);
    sl_result (*replace)(void *self, const sink_group *groups, size_t count, failure *failure);
    sl_result (*commit)(void *self, failure *failure);
    /* Before open: what the place keeps of earlier batches. SL_RETRY as there. NULL: no such place keeps any. */
    sl_result (*recall)(const sink_spec *spec, sink_kept *memory, failure *failure);
    /* Tests: the last committed batch's documents, a line each; NULL where a kind cannot. */
    const char *(*wrote)(void *self);
} sink_kind;

#endif
