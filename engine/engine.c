/*
 * engine.c - builds the parts of a job, starts and stops them in order.
 *
 * Start: the plan is drawn and its places are found, before anything is touched; then the work folder and its lock, the
 * sources, the checkpoint and the journal, lookups and outputs, and at last the threads that move.
 *
 * Stop: first no batch is cut any more; the driver finishes the one it has; listeners hear the rest; then nobody asks from
 * outside; sinks and lookups close; sources close; the lock is given back last, so that a successor finds all at rest.
 */
#include <base/counted.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/notify.h>
#include <base/retry.h>
#include <doctor.h>
#include <engine_parts.h>
#include <plan/window.h>
#include <replay.h>
#include <settings.h>
#include <stdio.h>
#include <stdlib.h>
#include <supervise.h>
#include <unistd.h>

static const char *dead_place(engine *self)
{
    buffer place = { 0 };
    if (self->spec.work_dir == NULL)
        return "memory";
    buffer_print(&place, "file:%s/dead", self->spec.work_dir);
    buffer_byte(&place, '\0');
    return self->dead = place.at;
}

static sl_result windows_check(const sl_plan *plan, failure *failure)
{
    window window;
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan_window(&plan->nodes[i]))
            SL_TRY(window_of(plan_window(&plan->nodes[i]), plan->nodes[i].name, &window, failure));
    return SL_OK;
}

static const sl_listener *listener_among(const sl_listener *const *kinds, const char *word)
{
    size_t size = strcspn(word, ":");
    for (size_t i = 0; kinds && kinds[i]; i++)
        if (strlen(kinds[i]->name) == size && !strncmp(kinds[i]->name, word, size))
            return kinds[i];
    return NULL;
}

/* The job's own come first. */
static const sl_listener *listener_find(const sl_job *job, const char *word)
{
    const sl_listener *own = listener_among(job->listeners, word);
    return own ? own : listener_among(listener_kinds, word);
}

static sl_result listener_unknown(const sl_job *job, const char *word, failure *failure)
{
    const sl_listener *const *const all[] = { job->listeners, listener_kinds };
    const char *names[64];
    size_t count = 0;
    for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; all[a] && all[a][i] && count < 64; i++)
            names[count++] = all[a][i]->name;
    char *name = memory_text(word);
    name[strcspn(name, ":")] = '\0';
    const char *nearest = nearest_word(name, names, count);
    fail(failure, SL_USAGE, "--listen %s: there is no such listener%s%s%s", word,
         nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    free(name);
    return failure->result;
}

/* A wrong name is told before anything is touched. */
static sl_result listeners_check(const sl_job *job, const settings *settings, failure *failure)
{
    for (size_t i = 0; i < settings_count(settings, "listeners"); i++) {
        const char *word = settings_item(settings, "listeners", i);
        if (listener_find(job, word) == NULL)
            return listener_unknown(job, word, failure);
    }
    return SL_OK;
}

static sl_result draw(engine *self, failure *failure)
{
    const sl_job *job = self->spec.job;
    self->options = memory_new(job->options_bytes + 1);
    settings_fill(self->spec.settings, job, self->options);
    if (plan_draw(&self->plan, job, self->options) != SL_OK)
        return fail(failure, self->plan.failure.result, "job %s: %s", job->name, self->plan.failure.text);
    SL_TRY(windows_check(&self->plan, failure));
    SL_TRY(start_read(self->spec.settings, &self->start, failure));
    SL_TRY(listeners_check(job, self->spec.settings, failure));
    SL_TRY(site_settings_check(self, failure));
    places_spec wanted = { &self->plan, self->spec.settings, dead_place(self), self->spec.memory };
    SL_TRY(places_find(&wanted, &self->places, failure));
    return replay_is(self) ? replay_places(self, failure) : SL_OK;
}

/* ---- What is kept ---- */

/* A batch that kills the process is not run for ever. */
static sl_result crashes_read(engine *self, failure *failure)
{
    const batch *first = self->replay_count ? self->replays[0] : NULL;
    SL_TRY(crashes_open(self->spec.work_dir, first, supervise_told().killed, &self->crashes, failure));
    return crashes_check(self->crashes, self->spec.name,
                         settings_i64(self->spec.settings, "batches.crashes_max"), &self->intake.origins,
                         failure);
}

static sl_result checkpoint_read(engine *self, failure *failure)
{
    if (self->spec.work_dir == NULL)
        return SL_OK;
    SL_TRY(checkpoint_open(self->spec.work_dir, &self->plan, &self->intake, &self->checkpoint, failure));
    self->head = checkpoint_last(self->checkpoint);
    sl_text last = checkpoint_account(self->checkpoint);
    buffer_append(&self->last, last.at, last.size);
    if (self->head.batch_id && settings_given(self->spec.settings, "start.from_offsets"))
        log_info("engine",
                 "--from-offsets is ignored where the checkpoint has a position: going on after batch %lld",
                 (long long)self->head.batch_id);
    int64_t done = self->head.batch_id ? self->head.batch_id : self->head.newest.id;
    SL_TRY(journal_open(self->spec.work_dir, &self->intake, done, &self->journal, failure));
    self->replays = journal_replays(self->journal, &self->replay_count);
    recall_take(self);
    SL_TRY(intake_resume(&self->intake, self->replays, self->replay_count, failure));
    return crashes_read(self, failure);
}

/* ---- Listeners ---- */

static sl_result listener_add(engine *self, const char *word, failure *failure)
{
    const char *argument = strchr(word, ':');
    sl_listener_place place = { self->spec.name, self->spec.work_dir, argument ? argument + 1 : NULL };
    return events_add(self->events, listener_find(self->spec.job, word), &place, failure);
}

static void recall(void *argument, int64_t batch_id, const char *account)
{
    events_recall(((engine *)argument)->events, batch_id, account);
}

/* Unless the user asks for it, in his own way. */
static sl_result listener_add_once(engine *self, const char *name, failure *failure)
{
    const sl_job *job = self->spec.job;
    for (size_t i = 0; i < settings_count(self->spec.settings, "listeners"); i++)
        if (listener_find(job, settings_item(self->spec.settings, "listeners", i)) ==
            listener_find(job, name))
            return SL_OK;
    return listener_add(self, name, failure);
}

static void tell_started(engine *self)
{
    sl_start_info start = { .job = self->spec.name, .time_ms = clock_wall_ms(self->spec.clock) };
    start.interval_ms = settings_ms(self->spec.settings, "batch.interval");
    start.workers = (int32_t)workers_wanted(self);
    start.last_batch_id = self->head.batch_id;
    start.outputs = executor_outputs(self->executor, &start.output_count);
    events_tell_of(self->events, EVENT_STREAMING_STARTED, &start);
}

/* There is always a history, metrics where there is a place to ask for them, and where an end is in sight, progress. */
static sl_result listeners_add(engine *self, failure *failure)
{
    for (size_t i = 0; !replay_is(self) && i < settings_count(self->spec.settings, "listeners"); i++)
        SL_TRY(listener_add(self, settings_item(self->spec.settings, "listeners", i), failure));
    for (size_t i = 0; !replay_is(self) && self->spec.job->listeners && self->spec.job->listeners[i]; i++)
        SL_TRY(listener_add_once(self, self->spec.job->listeners[i]->name, failure));
    if (self->spec.work_dir)
        SL_TRY(listener_add_once(self, "history", failure));
    if (back_to_back(self) && !self->spec.memory)
        SL_TRY(listener_add_once(self, "progress", failure));
    SL_TRY(recent_add(self, failure));
    if (self->recent)
        SL_TRY(listener_add_once(self, "prometheus", failure));
    if (self->checkpoint)
        checkpoint_recall(self->checkpoint, recall, self);
    events_recall(self->events, 0, NULL);
    tell_started(self);
    return SL_OK;
}

/* ---- Threads ---- */

static sl_result folder_check(void *argument, failure *failure)
{
    return work_dir_check(((engine *)argument)->work_dir, failure);
}

pulse pulse_of(engine *self)
{
    return (pulse){ self->spec.clock, self->work_dir ? folder_check : NULL, self, 0 };
}

static void drivers_make(engine *self)
{
    const settings *settings = self->spec.settings;
    generator_spec generating = {
        .job = self->spec.name,
        .intake = &self->intake,
        .journal = self->journal,
        .events = self->events,
        .clock = self->spec.clock,
        .interval_ms = settings_ms(settings, "batch.interval"),
        .pulse = pulse_of(self),
        .held_max = (size_t)settings_i64(settings, "batches.held_max"),
        .back_to_back = back_to_back(self),
        .last_id = self->head.newest.id,
        .last_time_ms = self->head.newest.time_ms,
        .fresh = self->head.batch_id == 0,
        .replays_only = replay_is(self),
        .replays = self->replays,
        .replay_count = self->replay_count,
    };
    self->generator = generator_new(&generating);
    back_pressure_gains gains = { settings_f64(settings, "backpressure.pid.proportional"),
                                  settings_f64(settings, "backpressure.pid.integral"),
                                  settings_f64(settings, "backpressure.pid.derived"),
                                  settings_f64(settings, "backpressure.pid.min_rate") };
    scheduler_spec scheduling = {
        .job = self->spec.name,
        .generator = self->generator,
        .executor = self->executor,
        .checkpoint = self->checkpoint,
        .journal = self->journal,
        .crashes = self->crashes,
        .intake = &self->intake,
        .events = self->events,
        .clock = self->spec.clock,
        .options = self->options,
        .pressure = settings_flag(settings, "backpressure.enabled") ? &gains : NULL,
        .pressure_first = settings_f64(settings, "backpressure.initial_rate"),
        .last = { self->last.at, self->last.size },
        .ends = back_to_back(self),
        .pulse = pulse_of(self),
        .reach_is_kept = settings_flag(settings, "kafka.exactly_once"),
        .last_time_ms = self->head.time_ms,
        .team = workers_wanted(self),
        .failures_max = settings_i64(settings, "batches.failures_max"),
        .stop = &self->stop,
    };
    self->scheduler = scheduler_new(&scheduling);
}

/* ---- The whole ---- */

static sl_result parts_open(engine *self, failure *failure)
{
    SL_TRY(draw(self, failure));
    self->events = events_new();
    if (self->spec.memory)
        events_direct(self->events);
    if (self->spec.work_dir)
        SL_TRY(work_dir_open(self->spec.work_dir, replay_is(self) ? NULL : self->spec.name, &self->work_dir,
                             failure));
    SL_TRY(recall_read(self, failure));
    SL_TRY(sources_open(self, failure));
    SL_TRY(checkpoint_read(self, failure));
    if (self->head.batch_id == 0)
        SL_TRY(start_check(self, failure));
    SL_TRY(sources_start(self, failure));
    SL_TRY(ends_open(self, failure));
    if (self->checkpoint)
        SL_TRY(checkpoint_load(self->checkpoint, self->executor, failure));
    SL_TRY(listeners_add(self, failure));
    drivers_make(self);
    tuned_begin(self);
    return servers_start(self, failure);
}

sl_result engine_open(const engine_spec *spec, engine **opened, failure *failure)
{
    engine *self = memory_new(sizeof *self);
    self->spec = *spec;
    sl_result result = parts_open(self, failure);
    if (result != SL_OK)
        engine_close(self);
    else
        *opened = self;
    return result;
}

/* With whoever could still tell them something. */
static void listeners_end(engine *self)
{
    if (self->generator)
        generator_join(self->generator);
    events_end(self->events);
}

sl_result engine_run(engine *self, failure *failure)
{
    char after[40] = "";
    if (self->head.batch_id)
        snprintf(after, sizeof after, ", on from batch %lld", (long long)self->head.batch_id);
    log_info("engine", "%s runs: batches of %lld ms, %s%s%s", self->spec.name,
             (long long)settings_ms(self->spec.settings, "batch.interval"),
             counted(workers_wanted(self), "worker", "workers").at, after,
             self->replay_count ? ", journaled batches first" : "");
    if (self->crashes)
        crashes_watch(self->crashes);
    SL_TRY(generator_start(self->generator, failure));
    if (atomic_load(&self->stop))
        generator_stop(self->generator);
    notify_ready();
    sl_result result = scheduler_run(self->scheduler, failure);
    notify_stopping();
    listeners_end(self);
    return result;
}

void engine_stop(engine *self)
{
    atomic_store(&self->stop, true);
    retry_wake();
    if (self->generator)
        generator_stop(self->generator);
}

void engine_close(engine *self)
{
    if (self == NULL)
        return;
    listeners_end(self);
    server_close(self->server);
    site_close(self->site);
    events_free(self->events);
    recent_free(self->recent);
    executor_close(self->executor);
    tap_free(self->tap);
    dead_letters_close(self->dead_letters);
    for (uint32_t i = 0; i < self->plan.count; i++)
        if (self->lookups[i].self)
            self->lookups[i].kind->close(self->lookups[i].self);
    intake_done(&self->intake); /* sources wake the generator: they go before it */
    generator_free(self->generator);
    scheduler_free(self->scheduler);
    journal_close(self->journal);
    crashes_close(self->crashes);
    checkpoint_close(self->checkpoint);
    for (size_t i = 0; i < self->replay_count && self->generator == NULL; i++)
        batch_free(self->replays[i]); /* a start that was refused: no generator took them */
    free(self->replays);
    work_dir_close(self->work_dir);
    sink_kept_done(&self->recalled);
    start_done(&self->start);
    buffer_done(&self->last);
    free(self->options);
    replay_free(self->replay);
    free(self->dead);
    free(self);
}

scheduler_totals engine_totals(engine *self)
{
    return scheduler_totals_now(self->scheduler);
}

const void *engine_options(const engine *self)
{
    return self->options;
}

static void explain_places(const sl_plan *plan, const places *places, buffer *out)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const plan_node *node = &plan->nodes[i];
        if (node->kind == PLAN_SOURCE)
            buffer_print(out, "    %s <- %s:%s\n", node->name, places->inputs[i].kind->name,
                         places->inputs[i].target);
        if (node->kind == PLAN_LOOK_UP)
            buffer_print(out, "    %s <- %s:%s\n", node->name, places->lookups[i].kind->name,
                         places->lookups[i].target);
        for (size_t p = 0; node->kind == PLAN_OUTPUT && p < places->outputs[i].count; p++)
            buffer_print(out, "    %s -> %s\n", node->name, places->outputs[i].at[p].uri);
    }
    for (size_t p = 0; p < places->dead_letters.count; p++)
        buffer_print(out, "    dead_letters -> %s\n", places->dead_letters.at[p].uri);
}

/* Draws the job and finds its places; nothing is touched. Free it with drawn_free(). */
static sl_result drawn_new(const engine_spec *spec, engine **drawn, failure *failure)
{
    *drawn = memory_new(sizeof **drawn);
    (*drawn)->spec = *spec;
    return draw(*drawn, failure);
}

static void drawn_free(engine *drawn)
{
    start_done(&drawn->start);
    free(drawn->options);
    free(drawn->dead);
    replay_free(drawn->replay);
    free(drawn);
}

sl_result engine_explain(const engine_spec *spec, buffer *out, failure *failure)
{
    engine *self;
    sl_result result = drawn_new(spec, &self, failure);
    if (result == SL_OK) {
        buffer_text(out, "plan\n");
        plan_explain(&self->plan, out);
        buffer_text(out, "\nplaces\n");
        explain_places(&self->plan, &self->places, out);
    }
    drawn_free(self);
    return result;
}

sl_result engine_doctor(const engine_spec *spec, FILE *out, failure *failure)
{
    engine *self;
    sl_result result = drawn_new(spec, &self, failure);
    if (result == SL_OK)
        result = doctor_look(self, out);
    drawn_free(self);
    return result;
}

/* ---- Tests ---- */

sl_result engine_tick(engine *self, failure *failure)
{
    batch *batch = generator_tick(self->generator, failure);
    if (batch == NULL)
        return failure->result;
    sl_result result = scheduler_run_one(self->scheduler, batch, failure);
    generator_give_back(self->generator, batch);
    return result;
}

static int64_t node_find(const engine *self, plan_kind kind, const char *name)
{
    for (uint32_t i = 0; i < self->plan.count; i++)
        if (self->plan.nodes[i].kind == kind && !strcmp(self->plan.nodes[i].name, name))
            return i;
    return -1;
}

sl_result engine_send(engine *self, const char *input, uint32_t partition, const sl_message *message)
{
    int64_t node = node_find(self, PLAN_SOURCE, input);
    if (node < 0 || self->sources[node]->kind->send == NULL)
        return SL_USAGE;
    self->sources[node]->kind->send(self->sources[node]->self, partition, message);
    return SL_OK;
}

bool engine_know(engine *self, const char *lookup, const char *key, const char *json)
{
    int64_t node = node_find(self, PLAN_LOOK_UP, lookup);
    if (node < 0 || self->lookups[node].kind->know == NULL)
        return false;
    self->lookups[node].kind->know(self->lookups[node].self, key, json);
    return true;
}

const char *engine_wrote(engine *self, const char *name, buffer *scratch)
{
    if (!strcmp(name, "dead_letters"))
        return dead_letters_wrote(self->dead_letters, scratch);
    output *output = executor_output(self->executor, name);
    return output ? output_wrote(output, 0) : NULL;
}

const sl_batch_info *engine_account(const engine *self)
{
    return scheduler_last(self->scheduler);
}
