/*
 * bench/engine/keys.c - does it cost more to count among many keys than among few, and what memory does a key take?
 * `listens` from memory among 100,000 pairs of customer and track, and among 10 million, drawn evenly: with the many, no
 * record finds its key in a cache. The pairs are all there before anything is measured. No pair reaches an interest's
 * number of plays, so that both print the same.
 *
 *     GOAL key_count <rate among 10 M keys / among 100 k> x goal >=0.9       by CPU time
 *     GOAL bytes_per_key <what the process grew by for each key> B goal <=40 all touched in one pane
 *
 *     keys [million keys, default 10]
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <stdio.h>
#include <stdlib.h>

enum { CUSTOMERS = 5000, FEW_TRACKS = 20, LISTENS = 250000, ROUNDS = 7, FIRST_TRACK = 1000000, SETS = 4 };

typedef struct trial {
    unsigned tracks;
    line *sets[SETS];
    memory_job *run;
} trial;

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        give_up("/proc/self/statm cannot be read");
    fclose(file);
    return (double)pages * 4096;
}

static double batch_run(trial *trial, const line *lines, size_t count)
{
    memory_job_send(trial->run, lines, count);
    return memory_job_batch(trial->run, 2000).cpu_s;
}

static void sets_draw(trial *trial)
{
    uint64_t state = 1;
    for (size_t s = 0; s < SETS; s++) {
        trial->sets[s] = calloc(LISTENS, sizeof(line));
        for (size_t i = 0; i < LISTENS; i++) {
            unsigned customer = (unsigned)(random_next(&state) % CUSTOMERS);
            unsigned track = FIRST_TRACK + (unsigned)(random_next(&state) % trial->tracks);
            line_print(&trial->sets[s][i], i, customer, track, &state);
        }
    }
}

/* Every pair once; the first LISTENS of them again until `least` listens were sent. */
static void pairs_fill(trial *trial, size_t least)
{
    line *lines = calloc(LISTENS, sizeof *lines);
    uint64_t state = 2, pairs = (uint64_t)trial->tracks * CUSTOMERS;
    size_t count = 0;
    for (uint64_t i = 0; i < pairs || i < least; i++) {
        unsigned pair = (unsigned)(i % pairs);
        line_print(&lines[count++], i, pair % CUSTOMERS, FIRST_TRACK + pair / CUSTOMERS, &state);
        if (count < LISTENS)
            continue;
        batch_run(trial, lines, count);
        count = 0;
    }
    if (count)
        batch_run(trial, lines, count);
    free(lines);
}

static memory_job *job_open(void)
{
    const char *words[] = { "--top-window",
                            "30h",
                            "--interest-window",
                            "30h",
                            "--interest-pane",
                            "10min",
                            "--top-pane",
                            "10min",
                            "--interest-plays",
                            "1000000000",
                            NULL };
    return memory_job_open(words, CUSTOMERS);
}

int main(int argc, char **argv)
{
    double millions = argc > 1 ? strtod(argv[1], NULL) : 10, ratios[ROUNDS], few_ns[ROUNDS], many_ns[ROUNDS];
    trial few = { .tracks = FEW_TRACKS }, many = { .tracks = (unsigned)(millions * 1e6 / CUSTOMERS) };
    few.run = job_open();
    many.run = job_open();
    sets_draw(&few);
    sets_draw(&many);
    pairs_fill(&few, 4 * LISTENS);
    for (int i = 0; i < 4; i++)
        batch_run(&many, few.sets[i % SETS], LISTENS); /* all that does not grow with keys is there */
    double before = resident_bytes(), known = FEW_TRACKS * (double)CUSTOMERS;
    pairs_fill(&many, 0);
    double bytes = (resident_bytes() - before) / (millions * 1e6 - known);
    for (int round = 0; round < ROUNDS; round++) {
        const size_t set = (size_t)round % SETS;
        if (round % 2)
            few_ns[round] = batch_run(&few, few.sets[set], LISTENS) * 1e9 / LISTENS;
        many_ns[round] = batch_run(&many, many.sets[set], LISTENS) * 1e9 / LISTENS;
        if (round % 2 == 0)
            few_ns[round] = batch_run(&few, few.sets[set], LISTENS) * 1e9 / LISTENS;
        ratios[round] = few_ns[round] / many_ns[round];
    }
    printf("among %.1f M keys: %.0f ns of CPU a record; among %.1f M: %.0f ns\n", millions,
           median(many_ns, ROUNDS), known / 1e6, median(few_ns, ROUNDS));
    goal("key_count", median(ratios, ROUNDS), "x", GOAL_LEAST, 0.9);
    goal("bytes_per_key", bytes, "B", GOAL_MOST, 40);
    memory_job_close(few.run);
    memory_job_close(many.run);
    for (size_t s = 0; s < SETS; s++) {
        free(few.sets[s]);
        free(many.sets[s]);
    }
    return 0;
}
