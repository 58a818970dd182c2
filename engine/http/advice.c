/*
 * http/advice.c - a line through (records, processing time) of the completed batches.
 */
#include <http/advice.h>
#include <math.h>

enum { BATCHES_LEAST = 5, ERRORS = 2 /* standard errors: so far off the slope may well be */ };

void advice_add(advice_sums *sums, const advice_batch *batch)
{
    if (!batch->catch_up) {
        sums->came += batch->records;
        sums->came_in_ms += batch->interval_ms;
    }
    if (batch->records <= 0)
        return;
    sums->count++;
    sums->records += batch->records;
    sums->records_squared += batch->records * batch->records;
    sums->taken_ms += batch->taken_ms;
    sums->taken_squared += batch->taken_ms * batch->taken_ms;
    sums->products += batch->records * batch->taken_ms;
    sums->waited_ms += batch->waited_ms;
    for (size_t i = 0; i < ADVICE_PHASES; i++)
        sums->phases[i] += batch->phases[i];
}

/* The line goes through the middle of the points, however steep it is. */
static void costs_fit(const advice_sums *all, advice *advice)
{
    double n = all->count, middle = all->records / n, middle_ms = all->taken_ms / n;
    double spread = all->records_squared - all->records * middle;
    double together = all->products - all->records * middle_ms;
    double slope = 0;
    if (spread > 1e-9 * all->records_squared) {
        double missed = all->taken_squared - all->taken_ms * middle_ms - together * together / spread;
        slope = together / spread - ERRORS * sqrt(fmax(missed, 0) / (n - 2) / spread);
    }
    advice->record_ms = fmin(fmax(slope, 0), middle_ms / middle); /* no batch costs less than nothing */
    advice->batch_ms = middle_ms - advice->record_ms * middle;
}

static void limit_find(const advice_sums *all, advice *advice)
{
    static const char *const names[ADVICE_PHASES] = { "work", "merge", "sinks", "commit" };
    double whole = 0;
    size_t most = 0;
    for (size_t i = 0; i < ADVICE_PHASES; i++) {
        whole += all->phases[i];
        most = all->phases[i] > all->phases[most] ? i : most;
    }
    advice->limit = names[most];
    advice->limit_share = whole > 0 ? all->phases[most] / whole : 0;
}

advice advice_of(const advice_sums *all, double interval_ms)
{
    advice advice = { 0 };
    if (all->count < BATCHES_LEAST || interval_ms <= 0)
        return advice;
    advice.known = true;
    advice.rate = all->came_in_ms > 0 ? all->came / all->came_in_ms * 1000 : 0;
    costs_fit(all, &advice);
    double busy = advice.record_ms * advice.rate / 1000;
    advice.share = advice.batch_ms / interval_ms + busy;
    advice.stable = advice.share < 1 && all->waited_ms / all->count < interval_ms;
    advice.least_interval_ms =
        busy < 1 ? fmax(advice.batch_ms / (1 - busy), 1) : 0; /* 1: there is none shorter */
    limit_find(all, &advice);
    return advice;
}

void advice_print(const advice *advice, buffer *out)
{
    if (!advice->known) {
        buffer_text(out, "too few batches with records for advice");
        return;
    }
    buffer_print(out, "%s: batches take %.0f %% of the interval; ", advice->stable ? "stable" : "not stable",
                 100 * advice->share);
    if (advice->least_interval_ms > 0)
        buffer_print(out, "at %.0f records/s %.0f ms would do; ", advice->rate, advice->least_interval_ms);
    else
        buffer_print(out, "%.0f records/s are too many for any interval; ", advice->rate);
    buffer_print(out, "most time goes into %s (%.0f %%)", advice->limit, 100 * advice->limit_share);
}
