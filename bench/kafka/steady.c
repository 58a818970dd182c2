/*
 * bench/kafka/steady.c - what `listens` costs while 100,000 records a second come, in batches of 2 s: its CPU time, from
 * outside, over windows of ten seconds, after a start that is left out.
 *
 *     steady SERVERS TOPIC PARTITIONS REDIS
 *
 *     GOAL steady_share <share of one core> % goal <=3
 *
 * Environment: RATE=100000 WINDOWS=3, and settings of the job as SLUICE_...
 */
#include "../shared/listens.h"
#include "../shared/measure.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_S = 12, WINDOW_S = 10, WINDOWS_MOST = 60 };

static pid_t listens_start(const char *const *argv, const char *work_dir)
{
    listens_command command = {
        .servers = argv[1], .topic = argv[2], .redis = argv[4], .work_dir = work_dir
    };
    command.more = (const char *[]){ "--from-offsets", "latest", NULL };
    return child_start(listens_words(&command));
}

static pid_t feed_start(const char *const *argv, unsigned seconds)
{
    char room[16];
    const char *rate = getenv("RATE");
    snprintf(room, sizeof room, "%u", seconds);
    const char *const words[] = { "build/bench/kafka/feed", argv[1], argv[2], argv[3],
                                  rate ? rate : "100000",   "10",    room,    NULL };
    return child_start(words);
}

/* ---- Who takes it ---- */

static double thread_run_s(pid_t pid, const char *thread)
{
    char path[300];
    unsigned long long ran = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &ran) != 1)
        ran = 0;
    fclose(file);
    return (double)ran / 1e9;
}

static void threads_print(pid_t pid, double life_s)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    printf("threads, %% of a core over %.0f s, start included:", life_s);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        double ran = entry->d_name[0] == '.' ? 0 : thread_run_s(pid, entry->d_name);
        if (ran / life_s > 0.0005)
            printf(" %.2f", ran / life_s * 100);
    }
    printf("\n");
    if (folder)
        closedir(folder);
}

/* ---- Were all records read, and when were they done? ---- */

static void accounts_print(const char *work_dir)
{
    char path[400], text[4096];
    double delays[1000], records = 0;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/history.ndjson", work_dir);
    FILE *file = fopen(path, "r");
    while (file && count < 1000 && fgets(text, sizeof text, file)) {
        const char *read = strstr(text, "\"records\":"), *delay = strstr(text, "\"total_delay_ms\":");
        records += read ? strtod(read + 10, NULL) : 0;
        if (delay && read && strtod(read + 10, NULL) > 0)
            delays[count++] = strtod(delay + 17, NULL);
    }
    if (file)
        fclose(file);
    sort_values(delays, count);
    printf("%.0f records in %zu batches; total delay p50 %.1f ms, worst %.1f ms\n", records, count,
           quantile(delays, count, 0.5), quantile(delays, count, 1));
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: steady SERVERS TOPIC PARTITIONS REDIS\n");
        return 2;
    }
    const char *const *words = (const char *const *)(void *)argv;
    const char *wanted = getenv("WINDOWS");
    unsigned windows = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 3;
    double shares[WINDOWS_MOST];
    char work_dir[256];
    windows = windows < 1 ? 1 : windows > WINDOWS_MOST ? WINDOWS_MOST : windows;
    work_dir_new(work_dir, sizeof work_dir);
    pid_t feed = feed_start(words, WARM_S + windows * WINDOW_S + 3);
    sleep(2); /* the topic is made, and its end is somewhere */
    double begin = wall_s();
    pid_t job = listens_start(words, work_dir);
    sleep(WARM_S - 2);
    for (unsigned i = 0; i < windows; i++) {
        double wall = wall_s(), cpu = process_s_of(job);
        sleep(WINDOW_S);
        shares[i] = (process_s_of(job) - cpu) / (wall_s() - wall) * 100;
        if (cpu < 0)
            give_up("listens has ended");
        printf("window %u: %.2f %% of a core\n", i + 1, shares[i]);
    }
    threads_print(job, wall_s() - begin);
    kill(job, SIGTERM);
    waitpid(job, NULL, 0);
    waitpid(feed, NULL, 0);
    accounts_print(work_dir);
    goal("steady_share", median(shares, windows), "%", GOAL_MOST, 3);
    work_dir_remove(work_dir);
    return 0;
}
