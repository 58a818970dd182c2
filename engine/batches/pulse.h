/*
 * batches/pulse.h - has this process stood still for long? Somebody may have stopped it, or the machine slept, or the disk of the
 * work folder was away; and in the meantime another process may have taken the folder, on this machine or another. So after
 * 30 s without a beat, what is about to be written waits for the answer whether the folder is still ours.
 *
 * Each thread that writes has a pulse of its own. Places outside have fences of theirs: epochs in Redis, versions in Elasticsearch.
 */
#ifndef BATCHES_PULSE_H
#define BATCHES_PULSE_H

#include <base/clock.h>
#include <base/failure.h>

enum { PULSE_STALL_MS = 30000 };

typedef struct pulse {
    const sl_clock *clock;
    sl_result (*check)(void *argument, failure *failure); /* NULL: there is nothing to check */
    void *argument;
    int64_t last_ns; /* 0: it has not begun */
} pulse;

static inline sl_result pulse_beat(pulse *pulse, failure *failure)
{
    if (pulse->check == NULL)
        return SL_OK;
    int64_t now_ns = clock_ns(pulse->clock), before_ns = pulse->last_ns;
    pulse->last_ns = now_ns;
    if (before_ns == 0 || now_ns - before_ns < PULSE_STALL_MS * INT64_C(1000000))
        return SL_OK;
    return pulse->check(pulse->argument, failure);
}

#endif
