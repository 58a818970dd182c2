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

/* A body without end, piece by piece, until take() says false or the job closes it. */
typedef bool control_take(void *argument, const char *at, size_t size);
sl_result control_follow(const char *folder, const char *path, control_take *take, void *argument,
                         failure *failure);

#endif
