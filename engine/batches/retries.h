/*
 * batches/retries.h - dead letters that come again: `sluice dlq retry` appends them to retry.ndjson in the work folder, and here
 * they are an input like others, one partition whose offsets are the bytes of that file. So a retry is journaled and
 * checkpointed with its batch, and happens once, whatever dies.
 *
 *     {"batch_time":1795402680000,"topic":"realtime","partition":0,"offset":17,...,"value":"..."}     a line, a letter
 *
 * A letter goes through the plan as the record that it was: with its own topic, partition, offset and time, so that its document
 * has the id which it would have had. It goes on where it was stopped: only the node that rejected it, or the output that
 * refused it, and what stands behind these have an effect. What had counted the record before does not count it twice.
 */
#ifndef BATCHES_RETRIES_H
#define BATCHES_RETRIES_H

#include <batches/intake.h>
#include <plan/plan.h>

#define RETRIES_FILE  "retry.ndjson"
#define RETRIES_TOPIC "(retry)" /* in journals, checkpoints and accounts; no topic and no file is called so */

static inline bool retries_is_topic(sl_text topic)
{
    return sl_text_equal(topic, SL_TEXT(RETRIES_TOPIC));
}

extern const source_kind retries_kind; /* not among the kinds of places; its open() is this: */
void *retries_open(const char *work_dir, const intake *intake, const sl_plan *plan);

/* Of a block that it gave: 1 + the node where its letters go on; 0: all nodes see them. */
uint32_t retries_only(const source_block *block);

#endif
