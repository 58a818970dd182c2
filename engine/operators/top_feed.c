/*
 * operators/top_feed.c - tells each top behind an operator what it has to know; see top_feed.h.
 */
#include <operators/top_feed.h>

/* The n-th child when it is a top, else NULL. A union has no operator at all. */
static const operator* top_nth(const top_feed *feed, uint32_t n)
{
    const operator* child = feed->operators[feed->node->children[n]];
    return child->kind && child->kind->changed ? child : NULL;
}

bool top_feed_has_tops(const top_feed *feed)
{
    bool has = false;
    for (uint32_t c = 0; c < feed->node->child_count; c++)
        has |= top_nth(feed, c) != NULL;
    return has;
}

bool top_feed_has_rows(const top_feed *feed)
{
    bool has = false;
    for (uint32_t c = 0; c < feed->node->child_count; c++)
        has |= top_nth(feed, c) == NULL;
    return has;
}

void top_feed_forgot(const top_feed *feed, unsigned shard)
{
    for (uint32_t c = 0; c < feed->node->child_count; c++)
        if (top_nth(feed, c))
            top_nth(feed, c)->kind->forgot(top_nth(feed, c)->self, shard);
}

void top_feed_changed(const top_feed *feed, unsigned shard, const uint32_t *ids, size_t count)
{
    for (uint32_t c = 0; c < feed->node->child_count; c++)
        if (top_nth(feed, c))
            top_nth(feed, c)->kind->changed(top_nth(feed, c)->self, shard, ids, count);
}

void top_feed_report(const top_feed *feed, sl_task *task, unsigned shard, int64_t end_ms)
{
    for (uint32_t c = 0; c < feed->node->child_count; c++)
        if (top_nth(feed, c))
            top_nth(feed, c)->kind->report(top_nth(feed, c)->self, task, shard, end_ms);
}
