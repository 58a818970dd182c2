/*
 * bench/engine/durability.c - what it costs that nothing is lost: `listens` from memory with a work folder, where each batch is
 * journaled and checkpointed, both synced, against the same without one. Rounds of both ways alternate.
 *
 * The batches have as many listens as the job, without a folder, does in 10 ms; and as many as memory allows of what it does
 * in 2 s (argument: 3,000,000), so that this cost is rather too high than too low: what a sync takes is spread over less. Cut,
 * journal, batch and checkpoint come one after another here, while a running job cuts and journals beside its batches.
 *
 *     GOAL durability_2s    <throughput lost> % goal <=3 met|missed
 *     GOAL durability_10ms  <throughput lost> % goal <=15 met|missed
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <stdio.h>
#include <stdlib.h>

enum { TRACKS = 100000, CUSTOMERS = 5000, WARM = 4, ROUNDS_MAX = 101 };

static line *lines_make(size_t count)
{
    line *lines = calloc(count, sizeof *lines);
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++) {
        unsigned customer = zipf_next(&state, CUSTOMERS), track = zipf_next(&state, TRACKS);
        line_print(&lines[i], i, customer, track, &state);
    }
    return lines;
}

static double batch_s(memory_job *run, const line *lines, size_t count, int64_t pass_ms)
{
    memory_job_send(run, lines, count);
    double taken_s = memory_job_batch(run, pass_ms).wall_s;
    if (memory_job_account(run)->written != (int64_t)count)
        give_up("a batch did not write all of its records");
    return taken_s;
}

typedef struct trial {
    const char *interval;
    int64_t interval_ms;
    size_t count, rounds;
} trial;

/* Per cent of the throughput. */
static double cost_measure(const trial *trial, const line *lines)
{
    char folder[300];
    double with[ROUNDS_MAX], without[ROUNDS_MAX];
    work_dir_new(folder, sizeof folder);
    setenv("XDG_STATE_HOME", folder, 1);
    const char *kept[] = { "--interval", trial->interval, "--work-dir", folder, NULL };
    const char *free_of_it[] = { "--interval", trial->interval, NULL };
    memory_job *safe = memory_job_open(kept, CUSTOMERS), *bare = memory_job_open(free_of_it, CUSTOMERS);
    for (size_t round = 0; round < WARM + trial->rounds; round++) {
        size_t at = round < WARM ? 0 : round - WARM;
        with[at] = batch_s(safe, lines, trial->count, trial->interval_ms);
        without[at] = batch_s(bare, lines, trial->count, trial->interval_ms);
    }
    memory_job_close(safe);
    memory_job_close(bare);
    work_dir_remove(folder);
    double safe_ms = 1000 * median(with, trial->rounds), bare_ms = 1000 * median(without, trial->rounds);
    printf("batches of %zu listens: median of %zu rounds %.2f ms with a work folder, %.2f ms without\n",
           trial->count, trial->rounds, safe_ms, bare_ms);
    return 100 * (1 - bare_ms / safe_ms);
}

/* As many as the job does in 10 ms. */
static size_t count_of_10ms(const line *lines, size_t count)
{
    double taken_s[9];
    size_t some = count < 200000 ? count : 200000;
    memory_job *run = memory_job_open((const char *[]){ NULL }, CUSTOMERS);
    for (size_t i = 0; i < WARM; i++)
        batch_s(run, lines, some, 2000);
    for (size_t i = 0; i < 9; i++)
        taken_s[i] = batch_s(run, lines, some, 2000);
    memory_job_close(run);
    size_t fits = (size_t)((double)some * 0.010 / median(taken_s, 9));
    return fits < count ? fits : count;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 3000000;
    line *lines = lines_make(count);
    double long_cost = cost_measure(&(trial){ "2s", 2000, count, 9 }, lines);
    double short_cost = cost_measure(&(trial){ "10ms", 10, count_of_10ms(lines, count), 101 }, lines);
    goal("durability_2s", long_cost, "%", GOAL_MOST, 3);
    goal("durability_10ms", short_cost, "%", GOAL_MOST, 15);
    free(lines);
    return 0;
}
