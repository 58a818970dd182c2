/*
 * operators/stage.c - a job's row function over a chunk.
 */
#include <base/memory.h>
#include <operators/operator.h>
#include <stdlib.h>

static sl_result stage_open(const operator_spec *spec, void **self, failure *failure)
{
    (void)failure;
    const sl_stage **stage = memory_new(sizeof *stage);
    *stage = spec->node->as.stage;
    *self = stage;
    return SL_OK;
}

static void stage_rows(void *self, sl_task *task, const sl_rows *in, sl_rows *out)
{
    const sl_stage *const *stage = self;
    task->stage = (*stage)->name;
    (*stage)->run(task, in->at, in->count, out);
}

const operator_kind operator_stage = {
    .name = "stage", .open = stage_open, .close = free, .rows = stage_rows
};
