/*
 * cli/flow/jobs.c - /status, /settings and /metrics of a job, as the numbers of flow_job.
 */
#include <base/clock.h>
#include <cli/control.h>
#include <cli/flow/jobs.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASK_MS = 2000, STANDS = 2 /* intervals without the end of a batch */ };

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static const char *text_of(json_object *object, const char *name)
{
    const char *text = json_object_get_string(json_object_object_get(object, name));
    return text ? text : "";
}

/* A page's body with a NUL behind it, which lives until the next one; false: it did not come. */
static bool page_get(asked_job *self, const char *path, const char *token, sl_text *body)
{
    failure ignored = { 0 };
    http_reply reply;
    self->scratch.size = 0;
    buffer_text(&self->scratch, path);
    if (token) {
        buffer_text(&self->scratch, "?token=");
        buffer_byte(&self->scratch, '\0');
        self->scratch.size--;
        http_path_part(&self->scratch, token);
    }
    buffer_byte(&self->scratch, '\0');
    http_request request = { .method = "GET", .path = self->scratch.at };
    if (self->pages == NULL || http_send(self->pages, &request, &reply, &ignored) != SL_OK ||
        reply.status != 200)
        return false;
    self->scratch.size = 0;
    buffer_append(&self->scratch, reply.body.at, reply.body.size);
    buffer_byte(&self->scratch, '\0');
    *body = (sl_text){ self->scratch.at, reply.body.size };
    return true;
}

static void setting_take(asked_job *self, const char *name, const char *value)
{
    if (strcmp(value, "-") == 0) /* there is none */
        return;
    if (strcmp(name, "kafka.group.id") == 0)
        snprintf(self->group, sizeof self->group, "%s", value);
    else if (strcmp(name, "redis.url") == 0)
        snprintf(self->redis, sizeof self->redis, "%s", value);
    else if (strcmp(name, "elastic.url") == 0)
        snprintf(self->elastic, sizeof self->elastic, "%s", value);
    else if (strcmp(name, "rate.max_per_partition") == 0)
        self->limit = strtod(value, NULL);
}

/* Once for each process of the job. */
static void settings_ask(asked_job *self, const char *token)
{
    sl_text body;
    snprintf(self->group, sizeof self->group, "sluice-%.100s", self->name);
    if (!page_get(self, "/settings", token, &body))
        return;
    json_object *list = json_tokener_parse(body.at);
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        json_object *one = json_object_array_get_idx(list, i);
        setting_take(self, text_of(one, "name"), text_of(one, "value"));
    }
    json_object_put(list);
}

static void process_take(asked_job *self, json_object *status, const char *token)
{
    long pid = (long)json_object_get_int64(json_object_object_get(status, "pid"));
    const char *url = text_of(status, "http");
    failure ignored = { 0 };
    if (pid == self->pid && strcmp(url, self->url) == 0)
        return;
    self->pid = pid;
    snprintf(self->url, sizeof self->url, "%s", url);
    series_forget(&self->series);
    http_free(self->pages);
    self->pages = NULL;
    http_options options = {
        .url = url, .setting = "the job's page", .connect_ms = ASK_MS, .total_ms = ASK_MS
    };
    if (url[0] && http_new(&options, &self->pages, &ignored) == SL_OK)
        settings_ask(self, token);
}

static void status_ask(asked_job *self, const char *folder, const char *token, flow_job *out)
{
    buffer body = { 0 };
    failure ignored = { 0 };
    if (control_get(folder, "/status", &body, &ignored) == SL_OK) {
        buffer_byte(&body, '\0');
        json_object *status = json_tokener_parse(body.at);
        snprintf(out->state, sizeof out->state, "%s", text_of(status, "state"));
        process_take(self, status, token);
        json_object_put(status);
    }
    buffer_done(&body);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* "paused: redis since 12:03, 4 batches held" */
static flow_stage waits_of(const char *state)
{
    static const struct {
        const char *begin;
        flow_stage stage;
    } known[] = { { "paused: redis", FLOW_REDIS },
                  { "paused: elasticsearch", FLOW_ELASTIC },
                  { "paused: kafka", FLOW_KAFKA },
                  { "waiting: kafka", FLOW_KAFKA } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(state, known[i].begin, strlen(known[i].begin)) == 0)
            return known[i].stage;
    return FLOW_NONE;
}

static flow_traffic exchange_of(const series *series, const char *label)
{
    double answers = series_rise(series, "sluice_server_answers_total", label);
    flow_traffic found = {
        .requests = series_rate(series, "sluice_server_requests_total", label),
        .answers = series_rate(series, "sluice_server_answers_total", label),
        .bytes_out = series_rate(series, "sluice_server_sent_bytes_total", label),
        .bytes_in = series_rate(series, "sluice_server_received_bytes_total", label),
        .records = series_rate(series, "sluice_server_written_records_total", label),
        .waited = series_rate(series, "sluice_server_blocked_seconds_total", label),
    };
    if (answers > 0)
        found.latency_ms = 1000 * series_rise(series, "sluice_server_answer_seconds_total", label) / answers;
    return found;
}

static void partitions_take(const samples *now, flow_job *out)
{
    for (size_t i = 0; i < now->count && out->partition_count < FLOW_PARTITIONS_MAX; i++) {
        const sample *sample = samples_at(now, i);
        char number[16], label[FLOW_TEXT + 40];
        if (strcmp(sample->name, "sluice_source_lag_records") != 0)
            continue;
        flow_partition *partition = &out->partitions[out->partition_count++];
        sample_label(sample, "topic", partition->topic, sizeof partition->topic);
        sample_label(sample, "partition", number, sizeof number);
        partition->partition = (int)strtol(number, NULL, 10);
        partition->records = sample->value;
        snprintf(label, sizeof label, "topic=\"%s\",partition=\"%s\"", partition->topic, number);
        partition->seconds = samples_sum(now, "sluice_source_lag_seconds", label);
    }
}

/* Where its working time went: its own is the CPU time that it had, or what of its batches was no waiting. */
static void shares_take(const series *series, flow_job *out)
{
    const char *phases = "sluice_batch_phase_seconds_total", *blocked = "sluice_server_blocked_seconds_total";
    double kafka = series_rise(series, blocked, "\"kafka_out\""),
           redis = series_rise(series, blocked, "\"redis\"");
    double elastic = series_rise(series, blocked, "\"elastic\""),
           disk = series_rise(series, phases, "\"commit\"");
    double own = series_rise(series, "process_cpu_seconds_total", NULL);
    double rest =
        series_rise(series, phases, "\"work\"") + series_rise(series, phases, "\"merge\"") - redis - elastic;
    own = rest > own ? rest : own;
    double all = own + kafka + redis + elastic + disk;
    if (all <= 0)
        return;
    out->own = own / all;
    out->disk = disk / all;
    out->on_kafka = kafka / all;
    out->on_redis = redis / all;
    out->on_elastic = elastic / all;
}

static void step_take(const series *series, flow_job *out)
{
    const samples *now = series_now(series);
    double most = 0;
    for (size_t i = 0; i < now->count; i++) {
        const sample *sample = samples_at(now, i);
        if (strcmp(sample->name, "sluice_step_seconds_total") != 0)
            continue;
        double rise = series_rise(series, sample->name, sample->labels);
        if (rise > most)
            sample_label(sample, "step", out->step, sizeof out->step);
        most = rise > most ? rise : most;
    }
}

static void batches_take(const series *series, flow_job *out)
{
    const char *phases = "sluice_batch_phase_seconds_total";
    const samples *now = series_now(series);
    double seconds = series_seconds(series), worked = 0;
    static const char *const working[] = { "\"work\"", "\"merge\"", "\"sinks\"", "\"commit\"" };
    for (size_t i = 0; i < sizeof working / sizeof *working; i++)
        worked += series_rise(series, phases, working[i]);
    double batches = series_rise(series, "sluice_batches_total", "\"completed\"");
    out->rate = series_rate(series, "sluice_records_total", NULL);
    out->busy = seconds > 0 ? worked / seconds : 0;
    out->batches = seconds > 0 ? batches / seconds : 0;
    out->waiting_s = batches > 0 ? series_rise(series, phases, "\"waiting\"") / batches : 0;
    out->queued = samples_sum(now, "sluice_batches_queued", NULL);
    out->interval_s = samples_sum(now, "sluice_batch_interval_seconds", NULL);
    if (batches <= 0 && out->queued >= 1 && seconds > STANDS * out->interval_s)
        out->busy = 1; /* still at the same batch */
    out->lag = samples_sum(now, "sluice_source_lag_records", NULL);
    out->lag_growth = seconds > 0 ? series_change(series, "sluice_source_lag_records", NULL) / seconds : 0;
    out->lag_s = samples_most(now, "sluice_source_lag_seconds", NULL);
    out->errors = series_rate(series, "sluice_records_total", "\"dead_letter\"") +
                  series_rate(series, "sluice_batches_total", "\"failed\"");
    out->cpu = series_rate(series, "process_cpu_seconds_total", NULL);
}

static void metrics_take(asked_job *self, flow_job *out)
{
    const series *series = &self->series;
    const samples *now = series_now(series);
    bool reads = samples_have(now, "sluice_server_received_bytes_total", "\"kafka_in\"");
    batches_take(series, out);
    shares_take(series, out);
    step_take(series, out);
    partitions_take(now, out);
    out->kafka_in = exchange_of(series, "\"kafka_in\"");
    out->kafka_out = exchange_of(series, "\"kafka_out\"");
    out->redis = exchange_of(series, "\"redis\"");
    out->elastic = exchange_of(series, "\"elastic\"");
    out->ships = !reads && samples_have(now, "sluice_server_requests_total", "\"kafka_out\"");
    double pressure = samples_sum(now, "sluice_rate_limit_records_per_second", NULL);
    double given = self->limit * (double)(out->partition_count ? out->partition_count : 1);
    out->limit = pressure > 0 && (given <= 0 || pressure < given) ? pressure : given;
}

void asked_job_look(asked_job *self, const char *folder, const char *token, flow_job *out)
{
    sl_text body;
    snprintf(out->name, sizeof out->name, "%s", self->name);
    status_ask(self, folder, token, out);
    snprintf(out->group, sizeof out->group, "%s", self->group);
    out->waits = waits_of(out->state);
    if (page_get(self, "/metrics", token, &body))
        series_add(&self->series, body, clock_ns(&clock_system));
    if (self->series.count)
        metrics_take(self, out);
}

void asked_job_gone(asked_job *self, flow_job *out)
{
    snprintf(out->name, sizeof out->name, "%s", self->name);
    series_forget(&self->series);
    self->pid = 0;
}

void asked_job_done(asked_job *self)
{
    http_free(self->pages);
    series_done(&self->series);
    buffer_done(&self->scratch);
}
