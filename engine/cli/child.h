/*
 * cli/child.h - a program started by this one: its output, its end.
 *
 * A child leads a process group of its own, so that Ctrl-C reaches only this process, which then stops its children in
 * their order; the kernel ends them when this process dies in whatever way. What it prints goes to a log file; its
 * standard output may come line by line to this process as well.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <base/buffer.h>
#include <base/failure.h>
#include <sys/types.h>

typedef struct child {
    const char *name;
    pid_t pid; /* 0: not started */
    bool ended;
    int status;   /* as waitpid() gives it */
    int output;   /* its standard output; -1: none, or at its end */
    int copy;     /* of what is read, into the log; -1: none */
    buffer lines; /* read and not handed on yet */
    char log[4096];
} child;

typedef struct child_spec {
    const char *name, *log;
    const char *const *words; /* words[0] is the program's path; ends with NULL */
    bool is_read;             /* its standard output comes to us and then to the log */
} child_spec;

sl_result child_start(child *child, const child_spec *spec, failure *failure);

/* Reads what is there and hands on each whole line, without its end. */
void child_read(child *child, void (*line)(void *argument, const char *line), void *argument);

/* Takes note of its end without waiting; true when it has just ended. */
bool child_reap(child *child);
bool child_is_alive(const child *child);
void child_signal(const child *child, int number);
void child_end(child *child); /* kills it and waits; not started or ended already is fine */

/* "exit code 3", "signal 9" */
void child_fate(const child *child, char at[32]);
bool child_succeeded(const child *child);

#endif
