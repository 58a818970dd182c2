/*
 * tests/batches/inputs.h - an intake over one input in memory, "lines", with four partitions.
 */
#ifndef TESTS_BATCHES_INPUTS_H
#define TESTS_BATCHES_INPUTS_H

#include <batches/intake.h>

enum { INPUTS_PARTITIONS = 4 };

typedef struct inputs {
    settings *settings;
    intake intake;
    intake_input *input;
    source_spec spec;
} inputs;

/* Opened, numbered, not started. Options as on the command line: "--available-now --max-rate-per-partition 3". */
void inputs_open(inputs *inputs, const char *options);
void inputs_start(inputs *inputs);
void inputs_close(inputs *inputs);

void inputs_send(inputs *inputs, uint32_t partition, const char *value);
void inputs_send_many(inputs *inputs, uint32_t partition, size_t count);
void inputs_wake_by(inputs *inputs, void (*wake)(void *argument), void *argument); /* before inputs_open */

/* The batch's only range, of this partition. */
bool inputs_one_range(const batch *batch, uint32_t partition, int64_t from, int64_t until);

#endif
