/*
 * batches/saved.h - a checkpoint without its job: read for people and for commands, and written with other positions. The job's
 * own way, which knows the plan, is checkpoint.h.
 *
 *     saved saved = { 0 };
 *     SL_TRY(saved_newest(work_dir, &saved, failure));
 *     ... saved.batch_id, saved_positions(&saved, &count) ...
 *     saved_done(&saved);
 */
#ifndef BATCHES_SAVED_H
#define BATCHES_SAVED_H

#include <batches/checkpoint.h>

typedef struct saved_position { /* texts lie in the file's bytes */
    sl_text topic;
    int64_t partition, next; /* below -1: source_at_time() */
} saved_position;

typedef struct saved_window {
    sl_text name;
    int64_t length_ms, pane_ms;
} saved_window;

typedef struct saved_part { /* a piece of a node's state */
    sl_text name, bytes;
} saved_part;

typedef struct saved { /* a zeroed one is ready */
    buffer bytes;      /* of the file */
    size_t whole;      /* of it: frames that can be used */
    int64_t frames;
    int64_t batch_id, time_ms, interval_ms; /* of the last frame, like all below but the parts */
    buffer positions, windows;              /* of saved_position, saved_window */
    buffer parts;                           /* of saved_part, of all frames in their order */
    sl_text account;
    buffer accounts; /* of sl_text: of all frames in their order */
} saved;

/* What of a file of frames can be used. */
typedef enum saved_validity { SAVED_WHOLE, SAVED_TORN, SAVED_DAMAGED, SAVED_USELESS } saved_validity;

/* SL_FAILED when the file does not begin with a whole frame. */
sl_result saved_read(const char *path, saved *saved, failure *failure);
/* The newest checkpoint of a work folder that begins with one; SL_USAGE when there is none. */
sl_result saved_newest(const char *work_dir, saved *saved, failure *failure);
void saved_done(saved *saved);
saved_validity saved_judge(
    const saved *saved); /* of a file that was read; useless: it has no whole frame at its begin */

/* As one frame, at `path`, at once. `mark`: the id and T it shall bear. Without state: positions alone. */
sl_result saved_write(const saved *saved, const char *path, const batch_mark *mark, bool with_state,
                      failure *failure);

/* Of a job that does not run: makes the newest checkpoint one that holds nothing but id and T of the newest batch, so that
 * what the next batches write is newer than all that was written. Once it is there, all other files are of no use. */
sl_result saved_begin_anew(const char *work_dir, const batch_mark *newest, failure *failure);

/* State by node. */
typedef struct saved_amount {
    sl_text name;
    const saved_window *window; /* NULL: no count */
    bool states;                /* by key, of an update */
    int64_t keys;               /* in the window now, or with a state; of other nodes: lists */
    size_t bytes;
} saved_amount;

size_t saved_amounts(const saved *saved, saved_amount **amounts); /* free the array */

#endif
