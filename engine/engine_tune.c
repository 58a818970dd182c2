/*
 * engine_tune.c - what may be changed while a job runs: the interval, the rate, the workers. Each holds from the next cut or batch
 * on; batches that were cut keep their T, their ranges and their interval, so nothing is lost or read twice. The next start
 * begins with the settings again.
 */
#include <base/log.h>
#include <engine_parts.h>
#include <unistd.h>

enum { DAY_MS = 24 * 3600 * 1000 };

static unsigned cores_here(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

unsigned workers_wanted(const engine *self)
{
    int64_t asked = settings_i64(self->spec.settings, "workers");
    return asked > 0 ? (unsigned)asked : cores_here();
}

/* Those that do not work cost a few empty lists. In a test there is nobody to ask for more. */
unsigned workers_most(const engine *self)
{
    unsigned wanted = workers_wanted(self), here = cores_here();
    return self->spec.memory || wanted > here ? wanted : here;
}

void tuned_begin(engine *self)
{
    atomic_store(&self->tuned.interval_ms, settings_ms(self->spec.settings, "batch.interval"));
    atomic_store(&self->tuned.rate, settings_i64(self->spec.settings, "rate.max_per_partition"));
    atomic_store(&self->tuned.cores, workers_wanted(self));
}

static sl_result wish_check(const engine *self, const server_tune *wish, failure *failure)
{
    if (wish->interval_ms == 0 || wish->interval_ms > DAY_MS)
        return fail(failure, SL_USAGE, "an interval is 1ms to 1d");
    if (wish->rate == INT64_MAX)
        return fail(failure, SL_USAGE, "a rate is a number of records a second; 0: no limit");
    if (wish->cores == 0 || wish->cores > (int64_t)workers_most(self))
        return fail(failure, SL_USAGE, "this job can use 1 to %u cores; start it with --cores N for more",
                    workers_most(self));
    if (wish->interval_ms < 0 && wish->rate < 0 && wish->cores < 0)
        return fail(failure, SL_USAGE, "nothing to change was given: interval_ms, rate or cores");
    return SL_OK;
}

static void tell_log(const char *what, int64_t before, int64_t now, const char *unit)
{
    log_info("tune", "%s: %lld%s instead of %lld%s, from the next batch on until the job ends", what,
             (long long)now, unit, (long long)before, unit);
}

static void wish_take(engine *self, const server_tune *wish)
{
    if (wish->interval_ms > 0) {
        generator_interval(self->generator, wish->interval_ms);
        tell_log("interval", atomic_exchange(&self->tuned.interval_ms, wish->interval_ms), wish->interval_ms,
                 " ms");
    }
    if (wish->rate >= 0) {
        intake_rate_max(&self->intake, wish->rate);
        tell_log("records a second and partition, at most (0: no limit)",
                 atomic_exchange(&self->tuned.rate, wish->rate), wish->rate, "");
    }
    if (wish->cores > 0) {
        scheduler_team(self->scheduler, (unsigned)wish->cores);
        tell_log("workers", atomic_exchange(&self->tuned.cores, wish->cores), wish->cores, "");
    }
}

void tuned_print(engine *self, buffer *json)
{
    buffer_print(json, "\"interval_ms\":%lld,\"max_rate_per_partition\":%lld,\"cores\":%lld",
                 (long long)atomic_load(&self->tuned.interval_ms), (long long)atomic_load(&self->tuned.rate),
                 (long long)atomic_load(&self->tuned.cores));
}

bool take_tune(void *argument, const server_tune *wish, buffer *json)
{
    engine *self = argument;
    failure refused = { 0 };
    if (wish_check(self, wish, &refused) != SL_OK) {
        buffer_print(json, "{\"error\":\"%s\"}\n", refused.text);
        return false;
    }
    wish_take(self, wish);
    buffer_byte(json, '{');
    tuned_print(self, json);
    buffer_text(json, "}\n");
    return true;
}
