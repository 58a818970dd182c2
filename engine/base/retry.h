/*
 * base/retry.h - how long to wait before the next try: exponential with full jitter.
 *
 *     retry retry = { .first_ms = 100, .most_ms = 10000 };
 *     while ((result = try()) == SL_RETRY && retry_wait(&retry, deadline_ns, stop))
 *         ;
 */
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <sluice/types.h>
#include <stdatomic.h>

typedef struct retry {
    int64_t first_ms, most_ms;
    unsigned tries; /* so far */
} retry;

int64_t retry_next_ms(retry *retry); /* random between half of and all of first * 2^tries, at most `most` */

/* Waits that long. False when the deadline (monotonic ns) would pass first, or *stop became true (NULL: never). */
bool retry_wait(retry *retry, int64_t deadline_ns, const atomic_bool *stop);

/* Call it after setting a `stop`: every waiting thread looks at its own again. Not from a signal handler. */
void retry_wake(void);

#endif
