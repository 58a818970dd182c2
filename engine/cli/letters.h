/*
 * cli/letters.h - the dead letters of a job, from the files in its work folder, and those that were retried.
 *
 *     dead/<topic>.dead/batch-<T>.ndjson      written by the job, never changed
 *     retry.ndjson                            appended by `sluice dlq retry`, read by the job
 *
 * A record that was rejected in several batches, since a retry of it failed too, is one letter: the newest.
 */
#ifndef CLI_LETTERS_H
#define CLI_LETTERS_H

#include <base/arena.h>
#include <cli/place.h>

typedef struct letter {
    const char *topic, *stage, *reason, *detail;
    int64_t partition, offset, batch_ms, time_ms;
    sl_text line;
    bool cut;     /* the value is not whole: the original is at its offset */
    bool retried; /* since it was written */
} letter;

typedef struct letters { /* a zeroed one is ready */
    letter *at;          /* in order of topic, partition, offset */
    size_t count, room;
    arena memory;
} letters;

/* `folder`: where the dead letters lie; NULL: below the work folder. No folder is no letters. */
sl_result letters_read(const place *place, const char *folder, letters *letters, failure *failure);
/* Letters as lines of JSON, from a file or "-", such as somebody has repaired. They take their place among those in the
 * dead letters' files; what is not there has no batch time. */
sl_result letters_read_lines(const place *place, const char *path, const letters *known, letters *letters,
                             failure *failure);
void letters_done(letters *letters);

/* Appends them to the work folder's retry.ndjson, synced. */
sl_result letters_retry(const place *place, const letter *const *chosen, size_t count, failure *failure);

#endif
