/*
 * batches/catch_up.c - what comes follows from how the rest shrinks while records are read.
 */
#include <base/clock.h>
#include <batches/catch_up.h>
#include <stdio.h>

enum { WATCHED = 3, AGAIN_MS = 60000 };

void catch_up_begin(catch_up *self)
{
    if (!self->goes_on)
        *self = (catch_up){ .watched = WATCHED };
}

/* Offsets, as they were when the batch was cut. */
static int64_t lag_of(const sl_batch_info *batch)
{
    int64_t lag = 0;
    for (size_t i = 0; i < batch->range_count; i++)
        lag +=
            batch->ranges[i].end > batch->ranges[i].until ? batch->ranges[i].end - batch->ranges[i].until : 0;
    return lag;
}

static int64_t read_by(const sl_batch_info *batch)
{
    int64_t offsets = 0;
    for (size_t i = 0; i < batch->range_count; i++)
        offsets += batch->ranges[i].until - batch->ranges[i].from;
    return offsets;
}

static bool done_tell(catch_up *self, int64_t now_ms, char *text)
{
    char took[32], planned[32] = "";
    int64_t took_ms = now_ms - self->began_ms;
    clock_span(took_ms * INT64_C(1000000), took);
    if (self->planned_ms)
        clock_span((self->planned_ms - self->began_ms) * INT64_C(1000000), planned);
    snprintf(text, CATCH_UP_TEXT, "caught up: %lld in %s and %lld batches%s%s", (long long)self->offsets,
             took, (long long)self->batches, planned[0] ? "; planned were " : "", planned);
    *self = (catch_up){ 0 };
    return true;
}

static bool plan_tell(catch_up *self, int64_t lag, int64_t now_ms, char *text)
{
    char span[32];
    double seconds = (double)(now_ms - self->began_ms) / 1000, gained = (double)(self->began_lag - lag);
    double reads = (double)self->offsets / seconds, comes = reads - gained / seconds;
    self->told_ms = now_ms;
    if (gained <= 0) {
        self->planned_ms = 0;
        snprintf(text, CATCH_UP_TEXT,
                 "%lld unread; %.0f a second are read and %.0f come: never caught up so; give it more cores "
                 "(--cores) or a higher limit",
                 (long long)lag, reads, comes > 0 ? comes : 0);
        return true;
    }
    double left_ms = (double)lag / gained * seconds * 1000, each_ms = seconds * 1000 / (double)self->batches;
    self->planned_ms = now_ms + (int64_t)left_ms;
    snprintf(
        text, CATCH_UP_TEXT,
        "%lld unread; %.0f a second are read and %.0f come: caught up in about %s, after %.0f batches of "
        "%.0f",
        (long long)lag, reads, comes > 0 ? comes : 0, clock_span((int64_t)(left_ms * 1e6), span),
        left_ms / each_ms, (double)self->offsets / (double)self->batches);
    return true;
}

/* The first plan after two batches; another one when it is late by half, or when there was none for a while. */
static bool plan_is_due(const catch_up *self, int64_t now_ms)
{
    if (self->batches < 2 || now_ms <= self->began_ms)
        return false;
    if (self->planned_ms == 0)
        return self->told_ms == 0 || now_ms - self->told_ms >= AGAIN_MS;
    return now_ms > self->planned_ms + (self->planned_ms - self->told_ms) / 2;
}

bool catch_up_batch(catch_up *self, const sl_batch_info *batch, char text[CATCH_UP_TEXT])
{
    int64_t lag = lag_of(batch), now_ms = batch->processing_end_time_ms;
    if (!self->goes_on) {
        self->goes_on = self->watched > 0 && lag > 0 && lag >= read_by(batch);
        self->watched -= self->watched > 0;
        self->began_ms = now_ms;
        self->began_lag = lag;
        return false;
    }
    self->batches++;
    self->offsets += read_by(batch);
    if (lag == 0)
        return done_tell(self, now_ms, text);
    return plan_is_due(self, now_ms) && plan_tell(self, lag, now_ms, text);
}
