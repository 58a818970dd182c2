/*
 * batches/generator.c - ticks on the monotonic clock, batch times on the grid of the interval.
 */
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/notify.h>
#include <batches/generator.h>
#include <stdio.h>
#include <stdlib.h>

struct generator {
    generator_spec spec;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a tick may be due, something arrived, a batch was taken, or it is over */
    batch **waiting;        /* a ring of held_max */
    size_t first, count;
    size_t busy;  /* batches that the driver has */
    buffer spare; /* of batch * */
    bool stopping, finished, arrived;
    bool missed;     /* ticks were missed: the next batch catches up */
    failure failure; /* why the generator ended */
    int64_t last_id, last_time_ms, next_tick_ns;
    size_t replayed;
    int64_t wanted_ms;     /* another interval, from the next tick on; 0: none */
    int64_t pause_ms;      /* since when nothing is cut */
    int64_t wall_ahead_ms; /* of the monotonic clock, when it started */
    failure
        trouble; /* why nothing is cut at present: of the input, or of the journal's disk; it was logged */
};

static int64_t wall_ahead_ms(const generator *self)
{
    return clock_wall_ms(self->spec.clock) - clock_ns(self->spec.clock) / 1000000;
}

generator *generator_new(const generator_spec *spec)
{
    generator *self = memory_new(sizeof *self);
    self->spec = *spec;
    self->last_id = spec->last_id;
    self->last_time_ms = spec->last_time_ms;
    self->missed = spec->last_id > 0 && !spec->fresh;
    self->wall_ahead_ms = wall_ahead_ms(self);
    self->waiting = memory_new(spec->held_max * sizeof *self->waiting);
    pthread_mutex_init(&self->mutex, NULL);
    clock_condition(&self->changed);
    return self;
}

void generator_free(generator *self)
{
    if (self == NULL)
        return;
    generator_join(self);
    for (; self->count; self->count--)
        batch_free(self->waiting[(self->first + self->count - 1) % self->spec.held_max]);
    for (size_t i = self->replayed; i < self->spec.replay_count; i++)
        batch_free(self->spec.replays[i]);
    for (size_t i = 0; i < self->spare.size / sizeof(batch *); i++)
        batch_free(((batch **)(void *)self->spare.at)[i]);
    buffer_done(&self->spare);
    free(self->waiting);
    pthread_mutex_destroy(&self->mutex);
    pthread_cond_destroy(&self->changed);
    free(self);
}

/* ---- One cut ---- */

static batch *batch_take(generator *self)
{
    batch *taken = NULL;
    pthread_mutex_lock(&self->mutex);
    if (self->spare.size) {
        self->spare.size -= sizeof taken;
        memcpy(&taken, self->spare.at + self->spare.size, sizeof taken);
    }
    pthread_mutex_unlock(&self->mutex);
    return taken ? taken : memory_new(sizeof *taken);
}

/* T = max(floor(now / interval) * interval, the smallest multiple of the interval > the last T) */
static int64_t batch_time(const generator *self)
{
    int64_t interval = self->spec.interval_ms, now = clock_wall_ms(self->spec.clock) / interval * interval;
    int64_t after = (self->last_time_ms / interval + 1) * interval;
    return now > after ? now : after;
}

static void tell_submitted(generator *self, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    sl_range told[64], *all = count > 64 ? memory_new(count * sizeof *all) : told;
    for (size_t i = 0; i < count; i++) {
        const origin_name *name = &self->spec.intake->origins.at[ranges[i].partition];
        all[i] =
            (sl_range){ name->topic, name->partition, ranges[i].from, ranges[i].until, ranges[i].end, 0 };
    }
    sl_batch_info info = { .job = self->spec.job, .batch_id = batch->id, .batch_time_ms = batch->time_ms };
    info.interval_ms = batch->interval_ms;
    info.rate_max = batch->rate_max;
    info.attempt = batch->replayed ? 2 : 1;
    info.catch_up = batch->catch_up;
    info.ranges = all;
    info.range_count = count;
    info.unread = batch->unread;
    info.submission_time_ms = batch->submitted_ms;
    events_tell(self->spec.events, &info);
    if (all != told)
        free(all);
}

/* A journaled batch may be older than what is known to have been: see checkpoint_head.newest. */
static void batch_submit(generator *self, batch *batch)
{
    batch->submitted_ns = clock_ns(self->spec.clock);
    batch->submitted_ms = clock_wall_ms(self->spec.clock);
    self->last_id = batch->id > self->last_id ? batch->id : self->last_id;
    self->last_time_ms = batch->time_ms > self->last_time_ms ? batch->time_ms : self->last_time_ms;
    tell_submitted(self, batch);
}

static sl_result batch_journal(generator *self, batch *batch, failure *failure)
{
    if (self->spec.journal == NULL || batch->ranges.size == 0)
        return SL_OK;
    SL_TRY(pulse_beat(&self->spec.pulse, failure));
    fault_point("before_journal");
    SL_TRY(journal_write(self->spec.journal, batch, failure));
    batch->journaled = true;
    fault_point("after_journal");
    return SL_OK;
}

/* A wall clock that leaps into the future would give batch times that no later batch could follow. */
static sl_result clock_check(const generator *self, failure *failure)
{
    int64_t leapt_ms = wall_ahead_ms(self) - self->wall_ahead_ms;
    if (leapt_ms <= 3600000)
        return SL_OK;
    return fail(
        failure, SL_RETRY,
        "the system's clock went forward by %lld min at once: set it right, or restart the job to go on from the new time",
        (long long)(leapt_ms / 60000));
}

/* A new batch, or NULL with SL_OK when nothing is to be cut. */
static sl_result cut(generator *self, batch **made, failure *failure)
{
    *made = NULL;
    SL_TRY(clock_check(self, failure));
    batch *batch = batch_take(self);
    bool finished = false;
    batch->id = self->last_id + 1;
    batch->time_ms = batch_time(self);
    batch->interval_ms = self->spec.interval_ms;
    batch->catch_up = self->missed;
    batch->journaled = batch->replayed = false;
    sl_result result = intake_cut(self->spec.intake, batch, &finished, failure);
    if (result == SL_OK && batch->ranges.size == 0 && (finished || self->spec.back_to_back)) {
        self->finished = finished;
        generator_give_back(self, batch);
        return SL_OK;
    }
    if (result == SL_OK && (result = batch_journal(self, batch, failure)) != SL_OK)
        intake_uncut(self->spec.intake, batch);
    if (result != SL_OK) {
        generator_give_back(self, batch);
        return result;
    }
    self->missed = false;
    batch_submit(self, batch);
    *made = batch;
    return SL_OK;
}

/* The next journaled batch, once its input is here again. */
static sl_result replay(generator *self, batch **made, failure *failure)
{
    batch *batch = self->spec.replays[self->replayed];
    bool all = false;
    *made = NULL;
    SL_TRY(intake_holds(self->spec.intake, batch, &all, failure));
    if (!all)
        return SL_OK;
    self->replayed++;
    batch->catch_up = batch->replayed = true;
    batch->unread = -1;
    batch_submit(self, batch);
    *made = batch;
    return SL_OK;
}

static bool replays(const generator *self)
{
    return self->replayed < self->spec.replay_count;
}

batch *generator_tick(generator *self, failure *failure)
{
    batch *made;
    sl_result result = replays(self) ? replay(self, &made, failure) : cut(self, &made, failure);
    return result == SL_OK ? made : NULL;
}

/* ---- The thread ---- */

static void tick_plan(generator *self)
{
    int64_t interval = self->spec.interval_ms, wall = clock_wall_ms(self->spec.clock);
    self->next_tick_ns = clock_ns(self->spec.clock) + (interval - wall % interval) * 1000000;
}

static void tick_advance(generator *self)
{
    int64_t interval_ns = self->spec.interval_ms * 1000000, now_ns = clock_ns(self->spec.clock);
    self->next_tick_ns += interval_ns;
    if (self->next_tick_ns <= now_ns) {
        int64_t missed = (now_ns - self->next_tick_ns) / interval_ns + 1;
        self->next_tick_ns += missed * interval_ns;
        self->missed = true;
    }
}

/* Batches that were cut keep theirs. The mutex is held. */
static void interval_take(generator *self)
{
    if (self->wanted_ms == 0)
        return;
    self->spec.interval_ms = self->wanted_ms;
    self->wanted_ms = 0;
    tick_plan(self);
}

/* Waits until the next batch may be cut; false when it is over. The mutex is held. */
static bool wait_for_turn(generator *self)
{
    for (;;) {
        int64_t sign_ns = notify_alive();
        interval_take(self);
        if (self->stopping || self->finished || self->failure.result != SL_OK ||
            (self->spec.replays_only && !replays(self)))
            return false;
        bool room = self->count < self->spec.held_max;
        if (replays(self) || self->spec.back_to_back) {
            bool turn = room && self->arrived && (replays(self) || self->count == 0);
            self->arrived = turn ? false : self->arrived;
            if (turn)
                return true;
            /* Without a sign of life the input is looked at every interval all the same. */
            int64_t look_ns = clock_ns(self->spec.clock) + self->spec.interval_ms * 1000000;
            if (!clock_wait(self->spec.clock, &self->changed, &self->mutex,
                            look_ns < sign_ns ? look_ns : sign_ns))
                self->arrived = true;
            continue;
        }
        if (clock_ns(self->spec.clock) >= self->next_tick_ns) {
            tick_advance(self);
            if (room)
                return true;
            self->missed = true;
        }
        clock_wait(self->spec.clock, &self->changed, &self->mutex,
                   self->next_tick_ns < sign_ns ? self->next_tick_ns : sign_ns);
    }
}

static void tell_paused(generator *self, const failure *trouble)
{
    self->pause_ms = clock_wall_ms(self->spec.clock);
    sl_error_info error = { self->spec.job, self->pause_ms, 0, "input", trouble->text };
    sl_pause_info pause = { self->spec.job, self->pause_ms, 0, "input", trouble->text };
    events_tell_of(self->spec.events, EVENT_ERROR, &error);
    events_tell_of(self->spec.events, EVENT_PAUSED, &pause);
}

static void tell_resumed(const generator *self)
{
    sl_pause_info pause = { self->spec.job, self->pause_ms, clock_wall_ms(self->spec.clock), "input", NULL };
    events_tell_of(self->spec.events, EVENT_RESUMED, &pause);
}

static void note_trouble(generator *self, const failure *trouble)
{
    if (trouble->result == SL_OK) {
        if (self->trouble.result != SL_OK) {
            log_info("generator", "batches are cut again");
            tell_resumed(self);
        }
        failure_clear(&self->trouble);
    } else if (sl_is_retriable(trouble->result)) {
        if (self->trouble.result == SL_OK) {
            log_warn("generator", "%s; batches wait", trouble->text);
            tell_paused(self, trouble);
        }
        self->trouble = *trouble;
        self->missed = true;
    } else {
        fail(&self->failure, trouble->result, "%s", trouble->text);
    }
}

static void *generator_run(void *argument)
{
    generator *self = argument;
    pthread_mutex_lock(&self->mutex);
    while (wait_for_turn(self)) {
        failure trouble = { 0 };
        pthread_mutex_unlock(&self->mutex);
        batch *made = generator_tick(self, &trouble);
        pthread_mutex_lock(&self->mutex);
        note_trouble(self, &trouble);
        if (made) {
            self->waiting[(self->first + self->count++) % self->spec.held_max] = made;
            self->arrived = true; /* there may be more */
        }
        pthread_cond_broadcast(&self->changed);
    }
    self->finished = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

sl_result generator_start(generator *self, failure *failure)
{
    pthread_mutex_lock(&self->mutex); /* sources may wake it already */
    self->arrived = true;
    tick_plan(self);
    pthread_mutex_unlock(&self->mutex);
    if (pthread_create(&self->thread, NULL, generator_run, self) != 0)
        return fail(failure, SL_FAILED, "the system gives no thread for cutting batches");
    self->running = true;
    return SL_OK;
}

void generator_stop(generator *self)
{
    pthread_mutex_lock(&self->mutex);
    self->stopping = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

void generator_join(generator *self)
{
    generator_stop(self);
    if (self->running)
        pthread_join(self->thread, NULL);
    self->running = false;
}

void generator_wake(void *argument)
{
    generator *self = argument;
    pthread_mutex_lock(&self->mutex);
    self->arrived = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

batch *generator_take(generator *self, failure *failure)
{
    batch *taken = NULL;
    pthread_mutex_lock(&self->mutex);
    while (self->count == 0 && !self->finished && !self->stopping)
        pthread_cond_wait(&self->changed, &self->mutex);
    if (self->count && !self->stopping) {
        taken = self->waiting[self->first];
        self->first = (self->first + 1) % self->spec.held_max;
        self->count--;
        pthread_cond_broadcast(&self->changed);
    } else if (self->failure.result != SL_OK) {
        fail(failure, self->failure.result, "%s", self->failure.text);
    }
    pthread_mutex_unlock(&self->mutex);
    return taken;
}

void generator_interval(generator *self, int64_t interval_ms)
{
    pthread_mutex_lock(&self->mutex);
    self->wanted_ms = interval_ms;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

bool generator_waits(generator *self, char *why, size_t room)
{
    pthread_mutex_lock(&self->mutex);
    bool waits = self->trouble.result != SL_OK;
    snprintf(why, room, "%s", self->trouble.text);
    pthread_mutex_unlock(&self->mutex);
    return waits;
}

size_t generator_held(generator *self)
{
    pthread_mutex_lock(&self->mutex);
    size_t held = self->count;
    pthread_mutex_unlock(&self->mutex);
    return held;
}

void generator_give_back(generator *self, batch *batch)
{
    batch->ranges.size = 0;
    pthread_mutex_lock(&self->mutex);
    buffer_append(&self->spare, &batch, sizeof batch);
    pthread_mutex_unlock(&self->mutex);
}
