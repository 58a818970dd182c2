/*
 * bench/peers/watch.c - runs a program that works in batches and tells what it took of time, processor and memory.
 *
 *     watch [-s] COUNT PROGRAM [WORD ...]
 *
 * The program says "[batchCompleted] T records=N ... total_delay_ms=D" on its standard output after each batch. At each such
 * line the clock and its processor time are read from here, so that nobody measures himself. The first half of COUNT is
 * warm-up: "warm", share and delays are of the batches after it. -s: with COUNT records done, it is asked to end (SIGTERM).
 * After SECONDS it is killed.
 */
#include "../shared/measure.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 200000, SECONDS = 150 };

typedef struct sample {
    double wall_s, cpu_s, delay_ms; /* since the start */
    long long records;              /* so far */
} sample;

static sample samples[BATCHES];
static size_t sample_count;
static volatile pid_t child;

static void too_late(int signal)
{
    (void)signal;
    kill(child, SIGKILL);
}

static FILE *program_start(char **words)
{
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(words[0], words);
        perror(words[0]);
        _exit(127);
    }
    close(ends[1]);
    signal(SIGALRM, too_late);
    alarm(SECONDS);
    return fdopen(ends[0], "r");
}

static double number_after(const char *line, const char *name)
{
    const char *found = strstr(line, name);
    return found ? strtod(found + strlen(name), NULL) : 0;
}

static void batches_read(FILE *from, double started, long long stop_at)
{
    char line[1024];
    long long records = 0;
    while (fgets(line, sizeof line, from)) {
        long long more = (long long)number_after(line, " records=");
        if (strncmp(line, "[batchCompleted]", 16) != 0 || more == 0 || sample_count == BATCHES)
            continue;
        records += more;
        samples[sample_count++] = (sample){ .wall_s = wall_s() - started,
                                            .cpu_s = process_s_of(child),
                                            .delay_ms = number_after(line, "total_delay_ms="),
                                            .records = records };
        if (stop_at && records >= stop_at)
            kill(child, SIGTERM);
    }
}

static void delays_tell(size_t warm)
{
    size_t count = sample_count - warm;
    double *delays = calloc(count, sizeof *delays);
    for (size_t i = 0; i < count; i++)
        delays[i] = samples[warm + i].delay_ms;
    sort_values(delays, count);
    printf(" p50=%.1f p99=%.1f max=%.1f last=%.1f", quantile(delays, count, 0.5),
           quantile(delays, count, 0.99), delays[count - 1], samples[sample_count - 1].delay_ms);
    free(delays);
}

static void tell(long long count, double whole_s, double cpu_s, double rss_mb)
{
    const sample *last = &samples[sample_count - 1];
    size_t warm = 0;
    while (warm + 1 < sample_count && samples[warm].records < count / 2)
        warm++;
    double millions = (double)last->records / 1e6;
    double warm_millions = (double)(last->records - samples[warm].records) / 1e6;
    double warm_s = last->wall_s - samples[warm].wall_s, warm_cpu_s = last->cpu_s - samples[warm].cpu_s;
    printf("records=%lld batches=%zu rate=%.3f cpu=%.3f", last->records, sample_count, millions / whole_s,
           cpu_s / millions);
    if (warm_millions > 0)
        printf(" warm_rate=%.3f warm_cpu=%.3f share=%.1f", warm_millions / warm_s, warm_cpu_s / warm_millions,
               100 * warm_cpu_s / warm_s);
    printf(" rss=%.0f first=%.0f", rss_mb, samples[0].wall_s * 1000);
    delays_tell(warm);
    printf("\n");
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    int at = argc > 1 && !strcmp(argv[1], "-s") ? 2 : 1;
    if (argc < at + 2) {
        fprintf(stderr, "usage: see bench/peers/watch.c\n");
        return 2;
    }
    long long count = strtoll(argv[at], NULL, 10);
    double started = wall_s();
    FILE *from = program_start(argv + at + 1);
    if (from == NULL)
        give_up("watch: no pipe");
    batches_read(from, started, at == 2 ? count : 0);
    struct rusage usage;
    int status = 0;
    wait4(child, &status, 0, &usage);
    double whole_s = wall_s() - started;
    long long records = sample_count ? samples[sample_count - 1].records : 0;
    if (records < count || (status != 0 && at == 1)) {
        fprintf(stderr, "watch: %s ended with status %d after %lld of %lld records\n", argv[at + 1], status,
                records, count);
        return 1;
    }
    tell(count, whole_s, seconds(usage.ru_utime) + seconds(usage.ru_stime), (double)usage.ru_maxrss / 1024);
    return 0;
}
