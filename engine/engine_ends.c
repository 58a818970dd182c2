/*
 * engine_ends.c - opens what a job reads from and writes to. A server that is absent at start is waited for.
 */
#include <base/log.h>
#include <base/retry.h>
#include <batches/retries.h>
#include <engine_parts.h>
#include <records/document.h>
#include <string.h>

/* ---- Sources ---- */

static void wake(void *argument)
{
    engine *self = argument;
    generator *generator = atomic_load(&self->generator);
    if (generator)
        generator_wake(generator);
}

/* Absent servers are waited for, with a line that says so, until the start-up timeout. */
sl_result open_patiently(engine *self, opening *open, uint32_t node, failure *failure)
{
    retry retry = { .first_ms = 100, .most_ms = 2000 };
    int64_t deadline_ns = self->deadline_ns =
        clock_ns(&clock_system) + settings_ms(self->spec.settings, "startup.timeout") * 1000000;
    for (;;) {
        sl_result result = open(self, node, failure);
        if (result != SL_RETRY)
            return result;
        if (retry.tries == 0 && clock_ns(&clock_system) < deadline_ns)
            log_warn("engine", "%s; trying again", failure->text);
        if (!retry_wait(&retry, deadline_ns, &self->stop)) {
            failure->result = SL_UNREACHABLE;
            return SL_UNREACHABLE;
        }
        failure_clear(failure);
    }
}

static sl_result source_open(engine *self, uint32_t node, failure *failure)
{
    intake_input *input = self->sources[node];
    return input->kind->open(&input->spec, &input->self, failure);
}

bool back_to_back(const engine *self)
{
    return settings_flag(self->spec.settings, "batch.available_now") || self->spec.job->bounded;
}

/* What a source may gather. Between ticks the next batch gathers while one that took all it may is run. Back to back half as much
 * keeps the workers busy, and pages that are used again cost less than new ones. */
static size_t input_bytes(const engine *self)
{
    size_t of_batch = settings_bytes(self->spec.settings, "memory.input");
    return back_to_back(self) ? of_batch / 2 : of_batch * 2;
}

static void source_add(engine *self, uint32_t node)
{
    const input_place *place = &self->places.inputs[node];
    source_spec spec = {
        .name = self->plan.nodes[node].name,
        .target = place->target,
        .start = self->start.start,
        .start_ms = self->start.ms,
        .starts = (const origin_reach *)(const void *)self->start.named.at,
        .start_count = self->start.named.size / sizeof(origin_reach),
        .settings = self->spec.settings,
        .job = self->spec.name,
        .work_dir = self->spec.work_dir,
        .available_now = back_to_back(self),
        .interval_ms = back_to_back(self) ? 0 : settings_ms(self->spec.settings, "batch.interval"),
        .workers = workers_most(self),
        .bytes_max = input_bytes(self),
        .deadline_ns = &self->deadline_ns,
        .known = (const origin_reach *)(const void *)self->recalled.reached.at,
        .known_count = self->recalled.reached.size / sizeof(origin_reach),
        .wake = wake,
        .wake_argument = self,
    };
    intake_add(&self->intake, place->kind, &spec);
}

/* Behind the inputs of the plan. */
static intake_input *retries_add(engine *self)
{
    intake_input *input = intake_add(&self->intake, &retries_kind, &(source_spec){ .name = "retries" });
    input->aside = true;
    input->self = retries_open(self->spec.work_dir, &self->intake, &self->plan);
    return input;
}

sl_result sources_open(engine *self, failure *failure)
{
    size_t next = 0;
    intake_init(&self->intake, self->spec.settings);
    self->intake.silent = self->replay != NULL;
    if (back_to_back(self))
        self->intake.bytes_max /=
            6; /* many small batches need less memory than few large ones, and nobody waits for a tick */
    for (uint32_t i = 0; i < self->plan.count; i++)
        if (self->plan.nodes[i].kind == PLAN_SOURCE)
            source_add(self, i);
    intake_input *retries = self->spec.work_dir ? retries_add(self) : NULL;
    for (uint32_t i = 0; i < self->plan.count; i++) {
        if (self->plan.nodes[i].kind != PLAN_SOURCE)
            continue;
        self->sources[i] = &self->intake.inputs[next++];
        SL_TRY(open_patiently(self, source_open, i, failure));
        intake_number(&self->intake, self->sources[i]);
    }
    if (retries)
        intake_number(&self->intake, retries);
    return SL_OK;
}

static sl_result positions_start(engine *self, uint32_t unused, failure *failure)
{
    (void)unused;
    return intake_start(&self->intake, failure);
}

sl_result sources_start(engine *self, failure *failure)
{
    return open_patiently(self, positions_start, 0, failure);
}

/* ---- Lookups and outputs ---- */

static sl_result lookup_open(engine *self, uint32_t node, failure *failure)
{
    const sl_lookup *drawn = &self->plan.nodes[node].as.look_up;
    const sl_schema *linked = schema_field_at(drawn->into.of(), drawn->into.offset[0])->linked();
    const char *names[64];
    for (size_t i = 0; i < linked->count && i < 64; i++)
        names[i] = linked->fields[i].name;
    lookup_spec spec = {
        .name = drawn->name,
        .target = self->places.lookups[node].target,
        .prefix = drawn->prefix ? drawn->prefix : "",
        .names = names,
        .name_count = linked->count,
        .plain = drawn->plain,
        .settings = self->spec.settings,
        .job = self->spec.name,
    };
    self->lookups[node].kind = self->places.lookups[node].kind;
    return self->lookups[node].kind->open(&spec, &self->lookups[node].self, failure);
}

static void output_places_fill(engine *self, const output_places *found, output_places *places)
{
    *places = *found;
    places->origins = &self->intake.origins;
    places->job = self->spec.name;
    places->work_dir = self->spec.work_dir;
    places->first_run = self->head.batch_id == 0;
    places->take_over = settings_flag(self->spec.settings, "fence.take_over");
    places->stop = &self->stop;
    places->startup_ms = settings_ms(self->spec.settings, "startup.timeout");
}

sl_result ends_open(engine *self, failure *failure)
{
    const void *places[PLAN_NODES_MAX] = { 0 };
    for (uint32_t i = 0; i < self->plan.count; i++) {
        if (self->plan.nodes[i].kind == PLAN_LOOK_UP) {
            SL_TRY(open_patiently(self, lookup_open, i, failure));
            places[i] = &self->lookups[i];
        } else if (self->plan.nodes[i].kind == PLAN_OUTPUT) {
            output_places_fill(self, &self->places.outputs[i], &self->outputs[i]);
            places[i] = &self->outputs[i];
        }
    }
    output_places_fill(self, &self->places.dead_letters, &self->dead_places);
    self->dead_places.bare = true;
    SL_TRY(dead_letters_open(&self->dead_places, self->spec.settings, self->spec.clock, &self->dead_letters,
                             failure));
    self->tap = tap_new(&(tap_spec){ &self->plan, &self->intake.origins, workers_most(self) });
    executor_spec spec = {
        .plan = &self->plan,
        .places = places,
        .settings = self->spec.settings,
        .clock = self->spec.clock,
        .intake = &self->intake,
        .events = self->events,
        .dead_letters = self->dead_letters,
        .options = self->options,
        .tap = self->tap,
        .journal = self->journal,
        .pulse = pulse_of(self),
        .workers = workers_most(self),
        .team = workers_wanted(self),
        .saves = self->spec.work_dir != NULL,
        .state_max = settings_bytes(self->spec.settings, "memory.state"),
    };
    return executor_open(&spec, &self->executor, failure);
}
