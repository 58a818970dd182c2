/*
 * batches/finish.c - what the driver does when all workers are through with an attempt: lists as a whole, the account, dead
 * letters, and the commit of every place.
 */
#include <base/faults.h>
#include <base/memory.h>
#include <batches/balance.h>
#include <batches/executor_state.h>

/* The value of a record that a sink refused: read again from the batch's input. */
static sl_text value_of(executor *self, const sl_origin *origin, failure *failure)
{
    size_t count = self->blocks.size / sizeof(intake_block);
    const intake_block *blocks = (const intake_block *)(const void *)self->blocks.at;
    for (size_t i = 0; i < count; i++) {
        const source_block *block = &blocks[i].block;
        if (block->partition != origin->partition || origin->offset < block->from ||
            origin->offset >= block->until)
            continue;
        source_reading reading = { .memory = &self->workers[0].task.memory };
        source_messages read = { self->workers[0].messages, CHUNK_ROWS, 1 };
        while (read.count &&
               blocks[i].input->kind->read(blocks[i].input->self, block, &reading, &read, failure) == SL_OK)
            for (size_t m = 0; m < read.count; m++)
                if (read.at[m].origin.offset == origin->offset)
                    return read.at[m].value;
    }
    return (sl_text){ 0 };
}

static void gather_refused(executor *self, uint32_t node, const output_fate *fate, failure *failure)
{
    for (size_t r = 0; r < fate->refused_count; r++) {
        const sink_exception *refused = &fate->refused[r];
        reject rejected = { refused->origin, self->spec.plan->nodes[node].name, "refused", refused->detail,
                            value_of(self, &refused->origin, failure) };
        buffer_append(&self->dead, &rejected, sizeof rejected);
    }
}

/* The output whose places decide which records count as written: the first that is of single records; or the count of nodes. */
static uint32_t output_that_counts(const executor *self)
{
    uint32_t i = 0;
    while (i < self->spec.plan->count &&
           !(self->spec.plan->nodes[i].kind == PLAN_OUTPUT && output_of_records(self->nodes[i].self)))
        i++;
    return i;
}

static void account_fill(executor *self, executor_result *result, failure *failure)
{
    balance balance = { .plan = self->spec.plan };
    *result = (executor_result){ 0 };
    self->dead.size = 0;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        const sl_task *task = &self->workers[w].task;
        result->records += task->records;
        balance.reached += task->reached;
        buffer_append(&self->dead, task->rejects.at, task->rejects.size);
    }
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->nodes[i].kind && self->nodes[i].kind->account)
            self->nodes[i].kind->account(self->nodes[i].self, &result->operators);
    balance.output = output_that_counts(self);
    if (balance.output < self->spec.plan->count) {
        balance.fate = output_find_fate(self->nodes[balance.output].self);
        gather_refused(self, balance.output, &balance.fate, failure);
    }
    for (size_t i = 0; i < self->blocks.size / sizeof(intake_block); i++)
        balance.retries |= ((const intake_block *)(const void *)self->blocks.at)[i].only != 0;
    balance.rejects = (const reject *)(const void *)self->dead.at;
    balance.reject_count = self->dead.size / sizeof(reject);
    balance.records = result->records;
    balance_find(&balance, &self->late);
    result->written = balance.written;
    result->duplicates = balance.duplicates;
    result->filtered = balance.filtered;
    result->dead_letters = balance.dead_letters;
    balance_check(&balance, self->frame->id, failure);
}

static bool will_write(executor *self)
{
    bool any = false;
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->spec.plan->nodes[i].kind == PLAN_OUTPUT)
            any |= output_will_write(self->nodes[i].self);
    return any;
}

/* A batch without input is journaled only now, when it has something to write: its T must not come again. */
static sl_result journal_late(executor *self, batch *batch, failure *failure)
{
    if (self->spec.journal == NULL || batch->journaled || batch->ranges.size)
        return SL_OK;
    SL_TRY(journal_write(self->spec.journal, batch, failure));
    batch->journaled = true;
    return SL_OK;
}

static sl_result outputs_replace(executor *self, failure *failure)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++) {
        if (self->spec.plan->nodes[i].kind != PLAN_OUTPUT)
            continue;
        sl_result result = output_replace(self->nodes[i].self, failure);
        if (result != SL_OK) {
            timing_output_ended(self->timing, i, failure->text);
            return result;
        }
    }
    return SL_OK;
}

static sl_result outputs_commit(executor *self, failure *failure)
{
    for (uint32_t i = 0; i < self->spec.plan->count; i++) {
        if (self->spec.plan->nodes[i].kind != PLAN_OUTPUT)
            continue;
        sl_result result = output_commit(self->nodes[i].self, failure);
        timing_output_ended(self->timing, i, result == SL_OK ? NULL : failure->text);
        SL_TRY(result);
    }
    return SL_OK;
}

sl_result attempt_finish(executor *self, batch *batch, executor_result *result, failure *failure)
{
    sl_task *task = &self->workers[0].task;
    timing_enter(self->timing, TIMING_MERGE);
    for (uint32_t i = 0; i < self->spec.plan->count; i++)
        if (self->nodes[i].kind && self->nodes[i].kind->finish)
            self->nodes[i].kind->finish(self->nodes[i].self, task);
    timing_enter(self->timing, TIMING_SINKS);
    bool wrote = will_write(self);
    if (wrote)
        SL_TRY(journal_late(self, batch, failure));
    flushes_run(self, &self->workers[0]);
    SL_TRY(team_failure(self, failure));
    SL_TRY(pulse_beat(&self->spec.pulse, failure));
    SL_TRY(outputs_replace(self, failure));
    timing_enter(self->timing, TIMING_COMMIT);
    fault_point("after_aggregates");
    account_fill(self, result, failure);
    if (failure->result != SL_OK)
        return failure->result;
    result->wrote = wrote;
    SL_TRY(dead_letters_write(self->spec.dead_letters, task, (reject *)(void *)self->dead.at,
                              self->dead.size / sizeof(reject), failure));
    SL_TRY(outputs_commit(self, failure));
    return dead_letters_commit(self->spec.dead_letters, failure);
}
