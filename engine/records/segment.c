/*
 * records/segment.c - chains of segments.
 *
 * A segment is one range of pages: the struct, then units, then SEGMENT_SLACK bytes that are never used, so that
 * vector code may read past the last message. A unit that is larger than a segment gets one of a larger size.
 * Emptied segments are kept, the last one emptied is the next one used: its pages are in the cache. The large ones are kept
 * apart, for a producer's batches are often all large, and of sizes that few others fit: they grow by LARGE_STEP.
 */
#include <base/memory.h>
#include <records/block.h>
#include <records/headers.h>
#include <records/segment.h>

struct segment {
    segment *next;
    size_t size, room;   /* of units */
    size_t range;        /* bytes of the whole range */
    size_t count;        /* units */
    int64_t first, last; /* offsets of the first and the last message */
    char at[];
};

typedef struct segment_header { /* stands before each message, aligned to 8 */
    int64_t offset, time_ms;
    int32_t key_size : 31; /* -1: missing */
    uint32_t has_headers : 1;
    int32_t value_size; /* -1: missing */
} segment_header;

typedef struct segment_limits {
    int64_t until; /* offsets below it */
    int64_t records;
    size_t bytes;
} segment_limits;

enum { OVERHEAD = sizeof(segment) + SEGMENT_SLACK, LARGE_STEP = 2 << 20, KEY_BYTES_MAX = (1 << 30) - 1 };

static size_t text_bytes(const segment_header *header);
static size_t message_bytes(const segment_header *header, const char *body);
static size_t aligned(size_t bytes);
static segment *segment_with_room(segment_chain *chain, size_t bytes);
static int64_t chain_look(const segment_chain *chain, int64_t from, segment_limits limits, size_t *bytes);
static size_t place_of(const segment_chain *chain, const segment *segment, int64_t offset);
static size_t place_from(const segment_chain *chain, const segment *segment, int64_t offset);
static void unit_added(segment_chain *chain, segment *segment, segment_unit unit);
static void segment_put_away(segment_spare *spare, segment *segment);
static void segments_free(segment *segment);

void segment_add(segment_chain *chain, const sl_message *message)
{
    if (message->origin.offset < chain->next)
        return;
    segment_header header = { message->origin.offset, message->origin.time_ms, -1, message->headers != NULL,
                              -1 };
    if (message->key.at)
        header.key_size = (int32_t)(message->key.size & KEY_BYTES_MAX);
    if (message->value.at)
        header.value_size = (int32_t)message->value.size;
    size_t headers = message->headers ? headers_size(message->headers) : 0;
    size_t texts = text_bytes(&header), bytes = aligned(sizeof header + texts + headers);
    segment *segment = segment_with_room(chain, bytes);
    char *at = segment->at + segment->size;
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    if (header.key_size > 0)
        memcpy(at, message->key.at, message->key.size);
    if (header.value_size > 0)
        memcpy(at + (header.key_size > 0 ? header.key_size : 0), message->value.at, message->value.size);
    if (headers)
        memcpy(at + texts, message->headers, headers);
    unit_added(chain, segment, (segment_unit){ header.offset, header.offset, bytes });
}

char *segment_room(segment_chain *chain, size_t least, size_t keep, size_t *room)
{
    segment *before = chain->last, *segment = segment_with_room(chain, least);
    char *at = segment->at + segment->size;
    if (segment != before && keep)
        memcpy(at, before->at + before->size, keep);
    chain->receiving = true;
    *room = segment->room - segment->size;
    return at;
}

void segment_received(segment_chain *chain, const segment_unit *units, size_t count)
{
    chain->receiving = false;
    for (size_t i = 0; i < count; i++)
        unit_added(chain, chain->last, units[i]);
}

void segment_reach(segment_chain *chain, int64_t offset)
{
    if (chain->next < offset)
        chain->next = offset;
}

int64_t segment_look(const segment_chain *chain, int64_t from, int64_t records_max, size_t bytes_max,
                     size_t *bytes)
{
    int64_t until = chain->next;
    if (until > from && records_max < until - from)
        until = from + records_max;
    return chain_look(chain, from, (segment_limits){ until, INT64_MAX, bytes_max }, bytes);
}

int64_t segment_look_records(const segment_chain *chain, int64_t from, int64_t records_max, size_t bytes_max,
                             size_t *bytes)
{
    return chain_look(chain, from, (segment_limits){ chain->next, records_max, bytes_max }, bytes);
}

void segment_take(const segment_chain *chain, uint32_t partition, int64_t from, int64_t until, buffer *blocks)
{
    for (segment *segment = chain->first; segment; segment = segment->next) {
        if (segment->count == 0 || segment->last < from || segment->first >= until)
            continue;
        size_t begin = place_of(chain, segment, from), end = place_from(chain, segment, until);
        if (begin == end)
            continue;
        source_block block = { .partition = partition, .from = from, .until = until };
        block.data = segment->at + begin;
        block.size = end - begin;
        buffer_append(blocks, &block, sizeof block);
    }
}

void segment_release(segment_chain *chain, int64_t until)
{
    while (chain->first && !(chain->receiving && chain->first == chain->last) &&
           (chain->first->count == 0 || chain->first->last < until)) {
        segment *gone = chain->first;
        chain->first = gone->next;
        if (chain->first == NULL)
            chain->last = NULL;
        chain->bytes -= gone->size;
        segment_put_away(chain->spare, gone);
    }
}

void segment_done(segment_chain *chain)
{
    segments_free(chain->first);
    if (chain->spare) {
        segments_free(chain->spare->usual);
        segments_free(chain->spare->large);
        *chain->spare = (segment_spare){ 0 };
    }
    chain->first = chain->last = NULL;
    chain->bytes = 0;
}

size_t segment_read(const struct source_block *block, struct source_reading *reading, sl_message *messages,
                    size_t room)
{
    const char *bytes = block->data;
    size_t count = 0;
    while (count < room && reading->at < block->size) {
        segment_header header;
        memcpy(&header, bytes + reading->at, sizeof header);
        const char *key = bytes + reading->at + sizeof header;
        size_t key_size = header.key_size > 0 ? (size_t)header.key_size : 0;
        size_t value_size = header.value_size > 0 ? (size_t)header.value_size : 0;
        messages[count++] = (sl_message){
            .origin = { header.offset, header.time_ms, block->partition },
            .key = { header.key_size < 0 ? NULL : key, key_size },
            .value = { header.value_size < 0 ? NULL : key + key_size, value_size },
            .headers = header.has_headers ? key + key_size + value_size : NULL,
        };
        reading->at += message_bytes(&header, key);
    }
    return count;
}

/* ---- Segments ---- */

static size_t text_bytes(const segment_header *header)
{
    return (header->key_size > 0 ? (size_t)header->key_size : 0) +
           (header->value_size > 0 ? (size_t)header->value_size : 0);
}

/* `body` stands behind the header. */
static size_t message_bytes(const segment_header *header, const char *body)
{
    size_t texts = text_bytes(header);
    return aligned(sizeof *header + texts + (header->has_headers ? headers_size(body + texts) : 0));
}

static size_t aligned(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* Where segments of a kind are kept. */
static segment **spare_of(segment_spare *spare, size_t range)
{
    return range > SEGMENT_BYTES ? &spare->large : &spare->usual;
}

/* NULL: none has the room. */
static segment *spare_take(segment **spare, size_t bytes)
{
    for (segment *segment; (segment = *spare) != NULL; spare = &segment->next) {
        if (segment->room < bytes)
            continue;
        *spare = segment->next;
        segment->next = NULL;
        segment->size = segment->count = 0;
        return segment;
    }
    return NULL;
}

static segment *segment_new(segment_spare *spare, size_t bytes)
{
    size_t range = SEGMENT_BYTES;
    if (bytes > range - OVERHEAD)
        range = (bytes + OVERHEAD + LARGE_STEP - 1) & ~(size_t)(LARGE_STEP - 1);
    segment *segment = spare ? spare_take(spare_of(spare, range), bytes) : NULL;
    if (segment)
        return segment;
    segment = range_new(range);
    segment->range = range;
    segment->room = range - OVERHEAD;
    return segment;
}

static segment *segment_with_room(segment_chain *chain, size_t bytes)
{
    segment *last = chain->last;
    if (last && last->room - last->size >= bytes)
        return last;
    segment *segment = segment_new(chain->spare, bytes);
    if (last)
        last->next = segment;
    else
        chain->first = segment;
    return chain->last = segment;
}

static void segment_put_away(segment_spare *spare, segment *segment)
{
    if (spare == NULL) {
        range_free(segment, segment->range);
        return;
    }
    struct segment **list = spare_of(spare, segment->range);
    segment->next = *list;
    *list = segment;
}

static void segments_free(segment *segment)
{
    while (segment) {
        struct segment *next = segment->next;
        range_free(segment, segment->range);
        segment = next;
    }
}

static void unit_added(segment_chain *chain, segment *segment, segment_unit unit)
{
    if (segment->count++ == 0)
        segment->first = unit.first;
    segment->last = unit.last;
    segment->size += unit.bytes;
    chain->bytes += unit.bytes;
    if (chain->next <= unit.last)
        chain->next = unit.last + 1;
}

/* ---- Finding places ---- */

static segment_unit unit_at(const segment_chain *chain, const segment *segment, size_t place)
{
    const char *at = segment->at + place;
    if (chain->form)
        return chain->form(at);
    const segment_header *header = (const segment_header *)(const void *)at;
    return (segment_unit){ header->offset, header->offset, message_bytes(header, at + sizeof *header) };
}

/* Where the first unit stands that has `offset` or later ones. */
static size_t place_of(const segment_chain *chain, const segment *segment, int64_t offset)
{
    size_t place = 0;
    for (segment_unit unit; offset > segment->first && place < segment->size; place += unit.bytes) {
        unit = unit_at(chain, segment, place);
        if (unit.last >= offset)
            break;
    }
    return place;
}

/* Where the first unit stands that begins with `offset` or later. */
static size_t place_from(const segment_chain *chain, const segment *segment, int64_t offset)
{
    if (offset > segment->last)
        return segment->size;
    size_t place = 0;
    for (segment_unit unit; offset > segment->first && place < segment->size; place += unit.bytes) {
        unit = unit_at(chain, segment, place);
        if (unit.first >= offset)
            break;
    }
    return place;
}

/* Goes through one segment's units from `place`; the offset where a limit was met, or -1. */
static int64_t segment_walk(const segment_chain *chain, const segment *segment, size_t place,
                            segment_limits *left)
{
    while (place < segment->size) {
        segment_unit unit = unit_at(chain, segment, place);
        if (unit.first >= left->until)
            return left->until;
        if (left->records == 0 || left->bytes == 0)
            return unit.first;
        left->records--;
        left->bytes -= unit.bytes < left->bytes ? unit.bytes : left->bytes;
        if (unit.last >= left->until)
            return left->until;
        place += unit.bytes;
    }
    return -1;
}

/* Whole segments are added up without a look at their units; only where a limit falls are they walked through. */
static int64_t chain_look(const segment_chain *chain, int64_t from, segment_limits limits, size_t *bytes)
{
    segment_limits left = limits;
    int64_t met = -1;
    if (limits.until < from)
        left.until = limits.until = from;
    for (segment *segment = chain->first; segment && met < 0; segment = segment->next) {
        if (segment->count == 0 || segment->last < from)
            continue;
        if (segment->first >= limits.until)
            break;
        bool whole = segment->first >= from && segment->last < left.until && segment->size <= left.bytes &&
                     (int64_t)segment->count <= left.records;
        if (!whole) {
            met = segment_walk(chain, segment, place_of(chain, segment, from), &left);
            continue;
        }
        left.records -= (int64_t)segment->count;
        left.bytes -= segment->size;
    }
    *bytes = limits.bytes - left.bytes;
    return met < 0 ? limits.until : met;
}
