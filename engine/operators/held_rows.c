/*
 * operators/held_rows.c - rows gathered by workers, and kept in panes by the owner of a shard.
 */
#include <base/memory.h>
#include <operators/held_rows.h>
#include <stdlib.h>

/* ---- Opening and closing ---- */

/* Which fields are kept, where and of what kind. */
static uint64_t shape_of(const held_spec *spec)
{
    buffer text = { 0 };
    for (size_t s = 0; s < spec->side_count; s++) {
        const sl_schema *schema = spec->sides[s].schema;
        buffer_print(&text, "%s %zu", schema->name, schema->row_bytes);
        for (size_t i = 0; i < schema->count; i++)
            buffer_print(&text, " %s %zu %d", schema->fields[i].name, schema->fields[i].offset,
                         (int)schema->fields[i].kind);
    }
    uint64_t shape = hash_bytes(text.at, text.size);
    buffer_done(&text);
    return shape;
}

static void texts_find(const sl_schema *schema, held_texts *texts)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].kind == SL_KIND_text) {
            sl_expect(texts->count < HELD_TEXTS_MAX);
            texts->offsets[texts->count++] = schema->fields[i].offset;
        }
}

static void side_open(held *self, uint32_t side)
{
    const held_side *drawn = &self->spec.sides[side];
    size_t bytes = drawn->schema->row_bytes;
    bool grouped = self->spec.give && self->window.batch_only;
    gathering_open(&self->gathered[side], &(gathering_form){ drawn->key, bytes, bytes, grouped },
                   self->worker_count);
    if (!self->window.batch_only)
        texts_find(drawn->schema, &self->texts[side]);
}

sl_result held_open(const operator_spec *spec, const held_spec *drawn, void **opened, failure *failure)
{
    window window;
    SL_TRY(window_of(drawn->window, drawn->name, &window, failure));
    held *self = memory_new(sizeof *self);
    self->spec = *drawn;
    self->window = window;
    self->node = spec->node;
    self->number = spec->number;
    self->executor = spec->executor;
    self->emit = spec->emit;
    self->shape = shape_of(drawn);
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned w = 0; w < spec->workers; w++)
        self->workers[w].rows = memory_new(CHUNK_ROWS * spec->node->schema->row_bytes);
    for (uint32_t side = 0; side < drawn->side_count; side++)
        side_open(self, side);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        store_open(&self->shards[s].keys, 0);
    *opened = self;
    return SL_OK;
}

static void kept_done(held_kept *kept)
{
    for (size_t side = 0; side < HELD_SIDES; side++)
        buffer_done(&kept->rows[side]);
    buffer_done(&kept->texts);
}

static void early_forget(held_shard *shard)
{
    held_early *early = (held_early *)(void *)shard->early.at;
    for (size_t i = 0; i < shard->early.size / sizeof *early; i++)
        kept_done(&early[i].kept);
    shard->early.size = 0;
}

static void shard_close(held_shard *shard)
{
    held_kept *spare = (held_kept *)(void *)shard->spare.at;
    for (size_t i = 0; i < held_pane_count(shard); i++)
        kept_done(&held_pane_nth(shard, i)->kept);
    for (size_t i = 0; i < shard->spare.size / sizeof *spare; i++)
        kept_done(&spare[i]);
    early_forget(shard);
    buffer_done(&shard->panes);
    buffer_done(&shard->spare);
    buffer_done(&shard->early);
    gathering_order_done(&shard->order);
    buffer_done(&shard->lists);
    buffer_done(&shard->groups);
    buffer_done(&shard->ids);
    store_close(&shard->keys);
}

void held_close(void *opened)
{
    held *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++)
        free(self->workers[w].rows);
    for (size_t side = 0; side < self->spec.side_count; side++) {
        gathering_close(&self->gathered[side]);
        for (unsigned w = 0; w < self->worker_count; w++)
            buffer_done(&self->workers[w].placed[side]);
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        shard_close(&self->shards[s]);
    free(self->workers);
    free(self);
}

sl_result held_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    held *self = opened;
    self->batch = batch;
    for (size_t side = 0; side < self->spec.side_count; side++) {
        gathering_begin(&self->gathered[side]);
        for (unsigned w = 0; w < self->worker_count; w++)
            self->workers[w].text_bytes[side] = 0;
    }
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++)
        early_forget(&self->shards[s]);
    return SL_OK;
}

/* ---- Rows written down. Runs on: worker ---- */

static uint32_t side_of(const held *self, const sl_task *task)
{
    return self->spec.side_count > 1 && task->feeder != self->spec.sides[0].input;
}

static const sl_text *text_at(const char *row, size_t offset)
{
    return (const sl_text *)(const void *)(row + offset);
}

static size_t texts_bytes(const held_texts *texts, const char *rows, size_t row_bytes, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++, rows += row_bytes)
        for (size_t t = 0; t < texts->count; t++)
            bytes += text_at(rows, texts->offsets[t])->at ? text_at(rows, texts->offsets[t])->size : 0;
    return bytes;
}

static void chunk_write(held *self, sl_task *task, uint32_t side, const sl_rows *in)
{
    char *places[CHUNK_ROWS];
    size_t bytes = held_row_bytes(self, side);
    gathering *gathered = &self->gathered[side];
    if (self->spec.sides[side].key.count) {
        gathering_chunk(gathered, task, in, places);
        for (size_t i = 0; i < in->count; i++)
            row_copy(places[i], (const char *)in->at + i * bytes, bytes);
    } else { /* without a key, chunk by chunk */
        unsigned shard = store_shard_of(hash_16(task->sequence, 0));
        memcpy(gathering_take(gathered, task, shard, in->count), in->at, in->count * bytes);
    }
    self->workers[task->worker].text_bytes[side] += texts_bytes(&self->texts[side], in->at, bytes, in->count);
}

/* What only the batch has is gathered again by another attempt: memory that it lies in is that attempt's. */
void held_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    held *self = opened;
    uint32_t side = side_of(self, task);
    (void)out;
    if (self->batch->merged && !self->window.batch_only)
        return;
    for (sl_rows chunk = { 0 }; chunk_next(in, held_row_bytes(self, side), &chunk);)
        chunk_write(self, task, side, &chunk);
}

/* ---- Panes. Runs on: owner of the shard ---- */

/* Where texts are kept has moved: those of the rows that were there follow. */
static void texts_follow(const held *self, held_kept *kept, uintptr_t was)
{
    for (uint32_t side = 0; side < self->spec.side_count; side++)
        for (size_t at = 0; at < kept->rows[side].size; at += held_row_bytes(self, side))
            for (size_t t = 0; t < self->texts[side].count; t++) {
                sl_text *text = (sl_text *)(void *)(kept->rows[side].at + at + self->texts[side].offsets[t]);
                if (text->size)
                    text->at = kept->texts.at + ((uintptr_t)text->at - was);
            }
}

/* The texts of rows that were copied. There is room for them. */
static void texts_keep(const held_texts *texts, buffer *kept, char *rows, size_t row_bytes, size_t count)
{
    for (size_t i = 0; i < count && texts->count; i++, rows += row_bytes)
        for (size_t t = 0; t < texts->count; t++) {
            sl_text *text = (sl_text *)(void *)(rows + texts->offsets[t]);
            if (text->at == NULL)
                continue;
            text->at = text->size ? memcpy(kept->at + kept->size, text->at, text->size) : "";
            kept->size += text->size;
        }
}

void held_keep(const held *self, held_kept *kept, uint32_t side, const char *rows, size_t count)
{
    size_t bytes = held_row_bytes(self, side);
    uintptr_t was = (uintptr_t)kept->texts.at;
    buffer_reserve(&kept->texts, texts_bytes(&self->texts[side], rows, bytes, count));
    if ((uintptr_t)kept->texts.at != was)
        texts_follow(self, kept, was);
    char *at = buffer_reserve(&kept->rows[side], count * bytes);
    memcpy(at, rows, count * bytes);
    kept->rows[side].size += count * bytes;
    texts_keep(&self->texts[side], &kept->texts, at, bytes, count);
}

held_pane *held_pane_of(held_shard *shard, int64_t number)
{
    size_t count = held_pane_count(shard), spare = shard->spare.size / sizeof(held_kept);
    if (count && held_pane_nth(shard, count - 1)->number == number)
        return held_pane_nth(shard, count - 1);
    held_pane opened = { .number = number };
    if (spare) {
        memcpy(&opened.kept, shard->spare.at + (spare - 1) * sizeof(held_kept), sizeof(held_kept));
        shard->spare.size -= sizeof(held_kept);
    }
    buffer_append(&shard->panes, &opened, sizeof opened);
    return held_pane_nth(shard, count);
}

static void panes_advance(const held *self, held_shard *shard, int64_t time_ms)
{
    int64_t gone = window_gone(&self->window, time_ms);
    size_t count = 0;
    for (; count < held_pane_count(shard) && held_pane_nth(shard, count)->number <= gone; count++) {
        held_kept *kept = &held_pane_nth(shard, count)->kept;
        for (size_t side = 0; side < HELD_SIDES; side++)
            kept->rows[side].size = 0;
        kept->texts.size = 0;
        buffer_append(&shard->spare, kept, sizeof *kept);
    }
    if (count == 0)
        return;
    shard->panes.size -= count * sizeof(held_pane);
    memmove(shard->panes.at, shard->panes.at + count * sizeof(held_pane), shard->panes.size);
}

static void batch_apply(held *self, unsigned number)
{
    held_shard *shard = &self->shards[number];
    held_kept *kept = &held_pane_of(shard, window_pane(&self->window, self->batch->time_ms))->kept;
    for (uint32_t side = 0; side < self->spec.side_count; side++) {
        size_t count;
        gathered_run *const *runs = gathering_sort(&self->gathered[side], number, &shard->order, &count);
        shard->batch_from[side] = kept->rows[side].size;
        for (size_t i = 0; i < count; i++)
            held_keep(self, kept, side, runs[i]->rows, runs[i]->count);
    }
}

/* Without a window: the rows where they lie. */
static void batch_report(held *self, sl_task *task, unsigned number)
{
    held_shard *shard = &self->shards[number];
    shard->lists.size = 0;
    for (uint32_t side = 0; side < self->spec.side_count; side++) {
        size_t count;
        gathered_run *const *runs = gathering_sort(&self->gathered[side], number, &shard->order, &count);
        for (size_t i = 0; i < count; i++)
            buffer_append(&shard->lists, &(held_list){ side, runs[i]->count, runs[i]->rows, runs[i]->keys },
                          sizeof(held_list));
    }
    task->report_ms = self->batch->time_ms;
    held_report(self, task, number);
}

/* The batch enters the panes once; windows that ended before it report first. Rows go out at every attempt. */
void held_merge(void *opened, sl_task *task, unsigned number)
{
    held *self = opened;
    held_shard *shard = &self->shards[number];
    int64_t ends[REPORTS_MAX], time_ms = self->batch->time_ms;
    if (self->window.batch_only) {
        batch_report(self, task, number);
        return;
    }
    size_t reports = window_reports(&self->window, self->batch->last_time_ms, time_ms, ends);
    for (size_t i = 0; i < reports && ends[i] < time_ms && !self->batch->merged; i++) {
        panes_advance(self, shard, ends[i]);
        held_note_early(self, shard, ends[i]);
    }
    held_report_early(self, task, number);
    if (!self->batch->merged) {
        panes_advance(self, shard, time_ms);
        batch_apply(self, number);
    }
    if (reports && ends[reports - 1] == time_ms)
        held_report_panes(self, task, number, time_ms);
}

/* ---- What they take ---- */

static size_t kept_bytes(const held_kept *kept)
{
    size_t bytes = kept->texts.room;
    for (size_t side = 0; side < HELD_SIDES; side++)
        bytes += kept->rows[side].room;
    return bytes;
}

static size_t panes_bytes(const held_shard *shard)
{
    size_t bytes = 0;
    for (size_t i = 0; i < held_pane_count(shard); i++)
        bytes += kept_bytes(&held_pane_nth(shard, i)->kept);
    return bytes;
}

size_t held_bytes(void *opened)
{
    const held *self = opened;
    size_t bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        bytes += panes_bytes(&self->shards[s]);
        for (uint32_t side = 0; side < self->spec.side_count;
             side++) /* here, in the pane, and side by side */
            bytes +=
                gathering_rows(&self->gathered[side], s) * (3 * held_row_bytes(self, side) + sizeof(row_key));
    }
    for (unsigned w = 0; w < self->worker_count; w++)
        bytes += self->workers[w].text_bytes[0] + self->workers[w].text_bytes[1];
    return bytes;
}

/* Rows are kept, not keys: a key is known while a window reports. What is of the batch alone is no state. */
void held_account(void *opened, operator_account *account)
{
    const held *self = opened;
    size_t keys = 0, bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        keys += self->shards[s].groups.size / sizeof(held_grouping);
        bytes += panes_bytes(&self->shards[s]);
    }
    if (!self->window.batch_only)
        account_state(account, self->spec.name, keys, bytes);
}
