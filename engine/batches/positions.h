/*
 * batches/positions.h - whose a position or a cut is that a checkpoint or the journal holds.
 *
 * They name partitions by origin_name.name, which tells a topic that was deleted and made anew from the one before it:
 *
 *     realtime 0    a partition that is here
 *     realtime 7    the topic is here, but does not show the partition: it is waited for
 *     realtime 0    the topic is realtime~2 now: what was not read of the one before is lost
 *     hits 0        no input any more
 */
#ifndef BATCHES_POSITIONS_H
#define BATCHES_POSITIONS_H

#include <batches/frames.h>
#include <batches/intake.h>

typedef struct position_past {
    sl_text name;
    int32_t partition;
    int64_t until;    /* so far it was done, or cut */
    int64_t batch_id; /* of the journaled batch; 0: it was done */
} position_past;

/* Of a frame of a checkpoint: a number, then that many of name, partition and next offset. Takes over those of partitions that
 * are here; gives all of them, to be judged when it is known which frame is the last. */
sl_text positions_read(intake *intake, frame_reader *reader);
sl_result positions_restore(intake *intake, sl_text positions, failure *failure);

/* Both: SL_DATA_LOSS when the topic was made anew, unless --on-data-loss says skip; then its new partitions begin with their
 * first records. */

sl_result position_restore(intake *intake, const position_past *past, failure *failure);
/* *number: the partition that a journaled batch was cut from; -1: it is gone, and the batch does without it. */
sl_result position_of_cut(intake *intake, const position_past *past, int64_t *number, failure *failure);

/* "realtime" of "realtime~2"; Kafka allows no such character in a topic's name. */
sl_text position_topic(sl_text name);

#endif
