/*
 * tests/simulate/world.c - the shared memory, the steps, and the calls of the system that tell time or chance: the linker puts
 * them in place of the real ones (--wrap), so that all of the engine runs on them as it is.
 */
#include <errno.h>
#include <pthread.h>
#include <simulate/world.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { HEAP_BYTES = 512 << 20, START_S = 1700000000, NS_PER_S = 1000000000 };

world *the_world;
static char *heap;
void (*world_meanwhile)(void);

int __real_clock_gettime(clockid_t clock, struct timespec *at);
int __wrap_clock_gettime(clockid_t clock, struct timespec *at);
uint64_t __real_clock_ticks(void);
uint64_t __wrap_clock_ticks(void);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
ssize_t __wrap_getrandom(void *at, size_t size, unsigned flags);
pid_t __wrap_getpid(void);

static void *shared_take(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

void world_make(void)
{
    the_world = shared_take(sizeof *the_world);
    heap = shared_take(HEAP_BYTES);
}

void world_begin(uint64_t seed)
{
    bool verbose = the_world->verbose;
    if (the_world->used > 8 << 20) /* give back, and have zeros again */
        madvise(heap, HEAP_BYTES, MADV_REMOVE);
    else
        memset(heap, 0, the_world->used);
    memset(the_world, 0, sizeof *the_world);
    the_world->verbose = verbose;
    the_world->dice.seed = seed * 0x9E3779B97F4A7C15u + 1;
    the_world->now_ns = (int64_t)NS_PER_S * 100;
    the_world->wall_ahead_ns = (int64_t)START_S * NS_PER_S;
    disk_begin();
    servers_begin();
}

void *world_take(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (the_world->used + size > HEAP_BYTES)
        abort();
    void *at = heap + the_world->used;
    the_world->used += size;
    return at;
}

bool world_draws(unsigned times)
{
    return times && dice_below(&the_world->dice, times) == 0;
}

static void trace_add(const void *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        the_world->trace = (the_world->trace ^ ((const unsigned char *)at)[i]) * 0x100000001B3u;
}

bool world_step(const char *what, const char *where, size_t size)
{
    world *world = the_world;
    world->steps++;
    world->now_ns += 1000 + (int64_t)dice_below(&world->dice, 200000);
    trace_add(what, strlen(what));
    trace_add(where, strlen(where));
    trace_add(&size, sizeof size);
    if (world->full_for)
        world->full_for--;
    bool dies = world->steps == world->dies_at;
    if (world->dies_at_sync && strcmp(what, "sync") == 0)
        dies = --world->dies_at_sync == 0;
    if (world->verbose)
        fprintf(stderr, "    %u.%u %lld ms %s %s %zu%s\n", world->life, world->steps,
                (long long)(world->now_ns / 1000000), what, where, size, dies ? " - dies" : "");
    return dies;
}

void world_die(void)
{
    _exit(LIFE_KILLED);
}

void world_tell(const char *format, ...)
{
    va_list rest;
    if (the_world->told[0])
        return;
    va_start(rest, format);
    vsnprintf(the_world->told, TOLD_ROOM, format, rest);
    va_end(rest);
}

/* ---- Time and chance --------------------------------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *at)
{
    if (the_world == NULL)
        return __real_clock_gettime(clock, at);
    int64_t now = the_world->now_ns += 100;
    if (clock == CLOCK_REALTIME)
        now += the_world->wall_ahead_ns;
    *at = (struct timespec){ .tv_sec = now / NS_PER_S, .tv_nsec = now % NS_PER_S };
    return 0;
}

uint64_t __wrap_clock_ticks(void)
{
    return the_world == NULL ? __real_clock_ticks() : (uint64_t)the_world->now_ns;
}

/* Nobody else is there who could signal: the time passes. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    (void)condition, (void)mutex;
    int64_t until_ns = (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec;
    if (until_ns > the_world->now_ns)
        the_world->now_ns = until_ns;
    return ETIMEDOUT;
}

ssize_t __wrap_getrandom(void *at, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)at)[i] = (unsigned char)dice_next(&the_world->dice);
    return (ssize_t)size;
}

pid_t __wrap_getpid(void)
{
    return (pid_t)(10000 + the_world->life);
}
