/*
 * tests/simulate/world.h - what outlives a process in the simulation: the disk, the servers, the topic, the time, and the dice
 * from which all troubles are drawn. It lies in memory that the judge shares with the lives it starts: a life is a forked
 * process, so that a crash is a true end of it, whatever it held.
 *
 * Whatever a life does outside of its own memory is a step. Steps are counted, noted in the trace and, with VERBOSE=1, printed;
 * at the step that the judge has drawn the life dies.
 */
#ifndef TESTS_SIMULATE_WORLD_H
#define TESTS_SIMULATE_WORLD_H

#include <stdbool.h>
#include <support/random.h>

enum { TOPIC_PARTITIONS = 3, RECORDS_MAX = 400, VALUE_ROOM = 80, TOLD_ROOM = 2000 };

/* How a life ended. */
typedef enum life_end { LIFE_DONE = 0, LIFE_STOPPED = 61, LIFE_KILLED = 62, LIFE_FAILED = 63 } life_end;

typedef struct topic_record {
    int64_t offset, time_ms;
    char value[VALUE_ROOM];
    bool good;
} topic_record;

typedef struct topic_partition {
    topic_record at[RECORDS_MAX];
    size_t count;
} topic_partition;

typedef struct trouble { /* one time in so many; 0: never */
    unsigned disk_short, disk_full, sync_fails, network, cut_meanwhile;
} trouble;

typedef struct simulated_disk simulated_disk;
typedef struct simulated_servers simulated_servers;

typedef struct world {
    dice dice;
    trouble trouble; /* of this history; all 0: nothing goes wrong */
    int64_t now_ns, wall_ahead_ns, over_ms;
    unsigned life, steps, dies_at; /* dies_at 0: it does not */
    unsigned dies_at_sync;         /* instead: before this sync */
    uint64_t trace;
    bool verbose, sync_failed, was_full;
    unsigned full_for; /* steps */
    char told[TOLD_ROOM];
    topic_partition topic[TOPIC_PARTITIONS];
    simulated_disk *disk;
    simulated_servers *servers;
    size_t used; /* of the heap */
} world;

extern world *the_world;

void world_make(void);           /* once */
void world_begin(uint64_t seed); /* everything empty */
void *world_take(size_t size);   /* zeroed, until the next world_begin() */

/* One time in `times`, never when that is 0. */
bool world_draws(unsigned times);
/* A step; true when the life dies with it: the caller may do half of it, then world_die(). */
bool world_step(const char *what, const char *where, size_t size);
_Noreturn void world_die(void);
/* For the judge's message; the first one stays. */
__attribute__((format(printf, 1, 2))) void world_tell(const char *format, ...);

/* ---- The disk: disk.c. Paths below simulated/ are its own, others are the machine's. ---- */

void disk_begin(void);
void disk_put(const char *path, const char *bytes, size_t size); /* safe at once; NULL: a folder */
void disk_power_cut(void);                                       /* loses or tears what was not synced */
/* What a file holds now; NULL: there is none. */
const char *disk_file_text(const char *path, size_t *size);
/* The i-th file below a folder, in the order of their making; NULL: no more. */
const char *disk_file_below(const char *folder, size_t i);

/* ---- Redis and the search server: servers.c ---- */

void servers_begin(void);
/* All that they hold, sorted, a line each, into memory of the world. */
char *servers_print(void);
/* The document of this id, NULL: none. */
const char *servers_document(const char *index, const char *id);
size_t servers_documents(const char *index);
/* Called at steps between which another thread would run: may cut a batch meanwhile. */
extern void (*world_meanwhile)(void);

/* ---- A life: life.c, and what comes of it: judge.c ---- */

typedef struct life_spec {
    bool reference; /* the journal holds all batches: runs those and no other */
    size_t batches;
} life_spec;
_Noreturn void life_run(const life_spec *spec);

/* One history from its seed. False: it went wrong, the_world->told says how. */
bool history_run(uint64_t seed);

#endif
