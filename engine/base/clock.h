/*
 * base/clock.h - the only place that asks for the time. A manual clock serves tests.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <sluice/types.h>

typedef struct sl_clock {
    bool manual;
    int64_t manual_ms;       /* since the start of both clocks */
    int64_t manual_ahead_ms; /* the wall clock was set forward by so much */
} sl_clock;

extern const sl_clock clock_system;

int64_t clock_wall_ms(const sl_clock *clock); /* since the epoch; may jump */
int64_t clock_ns(const sl_clock *clock);      /* monotonic */
uint64_t clock_ticks(
    void); /* of the processor, where it counts some: cheap, for shares of a time taken by clock_ns() */

/* Waits for the condition until the monotonic time; false when the time came first. The mutex is held. */
bool clock_wait(const sl_clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ns);
void clock_condition(pthread_cond_t *condition); /* makes a condition that clock_wait can use */

/* For tests. "MS:AFTER": the wall clock is set forward by so many ms (or back, when they are negative), AFTER ms from now on.
 * NULL: it is right again. False when it is none of this. faults_open() takes it from SLUICE_CLOCK_FAULT. */
bool clock_break(const char *how);

/* "2026-11-23T10:00:00.123Z" and its NUL into 25 bytes. */
void clock_iso(int64_t ms, char at[25]);

/* A length of time for people: "350 ms", "12.3 s", "4 min 12 s", "3 h 5 min", "2 d 7 h". Returns `at`. */
const char *clock_span(int64_t ns, char at[32]);

#endif
