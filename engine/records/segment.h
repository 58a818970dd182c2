/*
 * records/segment.h - the input of one partition, one unit after another, in memory that is given back as a whole.
 *
 * A unit is what is kept or let go as one. Sources that hand out open blocks copy messages in; a source whose blocks are raw
 * receives its own form of units, such as record batches of many messages, straight into the chain's memory:
 *
 *     segment of messages: | header | bytes of key, value, headers | header | bytes ... |
 *     segment of a form:   | unit | unit | unit ...    room to receive into    |
 *
 * One thread appends while others read what was appended before: blocks are cut under the source's lock and carry their
 * own size, and bytes that were appended never change. Vector code may read SEGMENT_SLACK bytes past any message.
 */
#ifndef RECORDS_SEGMENT_H
#define RECORDS_SEGMENT_H

#include <base/buffer.h>
#include <sluice/job.h>

enum { SEGMENT_BYTES = 256 * 1024, SEGMENT_SLACK = 64 };

typedef struct segment segment;

/* Emptied segments, for the chains that share them. Zeroed: there are none. */
typedef struct segment_spare {
    segment *usual, *large;
} segment_spare;

typedef struct segment_unit {
    int64_t first, last; /* the offsets that it covers */
    size_t bytes;
} segment_unit;

/* The input of one partition that has arrived and was not released. A zeroed chain is ready. */
typedef struct segment_chain {
    segment *first, *last;
    int64_t next; /* the offset after the last message, or a later one that is known to be reached */
    size_t bytes; /* held, all segments */
    segment_unit (*form)(const char *at); /* what stands there; NULL: messages of our own form */
    bool receiving;                       /* the last segment's room is being received into */
    segment_spare *spare; /* where emptied segments go and new ones come from; NULL: none are kept */
} segment_chain;

/* All of these are called under the source's lock, except segment_read. */

/* Copies key, value and headers; a message below `next` is dropped. */
void segment_add(segment_chain *chain, const sl_message *message);

/* Room for at least `least` bytes after the last unit, in one piece; *room is all there is. The first `keep` bytes of the
 * room that was given before, parts of a unit, come along. The caller may write there without the lock until he calls
 * segment_received(). */
char *segment_room(segment_chain *chain, size_t least, size_t keep, size_t *room);
/* `count` whole units stand at the begin of the room now. */
void segment_received(segment_chain *chain, const segment_unit *units, size_t count);

void segment_reach(segment_chain *chain, int64_t offset); /* nothing more comes below `offset` */
/* How far [from, ...) goes within records_max offsets and about bytes_max bytes; *bytes is what that is. */
int64_t segment_look(const segment_chain *chain, int64_t from, int64_t records_max, size_t bytes_max,
                     size_t *bytes);
/* The same for sources whose offsets do not count records: at most records_max messages. */
int64_t segment_look_records(const segment_chain *chain, int64_t from, int64_t records_max, size_t bytes_max,
                             size_t *bytes);
void segment_take(const segment_chain *chain, uint32_t partition, int64_t from, int64_t until,
                  buffer *blocks);
void segment_release(segment_chain *chain, int64_t until);
void segment_done(segment_chain *chain); /* frees all, the spare ones too */

struct source_block;
struct source_reading;
/* Runs on: worker. The read() of a source whose blocks are segments. */
size_t segment_read(const struct source_block *block, struct source_reading *reading, sl_message *messages,
                    size_t room);

#endif
