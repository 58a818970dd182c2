/*
 * batches/dead_letters.h - records that broke a rule, or that a sink refused for good, written before their batch is
 * checkpointed: one JSON object each, with the original bytes.
 */
#ifndef BATCHES_DEAD_LETTERS_H
#define BATCHES_DEAD_LETTERS_H

#include <operators/output.h>
#include <plan/task.h>

typedef struct dead_letters dead_letters;

/* One output per topic of the origins, at the same places, each under the name <topic>.dead. */
sl_result dead_letters_open(const output_places *places, const settings *settings, const sl_clock *clock,
                            dead_letters **opened, failure *failure);
void dead_letters_close(dead_letters *dead_letters); /* NULL is fine */

sl_result dead_letters_begin(dead_letters *dead_letters, const batch_frame *batch, failure *failure);
/* All of the batch, in order of partition and offset, sent and safe when it returns. */
sl_result dead_letters_write(dead_letters *dead_letters, sl_task *task, reject *rejects, size_t count,
                             failure *failure);
sl_result dead_letters_commit(dead_letters *dead_letters, failure *failure);
const char *dead_letters_wrote(dead_letters *dead_letters, buffer *out); /* tests */

#endif
