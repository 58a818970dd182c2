/*
 * batches/tap.h - looking at the rows of one stream of the plan while the job runs, for `sluice tap`.
 *
 *     workers  print every N-th row of the stream as a line of JSON, each into a buffer of its own, as long as there is room
 *     driver   when the batch is done: moves the lines to the client's queue, as long as there is room, and wakes it
 *     client   one at a time, any thread: reads the queue. A newer one takes the place of the one before
 *
 * A row is told once, with the attempt that was the last. What finds no room is counted and told as {"lost":N}; a batch never
 * waits for who looks on. While nobody does, executor.tapped is 0 and no row comes here.
 */
#ifndef BATCHES_TAP_H
#define BATCHES_TAP_H

#include <base/failure.h>
#include <plan/plan.h>
#include <records/origins.h>

typedef struct tap tap;

typedef struct tap_spec {
    const sl_plan *plan;
    const origins *origins;
    unsigned workers;
} tap_spec;

typedef struct tap_wish {
    const char *stream;           /* a node of the plan; of an output: what comes to it */
    int64_t every;                /* 1: all rows */
    void (*wake)(void *argument); /* there is something to read, or the batch had nothing. Driver */
    void *argument;
} tap_wish;

tap *tap_new(const tap_spec *spec);
void tap_free(tap *tap); /* NULL is fine */

/* Any thread. The client's number; 0: there is no such stream (the nearest is named). */
int64_t tap_open(tap *tap, const tap_wish *wish, failure *failure);
/* Lines, and an empty one for a batch without any. 0: nothing yet, or another client has taken its place. */
size_t tap_read(tap *tap, int64_t client, char *at, size_t room);
void tap_close(tap *tap, int64_t client); /* its wake() is not called any more when it returns */

/* Driver: an attempt begins: 1 + the node to tap, or 0. */
uint32_t tap_begin(tap *tap, int64_t batch_ms);
/* Runs on: worker. Rows that the node gave. */
void tap_rows(tap *tap, unsigned worker, const sl_rows *rows);
/* Driver: the batch is done. */
void tap_settle(tap *tap);

#endif
