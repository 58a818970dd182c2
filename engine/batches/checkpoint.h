/*
 * batches/checkpoint.h - state, batch id, offsets and the batch's account as one commit: the truth about what was done.
 *
 *     checkpoint-000000000000001200     a frame with everything after batch 1200
 *                                       a frame with what batch 1201 changed
 *                                       a frame with what batch 1202 changed ...
 *
 * A batch costs what it changed. When the changes weigh more than twice the whole, and at least 64 MB, the next file begins.
 * The newest file that begins with a whole frame counts; a torn frame at its end was never acknowledged.
 *
 * Payload of a frame: batch id, T, interval; positions (topic, partition, next offset); windows ("name", length and pane);
 * account (the JSON line); parts of state ("name", bytes). After a reset the first frame has an empty account and nothing
 * else but id and T.
 */
#ifndef BATCHES_CHECKPOINT_H
#define BATCHES_CHECKPOINT_H

#include <base/disk.h>
#include <batches/executor.h>
#include <batches/frames.h>

enum { CHECKPOINT_NAME_ROOM = 48 };

typedef struct checkpoint checkpoint;

/* What the checkpoint says of the last batch it holds. */
typedef struct checkpoint_head {
    int64_t batch_id, time_ms, interval_ms; /* 0: there is none, or it was forgotten */
    batch_mark newest; /* id and T after which new batches come: never smaller than the above */
} checkpoint_head;

/* Reads the newest positions into the intake. A window whose length or pane changed is USAGE. */
sl_result checkpoint_open(const char *work_dir, const sl_plan *plan, intake *intake, checkpoint **opened,
                          failure *failure);
checkpoint_head checkpoint_last(const checkpoint *checkpoint);
/* Reads the newest state into the executor, whose state is written from now on. */
sl_result checkpoint_load(checkpoint *checkpoint, executor *executor, failure *failure);
/* Of the last batch, or empty. */
sl_text checkpoint_account(const checkpoint *checkpoint);
/* The accounts of the newest batches, oldest first: more than listeners can be behind when a crash comes. */
typedef void checkpoint_recalled(void *argument, int64_t batch_id, const char *account);
void checkpoint_recall(checkpoint *checkpoint, checkpoint_recalled *recalled, void *argument); /* once */

void checkpoint_close(checkpoint *checkpoint); /* NULL is fine */

void checkpoint_name(int64_t batch_id, char name[CHECKPOINT_NAME_ROOM]);

/* After a batch. Returns when it is on the disk; without `sync` when the system has it. May be called again after SL_RETRY. */
sl_result checkpoint_write(checkpoint *checkpoint, const batch *batch, const char *account, bool sync,
                           failure *failure);

#endif
