/*
 * batches/executor.c - one batch through the plan.
 *
 *     blocks of input      parked chunks
 *           \                /
 *            workers: chunk of 256 messages -> probing nodes -> other nodes -> keys by shard, documents in sinks
 *                                                  |
 *                            keys nobody asked for: the chunk is parked, the driver asks, the chunk comes again
 *            barrier
 *            workers: merge, shard by shard; rows out of merges
 *            barrier, and the next level: merges of what those rows brought, as long as there is one
 *            barrier
 *            workers: flush their sinks
 *     driver: lists as a whole, dead letters, commit of every place
 *
 * The whole chunk goes through all nodes before the next one begins: it stays in the cache. A chunk has no effect before
 * all its keys are known, so giving one up needs no undoing but for what its stages rejected.
 */
#include <base/faults.h>
#include <base/memory.h>
#include <batches/executor_state.h>
#include <stdlib.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

enum { SERIAL_BYTES = 64 * 1024 };

/* ---- Opening and closing ---- */

static const operator_kind *kind_of(plan_kind kind)
{
    static const operator_kind *const kinds[] = {
        [PLAN_STAGE] = &operator_stage,
        [PLAN_LOOK_UP] = &operator_look_up,
        [PLAN_COUNT] = &operator_count,
        [PLAN_REDUCE] = &operator_reduce,
        [PLAN_DISTINCT] = &operator_distinct,
        [PLAN_ABOUT] = &operator_count_about,
        [PLAN_GROUP] = &operator_group,
        [PLAN_JOIN] = &operator_join,
        [PLAN_TOP] = &operator_top,
        [PLAN_UPDATE] = &operator_update,
        [PLAN_SNAPSHOTS] = &operator_snapshots,
        [PLAN_OUTPUT] = &operator_output,
    };
    return kinds[kind];
}

static void shards_each(void *executor, operator_work *work, void *argument, unsigned count)
{
    const struct executor *self = executor;
#pragma omp parallel for num_threads((int)self->team) schedule(dynamic, 1)
    for (unsigned number = 0; number < count; number++)
        work(argument, number);
}

static sl_result node_open(executor *self, uint32_t i, failure *failure)
{
    const plan_node *node = &self->spec.plan->nodes[i];
    operator_spec spec = {
        .node = node,
        .number = i,
        .workers = self->spec.workers,
        .settings = self->spec.settings,
        .clock = self->spec.clock,
        .operators = self->operators,
        .executor = self,
        .saves = self->spec.saves,
        .emit = chunk_emit,
        .each = shards_each,
        .place = self->spec.places[i],
    };
    self->operators[i] = &self->nodes[i];
    if (kind_of(node->kind) == NULL)
        return SL_OK; /* rows of a source or union are handed on as they are */
    SL_TRY(kind_of(node->kind)->open(&spec, &self->nodes[i].self, failure));
    self->nodes[i].kind = kind_of(node->kind);
    self->has_lookups |= node->kind == PLAN_LOOK_UP;
    return SL_OK;
}

static void worker_open(executor *self, unsigned number)
{
    worker *worker = &self->workers[number];
    const sl_plan *plan = self->spec.plan;
    worker->task.worker = number;
    worker->executor = self;
    worker->times = timing_of(self->timing, number);
    worker->messages = memory_new(CHUNK_ROWS * sizeof(sl_message));
    worker->rows = memory_new(plan->count * sizeof *worker->rows);
    worker->out = memory_new(plan->count * sizeof *worker->out);
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind == PLAN_STAGE)
            worker->rows[i] = memory_new((CHUNK_ROWS + 1) * plan->nodes[i].schema->row_bytes);
}

sl_result executor_open(const executor_spec *spec, executor **opened, failure *failure)
{
    executor *self = memory_new(sizeof *self);
    self->spec = *spec;
    self->workers = memory_new(spec->workers * sizeof(worker));
    self->team = spec->team ? spec->team : spec->workers;
    pthread_barrier_init(&self->barrier, NULL, self->team);
    self->timing = timing_new(&(timing_spec){ spec->plan, spec->places, &spec->intake->origins, spec->clock,
                                              spec->events, spec->workers });
    timing_team(self->timing, self->team);
    self->hot_keys = hot_keys_new(spec->plan, spec->workers);
    for (unsigned w = 0; w < spec->workers; w++)
        worker_open(self, w);
    for (uint32_t i = 0; i < spec->plan->count; i++) {
        sl_result result = node_open(self, i, failure);
        if (result != SL_OK) {
            executor_close(self);
            return result;
        }
    }
    *opened = self;
    return SL_OK;
}

static void worker_close(executor *self, worker *worker)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        free(worker->rows[i]);
    free(worker->messages);
    free(worker->rows);
    free(worker->out);
    buffer_done(&worker->parked);
    buffer_done(&worker->task.rejects);
    arena_done(&worker->task.memory);
}

void executor_close(executor *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = self->spec.plan->count; i-- > 0;)
        if (self->nodes[i].kind)
            self->nodes[i].kind->close(self->nodes[i].self);
    for (unsigned w = 0; w < self->spec.workers; w++)
        worker_close(self, &self->workers[w]);
    free(self->workers);
    timing_free(self->timing);
    hot_keys_free(self->hot_keys);
    pthread_barrier_destroy(&self->barrier);
    buffer_done(&self->blocks);
    buffer_done(&self->waiting);
    buffer_done(&self->dead);
    buffer_done(&self->late);
    buffer_done(&self->saved);
    free(self);
}

void executor_team(executor *self, unsigned team)
{
    pthread_barrier_destroy(&self->barrier);
    pthread_barrier_init(&self->barrier, NULL, team);
    self->team = team;
    timing_team(self->timing, team);
}

static void run_merges(executor *self, worker *worker, uint32_t level)
{
    sl_task *task = &worker->task;
    uint64_t began = clock_ticks();
    for (unsigned shard; (shard = atomic_fetch_add(&self->next_shard[level], 1)) < STORE_SHARDS;) {
        for (uint32_t i = 0; i < self->spec.plan->count; i++) {
            if (self->nodes[i].kind == NULL || self->nodes[i].kind->merge == NULL ||
                self->spec.plan->nodes[i].level != level)
                continue;
            task->sequence = (uint64_t)1 << 63 | (uint64_t)i << 48 | (uint64_t)shard << 32;
            self->nodes[i].kind->merge(self->nodes[i].self, task, shard);
        }
    }
    worker->times->merging += clock_ticks() - began;
}

void flushes_run(executor *self, worker *worker)
{
    uint64_t began = clock_ticks();
    for (uint32_t i = 0; i < self->spec.plan->count && worker->task.failure.result == SL_OK; i++) {
        if (self->spec.plan->nodes[i].kind != PLAN_OUTPUT)
            continue;
        worker->task.stage = self->spec.plan->nodes[i].name;
        output_flush(self->nodes[i].self, &worker->task);
    }
    worker->times->flushing += clock_ticks() - began;
}

static void note_failed(executor *self, const worker *worker)
{
    if (worker->task.failure.result != SL_OK)
        atomic_store(&self->failed, true);
}

/* ---- Driver: a round, and the attempt ---- */

/* Were all keys of the batch new: would the state fit? */
static void state_fits(executor *self, failure *failure)
{
    size_t bytes = 0, largest = 0;
    const char *name = "";
    for (uint32_t i = 0; i < self->spec.plan->count; i++) {
        if (self->nodes[i].kind == NULL || self->nodes[i].kind->bytes == NULL)
            continue;
        size_t own = self->nodes[i].kind->bytes(self->nodes[i].self);
        name = own > largest ? self->spec.plan->nodes[i].name : name;
        largest = own > largest ? own : largest;
        bytes += own;
    }
    if (bytes > self->spec.state_max && !self->frame->merged)
        fail(
            failure, SL_LIMIT,
            "the state of this batch may take %zu MB, most of it \"%s\" with %zu MB; memory.state allows %zu MB: "
            "raise it, shorten a window or a timeout, or lower --max-rate-per-partition",
            bytes >> 20, name, largest >> 20, self->spec.state_max >> 20);
}

/* OpenMP's own barrier spins, and takes the core from the thread that gathers input: this one sleeps. */
static void wait_for_team(executor *self, unsigned team)
{
    if (team == self->team && team > 1)
        pthread_barrier_wait(&self->barrier);
    else if (team > 1) { /* the system gave fewer threads than were asked for */
#pragma omp barrier
    }
}

/* The driver is the worker 0. */
static void phase_enter(executor *self, const worker *worker, timing_phase phase)
{
    if (worker->task.worker == 0)
        timing_enter(self->timing, phase);
}

/* What a worker does in a region of `team` workers. All must go the same way: what one decides by does not change between the
 * barrier before and the next. */
static void work(executor *self, worker *worker, bool first_round, unsigned team)
{
    chunks_run(self, worker, first_round);
    note_failed(self, worker);
    wait_for_team(self, team);
    if (atomic_load(&self->failed) || atomic_load(&self->parked_chunks))
        return;
    phase_enter(self, worker, TIMING_MERGE);
    if (worker->task.worker == 0) {
        state_fits(self, &worker->task.failure);
        self->too_large = worker->task.failure.result != SL_OK;
    }
    wait_for_team(self, team);
    if (self->too_large)
        return;
    for (uint32_t level = 0; level < self->spec.plan->levels; level++) {
        if (level)
            wait_for_team(self, team);
        run_merges(self, worker, level);
    }
    note_failed(self, worker);
    wait_for_team(self, team);
    phase_enter(self, worker, TIMING_SINKS);
    if (!atomic_load(&self->failed) && self->blocks.size)
        flushes_run(self, worker); /* without input it is the driver that flushes, see finish.c */
}

static unsigned workers_needed(const executor *self)
{
    size_t bytes = 0, count = self->blocks.size / sizeof(intake_block);
    const intake_block *blocks = (const intake_block *)(const void *)self->blocks.at;
    for (size_t i = 0; i < count && bytes < SERIAL_BYTES; i++)
        bytes += blocks[i].block.size;
    return bytes < SERIAL_BYTES || count < 2 ? 1 : self->team;
}

/* A round of the workers that stand by; false: there is none any more. Asked for before the next barrier only. */
static bool work_together(executor *self, int number)
{
    pthread_barrier_wait(&self->barrier);
    if (self->over)
        return false;
    work(self, &self->workers[number], self->first_round, self->team);
    pthread_barrier_wait(&self->barrier);
    return true;
}

sl_result executor_stand_by(executor *self, executor_work *run, void *argument, failure *failure)
{
    sl_result result = SL_OK;
    if (self->team == 1)
        return run(argument, failure);
    self->over = false;
#pragma omp parallel num_threads((int)self->team)
    {
        int number = omp_get_thread_num();
        bool all = omp_get_num_threads() == (int)self->team;
        if (number == 0) {
            self->stands_by = all;
            result = run(argument, failure);
            self->stands_by = false;
            self->over = true;
        }
        while (all && work_together(self, number))
            ;
    }
    return result;
}

static void round_run(executor *self, bool first_round)
{
    atomic_store(&self->next_block, 0);
    for (uint32_t level = 0; level < self->spec.plan->levels; level++)
        atomic_store(&self->next_shard[level], 0);
    atomic_store(&self->parked_chunks, 0);
    if (workers_needed(self) == 1) {
        work(self, &self->workers[0], first_round, 1);
        return;
    }
    if (self->stands_by) {
        self->first_round = first_round;
        work_together(self, 0);
        return;
    }
#pragma omp parallel num_threads((int)self->team)
    {
        work(self, &self->workers[omp_get_thread_num()], first_round, (unsigned)omp_get_num_threads());
    }
}

/* A worker fails at the node that its task names. */
static void failure_note(executor *self, const sl_task *task)
{
    for (uint32_t i = 0; task->stage && i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_OUTPUT &&
            !strcmp(self->spec.plan->nodes[i].name, task->stage))
            timing_output_ended(self->timing, i, task->failure.text);
}

sl_result team_failure(executor *self, failure *failure)
{
    for (unsigned w = 0; w < self->spec.workers; w++) {
        const struct failure *own = &self->workers[w].task.failure;
        if (own->result != SL_OK) {
            failure_note(self, &self->workers[w].task);
            failure->place = own->place;
            return fail(failure, own->result, "%s", own->text);
        }
    }
    return SL_OK;
}

static sl_result resolve(executor *self, failure *failure)
{
    self->waiting.size = 0;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        buffer_append(&self->waiting, self->workers[w].parked.at, self->workers[w].parked.size);
        self->workers[w].parked.size = 0;
    }
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_LOOK_UP)
            SL_TRY(self->nodes[i].kind->resolve(self->nodes[i].self, failure));
    return SL_OK;
}

static sl_result attempt_begin(executor *self, batch_frame *frame, failure *failure)
{
    self->frame = frame;
    atomic_store(&self->failed, false);
    timing_begin(self->timing, frame);
    self->tapped = self->spec.tap ? tap_begin(self->spec.tap, frame->time_ms) : 0;
    hot_keys_begin(self->hot_keys);
    for (unsigned w = 0; w < self->spec.workers; w++) {
        worker *worker = &self->workers[w];
        sl_task *task = &worker->task;
        failure_clear(&task->failure);
        task->batch = frame;
        task->records = task->reached = 0;
        task->stage = NULL;
        task->rejects.size = worker->parked.size = 0;
        arena_reset(&task->memory);
    }
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->nodes[i].kind && self->nodes[i].kind->begin)
            SL_TRY(self->nodes[i].kind->begin(self->nodes[i].self, frame, failure));
    return dead_letters_begin(self->spec.dead_letters, frame, failure);
}

static sl_result rounds_run(executor *self, failure *failure)
{
    for (bool first = true;; first = false) {
        round_run(self, first);
        SL_TRY(team_failure(self, failure));
        if (atomic_load(&self->parked_chunks) == 0)
            return SL_OK;
        SL_TRY(resolve(self, failure));
    }
}

sl_result executor_run(executor *self, batch *batch, batch_frame *frame, executor_result *result,
                       failure *failure)
{
    self->blocks.size = 0;
    SL_TRY(pulse_beat(&self->spec.pulse, failure));
    intake_take(self->spec.intake, batch, &self->blocks);
    SL_TRY(attempt_begin(self, frame, failure));
    sl_result ran = rounds_run(self, failure);
    /* Merges come after all chunks and cannot fail: once they began, those of all levels run, and the state holds the batch,
       whatever a sink says. */
    frame->merged = frame->merged || atomic_load(&self->next_shard[0]) >= STORE_SHARDS;
    SL_TRY(ran);
    fault_point("after_documents");
    return attempt_finish(self, batch, result, failure);
}

/* ---- State ---- */

void executor_settle(executor *self)
{
    if (self->tapped)
        tap_settle(self->spec.tap);
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_OUTPUT)
            output_settle(self->nodes[i].self);
}

void executor_save(executor *self, bool all, executor_saved *saved, void *argument)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++) {
        if (self->nodes[i].kind == NULL || self->nodes[i].kind->save == NULL)
            continue;
        self->saved.size = 0;
        self->nodes[i].kind->save(self->nodes[i].self, all, &self->saved);
        if (self->saved.size)
            saved(argument, self->spec.plan->nodes[i].name, (sl_text){ self->saved.at, self->saved.size });
    }
}

sl_result executor_load(executor *self, const char *name, sl_text bytes, failure *failure)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->nodes[i].kind && self->nodes[i].kind->load && !strcmp(self->spec.plan->nodes[i].name, name))
            return self->nodes[i].kind->load(self->nodes[i].self, bytes, failure);
    return SL_OK; /* a node that the job no longer has */
}

void executor_times(executor *self, int64_t submitted_ns, int64_t now_ns, sl_batch_info *info)
{
    timing_end(self->timing, submitted_ns, now_ns, info);
    hot_keys_end(self->hot_keys, info);
}

int64_t executor_newest(const executor *self, uint32_t partition)
{
    return timing_newest(self->timing, partition);
}

const sl_output_info *executor_outputs(executor *self, size_t *count)
{
    return timing_outputs(self->timing, count);
}

output *executor_output(executor *self, const char *name)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_OUTPUT && !strcmp(self->spec.plan->nodes[i].name, name))
            return self->nodes[i].self;
    return NULL;
}
