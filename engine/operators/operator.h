/*
 * operators/operator.h - the contract of an operator kind: what a node of the plan does with rows.
 *
 * An operator has up to three moments in a batch:
 *     rows    workers: a chunk of rows comes in, rows go out (stage, look_up) or are gathered (count, output)
 *     merge   the owner of a shard, on a worker: what all workers gathered becomes state; rows go out
 *     finish  driver: what needs all shards; rows go out
 * A merge and a finish may come twice for a batch (batch_frame.merged): then they only give their rows again.
 */
#ifndef OPERATORS_OPERATOR_H
#define OPERATORS_OPERATOR_H

#include <base/clock.h>
#include <base/settings.h>
#include <plan/plan.h>
#include <plan/task.h>
#include <sluice/listener.h>
#include <state/store.h>

enum { CHUNK_ROWS = 256 };

typedef struct operator operator;

/* Hands rows to the nodes behind this one, on the same thread. */
typedef void operator_emit(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count);

/* Runs work(argument, 0 .. count - 1) side by side and returns when all is done. While state is loaded. */
typedef void operator_work(void *argument, unsigned number);
typedef void operator_each(void *executor, operator_work *work, void *argument, unsigned count);

/* What an operator that keeps rows by key lets its neighbours see: tops and snapshots. */
typedef struct keyed {
    void *self;
    uint32_t (*ids)(void *self, unsigned shard); /* ids are below this */
    /* false: no such key. The row's texts lie in the store; end_ms is the end of the window that reports. */
    bool (*row)(void *self, unsigned shard, uint32_t id, int64_t end_ms, void *row);
} keyed;

typedef struct operator_spec {
    const plan_node *node;
    uint32_t number;
    unsigned workers;
    const settings *settings;
    const sl_clock *clock;
    operator* const * operators; /* by node; those before this one are open */
    void *executor;
    bool saves; /* there is a checkpoint */
    operator_emit *emit;
    operator_each *each;
    const void *place; /* of a look_up: its lookup_place; of an output: its output_place */
} operator_spec;

enum { COUNTERS_MAX = 16, LOOKUPS_MAX = 8, STATES_MAX = 32 };

typedef struct operator_account {
    int64_t lookup_missed;
    sl_counter counters[COUNTERS_MAX];
    size_t counter_count;
    sl_lookup_info lookups[LOOKUPS_MAX];
    size_t lookup_count;
    sl_state_info states[STATES_MAX];
    size_t state_count;
} operator_account;

static inline void account_state(operator_account *account, const char *name, size_t keys, size_t bytes)
{
    if (account->state_count < STATES_MAX)
        account->states[account->state_count++] = (sl_state_info){ name, (int64_t)keys, (int64_t)bytes };
}

typedef struct operator_kind {
    const char *name;
    sl_result (*open)(const operator_spec *spec, void **self, failure *failure);
    void (*close)(void *self);
    /* Driver: a new attempt at a batch. */
    sl_result (*begin)(void *self, const batch_frame *batch, failure *failure);
    /* Worker. Fills `out` (room for as many rows as came), or leaves it empty. Trouble goes to task->failure. */
    void (*rows)(void *self, sl_task *task, const sl_rows *in, sl_rows *out);
    /* Look_up: a chunk is through, its counts hold; the keys that workers missed are asked for (driver). */
    void (*kept)(void *self, unsigned worker);
    sl_result (*resolve)(void *self, failure *failure);
    void (*merge)(void *self, sl_task *task, unsigned shard);
    void (*finish)(void *self, sl_task *task);
    /* Top: see top_feed.h. Owner of the shard, inside the merge of what it follows. */
    void (*forgot)(void *self, unsigned shard);
    void (*changed)(void *self, unsigned shard, const uint32_t *ids, size_t count);
    void (*report)(void *self, sl_task *task, unsigned shard, int64_t end_ms);
    const keyed *(*keyed)(void *self);
    /* Checkpoint: what the batch changed, or all; what save wrote is handed to load, piece by piece, in order. */
    void (*save)(void *self, bool all, buffer *out);
    sl_result (*load)(void *self, sl_text saved, failure *failure);
    size_t (*bytes)(void *self); /* of its state, and what the batch may add to it */
    void (*account)(void *self, operator_account *account); /* adds what it counted in the batch */
} operator_kind;

struct operator
{
    const operator_kind *kind;
    void *self;
};

extern const operator_kind operator_stage, operator_look_up, operator_count, operator_reduce,
    operator_distinct, operator_count_about, operator_group, operator_join, operator_top, operator_update,
    operator_snapshots, operator_output;

#endif
