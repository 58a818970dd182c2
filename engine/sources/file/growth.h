/*
 * sources/file/growth.h - a thread that waits on inotify and tells when a watched file grew, or when the names in a folder
 * changed. It reads nothing itself. A zeroed watch does nothing.
 */
#ifndef SOURCES_FILE_GROWTH_H
#define SOURCES_FILE_GROWTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct file_growth {
    int notify, end; /* inotify and eventfd of the thread */
    bool runs;
    atomic_bool moved; /* names changed since growth_moved() was asked */
    pthread_t thread;
    void (*wake)(void *argument); /* from the thread, at every event */
    void *argument;
} file_growth;

/* False: the system gives none (errno says why). */
bool growth_start(file_growth *growth, void (*wake)(void *argument), void *argument);
void growth_stop(file_growth *growth);

/* An open file, whatever its name. Returns a number for growth_forget(), or -1. */
int growth_file(file_growth *growth, int file);
void growth_forget(file_growth *growth, int number);
/* The folders in which files of a pattern may appear. Those that are watched already stay. */
void growth_folders(file_growth *growth, const char *pattern);

/* Have names changed? Without a thread that could tell: yes. */
bool growth_moved(file_growth *growth);

#endif
