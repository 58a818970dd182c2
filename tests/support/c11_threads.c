/*
 * c11_threads.c - C11's threads on top of POSIX threads, for ThreadSanitizer only.
 *
 * librdkafka starts its threads with thrd_create and locks with mtx_lock. ThreadSanitizer knows neither: a thread that it has
 * not seen starting ends the process, and a lock that it does not see makes every hand-over through it look like a race. It
 * does know what these functions call here. In glibc the types are the same underneath.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WANTED
#endif
#endif

#ifdef WANTED

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a cnd_t is a pthread_cond_t");

#define MUTEX(mutex)         ((pthread_mutex_t *)(void *)(mutex))
#define CONDITION(condition) ((pthread_cond_t *)(void *)(condition))

typedef struct start {
    thrd_start_t run;
    void *argument;
} start;

static int result_of(int error)
{
    return error == 0           ? thrd_success
           : error == ETIMEDOUT ? thrd_timedout
           : error == EBUSY     ? thrd_busy
                                : thrd_error;
}

static void *thread_run(void *argument)
{
    start start_ = *(start *)argument;
    free(argument);
    return (void *)(intptr_t)start_.run(start_.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *argument)
{
    start *starting = malloc(sizeof *starting);
    if (starting == NULL)
        return thrd_nomem;
    *starting = (start){ run, argument };
    int error = pthread_create(thread, NULL, thread_run, starting);
    if (error)
        free(starting);
    return result_of(error);
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned = NULL;
    int error = pthread_join(thread, &returned);
    if (error == 0 && result)
        *result = (int)(intptr_t)returned;
    return result_of(error);
}

int thrd_detach(thrd_t thread)
{
    return result_of(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init(MUTEX(mutex), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result_of(error);
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy(MUTEX(mutex));
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock(MUTEX(mutex)));
}

int mtx_trylock(mtx_t *mutex)
{
    return result_of(pthread_mutex_trylock(MUTEX(mutex)));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock(MUTEX(mutex)));
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init(CONDITION(condition), NULL));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy(CONDITION(condition));
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal(CONDITION(condition)));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast(CONDITION(condition)));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait(CONDITION(condition), MUTEX(mutex)));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return result_of(pthread_cond_timedwait(CONDITION(condition), MUTEX(mutex), until));
}

#else

extern int no_c11_threads; /* a file holds at least one declaration */

#endif
