/*
 * http/recent.h - the newest batches in memory, for the job's pages: a listener that keeps the last N completed ones and those
 * that wait or run. What is older is in the history on disk. Memory is bounded: of a batch with many ranges the first 64 stay.
 */
#ifndef HTTP_RECENT_H
#define HTTP_RECENT_H

#include <base/buffer.h>
#include <sluice/listener.h>

enum { RECENT_OUTPUTS_MAX = 16, RECENT_RANGES_MAX = 64, RECENT_TOPICS_MAX = 8 };

typedef struct recent recent;

typedef struct recent_output {
    int32_t id;
    int64_t start_time_ms, end_time_ms;
    bool failed;
} recent_output;

typedef struct recent_batch {
    int64_t id; /* 0: the slot is free */
    int64_t time_ms, interval_ms, submission_time_ms;
    sl_batch_state state;
    bool catch_up;
    int64_t records; /* until it is completed: what its ranges span */
    double scheduling_delay_ms, total_delay_ms;
    sl_phases phases; /* once it is completed */
    int64_t topic_records[RECENT_TOPICS_MAX];
    recent_output outputs[RECENT_OUTPUTS_MAX];
    size_t output_count;
    buffer account; /* its line; of one that waits, too */
    buffer
        failures; /* the error of its last failed attempt, and those of its outputs, each with its NUL and in this order */
} recent_batch;

/* What is held, while it is held: see recent_lock(). */
typedef struct recent_view {
    const char *job;
    int64_t start_time_ms, interval_ms;
    int32_t workers;
    const recent_batch *const *batches; /* by id, oldest first */
    size_t count;
    int64_t completed, processed, received; /* since the start, beyond what is held: batches, records */
    int64_t retained;                       /* completed ones among `batches` */
    const sl_output_info *outputs;
    size_t output_count;
    const char *const
        *topics; /* in the order in which they came; more than RECENT_TOPICS_MAX are not told apart */
    size_t topic_count;
} recent_view;

extern const sl_listener recent_listener; /* self: a recent */

recent *recent_new(const char *job, size_t retained);
void recent_free(recent *recent); /* NULL is fine */

/* Any thread. The view holds until recent_unlock(). */
const recent_view *recent_lock(recent *recent);
void recent_unlock(recent *recent);

#endif
