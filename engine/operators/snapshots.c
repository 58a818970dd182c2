/*
 * operators/snapshots.c - all keys of the node before it, now and then. It keeps nothing: it reads that node's store in the
 * same merge, after it.
 */
#include <base/memory.h>
#include <operators/operator.h>
#include <stdlib.h>

typedef struct snapshots {
    int64_t every_ms;
    uint32_t number;
    size_t row_bytes;
    const keyed *keyed;
    void *executor;
    operator_emit *emit;
    const batch_frame *batch;
    char **rows; /* by worker: CHUNK_ROWS of them */
    unsigned worker_count;
} snapshots;

static sl_result snapshots_open(const operator_spec *spec, void **opened, failure *failure)
{
    (void)failure;
    snapshots *self = memory_new(sizeof *self);
    const operator* of = spec->operators[spec->node->input];
    self->every_ms = spec->node->as.snapshots_every.ms;
    self->number = spec->number;
    self->row_bytes = spec->node->schema->row_bytes;
    self->keyed = of->kind->keyed(of->self);
    self->executor = spec->executor;
    self->emit = spec->emit;
    self->worker_count = spec->workers;
    self->rows = memory_new(spec->workers * sizeof *self->rows);
    for (unsigned w = 0; w < spec->workers; w++)
        self->rows[w] = memory_new(CHUNK_ROWS * self->row_bytes);
    *opened = self;
    return SL_OK;
}

static void snapshots_close(void *opened)
{
    snapshots *self = opened;
    for (unsigned w = 0; w < self->worker_count; w++)
        free(self->rows[w]);
    free(self->rows);
    free(self);
}

static sl_result snapshots_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    ((snapshots *)opened)->batch = batch;
    return SL_OK;
}

/* As a window's slide: a multiple of it was passed since the batch before. */
static bool is_due(const snapshots *self)
{
    int64_t every = self->every_ms, time_ms = self->batch->time_ms, last_ms = self->batch->last_time_ms;
    return every == 0 || (last_ms > 0 ? time_ms / every > last_ms / every : time_ms % every == 0);
}

static void snapshots_merge(void *opened, sl_task *task, unsigned number)
{
    snapshots *self = opened;
    char *rows = self->rows[task->worker];
    size_t count = 0;
    uint32_t ids = is_due(self) ? self->keyed->ids(self->keyed->self, number) : 0;
    task->report_ms = self->batch->time_ms;
    for (uint32_t id = 0; id < ids; id++) {
        count +=
            self->keyed->row(self->keyed->self, number, id, task->report_ms, rows + count * self->row_bytes);
        if (count == CHUNK_ROWS) {
            self->emit(self->executor, task, self->number, rows, count);
            count = 0;
        }
    }
    if (count)
        self->emit(self->executor, task, self->number, rows, count);
}

const operator_kind operator_snapshots = {
    .name = "snapshots",
    .open = snapshots_open,
    .close = snapshots_close,
    .begin = snapshots_begin,
    .merge = snapshots_merge,
};
