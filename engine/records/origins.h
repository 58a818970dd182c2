/*
 * records/origins.h - what the engine's partition numbers mean. New ones are added while a batch is cut, under the intake's
 * lock; whoever got a number from a batch may read what stands there without it.
 */
#ifndef RECORDS_ORIGINS_H
#define RECORDS_ORIGINS_H

#include <sluice/types.h>
#include <stdatomic.h>

typedef struct origin_name {
    char *topic;
    char *
        name; /* what journal, checkpoint and dead letters call it: "realtime", "realtime~2" once it was made anew */
    int32_t partition;
    int32_t incarnation; /* see source_partition */
    char *id; /* what stands before the offset in a document's id: "realtime-0-", "realtime~2-0-" */
    size_t id_size;
    atomic_bool over; /* nothing comes of it any more, and all is done: its position is forgotten */
    bool aside;       /* no partition of an input, but of retried dead letters: no record comes from it */
} origin_name;

typedef struct origins {
    origin_name *at; /* by sl_origin.partition; stays where it is once the job runs */
    size_t count;    /* once the job runs: under the lock */
} origins;

/* How far a partition of the input is read, for who keeps that outside the checkpoint. */
typedef struct origin_reach {
    const char *topic;
    int32_t partition;
    int64_t until;
    const char *note; /* the source's, for its next start: which file it is; NULL: none */
} origin_reach;

/* By partition, then by offset: <0, 0, >0. */
static inline int origin_compare(const sl_origin *a, const sl_origin *b)
{
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

#endif
