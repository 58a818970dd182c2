/*
 * batches/scheduler.c - runs batches in order. A batch that fails is tried again, never skipped; what it wrote before is
 * absorbed by the sinks.
 */
#include <base/counted.h>
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/outage.h>
#include <base/retry.h>
#include <batches/account.h>
#include <batches/scheduler.h>
#include <stdio.h>
#include <stdlib.h>

struct scheduler {
    scheduler_spec spec;
    int64_t last_time_ms;
    executor_result result;
    const batch *batch; /* at work */
    sl_batch_info info; /* of it */
    buffer ranges;      /* of sl_range */
    buffer done;        /* of int64_t, by partition: how far all of the input is read; -1: nothing of it is */
    buffer reached;     /* of origin_reach: the same after the batch at work, for places that keep it */
    arena notes;        /* their texts */
    buffer account;     /* its line, with a NUL */
    int64_t submitted_ns, started_ns;
    bool paused; /* listeners were told so */
    int64_t pause_ms;
    pace pace;
    outage outage;    /* the failed attempts: a server that is away for hours needs few lines */
    atomic_uint team; /* that is wanted */
    unsigned team_now;
    batch *next; /* taken, when the team changes before it */
    bool saved;  /* the checkpoint holds a state already: empty batches need not wait for the disk */
    pthread_mutex_t mutex; /* guards what other threads ask for: */
    scheduler_totals totals;
    buffer told;
    char trouble[512];
    const char *trouble_place; /* see failure.place */
    int64_t trouble_ms;        /* since when, on the wall clock; 0: there is none */
};

scheduler *scheduler_new(const scheduler_spec *spec)
{
    scheduler *self = memory_new(sizeof *self);
    self->spec = *spec;
    self->last_time_ms = spec->last_time_ms;
    self->team_now = spec->team;
    atomic_store(&self->team, spec->team);
    pthread_mutex_init(&self->mutex, NULL);
    pace_begin(&self->pace, &(pace_spec){ spec->job, spec->clock, spec->events, spec->intake, spec->pressure,
                                          spec->pressure_first, spec->last, spec->ends });
    self->totals.next = spec->intake->origins.count ? spec->intake->positions[0].next : 0;
    if (spec->reach_is_kept)
        intake_reach(spec->intake, &self->done);
    return self;
}

void scheduler_free(scheduler *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->mutex);
    buffer_done(&self->ranges);
    buffer_done(&self->done);
    buffer_done(&self->reached);
    arena_done(&self->notes);
    buffer_done(&self->account);
    buffer_done(&self->told);
    free(self);
}

/* ---- The account ---- */

static void info_begin(scheduler *self, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    self->batch = batch;
    self->ranges.size = 0;
    for (size_t i = 0; i < count; i++) {
        const origin_name *name = &self->spec.intake->origins.at[ranges[i].partition];
        sl_range range = { .topic = name->topic, .partition = name->partition, .from = ranges[i].from };
        range.until = ranges[i].until;
        range.end = ranges[i].end;
        buffer_append(&self->ranges, &range, sizeof range);
    }
    self->info = (sl_batch_info){
        .job = self->spec.job,
        .batch_id = batch->id,
        .batch_time_ms = batch->time_ms,
        .interval_ms = batch->interval_ms,
        .rate_max = batch->rate_max,
        .rate_limit = pace_rate(&self->pace),
        .catch_up = batch->catch_up,
        .ranges = (const sl_range *)(const void *)self->ranges.at,
        .range_count = count,
        .unread = batch->unread,
        .submission_time_ms = batch->submitted_ms,
        .processing_start_time_ms = clock_wall_ms(self->spec.clock),
    };
}

/* Partitions that were added since begin with nothing read. */
static void done_raise(scheduler *self, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    for (size_t i = 0; i < count; i++) {
        while (self->done.size / sizeof(int64_t) <= ranges[i].partition)
            buffer_append(&self->done, &(int64_t){ -1 }, sizeof(int64_t));
        ((int64_t *)(void *)self->done.at)[ranges[i].partition] = ranges[i].until;
    }
}

/* For places that keep with the batch how far it read. An attempt that is given up comes again with the same ranges. */
static void reached_find(scheduler *self, const batch *batch)
{
    done_raise(self, batch);
    const int64_t *done = (const int64_t *)(const void *)self->done.at;
    self->reached.size = 0;
    arena_reset(&self->notes);
    for (uint32_t i = 0; i < self->done.size / sizeof *done; i++) {
        const origin_name *name = &self->spec.intake->origins.at[i];
        if (done[i] < 0 || name->aside || atomic_load(&name->over))
            continue;
        const char *note = intake_note(self->spec.intake, i, &self->notes);
        origin_reach reach = { name->topic, name->partition, done[i], note };
        buffer_append(&self->reached, &reach, sizeof reach);
    }
}

static void info_started(scheduler *self, const batch *batch, int32_t attempt)
{
    self->info.state = SL_BATCH_STARTED;
    self->info.attempt = attempt;
    self->info.error = NULL;
    self->info.processing_end_time_ms = 0;
    self->info.counter_count = self->info.lookup_count = self->info.state_count =
        0; /* those of the attempt before are gone */
    self->info.step_count = self->info.output_count = self->info.hot_key_count = 0;
    self->info.phases = (sl_phases){ 0 };
    self->info.slowest_topic = NULL;
    if (self->info.scheduling_delay_ms == 0)
        self->info.scheduling_delay_ms = (double)(self->started_ns - batch->submitted_ns) / 1e6;
    events_tell(self->spec.events, &self->info);
}

static void ranges_time(scheduler *self)
{
    size_t count;
    const batch_range *ranges = batch_ranges(self->batch, &count);
    sl_range *told = (sl_range *)(void *)self->ranges.at;
    for (size_t i = 0; i < count; i++)
        told[i].time_ms = executor_newest(self->spec.executor, ranges[i].partition);
}

static void info_ended(scheduler *self, sl_batch_state state)
{
    const executor_result *result = &self->result;
    sl_batch_info *info = &self->info;
    info->state = state;
    info->processing_end_time_ms = clock_wall_ms(self->spec.clock);
    int64_t now_ns = clock_ns(self->spec.clock);
    info->processing_ms = (double)(now_ns - self->started_ns) / 1e6;
    info->total_delay_ms = (double)(now_ns - self->submitted_ns) / 1e6;
    executor_times(self->spec.executor, self->submitted_ns, now_ns, info);
    ranges_time(self);
    info->records = result->records;
    info->written = result->written;
    info->duplicates = result->duplicates;
    info->filtered = result->filtered;
    info->dead_letters = result->dead_letters;
    info->lookup_missed = result->operators.lookup_missed;
    info->counters = result->operators.counters;
    info->counter_count = result->operators.counter_count;
    info->lookups = result->operators.lookups;
    info->lookup_count = result->operators.lookup_count;
    info->states = result->operators.states;
    info->state_count = result->operators.state_count;
    for (size_t i = 0; i < info->lookup_count; i++)
        self->result.operators.lookups[i].batch_time_ms = info->batch_time_ms;
    self->account.size = 0;
    account_print(info, &self->account);
    buffer_byte(&self->account, '\0');
    self->account.size--;
}

static void note_done(scheduler *self)
{
    const sl_batch_info *info = &self->info;
    pthread_mutex_lock(&self->mutex);
    scheduler_totals *totals = &self->totals;
    totals->batches++;
    totals->records += info->records;
    totals->written += info->written;
    totals->duplicates += info->duplicates;
    totals->filtered += info->filtered;
    totals->dead_letters += info->dead_letters;
    size_t count;
    const batch_range *ranges = batch_ranges(self->batch, &count);
    for (size_t i = 0; i < count; i++)
        totals->next = ranges[i].partition == 0 ? ranges[i].until : totals->next;
    self->told.size = 0;
    buffer_append(&self->told, self->account.at, self->account.size);
    self->trouble[0] = '\0';
    self->trouble_ms = 0;
    pthread_mutex_unlock(&self->mutex);
}

static void note_trouble(scheduler *self, const failure *why)
{
    pthread_mutex_lock(&self->mutex);
    snprintf(self->trouble, sizeof self->trouble, "%s", why->text);
    self->trouble_place = sl_is_retriable(why->result) ? why->place : NULL;
    if (self->trouble_ms == 0)
        self->trouble_ms = clock_wall_ms(self->spec.clock);
    pthread_mutex_unlock(&self->mutex);
}

/* ---- One batch ---- */

static sl_result batch_checkpoint(scheduler *self, const batch *batch, failure *failure)
{
    if (self->spec.checkpoint == NULL)
        return SL_OK;
    SL_TRY(pulse_beat(&self->spec.pulse, failure));
    /* A batch without input that wrote nothing changes nothing that a later T would not: the disk may take its time. */
    bool sync = batch->ranges.size > 0 || self->result.wrote || !self->saved;
    SL_TRY(checkpoint_write(self->spec.checkpoint, batch, self->account.at, sync, failure));
    self->saved = true;
    fault_point("after_checkpoint");
    return SL_OK;
}

static sl_result attempt(scheduler *self, batch *batch, batch_frame *frame, failure *failure)
{
    SL_TRY(executor_run(self->spec.executor, batch, frame, &self->result, failure));
    info_ended(self, SL_BATCH_COMPLETED);
    fault_point("before_checkpoint");
    return batch_checkpoint(self, batch, failure);
}

static void batch_settle(scheduler *self, const batch *batch)
{
    executor_settle(self->spec.executor);
    self->last_time_ms = batch->time_ms;
    intake_release(self->spec.intake, batch);
    if (self->spec.journal)
        journal_forget(self->spec.journal, batch->id);
    if (self->spec.crashes)
        crashes_end(self->spec.crashes);
    fault_point("after_commit");
    for (size_t i = 0; i < self->info.lookup_count; i++)
        events_tell_of(self->spec.events, EVENT_LOOKUP, &self->info.lookups[i]);
    events_tell(self->spec.events, &self->info);
    note_done(self);
    pace_completed(&self->pace, &self->info);
}

/* ---- Trouble ------------------------------------------------------------------------------------------------------ */

static void tell_failed(scheduler *self, const failure *why, bool stop)
{
    bool news = outage_goes_on(&self->outage, why->text, clock_ns(self->spec.clock)) || stop;
    if (news || log_wants(LOG_LEVEL_DEBUG))
        log_write(news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "scheduler",
                  "batch %lld, attempt %d failed: %s; %s", (long long)self->info.batch_id, self->info.attempt,
                  why->text, stop ? "the next start tries again" : "trying again");
}

/* Listeners: the failure, and once that batches do not go on. */
static void tell_trouble(scheduler *self, const failure *why)
{
    const char *place = sl_is_retriable(why->result) ? why->place : NULL;
    sl_error_info error = { self->spec.job, clock_wall_ms(self->spec.clock), self->info.batch_time_ms, place,
                            why->text };
    events_tell_of(self->spec.events, EVENT_ERROR, &error);
    if (self->paused)
        return;
    self->paused = true;
    self->pause_ms = error.time_ms;
    sl_pause_info pause = { self->spec.job, error.time_ms, 0, place, why->text };
    events_tell_of(self->spec.events, EVENT_PAUSED, &pause);
}

static void tell_resumed(scheduler *self)
{
    if (!self->paused)
        return;
    self->paused = false;
    sl_pause_info pause = { .job = self->spec.job, .since_ms = self->pause_ms };
    pause.until_ms = clock_wall_ms(self->spec.clock);
    events_tell_of(self->spec.events, EVENT_RESUMED, &pause);
    pace_resumed(&self->pace);
}

static void tell_goes_on(scheduler *self)
{
    tell_resumed(self);
    int64_t lasted_ns;
    char span[32];
    if (outage_ends(&self->outage, clock_ns(self->spec.clock), &lasted_ns))
        log_info("scheduler", "batch %lld is done at attempt %d; batches had waited for %s",
                 (long long)self->info.batch_id, self->info.attempt, clock_span(lasted_ns, span));
}

/* An attempt failed. SL_OK: try again; else the batch stays for the next start. */
static sl_result batch_failed(scheduler *self, retry *retry, failure *why)
{
    int64_t times = (int64_t)retry->tries + 1; /* since this start: attempts count over all of them */
    info_ended(self, SL_BATCH_FAILED);
    self->info.error = why->text;
    events_tell(self->spec.events, &self->info);
    note_trouble(self, why);
    tell_trouble(self, why);
    if (!sl_is_retriable(why->result) && why->result != SL_LIMIT)
        return why->result;
    if (self->spec.failures_max && times >= self->spec.failures_max) {
        struct failure last = *why;
        failure_clear(why);
        return fail(why, SL_REPEATED, "batch %lld failed %s, at last: %s", (long long)self->info.batch_id,
                    counted(times, "time", "times").at, last.text);
    }
    bool stop = atomic_load(self->spec.stop);
    tell_failed(self, why, stop);
    if (!stop && retry_wait(retry, INT64_MAX, self->spec.stop)) {
        failure_clear(why);
        return SL_OK;
    }
    if (!stop)
        log_info("scheduler", "batch %lld waited for another try: the next start runs it again",
                 (long long)self->info.batch_id);
    return why->result;
}

sl_result scheduler_run_one(scheduler *self, batch *batch, failure *failure)
{
    batch_frame frame = { .id = batch->id, .time_ms = batch->time_ms, .last_time_ms = self->last_time_ms };
    retry retry = { .first_ms = 200, .most_ms = 10000 };
    frame.options = self->spec.options;
    info_begin(self, batch);
    self->submitted_ns = batch->submitted_ns;
    if (self->spec.reach_is_kept)
        reached_find(self, batch);
    frame.reached = (const origin_reach *)(const void *)self->reached.at;
    frame.reached_count = self->reached.size / sizeof *frame.reached;
    self->started_ns = clock_ns(self->spec.clock);
    if (self->spec.crashes)
        crashes_begin(self->spec.crashes, batch->id);
    for (int32_t tries = batch->replayed ? 2 : 1;; tries++) {
        frame.attempt = tries;
        frame.now_ns = clock_ns(self->spec.clock);
        self->result = (executor_result){ 0 };
        info_started(self, batch, tries);
        sl_result result = attempt(self, batch, &frame, failure);
        if (result == SL_OK)
            break;
        SL_TRY(batch_failed(self, &retry, failure));
    }
    tell_goes_on(self);
    batch_settle(self, batch);
    return SL_OK;
}

static batch *batch_take(scheduler *self, failure *failure)
{
    batch *taken = self->next;
    self->next = NULL;
    return taken ? taken : generator_take(self->spec.generator, failure);
}

/* Ends early, with a batch in self->next, when another team is wanted: this one has to go home first. */
static sl_result batches_run(void *argument, failure *failure)
{
    scheduler *self = argument;
    batch *batch;
    while ((batch = batch_take(self, failure))) {
        if (atomic_load(&self->team) != self->team_now) {
            self->next = batch;
            return SL_OK;
        }
        sl_result result = scheduler_run_one(self, batch, failure);
        generator_give_back(self->spec.generator, batch);
        bool waited = sl_is_retriable(result) || result == SL_LIMIT; /* for another try, and was stopped */
        if (result != SL_OK)
            return waited && atomic_load(self->spec.stop) ? SL_OK : result;
    }
    return failure->result;
}

sl_result scheduler_run(scheduler *self, failure *failure)
{
    for (;;) {
        sl_result result = executor_stand_by(self->spec.executor, batches_run, self, failure);
        if (self->next == NULL)
            return result;
        self->team_now = atomic_load(&self->team);
        executor_team(self->spec.executor, self->team_now);
    }
}

void scheduler_team(scheduler *self, unsigned team)
{
    atomic_store(&self->team, team);
}

/* ---- Asked from other threads ---- */

scheduler_totals scheduler_totals_now(scheduler *self)
{
    pthread_mutex_lock(&self->mutex);
    scheduler_totals totals = self->totals;
    pthread_mutex_unlock(&self->mutex);
    return totals;
}

const char *scheduler_reason(scheduler *self, char *text, size_t room)
{
    bool waits = generator_waits(self->spec.generator, text, room);
    pthread_mutex_lock(&self->mutex);
    if (self->trouble[0])
        snprintf(text, room, "%s", self->trouble);
    else if (!waits)
        text[0] = '\0';
    pthread_mutex_unlock(&self->mutex);
    return text;
}

const char *scheduler_state(scheduler *self, char *text, size_t room)
{
    char why[sizeof self->trouble];
    bool waits = generator_waits(self->spec.generator, why, sizeof why);
    size_t held = generator_held(self->spec.generator) + 1; /* and the one that is tried again */
    pthread_mutex_lock(&self->mutex);
    if (self->trouble[0] && self->trouble_place)
        outage_print(
            &(outage_view){ self->trouble_place, self->trouble_ms, clock_wall_ms(self->spec.clock), held },
            text, room);
    else if (self->trouble[0])
        snprintf(text, room, "retrying: %s", self->trouble);
    else
        snprintf(text, room, waits ? "waiting: %s" : "running", why);
    pthread_mutex_unlock(&self->mutex);
    return text;
}

void scheduler_account(scheduler *self, buffer *out)
{
    pthread_mutex_lock(&self->mutex);
    buffer_append(out, self->told.at, self->told.size);
    pthread_mutex_unlock(&self->mutex);
}

const sl_batch_info *scheduler_last(const scheduler *self)
{
    return &self->info;
}
