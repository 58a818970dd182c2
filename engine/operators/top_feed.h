/*
 * operators/top_feed.h - what an operator that keeps rows by key tells the tops behind it: they read its store themselves (keyed), and have to know
 * what changed there. Runs on: owner of the shard, inside its merge.
 */
#ifndef OPERATORS_TOP_FEED_H
#define OPERATORS_TOP_FEED_H

#include <operators/operator.h>

typedef struct top_feed {
    const plan_node *node; /* whose children they are */
    operator* const * operators;
} top_feed;

bool top_feed_has_tops(const top_feed *feed);
bool top_feed_has_rows(const top_feed *feed); /* someone takes rows */
/* Keys are gone, and their ids will be given out again: before that. */
void top_feed_forgot(const top_feed *feed, unsigned shard);
/* These keys may have another place now. Those that are gone again do no harm. */
void top_feed_changed(const top_feed *feed, unsigned shard, const uint32_t *ids, size_t count);
void top_feed_report(const top_feed *feed, sl_task *task, unsigned shard, int64_t end_ms);

#endif
