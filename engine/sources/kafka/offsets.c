/*
 * sources/kafka/offsets.c - where partitions begin and end, and where reading starts. The end is the last stable offset
 * under read_committed.
 */
#include <base/memory.h>
#include <inttypes.h>
#include <sources/kafka/reader.h>
#include <stdlib.h>

typedef struct bounds { /* by partition */
    int64_t *begin, *end, *start;
} bounds;

static sl_result bounds_ask(kafka_reader *reader, bounds *bounds, failure *failure)
{
    SL_TRY(reader->way->offsets(reader, KAFKA_TIME_BEGIN, bounds->begin, failure));
    SL_TRY(reader->way->offsets(reader, KAFKA_TIME_END, bounds->end, failure));
    if (reader->spec.start == SOURCE_TIMESTAMP)
        SL_TRY(reader->way->offsets(reader, reader->spec.start_ms, bounds->start, failure));
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->spec.start == SOURCE_EARLIEST)
            bounds->start[i] = bounds->begin[i];
        else if (reader->spec.start == SOURCE_LATEST || bounds->start[i] < 0 ||
                 bounds->start[i] > bounds->end[i])
            bounds->start[i] = bounds->end[i]; /* a time beyond the last record */
    }
    return SL_OK;
}

/* Starts of partitions that were set back to a time. The begin is not asked for as one: brokers do not find records that have
 * no time. */
static sl_result times_ask(kafka_reader *reader, const source_partition *partitions, const bounds *bounds,
                           failure *failure)
{
    int64_t *found = memory_new(reader->count * sizeof *found), asked = -1;
    sl_result result = SL_OK;
    for (size_t i = 0; i < reader->count && result == SL_OK; i++) {
        if (partitions[i].offset == SOURCE_BEGIN)
            bounds->start[i] = bounds->begin[i];
        if (partitions[i].offset >= -1 || partitions[i].offset == SOURCE_BEGIN)
            continue;
        if (asked != partitions[i].offset)
            result = reader->way->offsets(reader, source_time_of(partitions[i].offset), found, failure);
        asked = partitions[i].offset;
        bool beyond = found[i] < 0 || found[i] > bounds->end[i];
        bounds->start[i] = beyond ? bounds->end[i] : found[i];
    }
    free(found);
    return result;
}

sl_result offsets_resolve(kafka_reader *reader, source_partition *partitions, failure *failure)
{
    size_t count = reader->count;
    int64_t *memory = memory_new(3 * count * sizeof *memory);
    bounds bounds = { memory, memory + count, memory + 2 * count };
    sl_result result = bounds_ask(reader, &bounds, failure);
    if (result == SL_OK)
        result = times_ask(reader, partitions, &bounds, failure);
    for (size_t i = 0; i < count && result == SL_OK; i++)
        if (partitions[i].offset >= 0)
            result = loss_at_start(reader, &partitions[i], bounds.begin[i], bounds.end[i], failure);
    for (size_t i = 0; i < count && result == SL_OK; i++) {
        if (partitions[i].offset < 0)
            partitions[i].offset = bounds.start[i];
        reader->parts[i].chain.next = partitions[i].offset;
        reader->parts[i].end = bounds.end[i];
        reader->parts[i].stop = reader->spec.available_now ? bounds.end[i] : INT64_MAX;
    }
    free(memory);
    return result;
}
