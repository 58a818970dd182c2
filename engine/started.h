/*
 * started.h - how a job was started: the file `command` in its work folder, so that a command can start its program in the same
 * way, to explain its plan or to run a batch again, when the job itself is gone.
 *
 *     {"program":".../jobs/listens","folder":"...","words":["--interval","1s"],
 *      "environment":["SLUICE_REDIS_URL=redis://..."]}
 *
 * Settings may be secrets: nobody but its owner may read it.
 */
#ifndef STARTED_H
#define STARTED_H

#define STARTED_FILE "command"

/* A job runs without it: what goes wrong is a line in the log. */
void started_leave(const char *work_dir, char *const *words, char *const *environment);

#endif
