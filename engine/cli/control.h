/*
 * cli/control.h - requests to the HTTP server of a running job, on the unix socket in its work folder.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <base/buffer.h>
#include <base/failure.h>

bool control_answers(const char *folder); /* a process listens there */

/* The body is appended to `body`. SL_UNREACHABLE: nobody answers. */
sl_result control_get(const char *folder, const char *path, buffer *body, failure *failure);
sl_result control_post(const char *folder, const char *path, buffer *body, failure *failure);

#endif
