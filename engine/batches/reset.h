/*
 * batches/reset.h - `sluice reset`: a job that does not run forgets all it has done, but how far its batches had come.
 *
 * Fences in Redis and versions in Elasticsearch remember the T of the last write, and what is not newer is refused. T may
 * stand ahead of the clock: so the next run must not begin with the clock, but after the last T.
 *
 * Or it goes back to other positions: of before, or of a savepoint.
 */
#ifndef BATCHES_RESET_H
#define BATCHES_RESET_H

#include <batches/saved.h>

/* `newest`: what else is known of the newest batch; then what the next run comes after. A reset that fails or is killed
 * before it has an effect can be repeated, and so can one after that: the rest is removed then. */
sl_result reset_folder(const char *work_dir, batch_mark *newest, failure *failure);

/* The same, but the next run goes on with these positions, and with_state: with its windows and lists too. The history and
 * retried dead letters stay. */
sl_result reset_folder_to(const char *work_dir, const saved *to, bool with_state, batch_mark *newest,
                          failure *failure);

#endif
