/*
 * http/recent.c - a ring of batches. Ids follow one another, so that a batch's slot follows from its id; rooms of texts go round
 * with their slots, and a warm ring allocates nothing.
 */
#include <base/memory.h>
#include <http/recent.h>
#include <pthread.h>
#include <records/document.h>
#include <stdlib.h>

enum { BESIDE = 1002 }; /* waiting and running ones: batches.held_max allows 1,000 */

struct recent {
    pthread_mutex_t mutex;
    recent_batch *slots;
    size_t slot_count, retained;
    int64_t newest, newest_completed, at_work; /* ids */
    recent_view view;
    const recent_batch **order;
    char *job, *topics[RECENT_TOPICS_MAX];
    sl_output_info *outputs;
};

recent *recent_new(const char *job, size_t retained)
{
    recent *self = memory_new(sizeof *self);
    pthread_mutex_init(&self->mutex, NULL);
    self->retained = retained;
    self->slot_count = retained + BESIDE;
    self->slots = memory_new(self->slot_count * sizeof *self->slots);
    self->order = memory_new(self->slot_count * sizeof *self->order);
    self->job = memory_text(job);
    self->view.job = self->job;
    self->view.topics = (const char *const *)self->topics;
    return self;
}

static void outputs_free(recent *self)
{
    for (size_t i = 0; i < self->view.output_count; i++) {
        free((void *)(uintptr_t)self->outputs[i].name);
        free((void *)(uintptr_t)self->outputs[i].description);
    }
    free(self->outputs);
}

void recent_free(recent *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->slot_count; i++) {
        buffer_done(&self->slots[i].account);
        buffer_done(&self->slots[i].failures);
    }
    for (size_t i = 0; i < self->view.topic_count; i++)
        free(self->topics[i]);
    outputs_free(self);
    pthread_mutex_destroy(&self->mutex);
    free(self->slots);
    free(self->order);
    free(self->job);
    free(self);
}

/* ---- Hooks ------------------------------------------------------------------------------------------------------- */

static void recent_started(void *argument, const sl_start_info *start)
{
    recent *self = argument;
    pthread_mutex_lock(&self->mutex);
    outputs_free(self);
    self->view.start_time_ms = start->time_ms;
    self->view.interval_ms = start->interval_ms;
    self->view.workers = start->workers;
    self->outputs = memory_new((start->output_count + 1) * sizeof *self->outputs);
    for (size_t i = 0; i < start->output_count; i++) {
        self->outputs[i].id = start->outputs[i].id;
        self->outputs[i].name = memory_text(start->outputs[i].name);
        self->outputs[i].description = memory_text(start->outputs[i].description);
    }
    self->view.outputs = self->outputs;
    self->view.output_count = start->output_count;
    pthread_mutex_unlock(&self->mutex);
}

static size_t topic_number(recent *self, const char *topic)
{
    size_t i = 0, count = self->view.topic_count;
    while (i < count && strcmp(self->topics[i], topic) != 0)
        i++;
    if (i == count && count < RECENT_TOPICS_MAX) {
        self->topics[i] = memory_text(topic);
        self->view.topic_count++;
    }
    return i < RECENT_TOPICS_MAX ? i : RECENT_TOPICS_MAX - 1;
}

static void ranges_note(recent *self, recent_batch *slot, const sl_batch_info *batch)
{
    memset(slot->topic_records, 0, sizeof slot->topic_records);
    slot->records = 0;
    for (size_t i = 0; i < batch->range_count; i++) {
        int64_t records = batch->ranges[i].until - batch->ranges[i].from;
        slot->records += records;
        slot->topic_records[topic_number(self, batch->ranges[i].topic)] += records;
    }
}

static void account_keep(recent_batch *slot, const sl_batch_info *batch)
{
    sl_batch_info short_one = *batch;
    if (short_one.range_count > RECENT_RANGES_MAX)
        short_one.range_count = RECENT_RANGES_MAX;
    slot->account.size = 0;
    size_t size = sl_batch_json(&short_one, NULL, 0);
    sl_batch_json(&short_one, buffer_reserve(&slot->account, size + 1), size + 1);
    slot->account.size = size;
}

static void failures_keep(recent_batch *slot, const sl_batch_info *batch)
{
    slot->failures.size = 0;
    buffer_text(&slot->failures, batch->error ? batch->error : "");
    buffer_byte(&slot->failures, '\0');
    for (size_t i = 0; i < batch->output_count; i++) {
        if (batch->outputs[i].error == NULL)
            continue;
        buffer_text(&slot->failures, batch->outputs[i].error);
        buffer_byte(&slot->failures, '\0');
    }
}

static void outputs_keep(recent_batch *slot, const sl_batch_info *batch)
{
    slot->output_count = batch->output_count < RECENT_OUTPUTS_MAX ? batch->output_count : RECENT_OUTPUTS_MAX;
    for (size_t i = 0; i < slot->output_count; i++)
        slot->outputs[i] = (recent_output){ batch->outputs[i].id, batch->outputs[i].start_time_ms,
                                            batch->outputs[i].end_time_ms, batch->outputs[i].error != NULL };
}

static recent_batch *slot_of(recent *self, const sl_batch_info *batch)
{
    recent_batch *slot = &self->slots[(uint64_t)batch->batch_id % self->slot_count];
    if (slot->id != batch->batch_id) {
        buffer account = slot->account, failures = slot->failures;
        account.size = failures.size = 0;
        *slot = (recent_batch){ .id = batch->batch_id, .account = account, .failures = failures };
        ranges_note(self, slot, batch);
        self->view.received += slot->records;
    }
    if (batch->batch_id > self->newest)
        self->newest = batch->batch_id;
    return slot;
}

static void recent_told(void *argument, const sl_batch_info *batch)
{
    recent *self = argument;
    pthread_mutex_lock(&self->mutex);
    recent_batch *slot = slot_of(self, batch);
    slot->time_ms = batch->batch_time_ms;
    slot->interval_ms = batch->interval_ms;
    if (batch->submission_time_ms)
        slot->submission_time_ms = batch->submission_time_ms;
    slot->state = batch->state;
    slot->catch_up = batch->catch_up;
    slot->scheduling_delay_ms = batch->scheduling_delay_ms;
    slot->total_delay_ms = batch->total_delay_ms;
    account_keep(slot, batch);
    if (batch->state == SL_BATCH_STARTED) { /* each attempt begins with all outputs */
        self->at_work = batch->batch_id;
        slot->output_count = 0;
    }
    if (batch->state == SL_BATCH_FAILED || batch->state == SL_BATCH_COMPLETED) {
        outputs_keep(slot, batch);
        failures_keep(slot, batch);
    }
    if (batch->state == SL_BATCH_COMPLETED) {
        self->view.received += batch->records - slot->records; /* gaps are known now */
        slot->records = batch->records;
        slot->phases = batch->phases;
        self->view.completed++;
        self->view.processed += batch->records;
        self->newest_completed = batch->batch_id;
        self->view.interval_ms = batch->interval_ms; /* it may be tuned while the job runs */
        self->view.workers = batch->workers;
    }
    pthread_mutex_unlock(&self->mutex);
}

/* Of the attempt that goes on. One that failed ends it: its error comes with the batch. */
static void output_told(void *argument, const sl_output_info *output)
{
    recent *self = argument;
    pthread_mutex_lock(&self->mutex);
    recent_batch *slot = &self->slots[(uint64_t)self->at_work % self->slot_count];
    bool kept = slot->time_ms == output->batch_time_ms && output->id < RECENT_OUTPUTS_MAX && !output->error;
    for (; kept && slot->output_count <= (size_t)output->id; slot->output_count++)
        slot->outputs[slot->output_count] = (recent_output){ .id = (int32_t)slot->output_count };
    if (kept) {
        slot->outputs[output->id].start_time_ms = output->start_time_ms;
        slot->outputs[output->id].end_time_ms = output->end_time_ms;
    }
    pthread_mutex_unlock(&self->mutex);
}

/* ---- Asked ------------------------------------------------------------------------------------------------------- */

/* Older ones that the ring still has are not shown: as many as were promised. */
const recent_view *recent_lock(recent *self)
{
    pthread_mutex_lock(&self->mutex);
    int64_t first = self->newest_completed - (int64_t)self->retained + 1;
    self->view.count = 0;
    self->view.retained = 0;
    for (int64_t id = first < 1 ? 1 : first; id <= self->newest; id++) {
        const recent_batch *slot = &self->slots[(uint64_t)id % self->slot_count];
        if (slot->id != id)
            continue;
        self->order[self->view.count++] = slot;
        self->view.retained += slot->state == SL_BATCH_COMPLETED;
    }
    self->view.batches = self->order;
    return &self->view;
}

void recent_unlock(recent *self)
{
    pthread_mutex_unlock(&self->mutex);
}

const sl_listener recent_listener = { .name = "http",
                                      .about = "the newest batches, for the job's pages",
                                      .lossless = true,
                                      .on_streaming_started = recent_started,
                                      .on_batch_submitted = recent_told,
                                      .on_batch_started = recent_told,
                                      .on_batch_completed = recent_told,
                                      .on_batch_failed = recent_told,
                                      .on_output_started = output_told,
                                      .on_output_completed = output_told };
