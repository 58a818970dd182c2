/*
 * bench/engine/listens.c - `listens` from memory: parse, join by cached lookup, both counts, documents built, outputs null.
 *
 * Batches of the same listens go round (100,000 tracks and 5,000 customers, both by Zipf's law), so that after the first
 * ones every key is known and every page is there; those rounds are not timed. Filling the source is not timed either.
 * The rate is taken with the job's own windows, which still fill up; what a batch allocates, with windows that are full.
 *
 *     GOAL memory_rate <million records/s> goal >=8 met|missed
 *     GOAL batch_mallocs, batch_page_faults: on driver and workers, per batch, after warm-up
 */
#include "../../jobs/listens.c"
#include <engine.h>
#include <inttypes.h>
#include <math.h>
#include <settings.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { TRACKS = 100000, CUSTOMERS = 5000, PARTITIONS = 4 };

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

static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

/* 0 .. count-1, the r-th with a weight of about 1 / (r + 1). */
static unsigned zipf_next(uint64_t *state, unsigned count)
{
    double u = (double)(random_next(state) >> 11) / 9007199254740992.0;
    unsigned rank = (unsigned)(pow((double)count + 1, u) - 1);
    return rank < count ? rank : count - 1;
}

typedef struct line {
    char text[64];
    unsigned size;
} line;

static line *lines_make(size_t count)
{
    line *lines = calloc(count, sizeof *lines);
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++) {
        unsigned customer = zipf_next(&state, CUSTOMERS), track = zipf_next(&state, TRACKS);
        unsigned second = (unsigned)(random_next(&state) % 60),
                 zip = (unsigned)(random_next(&state) % 100000);
        lines[i].size = (unsigned)snprintf(lines[i].text, sizeof lines[i].text,
                                           "%zu,%u,%u,\"2014-10-23 03:26:%02u\",%u,\"%05u\"", i, customer,
                                           track, second, zip & 1, zip);
    }
    return lines;
}

static void customers_make(engine *engine)
{
    for (unsigned i = 0; i < CUSTOMERS; i++) {
        char key[16], json[400];
        snprintf(key, sizeof key, "%u", i);
        snprintf(
            json, sizeof json,
            "{\"name\":\"Customer Number %u\",\"age\":\"%u\",\"gender\":\"%u\",\"zip\":\"%05u\",\"Address\":\"%u Easy Gate Bend\","
            "\"SignDate\":\"01/13/2013\",\"Status\":\"1\",\"Level\":\"%u\",\"Campaign\":\"4\",\"LinkedWithApps\":\"1\"}",
            i, 10 + i % 60, i % 5 < 3 ? 0 : 1, i * 13 % 100000, 10000 + i, i % 3);
        engine_know(engine, "customers", key, json);
    }
}

static void send_all(engine *engine, const line *lines, size_t count, int64_t *offset)
{
    for (size_t i = 0; i < count; i++) {
        sl_message message = { .origin = { .offset = *offset + (int64_t)(i / PARTITIONS),
                                           .time_ms = 1795402680000 } };
        message.value = (sl_text){ lines[i].text, lines[i].size };
        engine_send(engine, "lines", (uint32_t)(i % PARTITIONS), &message);
    }
    *offset += (int64_t)(count / PARTITIONS);
}

/* ---- Measuring ---- */

static double now_s(clockid_t id)
{
    struct timespec at;
    clock_gettime(id, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static long minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void goal(const char *name, double value, const char *unit, const char *bound, bool met)
{
    printf("GOAL %s %.3g %s goal %s %s\n", name, value, unit, bound, met ? "met" : "missed");
}

/* ---- One job, warm, for some batches ---- */

typedef struct trial {
    size_t count, warm, rounds; /* listens a batch; batches before and while it is measured */
    const char *cores, *top_window, *interest_window, *pane;
} trial;

typedef struct figures {
    double rate, slowest, fastest, cpu, mallocs, faults; /* M/s; core-seconds per million; per batch */
} figures;

static _Noreturn void give_up(const failure *failure)
{
    fprintf(stderr, "%s\n", failure->text);
    exit(1);
}

static engine *engine_make(const trial *trial, settings *settings, const sl_clock *clock)
{
    const char *words[] = { "bench",
                            "--to",
                            "documents=null",
                            "--to",
                            "top_tracks=null",
                            "--to",
                            "interests=null",
                            "--conf",
                            "memory.input=2gb",
                            "--conf",
                            "redis.cache.ttl=1d",
                            "--cores",
                            trial->cores,
                            "--top-window",
                            trial->top_window,
                            "--interest-window",
                            trial->interest_window,
                            trial->pane ? "--top-pane" : NULL,
                            trial->pane,
                            "--interest-pane",
                            trial->pane };
    int used, count = trial->pane ? sizeof words / sizeof words[0] : 17;
    failure failure = { 0 };
    engine *made = NULL;
    engine_spec spec = { .job = &job, .settings = settings, .clock = clock, .name = "bench", .memory = true };
    if (settings_arguments(settings, count, (char **)(uintptr_t)words, &used, &failure) != SL_OK ||
        engine_open(&spec, &made, &failure) != SL_OK)
        give_up(&failure);
    customers_make(made);
    return made;
}

static void batch_measure(engine *engine, double *wall, double *cpu, figures *sums)
{
    failure failure = { 0 };
    long long mallocs_before = atomic_load(&mallocs);
    long faults_before = minor_faults();
    *wall = now_s(CLOCK_MONOTONIC);
    *cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    if (engine_tick(engine, &failure) != SL_OK)
        give_up(&failure);
    *wall = now_s(CLOCK_MONOTONIC) - *wall;
    *cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - *cpu;
    sums->mallocs += (double)(atomic_load(&mallocs) - mallocs_before);
    sums->faults += (double)(minor_faults() - faults_before);
}

static figures measure(const trial *trial)
{
    settings *settings = settings_for(&job);
    sl_clock clock = { .manual = true, .manual_ms = 1795402680000 };
    engine *engine = engine_make(trial, settings, &clock);
    line *lines = lines_make(trial->count);
    double *walls = calloc(trial->rounds, sizeof *walls), *cpus = calloc(trial->rounds, sizeof *cpus);
    double millions = (double)trial->count / 1e6;
    figures got = { 0 }, warming = { 0 };
    int64_t offset = 0;
    for (size_t round = 0; round < trial->warm + trial->rounds; round++) {
        size_t at = round < trial->warm ? 0 : round - trial->warm;
        send_all(engine, lines, trial->count, &offset);
        clock.manual_ms += 2000;
        batch_measure(engine, &walls[at], &cpus[at], round < trial->warm ? &warming : &got);
    }
    const sl_batch_info *account = engine_account(engine);
    if (account->records != (int64_t)trial->count || account->written != account->records)
        printf("WRONG: %" PRId64 " records, %" PRId64 " written\n", account->records, account->written);
    qsort(walls, trial->rounds, sizeof *walls, by_value);
    qsort(cpus, trial->rounds, sizeof *cpus, by_value);
    got.rate = millions / walls[trial->rounds / 2];
    got.slowest = millions / walls[trial->rounds - 1];
    got.fastest = millions / walls[0];
    got.cpu = cpus[trial->rounds / 2] / millions;
    got.mallocs /= (double)trial->rounds;
    got.faults /= (double)trial->rounds;
    engine_close(engine);
    settings_free(settings);
    free(lines);
    free(walls);
    free(cpus);
    return got;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 1000000;
    const char *cores = argc > 2 ? argv[2] : "2";
    figures full = measure(&(trial){ count, 3, 11, cores, "30h", "30min", NULL });
    printf(
        "windows of 30 h and 30 min, %zu listens a batch: median %.2f M/s (%.2f to %.2f), %.3f core-seconds per million\n",
        count, full.rate, full.slowest, full.fastest, full.cpu);
    /* Ten batches long, so that as much leaves the windows as enters: the key set is complete, nothing grows any more. */
    figures steady = measure(&(trial){ count / 4, 25, 20, cores, "20s", "20s", "2s" });
    printf(
        "windows of 20 s that are full, %zu listens a batch: median %.2f M/s (%.2f to %.2f), %.3f core-seconds per million\n",
        count / 4, steady.rate, steady.slowest, steady.fastest, steady.cpu);
    goal("memory_rate", full.rate, "M/s", ">=8", full.rate >= 8);
    goal("batch_mallocs", steady.mallocs, "per_batch", "0", steady.mallocs == 0);
    goal("batch_page_faults", steady.faults, "per_batch", "0", steady.faults == 0);
    return 0;
}
