/*
 * http/rest.c - each path has a function that prints its answer. Times of a batch are printed as whole milliseconds that add up:
 * schedulingDelay + processingTime = totalDelay.
 */
#include <http/pretty.h>
#include <http/rest.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

typedef enum rest_status { REST_COMPLETED, REST_QUEUED, REST_PROCESSING } rest_status;

static const char *const status_names[] = { "COMPLETED", "QUEUED", "PROCESSING" };

static unsigned not_found(buffer *body, const char *text, const char *what)
{
    body->size = 0;
    buffer_text(body, text);
    buffer_text(body, what);
    return 404;
}

/* An attempt that failed comes again: its batch is at work. */
static rest_status status_of(const recent_batch *batch)
{
    return batch->state == SL_BATCH_COMPLETED   ? REST_COMPLETED
           : batch->state == SL_BATCH_SUBMITTED ? REST_QUEUED
                                                : REST_PROCESSING;
}

/* ---- /applications ----------------------------------------------------------------------------------------------- */

static void application_print(pretty *out, const recent_view *view, const rest_query *query)
{
    pretty_object(out, NULL);
    pretty_text(out, "id", view->job);
    pretty_text(out, "name", view->job);
    pretty_array(out, "attempts");
    pretty_object(out, NULL);
    pretty_date(out, "startTime", view->start_time_ms);
    pretty_date(out, "endTime", -1); /* it runs */
    pretty_date(out, "lastUpdated", view->start_time_ms);
    pretty_number(out, "duration", query->now_ms - view->start_time_ms);
    pretty_text(out, "sparkUser", query->user);
    pretty_flag(out, "completed", false);
    pretty_text(out, "appSparkVersion", query->version);
    pretty_number(out, "startTimeEpoch", view->start_time_ms);
    pretty_number(out, "endTimeEpoch", -1);
    pretty_number(out, "lastUpdatedEpoch", view->start_time_ms);
    pretty_object_end(out);
    pretty_array_end(out);
    pretty_object_end(out);
}

/* ---- /streaming/statistics --------------------------------------------------------------------------------------- */

typedef struct averages {
    double rates;
    int64_t batches, scheduling, started, processing, total, done;
} averages;

static int64_t scheduling_of(const recent_batch *batch)
{
    return (int64_t)batch->scheduling_delay_ms;
}

static int64_t total_of(const recent_batch *batch)
{
    return (int64_t)batch->total_delay_ms;
}

static double rate_of(const recent_view *view, int64_t records)
{
    return view->interval_ms ? (double)records * 1000 / (double)view->interval_ms : 0;
}

static averages averages_of(const recent_view *view)
{
    averages sums = { 0 };
    for (size_t i = 0; i < view->count; i++) {
        const recent_batch *batch = view->batches[i];
        sums.rates += rate_of(view, batch->records);
        sums.batches++;
        if (status_of(batch) != REST_QUEUED) {
            sums.scheduling += scheduling_of(batch);
            sums.started++;
        }
        if (status_of(batch) == REST_COMPLETED) {
            sums.processing += total_of(batch) - scheduling_of(batch);
            sums.total += total_of(batch);
            sums.done++;
        }
    }
    return sums;
}

static void statistics_print(pretty *out, const recent_view *view)
{
    averages sums = averages_of(view);
    pretty_object(out, NULL);
    pretty_date(out, "startTime", view->start_time_ms);
    pretty_number(out, "batchDuration", view->interval_ms);
    pretty_number(out, "numReceivers", 0);
    pretty_number(out, "numActiveReceivers", 0);
    pretty_number(out, "numInactiveReceivers", 0);
    pretty_number(out, "numTotalCompletedBatches", view->completed);
    pretty_number(out, "numRetainedCompletedBatches", view->retained);
    pretty_number(out, "numActiveBatches", (int64_t)view->count - view->retained);
    pretty_number(out, "numProcessedRecords", view->processed);
    pretty_number(out, "numReceivedRecords", view->received);
    if (sums.batches)
        pretty_real(out, "avgInputRate", sums.rates / (double)sums.batches);
    if (sums.started)
        pretty_number(out, "avgSchedulingDelay", sums.scheduling / sums.started);
    if (sums.done) {
        pretty_number(out, "avgProcessingTime", sums.processing / sums.done);
        pretty_number(out, "avgTotalDelay", sums.total / sums.done);
    }
    pretty_object_end(out);
}

/* ---- /streaming/receivers ---------------------------------------------------------------------------------------- */

static void receiver_print(pretty *out, const recent_view *view, size_t stream)
{
    double sum = 0;
    pretty_object(out, NULL);
    pretty_number(out, "streamId", (int64_t)stream);
    pretty_text(out, "streamName", view->topics[stream]);
    for (size_t i = 0; i < view->count; i++)
        sum += rate_of(view, view->batches[i]->topic_records[stream]);
    if (view->count)
        pretty_real(out, "avgEventRate", sum / (double)view->count);
    pretty_array(out, "eventRates");
    for (size_t i = 0; i < view->count; i++) {
        pretty_array(out, NULL);
        pretty_number(out, NULL, view->batches[i]->time_ms);
        pretty_real(out, NULL, rate_of(view, view->batches[i]->topic_records[stream]));
        pretty_array_end(out);
    }
    pretty_array_end(out);
    pretty_object_end(out);
}

/* ---- /streaming/batches ------------------------------------------------------------------------------------------ */

static void operations_count(const recent_view *view, const recent_batch *batch, int64_t *done,
                             int64_t *failed)
{
    *failed = 0;
    *done = status_of(batch) == REST_COMPLETED ? (int64_t)view->output_count : 0;
    for (size_t i = 0; i < batch->output_count && *done < (int64_t)view->output_count; i++) {
        *failed += batch->outputs[i].failed;
        *done += batch->outputs[i].end_time_ms && !batch->outputs[i].failed;
    }
}

static void batch_print(pretty *out, const recent_view *view, const recent_batch *batch)
{
    int64_t done, failed;
    rest_status status = status_of(batch);
    operations_count(view, batch, &done, &failed);
    pretty_object(out, NULL);
    pretty_number(out, "batchId", batch->time_ms);
    pretty_date(out, "batchTime", batch->time_ms);
    pretty_text(out, "status", status_names[status]);
    pretty_number(out, "batchDuration", batch->interval_ms);
    pretty_number(out, "inputSize", batch->records);
    if (status != REST_QUEUED)
        pretty_number(out, "schedulingDelay", scheduling_of(batch));
    if (status == REST_COMPLETED) {
        pretty_number(out, "processingTime", total_of(batch) - scheduling_of(batch));
        pretty_number(out, "totalDelay", total_of(batch));
    }
    pretty_number(out, "numActiveOutputOps", (int64_t)view->output_count - done - failed);
    pretty_number(out, "numCompletedOutputOps", done);
    pretty_number(out, "numFailedOutputOps", failed);
    pretty_number(out, "numTotalOutputOps", (int64_t)view->output_count);
    if (batch->state == SL_BATCH_FAILED && batch->failures.size)
        pretty_text(out, "firstFailureReason", batch->failures.at);
    pretty_object_end(out);
}

static bool is_asked_for(const rest_query *query, rest_status status)
{
    for (size_t i = 0; i < query->status_count; i++)
        if (strcasecmp(query->statuses[i], status_names[status]) == 0)
            return true;
    return query->status_count == 0;
}

/* NULL: all are known. */
static const char *status_unknown(const rest_query *query)
{
    for (size_t i = 0; i < query->status_count; i++) {
        rest_query one = { .statuses = &query->statuses[i], .status_count = 1 };
        if (!is_asked_for(&one, REST_COMPLETED) && !is_asked_for(&one, REST_QUEUED) &&
            !is_asked_for(&one, REST_PROCESSING))
            return query->statuses[i];
    }
    return NULL;
}

static unsigned batches_answer(pretty *out, const recent_view *view, const rest_query *query)
{
    const char *unknown = status_unknown(query);
    if (unknown) {
        buffer_print(out->out, "Illegal type='%.40s'. Supported type values: %s, %s, %s", unknown,
                     status_names[0], status_names[1], status_names[2]);
        return 404;
    }
    pretty_array(out, NULL);
    for (size_t i = view->count; i-- > 0;)
        if (is_asked_for(query, status_of(view->batches[i])))
            batch_print(out, view, view->batches[i]);
    pretty_array_end(out);
    return 200;
}

/* ---- /streaming/batches/TIME/operations -------------------------------------------------------------------------- */

static void operation_print(pretty *out, const recent_view *view, const recent_batch *batch, size_t i)
{
    const recent_output *times = i < batch->output_count ? &batch->outputs[i] : &(recent_output){ 0 };
    pretty_object(out, NULL);
    pretty_number(out, "outputOpId", view->outputs[i].id);
    pretty_text(out, "name", view->outputs[i].name);
    pretty_text(out, "description", view->outputs[i].description);
    if (times->start_time_ms)
        pretty_date(out, "startTime", times->start_time_ms);
    if (times->end_time_ms) {
        pretty_date(out, "endTime", times->end_time_ms);
        pretty_number(out, "duration", times->end_time_ms - times->start_time_ms);
    }
    if (times->failed) /* the first failure ends an attempt: of its outputs' errors there is one */
        pretty_text(out, "failureReason", batch->failures.at + strlen(batch->failures.at) + 1);
    pretty_array(out, "jobIds");
    pretty_array_end(out);
    pretty_object_end(out);
}

static unsigned operations_answer(pretty *out, const recent_view *view, const recent_batch *batch,
                                  const char *rest)
{
    if (*rest == '\0') {
        pretty_array(out, NULL);
        for (size_t i = 0; i < view->output_count; i++)
            operation_print(out, view, batch, i);
        pretty_array_end(out);
        return 200;
    }
    char *end;
    long long id = strtoll(rest + 1, &end, 10);
    if (*end || id < 0 || (size_t)id >= view->output_count)
        return not_found(out->out, "unknown output operation: ", rest + 1);
    operation_print(out, view, batch, (size_t)id);
    return 200;
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

static bool is_number(const char *text, size_t size)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits == size && size < 19;
}

static unsigned batch_answer(pretty *out, const recent_view *view, const char *path)
{
    const char *rest = strchr(path, '/');
    size_t size = rest ? (size_t)(rest - path) : strlen(path);
    bool operations = rest && strncmp(rest, "/operations", 11) == 0 &&
                      (rest[11] == '\0' || (rest[11] == '/' && is_number(rest + 12, strlen(rest + 12))));
    if (!is_number(path, size) || (rest && !operations))
        return not_found(out->out, "HTTP 404 Not Found", "");
    int64_t time_ms = strtoll(path, NULL, 10);
    for (size_t i = 0; i < view->count; i++) {
        if (view->batches[i]->time_ms != time_ms)
            continue;
        if (operations)
            return operations_answer(out, view, view->batches[i], rest + 11);
        batch_print(out, view, view->batches[i]);
        return 200;
    }
    char number[24];
    memcpy(number, path, size);
    number[size] = '\0';
    return not_found(out->out, "unknown batch: ", number);
}

static unsigned receivers_answer(pretty *out, const recent_view *view, const char *rest)
{
    if (*rest == '\0') {
        pretty_array(out, NULL);
        for (size_t i = 0; i < view->topic_count; i++)
            receiver_print(out, view, i);
        pretty_array_end(out);
        return 200;
    }
    if (rest[0] != '/' || !is_number(rest + 1, strlen(rest + 1)))
        return not_found(out->out, "HTTP 404 Not Found", "");
    size_t stream = (size_t)strtoull(rest + 1, NULL, 10);
    if (stream >= view->topic_count)
        return not_found(out->out, "unknown receiver: ", rest + 1);
    receiver_print(out, view, stream);
    return 200;
}

static unsigned streaming_answer(pretty *out, const recent_view *view, const rest_query *query,
                                 const char *path)
{
    if (strcmp(path, "/statistics") == 0) {
        statistics_print(out, view);
        return 200;
    }
    if (strncmp(path, "/receivers", 10) == 0)
        return receivers_answer(out, view, path + 10);
    if (strcmp(path, "/batches") == 0)
        return batches_answer(out, view, query);
    if (strncmp(path, "/batches/", 9) == 0)
        return batch_answer(out, view, path + 9);
    return not_found(out->out, "HTTP 404 Not Found", "");
}

/* A name may hold no slash: it is a folder's, too. */
static unsigned application_answer(pretty *out, const recent_view *view, const rest_query *query,
                                   const char *path)
{
    size_t size = strcspn(path, "/");
    bool known = strlen(view->job) == size && strncmp(view->job, path, size) == 0;
    bool streaming = strncmp(path + size, "/streaming", 10) == 0;
    if (!known) {
        char id[200];
        size_t some = size < sizeof id ? size : sizeof id - 1;
        memcpy(id, path, some);
        id[some] = '\0';
        return not_found(out->out, streaming ? "no such app: " : "unknown app: ", id);
    }
    if (streaming)
        return streaming_answer(out, view, query, path + size + 10);
    if (path[size] != '\0')
        return not_found(out->out, "HTTP 404 Not Found", "");
    application_print(out, view, query);
    return 200;
}

unsigned rest_answer(const recent_view *view, const rest_query *query, buffer *body)
{
    pretty out = { .out = body };
    if (strcmp(query->path, "/applications") == 0) {
        pretty_array(&out, NULL);
        application_print(&out, view, query);
        pretty_array_end(&out);
        return 200;
    }
    if (strncmp(query->path, "/applications/", 14) == 0)
        return application_answer(&out, view, query, query->path + 14);
    return not_found(body, "HTTP 404 Not Found", "");
}
