/*
 * records/origins.h - what the engine's partition numbers mean. Written by the driver between batches, read by workers.
 */
#ifndef RECORDS_ORIGINS_H
#define RECORDS_ORIGINS_H

#include <sluice/types.h>

typedef struct origin_name {
    char *topic;
    int32_t partition;
    char *id; /* what stands before the offset in a document's id: "realtime-0-" */
    size_t id_size;
    bool aside; /* no partition of an input, but of retried dead letters: no record comes from it */
} origin_name;

typedef struct origins {
    origin_name *at; /* by sl_origin.partition */
    size_t count;
} origins;

#endif
