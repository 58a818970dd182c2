/*
 * operators/held_rows.h - what group, exchange, window and join have in common: the rows themselves, of the batch or of a window, brought
 * together by key. Workers write rows down by shard, their texts behind them; the owner of a shard hangs them into panes. A report
 * puts the rows of each key side by side, in the order of batches, partitions and offsets, and hands them over key by key.
 *
 *     entry: size, side | row, its texts by where they lie in the entry | texts ...        it may move, and goes to the checkpoint as it is
 *
 * Without a window nothing is kept: entries are a batch's own, their texts lie where they lay, and each attempt gathers them anew.
 */
#ifndef OPERATORS_HELD_ROWS_H
#define OPERATORS_HELD_ROWS_H

#include <operators/chunk_keys.h>
#include <plan/window.h>
#include <records/document.h>

/* The rows of one key: of a join those of both streams. */
typedef struct held_group {
    const void *rows[2];
    size_t counts[2];
} held_group;

typedef struct held_side {
    uint32_t input; /* the node that feeds it */
    const sl_schema *schema;
    sl_fields key; /* none: rows are spread over the shards */
} held_side;

typedef struct held_spec {
    const char *name;
    const sl_window *window;
    held_side sides[2];
    size_t side_count;
    /* Gives rows for a key's. NULL: the rows go on as they came. Runs on: owner of the shard. */
    void (*give)(const plan_node *node, sl_task *task, const held_group *group, sl_rows *out);
} held_spec;

/* ---- What both files know ---- */

enum { HELD_TEXTS_MAX = 64 };

typedef struct held_entry {
    uint32_t size, side; /* of all of it, a multiple of 8 */
} held_entry;

typedef struct held_pane {
    int64_t number;
    buffer entries;
} held_pane;

typedef struct held_run {
    uint64_t sequence;
    size_t at, end;
    const char *entries; /* set in the merge */
} held_run;

typedef struct held_gathered {
    buffer entries, runs; /* of held_entry; of held_run */
} held_gathered;

/* The rows of a report that ended before the batch: the panes go on, and a later attempt wants them again. */
typedef struct held_early {
    int64_t end_ms;
    buffer entries;
} held_early;

typedef struct held_shard {
    buffer panes;      /* of held_pane, oldest first */
    buffer spare;      /* of buffer: entries of panes that left */
    size_t batch_from; /* where the batch begins in the newest */
    buffer early;      /* of held_early */
    buffer runs, sorted;
    store_shard keys; /* of the report: group */
    buffer groups;    /* of grouping */
    buffer ids;       /* of uint32_t: the group of each entry */
} held_shard;

typedef struct held_worker {
    held_gathered shards[STORE_SHARDS];
    char *rows; /* on their way out */
    char *row;  /* one, of any side */
    char padding[128];
} held_worker;

/* The rows of a key while they are put side by side. */
typedef struct grouping {
    held_group group;
    size_t filled[2];
} grouping;

/* Where the texts of a side's rows stand. */
typedef struct held_texts {
    size_t offsets[HELD_TEXTS_MAX], count;
} held_texts;

typedef struct held {
    held_spec spec;
    held_texts texts[2]; /* none of a batch's own entries: they lie where they lay */
    const plan_node *node;
    uint32_t number;
    window window;
    uint64_t shape;
    bool texts_only[2];
    void *executor;
    operator_emit *emit;
    const batch_frame *batch;
    unsigned worker_count;
    held_worker *workers;
    held_shard shards[STORE_SHARDS];
} held;

/* ---- held_rows.c ---- */

sl_result held_open(const operator_spec *spec, const held_spec *drawn, void **opened, failure *failure);
void held_close(void *self);
sl_result held_begin(void *self, const batch_frame *batch, failure *failure);
void held_rows(void *self, sl_task *task, const sl_rows *in, sl_rows *out);
void held_merge(void *self, sl_task *task, unsigned shard);
size_t held_bytes(void *self);
void held_account(void *self, operator_account *account);
void held_save(void *self, bool all, buffer *out);
sl_result held_load(void *self, sl_text saved, failure *failure);

/* ---- held_rows_report.c ---- */

typedef struct held_list {
    const char *at;
    size_t size;
} held_list;

/* The rows of these lists of entries. */
void held_report(held *self, sl_task *task, unsigned shard, const held_list *lists, size_t count);
void held_report_panes(held *self, sl_task *task, unsigned shard,
                       int64_t end_ms);                  /* what the panes hold now */
void held_note_early(held_shard *shard, int64_t end_ms); /* what they hold, for held_report_early() */
void held_report_early(held *self, sl_task *task, unsigned shard);

static inline void held_entry_read(const held_texts *texts, size_t row_bytes, const held_entry *entry,
                                   char *row)
{
    row_copy(row, (const char *)(entry + 1), row_bytes);
    for (size_t i = 0; i < texts->count; i++) {
        sl_text *text = (sl_text *)(void *)(row + texts->offsets[i]);
        if (text->at)
            text->at = (const char *)entry + (uintptr_t)text->at;
    }
}

static inline size_t held_pane_count(const held_shard *shard)
{
    return shard->panes.size / sizeof(held_pane);
}

static inline held_pane *held_pane_nth(const held_shard *shard, size_t i)
{
    return (held_pane *)(void *)shard->panes.at + i;
}

#endif
