/*
 * tests/batches/job_run.c - the engine, batch by batch.
 */
#include <base/memory.h>
#include <batches/job_run.h>
#include <settings.h>
#include <stdlib.h>
#include <string.h>

static sl_result settings_read(settings *settings, const char *options, failure *failure)
{
    char *copy = memory_text(options), *rest = copy, *word, *words[64] = { (char *)(uintptr_t) "test" };
    int count = 1, used;
    while ((word = strsep(&rest, " ")) && count < 64)
        if (*word)
            words[count++] = word;
    sl_result result = settings_set(settings, "workers", "2", "the test", failure);
    if (result == SL_OK)
        result = settings_arguments(settings, count, words, &used, failure);
    free(copy);
    return result;
}

sl_result job_run_open(job_run *run, const sl_job *tested, const char *options)
{
    failure_clear(&run->failure);
    run->clock.manual = true;
    run->settings = settings_for(tested);
    SL_TRY(settings_read(run->settings, options, &run->failure));
    run->interval_ms = settings_ms(run->settings, "batch.interval");
    engine_spec spec = { .job = tested, .settings = run->settings, .clock = &run->clock, .memory = true };
    spec.name = tested->name;
    spec.work_dir = settings_text(run->settings, "work.dir");
    return engine_open(&spec, &run->engine, &run->failure);
}

void job_run_close(job_run *run)
{
    engine_close(run->engine);
    settings_free(run->settings);
    buffer_done(&run->scratch);
    run->engine = NULL;
    run->settings = NULL;
    run->scratch = (buffer){ 0 };
}

void job_run_send(job_run *run, uint32_t partition, const char *value)
{
    job_run_send_text(run, partition, value ? (sl_text){ value, strlen(value) } : (sl_text){ 0 }, -1);
}

void job_run_send_text(job_run *run, uint32_t partition, sl_text value, int64_t time_ms)
{
    sl_message message = { .origin = { .time_ms = time_ms }, .value = value };
    sl_expect(engine_send(run->engine, "lines", partition, &message) == SL_OK);
}

sl_result job_run_batch(job_run *run)
{
    return job_run_batch_at(run, run->clock.manual_ms + run->interval_ms);
}

sl_result job_run_batch_at(job_run *run, int64_t now_ms)
{
    run->clock.manual_ms = now_ms;
    failure_clear(&run->failure);
    return engine_tick(run->engine, &run->failure);
}

const char *job_run_wrote(job_run *run, const char *output)
{
    return engine_wrote(run->engine, output, &run->scratch);
}

const sl_batch_info *job_run_account(job_run *run)
{
    return engine_account(run->engine);
}

bool job_run_adds_up(const sl_batch_info *batch)
{
    return batch->records == batch->written + batch->duplicates + batch->filtered + batch->dead_letters;
}
