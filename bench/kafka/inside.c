/*
 * bench/kafka/inside.c - the program `listens` itself, watched from within while 100,000 records a second come from Kafka:
 * when each batch was cut and when it was committed, by the clock on the wall, and what each thread allocates.
 *
 *     inside interval SERVERS TOPIC PARTITIONS REDIS     batches of 2 ms for 20 s
 *     inside memory SERVERS TOPIC PARTITIONS REDIS       batches of 500 ms, windows of 4 s, in which all keys come again
 *
 *     GOAL interval_2ms_late <batches that start more than an interval after their T, or never came> % goal <=0.1
 *     GOAL interval_2ms <p99 of the time from T to the synced checkpoint> ms goal <=4
 *     GOAL batch_mallocs, batch_page_faults <on driver and workers, per batch> goal 0
 *
 * It is the job's own main, with the C library's malloc, write, fdatasync and pthread_create watched: a journal entry that
 * was synced is a cut, a checkpoint's frame that was synced is a commit; both begin with the batch's id and T.
 */
#include "../../jobs/listens.c"
int job_main(int argc, char **argv);
#define main job_main
#include "../../engine/main.c"
#undef main
#include "../shared/listens.h"
#include "../shared/measure.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { BATCHES_MOST = 1 << 16, THREADS_MOST = 64, MARK_AT = 20, STARTS_MOST = 64 };

/* ---- Threads and what they allocate ---- */

typedef struct thread_eye {
    pid_t id;
    bool works; /* driver or worker */
    atomic_llong mallocs;
    long long faults_before, mallocs_before;
} thread_eye;

static thread_eye threads[THREADS_MOST];
static atomic_uint thread_count;
static _Thread_local thread_eye *this_thread;
static _Thread_local bool is_team;

static thread_eye *thread_of_here(void)
{
    if (this_thread == NULL) {
        unsigned number = atomic_fetch_add(&thread_count, 1);
        this_thread = &threads[number < THREADS_MOST ? number : THREADS_MOST - 1];
        this_thread->id = (pid_t)syscall(SYS_gettid);
        this_thread->works = is_team || this_thread->id == getpid();
    }
    return this_thread;
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *at, size_t size);

static void malloc_count(void)
{
    atomic_fetch_add_explicit(&thread_of_here()->mallocs, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    malloc_count();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    malloc_count();
    return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    malloc_count();
    return __libc_realloc(at, size);
}

/* A thread that OpenMP's library starts is a worker. */
typedef struct thread_start {
    void *(*run)(void *);
    void *argument;
    bool is_team;
} thread_start;

static thread_start starts[STARTS_MOST];
static atomic_uint start_count;

static void *start_run(void *argument)
{
    const thread_start *start = argument;
    is_team = start->is_team;
    thread_of_here();
    return start->run(start->argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *found = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &found, sizeof real);
    unsigned number = atomic_fetch_add(&start_count, 1);
    if (number >= STARTS_MOST)
        return real(thread, attributes, run, argument);
    void *address;
    Dl_info from = { 0 };
    memcpy(&address, &run, sizeof address);
    dladdr(address, &from);
    starts[number] = (thread_start){ run, argument, from.dli_fname && strstr(from.dli_fname, "omp") };
    return real(thread, attributes, start_run, &starts[number]);
}

/* The number after the ninth blank behind the name, in which there may be blanks. No allocation here. */
static long long faults_of(pid_t id)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    text[size < 0 ? 0 : size] = '\0';
    const char *at = strrchr(text, ')');
    for (int blanks = 0; at && blanks < 8; blanks++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

/* ---- When ---- */

typedef struct batch_eye {
    int64_t time_ms;
    double cut_ms, written_ms, done_ms; /* after T; 0: not seen */
    long long mallocs, faults;          /* until this batch was committed, since the one before */
} batch_eye;

static batch_eye batches[BATCHES_MOST];
static int64_t last_id;
static bool watches_memory;

static double wall_now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

typedef struct mark {
    bool there;
    int64_t id, time_ms;
} mark;

static _Thread_local mark written; /* the frame that this thread wrote last */

static bool is_named(int file, const char *name)
{
    char path[64], found[512];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    ssize_t size = readlink(path, found, sizeof found - 1);
    found[size < 0 ? 0 : size] = '\0';
    return strstr(found, name) != NULL;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    ssize_t result = syscall(SYS_write, file, bytes, size);
    if (size < MARK_AT + 16 || memcmp(bytes, "SLF1", 4) != 0)
        return result;
    memcpy(&written.id, (const char *)bytes + MARK_AT, 8);
    memcpy(&written.time_ms, (const char *)bytes + MARK_AT + 8, 8);
    written.there = written.id > 0 && written.id < BATCHES_MOST;
    if (written.there && is_named(file, "/checkpoint-")) {
        batches[written.id].time_ms = written.time_ms;
        batches[written.id].written_ms = wall_now_ms() - (double)written.time_ms;
        last_id = written.id;
    }
    return result;
}

static void memory_note(batch_eye *batch)
{
    unsigned count = atomic_load(&thread_count);
    for (unsigned i = 0; i < count && i < THREADS_MOST; i++) {
        thread_eye *thread = &threads[i];
        if (!thread->works)
            continue;
        long long mallocs = atomic_load(&thread->mallocs), faults = faults_of(thread->id);
        batch->mallocs += mallocs - thread->mallocs_before;
        batch->faults += faults - thread->faults_before;
        thread->mallocs_before = mallocs;
        thread->faults_before = faults;
    }
}

int fdatasync(int file)
{
    int result = (int)syscall(SYS_fdatasync, file);
    double now = wall_now_ms();
    if (!written.there)
        return result;
    batch_eye *batch = &batches[written.id];
    if (is_named(file, "/journal"))
        batch->cut_ms = now - (double)written.time_ms;
    else if (is_named(file, "/checkpoint-")) {
        batch->done_ms = now - (double)written.time_ms;
        if (watches_memory)
            memory_note(batch);
    }
    written.there = false;
    return result;
}

/* ---- The run ---- */

typedef struct trial {
    const char *interval, *window, *every_ms;
    int64_t interval_ms;
    int warm_s, measured_s;
} trial;

static const trial trials[] = { { "2ms", "30min", "2", 2, 4, 20 }, { "500ms", "4s", "10", 500, 14, 16 } };
static const trial *wanted;

static pid_t feed_start(char **argv)
{
    char seconds[16];
    const char *rate = getenv("RATE");
    snprintf(seconds, sizeof seconds, "%d", wanted->warm_s + wanted->measured_s + 3);
    const char *const words[] = { "build/bench/kafka/feed", argv[2],          argv[3], argv[4],
                                  rate ? rate : "100000",   wanted->every_ms, seconds, NULL };
    return child_start(words);
}

static void *stop_later(void *argument)
{
    sleep((unsigned)(wanted->warm_s + wanted->measured_s));
    kill(getpid(), SIGTERM);
    return argument;
}

static void job_run(char **argv, const char *work_dir)
{
    pthread_t stopper;
    int count = 0;
    listens_command command = {
        .servers = argv[2], .topic = argv[3], .redis = argv[5], .work_dir = work_dir
    };
    command.more = (const char *[]){ "--from-offsets",
                                     "latest",
                                     "--conf",
                                     "redis.cache.ttl=1d",
                                     "--interval",
                                     wanted->interval,
                                     "--top-window",
                                     wanted->window,
                                     "--top-pane",
                                     "1s",
                                     "--interest-pane",
                                     "1s",
                                     "--interest-window",
                                     wanted->window,
                                     NULL };
    const char *const *words = listens_words(&command);
    while (words[count])
        count++;
    signals_block(); /* in the stopper, too */
    pthread_create(&stopper, NULL, stop_later, NULL);
    if (job_main(count, (char **)(uintptr_t)words) != 0)
        give_up("listens ended with an error");
    pthread_join(stopper, NULL);
}

/* ---- Figures ---- */

/* Scheduling delays stand in the history, by id. */
static void delays_read(const char *work_dir, double *delays)
{
    char path[400], text[4096];
    snprintf(path, sizeof path, "%s/history.ndjson", work_dir);
    FILE *file = fopen(path, "r");
    while (file && fgets(text, sizeof text, file)) {
        const char *id = strstr(text, "\"batch_id\":"), *delay = strstr(text, "\"scheduling_delay_ms\":");
        long long number = id ? strtoll(id + 11, NULL, 10) : 0;
        if (delay && number > 0 && number < BATCHES_MOST)
            delays[number] = strtod(delay + 22, NULL);
    }
    if (file)
        fclose(file);
}

static void parts_print(const char *what, double *values, size_t count)
{
    sort_values(values, count);
    printf("%-36s p50 %6.2f ms   p99 %6.2f   p99.9 %6.2f   worst %6.2f\n", what, quantile(values, count, 0.5),
           quantile(values, count, 0.99), quantile(values, count, 0.999), quantile(values, count, 1));
}

typedef struct spans {
    size_t count, empty, late, missed;
    double cut_ms[BATCHES_MOST], start_ms[BATCHES_MOST], done_ms[BATCHES_MOST]; /* of those with input */
} spans;

/* A batch without input is written, and not synced: it began before it was written. */
static void spans_take(spans *spans, const double *delays)
{
    int64_t from_ms = batches[last_id].time_ms - wanted->measured_s * 1000, before_ms = 0;
    for (int64_t id = 1; id <= last_id; id++) {
        const batch_eye *batch = &batches[id];
        bool full = batch->cut_ms != 0 && batch->done_ms != 0;
        double start_ms = full ? batch->cut_ms + delays[id] : batch->written_ms;
        if (batch->written_ms == 0 || batch->time_ms < from_ms)
            continue;
        if (before_ms)
            spans->missed += (size_t)((batch->time_ms - before_ms) / wanted->interval_ms - 1);
        before_ms = batch->time_ms;
        spans->late += start_ms > (double)wanted->interval_ms;
        spans->empty += !full;
        if (!full)
            continue;
        spans->cut_ms[spans->count] = batch->cut_ms;
        spans->start_ms[spans->count] = start_ms;
        spans->done_ms[spans->count++] = batch->done_ms;
    }
}

static void interval_report(const char *work_dir)
{
    static double delays[BATCHES_MOST];
    static spans found;
    delays_read(work_dir, delays);
    spans_take(&found, delays);
    size_t all = found.count + found.empty + found.missed;
    printf("%zu batches with input, %zu without, %zu started late, %zu never came; with input, after T:\n",
           found.count, found.empty, found.late, found.missed);
    parts_print("  cut and journaled", found.cut_ms, found.count);
    parts_print("  started", found.start_ms, found.count);
    parts_print("  committed", found.done_ms, found.count);
    goal("interval_2ms_late", (double)(found.late + found.missed) / (double)all * 100, "%", GOAL_MOST, 0.1);
    goal("interval_2ms", quantile(found.done_ms, found.count, 0.99), "ms", GOAL_MOST, 4);
}

static void memory_report(void)
{
    size_t count = 0;
    double mallocs = 0, faults = 0;
    int64_t from_ms = batches[last_id].time_ms - wanted->measured_s * 1000;
    for (int64_t id = 1; id <= last_id; id++) {
        if (batches[id].done_ms == 0 || batches[id].time_ms < from_ms)
            continue;
        mallocs += (double)batches[id].mallocs;
        faults += (double)batches[id].faults;
        count++;
    }
    if (getenv("VERBOSE"))
        for (int64_t id = 1; id <= last_id; id++)
            printf("batch %lld: %lld mallocs, %lld faults\n", (long long)id, batches[id].mallocs,
                   batches[id].faults);
    unsigned working = 0;
    for (unsigned i = 0; i < THREADS_MOST; i++)
        working += threads[i].works;
    printf("%zu batches of 500 ms from Kafka; %u threads are driver and workers\n", count, working);
    goal("batch_mallocs", mallocs / (double)count, "per_batch", GOAL_MOST, 0);
    goal("batch_page_faults", faults / (double)count, "per_batch", GOAL_MOST, 0);
}

int main(int argc, char **argv)
{
    char work_dir[256];
    if (argc != 6 || (strcmp(argv[1], "interval") != 0 && strcmp(argv[1], "memory") != 0)) {
        fprintf(stderr, "usage: inside interval|memory SERVERS TOPIC PARTITIONS REDIS\n");
        return 2;
    }
    watches_memory = !strcmp(argv[1], "memory");
    wanted = &trials[watches_memory];
    work_dir_new(work_dir, sizeof work_dir);
    pid_t feed = feed_start(argv);
    sleep(2);
    job_run(argv, work_dir);
    waitpid(feed, NULL, 0);
    if (watches_memory)
        memory_report();
    else
        interval_report(work_dir);
    work_dir_remove(work_dir);
    return 0;
}
