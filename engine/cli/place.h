/*
 * cli/place.h - where jobs keep their work folders, and whether one runs.
 *
 *     $XDG_STATE_HOME/sluice/NAME      the work folder of job NAME, or a link to it (XDG_STATE_HOME: ~/.local/state)
 *         lock                         held with flock() by the running job; holds its process id
 *         control.sock                 its HTTP server
 *         command                      how it was started: see <started.h>
 *         history.ndjson, history.1.ndjson, journal, checkpoint-*, log, dead/
 */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <cli/command.h>
#include <sys/types.h>

enum { PLACE_PATH_ROOM = 4096 };

typedef struct place {
    const char *name; /* as given */
    char folder[PLACE_PATH_ROOM];
} place;

extern const char place_work_dir_help[];

/* $XDG_STATE_HOME/sluice */
sl_result place_home(char *path, size_t room, failure *failure);

/* From NAME, or from --work-dir where that is given. An unknown job is SL_USAGE and names the nearest. */
sl_result place_find(const arguments *arguments, place *place, failure *failure);

/* Of all jobs that have run here, by name; places_free() them. A link whose folder is gone is none. */
sl_result places_all(place **places, size_t *count, failure *failure);
void places_free(place *places, size_t count);

/* "<folder>/<file>" */
sl_result place_path(const place *place, const char *file, char path[PLACE_PATH_ROOM], failure *failure);

bool place_runs(const place *place);
pid_t place_pid(const place *place); /* of the running job; 0 when it cannot be told */

/* Takes the lock that a running job holds, so that none starts meanwhile; SL_RUNNING when one runs. */
sl_result place_lock(const place *place, int *lock, failure *failure);

#endif
