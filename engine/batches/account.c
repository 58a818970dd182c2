/*
 * batches/account.c - a batch's account as the line of JSON that users read; see <sluice/listener.h>.
 */
#include <base/traffic.h>
#include <batches/account.h>
#include <inttypes.h>
#include <records/document.h>
#include <sluice/listener.h>

const char *sl_batch_state_name(sl_batch_state state)
{
    static const char *const names[] = { "submitted", "started", "completed", "failed" };
    return names[state];
}

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

static void print_ranges(buffer *out, const sl_batch_info *batch)
{
    buffer_text(out, ",\"ranges\":[");
    for (size_t i = 0; i < batch->range_count; i++) {
        const sl_range *range = &batch->ranges[i];
        buffer_text(out, i ? ",{\"topic\":" : "{\"topic\":");
        json_string(out, text_of(range->topic));
        buffer_print(out,
                     ",\"partition\":%d,\"from\":%" PRId64 ",\"until\":%" PRId64 ",\"end\":%" PRId64
                     ",\"lag\":%" PRId64,
                     range->partition, range->from, range->until, range->end, range->end - range->until);
        if (range->time_ms)
            buffer_print(out, ",\"time\":%" PRId64, range->time_ms);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void print_counts(buffer *out, const sl_batch_info *batch)
{
    buffer_print(out, ",\"scheduling_delay_ms\":%.1f,\"processing_ms\":%.1f,\"total_delay_ms\":%.1f",
                 batch->scheduling_delay_ms, batch->processing_ms, batch->total_delay_ms);
    buffer_print(out, ",\"written\":%" PRId64 ",\"duplicates\":%" PRId64 ",\"filtered\":%" PRId64,
                 batch->written, batch->duplicates, batch->filtered);
    buffer_print(out, ",\"dead_letters\":%" PRId64 ",\"lookup_missed\":%" PRId64, batch->dead_letters,
                 batch->lookup_missed);
    for (size_t i = 0; i < batch->counter_count; i++) {
        buffer_byte(out, ',');
        json_string(out, text_of(batch->counters[i].name));
        buffer_print(out, ":%" PRId64, batch->counters[i].value);
    }
}

/* In whole microseconds, rounded at the ends of the phases: what is printed sums up, too. */
static void print_phases(buffer *out, const sl_phases *phases)
{
    const struct {
        const char *name;
        int64_t ns;
    } all[] = { { "waiting", phases->waiting_ns },
                { "work", phases->work_ns },
                { "merge", phases->merge_ns },
                { "sinks", phases->sinks_ns },
                { "commit", phases->commit_ns } };
    int64_t end_ns = 0;
    buffer_text(out, ",\"phases_us\":{");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int64_t began_us = (end_ns + 500) / 1000;
        end_ns += all[i].ns;
        buffer_print(out, "%s\"%s\":%" PRId64, i ? "," : "", all[i].name, (end_ns + 500) / 1000 - began_us);
    }
    buffer_byte(out, '}');
}

static void print_workers(buffer *out, const sl_batch_info *batch)
{
    buffer_text(out, ",\"steps_us\":{");
    for (size_t i = 0; i < batch->step_count; i++) {
        buffer_text(out, i ? "," : "");
        json_string(out, text_of(batch->steps[i].name));
        buffer_print(out, ":%" PRId64, batch->steps[i].ns / 1000);
    }
    buffer_print(
        out,
        "},\"workers\":%d,\"workers_us\":%" PRId64 ",\"slowest_worker\":{\"worker\":%d,\"us\":%" PRId64 "}",
        batch->workers, batch->workers_ns / 1000, batch->slowest_worker, batch->slowest_worker_ns / 1000);
    if (batch->slowest_topic == NULL)
        return;
    buffer_text(out, ",\"slowest_partition\":{\"topic\":");
    json_string(out, text_of(batch->slowest_topic));
    buffer_print(out, ",\"partition\":%d,\"us\":%" PRId64 "}", batch->slowest_partition,
                 batch->slowest_partition_ns / 1000);
}

static void print_states(buffer *out, const sl_batch_info *batch)
{
    buffer_text(out, ",\"states\":[");
    for (size_t i = 0; i < batch->state_count; i++) {
        buffer_text(out, i ? ",{\"name\":" : "{\"name\":");
        json_string(out, text_of(batch->states[i].name));
        buffer_print(out, ",\"keys\":%" PRId64 ",\"bytes\":%" PRId64 "}", batch->states[i].keys,
                     batch->states[i].bytes);
    }
    buffer_byte(out, ']');
}

static void print_hot_keys(buffer *out, const sl_batch_info *batch)
{
    buffer_text(out, ",\"hot_keys\":[");
    for (size_t i = 0; i < batch->hot_key_count; i++) {
        buffer_text(out, i ? ",{\"name\":" : "{\"name\":");
        json_string(out, text_of(batch->hot_keys[i].name));
        buffer_text(out, ",\"key\":");
        json_string(out, text_of(batch->hot_keys[i].key));
        buffer_print(out, ",\"share\":%.3f}", batch->hot_keys[i].share);
    }
    buffer_byte(out, ']');
}

void account_print(const sl_batch_info *batch, buffer *out)
{
    buffer_text(out, "{\"job\":");
    json_string(out, text_of(batch->job));
    buffer_print(out, ",\"batch_id\":%" PRId64 ",\"batch_time\":%" PRId64 ",\"interval_ms\":%" PRId64,
                 batch->batch_id, batch->batch_time_ms, batch->interval_ms);
    buffer_print(out, ",\"state\":\"%s\",\"attempt\":%d,\"catch_up\":%s,\"records\":%" PRId64,
                 sl_batch_state_name(batch->state), batch->attempt, batch->catch_up ? "true" : "false",
                 batch->records);
    if (batch->rate_limit > 0)
        buffer_print(out, ",\"rate_limit\":%.0f", batch->rate_limit);
    if (batch->rate_max)
        buffer_print(out, ",\"max_rate_per_partition\":%" PRId64, batch->rate_max);
    print_ranges(out, batch);
    print_counts(out, batch);
    buffer_text(out, ",\"error\":");
    if (batch->error)
        json_string(out, text_of(batch->error));
    else
        buffer_text(out, "null");
    if (batch->state_count)
        print_states(out, batch);
    if (batch->step_count) {
        print_phases(out, &batch->phases);
        print_workers(out, batch);
    }
    if (batch->hot_key_count)
        print_hot_keys(out, batch);
    buffer_byte(out, '}');
}

size_t sl_batch_json(const sl_batch_info *batch, char *at, size_t room)
{
    buffer line = { 0 };
    account_print(batch, &line);
    if (room) {
        size_t size = line.size < room ? line.size : room - 1;
        memcpy(at, line.at, size);
        at[size] = '\0';
    }
    size_t whole = line.size;
    buffer_done(&line);
    return whole;
}

size_t sl_traffic_now(sl_traffic *at, size_t room)
{
    static const char *const names[TRAFFIC_SERVERS] = { NULL, "kafka_in", "kafka_out", "redis", "elastic" };
    size_t count = 0;
    for (int server = TRAFFIC_NONE + 1; server < TRAFFIC_SERVERS && count < room; server++) {
        traffic sum = traffic_of((traffic_server)server);
        if (sum.requests || sum.bytes_in)
            at[count++] = (sl_traffic){ names[server], sum.requests, sum.answers,    sum.bytes_out,
                                        sum.bytes_in,  sum.records,  sum.latency_ns, sum.blocked_ns };
    }
    return count;
}
