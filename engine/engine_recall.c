/*
 * engine_recall.c - a place that keeps how far the input was read together with what was written: it knows better than the
 * work folder, which may be lost, or a copy that is older than it.
 *
 *     place: batch 17, positions         checkpoint: batch 12, or none
 *         \_____ sources: which file is which      |
 *          \____ positions, id and T _______________v___> the job goes on behind batch 17
 *
 * So it is where all that the job does is to write to that one place: no state, no other output that would miss batches. The last
 * batch alone, journaled and without its checkpoint, is the usual crash: it runs again, and the place does not take it.
 */
#include <base/log.h>
#include <batches/saved.h>
#include <engine_parts.h>
#include <stdlib.h>

/* The node of the only output, or -1. */
static int64_t only_output(const engine *self)
{
    int64_t found = -1;
    for (uint32_t i = 0; i < self->plan.count; i++) {
        if (self->plan.nodes[i].kind == PLAN_OUTPUT &&
            (found >= 0 || self->plan.nodes[i].as.output.whole.count))
            return -1;
        if (self->plan.nodes[i].kind == PLAN_OUTPUT)
            found = i;
        if (plan_keeps(&self->plan.nodes[i]) || plan_merges(&self->plan.nodes[i]))
            return -1;
    }
    return found >= 0 && self->places.outputs[found].count == 1 ? found : -1;
}

/* Of the checkpoint, whatever it is worth: what is damaged is told when it is opened. */
static int64_t saved_id(const engine *self)
{
    saved saved = { 0 };
    failure ignored = { 0 };
    int64_t id = saved_newest(self->spec.work_dir, &saved, &ignored) == SL_OK ? saved.batch_id : 0;
    saved_done(&saved);
    return id;
}

static sl_result place_recall(engine *self, uint32_t node, failure *failure)
{
    const output_place *place = &self->places.outputs[node].at[0];
    sink_spec spec = {
        .output = &self->plan.nodes[node].as.output,
        .schema = self->plan.nodes[node].schema,
        .target = place->target,
        .settings = self->spec.settings,
        .job = self->spec.name,
        .work_dir = self->spec.work_dir,
        .writers = 1,
        .deadline_ns = self->deadline_ns,
        .stop = &self->stop,
    };
    sink_kept_done(&self->recalled);
    self->recalled = (sink_kept){ 0 };
    return place->kind->recall(&spec, &self->recalled, failure);
}

sl_result recall_read(engine *self, failure *failure)
{
    int64_t node = self->spec.work_dir ? only_output(self) : -1;
    if (node < 0 || self->places.outputs[node].at[0].kind->recall == NULL)
        return SL_OK;
    SL_TRY(open_patiently(self, place_recall, (uint32_t)node, failure));
    if (self->recalled.whole && self->recalled.batch_id > saved_id(self))
        return SL_OK;
    sink_kept_done(&self->recalled);
    self->recalled = (sink_kept){ 0 };
    return SL_OK;
}

static void replays_drop(engine *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->replay_count; i++)
        if (self->replays[i]->id > self->recalled.batch_id)
            self->replays[kept++] = self->replays[i];
        else
            batch_free(self->replays[i]);
    self->replay_count = kept;
    journal_forget(self->journal, self->recalled.batch_id);
}

void recall_take(engine *self)
{
    const sink_kept *recalled = &self->recalled;
    const origin_reach *reached = (const origin_reach *)(const void *)recalled->reached.at;
    const batch *first = self->replay_count ? self->replays[0] : NULL;
    bool runs_again = first && first->id == recalled->batch_id && first->time_ms == recalled->time_ms;
    if (!recalled->whole || recalled->batch_id <= self->head.newest.id || runs_again)
        return;
    log_info("engine",
             "goes on behind batch %lld, which its output holds; the work folder ends with batch %lld",
             (long long)recalled->batch_id, (long long)self->head.newest.id);
    replays_drop(self);
    for (size_t i = 0; i < recalled->reached.size / sizeof *reached; i++) {
        int64_t number = intake_find(&self->intake, reached[i].topic, reached[i].partition);
        if (number >= 0)
            self->intake.positions[number].next = reached[i].until;
        else
            log_info("engine", "%s (%d) is no more, which had been read up to %lld", reached[i].topic,
                     (int)reached[i].partition, (long long)reached[i].until);
    }
    self->head.newest = (batch_mark){ recalled->batch_id, recalled->time_ms };
}
