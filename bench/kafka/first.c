/*
 * bench/kafka/first.c - how long `listens` takes from exec to its first committed batch, seen from outside: a small topic is
 * there, --available-now makes a batch of it, and the console tells when that batch is done. Its customers are unknown and
 * asked for; its checkpoint is synced. Where the first batch has got part of the topic only, the last one counts.
 *
 *     first SERVERS TOPIC COUNT REDIS
 *
 *     GOAL first_batch_ms <median of the rounds> ms goal <=50
 */
#include "../shared/listens.h"
#include "../shared/measure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { ROUNDS = 11, WARM = 2 };

typedef struct moments {
    double submitted_ms, done_ms, end_ms; /* since exec */
} moments;

static moments moments_read(FILE *console, double begin, long count)
{
    char line[1024];
    moments at = { 0 };
    while (fgets(line, sizeof line, console)) {
        double now_ms = (wall_s() - begin) * 1000;
        const char *records = strstr(line, " records=");
        if (!strncmp(line, "[batchSubmitted]", 16) && at.submitted_ms == 0)
            at.submitted_ms = now_ms;
        if (!strncmp(line, "[batchCompleted]", 16) && records) {
            count -= strtol(records + 9, NULL, 10);
            at.done_ms = count == 0 ? now_ms : 0;
        }
    }
    return at;
}

static moments round_run(char **argv)
{
    char dir[256];
    int status = 0;
    pid_t job;
    work_dir_new(dir, sizeof dir);
    listens_command command = { .servers = argv[1], .topic = argv[2], .redis = argv[4], .work_dir = dir };
    command.more = (const char *[]){ "--available-now", "--listen", "console", NULL };
    const char *const *words = listens_words(&command);
    double begin = wall_s();
    FILE *console = child_start_heard(words, &job);
    moments at = moments_read(console, begin, strtol(argv[3], NULL, 10));
    fclose(console);
    waitpid(job, &status, 0);
    at.end_ms = (wall_s() - begin) * 1000;
    if (status != 0 || at.done_ms == 0)
        give_up("listens did not finish the topic");
    work_dir_remove(dir);
    return at;
}

int main(int argc, char **argv)
{
    double submitted[ROUNDS], done[ROUNDS], end[ROUNDS];
    if (argc != 5) {
        fprintf(stderr, "usage: first SERVERS TOPIC COUNT REDIS\n");
        return 2;
    }
    for (int round = -WARM; round < ROUNDS; round++) {
        moments at = round_run(argv);
        if (round < 0)
            continue;
        submitted[round] = at.submitted_ms;
        done[round] = at.done_ms;
        end[round] = at.end_ms;
    }
    double found = median(done, ROUNDS);
    printf("%s listens, ms from exec: cut %.1f, committed %.1f (%.1f to %.1f), ended %.1f\n", argv[3],
           median(submitted, ROUNDS), found, done[0], done[ROUNDS - 1], median(end, ROUNDS));
    goal("first_batch_ms", found, "ms", GOAL_MOST, 50);
    return 0;
}
