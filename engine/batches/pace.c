/*
 * batches/pace.c - asks the estimator, tells the intake, the log and the listeners.
 */
#include <base/log.h>
#include <batches/pace.h>
#include <stdio.h>
#include <stdlib.h>

enum { REASON_ROOM = 160 };

/* A line for what changes by a tenth; every change at debug. */
static void rate_set(pace *self, double rate, const char *reason)
{
    bool news = self->rate_told <= 0 || rate > self->rate_told * 1.1 || rate < self->rate_told * 0.9;
    sl_rate_info info = { self->spec.job, clock_wall_ms(self->spec.clock), self->rate, rate, reason };
    if (news || log_wants(LOG_LEVEL_DEBUG))
        log_write(news ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "back-pressure", "at most %.0f records/s: %s",
                  rate, reason);
    self->rate_told = news ? rate : self->rate_told;
    self->rate = rate;
    intake_limit(self->spec.intake, rate);
    events_tell_of(self->spec.events, EVENT_RATE_CHANGED, &info);
}

/* "name":17 in a line of JSON; 0: not there. */
static double number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtod(at + strlen(name), NULL) : 0;
}

/* The limit that held when the last run ended, else what its last batch achieved. */
static double last_rate(sl_text account)
{
    buffer line = { 0 };
    buffer_append(&line, account.at, account.size);
    buffer_byte(&line, '\0');
    double limit = number_in(line.at, "\"rate_limit\":"), records = number_in(line.at, "\"records\":");
    double processing_ms = number_in(line.at, "\"processing_ms\":");
    buffer_done(&line);
    if (limit > 0)
        return limit;
    return records > 0 && processing_ms > 0 ? records * 1000 / processing_ms : 0;
}

void pace_begin(pace *self, const pace_spec *spec)
{
    *self = (pace){ .spec = *spec };
    if (!spec->ends)
        catch_up_begin(&self->catch_up);
    if (spec->gains == NULL)
        return;
    back_pressure_init(&self->pressure, spec->gains);
    double last = last_rate(spec->last);
    if (spec->first > 0)
        rate_set(self, spec->first, "backpressure.initial_rate, until batches tell more");
    else if (last > 0)
        rate_set(self, last > spec->gains->min_rate ? last : spec->gains->min_rate,
                 "as the last run, until batches tell more");
}

static void pressure_adjust(pace *self, const sl_batch_info *info)
{
    char reason[REASON_ROOM];
    double rate;
    back_pressure_batch batch = { info->processing_end_time_ms, info->records, (int64_t)info->processing_ms,
                                  (int64_t)info->scheduling_delay_ms, info->interval_ms };
    if (!back_pressure_update(&self->pressure, &batch, &rate) || rate == self->rate)
        return;
    snprintf(reason, sizeof reason, "batch %lld took %lld records in %.1f ms, and had waited for %.1f ms",
             (long long)info->batch_id, (long long)info->records, info->processing_ms,
             info->scheduling_delay_ms);
    rate_set(self, rate, reason);
}

void pace_completed(pace *self, const sl_batch_info *batch)
{
    char text[CATCH_UP_TEXT];
    if (self->spec.gains)
        pressure_adjust(self, batch);
    if (catch_up_batch(&self->catch_up, batch, text))
        log_info("catch-up", "%s", text);
}

double pace_rate(const pace *self)
{
    if (self->spec.gains == NULL)
        return 0;
    return self->rate > 0 ? self->rate : self->pressure.latest_rate;
}

void pace_resumed(pace *self)
{
    if (!self->spec.ends)
        catch_up_begin(&self->catch_up);
}
