/*
 * cli/flow/series.c - a ring of looks.
 */
#include <cli/flow/series.h>

static const samples *oldest(const series *self)
{
    return &self->looks[self->count > SERIES_LOOKS ? self->count % SERIES_LOOKS : 0];
}

void series_add(series *self, sl_text text, int64_t now_ns)
{
    size_t slot = self->count++ % SERIES_LOOKS;
    samples_read(&self->looks[slot], text);
    self->times_ns[slot] = now_ns;
}

void series_forget(series *self)
{
    self->count = 0;
}

void series_done(series *self)
{
    for (size_t i = 0; i < SERIES_LOOKS; i++)
        samples_done(&self->looks[i]);
}

const samples *series_now(const series *self)
{
    return &self->looks[(self->count - 1) % SERIES_LOOKS];
}

double series_seconds(const series *self)
{
    if (self->count < 2)
        return 0;
    int64_t began = self->times_ns[oldest(self) - self->looks],
            ended = self->times_ns[(self->count - 1) % SERIES_LOOKS];
    return (double)(ended - began) / 1e9;
}

double series_change(const series *self, const char *name, const char *label)
{
    return self->count < 2
               ? 0
               : samples_sum(series_now(self), name, label) - samples_sum(oldest(self), name, label);
}

double series_rise(const series *self, const char *name, const char *label)
{
    double change = series_change(self, name, label);
    return change > 0 ? change : 0;
}

double series_rate(const series *self, const char *name, const char *label)
{
    double seconds = series_seconds(self);
    return seconds > 0 ? series_rise(self, name, label) / seconds : 0;
}
