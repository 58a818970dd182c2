/*
 * operators/output.h - an output of a job with all the places to which it is written.
 *
 * Three forms: rows of single records (the id is an origin), rows that replace their own older versions (other ids), and
 * lists that are replaced as a whole (`whole`), which are written only when they changed.
 */
#ifndef OPERATORS_OUTPUT_H
#define OPERATORS_OUTPUT_H

#include <operators/operator.h>
#include <sinks/sink.h>

enum { PLACES_MAX = 8 };

typedef struct output_place {
    const sink_kind *kind;
    const char *uri;    /* as the user or the job wrote it */
    const char *target; /* what stood after the kind's name and a colon */
} output_place;

typedef struct output_places {
    output_place at[PLACES_MAX];
    size_t count;
    const origins *origins;
    const char *job, *work_dir;
    bool first_run, take_over, bare;
    const atomic_bool *stop;
    int64_t startup_ms; /* how long an absent server is waited for */
} output_places;

typedef struct output output;

/* What became of the batch's records at an output, over all its places; both lists in the order of origins. */
typedef struct output_fate {
    int64_t rows;                         /* that it was handed in this attempt */
    const sink_exception *refused;        /* for good, in some place */
    const sink_exception *const *present; /* was there already in every place: duplicates */
    size_t refused_count, present_count;
} output_fate;

/* operator_output: spec->place is an output_places. These are called by the executor beside the operator's own calls. */
void output_flush(output *output, sl_task *task); /* worker: everything this worker handed over is safe */
bool output_will_write(output *output);           /* driver, after all merges: has it something to write? */
sl_result output_replace(output *output, failure *failure); /* driver, after all merges */
sl_result output_commit(output *output, failure *failure);  /* driver, after all flushes */
void output_settle(output *output);                         /* driver: the batch is in the checkpoint */
bool output_of_records(const output *output);
output_fate output_find_fate(output *output);           /* until the next batch */
const char *output_wrote(output *output, size_t place); /* tests */

#endif
