/*
 * tests/simulate/life.c - one life of the process: the job `listens` with all of its engine, its file, Redis and Elasticsearch
 * outputs and its lookup in Redis, until it is through, stops, or dies at a step. What two threads do in a real process, the
 * generator's and the driver's, is done here in turns that the dice draw: batches are cut while others wait, and also in the
 * midst of one, where it writes. One worker; batches so small need no more. The engine runs as it is but for this: with ends in
 * memory it tells its listeners on the thread that tells (events_direct), so that a seed does the same every time.
 */
#include "../../jobs/listens.c"
#include <batches/frames.h>
#include <engine_parts.h>
#include <settings.h>
#include <simulate/world.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HELD_MOST = 4, INTERVAL_MS = 1000, MS = 1000000, WORDS = 64 };

static const char *const words_given[] = {
    "simulated",
    "--interval",
    "1s",
    "--cores",
    "1",
    "--work-dir",
    "simulated/kept",
    "--from-offsets",
    "earliest",
    "--from",
    "customers=redis",
    "--to",
    "documents=file:simulated/out",
    "--to",
    "documents=elastic",
    "--to",
    "top_tracks=file:simulated/out",
    "--to",
    "top_tracks=redis",
    "--to",
    "top_tracks=elastic",
    "--to",
    "interests=file:simulated/out",
    "--to",
    "interests=redis",
    "--to",
    "interests=elastic",
    "--top-window",
    "8s",
    "--top-pane",
    "1s",
    "--top-count",
    "3",
    "--interest-window",
    "4s",
    "--interest-pane",
    "1s",
    "--interest-plays",
    "2",
    "--conf",
    "sink.timeout=5s",
    "--max-rate-per-partition",
    "20",
};

static engine *running;
static batch *held[HELD_MOST]; /* cut, in order */
static size_t held_count;
static bool cutting, in_time; /* in_time: a batch at each tick, also without input */
static size_t delivered[TOPIC_PARTITIONS];

static _Noreturn void life_fail(const char *doing, const failure *failure)
{
    world_tell("%s: %s (result %d)", doing, failure->text, (int)failure->result);
    _exit(LIFE_FAILED);
}

/* ---- What goes on ------------------------------------------------------------------------------------------------ */

static void records_deliver(size_t partition, size_t count)
{
    const topic_partition *topic = &the_world->topic[partition];
    for (; count && delivered[partition] < topic->count; count--) {
        const topic_record *record = &topic->at[delivered[partition]++];
        sl_message message = { .origin = { .offset = record->offset, .time_ms = record->time_ms },
                               .value = { record->value, strlen(record->value) } };
        sl_expect(engine_send(running, "lines", (uint32_t)partition, &message) == SL_OK);
    }
}

static void positions_take(void)
{
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++) {
        delivered[p] = 0;
        while (delivered[p] < the_world->topic[p].count &&
               the_world->topic[p].at[delivered[p]].offset < running->intake.positions[p].next)
            delivered[p]++;
    }
}

static bool all_delivered(void)
{
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++)
        if (delivered[p] < the_world->topic[p].count)
            return false;
    return true;
}

static void time_pass(void)
{
    int64_t interval_ns = (int64_t)INTERVAL_MS * MS, ticks = 1;
    if (world_draws(10))
        ticks += (int64_t)dice_below(&the_world->dice, 6);
    the_world->now_ns = (the_world->now_ns / interval_ns + ticks) * interval_ns;
    if (world_draws(60) && the_world->trouble.network) /* somebody sets the clock, less than an hour in all */
        the_world->wall_ahead_ns += ((int64_t)dice_below(&the_world->dice, 1200) - 600) * interval_ns;
}

/* What the generator's thread does at a tick. */
static void batch_cut(void)
{
    failure trouble = { 0 };
    if (held_count == HELD_MOST || cutting)
        return;
    cutting = true;
    batch *made = generator_tick(running->generator, &trouble);
    cutting = false;
    if (made)
        held[held_count++] = made;
    else if (trouble.result != SL_OK && !sl_is_retriable(trouble.result))
        life_fail("cutting a batch", &trouble);
}

static void cut_meanwhile(void)
{
    if (!cutting && in_time && world_draws(the_world->trouble.cut_meanwhile)) {
        records_deliver(dice_below(&the_world->dice, TOPIC_PARTITIONS), dice_below(&the_world->dice, 4));
        batch_cut();
    }
}

/* What the driver does. */
static void batch_run(void)
{
    failure trouble = { 0 };
    if (held_count == 0)
        return;
    batch *next = held[0];
    if (scheduler_run_one(running->scheduler, next, &trouble) != SL_OK)
        life_fail("running a batch", &trouble);
    generator_give_back(running->generator, next);
    memmove(held, held + 1, --held_count * sizeof *held);
}

static void turn_take(void)
{
    switch (dice_below(&the_world->dice, 5)) {
    case 0:
    case 1:
        records_deliver(dice_below(&the_world->dice, TOPIC_PARTITIONS), 1 + dice_below(&the_world->dice, 8));
        break;
    case 2:
        time_pass();
        batch_cut();
        break;
    default: batch_run();
    }
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static void life_open(void)
{
    failure failure = { 0 };
    char *words[WORDS];
    size_t count = sizeof words_given / sizeof *words_given;
    int used;
    unsetenv("HOME");
    unsetenv("XDG_STATE_HOME");
    memcpy(words, words_given, sizeof words_given);
    settings *settings = settings_for(&job);
    if (settings_arguments(settings, (int)count, words, &used, &failure) != SL_OK)
        life_fail("the simulation's own settings", &failure);
    engine_spec spec = { .job = &job,
                         .settings = settings,
                         .clock = &clock_system,
                         .name = job.name,
                         .work_dir = "simulated/kept",
                         .memory = true };
    if (engine_open(&spec, &running, &failure) != SL_OK)
        life_fail("starting", &failure);
    positions_take();
    world_meanwhile = cut_meanwhile;
}

static _Noreturn void life_close(life_end end)
{
    world_meanwhile = NULL;
    for (; held_count; held_count--)
        generator_give_back(running->generator, held[held_count - 1]);
    engine_close(running);
    _exit((int)end);
}

static _Noreturn void reference_run(size_t batches)
{
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++)
        records_deliver(p, SIZE_MAX);
    for (; batches; batches--) {
        the_world->now_ns += (int64_t)INTERVAL_MS * MS;
        batch_cut();
        if (held_count == 0) {
            world_tell("the undisturbed run does not take all journaled batches");
            _exit(LIFE_FAILED);
        }
        batch_run();
    }
    life_close(LIFE_DONE);
}

void life_run(const life_spec *spec)
{
    life_open();
    if (spec->reference)
        reference_run(spec->batches);
    in_time = true;
    while (!all_delivered() || the_world->now_ns / MS < the_world->over_ms) {
        if (the_world->trouble.network && world_draws(400))
            life_close(LIFE_STOPPED);
        turn_take();
    }
    in_time = false;
    for (int i = 0; i < 12; i++) { /* under the rate limit some batches more; then windows forget */
        while (held_count)
            batch_run();
        time_pass();
        batch_cut();
    }
    while (held_count)
        batch_run();
    life_close(LIFE_DONE);
}
