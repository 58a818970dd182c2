/*
 * operators/gathering.c - rows written down by shard, and brought back into the order of the input.
 */
#include <base/memory.h>
#include <base/sort.h>
#include <operators/gathering.h>
#include <stdlib.h>

void gathering_open(gathering *self, const gathering_form *form, unsigned workers)
{
    *self = (gathering){ .form = *form,
                         .texts_only = key_is_of_texts(&form->key),
                         .workers = memory_new(workers * sizeof(gathering_worker)),
                         .worker_count = workers };
}

void gathering_close(gathering *self)
{
    for (unsigned w = 0; w < self->worker_count; w++)
        for (unsigned s = 0; s < STORE_SHARDS; s++) {
            gathered *shard = &self->workers[w].shards[s];
            buffer_done(&shard->keys);
            buffer_done(&shard->rows);
            buffer_done(&shard->runs);
        }
    free(self->workers);
}

void gathering_begin(gathering *self)
{
    for (unsigned w = 0; w < self->worker_count; w++) {
        self->workers[w].began = false;
        for (unsigned s = 0; s < STORE_SHARDS; s++) {
            gathered *shard = &self->workers[w].shards[s];
            shard->keys.size = shard->rows.size = shard->runs.size = shard->count = 0;
        }
    }
}

/* ---- Workers ---- */

/* A chunk follows the last one, or is more of it. */
static gathering_worker *worker_of(gathering *self, const sl_task *task)
{
    gathering_worker *worker = &self->workers[task->worker];
    if (!worker->began || task->sequence - worker->last > 1)
        worker->first = task->sequence;
    worker->last = task->sequence;
    worker->began = true;
    return worker;
}

/* Room for more rows of the run that began with the chunk `first`. */
static char *run_extend(gathered *shard, uint64_t first, size_t row_bytes, size_t count)
{
    size_t runs = shard->runs.size / sizeof(gathered_run);
    gathered_run *last = runs ? (gathered_run *)(void *)shard->runs.at + runs - 1 : NULL;
    if (last && last->sequence == first)
        last->count += count;
    else
        buffer_append(&shard->runs,
                      &(gathered_run){ .sequence = first, .from = shard->count, .count = count },
                      sizeof(gathered_run));
    char *at = buffer_reserve(&shard->rows, count * row_bytes);
    shard->rows.size += count * row_bytes;
    shard->count += count;
    return at;
}

char *gathering_take(gathering *self, const sl_task *task, unsigned shard, size_t count)
{
    gathering_worker *worker = worker_of(self, task);
    return run_extend(&worker->shards[shard], worker->first, self->form.row_bytes, count);
}

typedef struct chunk_keys {
    row_key keys[CHUNK_ROWS];
    uint8_t shards[CHUNK_ROWS];
    uint32_t counts[STORE_SHARDS]; /* rows of each shard */
} chunk_keys;

static inline void key_note(chunk_keys *chunk, size_t i, row_key key)
{
    unsigned shard = store_shard_of(key_hash(key));
    chunk->keys[i] = key;
    chunk->shards[i] = (uint8_t)shard;
    chunk->counts[shard]++;
}

/* One or two texts, which most keys are: `count` is known where this is called, so that each has a loop of its own. */
static inline void keys_of_texts(const gathering *self, sl_task *task, const sl_rows *in, size_t count,
                                 chunk_keys *chunk)
{
    const char *row = in->at;
    size_t rows = in->count, bytes = self->form.in_bytes, first = self->form.key.offset[0],
           second = self->form.key.offset[count - 1];
    for (size_t i = 0; i < rows; i++, row += bytes) {
        row_key key;
        sl_text texts[2];
        memcpy(&texts[0], row + first, sizeof(sl_text));
        memcpy(&texts[1], row + second, sizeof(sl_text));
        if (!key_of_texts(texts, count, &key))
            key = key_of_row(&self->form.key, row, &task->memory);
        key_note(chunk, i, key);
    }
}

static void keys_make(const gathering *self, sl_task *task, const sl_rows *in, chunk_keys *chunk)
{
    memset(chunk->counts, 0, sizeof chunk->counts);
    if (self->texts_only && self->form.key.count == 1)
        keys_of_texts(self, task, in, 1, chunk);
    else if (self->texts_only)
        keys_of_texts(self, task, in, 2, chunk);
    for (size_t i = 0; i < in->count && !self->texts_only; i++)
        key_note(chunk, i,
                 key_of_row(&self->form.key, (const char *)in->at + i * self->form.in_bytes, &task->memory));
}

static void keys_write(gathering_worker *worker, const chunk_keys *chunk, size_t count)
{
    row_key *at[STORE_SHARDS];
    for (unsigned s = 0; s < STORE_SHARDS; s++) {
        buffer *keys = &worker->shards[s].keys;
        at[s] = (row_key *)(void *)buffer_reserve(keys, chunk->counts[s] * sizeof(row_key));
        keys->size += chunk->counts[s] * sizeof(row_key);
    }
    for (size_t i = 0; i < count; i++)
        *at[chunk->shards[i]]++ = chunk->keys[i];
}

/* First all keys, then room in each shard once: row by row, with a look at the room for each, costs twice as much. */
void gathering_chunk(gathering *self, sl_task *task, const sl_rows *in, char *places[CHUNK_ROWS])
{
    chunk_keys chunk;
    char *at[STORE_SHARDS];
    size_t row_bytes = self->form.row_bytes;
    gathering_worker *worker = worker_of(self, task);
    keys_make(self, task, in, &chunk);
    if (self->form.with_keys)
        keys_write(worker, &chunk, in->count);
    for (unsigned s = 0; s < STORE_SHARDS; s++)
        at[s] = chunk.counts[s] ? run_extend(&worker->shards[s], worker->first, row_bytes, chunk.counts[s])
                                : NULL;
    for (size_t i = 0; i < in->count; i++) {
        places[i] = at[chunk.shards[i]];
        at[chunk.shards[i]] += row_bytes;
    }
}

/* ---- Owner of a shard ---- */

static int run_order(const void *a, const void *b, const void *unused)
{
    const gathered_run *left = a, *right = b;
    (void)unused;
    if (left->sequence != right->sequence)
        return left->sequence < right->sequence ? -1 : 1;
    return (left > right) - (left < right);
}

gathered_run *const *gathering_sort(const gathering *self, unsigned shard, gathering_order *order,
                                    size_t *count)
{
    order->runs.size = order->sorted.size = 0;
    for (unsigned w = 0; w < self->worker_count; w++) {
        const gathered *from = &self->workers[w].shards[shard];
        const gathered_run *runs = (const gathered_run *)(const void *)from->runs.at;
        for (size_t i = 0; i < from->runs.size / sizeof *runs; i++) {
            gathered_run run = runs[i];
            run.keys = self->form.with_keys ? (const row_key *)(const void *)from->keys.at + run.from : NULL;
            run.rows = self->form.row_bytes ? from->rows.at + run.from * self->form.row_bytes : NULL;
            buffer_append(&order->runs, &run, sizeof run);
        }
    }
    gathered_run *runs = (gathered_run *)(void *)order->runs.at;
    *count = order->runs.size / sizeof *runs;
    for (size_t i = 0; i < *count; i++)
        buffer_append(&order->sorted, &(gathered_run *){ &runs[i] }, sizeof runs);
    gathered_run **sorted = (gathered_run **)(void *)order->sorted.at;
    if (*count)
        sort_pointers((void **)sorted, *count, run_order, NULL);
    return sorted;
}

void gathering_order_done(gathering_order *order)
{
    buffer_done(&order->runs);
    buffer_done(&order->sorted);
}

size_t gathering_rows(const gathering *self, unsigned shard)
{
    size_t count = 0;
    for (unsigned w = 0; w < self->worker_count; w++)
        count += self->workers[w].shards[shard].count;
    return count;
}
