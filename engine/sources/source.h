/*
 * sources/source.h - the contract of a source kind: where an input's messages come from.
 *
 * One file sources/NAME.c defines `const source_kind source_NAME`; "NAME:target" is a place for --from.
 *
 * A source has partitions, each a sequence of offsets. It gathers what arrives by itself; the engine cuts batches from what
 * is there, as *blocks*: pieces of one partition's input that a worker opens into messages. A block may be open already
 * (records/segment.h) or raw bytes that `read` checks, decompresses and decodes.
 *
 *                    driver and generator                        workers
 *     open -> start -> look -> take ----------------> block ----> read, read, ... -> messages
 *                       ^        |                                  |
 *                       +--------+--- release <--- batch committed -+
 *
 * look, take, release and commit are called on one thread at a time, but not always the same; read on any worker, also
 * twice for the same block. The messages of a block live until its range is released.
 */
#ifndef SOURCES_SOURCE_H
#define SOURCES_SOURCE_H

#include <base/arena.h>
#include <base/buffer.h>
#include <base/settings.h>
#include <records/block.h>
#include <records/origins.h>
#include <sluice/job.h>

/* Where to start when there is no position in the checkpoint. */
typedef enum source_start { SOURCE_EARLIEST, SOURCE_LATEST, SOURCE_TIMESTAMP } source_start;

typedef struct source_spec {
    const char *name;   /* as drawn: "lines" */
    const char *target; /* what stood after "kafka:" */
    const settings *settings;
    const char *job;
    const char *work_dir; /* NULL in tests without one */
    source_start start;
    int64_t start_ms; /* of SOURCE_TIMESTAMP */
    const origin_reach
        *starts;         /* where each partition is to start, `until` as source_partition.offset has it */
    size_t start_count;  /* 0: all as `start` says */
    int64_t interval_ms; /* between batches; 0: back to back */
    bool available_now;  /* read up to the ends found at start */
    unsigned workers;    /* that call read() */
    size_t bytes_max;    /* memory.input: gather at most about this much */
    const int64_t *deadline_ns; /* of open and start, as clock_ns() has it: so long they wait for servers */
    const origin_reach *known;  /* of an earlier run, with the source's notes; while it is opened */
    size_t known_count;
    void (*wake)(void *argument); /* call it, from any thread, when something arrived or an end was reached */
    void *wake_argument;
} source_spec;

typedef struct source_partition {
    const char *topic;
    int32_t partition;
    int64_t
        offset; /* where reading goes on; before start() -1: as the spec says, below that: source_at_time() */
    int32_t incarnation; /* of a topic that can be deleted and made anew: 1, 2, ...; 0: of no such thing */
} source_partition;

/* The offset of the first record at or behind a time, which the source is to find (`sluice reset --to-time`). */
static inline int64_t source_at_time(int64_t ms)
{
    return -2 - ms;
}

enum { SOURCE_BEGIN = -2 }; /* source_at_time(0): the first record that there is */

static inline int64_t source_time_of(int64_t offset) /* of one below -1 */
{
    return -2 - offset;
}

/* How much the engine would cut of a partition. */
typedef struct source_wish {
    uint32_t partition;  /* the source's own number */
    int64_t from;        /* where the cut begins */
    int64_t records_max; /* it ends below from + records_max */
    size_t bytes_max;    /* at most about so much */
} source_wish;

/* What of it could be cut now. */
typedef struct source_view {
    int64_t until; /* everything in [from, until) is here */
    int64_t end;   /* the partition's end as last known */
    int64_t goal;  /* how far it is to be read, as known now: with available-now not past where that ends */
    size_t bytes;  /* of it */
    bool finished; /* nothing will come after until: of what ends by itself, or with available-now */
    bool over;     /* nothing will come any more, and all was released: the partition can be forgotten */
} source_view;

typedef struct source_kind {
    const char *name, *about;
    const setting *settings; /* ends with { 0 }; NULL: none */

    /* Connects and finds the partitions. SL_RETRY: called again until the start-up timeout. */
    sl_result (*open)(const source_spec *spec, void **self, failure *failure);
    void (*close)(void *self); /* NULL is fine */

    /* The partitions, in a fixed order; new ones are added at the end. The array lives until the next call. */
    size_t (*partitions)(void *self, source_partition **partitions);
    /* Before start(): a partition of a topic that was read, or cut, and that partitions() does not show. True: it is added, with
     * those before it, and start() will be SL_RETRY until it is there. NULL: what is not shown is gone. */
    bool (*expect)(void *self, const char *topic, int32_t partition);
    /* Starts to gather. Every partition's offset is given, or -1; afterwards each holds the real one. */
    sl_result (*start)(void *self, source_partition *partitions, size_t count, failure *failure);

    /* SL_RETRY: trouble that may pass, nothing is lost; else the source cannot go on. */
    sl_result (*look)(void *self, const source_wish *wish, source_view *view, failure *failure);
    /* Appends the source_blocks of [from, until), which look() has shown, to `blocks`; none larger than about 256 KiB. */
    void (*take)(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks);
    /* Runs on: worker. */
    sl_result (*read)(void *self, const source_block *block, source_reading *reading,
                      source_messages *messages, failure *failure);
    void (*release)(void *self, uint32_t i, int64_t until); /* nothing below `until` is wanted any more */
    /* Tells the outside how far the job is, for lag tools; does not wait. NULL where there is no such place. */
    void (*commit)(void *self, const source_partition *partitions, size_t count);

    /* What the next start has to know of a partition beside its position, as text in `memory`. NULL: nothing. */
    const char *(*note)(void *self, uint32_t i, arena *memory);

    /* Tests. NULL where a kind cannot. */
    void (*send)(void *self, uint32_t i, const sl_message *message);
} source_kind;

#endif
