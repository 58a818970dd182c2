/*
 * records/block.h - a piece of one partition's input, which a worker opens into messages.
 */
#ifndef RECORDS_BLOCK_H
#define RECORDS_BLOCK_H

#include <base/arena.h>
#include <sluice/types.h>

typedef struct source_block {
    uint32_t partition;  /* the engine's number, given to take() */
    uint32_t local;      /* the source's own, which may leave it 0 */
    int64_t from, until; /* read() gives only messages of these offsets */
    const void *data;    /* the source's own */
    size_t size;
} source_block;

/* A worker's place in a block it is reading; zeroed before the first read. It is copied: another worker may read on
 * from a place that it had earlier. */
typedef struct source_reading {
    size_t at; /* the source's own, like the next two */
    uint32_t inside[3];
    const void *unpacked;
    unsigned worker; /* who reads: less than source_spec.workers */
    arena *memory;   /* of the worker, lives as long as the batch */
} source_reading;

/* What one read() gives. */
typedef struct source_messages {
    sl_message *at;
    size_t room, count; /* count is read()'s: 0 when the block is done */
} source_messages;

#endif
