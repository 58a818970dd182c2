/*
 * replay_lines.h - documents of two runs of a batch side by side: lines of JSON that begin with their "_id".
 */
#ifndef REPLAY_LINES_H
#define REPLAY_LINES_H

#include <base/buffer.h>
#include <base/failure.h>
#include <clients/http.h>
#include <stdio.h>

typedef struct replay_lines { /* a zeroed one is ready */
    buffer text;
    sl_text *at;
    size_t count;
} replay_lines;

typedef struct replay_tally {
    int64_t same, different, missing, more; /* more: there, but not given by this run */
    int64_t newer;                          /* a later batch has written over it */
    int64_t batch_ms;                       /* given: T of the batch; a greater version is of a later one */
    buffer told;                            /* the first of them that are not the same, as lines */
} replay_tally;

sl_result replay_lines_read(const char *path, replay_lines *lines, failure *failure); /* absent: no lines */
void replay_lines_done(replay_lines *lines);
void replay_lines_sort(replay_lines *lines); /* by id; a line without one by its bytes */
sl_text replay_line_id(sl_text line);        /* without its quotes; empty: the line has none */

/* Both sorted. */
void replay_lines_compare(const replay_lines *ours, const replay_lines *theirs, replay_tally *tally);
/* With what an index holds under their ids; what is newer, where it keeps versions, is not compared. */
sl_result replay_lines_compare_index(http *server, const char *index, const replay_lines *ours,
                                     replay_tally *tally, failure *failure);

typedef enum difference { DIFFERS, MISSES, IS_MORE } difference;
/* Counts it, and says so of the first ones. A document that is not there on one side is empty. */
void replay_note(replay_tally *tally, difference how, sl_text ours, sl_text theirs);

#endif
