/*
 * tests/servers/process.h - what a real server needs that a script beside this file starts: a folder, a guard, ports. The
 * guard, a shell that waits at a pipe, stops the server and removes its folder when the test program closes the pipe or dies.
 *
 * Scripts read the environment: RUN is the folder; what else they read is set before each call, since another server's
 * script may have been started in between. What fails here aborts the test.
 */
#ifndef TESTS_SERVERS_PROCESS_H
#define TESTS_SERVERS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    SERVER_CANNOT_BE_HAD = 77, /* a script's exit status */
    SERVER_TRIES = 2           /* with other ports, which another process may have taken meanwhile */
};

typedef struct server_process {
    const char *script; /* "tests/servers/kafka.sh" */
    char folder[200];
    pid_t guard;
    int pipe; /* as long as it is open the guard waits */
} server_process;

/* A new folder for it; `kind` is a part of its name. */
void server_process_init(server_process *process, const char *script, const char *kind);
void server_process_guard(server_process *process);
int server_process_start(const server_process *process); /* the script's exit status */
void server_process_end(server_process *process);        /* by the guard */
void server_process_kill(const server_process *process); /* returns when it is gone, and its port is free */
void server_process_hang(const server_process *process, bool hangs);

/* A port that is free, as are so many behind it. */
unsigned ports_find(unsigned more);
bool port_is_free(unsigned port);

#endif
