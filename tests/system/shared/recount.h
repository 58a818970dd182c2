/*
 * tests/system/shared/recount.h - what must have come out of `listens`, counted anew from what was sent, the customers in Redis,
 * and the batches (ranges and times) of its accounts; and compared with what did. Plain loops and sorts, nothing of the engine.
 */
#ifndef TESTS_SYSTEM_SHARED_RECOUNT_H
#define TESTS_SYSTEM_SHARED_RECOUNT_H

#include <servers/search_server.h>
#include <system/shared/trial.h>

typedef struct recount_windows { /* times in ms */
    int64_t top_length, top_slide, top_pane, top_count, interest_length, interest_pane, interest_plays;
} recount_windows;

extern const recount_windows recount_usual; /* as the job has them when nobody asks for others */

typedef struct recount recount;

/*
 * Asserts the accounts, every file of the sinks, the lists in Redis and the offsets in Kafka. With files no record is a
 * duplicate: a file is written anew as a whole.
 */
recount *recount_assert(trial *trial, const recount_windows *windows);
void recount_free(recount *recount);

size_t recount_batches(const recount *recount);
size_t recount_records(const recount *recount, size_t batch); /* of the batch */
size_t recount_duplicates(const recount *recount);            /* in all */

/* One JSON text per line, "_id" first, without an order: what an index must hold in the end. Lives as long as the recount. */
const char *recount_documents(const recount *recount);
const char *recount_top_tracks(const recount *recount);
const char *recount_interests(const recount *recount);

/* Asserts that an index holds these documents; `versions`: each with its "@timestamp" in ms as version. */
void recount_assert_index(search_server *server, const char *index, const char *documents, bool versions);

#endif
