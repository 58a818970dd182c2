/*
 * batches/back_pressure.c - the arithmetic alone: who asks it is the intake, who tells it is the scheduler.
 */
#include <batches/back_pressure.h>

void back_pressure_init(back_pressure *self, const back_pressure_gains *gains)
{
    *self = (back_pressure){ .gains = *gains, .latest_ms = -1 };
}

bool back_pressure_update(back_pressure *self, const back_pressure_batch *batch, double *rate)
{
    bool first = self->latest_ms < 0;
    if (batch->end_ms <= self->latest_ms || batch->records <= 0 || batch->processing_ms <= 0)
        return false;
    double achieved = (double)batch->records / (double)batch->processing_ms * 1000;
    double error = self->latest_rate - achieved;
    double backlog = (double)batch->scheduling_ms * achieved / (double)batch->interval_ms;
    double seconds = (double)(batch->end_ms - self->latest_ms) / 1000;
    double change = (error - self->latest_error) / seconds;
    self->latest_ms = batch->end_ms;
    if (first) {
        self->latest_rate = achieved;
        self->latest_error = 0;
        return false;
    }
    double wanted = self->latest_rate - self->gains.proportional * error - self->gains.integral * backlog -
                    self->gains.derived * change;
    self->latest_rate = wanted > self->gains.min_rate ? wanted : self->gains.min_rate;
    self->latest_error = error;
    *rate = self->latest_rate;
    return true;
}

int64_t back_pressure_share(double rate, int64_t lag, int64_t lags, int64_t max_rate, int64_t interval_ms)
{
    double seconds = (double)interval_ms / 1000,
           share = lags > 0 ? rate * ((double)lag / (double)lags) : rate;
    if (max_rate > 0 && share > (double)max_rate)
        share = (double)max_rate;
    double records = share * seconds, least = seconds > 1 ? seconds : 1;
    if (records < least)
        records = least;
    return records < 9e18 ? (int64_t)records : INT64_MAX;
}
