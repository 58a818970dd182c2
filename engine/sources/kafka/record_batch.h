/*
 * sources/kafka/record_batch.h - Kafka's record batches (message format 2, since Kafka 0.11) as brokers send them.
 *
 *     | header, 61 bytes: offsets, times, checksum, codec ... | record | record | record | ...
 *                                                               '--- packed as a whole, if packed ---'
 *
 * Nothing in the bytes is trusted; every length is checked against what is there. The fetching thread looks at headers
 * alone. Workers open batches (checksum, unpacking) and read records in portions; a worker's scratch remembers which batch it
 * opened last, so that opening it again for the next portion costs nothing:
 *
 *     record_cursor cursor = { .from = 100, .until = 200, .place = where the last portion ended };
 *     SL_TRY(record_cursor_open(&cursor, at, size, scratch, failure));
 *     SL_TRY(record_cursor_read(&cursor, messages, room, &count, failure));        // count 0: the batch is done
 *
 * Failures name the batch's offset and what is wrong, not topic and partition: the caller adds them.
 */
#ifndef SOURCES_KAFKA_RECORD_BATCH_H
#define SOURCES_KAFKA_RECORD_BATCH_H

#include <sources/kafka/compression.h>

typedef struct record_batch {
    size_t size; /* of all of it, with the header */
    int64_t base_offset, last_offset;
    /* The records' times are base + delta; the base need not be a record's own time (compaction keeps another there). */
    int64_t base_time_ms, max_time_ms;
    int64_t producer_id;   /* -1: none */
    int32_t leader_epoch;  /* -1: none */
    int32_t records;       /* 0: all were compacted away */
    uint32_t checksum;     /* CRC-32C from the attributes on */
    compression packed_by; /* the records */
    bool is_log_append;    /* every record has max_time_ms */
    bool is_transactional; /* part of a transaction of producer_id */
    bool is_control;       /* holds a marker and no messages */
} record_batch;

typedef enum record_batch_state {
    RECORD_BATCH_WHOLE,
    RECORD_BATCH_CUT_OFF, /* more bytes are needed: `size` in all, 0: not known yet; nothing else is set */
    RECORD_BATCH_OLD,     /* format 0 or 1, which is not read here; only size and base_offset are set */
    RECORD_BATCH_DAMAGED, /* the failure says how */
} record_batch_state;

/* What stands at `at`, of which `size` bytes are here: one batch and perhaps more behind it. Checks the header, not the
 * checksum. Any bytes may be given. */
record_batch_state record_batch_header(const void *at, size_t size, record_batch *batch, failure *failure);

/* A worker's own. Messages of a packed batch lie in `unpacked` and live until another batch is opened with this scratch;
 * who needs them longer takes the buffer away (a zeroed one in its place) and calls record_scratch_forget(). Which batch is
 * open is known by its address, offset, size and checksum, so that another one may come to the same address. */
typedef struct record_scratch {
    unpacker unpacker;
    buffer unpacked;
    size_t unpacked_max; /* a batch that unpacks to more fails with SL_LIMIT */
    const void *opened;  /* the batch that was opened last, and ... */
    record_batch batch;  /* ... its header */
} record_scratch;

void record_scratch_init(record_scratch *scratch, size_t unpacked_max);
void record_scratch_forget(record_scratch *scratch); /* the next batch is opened in any case */
void record_scratch_done(record_scratch *scratch);

/* Where in a batch reading goes on, for any worker; zeroed: at its first record. */
typedef struct record_place {
    uint32_t at;          /* bytes of the unpacked records that are behind */
    uint32_t records;     /* records that are behind */
    uint32_t offset_next; /* the least offset that may come, counted from base_offset */
} record_place;

typedef struct record_cursor {
    int64_t from, until; /* only messages of these offsets; set before opening, like place */
    record_place place;
    record_batch batch; /* from here on: set by opening */
    const unsigned char *records, *end;
} record_cursor;

/* Runs on: worker. Checks and unpacks the whole batch at `at`. It must stay there as long as it is read, and SEGMENT_SLACK
 * bytes behind it must be readable. SL_FAILED: damaged; SL_LIMIT: it unpacks to more than unpacked_max. */
sl_result record_cursor_open(record_cursor *cursor, const void *at, size_t size, record_scratch *scratch,
                             failure *failure);
/* Runs on: worker. Up to `room` messages; *count 0: there are no more below `until`. The messages point into the batch or
 * the scratch. Partitions are left 0. A control batch has none. */
sl_result record_cursor_read(record_cursor *cursor, sl_message *messages, size_t room, size_t *count,
                             failure *failure);

/* What ends a transaction of the batch's producer. */
typedef enum record_marker {
    RECORD_MARKER_NONE, /* none of the two, or compacted away */
    RECORD_MARKER_ABORT,
    RECORD_MARKER_COMMIT,
} record_marker;

/* Of a whole control batch; checks its checksum. */
sl_result record_batch_marker(const void *at, size_t size, record_marker *marker, failure *failure);

#endif
