/*
 * listeners/csv.c - Spark's streaming gauges as its CsvSink writes them, a line after each batch: --listen csv:DIR (a folder csv in
 * the work folder).
 *
 *     listens.driver.listens.StreamingMetrics.streaming.lastCompletedBatch_processingDelay.csv
 *         t,value
 *         1795402680,3
 *
 * A file for each gauge, named as Spark's with the job's name for application id and name. What is not known is -1. All batches
 * are there, not one in ten seconds. A file that cannot be written is told once, and tried again with the next batch.
 */
#include <errno.h>
#include <sluice/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct csv {
    char *job, *folder;
    int64_t submitted, started, completed, received, processed;
    bool told;
} csv;

typedef struct gauge {
    const char *name;
    int64_t value;
} gauge;

static void *csv_open(const sl_listener_place *place, char *error);
static void csv_close(void *self);

static void *csv_open(const sl_listener_place *place, char *error)
{
    csv *self = calloc(1, sizeof *self);
    const char *base = place->argument ? place->argument : place->work_dir;
    if (self == NULL || base == NULL || (self->job = strdup(place->job)) == NULL ||
        asprintf(&self->folder, "%s%s", base, place->argument ? "" : "/csv") < 0) {
        snprintf(error, 256, base ? "no memory for it" : "--listen csv:DIR needs a folder");
    } else if (mkdir(self->folder, 0750) != 0 && errno != EEXIST) {
        snprintf(error, 256, "making the folder %.150s: %s", self->folder, strerror(errno));
    } else {
        return self;
    }
    if (self)
        csv_close(self);
    return NULL;
}

static void csv_close(void *self)
{
    csv *csv = self;
    free(csv->job);
    free(csv->folder);
    free(csv);
}

static void csv_submitted(void *self, const sl_batch_info *batch)
{
    (void)batch;
    ((csv *)self)->submitted++;
}

static void csv_started(void *self, const sl_batch_info *batch)
{
    csv *csv = self;
    if (batch->attempt == 1 || csv->started == csv->completed)
        csv->started++;
}

/* ---- A batch ----------------------------------------------------------------------------------------------------- */

static bool line_write(const csv *self, const char *gauge, long long seconds, int64_t value)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/%s.driver.%s.StreamingMetrics.streaming.%s.csv", self->folder,
                        self->job, self->job, gauge);
    FILE *file = size < (int)sizeof path ? fopen(path, "ae") : NULL;
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    if (ftell(file) == 0)
        fprintf(file, "t,value\n");
    fprintf(file, "%lld,%lld\n", seconds, (long long)value);
    return fclose(file) == 0;
}

static void gauges_write(csv *self, const gauge *gauges, size_t count, long long seconds)
{
    bool written = true;
    for (size_t i = 0; i < count; i++)
        written = line_write(self, gauges[i].name, seconds, gauges[i].value) && written;
    if (!written && !self->told)
        sl_log_warn("csv", "writing into %s: %s; the job goes on without", self->folder, strerror(errno));
    self->told = !written;
}

static void csv_completed(void *self, const sl_batch_info *batch)
{
    csv *csv = self;
    csv->completed++;
    csv->processed += batch->records;
    csv->received += batch->records;
    int64_t scheduling = (int64_t)batch->scheduling_delay_ms, total = (int64_t)batch->total_delay_ms;
    const gauge gauges[] = {
        { "receivers", 0 },
        { "totalCompletedBatches", csv->completed },
        { "totalReceivedRecords", csv->received },
        { "totalProcessedRecords", csv->processed },
        { "unprocessedBatches", csv->submitted - csv->completed },
        { "waitingBatches", csv->submitted - csv->started },
        { "runningBatches", csv->started - csv->completed },
        { "retainedCompletedBatches", csv->completed < 1000 ? csv->completed : 1000 },
        { "lastCompletedBatch_submissionTime", batch->submission_time_ms },
        { "lastCompletedBatch_processingStartTime", batch->processing_start_time_ms },
        { "lastCompletedBatch_processingEndTime", batch->processing_end_time_ms },
        { "lastCompletedBatch_processingDelay", total - scheduling },
        { "lastCompletedBatch_schedulingDelay", scheduling },
        { "lastCompletedBatch_totalDelay", total },
        { "lastReceivedBatch_submissionTime", batch->submission_time_ms },
        { "lastReceivedBatch_processingStartTime", batch->processing_start_time_ms },
        { "lastReceivedBatch_processingEndTime", batch->processing_end_time_ms },
        { "lastReceivedBatch_records", batch->records },
    };
    gauges_write(csv, gauges, sizeof gauges / sizeof gauges[0], batch->processing_end_time_ms / 1000);
}

extern const sl_listener listener_csv;
const sl_listener listener_csv = { .name = "csv",
                                   .about = "Spark's streaming gauges as CSV files, a line after each batch",
                                   .open = csv_open,
                                   .close = csv_close,
                                   .on_batch_submitted = csv_submitted,
                                   .on_batch_started = csv_started,
                                   .on_batch_completed = csv_completed };
