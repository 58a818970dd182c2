/*
 * base/retry.c - waiting between tries. The wait doubles; half of it is random, so that many clients that failed together
 * do not come back together. All waits share one condition: who sets a stop flag wakes them by retry_wake().
 */
#include <base/clock.h>
#include <base/retry.h>
#include <sys/random.h>

static pthread_mutex_t wait_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wait_changed;
static pthread_once_t wait_ready = PTHREAD_ONCE_INIT;
static _Thread_local uint64_t random_state; /* 0: not seeded */

static uint64_t random_next(void);
static void wait_prepare(void);

int64_t retry_next_ms(retry *retry)
{
    int64_t most = retry->most_ms > 0 ? retry->most_ms : 1, ms = retry->first_ms > 0 ? retry->first_ms : 1;
    for (unsigned i = 0; i < retry->tries && ms < most; i++)
        ms = ms > most / 2 ? most : ms * 2;
    ms = ms < most ? ms : most;
    retry->tries++;
    int64_t half = ms / 2;
    return ms - (int64_t)(random_next() % ((uint64_t)half + 1));
}

bool retry_wait(retry *retry, int64_t deadline_ns, const atomic_bool *stop)
{
    int64_t until = clock_ns(&clock_system) + retry_next_ms(retry) * 1000000;
    if (until > deadline_ns)
        return false;
    pthread_once(&wait_ready, wait_prepare);
    bool waiting = true, stopped = false;
    pthread_mutex_lock(&wait_mutex);
    while (waiting && !stopped) {
        stopped = stop && atomic_load(stop);
        waiting = !stopped && clock_wait(&clock_system, &wait_changed, &wait_mutex, until);
    }
    pthread_mutex_unlock(&wait_mutex);
    return !stopped && !(stop && atomic_load(stop));
}

void retry_wake(void)
{
    pthread_once(&wait_ready, wait_prepare);
    pthread_mutex_lock(&wait_mutex);
    pthread_cond_broadcast(&wait_changed);
    pthread_mutex_unlock(&wait_mutex);
}

static void wait_prepare(void)
{
    clock_condition(&wait_changed);
}

/* splitmix64 (Steele, Lea, Flood 2014). Where the kernel gives no seed, the thread's address and the time do. */
static uint64_t random_next(void)
{
    if (random_state == 0 && getrandom(&random_state, sizeof random_state, GRND_NONBLOCK) < 0)
        random_state = (uint64_t)clock_ns(&clock_system) ^ (uint64_t)(uintptr_t)&random_state;
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
