/*
 * bench/shared/measure.c - clocks, medians, GOAL lines, made-up listens, child processes.
 */
#include "measure.h"
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Clocks ---- */

static double clock_s(clockid_t id)
{
    struct timespec at;
    if (clock_gettime(id, &at) != 0)
        return -1;
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

double wall_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

double process_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

double thread_s(void)
{
    return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

double process_s_of(pid_t pid)
{
    clockid_t id;
    return clock_getcpuclockid(pid, &id) == 0 ? clock_s(id) : -1;
}

/* ---- Figures ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

void sort_values(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
}

double median(double *values, size_t count)
{
    sort_values(values, count);
    return values[count / 2];
}

double quantile(const double *sorted, size_t count, double share)
{
    size_t at = (size_t)(share * (double)count);
    return count == 0 ? 0 : sorted[at < count ? at : count - 1];
}

void goal(const char *name, double value, const char *unit, goal_sense sense, double bound)
{
    bool met = sense == GOAL_LEAST ? value >= bound : value <= bound;
    printf("GOAL %s %.3g %s goal %s%g %s\n", name, value, unit,
           sense == GOAL_LEAST ? ">="
           : bound == 0        ? ""
                               : "<=",
           bound, met ? "met" : "missed");
    fflush(stdout);
}

/* ---- Input ---- */

uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

unsigned zipf_next(uint64_t *state, unsigned count)
{
    double u = (double)(random_next(state) >> 11) / 9007199254740992.0;
    unsigned rank = (unsigned)(pow((double)count + 1, u) - 1);
    return rank < count ? rank : count - 1;
}

void line_print(line *line, uint64_t number, unsigned customer, unsigned track, uint64_t *state)
{
    unsigned second = (unsigned)(random_next(state) % 60), zip = (unsigned)(random_next(state) % 100000);
    line->size =
        (unsigned)snprintf(line->text, sizeof line->text, "%llu,%u,%u,\"2014-10-23 03:26:%02u\",%u,\"%05u\"",
                           (unsigned long long)number, customer, track, second, zip & 1, zip);
}

void customer_print(unsigned number, char *json, size_t room)
{
    snprintf(
        json, room,
        "{\"name\":\"Customer Number %u\",\"age\":\"%u\",\"gender\":\"%u\",\"zip\":\"%05u\",\"Address\":\"%u Easy Gate Bend\","
        "\"SignDate\":\"01/13/2013\",\"Status\":\"1\",\"Level\":\"%u\",\"Campaign\":\"4\",\"LinkedWithApps\":\"1\"}",
        number, 10 + number % 60, number % 5 < 3 ? 0 : 1, number * 13 % 100000, 10000 + number, number % 3);
}

/* ---- Child processes ---- */

static pid_t child_start_into(const char *const *words, int output)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (output != STDOUT_FILENO)
            dup2(output, STDOUT_FILENO);
        execv(words[0], (char *const *)(uintptr_t)words);
        perror(words[0]);
        _exit(127);
    }
    return child;
}

pid_t child_start(const char *const *words)
{
    return child_start_into(words, STDOUT_FILENO);
}

FILE *child_start_heard(const char *const *words, pid_t *child)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        give_up("no pipe");
    *child = child_start_into(words, ends[1]);
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

child_figures child_run(const char *const *words)
{
    struct rusage usage;
    int status = 0;
    double from = wall_s();
    wait4(child_start(words), &status, 0, &usage);
    if (status != 0) {
        fprintf(stderr, "%s ended with status %d\n", words[0], status);
        exit(1);
    }
    return (child_figures){ wall_s() - from, seconds(usage.ru_utime) + seconds(usage.ru_stime),
                            (double)usage.ru_maxrss / 1024 };
}

void work_dir_new(char *path, size_t room)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(path, room, "%s/sluice-bench-XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(path) == NULL)
        give_up("no folder for the job");
}

static int entry_remove(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

void work_dir_remove(const char *path)
{
    nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

void give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}
