/*
 * bench/engine/restart.c - how long does a job take that finds 1 GB of state in its work folder? `listens` from memory counts
 * pairs of customer and track, each in one pane, until its account tells so many bytes of state; then it is opened again. A
 * running job would read its first record right after.
 *
 *     GOAL restart_1gb  <seconds> s goal <=2 met|missed      of the fastest of three: the file is in memory then
 *
 *     restart [million bytes of state, default 1000]
 */
#include "../../jobs/listens.c"
#include "../shared/memory_job.h"
#include <stdio.h>
#include <stdlib.h>

enum { CUSTOMERS = 5000, LISTENS = 250000, FIRST_TRACK = 1000000, ROUNDS = 3 };

static int64_t state_bytes(const memory_job *run)
{
    const sl_batch_info *account = memory_job_account(run);
    int64_t bytes = 0;
    for (size_t i = 0; i < account->state_count; i++)
        bytes += account->states[i].bytes;
    return bytes;
}

static int64_t state_keys(const memory_job *run)
{
    const sl_batch_info *account = memory_job_account(run);
    int64_t keys = 0;
    for (size_t i = 0; i < account->state_count; i++)
        keys += account->states[i].keys;
    return keys;
}

/* Pair after pair. */
static void state_fill(memory_job *run, int64_t bytes)
{
    line *lines = calloc(LISTENS, sizeof *lines);
    uint64_t state = 2, pair = 0;
    do {
        for (size_t i = 0; i < LISTENS; i++, pair++)
            line_print(&lines[i], pair, (unsigned)(pair % CUSTOMERS),
                       FIRST_TRACK + (unsigned)(pair / CUSTOMERS), &state);
        memory_job_send(run, lines, LISTENS);
        memory_job_batch(run, 2000);
    } while (state_bytes(run) < bytes);
    free(lines);
}

int main(int argc, char **argv)
{
    int64_t bytes = (int64_t)(1e6 * (argc > 1 ? strtod(argv[1], NULL) : 1000));
    char folder[300];
    work_dir_new(folder, sizeof folder);
    setenv("XDG_STATE_HOME", folder, 1);
    const char *words[] = {
        "--work-dir", folder,  "--top-window",    "30h",   "--interest-window", "30h",
        "--top-pane", "10min", "--interest-pane", "10min", "--interest-plays",  "1000000000",
        NULL
    };
    memory_job *run = memory_job_open(words, CUSTOMERS);
    state_fill(run, bytes);
    int64_t keys = state_keys(run);
    printf("state: %lld bytes, %lld keys\n", (long long)state_bytes(run), (long long)keys);
    memory_job_close(run);
    double taken_s[ROUNDS], least_s = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        taken_s[round] = wall_s();
        run = memory_job_open(words, 0);
        taken_s[round] = wall_s() - taken_s[round];
        least_s = taken_s[round] < least_s ? taken_s[round] : least_s;
        printf("opened in %.2f s\n", taken_s[round]);
        memory_job_close(run);
    }
    work_dir_remove(folder);
    goal("restart_1gb", least_s, "s", GOAL_MOST, 2);
    return 0;
}
