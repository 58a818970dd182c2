/*
 * plan/task.c - what a stage may ask of its task. Without a task, as in a test that calls a stage, nothing is kept.
 */
#include <plan/task.h>

/* Offsets grow within a chunk. */
static const sl_message *message_of(const sl_task *task, const sl_origin *origin)
{
    size_t from = 0, until = task->message_count;
    while (from < until) {
        size_t middle = (from + until) / 2;
        if (task->messages[middle].origin.offset < origin->offset)
            from = middle + 1;
        else
            until = middle;
    }
    return from < task->message_count && task->messages[from].origin.offset == origin->offset
               ? &task->messages[from]
               : NULL;
}

bool sl_reject(sl_task *task, const sl_origin *origin, const char *reason, const char *detail)
{
    if (task == NULL)
        return false;
    const sl_message *message = message_of(task, origin);
    reject rejected = { *origin, task->stage, reason, detail, message ? message->value : (sl_text){ 0 } };
    buffer_append(&task->rejects, &rejected, sizeof rejected);
    return false;
}

void sl_rows_full_(sl_rows *rows, const sl_schema *of)
{
    sl_expect(rows->of == NULL || rows->of == of); /* sl_row() of the record that the stage gives */
    sl_expect(rows->full);                         /* rows of a test's own: with room for all */
    rows->full(rows);
}

int64_t sl_batch_time_ms(const sl_task *task)
{
    return task ? task->batch->time_ms : 0;
}

const void *sl_options(const sl_task *task)
{
    return task ? task->batch->options : NULL;
}

void *sl_batch_memory(sl_task *task, size_t size)
{
    static _Thread_local arena without_task; /* tests only: never given back */
    return arena_take(task ? &task->memory : &without_task, size);
}
