/*
 * batches/hot_keys.h - the keys that come most often, for each node that gathers rows by key: workers look at one row in 127,
 * and keep the 16 keys that they saw most (space-saving: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and
 * top-k elements in data streams", 2005).
 *
 * A key that takes more than a sixteenth of a worker's rows is among them for certain. Told are those of which at least
 * a twentieth of the rows is certain, three a node at most, since a key has one owner who works alone.
 */
#ifndef BATCHES_HOT_KEYS_H
#define BATCHES_HOT_KEYS_H

#include <plan/plan.h>
#include <plan/task.h>
#include <sluice/listener.h>

typedef struct hot_keys hot_keys;

hot_keys *hot_keys_new(const sl_plan *plan, unsigned workers);
void hot_keys_free(hot_keys *hot);  /* NULL is fine */
void hot_keys_begin(hot_keys *hot); /* a new attempt. Driver */
/* Rows on their way into a node; those that do not gather by key are passed over. Runs on: worker. */
void hot_keys_note(hot_keys *hot, const sl_task *task, uint32_t node, const sl_rows *in);
/* Fills the info's; lives until the next attempt. Driver */
void hot_keys_end(hot_keys *hot, sl_batch_info *info);

#endif
