/*
 * operators/gathering.h - rows of a batch on their way to the owner of their key's shard. Workers write down keys, and what each row
 * brings, shard by shard; the owner walks them in the order of the input, whoever wrote them.
 *
 *     worker 0, shard 3:  keys  | key key | key key key | key ...       runs  chunks 0, 1: 5 rows    chunk 4: 1 ...
 *                         rows  | row row | row row row | row ...
 *
 * Chunks that follow each other on one worker, with nobody else's between, are one run: mostly those of a block of input.
 */
#ifndef OPERATORS_GATHERING_H
#define OPERATORS_GATHERING_H

#include <operators/operator.h>

/* By what rows are shared out, and what is written of each: `row_bytes` that the operator fills. */
typedef struct gathering_form {
    sl_fields key;
    size_t in_bytes, row_bytes;
    bool with_keys; /* the owner wants them */
} gathering_form;

typedef struct gathered_run {
    uint64_t sequence;  /* of its first chunk */
    size_t from, count; /* rows */
    const row_key *keys;
    const char *rows; /* like the keys set by gathering_sort() */
} gathered_run;

typedef struct gathered {
    buffer keys, rows, runs; /* of row_key; of row_bytes each; of gathered_run */
    size_t count;            /* of rows */
} gathered;

typedef struct gathering_worker {
    gathered shards[STORE_SHARDS];
    uint64_t first, last; /* of the chunks that follow each other */
    bool began;
    char padding[128];
} gathering_worker;

typedef struct gathering {
    gathering_form form;
    bool texts_only;
    gathering_worker *workers;
    unsigned worker_count;
} gathering;

/* Of an owner: room for the runs of a shard. A zeroed one is ready. */
typedef struct gathering_order {
    buffer runs, sorted; /* of gathered_run; of pointers to them */
} gathering_order;

void gathering_open(gathering *self, const gathering_form *form, unsigned workers);
void gathering_close(gathering *self);
void gathering_begin(gathering *self); /* what was written is forgotten */

/* Runs on: worker. The keys of at most CHUNK_ROWS rows; places[i] is where what row i brings is to be written. */
void gathering_chunk(gathering *self, sl_task *task, const sl_rows *in, char *places[CHUNK_ROWS]);
/* Without keys, `count` places one after another in a shard: the first. */
char *gathering_take(gathering *self, const sl_task *task, unsigned shard, size_t count);

/* Runs on: owner of the shard. All workers' runs in the order of the input. */
gathered_run *const *gathering_sort(const gathering *self, unsigned shard, gathering_order *order,
                                    size_t *count);
void gathering_order_done(gathering_order *order);
size_t gathering_rows(const gathering *self, unsigned shard);

/* The next rows of `all`, at most a chunk; false: there are none. */
static inline bool chunk_next(const sl_rows *all, size_t row_bytes, sl_rows *next)
{
    size_t from = next->at ? (size_t)((char *)next->at - (char *)all->at) / row_bytes + next->count : 0;
    size_t left = all->count - from;
    next->at = (char *)all->at + from * row_bytes;
    next->count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
    return left > 0;
}

/* Rows are some words long: a call of memcpy() takes longer than the copy. */
static inline void row_copy(char *to, const char *from, size_t bytes)
{
    typedef struct four {
        uint32_t of[4];
    } four;
    size_t at = 0;
    for (four some; at + sizeof some <= bytes; at += sizeof some) {
        memcpy(&some, from + at, sizeof some);
        memcpy(to + at, &some, sizeof some);
    }
    for (uint64_t word; at + sizeof word <= bytes; at += sizeof word) {
        memcpy(&word, from + at, sizeof word);
        memcpy(to + at, &word, sizeof word);
    }
    for (; at < bytes; at++)
        to[at] = from[at];
}

#endif
