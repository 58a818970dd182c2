/*
 * bench/shared/memory_job.c - the engine without threads of its own, one batch per call.
 */
#include "memory_job.h"
#include <settings.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 64 };

struct memory_job {
    settings *settings;
    sl_clock clock;
    engine *engine;
    int64_t offset;
};

extern const sl_job job;

/* Where the outputs of `listens` go. */
static const char *const nowhere[] = {
    "--to", "documents=null", "--to", "top_tracks=null", "--to", "interests=null", NULL,
};

static const char *const usual[] = {
    "--conf", "memory.input=2gb", "--conf", "memory.state=16gb", "--conf", "redis.cache.ttl=1d", NULL,
};

static void words_add(const char **all, int *count, const char *const *more)
{
    while (*more && *count < WORDS_MAX)
        all[(*count)++] = *more++;
}

static void customers_make(engine *engine, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[16], json[400];
        snprintf(key, sizeof key, "%u", i);
        customer_print(i, json, sizeof json);
        engine_know(engine, "customers", key, json);
    }
}

static memory_job *job_open(const char **words, int count, unsigned customers)
{
    memory_job *run = calloc(1, sizeof *run);
    int used;
    failure failure = { 0 };
    words_add(words, &count, usual);
    run->settings = settings_for(&job);
    run->clock = (sl_clock){ .manual = true, .manual_ms = 1795402680000 };
    engine_spec spec = {
        .job = &job, .settings = run->settings, .clock = &run->clock, .name = "bench", .memory = true
    };
    if (settings_arguments(run->settings, count, (char **)(uintptr_t)words, &used, &failure) != SL_OK)
        give_up(failure.text);
    spec.work_dir = settings_text(run->settings, "work.dir"); /* mostly none: nothing is kept */
    if (engine_open(&spec, &run->engine, &failure) != SL_OK)
        give_up(failure.text);
    customers_make(run->engine, customers);
    return run;
}

memory_job *memory_job_open(const char *const *words, unsigned customers)
{
    const char *all[WORDS_MAX] = { "bench" };
    int count = 1;
    words_add(all, &count, nowhere);
    words_add(all, &count, words);
    return job_open(all, count, customers);
}

memory_job *memory_job_open_plain(const char *const *words, unsigned customers)
{
    const char *all[WORDS_MAX] = { "bench" };
    int count = 1;
    words_add(all, &count, words);
    return job_open(all, count, customers);
}

void memory_job_send(memory_job *run, const line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sl_message message = { .origin = { .offset = run->offset + (int64_t)(i / MEMORY_PARTITIONS),
                                           .time_ms = 1795402680000 } };
        message.value = (sl_text){ lines[i].text, lines[i].size };
        engine_send(run->engine, "lines", (uint32_t)(i % MEMORY_PARTITIONS), &message);
    }
    run->offset += (int64_t)((count + MEMORY_PARTITIONS - 1) / MEMORY_PARTITIONS);
}

batch_cost memory_job_batch(memory_job *run, int64_t pass_ms)
{
    failure failure = { 0 };
    run->clock.manual_ms += pass_ms;
    batch_cost cost = { .wall_s = wall_s(), .cpu_s = process_s() };
    if (engine_tick(run->engine, &failure) != SL_OK)
        give_up(failure.text);
    return (batch_cost){ wall_s() - cost.wall_s, process_s() - cost.cpu_s };
}

const sl_batch_info *memory_job_account(const memory_job *run)
{
    return engine_account(run->engine);
}

void memory_job_close(memory_job *run)
{
    engine_close(run->engine);
    settings_free(run->settings);
    free(run);
}
