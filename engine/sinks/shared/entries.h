/*
 * sinks/shared/entries.h - rows as entries: a key of Redis and what comes under it, as a number of words and each word's
 * size and bytes.
 *
 *     | 3 | 10 interest:9 | 13 1795402680000 | 2 56 |         ZADD interest:9 1795402680000 56
 */
#ifndef SINKS_SHARED_ENTRIES_H
#define SINKS_SHARED_ENTRIES_H

#include <base/buffer.h>
#include <sinks/sink.h>

typedef struct entries {
    const sl_output *output;
    const sl_schema *schema;
    const char *prefix;
    char time[24]; /* T: the score of a sorted set without a score field */
} entries;

/* Runs on: worker. A row without a key, or without anything under it, has no place in Redis and gives no entry. */
void entries_row(const entries *entries, const void *row, buffer *out);
/* All rows of a group under its key; an empty group is an entry of the key alone. */
void entries_group(const entries *entries, const sink_group *group, buffer *out);

/* Reading one: the number of its words, then as many words. */
uint32_t entries_count(const char **at);
sl_text entries_word(const char **at);

#endif
