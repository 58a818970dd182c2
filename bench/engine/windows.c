/*
 * bench/engine/windows.c - does a long window cost more than a short one? `listens` from memory with windows of 30 h and of
 * 30 min, both full, with a batch a minute: each batch brings one pane, and one pane leaves. The same listens go round, so
 * that both windows hold the same keys, and nothing differs but how many panes there are: 1,800 and 30.
 *
 *     GOAL window_length <CPU time a record at 30 h / at 30 min> x goal <=1.1
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    TRACKS = 100000,
    CUSTOMERS = 5000,
    LISTENS = 20000,
    SETS = 5,
    ROUNDS = 7,
    BATCHES = 10,
    MINUTE_MS = 60000
};

static line *sets[SETS];

static void sets_make(void)
{
    uint64_t state = 1;
    for (size_t s = 0; s < SETS; s++) {
        sets[s] = calloc(LISTENS, sizeof *sets[s]);
        for (size_t i = 0; i < LISTENS; i++) {
            unsigned customer = zipf_next(&state, CUSTOMERS), track = zipf_next(&state, TRACKS);
            line_print(&sets[s][i], i, customer, track, &state);
        }
    }
}

/* CPU seconds of `count` batches. */
static double batches_run(memory_job *run, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        memory_job_send(run, sets[i % SETS], LISTENS);
        sum += memory_job_batch(run, MINUTE_MS).cpu_s;
    }
    return sum;
}

static memory_job *window_open(const char *length, size_t minutes)
{
    const char *words[] = { "--cores", "1", "--top-window", length, "--interest-window", length, NULL };
    memory_job *run = memory_job_open(words, CUSTOMERS);
    batches_run(run, minutes + SETS); /* full, and pages of panes go round */
    return run;
}

int main(void)
{
    double ratios[ROUNDS], longs[ROUNDS], shorts[ROUNDS], per_record = 1e9 / (double)(BATCHES * LISTENS);
    sets_make();
    memory_job *long_one = window_open("30h", 1800), *short_one = window_open("30min", 30);
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 2)
            shorts[round] = batches_run(short_one, BATCHES) * per_record;
        longs[round] = batches_run(long_one, BATCHES) * per_record;
        if (round % 2 == 0)
            shorts[round] = batches_run(short_one, BATCHES) * per_record;
        ratios[round] = longs[round] / shorts[round];
    }
    printf("windows of 30 h: %.0f ns of CPU a record; of 30 min: %.0f ns\n", median(longs, ROUNDS),
           median(shorts, ROUNDS));
    goal("window_length", median(ratios, ROUNDS), "x", GOAL_MOST, 1.1);
    memory_job_close(long_one);
    memory_job_close(short_one);
    for (size_t s = 0; s < SETS; s++)
        free(sets[s]);
    return 0;
}
