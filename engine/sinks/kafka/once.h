/*
 * sinks/kafka/once.h - exactly once: a batch's messages in one transaction, together with the word that the batch was written.
 *
 *     begin_transaction ... messages ... send_offsets(group, metadata) commit_transaction ---> checkpoint
 *
 * The word is the committed offset of the job's group for partition 0 of the topic: the offset is the batch's id, the metadata says
 *
 *     {"batch_id":17,"batch_time":1795402680000,"positions":[{"topic":"tracks_live.csv","partition":0,"until":1234}]}
 *
 * A process that dies between the transaction and its checkpoint runs that batch again. Then the word names the batch, by id
 * and T, and nothing of it is sent. All calls come from the driver.
 */
#ifndef SINKS_KAFKA_ONCE_H
#define SINKS_KAFKA_ONCE_H

#include <clients/kafka.h>
#include <sinks/sink.h>

typedef struct once {
    const sink_spec *spec;
    const char *topic;
    rd_kafka_consumer_group_metadata_t *member;
    int64_t batch_id, time_ms; /* of the last transaction that was committed, 0: none */
    bool open, empty;          /* a transaction is open; nothing is in it */
    bool doubtful;             /* how one ended is not known */
    bool sent;                 /* the batch at work is the one that the word names */
    buffer word;
} once;

/* The producer's transactional id; free it. */
char *once_name(const sink_spec *spec, const char *topic);
/* A new producer: ends what an earlier one left open, and reads the word. */
sl_result once_start(once *once, rd_kafka_t *producer, int patience_ms, failure *failure);
sl_result once_begin(once *once, rd_kafka_t *producer, const sink_batch *batch, failure *failure);
/* `any`: messages were sent. */
sl_result once_commit(once *once, rd_kafka_t *producer, const sink_batch *batch, bool any, failure *failure);
void once_done(once *once);

#endif
