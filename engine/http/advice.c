/*
 * http/advice.c - a line through (records, processing time) of the completed batches.
 */
#include <http/advice.h>

enum { BATCHES_LEAST = 5, PHASES = 4 };

typedef struct sums {
    double count, records, records_squared, taken_ms, products, waited_ms, phases_ns[PHASES];
} sums;

static sums sums_of(const recent_view *view)
{
    sums all = { 0 };
    for (size_t i = 0; i < view->count; i++) {
        const recent_batch *batch = view->batches[i];
        double records = (double)batch->records, taken = batch->total_delay_ms - batch->scheduling_delay_ms;
        if (batch->state != SL_BATCH_COMPLETED)
            continue;
        all.count++;
        all.records += records;
        all.records_squared += records * records;
        all.taken_ms += taken;
        all.products += records * taken;
        all.waited_ms += batch->scheduling_delay_ms;
        all.phases_ns[0] += (double)batch->phases.work_ns;
        all.phases_ns[1] += (double)batch->phases.merge_ns;
        all.phases_ns[2] += (double)batch->phases.sinks_ns;
        all.phases_ns[3] += (double)batch->phases.commit_ns;
    }
    return all;
}

/* Where all batches are alike, the cost is put on the records: the advice is rather too careful than too bold. */
static void costs_fit(const sums *all, advice *advice)
{
    double spread = all->count * all->records_squared - all->records * all->records;
    double slope = spread > 1e-3 * all->records_squared
                       ? (all->count * all->products - all->records * all->taken_ms) / spread
                       : -1;
    double base = (all->taken_ms - slope * all->records) / all->count;
    if (slope < 0 || base < 0) {
        base = all->records > 0 ? 0 : all->taken_ms / all->count;
        slope = all->records > 0 ? all->taken_ms / all->records : 0;
    }
    advice->batch_ms = base;
    advice->record_ms = slope;
}

static void limit_find(const sums *all, advice *advice)
{
    static const char *const names[PHASES] = { "work", "merge", "sinks", "commit" };
    double whole = 0;
    size_t most = 0;
    for (size_t i = 0; i < PHASES; i++) {
        whole += all->phases_ns[i];
        most = all->phases_ns[i] > all->phases_ns[most] ? i : most;
    }
    advice->limit = names[most];
    advice->limit_share = whole > 0 ? all->phases_ns[most] / whole : 0;
}

advice advice_of(const recent_view *view)
{
    advice advice = { 0 };
    sums all = sums_of(view);
    double interval_ms = (double)view->interval_ms;
    if (all.count < BATCHES_LEAST || interval_ms <= 0)
        return advice;
    advice.known = true;
    advice.share = all.taken_ms / all.count / interval_ms;
    advice.stable = advice.share < 1 && all.waited_ms / all.count < interval_ms;
    advice.rate = all.records / all.count / interval_ms * 1000;
    costs_fit(&all, &advice);
    double busy = advice.record_ms * advice.rate / 1000;
    advice.least_interval_ms = busy < 1 ? advice.batch_ms / (1 - busy) : 0;
    if (busy < 1 && advice.least_interval_ms < 1)
        advice.least_interval_ms = 1; /* the shortest there is */
    limit_find(&all, &advice);
    return advice;
}

void advice_print(const advice *advice, buffer *out)
{
    if (!advice->known) {
        buffer_text(out, "too few batches for advice");
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
