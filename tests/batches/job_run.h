/*
 * tests/batches/job_run.h - a job on memory ends and a manual clock, as <sluice/test.h> gives it, but failures come back:
 * of the start, and of a batch.
 */
#ifndef TESTS_BATCHES_JOB_RUN_H
#define TESTS_BATCHES_JOB_RUN_H

#include <engine.h>

typedef struct job_run {
    sl_clock clock;
    settings *settings;
    engine *engine;
    failure failure; /* of the last call */
    int64_t interval_ms;
    buffer scratch;
} job_run;

/* Options as on the command line, cut at blanks. The clock is as it was: a run may be opened again. */
sl_result job_run_open(job_run *run, const sl_job *job, const char *options);
void job_run_close(job_run *run);

void job_run_send(job_run *run, uint32_t partition, const char *value); /* to "lines"; NULL: a tombstone */
void job_run_send_text(job_run *run, uint32_t partition, sl_text value, int64_t time_ms);
sl_result job_run_batch(job_run *run);                    /* an interval passes */
sl_result job_run_batch_at(job_run *run, int64_t now_ms); /* the clock shows this */
const char *job_run_wrote(job_run *run, const char *output);
const sl_batch_info *job_run_account(job_run *run);

/* records = written + duplicates + filtered + dead_letters */
bool job_run_adds_up(const sl_batch_info *batch);

#endif
