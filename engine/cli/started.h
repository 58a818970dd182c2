/*
 * cli/started.h - a job's program, started once more in the way in which the job was: see <started.h> for the file.
 */
#ifndef CLI_STARTED_H
#define CLI_STARTED_H

#include <cli/place.h>

/* Runs it to its end with `more` words behind its own (up to NULL); what it prints on standard output is appended to `out`, and
 * goes to this program's own where that is NULL. SL_USAGE: it is not known how the job was started. */
typedef struct started_wish {
    const place *place;
    const char *program; /* instead of the place's: a job that has not run; NULL: the place's */
    const char *const *more;
} started_wish;

sl_result started_run(const started_wish *wish, buffer *out, int *code, failure *failure);

#endif
