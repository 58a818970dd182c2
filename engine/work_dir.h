/*
 * work_dir.h - the folder in which a job keeps what must survive it, and the lock that keeps a second one out.
 *
 *     lock  journal  checkpoint-*  history.ndjson  dead/  log  control.sock  command
 */
#ifndef WORK_DIR_H
#define WORK_DIR_H

#include <base/failure.h>

typedef struct work_dir work_dir;

/* Makes the folder, takes the lock (RUNNING with the other's pid when it is taken), and leaves a link to it under the
 * job's name in $XDG_STATE_HOME/sluice, so that commands find it by name. NULL: no link. */
sl_result work_dir_open(const char *path, const char *name, work_dir **opened, failure *failure);
void work_dir_close(work_dir *work_dir); /* NULL is fine */

/* Is the folder still ours, after a time in which this process may not have run? RUNNING names who has it. */
sl_result work_dir_check(const work_dir *work_dir, failure *failure);

/* The folder, and in it room for the process id: so that a job which goes to the background, where nobody hears what goes
 * wrong on a full disk, can begin and wait there. */
sl_result work_dir_prepare(const char *path, failure *failure);

/* $XDG_STATE_HOME/sluice/NAME, or ~/.local/state/sluice/NAME; free it. NULL without a home. */
char *work_dir_usual(const char *name);

#endif
