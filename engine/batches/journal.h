/*
 * batches/journal.h - the cuts of batches, written and synced before a batch is processed, so that a crash replays the
 * same ranges. An entry is a frame: batch id, T, interval, catch_up, ranges with topic names.
 *
 * Entries of checkpointed batches are of no use; when all are, the file starts anew.
 */
#ifndef BATCHES_JOURNAL_H
#define BATCHES_JOURNAL_H

#include <base/disk.h>
#include <batches/intake.h>

typedef struct journal journal;

/* Reads what is there: every whole entry with an id above `done` becomes a batch. */
sl_result journal_open(const char *work_dir, intake *intake, int64_t done, journal **opened,
                       failure *failure);
/* Hands these batches over, once and in order. */
batch **journal_replays(journal *journal, size_t *count);
void journal_close(journal *journal); /* NULL is fine */
/* Returns when it is on the disk. Any thread. */
sl_result journal_write(journal *journal, const batch *batch, failure *failure);
/* A new folder's journal with nothing but this batch, whose ranges name partitions of `origins`. */
sl_result journal_leave(const char *work_dir, const batch *batch, const origins *origins, failure *failure);
/* The batch is in the checkpoint. Any thread. */
void journal_forget(journal *journal, int64_t id);

#endif
