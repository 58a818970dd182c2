/*
 * supervise.h - `sluice submit --supervise`: a process that starts the job again when it died.
 *
 *     supervisor ---fork--> job       restarted after a pause that grows, when a signal killed it, or with exit code 1 or 3
 *         |                           not after an end that another start would only repeat (0, 2, 4, 5, 6)
 *         +-- <work-dir>/supervisor   its process id, how often it restarted the job and why; locked while it lives
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <base/settings.h>

typedef struct supervise_spec {
    const settings *settings;
    const char *name, *work_dir;
    /* The log is opened only to tell something: while the job runs it is the job's. */
    sl_result (*log_start)(const settings *settings, const char *work_dir, failure *failure);
} supervise_spec;

typedef struct supervised { /* what a job knows of its supervisor */
    bool is;                /* there is one */
    bool killed;            /* the process before this one ended by SIGKILL */
    int64_t restarts;
} supervised;

/* Comes back in each job process with *is_job true and *code -1; in the supervisor at its end, with the exit code of the last job. Called
 * before any thread is started. */
sl_result supervise(const supervise_spec *spec, bool *is_job, int *code, failure *failure);

supervised supervise_told(void);

#endif
