/*
 * sources/kafka/fetch_read.c - blocks of record batches, as the broker sent them, are opened into messages.
 *
 * A batch whose messages are not wanted is marked in the bytes of its partition leader epoch: brokers set those as they like,
 * and the checksum leaves them out for that reason. By then the epoch has been noted (fetch_broker.c).
 */
#include <inttypes.h>
#include <sources/kafka/fetch.h>

enum { OFFSET_AT = 0, LENGTH_AT = 8, EPOCH_AT = 12, DELTA_AT = 23, HEAD_BYTES = 12 };
enum { SKIP = 0x534b4950 }; /* no broker comes to so many elections */

typedef struct portion { /* what one read() is about */
    const source_block *block;
    source_reading *reading;
    record_scratch *scratch;
    source_messages *messages;
} portion;

static uint32_t get_u32(const char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return __builtin_bswap32(number);
}

static int64_t get_i64(const char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return (int64_t)__builtin_bswap64(number);
}

segment_unit fetch_unit(const char *at)
{
    int64_t first = get_i64(at + OFFSET_AT);
    return (segment_unit){ first, first + (int32_t)get_u32(at + DELTA_AT),
                           get_u32(at + LENGTH_AT) + (size_t)HEAD_BYTES };
}

void fetch_unit_skip(char *at)
{
    uint32_t mark = __builtin_bswap32(SKIP);
    memcpy(at + EPOCH_AT, &mark, sizeof mark);
}

/* Messages live as long as the engine's batch, the scratch's only until the next record batch is unpacked. */
static void unpacked_keep(record_cursor *cursor, source_reading *reading)
{
    size_t size = (size_t)(cursor->end - cursor->records);
    if (reading->unpacked == NULL) {
        char *copy = arena_take(reading->memory, size + SEGMENT_SLACK);
        memcpy(copy, cursor->records, size);
        memset(copy + size, 0, SEGMENT_SLACK);
        reading->unpacked = copy;
    }
    cursor->records = reading->unpacked;
    cursor->end = cursor->records + size;
}

/* Some messages of the record batch at `at`; true in *done: there are no more of it. */
static sl_result batch_read(const portion *portion, const char *at, bool *done, failure *failure)
{
    source_reading *reading = portion->reading;
    source_messages *messages = portion->messages;
    record_cursor cursor = { .from = portion->block->from, .until = portion->block->until };
    memcpy(&cursor.place, reading->inside, sizeof cursor.place);
    SL_TRY(record_cursor_open(&cursor, at, fetch_unit(at).bytes, portion->scratch, failure));
    if (cursor.batch.packed_by != COMPRESSION_NONE && cursor.batch.records)
        unpacked_keep(&cursor, reading);
    size_t room = messages->room - messages->count, count = 0;
    SL_TRY(record_cursor_read(&cursor, messages->at + messages->count, room, &count, failure));
    memcpy(reading->inside, &cursor.place, sizeof cursor.place);
    for (size_t i = 0; i < count; i++)
        messages->at[messages->count + i].origin.partition = portion->block->partition;
    messages->count += count;
    *done = count < room;
    return SL_OK;
}

sl_result fetcher_read(kafka_reader *reader, const source_block *block, source_reading *reading,
                       source_messages *messages, failure *failure)
{
    fetcher *fetcher = reader->way_self;
    portion portion = { block, reading, &fetcher->scratches[reading->worker], messages };
    struct failure inner = { 0 };
    messages->count = 0;
    while (messages->count < messages->room && reading->at < block->size) {
        const char *at = (const char *)block->data + reading->at;
        segment_unit unit = fetch_unit(at);
        bool done = unit.last < block->from || unit.first >= block->until || get_u32(at + EPOCH_AT) == SKIP;
        if (!done && batch_read(&portion, at, &done, &inner) != SL_OK)
            return fail(failure, inner.result, "kafka topic \"%s\" partition %" PRIu32 ": %s", reader->topic,
                        block->partition, inner.text);
        if (!done)
            continue;
        reading->at += unit.bytes;
        memset(reading->inside, 0, sizeof reading->inside);
        reading->unpacked = NULL;
    }
    return SL_OK;
}
