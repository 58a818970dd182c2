/*
 * tests/cli/job_double.h - a process that looks like a running job: it holds the lock of a work folder with its process id
 * in it, answers on control.sock, and ends when it is told to stop.
 */
#ifndef TESTS_CLI_JOB_DOUBLE_H
#define TESTS_CLI_JOB_DOUBLE_H

#include <stdbool.h>
#include <sys/types.h>

typedef enum job_double_way {
    DOUBLE_STOPS,     /* when asked on its socket */
    DOUBLE_STAYS,     /* whatever it is asked */
    DOUBLE_IS_SILENT, /* no socket: only its lock, and SIGTERM, show that it is there */
} job_double_way;

pid_t job_double_start(const char *folder, job_double_way way); /* returns when it is there */
void job_double_end(pid_t pid);                                 /* kills it, if it is there, and waits */
bool job_double_was_stopped(pid_t pid);                         /* waits for its end: did it end as asked? */

/* For cmocka, beside folder_stop(): a state folder ($XDG_STATE_HOME) with the work folder of a job "listens". */
int work_folder_make(void **state);

#endif
