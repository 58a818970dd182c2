/*
 * batches/crashes.h - batches that kill the process. A batch that failed can be tried again for ever; one at which the process
 * dies would be run again at every start, and kill it again. So the count of its deaths is kept outside the process:
 *
 *     crashes     "17 11" a line: batch 17, signal 11; written by the dying process itself
 *     poison      the batch at which it died last, for people: a JSON object with its ranges
 *
 * Only signals count that a process brings on itself (a wrong pointer, a broken rule, ...), and SIGKILL where a supervisor has
 * seen it: that is how the system ends a process which takes all memory. Who kills a job from outside does not poison a batch.
 */
#ifndef BATCHES_CRASHES_H
#define BATCHES_CRASHES_H

#include <batches/intake.h>

#define CRASHES_FILE "crashes"
#define POISON_FILE  "poison"

typedef struct crashes crashes;

/* Reads what earlier processes left. `killed`: a supervisor saw the last one end by SIGKILL; that is counted for the batch
 * which runs first now. */
sl_result crashes_open(const char *work_dir, const batch *first, bool killed, crashes **opened,
                       failure *failure);
void crashes_close(crashes *crashes); /* NULL is fine */

/* Tells people which batch killed the process; SL_REPEATED when it did so `most` times (0: no limit): it is held. */
sl_result crashes_check(crashes *crashes, const char *job, int64_t most, const origins *origins,
                        failure *failure);

/* From now on a death is noted, for the batch that runs then. Once for a process. */
void crashes_watch(crashes *crashes);
void crashes_begin(crashes *crashes, int64_t batch_id); /* it runs */
void crashes_end(crashes *crashes); /* it is in the checkpoint: its deaths are forgotten */

#endif
