/*
 * listeners/shared/metrics.c - a table that grows with the labels that come: partitions, steps, outputs. Bounded: beyond 400
 * metrics new labels are left out.
 */
#include <pthread.h>
#include <shared/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { METRICS_MAX = 400 };

struct metrics {
    pthread_mutex_t mutex;
    char *job;
    metric list[METRICS_MAX];
    size_t count;
    int64_t waiting; /* batches that were submitted, and not completed */
};

/* Around the usual intervals, 2 s and 5 s, with room on both sides. */
static const double bounds[METRIC_BUCKETS] = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1,
                                               1.5,   2,     2.5,  5,    10,  30,   60 };

/* What there is, in the order in which it is told. */
static const struct {
    const char *name, *help;
    metric_kind kind;
} known[] = {
    { "sluice_batches_total", "Batches completed, and attempts that failed.", METRIC_COUNTER },
    { "sluice_batches_queued", "Batches cut that are not completed.", METRIC_GAUGE },
    { "sluice_batch_interval_seconds", "Time from batch to batch.", METRIC_GAUGE },
    { "sluice_batch_last_success_timestamp_seconds", "When the newest completed batch ended.", METRIC_GAUGE },
    { "sluice_batch_scheduling_delay_seconds", "Time that batches waited for those before them.",
      METRIC_HISTOGRAM },
    { "sluice_batch_processing_seconds", "Time to process batches.", METRIC_HISTOGRAM },
    { "sluice_batch_total_seconds", "Time from the cut of batches to their end.", METRIC_HISTOGRAM },
    { "sluice_batch_phase_seconds_total", "Total delay of completed batches by phase of the driver.",
      METRIC_COUNTER },
    { "sluice_step_seconds_total", "Time of all workers with each step of the plan.", METRIC_COUNTER },
    { "sluice_records_total", "Records of completed batches by what became of them.", METRIC_COUNTER },
    { "sluice_hot_key_share", "Share of a node's rows that its hottest key took; 0: none is hot.",
      METRIC_GAUGE },
    { "sluice_source_lag_records", "Records of a partition that lay behind the newest batch's end.",
      METRIC_GAUGE },
    { "sluice_source_lag_seconds", "Age of a partition's newest record when its batch was done.",
      METRIC_GAUGE },
    { "sluice_source_offset", "Up to which offset a partition has been read.", METRIC_GAUGE },
    { "sluice_output_errors_total", "Attempts that failed at an output.", METRIC_COUNTER },
    { "sluice_lookup_rows_total", "Rows that came through a lookup.", METRIC_COUNTER },
    { "sluice_lookup_missed_total", "Rows that a lookup found nothing for.", METRIC_COUNTER },
    { "sluice_lookup_asked_total", "Keys that a lookup's cache did not hold.", METRIC_COUNTER },
    { "sluice_lookup_asking_seconds_total", "Time that answers to a lookup took.", METRIC_COUNTER },
    { "sluice_job_events_total", "What the job's plan counts, such as values that were none.",
      METRIC_COUNTER },
    { "sluice_paused", "1 while batches wait for a server or a disk.", METRIC_GAUGE },
    { "sluice_rate_limit_records_per_second", "The limit under which batches are cut; 0: none.",
      METRIC_GAUGE },
    { "sluice_server_requests_total", "Requests to servers of a kind.", METRIC_COUNTER },
    { "sluice_server_answers_total", "Answers of servers of a kind.", METRIC_COUNTER },
    { "sluice_server_sent_bytes_total", "Bytes sent to servers of a kind.", METRIC_COUNTER },
    { "sluice_server_received_bytes_total", "Bytes received from servers of a kind.", METRIC_COUNTER },
    { "sluice_server_written_records_total", "Records written to Kafka.", METRIC_COUNTER },
    { "sluice_server_answer_seconds_total", "Time that answers of servers of a kind took.", METRIC_COUNTER },
    { "sluice_server_blocked_seconds_total", "Time that threads of the job waited for servers of a kind.",
      METRIC_COUNTER },
    { "process_cpu_seconds_total", "CPU time of the job's process.", METRIC_COUNTER },
    { "process_max_resident_memory_bytes", "The most memory that the process has had.", METRIC_GAUGE },
};

enum { KNOWN = sizeof known / sizeof known[0] };

metrics *metrics_new(const char *job)
{
    metrics *made = calloc(1, sizeof *made);
    if (made == NULL || (made->job = strdup(job)) == NULL) {
        free(made);
        return NULL;
    }
    pthread_mutex_init(&made->mutex, NULL);
    return made;
}

void metrics_free(metrics *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        for (size_t l = 1; l < self->list[i].label_count; l++)
            free((void *)(uintptr_t)self->list[i].labels[l].value);
    pthread_mutex_destroy(&self->mutex);
    free(self->job);
    free(self);
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

static bool is_it(const metric *metric, const char *name, const metric_label *labels, size_t count)
{
    if (strcmp(metric->name, name) != 0 || metric->label_count != count + 1)
        return false;
    for (size_t l = 0; l < count; l++)
        if (strcmp(metric->labels[l + 1].value, labels[l].value) != 0)
            return false;
    return true;
}

static metric *metric_add(metrics *self, const char *name, const metric_label *labels, size_t count)
{
    size_t k = 0;
    while (k < KNOWN && strcmp(known[k].name, name) != 0)
        k++;
    if (k == KNOWN || self->count == METRICS_MAX)
        return NULL;
    metric *added = &self->list[self->count++];
    *added = (metric){ .name = known[k].name, .help = known[k].help, .kind = known[k].kind };
    added->bounds = bounds;
    added->labels[0] = (metric_label){ "job_name", self->job };
    added->label_count = 1;
    for (size_t l = 0; l < count; l++) {
        char *value = strdup(labels[l].value);
        added->labels[added->label_count++] = (metric_label){ labels[l].name, value ? value : strdup("") };
    }
    return added;
}

/* Of the table, or, when it is full, of nothing that is told. */
static metric *metric_of(metrics *self, const char *name, const metric_label *labels, size_t count)
{
    static _Thread_local metric beyond;
    for (size_t i = 0; i < self->count; i++)
        if (is_it(&self->list[i], name, labels, count))
            return &self->list[i];
    metric *added = metric_add(self, name, labels, count);
    return added ? added : &beyond;
}

static void add(metrics *self, const char *name, const char *label, const char *value, double amount)
{
    metric_of(self, name, &(metric_label){ label, value }, label ? 1 : 0)->value += amount;
}

static void set(metrics *self, const char *name, double value)
{
    metric_of(self, name, NULL, 0)->value = value;
}

static void observe(metrics *self, const char *name, double value)
{
    metric *metric = metric_of(self, name, NULL, 0);
    size_t bucket = 0;
    while (bucket < METRIC_BUCKETS && value > bounds[bucket])
        bucket++;
    metric->buckets[bucket]++;
    metric->count++;
    metric->sum += value;
    metric->value = value;
}

/* ---- Hooks ------------------------------------------------------------------------------------------------------- */

/* What may be counted stands there from the start, at 0: a rate over a counter that appears misses its first step. */
void metrics_start(metrics *self, const sl_start_info *start)
{
    static const char *const results[] = { "written", "duplicate", "filtered", "dead_letter" };
    pthread_mutex_lock(&self->mutex);
    set(self, "sluice_batch_interval_seconds", (double)start->interval_ms / 1e3);
    add(self, "sluice_batches_total", "status", "completed", 0);
    add(self, "sluice_batches_total", "status", "failed", 0);
    for (size_t i = 0; i < 4; i++)
        add(self, "sluice_records_total", "result", results[i], 0);
    for (size_t i = 0; i < start->output_count; i++)
        add(self, "sluice_output_errors_total", "output", start->outputs[i].name, 0);
    set(self, "sluice_batches_queued", 0);
    set(self, "sluice_paused", 0);
    pthread_mutex_unlock(&self->mutex);
}

static void partitions_set(metrics *self, const sl_batch_info *batch)
{
    for (size_t i = 0; i < batch->range_count; i++) {
        const sl_range *range = &batch->ranges[i];
        char number[16];
        snprintf(number, sizeof number, "%d", (int)range->partition);
        metric_label labels[] = { { "topic", range->topic }, { "partition", number } };
        metric_of(self, "sluice_source_lag_records", labels, 2)->value = (double)(range->end - range->until);
        metric_of(self, "sluice_source_offset", labels, 2)->value = (double)range->until;
        if (range->time_ms)
            metric_of(self, "sluice_source_lag_seconds", labels, 2)->value =
                (double)(batch->processing_end_time_ms - range->time_ms) / 1e3;
    }
}

static void times_add(metrics *self, const sl_batch_info *batch)
{
    const char *phase = "sluice_batch_phase_seconds_total";
    add(self, phase, "phase", "waiting", (double)batch->phases.waiting_ns / 1e9);
    add(self, phase, "phase", "work", (double)batch->phases.work_ns / 1e9);
    add(self, phase, "phase", "merge", (double)batch->phases.merge_ns / 1e9);
    add(self, phase, "phase", "sinks", (double)batch->phases.sinks_ns / 1e9);
    add(self, phase, "phase", "commit", (double)batch->phases.commit_ns / 1e9);
    for (size_t i = 0; i < batch->step_count; i++)
        add(self, "sluice_step_seconds_total", "step", batch->steps[i].name,
            (double)batch->steps[i].ns / 1e9);
    for (size_t i = 0; i < batch->lookup_count; i++) {
        const sl_lookup_info *lookup = &batch->lookups[i];
        add(self, "sluice_lookup_rows_total", "lookup", lookup->name, (double)lookup->rows);
        add(self, "sluice_lookup_missed_total", "lookup", lookup->name, (double)lookup->missed);
        add(self, "sluice_lookup_asked_total", "lookup", lookup->name, (double)lookup->asked);
        add(self, "sluice_lookup_asking_seconds_total", "lookup", lookup->name,
            (double)lookup->asking_ns / 1e9);
    }
}

/* Keys are no labels: there may be any number of them. */
static void hot_keys_set(metrics *self, const sl_batch_info *batch)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->list[i].name, "sluice_hot_key_share") == 0)
            self->list[i].value = 0;
    for (size_t i = batch->hot_key_count; i-- > 0;) {
        metric_label node = { "node", batch->hot_keys[i].name };
        metric_of(self, "sluice_hot_key_share", &node, 1)->value = batch->hot_keys[i].share;
    }
}

static void completed_add(metrics *self, const sl_batch_info *batch)
{
    add(self, "sluice_batches_total", "status", "completed", 1);
    add(self, "sluice_records_total", "result", "written", (double)batch->written);
    add(self, "sluice_records_total", "result", "duplicate", (double)batch->duplicates);
    add(self, "sluice_records_total", "result", "filtered", (double)batch->filtered);
    add(self, "sluice_records_total", "result", "dead_letter", (double)batch->dead_letters);
    for (size_t i = 0; i < batch->counter_count; i++)
        add(self, "sluice_job_events_total", "event", batch->counters[i].name,
            (double)batch->counters[i].value);
    observe(self, "sluice_batch_scheduling_delay_seconds", batch->scheduling_delay_ms / 1e3);
    observe(self, "sluice_batch_processing_seconds", batch->processing_ms / 1e3);
    observe(self, "sluice_batch_total_seconds", batch->total_delay_ms / 1e3);
    set(self, "sluice_batch_last_success_timestamp_seconds", (double)batch->processing_end_time_ms / 1e3);
    set(self, "sluice_batch_interval_seconds", (double)batch->interval_ms / 1e3);
    times_add(self, batch);
    partitions_set(self, batch);
    hot_keys_set(self, batch);
}

void metrics_batch(metrics *self, const sl_batch_info *batch)
{
    pthread_mutex_lock(&self->mutex);
    self->waiting += batch->state == SL_BATCH_SUBMITTED;
    if (batch->state == SL_BATCH_FAILED) {
        add(self, "sluice_batches_total", "status", "failed", 1);
        for (size_t i = 0; i < batch->output_count; i++)
            if (batch->outputs[i].error)
                add(self, "sluice_output_errors_total", "output", batch->outputs[i].name, 1);
    }
    if (batch->state == SL_BATCH_COMPLETED) {
        self->waiting -= self->waiting > 0;
        completed_add(self, batch);
    }
    set(self, "sluice_batches_queued", (double)self->waiting);
    pthread_mutex_unlock(&self->mutex);
}

void metrics_pause(metrics *self, const sl_pause_info *pause)
{
    pthread_mutex_lock(&self->mutex);
    set(self, "sluice_paused", pause->until_ms ? 0 : 1);
    pthread_mutex_unlock(&self->mutex);
}

void metrics_rate(metrics *self, const sl_rate_info *rate)
{
    pthread_mutex_lock(&self->mutex);
    set(self, "sluice_rate_limit_records_per_second", rate->records_per_second);
    pthread_mutex_unlock(&self->mutex);
}

/* ---- Told -------------------------------------------------------------------------------------------------------- */

static void process_set(metrics *self)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return;
    set(self, "process_cpu_seconds_total",
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
            (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    set(self, "process_max_resident_memory_bytes", (double)used.ru_maxrss * 1024);
}

static void servers_set(metrics *self)
{
    enum { SERVERS = 8 };
    sl_traffic all[SERVERS];
    size_t count = sl_traffic_now(all, SERVERS);
    for (size_t i = 0; i < count; i++) {
        const sl_traffic *one = &all[i];
        metric_label server = { "server", one->server };
        metric_of(self, "sluice_server_requests_total", &server, 1)->value = (double)one->requests;
        metric_of(self, "sluice_server_answers_total", &server, 1)->value = (double)one->answers;
        metric_of(self, "sluice_server_sent_bytes_total", &server, 1)->value = (double)one->bytes_out;
        metric_of(self, "sluice_server_received_bytes_total", &server, 1)->value = (double)one->bytes_in;
        metric_of(self, "sluice_server_written_records_total", &server, 1)->value = (double)one->records;
        metric_of(self, "sluice_server_answer_seconds_total", &server, 1)->value =
            (double)one->latency_ns / 1e9;
        metric_of(self, "sluice_server_blocked_seconds_total", &server, 1)->value =
            (double)one->blocked_ns / 1e9;
    }
}

void metrics_each(metrics *self, metrics_visit *visit, void *argument)
{
    pthread_mutex_lock(&self->mutex);
    process_set(self);
    servers_set(self);
    for (size_t k = 0; k < KNOWN; k++)
        for (size_t i = 0; i < self->count; i++)
            if (self->list[i].name == known[k].name)
                visit(argument, &self->list[i]);
    pthread_mutex_unlock(&self->mutex);
}

void metrics_told(metrics *self)
{
    pthread_mutex_lock(&self->mutex);
    for (size_t i = 0; i < self->count; i++)
        self->list[i].before = self->list[i].value;
    pthread_mutex_unlock(&self->mutex);
}

/* Other bytes mean something in one of the protocols. */
static bool is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-';
}

static char *part_add(char *at, const char *end, const char *text)
{
    for (; *text && at < end; text++)
        *at++ = is_plain(*text) ? *text : '_';
    *at = '\0';
    return at;
}

const char *metric_path(const metric *metric, char *at, size_t room)
{
    const char *name = metric->name, *end = at + room - 1;
    bool ours = strncmp(name, "sluice_", 7) == 0;
    char *next = part_add(at, end, "sluice");
    for (int part = 0; part < 2 && next < end; part++) {
        *next++ = '.';
        next = part_add(next, end, part ? name + (ours ? 7 : 0) : metric->labels[0].value);
    }
    for (size_t l = 1; l < metric->label_count && next < end; l++) {
        *next++ = '.';
        next = part_add(next, end, metric->labels[l].value);
    }
    return at;
}
