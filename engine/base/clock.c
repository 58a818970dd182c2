/*
 * base/clock.c - the time: the kernel's two clocks, or a manual one.
 */
#include <base/clock.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, MS_PER_DAY = 86400000 };

/* The first and the last millisecond that "YYYY-..." can show: years 0000 and 9999. */
static const int64_t ISO_LEAST = -62167219200000, ISO_MOST = 253402300799999;

static int64_t broken_by_ms, broken_from_ns; /* by clock_break(), before any thread */

static void digits_put(char *at, int64_t value, unsigned count);

int64_t clock_wall_ms(const sl_clock *clock)
{
    struct timespec now;
    if (clock->manual)
        return clock->manual_ms + clock->manual_ahead_ms;
    clock_gettime(CLOCK_REALTIME, &now);
    bool broken = broken_by_ms && clock_ns(clock) >= broken_from_ns;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS + (broken ? broken_by_ms : 0);
}

int64_t clock_ns(const sl_clock *clock)
{
    struct timespec now;
    if (clock->manual)
        return clock->manual_ms * NS_PER_MS;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return (uint64_t)clock_ns(&clock_system);
#endif
}

/* Who moves a manual clock holds the mutex and signals the condition, so the wait needs no limit of its own. */
bool clock_wait(const sl_clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ns)
{
    if (clock_ns(clock) >= until_ns)
        return false;
    if (clock->manual)
        return pthread_cond_wait(condition, mutex) == 0;
    struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };
    return pthread_cond_timedwait(condition, mutex, &until) != ETIMEDOUT;
}

void clock_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool clock_break(const char *how)
{
    char *colon = NULL, *end = NULL;
    int64_t by_ms = how ? strtoll(how, &colon, 10) : 0;
    int64_t after_ms = how && *colon == ':' ? strtoll(colon + 1, &end, 10) : 0;
    if (how && (colon == how || end == NULL || end == colon + 1 || *end != '\0' || after_ms < 0))
        return false;
    broken_by_ms = by_ms;
    broken_from_ns = clock_ns(&clock_system) + after_ms * NS_PER_MS;
    return true;
}

/* Howard Hinnant's civil_from_days: years begin in March, so that a leap day is the last of its year. */
void clock_iso(int64_t ms, char at[25])
{
    ms = ms < ISO_LEAST ? ISO_LEAST : ms > ISO_MOST ? ISO_MOST : ms;
    int64_t from_year_0 = ms - ISO_LEAST, of_day = from_year_0 % MS_PER_DAY;
    int64_t days = from_year_0 / MS_PER_DAY + 146097 - 60; /* since 1 March of the year -400 */
    int64_t era = days / 146097, day_of_era = days % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    digits_put(at, (era - 1) * 400 + year_of_era + (month <= 2), 4);
    digits_put(at + 5, month, 2);
    digits_put(at + 8, day_of_year - (153 * march_month + 2) / 5 + 1, 2);
    digits_put(at + 11, of_day / 3600000, 2);
    digits_put(at + 14, of_day / 60000 % 60, 2);
    digits_put(at + 17, of_day / 1000 % 60, 2);
    digits_put(at + 20, of_day % 1000, 3);
    at[4] = at[7] = '-';
    at[10] = 'T';
    at[13] = at[16] = ':';
    at[19] = '.';
    at[23] = 'Z';
    at[24] = '\0';
}

const char *clock_span(int64_t ns, char at[32])
{
    long long ms = ns / NS_PER_MS, seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (seconds == 0)
        snprintf(at, 32, "%lld ms", ms);
    else if (minutes == 0)
        snprintf(at, 32, "%lld.%lld s", seconds, ms % 1000 / 100);
    else if (hours == 0)
        snprintf(at, 32, "%lld min %lld s", minutes, seconds % 60);
    else if (hours < 24)
        snprintf(at, 32, "%lld h %lld min", hours, minutes % 60);
    else
        snprintf(at, 32, "%lld d %lld h", hours / 24, hours % 24);
    return at;
}

static void digits_put(char *at, int64_t value, unsigned count)
{
    for (; count > 0; value /= 10)
        at[--count] = (char)('0' + value % 10);
}

const sl_clock clock_system = { .manual = false };
