/*
 * batches/chunk.c - a worker takes 256 messages through the whole plan before it looks at the next ones: what they become
 * stays in the cache.
 *
 * The nodes on the way to a lookup run first, and they have no effect. If a key is not in the cache, the chunk is given up
 * here and comes again when the driver has asked; all that must be undone is what its stages rejected.
 */
#include <batches/executor_state.h>

static void hand_on(sl_rows *out);
static void feed(executor *self, worker *worker, uint32_t i, const sl_rows *in);

/* ---- A chunk ---- */

static worker *worker_of(executor *self, const sl_task *task)
{
    return &self->workers[task->worker];
}

static void node_run(executor *self, worker *worker, uint32_t i, const sl_rows *in)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    sl_rows *out = &worker->out[i];
    if (node->kind == PLAN_UNION) {
        *out = *in;
        return;
    }
    *out = (sl_rows){ .at = worker->rows[i], .room = CHUNK_ROWS + 1 };
    if (node->kind == PLAN_STAGE && node->as.stage->flat)
        *out = (sl_rows){
            .at = worker->rows[i], .room = CHUNK_ROWS, .of = node->schema, .full = hand_on, .owner = worker
        };
    worker->task.stage = node->name;
    hot_keys_note(self->hot_keys, &worker->task, i, in);
    uint64_t began = clock_ticks();
    self->nodes[i].kind->rows(self->nodes[i].self, &worker->task, in, out);
    worker->times->nodes[i] += clock_ticks() - began;
}

/* Rows that go on from a node: once a chunk and node, unlike where they are made. */
static void rows_tell(const executor *self, const sl_task *task, uint32_t i, const sl_rows *rows)
{
    if (__builtin_expect(self->tapped == i + 1, false))
        tap_rows(self->spec.tap, task->worker, rows);
}

static void feed_children(executor *self, worker *worker, uint32_t i)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    rows_tell(self, &worker->task, i, &worker->out[i]);
    for (uint32_t c = 0; c < node->child_count && worker->out[i].count; c++) {
        worker->task.feeder = i;
        feed(self, worker, node->children[c], &worker->out[i]);
    }
}

/* A flat stage has filled its room: what stands there goes on before it gives more. */
static void hand_on(sl_rows *out)
{
    worker *worker = out->owner;
    executor *self = worker->executor;
    uint32_t i = (uint32_t)(out - worker->out);
    uint64_t began = clock_ticks();
    feed_children(self, worker, i);
    worker->times->nodes[i] -= clock_ticks() - began; /* theirs, not the stage's */
    worker->task.stage = self->spec.plan->nodes[i].name;
    out->count = 0;
}

/* Is the node none of those that a retried record passes: before the node where it goes on, that one, and behind it? */
static bool is_passed_by(const executor *self, const worker *worker, uint32_t i)
{
    return worker->only && !plan_is_above(self->spec.plan, i, worker->only - 1) &&
           !plan_is_above(self->spec.plan, worker->only - 1, i);
}

static void feed(executor *self, worker *worker, uint32_t i, const sl_rows *in)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    bool reads_store = node->kind == PLAN_TOP || node->kind == PLAN_SNAPSHOTS; /* of the node before it */
    if (reads_store || is_passed_by(self, worker, i))
        return;
    node_run(self, worker, i, in);
    feed_children(self, worker, i);
}

void chunk_emit(void *executor, sl_task *task, uint32_t number, const void *rows, size_t count)
{
    struct executor *self = executor;
    const plan_node *node = &self->spec.plan->nodes[number];
    sl_rows in = { .at = (void *)(uintptr_t)rows, .count = count, .room = count };
    rows_tell(self, task, number, &in);
    for (uint32_t c = 0; c < node->child_count; c++) {
        task->feeder = number;
        feed(self, worker_of(self, task), node->children[c], &in);
    }
    task->sequence++;
}

/* The nodes on the way to a lookup, and it. */
static void probe(executor *self, worker *worker, uint32_t i)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    for (uint32_t c = 0; c < node->child_count; c++) {
        uint32_t child = node->children[c];
        if (!self->spec.plan->nodes[child].probing || worker->out[i].count == 0 ||
            is_passed_by(self, worker, child))
            continue;
        node_run(self, worker, child, &worker->out[i]);
        if (!worker->task.missing)
            probe(self, worker, child);
    }
}

/* Everything else. */
static void follow(executor *self, worker *worker, uint32_t i)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    rows_tell(self, &worker->task, i, &worker->out[i]);
    for (uint32_t c = 0; c < node->child_count && worker->out[i].count; c++) {
        uint32_t child = node->children[c];
        worker->task.feeder = i;
        if (self->spec.plan->nodes[child].probing)
            follow(self, worker, child);
        else
            feed(self, worker, child, &worker->out[i]);
    }
}

/* A lookup that had no rows, since all were rejected before it, still holds its numbers of another chunk. */
static void chunk_keep(executor *self, worker *worker, uint32_t source, size_t count)
{
    sl_task *task = &worker->task;
    for (uint32_t i = 0; self->has_lookups && i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_LOOK_UP && worker->out[i].count)
            self->nodes[i].kind->kept(self->nodes[i].self, task->worker);
    follow(self, worker, source);
    task->records += (int64_t)count;
    task->reached += (int64_t)worker->out[self->spec.plan->nodes[source].trunk].count;
}

/* False: the chunk has keys that nobody asked for yet, and had no effect. */
static bool chunk_run(executor *self, worker *worker, uint32_t source, size_t count)
{
    sl_task *task = &worker->task;
    size_t rejects = task->rejects.size;
    memset(worker->out, 0, self->spec.plan->count * sizeof *worker->out);
    worker->out[source] = (sl_rows){ .at = worker->messages, .count = count, .room = count };
    task->messages = worker->messages;
    task->message_count = count;
    task->missing = false;
    probe(self, worker, source);
    if (task->missing) {
        task->rejects.size = rejects;
        return false;
    }
    chunk_keep(self, worker, source, count);
    return true;
}

/* A record without a time takes T. */
static void messages_prepare(const executor *self, const source_block *block, sl_message *messages,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        messages[i].origin.partition = block->partition;
        if (messages[i].origin.time_ms < 0)
            messages[i].origin.time_ms = self->frame->time_ms;
    }
}

/* ---- Blocks and parked chunks ---- */

/* Reads and runs one chunk; false at the end of the block or after a failure. */
static bool chunk_next(executor *self, worker *worker, parked *at, size_t room)
{
    sl_task *task = &worker->task;
    const intake_block *block = (const intake_block *)(const void *)self->blocks.at + at->block;
    parked before = *at;
    source_messages read = { .at = worker->messages, .room = room };
    uint64_t began = clock_ticks();
    at->reading.memory = &task->memory;
    at->reading.worker = (unsigned)(worker - self->workers);
    sl_result result =
        block->input->kind->read(block->input->self, &block->block, &at->reading, &read, &task->failure);
    worker->times->reading += clock_ticks() - began;
    if (result != SL_OK || read.count == 0)
        return false;
    messages_prepare(self, &block->block, worker->messages, read.count);
    int64_t time_ms = worker->messages[read.count - 1].origin.time_ms;
    worker->newest_ms = time_ms > worker->newest_ms ? time_ms : worker->newest_ms;
    task->sequence = (uint64_t)at->block << 24 | at->chunk++;
    worker->only = block->only;
    uint32_t source =
        plan_source(self->spec.plan, self->spec.intake->positions[block->block.partition].input);
    bool through = chunk_run(self, worker, source, read.count);
    worker->only = 0; /* what a merge gives later passes everywhere */
    if (!through) {
        before.count = read.count;
        buffer_append(&worker->parked, &before, sizeof before);
        atomic_fetch_add(&self->parked_chunks, 1);
    }
    return task->failure.result == SL_OK;
}

static void block_done(executor *self, worker *worker, uint32_t block, uint64_t began)
{
    const intake_block *blocks = (const intake_block *)(const void *)self->blocks.at;
    timing_block done = { blocks[block].block.partition, clock_ticks() - began, worker->newest_ms };
    timing_block_add(worker->times, &done);
    worker->newest_ms = 0;
}

static void run_blocks(executor *self, worker *worker)
{
    size_t count = self->blocks.size / sizeof(intake_block);
    for (size_t i; (i = atomic_fetch_add(&self->next_block, 1)) < count && !atomic_load(&self->failed);) {
        parked at = { .block = (uint32_t)i };
        uint64_t began = clock_ticks();
        while (chunk_next(self, worker, &at, CHUNK_ROWS))
            ;
        block_done(self, worker, (uint32_t)i, began);
    }
}

static void run_waiting(executor *self, worker *worker)
{
    size_t count = self->waiting.size / sizeof(parked);
    for (size_t i; (i = atomic_fetch_add(&self->next_block, 1)) < count && !atomic_load(&self->failed);) {
        parked at = ((const parked *)(const void *)self->waiting.at)[i];
        uint64_t began = clock_ticks();
        chunk_next(self, worker, &at, at.count);
        block_done(self, worker, at.block, began);
    }
}

void chunks_run(executor *self, worker *worker, bool first_round)
{
    if (first_round)
        run_blocks(self, worker);
    else
        run_waiting(self, worker);
}
