/*
 * operators/count_state.h - what a count keeps, shared by count.c (counting), count_state.c (rows out of the state) and
 * count_saved.c (checkpoint).
 */
#ifndef OPERATORS_COUNT_STATE_H
#define OPERATORS_COUNT_STATE_H

#include <operators/operator.h>
#include <operators/top_feed.h>
#include <plan/window.h>
#include <records/document.h>
#include <state/panes.h>

/*
 * What a key was counted: in the window, up to 10^12, and of that in the open pane, in one number, so that a row is one
 * addition.
 *
 *     | total: 40 bits | in the open pane: 24 |
 */
typedef uint64_t count_value;

enum { COUNT_PANE_BITS = 24, COUNT_PANE_MAX = (1 << COUNT_PANE_BITS) - 1 };
#define COUNT_ROW          ((uint64_t)1 << COUNT_PANE_BITS | 1)
#define COUNT_ROW_FOR_EVER ((uint64_t)1 << COUNT_PANE_BITS)
#define COUNT_TOTAL_MAX    (UINT64_MAX >> COUNT_PANE_BITS)

static inline uint64_t count_total(count_value value)
{
    return value >> COUNT_PANE_BITS;
}

static inline uint32_t count_in_pane(count_value value)
{
    return (uint32_t)value & COUNT_PANE_MAX;
}

typedef struct count_touch {
    uint64_t before; /* the total before this batch */
    uint32_t id, padding;
} count_touch;

/* A row of a report that ended before the batch. The state goes on from there, so a later attempt reads it here. */
typedef struct count_early {
    int64_t end_ms, total;
    row_key key;
} count_early;

typedef struct count_shard {
    store_shard store; /* of count_value */
    panes panes;
    bool shut;           /* the newest pane's numbers stand in its list already */
    buffer touched;      /* of count_touch: the keys of this batch */
    buffer touched_bits; /* by id */
    buffer ids;          /* of uint32_t: the same keys */
    buffer saved;        /* the batch's change, for the checkpoint */
    buffer early;        /* of count_early */
    arena early_keys;
} count_shard;

typedef struct count_worker {
    buffer keys[STORE_SHARDS]; /* of row_key */
    char *rows;                /* CHUNK_ROWS rows on their way out */
    char padding[128];
} count_worker;

typedef struct count {
    sl_count drawn;
    uint32_t number;
    size_t row_bytes;
    bool texts_only, saves;
    bool has_rows; /* someone takes rows; tops read the store themselves */
    window window;
    top_feed tops;
    void *executor;
    operator_emit *emit;
    operator_each *each;
    const batch_frame *batch;
    count_shard shards[STORE_SHARDS];
    count_worker *workers;
    unsigned worker_count;
    keyed keyed;
} count;

void count_advance(count *self, count_shard *shard, int64_t time_ms); /* expires panes up to a time */
pane *count_pane(count *self, count_shard *shard, int64_t number);    /* the open pane of that number */

/* Rows of the window that ends at end_ms, to whoever takes rows. Runs on: worker, owner of the shard. */
void count_note_early(count *self, unsigned number, int64_t end_ms); /* kept until the next batch */
void count_emit_early(count *self, sl_task *task, unsigned number);
void count_emit(count *self, sl_task *task, unsigned number, int64_t end_ms);
keyed count_keyed(count *self);
const keyed *count_keyed_of(void *self);
size_t count_bytes(void *self);
void count_account(void *self, operator_account *account);

/* What the batch changed, a key at a time. */
void count_save_begin(count_shard *shard, int64_t pane);
void count_save_one(count_shard *shard, uint32_t id, uint64_t times);
void count_save_end(count_shard *shard);
void count_save(void *self, bool all, buffer *out);
sl_result count_load(void *self, sl_text saved, failure *failure);

#endif
