/*
 * bench/shared/listens.h - the command line of `listens` as benchmarks start it: a topic in, nothing out.
 *
 *     listens_command command = { .servers = "127.0.0.1:9092", .topic = "bench", .redis = "redis://127.0.0.1", .work_dir = dir,
 *                                 .more = (const char *[]){ "--available-now", NULL } };
 *     child_run(listens_words(&command));
 */
#ifndef SHARED_LISTENS_H
#define SHARED_LISTENS_H

enum { LISTENS_WORDS = 48, LISTENS_WORD_ROOM = 256 };

typedef struct listens_command {
    const char *servers, *topic, *redis, *work_dir;
    const char *const *more; /* up to a NULL */
    const char *words[LISTENS_WORDS];
    char room[3][LISTENS_WORD_ROOM];
} listens_command;

/* Valid as long as the command. */
const char *const *listens_words(listens_command *command);

#endif
