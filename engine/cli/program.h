/*
 * cli/program.h - finding the programs that a command starts.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <base/failure.h>

enum { PROGRAM_PATH_ROOM = 4096 };

/* A job: a path as it is; a bare name beside this program (jobs/NAME), then where `make install` puts jobs, then on the
 * PATH. SL_USAGE when there is none, naming the nearest. */
sl_result program_find(const char *name, char path[PROGRAM_PATH_ROOM], failure *failure);

/* A name that is neither a program nor a job: what was said of the one, or of the other when only that names a nearest. */
sl_result program_unknown_tell(failure *of_program, const failure *of_job);

bool program_search(const char *name, char path[PROGRAM_PATH_ROOM]); /* on the PATH alone */
bool program_self(char path[PROGRAM_PATH_ROOM]);                     /* this program */

#endif
