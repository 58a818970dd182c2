/*
 * cli/supervision.h - what a job's supervisor (`sluice submit --supervise`) has written into the work folder.
 */
#ifndef CLI_SUPERVISION_H
#define CLI_SUPERVISION_H

#include <cli/place.h>

typedef struct supervision {
    pid_t pid; /* of a supervisor that is there; 0: there is none now */
    int64_t restarts, last_end_ms, next_start_ms;
    char last_end[64]; /* "signal 9 (Killed)"; "" when it has restarted nothing yet */
} supervision;

/* False when the job was never supervised. */
bool supervision_read(const place *place, supervision *supervision);

/* A batch that killed the process: the poison file; free it with json-c's put. NULL: there is none. */
struct json_object *poison_read(const place *place);
bool poison_is_held(const place *place);

#endif
