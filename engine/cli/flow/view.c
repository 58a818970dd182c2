/*
 * cli/flow/view.c - three ways to tell the same numbers.
 */
#include <base/clock.h>
#include <cli/flow/view.h>
#include <records/document.h>
#include <stdio.h>

/* ---- For people -------------------------------------------------------------------------------------------------- */

typedef struct line {
    const char *stage, *name;
    double rate, behind, lag_s, latency_ms, errors, cpu;
    bool known, marked;
    const char *trouble; /* of one that is not known; "" or NULL: nothing came */
} line;

/* "1234", "56.7k", "8.9M", "-" for what is not known */
static const char *short_number(double value, char at[16])
{
    if (value < 0)
        snprintf(at, 16, "-");
    else if (value < 10 && value > 0)
        snprintf(at, 16, "%.1f", value);
    else if (value < 10000)
        snprintf(at, 16, "%.0f", value);
    else if (value < 1e6)
        snprintf(at, 16, "%.1fk", value / 1e3);
    else
        snprintf(at, 16, "%.1fM", value / 1e6);
    return at;
}

static void line_print(const line *line, buffer *out)
{
    char rate[16], behind[16], lag[16], latency[16], errors[16], cpu[16] = "-";
    if (line->cpu >= 0)
        snprintf(cpu, sizeof cpu, "%.0f %%", 100 * line->cpu);
    buffer_print(out, "%s %-13s %-22.22s", line->marked ? ">" : " ", line->stage, line->name);
    if (!line->known)
        buffer_print(out, " %s\n", line->trouble && *line->trouble ? line->trouble : "does not answer");
    else
        buffer_print(out, " %9s %9s %8s %10s %8s %7s\n", short_number(line->rate, rate),
                     short_number(line->behind, behind), short_number(line->lag_s, lag),
                     short_number(line->latency_ms, latency), short_number(line->errors, errors), cpu);
}

static void job_line(const flow_job *job, const bottleneck *found, buffer *out)
{
    flow_stage self = job->ships ? FLOW_SHIPPER : FLOW_ENGINE;
    double batch_ms = job->batches > 0 ? 1000 * job->busy / job->batches : -1;
    line line = { job->ships ? "shipper" : "engine",
                  job->name,
                  job->rate,
                  job->lag,
                  job->lag_s,
                  batch_ms,
                  job->errors,
                  job->cpu,
                  job->state[0] != '\0',
                  found->stage == self,
                  NULL };
    line_print(&line, out);
}

static void server_line(const flow_server *server, flow_stage stage, const bottleneck *found, buffer *out)
{
    line line = {
        flow_stage_name(stage), server->place,  server->rate, server->queue,   -1,
        server->latency_ms,     server->errors, server->cpu,  server->answers, found->stage == stage,
        server->trouble
    };
    if (server->asked)
        line_print(&line, out);
}

static void jobs_lines(const flow *flow, bool ships, const bottleneck *found, buffer *out)
{
    for (size_t i = 0; i < flow->job_count; i++)
        if (flow->jobs[i].ships == ships)
            job_line(&flow->jobs[i], found, out);
}

static void lags_print(const flow *flow, buffer *out)
{
    char records[16], seconds[16];
    bool first = true;
    for (size_t i = 0; i < flow->job_count; i++) {
        const flow_job *job = &flow->jobs[i];
        for (size_t p = 0; !job->ships && p < job->partition_count; p++) {
            const flow_partition *part = &job->partitions[p];
            if (first)
                buffer_print(out, "\n  %-24s %-20s %9s %9s %8s\n", "GROUP", "TOPIC", "PARTITION", "RECORDS",
                             "SECONDS");
            buffer_print(out, "  %-24.24s %-20.20s %9d %9s %8s\n", job->group, part->topic, part->partition,
                         short_number(part->records, records), short_number(part->seconds, seconds));
            first = false;
        }
    }
}

void flow_text(const flow *flow, const bottleneck *found, buffer *out)
{
    char time[25];
    clock_iso(flow->time_ms, time);
    buffer_print(out, "%s, of the last %.0f s; this machine's CPU %.0f %%\n\n", time, flow->seconds,
                 100 * flow->cpu);
    buffer_print(out, "  %-13s %-22s %9s %9s %8s %10s %8s %7s\n", "STAGE", "WHICH", "RATE/s", "WAITING",
                 "LAG s", "LATENCY ms", "ERRORS/s", "CPU");
    jobs_lines(flow, true, found, out);
    server_line(&flow->broker.server, FLOW_KAFKA, found, out);
    jobs_lines(flow, false, found, out);
    server_line(&flow->redis, FLOW_REDIS, found, out);
    server_line(&flow->elastic, FLOW_ELASTIC, found, out);
    lags_print(flow, out);
    buffer_print(out, "\n%s\n", found->sentence);
}

/* ---- For the page ------------------------------------------------------------------------------------------------ */

static void text_put(buffer *out, const char *before, const char *text)
{
    buffer_text(out, before);
    json_string(out, (sl_text){ text, strlen(text) });
}

static void traffic_put(buffer *out, const char *name, const flow_traffic *traffic)
{
    buffer_print(
        out,
        ",\"%s\":{\"requests\":%.1f,\"answers\":%.1f,\"bytes_out\":%.0f,\"bytes_in\":%.0f,\"records\":%.1f,"
        "\"latency_ms\":%.2f,\"waited\":%.4f}",
        name, traffic->requests, traffic->answers, traffic->bytes_out, traffic->bytes_in, traffic->records,
        traffic->latency_ms, traffic->waited);
}

static void partitions_put(buffer *out, const flow_job *job)
{
    buffer_text(out, ",\"partitions\":[");
    for (size_t i = 0; i < job->partition_count; i++) {
        const flow_partition *part = &job->partitions[i];
        text_put(out, i ? ",{\"topic\":" : "{\"topic\":", part->topic);
        buffer_print(out, ",\"partition\":%d,\"records\":%.0f,\"seconds\":%.3f}", part->partition,
                     part->records, part->seconds);
    }
    buffer_byte(out, ']');
}

static void job_put(buffer *out, const flow_job *job)
{
    text_put(out, "{\"name\":", job->name);
    text_put(out, ",\"group\":", job->group);
    text_put(out, ",\"state\":", job->state);
    text_put(out, ",\"step\":", job->step);
    buffer_print(
        out,
        ",\"ships\":%s,\"interval_s\":%.3f,\"rate\":%.1f,\"busy\":%.3f,\"waiting_s\":%.3f,\"batches\":%.2f,"
        "\"queued\":%.0f,\"lag\":%.0f,\"lag_growth\":%.1f,\"lag_s\":%.3f,\"limit\":%.0f,\"errors\":%.2f,"
        "\"cpu\":%.3f",
        job->ships ? "true" : "false", job->interval_s, job->rate, job->busy, job->waiting_s, job->batches,
        job->queued, job->lag, job->lag_growth, job->lag_s, job->limit, job->errors, job->cpu);
    buffer_print(out,
                 ",\"shares\":{\"own\":%.3f,\"disk\":%.3f,\"kafka\":%.3f,\"redis\":%.3f,\"elastic\":%.3f}",
                 job->own, job->disk, job->on_kafka, job->on_redis, job->on_elastic);
    traffic_put(out, "kafka_in", &job->kafka_in);
    traffic_put(out, "kafka_out", &job->kafka_out);
    traffic_put(out, "redis", &job->redis);
    traffic_put(out, "elastic", &job->elastic);
    partitions_put(out, job);
    buffer_byte(out, '}');
}

static void server_put(buffer *out, const char *name, const flow_server *server)
{
    buffer_print(out, ",\"%s\":{\"asked\":%s,\"answers\":%s", name, server->asked ? "true" : "false",
                 server->answers ? "true" : "false");
    text_put(out, ",\"place\":", server->place);
    text_put(out, ",\"trouble\":", server->trouble);
    buffer_print(out, ",\"rate\":%.1f,\"queue\":%.0f,\"latency_ms\":%.3f,\"errors\":%.2f,\"cpu\":%.3f}",
                 server->rate, server->queue, server->latency_ms, server->errors, server->cpu);
}

void flow_json(const flow *flow, const bottleneck *found, buffer *out)
{
    const flow_broker *broker = &flow->broker;
    text_put(out, "{\"bottleneck\":", flow_stage_name(found->stage));
    text_put(out, ",\"sentence\":", found->sentence);
    buffer_print(out, ",\"time\":%lld,\"seconds\":%.3f,\"cpu\":%.3f,\"jobs\":[", (long long)flow->time_ms,
                 flow->seconds, flow->cpu);
    for (size_t i = 0; i < flow->job_count; i++) {
        buffer_text(out, i ? "," : "");
        job_put(out, &flow->jobs[i]);
    }
    buffer_byte(out, ']');
    server_put(out, "kafka", &broker->server);
    buffer_print(
        out,
        ",\"broker\":{\"messages_in\":%.1f,\"bytes_in\":%.0f,\"bytes_out\":%.0f,\"under_replicated\":%.0f,"
        "\"produce_ms\":%.2f,\"fetch_ms\":%.2f}",
        broker->messages_in, broker->bytes_in, broker->bytes_out, broker->under_replicated,
        broker->produce_ms, broker->fetch_ms);
    server_put(out, "redis", &flow->redis);
    server_put(out, "elastic", &flow->elastic);
    buffer_text(out, "}\n");
}

/* ---- For Elasticsearch ------------------------------------------------------------------------------------------- */

typedef struct row {
    const char *path;
    double value;
} row;

static void rows_tell(const row *rows, size_t count, flow_metric *each, void *argument)
{
    for (size_t i = 0; i < count; i++)
        each(argument, rows[i].path, rows[i].value);
}

/* The collector gave both times one path; they have it, and one of their own. */
static void broker_tell(const flow_broker *broker, flow_metric *each, void *argument)
{
    const row rows[] = {
        { "kafkabroker1.BrokerTopicMetrics.MessagesInPerSec.OneMinuteRate", broker->messages_in },
        { "kafkabroker1.BrokerTopicMetrics.BytesInPerSec.OneMinuteRate", broker->bytes_in },
        { "kafkabroker1.BrokerTopicMetrics.BytesOutPerSec.OneMinuteRate", broker->bytes_out },
        { "kafkabroker1.ReplicaManager.UnderReplicatedPartitions.Value", broker->under_replicated },
        { "kafkabroker1.RequestMetrics.TotalTimeMs.Mean", broker->produce_ms },
        { "kafkabroker1.RequestMetrics.TotalTimeMs.Mean", broker->fetch_ms },
        { "kafkabroker1.RequestMetrics.TotalTimeMs.Produce.Mean", broker->produce_ms },
        { "kafkabroker1.RequestMetrics.TotalTimeMs.FetchConsumer.Mean", broker->fetch_ms },
        { "kafkabroker1.OperatingSystem.ProcessCpuLoad", broker->server.cpu },
    };
    if (broker->server.answers)
        rows_tell(rows, sizeof rows / sizeof *rows, each, argument);
}

static void shipper_tell(const flow_job *job, double cpu, flow_metric *each, void *argument)
{
    const flow_traffic *out = &job->kafka_out;
    const row rows[] = {
        { "kafka-producer.RecordSendRate.record-send-rate", out->records },
        { "kafka-producer.Producer.outgoing-byte-rate.outgoing-byte-rate", out->bytes_out },
        { "kafka-producer.Producer.request-rate.request-rate", out->requests },
        { "kafka-producer.Producer.response-rate.response-rate", out->answers },
        { "kafka-producer.Producer.request-latency-avg.request-latency-avg", out->latency_ms },
        { "kafka-producer.OperatingSystem.SystemCpuLoad", cpu },
    };
    rows_tell(rows, sizeof rows / sizeof *rows, each, argument);
}

static void engine_tell(const flow_job *job, double cpu, flow_metric *each, void *argument)
{
    double most = 0;
    for (size_t i = 0; i < job->partition_count; i++)
        most = job->partitions[i].records > most ? job->partitions[i].records : most;
    const row rows[] = {
        { "kafka-consumer.Consumer.RecordsLagMax.records-lag-max", most },
        { "kafka-consumer.Consumer.InBytesRate.incoming-byte-rate", job->kafka_in.bytes_in },
        { "kafka-consumer.Consumer.ByteConsumed.bytes-consumed-rate", job->kafka_in.bytes_in },
        { "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate", job->rate },
        { "kafka-consumer.OperatingSystem.SystemCpuLoad", cpu },
    };
    rows_tell(rows, sizeof rows / sizeof *rows, each, argument);
}

static void job_tell(const flow_job *job, flow_metric *each, void *argument)
{
    const row rows[] = { { "rate", job->rate },     { "lag", job->lag },       { "lag_seconds", job->lag_s },
                         { "queued", job->queued }, { "errors", job->errors }, { "cpu", job->cpu },
                         { "busy", job->busy } };
    char path[FLOW_TEXT + 40];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(path, sizeof path, "flow.%s.%s", job->name, rows[i].path);
        each(argument, path, rows[i].value);
    }
}

static void server_tell(const char *name, const flow_server *server, flow_metric *each, void *argument)
{
    const row rows[] = { { "rate", server->rate },
                         { "queue", server->queue },
                         { "latency_ms", server->latency_ms },
                         { "errors", server->errors },
                         { "cpu", server->cpu } };
    char path[60];
    for (size_t i = 0; server->answers && i < sizeof rows / sizeof *rows; i++) {
        snprintf(path, sizeof path, "flow.%s.%s", name, rows[i].path);
        each(argument, path, rows[i].value);
    }
}

void flow_metrics(const flow *flow, flow_metric *each, void *argument)
{
    broker_tell(&flow->broker, each, argument);
    for (size_t i = 0; i < flow->job_count; i++) {
        const flow_job *job = &flow->jobs[i];
        if (job->state[0] == '\0')
            continue;
        if (job->ships)
            shipper_tell(job, flow->cpu, each, argument);
        else
            engine_tell(job, flow->cpu, each, argument);
        job_tell(job, each, argument);
    }
    server_tell("kafka", &flow->broker.server, each, argument);
    server_tell("redis", &flow->redis, each, argument);
    server_tell("elasticsearch", &flow->elastic, each, argument);
}
