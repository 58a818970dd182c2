/*
 * sources/kafka/reader.h - the Kafka source's own parts: what they share, and what each does.
 *
 *     begins, ends, times ----> offsets.c     where to start, where to stop
 *     input ----> a way's threads ----> chains     look() and take() cut from them
 *     lag tools <---- positions ---- commits.c, by librdkafka always
 *     the log <------ gone, back --- reach.c
 *     metadata -> more partitions -> growth.c
 *                 another topic -> incarnation.c, loss.c
 *
 * There are two ways to get input (setting kafka.reader), behind one struct: librdkafka.c, and fetch.c of our own. Each finds
 * out by itself whether the cluster is there; reach.c has the words for it.
 */
#ifndef SOURCES_KAFKA_READER_H
#define SOURCES_KAFKA_READER_H

#include <base/outage.h>
#include <clients/kafka.h>
#include <pthread.h>
#include <records/segment.h>
#include <sources/kafka/spec.h>
#include <sources/kafka/wire.h>
#include <sources/source.h>

typedef struct kafka_part {
    segment_chain chain;
    int64_t end;     /* as last known; never goes back */
    int64_t stop;    /* available-now: the end found at start, else INT64_MAX */
    failure trouble; /* what the next look() returns; SL_RETRY is told once */
    int64_t taken, released;
    int64_t commit; /* to be told to the group; -1: nothing is */
    bool lost;      /* what is to be read next is gone, and is to be skipped: see loss.c */
    bool hungry;    /* look() wanted more than is here, and there is more to read */
    bool added;     /* while the job runs: see growth.c */
} kafka_part;

typedef struct kafka_reach { /* whether the cluster can be reached; under the lock */
    int64_t since_ns;        /* it did not answer since; 0: it does */
    bool away;               /* for longer than it takes to come back at once */
    outage outage;
} kafka_reach;

typedef struct kafka_reader kafka_reader;

typedef struct kafka_way {
    const char *name;
    /* Connects, and tells how many partitions the topic has, and its id: reader->topic_id. */
    sl_result (*open)(kafka_reader *reader, int32_t *count, failure *failure);
    /* By partition: the first offset at or behind a time, the begin or the end; -1: there is none. */
    sl_result (*offsets)(kafka_reader *reader, int64_t time_ms, int64_t *offsets, failure *failure);
    /* From each part's chain.next on. reader->client is there. */
    sl_result (*start)(kafka_reader *reader, failure *failure);
    void (*stop)(
        kafka_reader *reader); /* nothing arrives any more; also after a start that failed, or none */
    void (*close)(kafka_reader *reader);
    /* The end of a partition, from what the last answer brought: asks nobody. Under the lock. NULL: parts hold it. */
    int64_t (*end)(kafka_reader *reader, uint32_t part);
    sl_result (*read)(kafka_reader *reader, const source_block *block, source_reading *reading,
                      source_messages *messages, failure *failure);
} kafka_way;

extern const kafka_way kafka_way_librdkafka, kafka_way_fetch;
extern const source_kind kafka_topic; /* topic.c: the target is one topic's name */

enum { KAFKA_ADDED_MAX = 1000 }; /* partitions that may be added while the job runs */
enum { KAFKA_TIME_END = -1, KAFKA_TIME_BEGIN = -2 };

struct kafka_reader {
    source_spec spec;
    const kafka_way *way;
    void *way_self;
    kafka_spec *fetch_spec; /* for connections of our own; NULL: the settings ask for what they have not */
    char *topic;
    wire_uuid topic_id;  /* what it had when it was opened; none: not told */
    int32_t incarnation; /* incarnation.h */
    const char *servers;
    rd_kafka_t *client;           /* has the group's name: commits, and librdkafka's way of reading */
    rd_kafka_queue_t *answers;    /* to commits, and troubles */
    char trouble[300];            /* the newest that librdkafka told; belongs to who polls its clients */
    bool troubled;                /* it is new */
    source_partition *partitions; /* of `room`, as are the parts */
    size_t room, shown;           /* shown: how many the topic had when it was opened */
    size_t told;     /* how many partitions the topic has, when that was told last; the asking thread's */
    int64_t stop_ns; /* when the end began */

    pthread_mutex_t mutex;  /* of everything below */
    pthread_cond_t changed; /* room was made, or the end came */
    kafka_reach reach;
    kafka_part *parts;
    size_t count; /* partitions that are read; grows */
    segment_spare spare;
    size_t bytes, hungry, in_flight; /* parts that are hungry, that have ranges taken and not released */
    bool stopping;
    bool doubted;                     /* the topic may be another one now: its id is to be asked for */
    bool committing;                  /* a commit is under way */
    bool commit_noted;                /* parts have something to be committed */
    int64_t commit_next_ns;           /* the next commit may be sent */
    rd_kafka_resp_err_t commit_error; /* of the last commit */
    int64_t commit_since_ns;          /* commits fail since; 0: they do not */
    outage commit_outage;
};

/* How much the chains may hold now. When nothing is to be released, since a replay waits for more of one partition while
 * another one's backlog fills the memory, it is twice as much as otherwise. Under the lock. */
static inline size_t kafka_bytes_allowed(const kafka_reader *reader)
{
    bool overdraw = reader->hungry && reader->in_flight == 0;
    return reader->spec.bytes_max * (overdraw ? 2 : 1);
}

/* Fills every offset and the parts' next, end and stop. Leaves all as it was when it fails. */
sl_result offsets_resolve(kafka_reader *reader, source_partition *partitions, failure *failure);

/* ---- loss.c ---- */

bool loss_is_skipped(const kafka_reader *reader);
/* Of a loss that ends the job, in any case: its result, and what to add to its text. */
sl_result loss_kind(const kafka_reader *reader);
const char *loss_advice(const kafka_reader *reader);
/* A position outside [begin, end] is refused, or set to the begin. */
sl_result loss_at_start(const kafka_reader *reader, source_partition *wanted, int64_t begin, int64_t end,
                        failure *failure);
/* Another topic stands under the name now: nothing of it can be joined to what was read. Under the lock. */
void loss_of_topic(kafka_reader *reader);
/* Of a part that is `lost`, once its bounds are known: passes the gap over, or stops the part. Under the lock. */
void loss_settle(kafka_reader *reader, uint32_t i, int64_t begin, int64_t end);

/* ---- growth.c ---- */

/* The topic has `count` partitions now; how many are read then. Under the lock. */
size_t growth_take(kafka_reader *reader, size_t count);
/* There were `before` of them. Not under the lock. */
void growth_tell(kafka_reader *reader, size_t before, size_t count);
/* Nothing of it was read yet: what is gone before its first record was nobody's. */
static inline bool growth_is_unread(const kafka_part *part)
{
    return part->added && part->chain.next == 0;
}

void reader_part_begin(kafka_reader *reader, size_t i);

/* Notes positions and wakes the way's thread; allocates nothing. */
void commits_note(kafka_reader *reader, const source_partition *partitions, size_t count);
/* When what is noted may be sent; INT64_MAX: nothing is, or a commit is under way. Under the lock. */
static inline int64_t commits_due_ns(const kafka_reader *reader)
{
    return reader->commit_noted && !reader->committing ? reader->commit_next_ns : INT64_MAX;
}
/* Sends what is due. Runs on: the way's thread, which polls the client for the answer. */
void commits_send(kafka_reader *reader);
void commits_resume(kafka_reader *reader); /* what could not be told is noted once more */
void commits_finish(kafka_reader *reader); /* after the way's stop(): waits a little for what is under way */

/* The cluster was asked, and none of its brokers answered, or one did. One thread at a time. */
void reach_lost(kafka_reader *reader, const char *why);
void reach_found(kafka_reader *reader);

/* The `troubled` of librdkafka's clients here, with the reader as their opaque. */
void reader_told(rd_kafka_t *client, int error, const char *reason, void *opaque);

/* Questions at the start wait until then; 0: as long as they like. */
static inline int64_t reader_deadline_ns(const kafka_reader *reader)
{
    return reader->spec.deadline_ns ? *reader->spec.deadline_ns : 0;
}

#endif
