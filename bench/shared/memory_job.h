/*
 * bench/shared/memory_job.h - the job of the program that uses it, with ends in memory and a clock that stands still between
 * batches: no broker, no server, nothing but the engine.
 *
 *     memory_job *run = memory_job_open((const char *[]){ "--to", "documents=null", NULL }, 5000);
 *     memory_job_send(run, lines, count);            // not timed
 *     batch_cost cost = memory_job_batch(run, 2000); // 2 s later: the batch of all that was sent
 *     memory_job_close(run);
 */
#ifndef SHARED_MEMORY_JOB_H
#define SHARED_MEMORY_JOB_H

#include "measure.h"
#include <engine.h>

enum { MEMORY_PARTITIONS = 4 };

typedef struct memory_job memory_job;

typedef struct batch_cost {
    double wall_s, cpu_s;
} batch_cost;

/* `listens`. Options as on the command line, up to a NULL; outputs that are not named go nowhere but are printed. */
memory_job *memory_job_open(const char *const *words, unsigned customers);
/* A job that draws its outputs where they are to go. */
memory_job *memory_job_open_plain(const char *const *words, unsigned customers);
void memory_job_send(memory_job *run, const line *lines, size_t count);
batch_cost memory_job_batch(memory_job *run, int64_t pass_ms);
const sl_batch_info *memory_job_account(const memory_job *run);
void memory_job_close(memory_job *run);

#endif
