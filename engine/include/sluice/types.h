/*
 * sluice/types.h - the few types that every public header shares.
 *
 * Texts and rows are borrowed: whatever a stage is handed lies in the memory of its batch and is gone when the batch is
 * committed. Nobody frees it, nobody keeps it.
 */
#ifndef SLUICE_TYPES_H
#define SLUICE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a call ended. `SL_RETRY` alone means that the same call may succeed later; see sl_is_retriable(). */
#define SL_RESULTS(R)                                                                                        \
    R(OK, "done")                                                                                            \
    R(RETRY, "not now: the same call may succeed later")                                                     \
    R(USAGE, "a wrong option, setting or plan")                                                              \
    R(UNREACHABLE, "a server or topic could not be reached in time")                                         \
    R(LIMIT, "a limit that a setting gives was reached")                                                     \
    R(FAILED, "cannot go on")                                                                                \
    R(REPEATED, "stopped after too many failed batches")                                                     \
    R(DATA_LOSS, "records that should be read are gone")                                                     \
    R(RUNNING, "another process runs this job")

typedef enum sl_result {
#define SL_RESULT_CODE_(code, text) SL_##code,
    SL_RESULTS(SL_RESULT_CODE_)
#undef SL_RESULT_CODE_
} sl_result;

const char *sl_result_text(sl_result result); /* the sentence above, for a message */

static inline bool sl_is_retriable(sl_result result)
{
    return result == SL_RETRY;
}

/* Bytes without a terminator. at == NULL: missing; size 0 with at != NULL: present and empty. */
typedef struct sl_text {
    const char *at;
    size_t size;
} sl_text;

/* A whole number that may be missing. */
typedef struct sl_maybe_i64 {
    int64_t value;
    bool known;
} sl_maybe_i64;

/* A span of time; written "250ms", "2s", "5min" (or "5m"), "30h", "1d" in settings. */
typedef struct sl_duration {
    int64_t ms;
} sl_duration;

/* As a window's length: for ever. */
#define SL_EVER_MS INT64_MAX
#define SL_EVER    ((sl_duration){ SL_EVER_MS })

/* The types that fields of a record may have, beside sl_text and sl_maybe_i64. */
typedef int32_t sl_i32;
typedef int64_t sl_i64;
typedef double sl_f64;
typedef bool sl_flag;
typedef int64_t sl_time; /* ms since 1970-01-01T00:00:00Z */

/* Where a row came from: one message of one partition of the job's input. */
typedef struct sl_origin {
    int64_t offset;
    int64_t time_ms;    /* the record's own time; the batch time where it has none */
    uint32_t partition; /* the engine's number of the (topic, partition) pair; ids print the real names */
} sl_origin;

/* What a source hands to the first stage. value.at == NULL is a tombstone. */
typedef struct sl_message {
    sl_origin origin;
    sl_text key;
    sl_text value;
    const char *headers; /* of Kafka, read by sl_header(); NULL: it has none */
} sl_message;

#endif
