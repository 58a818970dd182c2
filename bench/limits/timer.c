/*
 * bench/limits/timer.c - how late one is woken: by a timer of the kernel, by a condition with a time (what the generator
 * waits with), by another thread's signal, and how long a parallel region takes to open after a pause.
 */
#include "../shared/measure.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 2000, REGION_PAUSE_US = 5000 };

static double late_us[MOST];

static struct timespec time_of(double seconds)
{
    time_t whole = (time_t)seconds;
    return (struct timespec){ whole, (long)((seconds - (double)whole) * 1e9) };
}

static void figures_print(const char *what, size_t count)
{
    sort_values(late_us, count);
    printf("%-44s p50 %7.0f us   p99 %7.0f   worst %7.0f   (%zu times)\n", what,
           quantile(late_us, count, 0.5), quantile(late_us, count, 0.99), late_us[count - 1], count);
}

static void timerfd_measure(double period_s, size_t count)
{
    char what[64];
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    double next = wall_s() + period_s;
    for (size_t i = 0; i < count; i++, next += period_s) {
        uint64_t times;
        struct itimerspec at = { .it_value = time_of(next) };
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
        if (read(timer, &times, sizeof times) < 0)
            give_up("timerfd");
        late_us[i] = (wall_s() - next) * 1e6;
    }
    close(timer);
    snprintf(what, sizeof what, "timerfd, every %g ms: late by", period_s * 1e3);
    figures_print(what, count);
}

static void condition_measure(double period_s, size_t count)
{
    char what[64];
    pthread_condattr_t attributes;
    pthread_cond_t condition;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    pthread_mutex_lock(&mutex);
    double next = wall_s() + period_s;
    for (size_t i = 0; i < count; i++, next += period_s) {
        struct timespec at = time_of(next);
        pthread_cond_timedwait(&condition, &mutex, &at);
        late_us[i] = (wall_s() - next) * 1e6;
    }
    pthread_mutex_unlock(&mutex);
    snprintf(what, sizeof what, "condition, every %g ms: late by", period_s * 1e3);
    figures_print(what, count);
}

/* ---- From thread to thread ---- */

typedef struct handover {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    double sent_s; /* 0: nothing */
    size_t got, count;
} handover;

static void *taker_run(void *argument)
{
    handover *over = argument;
    pthread_mutex_lock(&over->mutex);
    while (over->got < over->count) {
        while (over->sent_s == 0)
            pthread_cond_wait(&over->changed, &over->mutex);
        late_us[over->got++] = (wall_s() - over->sent_s) * 1e6;
        over->sent_s = 0;
    }
    pthread_mutex_unlock(&over->mutex);
    return NULL;
}

static void handover_measure(size_t count)
{
    handover over = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, count };
    pthread_t taker;
    pthread_create(&taker, NULL, taker_run, &over);
    for (size_t i = 0; i < count; i++) {
        usleep(1000);
        pthread_mutex_lock(&over.mutex);
        over.sent_s = wall_s();
        pthread_cond_signal(&over.changed);
        pthread_mutex_unlock(&over.mutex);
    }
    pthread_join(taker, NULL);
    figures_print("another thread's signal, idle 1 ms: after", count);
}

static void regions_measure(unsigned pause_us, size_t count)
{
    int came = 0;
    for (size_t i = 0; i < count; i++) {
        if (pause_us)
            usleep(pause_us);
        double begin = wall_s();
#pragma omp parallel num_threads(2) reduction(+ : came)
        {
            came++;
        }
        late_us[i] = (wall_s() - begin) * 1e6;
    }
    figures_print(
        pause_us ? "region of two workers, idle 5 ms: took" : "region of two workers, at once: took", count);
}

int main(void)
{
    timerfd_measure(0.002, 1000);
    timerfd_measure(0.010, 200);
    timerfd_measure(0.100, 20);
    condition_measure(0.002, 1000);
    condition_measure(0.010, 200);
    condition_measure(0.100, 20);
    handover_measure(1000);
    regions_measure(0, MOST);
    regions_measure(REGION_PAUSE_US, 200);
    return 0;
}
