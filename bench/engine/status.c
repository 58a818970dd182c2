/*
 * bench/engine/status.c - what it costs that everything can be seen.
 *
 * The driver's CPU time: what it spends to tell of an empty batch (started, completed, three outputs, a lookup) to the
 * listeners that are always there, with their threads asleep before each batch as they are in a job, less the same without
 * listeners. The median of 10,000 batches each, in turn.
 *
 * Throughput, in CPU time of the whole process: `listens` from memory in batches of 100,000, told to a metrics listener on
 * the driver's own thread, which is more than a job pays, against none; rounds of both ways alternate.
 *
 *     GOAL status_driver      <CPU time> us a batch goal <=20 met|missed
 *     GOAL status_throughput  <CPU time more> % goal <=1 met|missed
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <batches/events.h>
#include <http/recent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCHES = 10000, LISTENS = 100000, ROUNDS = 41, WARM = 4, CUSTOMERS = 5000, TRACKS = 100000 };

extern const sl_listener listener_prometheus, listener_history;

static const sl_output_info outputs[] = {
    { .id = 0, .name = "documents", .description = "elastic:ba_realtime2" },
    { .id = 1, .name = "top_tracks", .description = "redis, elastic:ba_top_tracks" },
    { .id = 2, .name = "interests", .description = "redis, elastic:ba_interest" }
};
static const sl_step steps[] = { { "reading", 1000 }, { "merging", 1000 }, { "flushing", 1000 } };
static const sl_lookup_info lookups[] = { { .name = "customers" } };

static sl_batch_info empty_batch(int64_t id)
{
    return (sl_batch_info){ .job = "listens",
                            .batch_id = id,
                            .batch_time_ms = id * 2000,
                            .interval_ms = 2000,
                            .attempt = 1,
                            .steps = steps,
                            .step_count = 3,
                            .outputs = outputs,
                            .output_count = 3,
                            .lookups = lookups,
                            .lookup_count = 1 };
}

static void quiet_wait(events *events)
{
    events_listener all[8];
    for (bool busy = true; busy; sched_yield()) {
        busy = false;
        for (size_t i = events_listeners(events, all, 8); i-- > 0;)
            busy = busy || all[i].waiting;
    }
}

static double batch_tell(events *events, int64_t id)
{
    sl_batch_info batch = empty_batch(id);
    events_tell(events, &batch); /* the generator's thread tells it */
    quiet_wait(events);
    double before_s = thread_s();
    batch.state = SL_BATCH_STARTED;
    events_tell(events, &batch);
    for (size_t i = 0; i < 3; i++)
        events_tell_of(events, EVENT_OUTPUT_STARTED, &outputs[i]);
    for (size_t i = 0; i < 3; i++)
        events_tell_of(events, EVENT_OUTPUT_COMPLETED, &outputs[i]);
    events_tell_of(events, EVENT_LOOKUP, &lookups[0]);
    batch.state = SL_BATCH_COMPLETED;
    events_tell(events, &batch);
    double spent_s = thread_s() - before_s;
    quiet_wait(events);
    return spent_s;
}

static double driver_us(void)
{
    static double with[BATCHES], without[BATCHES];
    char folder[300];
    failure failure = { 0 };
    work_dir_new(folder, sizeof folder);
    sl_listener_place place = { "listens", folder, NULL };
    events *told = events_new(), *bare = events_new();
    recent *recent = recent_new("listens", 1000);
    if (events_attach(told, &recent_listener, recent, &failure) != SL_OK ||
        events_add(told, &listener_prometheus, &place, &failure) != SL_OK ||
        events_add(told, &listener_history, &place, &failure) != SL_OK)
        give_up(failure.text);
    for (int64_t i = 0; i < BATCHES; i++) {
        with[i] = batch_tell(told, i + 1);
        without[i] = batch_tell(bare, i + 1);
    }
    events_free(told);
    events_free(bare);
    recent_free(recent);
    work_dir_remove(folder);
    double told_us = 1e6 * median(with, BATCHES), bare_us = 1e6 * median(without, BATCHES);
    printf("an empty batch: median of %d, %.1f us of the driver's CPU with listeners, %.1f us without\n",
           BATCHES, told_us, bare_us);
    return told_us - bare_us;
}

static double batch_s(memory_job *run, const line *lines)
{
    memory_job_send(run, lines, LISTENS);
    return memory_job_batch(run, 2000).cpu_s;
}

static double throughput_lost(void)
{
    double with[ROUNDS], without[ROUNDS];
    line *lines = calloc(LISTENS, sizeof *lines);
    uint64_t state = 1;
    for (size_t i = 0; i < LISTENS; i++)
        line_print(&lines[i], i, zipf_next(&state, CUSTOMERS), zipf_next(&state, TRACKS), &state);
    memory_job *told = memory_job_open((const char *[]){ "--listen", "prometheus", NULL }, CUSTOMERS);
    memory_job *bare = memory_job_open((const char *[]){ NULL }, CUSTOMERS);
    for (size_t round = 0; round < WARM + ROUNDS; round++) {
        size_t at = round < WARM ? 0 : round - WARM;
        with[at] = batch_s(told, lines);
        without[at] = batch_s(bare, lines);
    }
    memory_job_close(told);
    memory_job_close(bare);
    free(lines);
    double told_ms = 1000 * median(with, ROUNDS), bare_ms = 1000 * median(without, ROUNDS);
    printf(
        "batches of %d listens: median of %d rounds %.2f ms of CPU with a metrics listener, %.2f ms without\n",
        LISTENS, ROUNDS, told_ms, bare_ms);
    return 100 * (1 - bare_ms / told_ms);
}

int main(void)
{
    double spent_us = driver_us(), lost = throughput_lost();
    goal("status_driver", spent_us, "us", GOAL_MOST, 20);
    goal("status_throughput", lost, "%", GOAL_MOST, 1);
    return 0;
}
