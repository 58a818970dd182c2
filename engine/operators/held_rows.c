/*
 * operators/held_rows.c - rows written down by workers, hung into panes by the owner of a shard, and written to the checkpoint.
 */
#include <base/memory.h>
#include <base/sort.h>
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

static size_t row_bytes_max(const held_spec *spec)
{
    size_t most = spec->sides[0].schema->row_bytes;
    for (size_t s = 1; s < spec->side_count; s++)
        most = spec->sides[s].schema->row_bytes > most ? spec->sides[s].schema->row_bytes : most;
    return most;
}

static void texts_find(const sl_schema *schema, held_texts *texts)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].kind == SL_KIND_text) {
            sl_expect(texts->count < HELD_TEXTS_MAX);
            texts->offsets[texts->count++] = schema->fields[i].offset;
        }
}

sl_result held_open(const operator_spec *spec, const held_spec *drawn, void **opened, failure *failure)
{
    held *self = memory_new(sizeof *self);
    self->spec = *drawn;
    self->node = spec->node;
    self->number = spec->number;
    self->executor = spec->executor;
    self->emit = spec->emit;
    self->shape = shape_of(drawn);
    for (size_t s = 0; s < drawn->side_count; s++)
        self->texts_only[s] = key_is_of_texts(&drawn->sides[s].key);
    for (size_t s = 0; s < drawn->side_count && drawn->window->length.ms; s++)
        texts_find(drawn->sides[s].schema, &self->texts[s]);
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned w = 0; w < spec->workers; w++) {
        self->workers[w].rows = memory_new(CHUNK_ROWS * spec->node->schema->row_bytes);
        self->workers[w].row = memory_new(row_bytes_max(drawn));
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        store_open(&self->shards[s].keys, sizeof(uint64_t));
    sl_result result = window_of(drawn->window, drawn->name, &self->window, failure);
    if (result != SL_OK) {
        held_close(self);
        return result;
    }
    *opened = self;
    return SL_OK;
}

static void buffers_done(buffer *list)
{
    buffer *at = (buffer *)(void *)list->at;
    for (size_t i = 0; i < list->size / sizeof *at; i++)
        buffer_done(&at[i]);
    buffer_done(list);
}

static void early_forget(held_shard *shard)
{
    held_early *early = (held_early *)(void *)shard->early.at;
    for (size_t i = 0; i < shard->early.size / sizeof *early; i++)
        buffer_done(&early[i].entries);
    shard->early.size = 0;
}

static void shard_close(held_shard *shard)
{
    held_pane *panes = (held_pane *)(void *)shard->panes.at;
    for (size_t i = 0; i < shard->panes.size / sizeof *panes; i++)
        buffer_done(&panes[i].entries);
    early_forget(shard);
    buffer_done(&shard->panes);
    buffers_done(&shard->spare);
    buffer_done(&shard->early);
    buffer_done(&shard->runs);
    buffer_done(&shard->sorted);
    buffer_done(&shard->groups);
    buffer_done(&shard->ids);
    store_close(&shard->keys);
}

void held_close(void *opened)
{
    held *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++) {
        for (unsigned s = 0; s < STORE_SHARDS; s++) {
            buffer_done(&self->workers[w].shards[s].entries);
            buffer_done(&self->workers[w].shards[s].runs);
        }
        free(self->workers[w].rows);
        free(self->workers[w].row);
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
    for (unsigned w = 0; w < self->worker_count; w++)
        for (unsigned s = 0; s < STORE_SHARDS; s++)
            self->workers[w].shards[s].entries.size = self->workers[w].shards[s].runs.size = 0;
    for (unsigned s = 0; s < STORE_SHARDS && !batch->merged; s++)
        early_forget(&self->shards[s]);
    return SL_OK;
}

/* ---- Rows written down and read back ---- */

static size_t in_eights(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* The row, and its texts behind it; returns the entry's end. There is room for them. */
static char *entry_write(const held_texts *texts, size_t row_bytes, uint32_t side, const char *row, char *at)
{
    char *end = at + sizeof(held_entry) + in_eights(row_bytes);
    memset(end - 8, 0, 8);
    row_copy(at + sizeof(held_entry), row, row_bytes);
    for (size_t i = 0; i < texts->count; i++) {
        sl_text *text = (sl_text *)(void *)(at + sizeof(held_entry) + texts->offsets[i]);
        if (text->at == NULL)
            continue;
        const char *from = text->at;
        text->at = (const char *)(uintptr_t)(end - at);
        end = (char *)memcpy(end, from, text->size) + text->size;
    }
    for (; (size_t)(end - at) % 8; end++)
        *end = 0;
    held_entry head = { (uint32_t)(end - at), side };
    memcpy(at, &head, sizeof head);
    return end;
}

static size_t texts_bytes(const held_texts *texts, const char *row)
{
    size_t bytes = 8;
    for (size_t i = 0; i < texts->count; i++) {
        const sl_text *text = (const sl_text *)(const void *)(row + texts->offsets[i]);
        bytes += text->at ? text->size : 0;
    }
    return bytes;
}

static uint32_t side_of(const held *self, const sl_task *task)
{
    return self->spec.side_count > 1 && task->feeder != self->spec.sides[0].input;
}

static unsigned shard_of(held *self, uint32_t side, sl_task *task, const char *row)
{
    const sl_fields *key = &self->spec.sides[side].key;
    return store_shard_of(key_hash(key_of_fields(key, self->texts_only[side], row, &task->memory)));
}

/* All entries are of one size: nothing is looked at but where each goes. There is room for them. */
static void entries_write_plain(uint32_t side, size_t row_bytes, const chunk_keys *chunk, const sl_rows *in,
                                held_gathered *shards)
{
    size_t stride = sizeof(held_entry) + in_eights(row_bytes);
    held_entry head = { (uint32_t)stride, side };
    char *ends[STORE_SHARDS];
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        ends[s] = shards[s].entries.at + shards[s].entries.size;
    for (size_t i = 0; i < in->count; i++) {
        char *at = ends[chunk->shards[i]];
        memset(at + stride - 8, 0, 8);
        memcpy(at, &head, sizeof head);
        row_copy(at + sizeof head, (const char *)in->at + i * row_bytes, row_bytes);
        ends[chunk->shards[i]] = at + stride;
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        shards[s].entries.size += chunk->counts[s] * stride;
}

static void entries_write(const held *self, uint32_t side, const chunk_keys *chunk, const sl_rows *in,
                          held_gathered *shards)
{
    const held_texts *texts = &self->texts[side];
    size_t row_bytes = self->spec.sides[side].schema->row_bytes;
    for (size_t i = 0; i < in->count; i++) {
        const char *row = (const char *)in->at + i * row_bytes;
        buffer *entries = &shards[chunk->shards[i]].entries;
        char *at =
            buffer_reserve(entries, texts_bytes(texts, row) + sizeof(held_entry) + in_eights(row_bytes));
        entries->size = (size_t)(entry_write(texts, row_bytes, side, row, at) - entries->at);
    }
}

static void chunk_write(held *self, sl_task *task, uint32_t side, const sl_rows *in)
{
    const held_side *drawn = &self->spec.sides[side];
    held_gathered *shards = self->workers[task->worker].shards;
    chunk_keys chunk;
    size_t before[STORE_SHARDS], row_bytes = drawn->schema->row_bytes;
    chunk_key key = { &drawn->key, self->texts_only[side], row_bytes };
    chunk_keys_make(&chunk, &key, in, &task->memory);
    if (drawn->key.count == 0) { /* without a key, chunk by chunk */
        unsigned shard = store_shard_of(hash_16(task->sequence, 0));
        memset(chunk.shards, (int)shard, sizeof chunk.shards);
        memset(chunk.counts, 0, sizeof chunk.counts);
        chunk.counts[shard] = (uint32_t)in->count;
    }
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        before[s] = shards[s].entries.size;
        buffer_reserve(&shards[s].entries, chunk.counts[s] * (sizeof(held_entry) + in_eights(row_bytes)));
    }
    if (self->texts[side].count)
        entries_write(self, side, &chunk, in, shards);
    else
        entries_write_plain(side, row_bytes, &chunk, in, shards);
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        held_run run = { task->sequence, before[s], shards[s].entries.size, NULL };
        if (chunk.counts[s])
            buffer_append(&shards[s].runs, &run, sizeof run);
    }
}

/* Runs on: worker. What only the batch has is gathered again by another attempt: memory that it lies in is that attempt's. */
void held_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    held *self = opened;
    uint32_t side = side_of(self, task);
    (void)out;
    if (self->batch->merged && !self->window.batch_only)
        return;
    for (sl_rows chunk = { 0 }; chunk_next(in, self->spec.sides[side].schema->row_bytes, &chunk);)
        chunk_write(self, task, side, &chunk);
}

/* ---- Panes. Runs on: owner of the shard ---- */

static held_pane *pane_of(held_shard *shard, int64_t number)
{
    size_t count = held_pane_count(shard);
    if (count && held_pane_nth(shard, count - 1)->number == number)
        return held_pane_nth(shard, count - 1);
    held_pane opened = { .number = number };
    size_t spare = shard->spare.size / sizeof(buffer);
    if (spare) {
        memcpy(&opened.entries, shard->spare.at + (spare - 1) * sizeof(buffer), sizeof(buffer));
        shard->spare.size -= sizeof(buffer);
    }
    buffer_append(&shard->panes, &opened, sizeof opened);
    return held_pane_nth(shard, count);
}

static void panes_advance(const held *self, held_shard *shard, int64_t time_ms)
{
    int64_t gone = window_gone(&self->window, time_ms);
    size_t count = 0;
    for (; count < held_pane_count(shard) && held_pane_nth(shard, count)->number <= gone; count++) {
        held_pane_nth(shard, count)->entries.size = 0;
        buffer_append(&shard->spare, &held_pane_nth(shard, count)->entries, sizeof(buffer));
    }
    if (count == 0)
        return;
    shard->panes.size -= count * sizeof(held_pane);
    memmove(shard->panes.at, shard->panes.at + count * sizeof(held_pane), shard->panes.size);
}

static int run_order(const void *a, const void *b, const void *unused)
{
    const held_run *left = a, *right = b;
    (void)unused;
    if (left->sequence != right->sequence)
        return left->sequence < right->sequence ? -1 : 1;
    return (left > right) - (left < right);
}

/* What all workers gathered, in the order of the chunks. */
static held_run *const *runs_sort(held *self, unsigned number, size_t *sorted_count)
{
    held_shard *shard = &self->shards[number];
    shard->runs.size = shard->sorted.size = 0;
    for (unsigned w = 0; w < self->worker_count; w++) {
        const held_gathered *gathered = &self->workers[w].shards[number];
        const held_run *runs = (const held_run *)(const void *)gathered->runs.at;
        for (size_t i = 0; i < gathered->runs.size / sizeof *runs; i++) {
            held_run run = runs[i];
            run.entries = gathered->entries.at;
            buffer_append(&shard->runs, &run, sizeof run);
        }
    }
    held_run *runs = (held_run *)(void *)shard->runs.at;
    size_t count = shard->runs.size / sizeof *runs;
    for (size_t i = 0; i < count; i++)
        buffer_append(&shard->sorted, &(held_run *){ &runs[i] }, sizeof runs);
    held_run *const *sorted = (held_run *const *)(void *)shard->sorted.at;
    if (count)
        sort_pointers((void **)(void *)shard->sorted.at, count, run_order, NULL);
    *sorted_count = count;
    return sorted;
}

static void batch_apply(held *self, unsigned number)
{
    held_shard *shard = &self->shards[number];
    size_t count;
    held_run *const *sorted = runs_sort(self, number, &count);
    buffer *entries = &pane_of(shard, window_pane(&self->window, self->batch->time_ms))->entries;
    shard->batch_from = entries->size;
    for (size_t i = 0; i < count; i++)
        buffer_append(entries, sorted[i]->entries + sorted[i]->at, sorted[i]->end - sorted[i]->at);
}

/* Without a window: the runs as they are. */
static void batch_report(held *self, sl_task *task, unsigned number)
{
    size_t count;
    held_run *const *sorted = runs_sort(self, number, &count);
    held_list *lists = arena_take(&task->memory, count * sizeof *lists + 1);
    for (size_t i = 0; i < count; i++)
        lists[i] = (held_list){ sorted[i]->entries + sorted[i]->at, sorted[i]->end - sorted[i]->at };
    task->report_ms = self->batch->time_ms;
    held_report(self, task, number, lists, count);
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
        held_note_early(shard, ends[i]);
    }
    held_report_early(self, task, number);
    if (!self->batch->merged) {
        panes_advance(self, shard, time_ms);
        batch_apply(self, number);
    }
    if (reports && ends[reports - 1] == time_ms)
        held_report_panes(self, task, number, time_ms);
}

size_t held_bytes(void *opened)
{
    const held *self = opened;
    size_t bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        for (size_t i = 0; i < held_pane_count(&self->shards[s]); i++)
            bytes += held_pane_nth(&self->shards[s], i)->entries.room;
        for (unsigned w = 0; w < self->worker_count; w++)
            bytes += 3 * self->workers[w].shards[s].entries.size; /* here, in the pane, and side by side */
    }
    return bytes;
}

/* Rows are kept, not keys: a key is known while a window reports. What is of the batch alone is no state. */
void held_account(void *opened, operator_account *account)
{
    const held *self = opened;
    size_t keys = 0, bytes = 0;
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        keys += self->shards[s].groups.size / sizeof(grouping);
        for (size_t i = 0; i < held_pane_count(&self->shards[s]); i++)
            bytes += held_pane_nth(&self->shards[s], i)->entries.room;
    }
    if (!self->window.batch_only)
        account_state(account, self->spec.name, keys, bytes);
}

/* ---- Checkpoint: pane: 8 bytes | shape: 8 | shard: 8 | size: 8 | entries ---- */

typedef struct piece_head {
    int64_t pane;
    uint64_t shape, shard, size;
} piece_head;

static void save_entries(const held *self, size_t shard, const held_pane *pane, size_t from, buffer *out)
{
    piece_head head = { pane->number, self->shape, shard, pane->entries.size - from };
    if (head.size == 0)
        return;
    buffer_append(out, &head, sizeof head);
    buffer_append(out, pane->entries.at + from, head.size);
}

void held_save(void *opened, bool all, buffer *out)
{
    const held *self = opened;
    for (unsigned s = 0; s < STORE_SHARDS && !self->window.batch_only; s++) {
        const held_shard *shard = &self->shards[s];
        for (size_t i = 0; i < held_pane_count(shard); i++) {
            const held_pane *pane = held_pane_nth(shard, i);
            if (all)
                save_entries(self, s, pane, 0, out);
            else if (i + 1 == held_pane_count(shard) && self->batch &&
                     pane->number == window_pane(&self->window, self->batch->time_ms))
                save_entries(self, s, pane, shard->batch_from, out);
        }
    }
}

/* Each entry to its shard, which follows from its key; without one, to where it was. */
static bool load_entries(held *self, const piece_head *piece, sl_text entries, arena *memory)
{
    for (size_t at = 0; at < entries.size;) {
        held_entry head;
        if (entries.size - at < sizeof head)
            return false;
        memcpy(&head, entries.at + at, sizeof head);
        if (head.side >= self->spec.side_count || head.size % 8 || head.size > entries.size - at ||
            head.size < sizeof head + self->spec.sides[head.side].schema->row_bytes)
            return false;
        const held_side *side = &self->spec.sides[head.side];
        sl_task task = { .memory = *memory };
        char *copy = arena_take(&task.memory, head.size),
             *row = arena_take(&task.memory, side->schema->row_bytes);
        memcpy(copy, entries.at + at, head.size);
        held_entry_read(&self->texts[head.side], side->schema->row_bytes,
                        (const held_entry *)(const void *)copy, row);
        held_shard *shard =
            &self->shards[side->key.count ? shard_of(self, head.side, &task, row) : piece->shard];
        buffer_append(&pane_of(shard, piece->pane)->entries, copy, head.size);
        *memory = task.memory;
        arena_reset(memory);
        at += head.size;
    }
    return true;
}

sl_result held_load(void *opened, sl_text saved, failure *failure)
{
    held *self = opened;
    arena memory = { 0 };
    bool whole = true, same = true;
    for (size_t at = 0; at < saved.size && whole && same;) {
        piece_head head = { 0 };
        whole = saved.size - at >= sizeof head;
        if (whole)
            memcpy(&head, saved.at + at, sizeof head);
        at += sizeof head;
        same = !whole || head.shape == self->shape;
        whole = whole && head.shard < STORE_SHARDS && head.size <= saved.size - at;
        if (whole && same)
            whole = load_entries(self, &head, (sl_text){ saved.at + at, head.size }, &memory);
        at += head.size;
    }
    arena_done(&memory);
    if (!same)
        return fail(
            failure, SL_USAGE,
            "the rows of \"%s\" in the checkpoint have other fields than the job's have now: give it a new "
            "name, or forget the state with sluice reset",
            self->spec.name);
    return whole ? SL_OK
                 : fail(failure, SL_FAILED, "the rows of \"%s\" in the checkpoint are damaged",
                        self->spec.name);
}
