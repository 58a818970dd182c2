/*
 * engine.h - a job with all its parts: built, started and stopped in order (Spark: StreamingContext).
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <base/clock.h>
#include <base/settings.h>
#include <batches/scheduler.h>
#include <sluice/job.h>
#include <stdio.h>

typedef struct engine engine;

typedef struct engine_spec {
    const sl_job *job;
    const settings *settings;
    const sl_clock *clock;
    const char *name;     /* of the job, as --name says */
    const char *work_dir; /* NULL: nothing is kept, as in most tests */
    bool memory;          /* tests: ends in memory, no threads */
} engine_spec;

/* Everything is connected and read back; nothing runs yet. */
sl_result engine_open(const engine_spec *spec, engine **opened, failure *failure);
sl_result engine_run(engine *engine, failure *failure); /* until it is stopped, or its input ended. Driver */
void engine_stop(engine *engine);                       /* finish the running batch and end. Any thread */
void engine_close(engine *engine);                      /* NULL is fine */
scheduler_totals engine_totals(engine *engine);
const void *engine_options(const engine *engine);

/* Tests: one interval, one batch; what the parts hold. */
sl_result engine_tick(engine *engine, failure *failure);
sl_result engine_send(engine *engine, const char *input, uint32_t partition, const sl_message *message);
bool engine_know(engine *engine, const char *lookup, const char *key, const char *json);
const char *engine_wrote(engine *engine, const char *output, buffer *scratch);
const sl_batch_info *engine_account(const engine *engine);

/* --explain: the plan and the places of the spec's job, after all checks that touch nothing. */
sl_result engine_explain(const engine_spec *spec, buffer *out, failure *failure);

/* --doctor: are the servers and topics of the job there? See doctor.h. */
sl_result engine_doctor(const engine_spec *spec, FILE *out, failure *failure);

#endif
