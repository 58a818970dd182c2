/*
 * bench/engine/listens.c - `listens` from memory: parse, join by cached lookup, both counts, documents built, outputs null.
 *
 * 100,000 tracks and 5,000 customers, both by Zipf's law. The rate is that of a stream in which no listen comes twice, with
 * the job's own windows, which still fill up; making the listens and filling the source are not timed. What a batch
 * allocates is counted where every key is known and every page is there: the same listens go round, windows are full.
 *
 *     GOAL memory_rate <million records/s> goal >=14 met|missed
 *     GOAL batch_mallocs, batch_page_faults: on driver and workers, per batch, after warm-up
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { TRACKS = 100000, CUSTOMERS = 5000 };

/* ---- Counting allocations: this program's malloc is in front of the system's ---- */

static atomic_llong mallocs;
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *at, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
    return __libc_realloc(at, size);
}

/* ---- Input ---- */

static void lines_fill(line *lines, size_t count, size_t number, uint64_t *state)
{
    for (size_t i = 0; i < count; i++) {
        unsigned customer = zipf_next(state, CUSTOMERS), track = zipf_next(state, TRACKS);
        line_print(&lines[i], number + i, customer, track, state);
    }
}

/* ---- Measuring ---- */

static long minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* ---- One job, warm, for some batches ---- */

typedef struct trial {
    size_t count, warm, rounds; /* listens a batch; batches before and while it is measured */
    bool again;                 /* each batch brings the same listens */
    const char *cores, *top_window, *interest_window, *pane;
} trial;

typedef struct figures {
    double rate, slowest, fastest, cpu, mallocs, faults; /* M/s; core-seconds per million; per batch */
} figures;

static memory_job *job_open(const trial *trial)
{
    const char *words[] = { "--cores",
                            trial->cores,
                            "--top-window",
                            trial->top_window,
                            "--interest-window",
                            trial->interest_window,
                            trial->pane ? "--top-pane" : NULL,
                            trial->pane,
                            "--interest-pane",
                            trial->pane,
                            NULL };
    return memory_job_open(words, CUSTOMERS);
}

static batch_cost batch_measure(memory_job *run, figures *sums)
{
    long long mallocs_before = atomic_load(&mallocs);
    long faults_before = minor_faults();
    batch_cost cost = memory_job_batch(run, 2000);
    sums->mallocs += (double)(atomic_load(&mallocs) - mallocs_before);
    sums->faults += (double)(minor_faults() - faults_before);
    return cost;
}

static figures measure(const trial *trial)
{
    memory_job *run = job_open(trial);
    line *lines = calloc(trial->count, sizeof *lines);
    uint64_t state = 1;
    double *walls = calloc(trial->rounds, sizeof *walls), *cpus = calloc(trial->rounds, sizeof *cpus);
    double millions = (double)trial->count / 1e6;
    figures got = { 0 }, warming = { 0 };
    for (size_t round = 0; round < trial->warm + trial->rounds; round++) {
        size_t at = round < trial->warm ? 0 : round - trial->warm;
        if (round == 0 || !trial->again)
            lines_fill(lines, trial->count, round * trial->count, &state);
        memory_job_send(run, lines, trial->count);
        batch_cost cost = batch_measure(run, round < trial->warm ? &warming : &got);
        walls[at] = cost.wall_s;
        cpus[at] = cost.cpu_s;
    }
    const sl_batch_info *account = memory_job_account(run);
    if (account->records != (int64_t)trial->count || account->written != account->records)
        printf("WRONG: %" PRId64 " records, %" PRId64 " written\n", account->records, account->written);
    sort_values(walls, trial->rounds);
    got.rate = millions / walls[trial->rounds / 2];
    got.slowest = millions / walls[trial->rounds - 1];
    got.fastest = millions / walls[0];
    got.cpu = median(cpus, trial->rounds) / millions;
    got.mallocs /= (double)trial->rounds;
    got.faults /= (double)trial->rounds;
    memory_job_close(run);
    free(lines);
    free(walls);
    free(cpus);
    return got;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 1000000;
    const char *cores = argc > 2 ? argv[2] : "2";
    figures full = measure(&(trial){ count, 3, 11, false, cores, "30h", "30min", NULL });
    printf(
        "windows of 30 h and 30 min, %zu listens a batch: median %.2f M/s (%.2f to %.2f), %.3f core-seconds per million\n",
        count, full.rate, full.slowest, full.fastest, full.cpu);
    /* Ten batches long, so that as much leaves the windows as enters: the key set is complete, nothing grows any more. */
    figures steady = measure(&(trial){ count / 4, 25, 20, true, cores, "20s", "20s", "2s" });
    printf(
        "windows of 20 s that are full, %zu listens a batch: median %.2f M/s (%.2f to %.2f), %.3f core-seconds per million\n",
        count / 4, steady.rate, steady.slowest, steady.fastest, steady.cpu);
    goal("memory_rate", full.rate, "M/s", GOAL_LEAST, 14);
    goal("batch_mallocs", steady.mallocs, "per_batch", GOAL_MOST, 0);
    goal("batch_page_faults", steady.faults, "per_batch", GOAL_MOST, 0);
    return 0;
}
