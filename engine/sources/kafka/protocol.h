/*
 * sources/kafka/protocol.h - what we ask brokers: where partitions are (Metadata), where they begin and end (ListOffsets),
 * and what is in them (Fetch), in every version from Kafka 0.11 to 4.x.
 *
 * Errors of the transport are SL_RETRY and close the connection. Errors that the broker tells stand in the answers as its
 * numbers, 0 for none; they are those of rd_kafka_resp_err_t, and protocol_error() puts them into words.
 */
#ifndef SOURCES_KAFKA_PROTOCOL_H
#define SOURCES_KAFKA_PROTOCOL_H

#include <base/arena.h>
#include <sources/kafka/connection.h>

/* Newer than the librdkafka that may be installed here. */
enum {
    PROTOCOL_UNKNOWN_TOPIC_ID = 100,
    PROTOCOL_INCONSISTENT_TOPIC_ID = 103,
    PROTOCOL_FETCH_SESSION_TOPIC_ID = 106,
    PROTOCOL_OFFSET_IN_TIERED_STORAGE = 109
};

/* "NOT_LEADER_OR_FOLLOWER (Broker: Not leader for partition)"; lives for ever. */
const char *protocol_error_name(int16_t error);
const char *protocol_error_text(int16_t error);

/* ---- Metadata ---- */

typedef struct metadata_broker {
    int32_t id, port;
    const char *host, *rack; /* rack NULL: none */
} metadata_broker;

typedef struct metadata_partition {
    int32_t index;
    int16_t error;
    int32_t leader;       /* -1: none */
    int32_t leader_epoch; /* -1: not told */
} metadata_partition;

typedef struct metadata_topic {
    const char *name;
    wire_uuid id; /* zero: not told */
    int16_t error;
    metadata_partition *partitions; /* in the order of the answer */
    size_t count;
} metadata_topic;

typedef struct metadata {
    metadata_broker *brokers;
    size_t broker_count;
    metadata_topic *topics; /* as in the question; one that the broker did not mention has an error */
    size_t topic_count;
    int32_t throttle_ms;
} metadata;

typedef struct metadata_ask {
    const char *const *topics;
    size_t count;
} metadata_ask;

/* Never makes a topic. Everything in *metadata lies in the arena. */
sl_result metadata_get(connection *connection, const metadata_ask *ask, arena *arena, metadata *metadata,
                       failure *failure);

/* ---- ListOffsets ---- */

enum { OFFSETS_END = -1, OFFSETS_BEGIN = -2 };

typedef struct protocol_topic { /* a topic as requests name it; parts of requests point to theirs */
    const char *name;
    wire_uuid id; /* zero: not known */
} protocol_topic;

typedef struct offsets_part {
    const protocol_topic *topic; /* parts of one topic stand together */
    int32_t partition;
    int32_t leader_epoch; /* as far as known, else -1 */
    int64_t time_ms;      /* OFFSETS_END, OFFSETS_BEGIN, or a time: the first record that is not older */

    /* The answer. */
    int16_t error;
    int64_t offset;       /* -1: no record is as new as that */
    int32_t offset_epoch; /* of that offset's leader; -1: not told */
} offsets_part;

/* The broker has to lead all of them. A partition at most once. A part without an answer gets UNKNOWN as its error. */
sl_result offsets_get(connection *connection, offsets_part *parts, size_t count, int32_t *throttle_ms,
                      failure *failure);

/* ---- Fetch ----
 *
 *     fetch_send(connection, &ask, &failure)
 *     fetch_begin(connection, &ask, &answer, &failure)             // waits
 *     while (fetch_next(&answer, &slice, &failure) == SL_OK && slice.part)
 *         if (slice.bytes) fetch_records(&answer, to, size, &failure)   // as often as wanted: the next `size` bytes
 *
 * The ask, its parts and their topics stay as they are until the answer is read. Before an answer is read the next request
 * may be sent already. Each request is a full one: no fetch sessions.
 */

typedef struct fetch_part {
    const protocol_topic *topic; /* parts of one topic stand together */
    int32_t partition;
    int32_t leader_epoch; /* as far as known, else -1; the broker refuses an old one */
    int32_t last_epoch;   /* of the record before `offset`, else -1: lets the broker find a truncation */
    int64_t offset;
    int32_t bytes_max;
} fetch_part;

typedef struct fetch_ask {
    const fetch_part *parts; /* the first ones are served first: let them take turns */
    size_t count;
    int32_t wait_ms, bytes_min, bytes_max;
} fetch_ask;

typedef struct fetch_aborted {
    int64_t producer, first_offset;
} fetch_aborted;

typedef struct fetch_slice {
    const fetch_part *part; /* NULL: that was all */
    int16_t error;
    int64_t high_watermark, last_stable, log_start; /* -1: not told */
    const fetch_aborted *aborted;                   /* until the next fetch_next() */
    size_t aborted_count;
    int32_t preferred_replica; /* a broker that is nearer; -1: none */
    size_t bytes;              /* of the record set */

    /* Told only beside an empty record set. */
    int32_t diverging_epoch; /* -1: none */
    int64_t diverging_offset;
    int32_t leader, leader_epoch; /* who leads now; -1: not told */
} fetch_slice;

typedef struct fetch_answer { /* zeroed is ready; keeps its room from answer to answer */
    int32_t throttle_ms;      /* the broker wants to be left alone for so long; there may be no slice then */
    int16_t error;            /* of the whole; then there is no slice */

    wire_reader *reader; /* the rest is its own business */
    connection *connection;
    const fetch_ask *ask;
    int16_t version;
    size_t topics_left, parts_left, records_left;
    const protocol_topic *topic;
    size_t next_part;
    bool in_topic, in_part;
    buffer aborted, seen; /* parts that came already: a byte each */
} fetch_answer;

sl_result fetch_send(connection *connection, const fetch_ask *ask, failure *failure);
sl_result fetch_begin(connection *connection, const fetch_ask *ask, fetch_answer *answer, failure *failure);
/* What of the slice before was not taken is skipped. */
sl_result fetch_next(fetch_answer *answer, fetch_slice *slice, failure *failure);
sl_result fetch_records(fetch_answer *answer, void *to, size_t size, failure *failure);
void fetch_answer_done(fetch_answer *answer); /* frees its room */

#endif
