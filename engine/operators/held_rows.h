/*
 * operators/held_rows.h - what group, exchange, window and join have in common: the rows themselves, of the batch or of a window, brought
 * together by key. Workers write rows down by shard (gathering.h). Of a batch alone the owner of a shard takes them where they lie;
 * with a window it copies them, and their texts, into the pane. A report puts the rows of each key side by side, in the order of batches,
 * partitions and offsets, and hands them over key by key; rows that go on as they came are handed on where they lie.
 *
 *     pane 41: rows of the left stream | rows of the right one | their texts          pane 42: ...
 */
#ifndef OPERATORS_HELD_ROWS_H
#define OPERATORS_HELD_ROWS_H

#include <operators/gathering.h>
#include <plan/window.h>
#include <records/document.h>

enum { HELD_SIDES = 2 };

/* The rows of one key: of a join those of both streams. */
typedef struct held_group {
    const void *rows[HELD_SIDES];
    size_t counts[HELD_SIDES];
} held_group;

typedef struct held_side {
    uint32_t input; /* the node that feeds it */
    const sl_schema *schema;
    sl_fields key; /* none: rows are spread over the shards */
} held_side;

typedef struct held_spec {
    const char *name;
    const sl_window *window;
    held_side sides[HELD_SIDES];
    size_t side_count;
    /* Gives rows for a key's. NULL: the rows go on as they came. Runs on: owner of the shard. */
    void (*give)(const plan_node *node, sl_task *task, const held_group *group, sl_rows *out);
} held_spec;

/* ---- What the files know of each other ---- */

enum { HELD_TEXTS_MAX = 64 };

/* Rows of each side, whose texts lie here, too. */
typedef struct held_kept {
    buffer rows[HELD_SIDES], texts;
} held_kept;

typedef struct held_pane {
    int64_t number;
    held_kept kept;
} held_pane;

/* The rows of a report that ended before the batch: the panes go on, and a later attempt wants them again. */
typedef struct held_early {
    int64_t end_ms;
    held_kept kept;
} held_early;

/* Rows one after another. */
typedef struct held_list {
    uint32_t side;
    size_t count;
    const char *rows;
    const row_key *keys; /* NULL: they are made of the rows */
} held_list;

/* The rows of a key while they are put side by side. */
typedef struct held_grouping {
    size_t counts[HELD_SIDES];
    char *next[HELD_SIDES]; /* where the next row goes; in the end, behind its last row */
} held_grouping;

typedef struct held_shard {
    buffer panes;                  /* of held_pane, oldest first */
    buffer spare;                  /* of held_kept: of panes that left */
    size_t batch_from[HELD_SIDES]; /* where the batch begins in the newest */
    buffer early;                  /* of held_early */
    gathering_order order;
    buffer lists;     /* of held_list: of the report */
    store_shard keys; /* of the report; a key's id is the number of its group */
    buffer groups;    /* of held_grouping: of the last report */
    buffer ids;       /* of uint32_t: the group of each row */
} held_shard;

typedef struct held_worker {
    char *rows;                    /* on their way out */
    buffer placed[HELD_SIDES];     /* those of one report, side by side */
    size_t text_bytes[HELD_SIDES]; /* of the batch's rows, where they will be kept */
    char padding[128];
} held_worker;

/* Where the texts of a side's rows stand. */
typedef struct held_texts {
    size_t offsets[HELD_TEXTS_MAX], count;
} held_texts;

typedef struct held {
    held_spec spec;
    gathering gathered[HELD_SIDES];
    held_texts texts[HELD_SIDES]; /* none without a window: they lie where they lay */
    const plan_node *node;
    uint32_t number;
    window window;
    uint64_t shape;
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

/* Rows of a side, and their texts, are copied to what is kept. */
void held_keep(const held *self, held_kept *kept, uint32_t side, const char *rows, size_t count);
held_pane *held_pane_of(held_shard *shard, int64_t number); /* the newest */

/* ---- held_rows_report.c ---- */

/* Reports the rows of shard.lists. */
void held_report(held *self, sl_task *task, unsigned shard);
void held_report_panes(held *self, sl_task *task, unsigned shard,
                       int64_t end_ms); /* what the panes hold now */
void held_note_early(const held *self, held_shard *shard,
                     int64_t end_ms); /* what they hold, for held_report_early() */
void held_report_early(held *self, sl_task *task, unsigned shard);

/* ---- held_rows_saved.c: the checkpoint ---- */

void held_save(void *self, bool all, buffer *out);
sl_result held_load(void *self, sl_text saved, failure *failure);

static inline size_t held_row_bytes(const held *self, uint32_t side)
{
    return self->spec.sides[side].schema->row_bytes;
}

static inline size_t held_pane_count(const held_shard *shard)
{
    return shard->panes.size / sizeof(held_pane);
}

static inline held_pane *held_pane_nth(const held_shard *shard, size_t i)
{
    return (held_pane *)(void *)shard->panes.at + i;
}

static inline row_key held_key_of(const held *self, uint32_t side, const char *row, arena *memory)
{
    return key_of_fields(&self->spec.sides[side].key, self->gathered[side].texts_only, row, memory);
}

#endif
