/*
 * tests/sources/shared/wakes.h - counts a source's wakes, so that a test can wait for the next one.
 */
#ifndef SOURCES_SHARED_WAKES_H
#define SOURCES_SHARED_WAKES_H

#include <base/clock.h>

typedef struct wakes {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned count;
} wakes;

static inline void wakes_init(wakes *wakes)
{
    pthread_mutex_init(&wakes->mutex, NULL);
    clock_condition(&wakes->changed);
    wakes->count = 0;
}

static inline void wakes_add(void *argument) /* a source_spec's wake */
{
    wakes *wakes = argument;
    pthread_mutex_lock(&wakes->mutex);
    wakes->count++;
    pthread_cond_broadcast(&wakes->changed);
    pthread_mutex_unlock(&wakes->mutex);
}

static inline unsigned wakes_count(wakes *wakes)
{
    pthread_mutex_lock(&wakes->mutex);
    unsigned count = wakes->count;
    pthread_mutex_unlock(&wakes->mutex);
    return count;
}

/* Until there were more than `seen`; false after 20 s. */
static inline bool wakes_wait(wakes *wakes, unsigned seen)
{
    int64_t until_ns = clock_ns(&clock_system) + INT64_C(20000000000);
    pthread_mutex_lock(&wakes->mutex);
    while (wakes->count <= seen && clock_wait(&clock_system, &wakes->changed, &wakes->mutex, until_ns))
        ;
    bool more = wakes->count > seen;
    pthread_mutex_unlock(&wakes->mutex);
    return more;
}

#endif
