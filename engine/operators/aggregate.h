/*
 * operators/aggregate.h - what reduce, distinct and count_about have in common: a value for each key, made of the rows of a batch, of a
 * window, or of all batches. They differ in what a row brings and in how values are joined (aggregate_kind).
 *
 * Workers write down what rows bring, a part each, by shard: see gathering.h. The owner of a shard joins the parts, in the order of
 * the rows in their partitions, to a value for each key of the batch: those are what the batch changes. In a window each
 * goes to its pane and to the key's total. When a pane leaves, what it holds is taken from the totals again, or, where there is no way
 * back, totals are made anew from the panes that stay.
 *
 *     total of key = pane 41 + pane 42 + pane 43 (open: batch, batch, ...)
 */
#ifndef OPERATORS_AGGREGATE_H
#define OPERATORS_AGGREGATE_H

#include <operators/gathering.h>
#include <operators/top_feed.h>
#include <plan/window.h>
#include <records/document.h>

enum { PARTS_MAX = STORE_VECTOR };

/* Parts that lie one after another, and the values of their keys. `first`: there is no value yet; what stands there is zeroed. */
typedef struct parts {
    const char *at;
    size_t stride, count;
    void *values[PARTS_MAX];
    bool first[PARTS_MAX];
} parts;

/* Calls are for many rows at once: one for each costs as much as what it does. */
typedef struct aggregate_kind {
    /* Worker: what rows bring. `memory` is the batch's. NULL: nothing but their keys. */
    void (*take)(const void *self, const void *rows, size_t count, char *const *parts, arena *memory);
    /* Owner of a shard. A key may come several times. NULL: like take. */
    void (*add)(const void *self, const parts *parts);
    /* `first`: there is no value yet, anything stands there. */
    void (*join)(const void *self, void *value, const void *from, bool first);
    void (*remove)(const void *self, void *value, const void *from); /* NULL: there is no way back */
    void (*give)(const void *self, const void *value,
                 void *row); /* row: zeroed; its key is filled afterwards */
    /* Worker, where parts are values: a chunk's rows as one part. NULL: take() and join() do it row by row. */
    void (*fold)(const void *self, const void *rows, size_t count, void *part);
} aggregate_kind;

typedef struct aggregate_spec {
    const aggregate_kind *kind;
    void *self; /* its own, freed with free() */
    const char *name;
    sl_fields key;
    sl_window window;
    size_t part_bytes, value_bytes;
    bool touched_only;  /* rows of keys that the batch brought */
    bool fresh_only;    /* rows of keys that were not there before the batch */
    bool even_if_empty; /* without key: a row without anything too */
    uint64_t shape;     /* other values of the same name are not to be read as these */
    bool folds;         /* parts are values, and workers may join them before, in any order */
} aggregate_spec;

/* What the store keeps of a key, before its value. */
typedef struct total {
    int64_t rows; /* in the window, the open pane too; 0: nothing yet */
    uint32_t open,
        touch; /* the number, from 1 on, of its entry in the open pane; of its touch in the batch */
} total;

/* A key and a value in a list: of a pane, of the batch, of a report. The value stands behind. */
typedef struct entry {
    int64_t rows;
    uint32_t id;
    bool fresh;
} entry;

typedef struct held_pane {
    int64_t number;
    buffer entries;
} held_pane;

typedef struct aggregate_shard {
    store_shard store; /* of total, value */
    buffer panes;      /* of held_pane, oldest first */
    buffer spare;      /* of buffer: entries of panes that left */
    size_t pane_bytes;
    bool open;      /* the newest pane takes more */
    bool stale;     /* totals are to be made anew from the panes */
    buffer touched; /* of entry: what the batch changed */
    buffer
        changed;  /* of uint32_t, where tops follow: ids of keys that the batch or a pane that left changed */
    char *room;   /* for a value */
    buffer early; /* of early_row: rows of reports that ended before the batch */
    arena early_keys;
    gathering_order order;
} aggregate_shard;

/* The state goes on after a report, so a later attempt at the batch reads it here. The value stands behind. */
typedef struct early_row {
    int64_t end_ms;
    row_key key;
} early_row;

typedef struct aggregate {
    aggregate_spec spec;
    const plan_node *node;
    uint32_t number;
    size_t row_bytes, entry_stride, early_stride;
    bool saves;
    bool has_rows, feeds_tops; /* someone takes rows; tops read the store themselves */
    window window;
    top_feed tops;
    keyed keyed;
    void *executor;
    operator_emit *emit;
    const batch_frame *batch;
    unsigned worker_count;
    gathering gathering; /* of parts */
    char **rows;         /* by worker: CHUNK_ROWS rows on their way out */
    aggregate_shard shards[STORE_SHARDS];
} aggregate;

/* ---- aggregate.c: the moments of an operator. `spec` is copied ---- */

sl_result aggregate_open(const operator_spec *spec, const aggregate_spec *aggregate, void **opened,
                         failure *failure);
void aggregate_close(void *self);
sl_result aggregate_begin(void *self, const batch_frame *batch, failure *failure);
void aggregate_rows(void *self, sl_task *task, const sl_rows *in, sl_rows *out);
void aggregate_merge(void *self, sl_task *task, unsigned shard);
size_t aggregate_bytes(void *self);
void aggregate_account(void *self, operator_account *account);
const keyed *aggregate_keyed_of(void *self);

/* Kinds made of the above, which differ in how they open. */
#define AGGREGATE_KIND(kind, opens)                                                                          \
    {                                                                                                        \
        .name = kind, .open = opens, .close = aggregate_close, .begin = aggregate_begin,                     \
        .rows = aggregate_rows, .merge = aggregate_merge, .keyed = aggregate_keyed_of,                       \
        .save = aggregate_save, .load = aggregate_load, .bytes = aggregate_bytes,                            \
        .account = aggregate_account                                                                         \
    }

/* ---- aggregate_state.c: panes, rows out. Runs on: owner of the shard ---- */

void aggregate_advance(aggregate *self, aggregate_shard *shard,
                       int64_t time_ms); /* panes leave, totals are right */
void aggregate_settle(aggregate *self,
                      aggregate_shard *shard); /* what the batch touched, into panes and totals */
void aggregate_note_early(aggregate *self, unsigned shard, int64_t end_ms);
void aggregate_emit_early(aggregate *self, sl_task *task, unsigned shard);
void aggregate_emit(aggregate *self, sl_task *task, unsigned shard, int64_t end_ms);
keyed aggregate_keyed(aggregate *self);
held_pane *aggregate_pane(aggregate *self, aggregate_shard *shard,
                          int64_t number); /* the open one of that number */
/* What some batch brought of a key joins the pane, or where there are none the total, and is counted with the key. */
void aggregate_pane_join(aggregate *self, aggregate_shard *shard, held_pane *pane, entry *brought);
void aggregate_total_join(aggregate *self, aggregate_shard *shard, entry *brought);

/* ---- aggregate_saved.c: the checkpoint ---- */

void aggregate_save(void *self, bool all, buffer *out);
sl_result aggregate_load(void *self, sl_text saved, failure *failure);

static inline entry *entry_at(const aggregate *self, const buffer *list, size_t i)
{
    return (entry *)(void *)(list->at + i * self->entry_stride);
}

static inline size_t entry_count(const aggregate *self, const buffer *list)
{
    return list->size / self->entry_stride;
}

static inline void *entry_value(entry *entry)
{
    return entry + 1;
}

static inline total *total_of(const aggregate_shard *shard, uint32_t id)
{
    return store_value(&shard->store, id);
}

static inline void *total_value(total *total)
{
    return total + 1;
}

static inline bool aggregate_is_live(const aggregate_shard *shard, uint32_t id)
{
    return store_holds(&shard->store, id) && total_of(shard, id)->rows > 0;
}

static inline bool aggregate_has_panes(const aggregate *self)
{
    return !self->window.batch_only && !window_is_for_ever(&self->window);
}

static inline size_t aggregate_pane_count(const aggregate_shard *shard)
{
    return shard->panes.size / sizeof(held_pane);
}

static inline held_pane *aggregate_pane_nth(const aggregate_shard *shard, size_t i)
{
    return (held_pane *)(void *)shard->panes.at + i;
}

#endif
