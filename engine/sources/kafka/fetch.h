/*
 * sources/kafka/fetch.h - reading by Fetch requests of our own: what its parts share.
 *
 *     guide thread -----Metadata-----> who leads which partition      fetch_guide.c
 *     one thread a broker ---Fetch---> segments of record batches     fetch_broker.c
 *     workers <---- messages ---- batches: checksum, unpacking        fetch_read.c
 *     fetch.c: what the source sees of it
 *
 * Brokers' threads block in their connections. They and the guide meet under the reader's lock only, never while they wait.
 * Record sets are received straight into the partitions' chains; a thread looks at the batches' headers, no further.
 */
#ifndef SOURCES_KAFKA_FETCH_H
#define SOURCES_KAFKA_FETCH_H

#include <base/arena.h>
#include <base/outage.h>
#include <base/retry.h>
#include <sources/kafka/protocol.h>
#include <sources/kafka/reader.h>
#include <sources/kafka/record_batch.h>

typedef struct fetcher fetcher;

typedef struct fetch_place { /* where a partition's input comes from; under the lock */
    int32_t leader;          /* a broker's id; -1: there is none now */
    int32_t leader_epoch;    /* -1: not told */
    int32_t last_epoch;      /* of the last batch that was received; -1: none was */
    int32_t nearer;          /* a replica that the leader named, to be read instead of it; -1: none */
    int64_t nearer_until_ns; /* then the leader is asked again */
    int64_t rest_until_ns;   /* after an error: not asked for before */
    bool asked;              /* a request or its answer is under way: one at a time, whoever leads */
    size_t bytes_least;      /* a batch that is larger than what is usually asked for; else 0 */
} fetch_place;

typedef struct fetch_broker {
    fetcher *fetcher;
    struct fetch_broker *next;
    int32_t id;
    connection *connection; /* the engine's thread's before start, then the broker's thread's */
    pthread_t thread;
    bool running;

    char *host; /* from here under the lock */
    int port;
    int64_t rest_until_ns;

    retry retry; /* from here the thread's own */
    outage outage;
    fetch_part *parts;
    uint32_t turn; /* which partition comes first in the next request */
    fetch_answer answer;
    buffer aborted; /* of fetch_aborted: transactions of the slice that are not at their end */
    buffer units;   /* of segment_unit: what has just been received */
} fetch_broker;

struct fetcher {
    kafka_reader *reader;
    kafka_spec *spec;
    protocol_topic topic;
    int32_t wait_ms, bytes_min;
    connection *guide; /* the engine's thread's before start, then the guide's */
    arena memory;      /* of the guide's answers */
    pthread_t thread;
    bool running;
    outage topicless, leaderless;
    record_scratch *scratches; /* by worker */
    unsigned worker_count;

    fetch_place *places; /* by partition; from here under the lock */
    size_t count;
    fetch_broker *brokers;
    bool stale;    /* who leads what has changed, or a broker is gone */
    bool answered; /* librdkafka has an answer to a commit */
};

/* ---- fetch_guide.c ---- */

/* Asks who leads what; connects where needed. The first time it finds the partitions: fetcher->places. */
sl_result guide_ask(fetcher *fetcher, failure *failure);
void places_add(fetcher *fetcher,
                size_t count); /* up to so many, without a leader; under the lock, or before start */
bool guide_was_heard(const fetcher *fetcher); /* a broker answered, if not what was wanted */
void *guide_run(void *fetcher); /* the thread: asks again when something is stale, and from time to time */

/* ---- fetch_broker.c ---- */

sl_result broker_start(fetch_broker *broker, failure *failure);
sl_result broker_connect(fetch_broker *broker, failure *failure);
void broker_free(fetch_broker *broker);
/* Where partitions begin and end of which something is gone (fetch.c). One that could not be asked is found lost again. */
sl_result broker_ask_lost(fetch_broker *broker, failure *failure);

/* ---- fetch_read.c ---- */

/* What a batch covers: the form of the chains. */
segment_unit fetch_unit(const char *at);
/* A batch that holds no messages for us: a marker, or part of an aborted transaction. */
void fetch_unit_skip(char *at);
sl_result fetcher_read(kafka_reader *reader, const source_block *block, source_reading *reading,
                       source_messages *messages, failure *failure);

#endif
