/*
 * batches/balance.h - each record of a batch in exactly one place of its account:
 *
 *     records  --trunk of the plan-->  reached  -->  the output that counts  -->  written
 *                   |                     |                  |
 *               filtered             dead_letters       duplicates
 *               dead_letters
 *
 * The trunk is what all records of an input pass, up to the first fork. What it let fall was filtered, unless it rejected it. Of
 * those that got through, a record that anything rejected or refused is a dead letter, once, whatever else took it; one that
 * every place of the output had already is a duplicate; the others were written.
 */
#ifndef BATCHES_BALANCE_H
#define BATCHES_BALANCE_H

#include <operators/output.h>

typedef struct balance {
    const sl_plan *plan;
    int64_t records, reached;
    const reject *rejects; /* of stages, and what the output's places refused */
    size_t reject_count;
    uint32_t output;  /* the node that counts; plan->count: there is none */
    output_fate fate; /* of it */
    bool
        retries; /* dead letters that were sent back are among the records: they pass only what they had not passed */

    int64_t written, duplicates, filtered, dead_letters; /* balance_find() */
} balance;

void balance_find(balance *balance, buffer *scratch);

/* A bug of ours when something is left over or missing: SL_FAILED, since to go on would hide what is lost. */
sl_result balance_check(const balance *balance, int64_t batch, failure *failure);

#endif
