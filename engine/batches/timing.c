/*
 * batches/timing.c - the driver's phases, the workers' steps, the outputs. Ticks become nanoseconds by what the same attempt
 * took in both.
 */
#include <base/memory.h>
#include <base/settings.h>
#include <batches/timing.h>
#include <stdlib.h>

enum { STEPS_BESIDE = 3 }; /* reading, merging, flushing */

struct timing {
    timing_spec spec;
    timing_worker *workers;
    unsigned team;
    timing_phase at;
    int64_t phases[TIMING_PHASES];
    int64_t began_ns, last_ns;
    uint64_t began_ticks;
    bool sinks_told;
    sl_output_info *outputs;
    uint32_t output_nodes[PLAN_NODES_MAX];
    size_t output_count;
    buffer errors; /* texts of outputs, with their NULs */
    sl_step *steps;
    uint32_t step_nodes[PLAN_NODES_MAX];
    size_t step_count;
    buffer partitions; /* timing_block each: their sums */
};

/* Addresses may hold passwords. */
static char *places_describe(const output_places *places)
{
    buffer text = { 0 };
    for (size_t p = 0; places && p < places->count; p++) {
        buffer_text(&text, p ? ", " : "");
        settings_hide(&text, places->at[p].uri);
    }
    buffer_byte(&text, '\0');
    return text.at;
}

static void output_add(timing *self, uint32_t node)
{
    sl_output_info *output = &self->outputs[self->output_count];
    output->id = (int32_t)self->output_count;
    output->name = self->spec.plan->nodes[node].name;
    output->description = places_describe(self->spec.places[node]);
    self->output_nodes[self->output_count++] = node;
}

timing *timing_new(const timing_spec *spec)
{
    timing *self = memory_new(sizeof *self);
    self->spec = *spec;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    self->outputs = memory_new(spec->plan->count * sizeof *self->outputs);
    self->steps = memory_new((spec->plan->count + STEPS_BESIDE) * sizeof *self->steps);
    for (uint32_t i = 0; i < spec->plan->count; i++) {
        if (spec->plan->nodes[i].kind == PLAN_OUTPUT)
            output_add(self, i);
        if (spec->plan->nodes[i].kind != PLAN_SOURCE)
            self->step_nodes[self->step_count++] = i;
    }
    return self;
}

void timing_free(timing *self)
{
    if (self == NULL)
        return;
    for (unsigned w = 0; w < self->spec.workers; w++)
        buffer_done(&self->workers[w].blocks);
    for (size_t i = 0; i < self->output_count; i++)
        free((void *)(uintptr_t)self->outputs[i].description);
    buffer_done(&self->errors);
    buffer_done(&self->partitions);
    free(self->outputs);
    free(self->steps);
    free(self->workers);
    free(self);
}

timing_worker *timing_of(timing *self, unsigned worker)
{
    return &self->workers[worker];
}

const sl_output_info *timing_outputs(const timing *self, size_t *count)
{
    *count = self->output_count;
    return self->outputs;
}

/* ---- Driver: phases and outputs ---------------------------------------------------------------------------------- */

static void worker_reset(timing_worker *worker)
{
    memset(worker->nodes, 0, sizeof worker->nodes);
    worker->reading = worker->merging = worker->flushing = 0;
    worker->blocks.size = 0;
}

void timing_begin(timing *self, const batch_frame *frame)
{
    memset(self->phases, 0, sizeof self->phases);
    self->began_ns = self->last_ns = frame->now_ns;
    self->began_ticks = clock_ticks();
    self->at = TIMING_WORK;
    self->sinks_told = false;
    self->errors.size = 0;
    for (unsigned w = 0; w < self->spec.workers; w++)
        worker_reset(&self->workers[w]);
    for (size_t i = 0; i < self->output_count; i++) {
        self->outputs[i].batch_time_ms = frame->time_ms;
        self->outputs[i].start_time_ms = self->outputs[i].end_time_ms = 0;
        self->outputs[i].error = NULL;
    }
}

static void outputs_start(timing *self)
{
    int64_t now_ms = clock_wall_ms(self->spec.clock);
    self->sinks_told = true;
    for (size_t i = 0; i < self->output_count; i++) {
        self->outputs[i].start_time_ms = now_ms;
        if (self->spec.events)
            events_tell_of(self->spec.events, EVENT_OUTPUT_STARTED, &self->outputs[i]);
    }
}

void timing_team(timing *self, unsigned team)
{
    self->team = team;
}

void timing_enter(timing *self, timing_phase phase)
{
    int64_t now_ns = clock_ns(self->spec.clock);
    self->phases[self->at] += now_ns - self->last_ns;
    self->last_ns = now_ns;
    self->at = phase;
    if (phase == TIMING_SINKS && !self->sinks_told)
        outputs_start(self);
}

void timing_output_ended(timing *self, uint32_t node, const char *error)
{
    for (size_t i = 0; i < self->output_count; i++) {
        sl_output_info *output = &self->outputs[i];
        if (self->output_nodes[i] != node || output->end_time_ms)
            continue;
        output->end_time_ms = clock_wall_ms(self->spec.clock);
        if (output->start_time_ms == 0) /* it failed while rows were handed to it */
            output->start_time_ms = output->end_time_ms;
        if (error) {
            self->errors.size = 0; /* the first failure ends the attempt: there is one at most */
            buffer_text(&self->errors, error);
            buffer_byte(&self->errors, '\0');
            output->error = self->errors.at;
        }
        if (self->spec.events)
            events_tell_of(self->spec.events, EVENT_OUTPUT_COMPLETED, output);
    }
}

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static void steps_fill(timing *self, double ns_a_tick, sl_batch_info *info)
{
    uint64_t reading = 0, merging = 0, flushing = 0;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        reading += self->workers[w].reading;
        merging += self->workers[w].merging;
        flushing += self->workers[w].flushing;
    }
    sl_step *step = self->steps;
    *step++ = (sl_step){ "reading", (int64_t)((double)reading * ns_a_tick) };
    for (size_t i = 0; i < self->step_count; i++) {
        uint64_t ticks = 0;
        for (unsigned w = 0; w < self->spec.workers; w++)
            ticks += self->workers[w].nodes[self->step_nodes[i]];
        if (ticks) /* not those that only a merge works for */
            *step++ = (sl_step){ self->spec.plan->nodes[self->step_nodes[i]].name,
                                 (int64_t)((double)ticks * ns_a_tick) };
    }
    *step++ = (sl_step){ "merging", (int64_t)((double)merging * ns_a_tick) };
    *step++ = (sl_step){ "flushing", (int64_t)((double)flushing * ns_a_tick) };
    info->steps = self->steps;
    info->step_count = (size_t)(step - self->steps);
}

static void workers_fill(timing *self, double ns_a_tick, sl_batch_info *info)
{
    uint64_t all = 0, most = 0;
    info->workers = (int32_t)self->team;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        const timing_worker *worker = &self->workers[w];
        const timing_block *blocks = (const timing_block *)(const void *)worker->blocks.at;
        uint64_t ticks = worker->merging + worker->flushing;
        for (size_t b = 0; b < worker->blocks.size / sizeof *blocks; b++)
            ticks += blocks[b].ticks;
        all += ticks;
        if (ticks > most) {
            most = ticks;
            info->slowest_worker = (int32_t)w;
        }
    }
    info->slowest_worker_ns = (int64_t)((double)most * ns_a_tick);
    info->workers_ns = (int64_t)((double)all * ns_a_tick);
}

/* The batch's partitions are below this; how many there are in all may grow meanwhile. */
static size_t partitions_end(const timing *self)
{
    size_t end = 0;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        const timing_block *blocks = (const timing_block *)(const void *)self->workers[w].blocks.at;
        for (size_t b = 0; b < self->workers[w].blocks.size / sizeof *blocks; b++)
            end = blocks[b].partition >= end ? blocks[b].partition + 1 : end;
    }
    return end;
}

static timing_block *partitions_sum(timing *self, size_t count)
{
    self->partitions.size = 0;
    timing_block *sums =
        (timing_block *)(void *)buffer_reserve(&self->partitions, (count + 1) * sizeof *sums);
    memset(sums, 0, (count + 1) * sizeof *sums);
    for (unsigned w = 0; w < self->spec.workers; w++) {
        const buffer *list = &self->workers[w].blocks;
        const timing_block *blocks = (const timing_block *)(const void *)list->at;
        for (size_t b = 0; b < list->size / sizeof *blocks; b++) {
            timing_block *sum = &sums[blocks[b].partition];
            sum->ticks += blocks[b].ticks;
            sum->time_ms = blocks[b].time_ms > sum->time_ms ? blocks[b].time_ms : sum->time_ms;
        }
    }
    self->partitions.size = count * sizeof *sums;
    return sums;
}

static void partitions_fill(timing *self, double ns_a_tick, sl_batch_info *info)
{
    size_t count = partitions_end(self), slowest = 0;
    const timing_block *sums = partitions_sum(self, count);
    for (size_t p = 1; p < count; p++)
        slowest = sums[p].ticks > sums[slowest].ticks ? p : slowest;
    if (sums[slowest].ticks == 0)
        return;
    info->slowest_topic = self->spec.origins->at[slowest].topic;
    info->slowest_partition = self->spec.origins->at[slowest].partition;
    info->slowest_partition_ns = (int64_t)((double)sums[slowest].ticks * ns_a_tick);
}

int64_t timing_newest(const timing *self, uint32_t partition)
{
    const timing_block *sums = (const timing_block *)(const void *)self->partitions.at;
    return partition < self->partitions.size / sizeof *sums ? sums[partition].time_ms : 0;
}

void timing_end(timing *self, int64_t submitted_ns, int64_t now_ns, sl_batch_info *info)
{
    uint64_t ticks = clock_ticks() - self->began_ticks;
    double ns_a_tick = ticks ? (double)(now_ns - self->began_ns) / (double)ticks : 0;
    self->phases[self->at] += now_ns - self->last_ns;
    self->last_ns = now_ns;
    self->phases[TIMING_WAITING] = self->began_ns - submitted_ns;
    info->phases =
        (sl_phases){ self->phases[TIMING_WAITING], self->phases[TIMING_WORK], self->phases[TIMING_MERGE],
                     self->phases[TIMING_SINKS], self->phases[TIMING_COMMIT] };
    info->slowest_topic = NULL;
    steps_fill(self, ns_a_tick, info);
    workers_fill(self, ns_a_tick, info);
    partitions_fill(self, ns_a_tick, info);
    info->outputs = self->outputs;
    info->output_count = self->output_count;
}
