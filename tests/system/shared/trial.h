/*
 * tests/system/shared/trial.h - one trial of the job `listens` as a process of its own: its folder, its servers, what was
 * sent to it. A trial starts a mock broker and a Redis server unless it is given others.
 */
#ifndef TESTS_SYSTEM_SHARED_TRIAL_H
#define TESTS_SYSTEM_SHARED_TRIAL_H

#include <servers/redis.h>
#include <stdbool.h>
#include <sys/types.h>
#include <system/shared/made_listens.h>

enum { TRIAL_PATH = 300 };

typedef struct trial {
    char folder[120], work_dir[TRIAL_PATH], out[TRIAL_PATH], log[TRIAL_PATH], redis_dir[TRIAL_PATH];
    char servers[64], topic[32];
    redis_server *redis;
    pid_t broker, job;
    unsigned starts; /* that were told before this one: see trial_stop() */
    made_listens listens;
    const char *fault;                    /* SLUICE_FAULT of the next start */
    const char *disk_fault, *clock_fault; /* SLUICE_DISK_FAULT and SLUICE_CLOCK_FAULT */
    int redis_port, kafka_port;           /* where the job finds them instead; 0: where they are */
    const char *options[40];              /* beside those that all trials have */
    const char *elastic;                  /* its URL: all goes there too; NULL: nothing does */
    int64_t batches_before;               /* a reset: ids go on after these */
    bool documents_there;                 /* documents go there only: then a repeat is a duplicate */
} trial;

/* NULL for `servers`: a mock broker. False when there is no Redis server here: the test skips. */
bool trial_begin(trial *trial, const char *servers, const char *topic, int32_t partitions);
void trial_end(trial *trial);

/* Set a test up with a trial that did not begin, and end it if it did. */
int trial_make(void **state);
int trial_free(void **state);

int64_t trial_now_ms(void); /* of a clock that nobody sets */

/* Options up to NULL. */
void trial_set(trial *trial, const char *option, ...) __attribute__((sentinel));

/* Runs a program of the build to its end; what it prints goes to the trial's log. 128 + N: signal N. */
int trial_run(trial *trial, const char *const *words);
void trial_import(trial *trial); /* made customers, some of them bent in Redis */

void trial_send(trial *trial, size_t count); /* made listens, sent */
void trial_start(trial *trial);
int trial_ended(trial *trial);               /* waits for the job's end */
void trial_signal(trial *trial, int number); /* to the job */
void trial_stop(trial *trial);               /* SIGTERM, and asserts that it ends with 0 */
void trial_finish(trial *trial); /* starts it with --available-now, and asserts that it ends with 0 */

/* Waits until the history tells that all which was sent is done. */
void trial_wait_all(trial *trial);
/* Waits until the job's log has this text as often. */
void trial_wait_log(trial *trial, const char *text, unsigned times);
size_t trial_files(trial *trial);                  /* of documents */
void trial_wait_files(trial *trial, size_t count); /* until there are so many */
unsigned trial_logged(trial *trial, const char *text);

/* What a command prints on standard output. Free it. */
char *trial_output(const char *const *words);

#endif
