/*
 * sinks/kafka/once.h - exactly once: a batch's messages in one transaction, together with the word that the batch was written.
 *
 *     begin_transaction ... messages ... send_offsets(group, metadata) commit_transaction ---> checkpoint
 *
 * The word is the committed offset of the job's group for partition 0 of the topic: the offset is the batch's id, the metadata
 * says batch, T, and how far all of the input was read then; of a file also which it is (device, inode, bytes, hash):
 *
 *     {"batch_id":17,"batch_time":1795402680000,"words":1,"tracks_live.csv-0":"1234 2049 1311 1024 9c0f5be3a1"}
 *
 * Servers take 4 KiB of metadata: what is more stands with partitions 1, 2, ...; `words` says how many there are. With more
 * positions than the topic's partitions hold there are none, and only the batch is known.
 *
 * A process that dies between the transaction and its checkpoint runs that batch again. Then the word names the batch, by id
 * and T, and nothing of it is sent. A work folder that is older than that, or new, goes on where the word says: once_recall(),
 * engine_recall.c. All calls come from the driver.
 */
#ifndef SINKS_KAFKA_ONCE_H
#define SINKS_KAFKA_ONCE_H

#include <clients/kafka.h>
#include <sinks/sink.h>

enum { WORDS_MAX = 64 };

typedef struct once {
    const sink_spec *spec;
    const char *topic;
    int32_t partitions; /* of the topic */
    rd_kafka_consumer_group_metadata_t *member;
    int64_t batch_id, time_ms; /* of the last transaction that was committed, 0: none */
    bool open, empty;          /* a transaction is open; nothing is in it */
    bool doubtful;             /* how one ended is not known */
    bool crowded;              /* there are too many positions, which was told */
    bool sent;                 /* the batch at work is the one that the word names */
    buffer words[WORDS_MAX];   /* each with a NUL */
    size_t word_count;
} once;

/* The producer's transactional id; free it. */
char *once_name(const sink_spec *spec, const char *topic);
/* Of a producer for this call alone: ends what an earlier one left open, and reads all that the words say. */
sl_result once_recall(once *once, rd_kafka_t *producer, int patience_ms, sink_kept *memory, failure *failure);
/* A new producer: ends what an earlier one left open, and reads the word. */
sl_result once_start(once *once, rd_kafka_t *producer, int patience_ms, failure *failure);
sl_result once_begin(once *once, rd_kafka_t *producer, const sink_batch *batch, failure *failure);
/* `any`: messages were sent. */
sl_result once_commit(once *once, rd_kafka_t *producer, const sink_batch *batch, bool any, failure *failure);
void once_done(once *once);

#endif
