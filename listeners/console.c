/*
 * listeners/console.c - a line on standard output for each thing that happens to a batch.
 *
 *     [batchSubmitted] 1795402680000
 *     [batchStarted] 1795402680000
 *     [batchCompleted] 1795402680000 records=240 written=238 duplicates=0 filtered=0 dead_letters=2 ...
 *     [batchFailed] 1795402682000 attempt=1 error=redis lookup ...: connection refused
 *
 * The number is the batch time. Each line is flushed, so that a reader behind a pipe sees it when it happens.
 */
#include <sluice/listener.h>
#include <stdio.h>

static void *console_open(const sl_listener_place *place, char *error);
static void console_submitted(void *self, const sl_batch_info *batch);
static void console_started(void *self, const sl_batch_info *batch);
static void console_completed(void *self, const sl_batch_info *batch);
static void console_failed(void *self, const sl_batch_info *batch);

static void *console_open(const sl_listener_place *place, char *error)
{
    sl_log_share_terminal();
    if (place->argument == NULL)
        return stdout;
    snprintf(error, 256, "the console listener takes no argument, not \"%.100s\"", place->argument);
    return NULL;
}

static void console_submitted(void *self, const sl_batch_info *batch)
{
    fprintf(self, "[batchSubmitted] %lld\n", (long long)batch->batch_time_ms);
    fflush(self);
}

static void console_started(void *self, const sl_batch_info *batch)
{
    fprintf(self, "[batchStarted] %lld\n", (long long)batch->batch_time_ms);
    fflush(self);
}

static void console_completed(void *self, const sl_batch_info *batch)
{
    flockfile(self); /* one line, even where a sink prints to the same stream */
    fprintf(self, "[batchCompleted] %lld records=%lld written=%lld duplicates=%lld filtered=%lld",
            (long long)batch->batch_time_ms, (long long)batch->records, (long long)batch->written,
            (long long)batch->duplicates, (long long)batch->filtered);
    fprintf(self, " dead_letters=%lld lookup_missed=%lld", (long long)batch->dead_letters,
            (long long)batch->lookup_missed);
    for (size_t i = 0; i < batch->counter_count; i++)
        fprintf(self, " %s=%lld", batch->counters[i].name, (long long)batch->counters[i].value);
    fprintf(self, " scheduling_delay_ms=%.1f processing_ms=%.1f total_delay_ms=%.1f\n",
            batch->scheduling_delay_ms, batch->processing_ms, batch->total_delay_ms);
    fflush(self);
    funlockfile(self);
}

/* The reason comes last and on the same line, whatever bytes a server put into it. */
static void console_failed(void *self, const sl_batch_info *batch)
{
    flockfile(self);
    fprintf(self, "[batchFailed] %lld attempt=%d error=", (long long)batch->batch_time_ms,
            (int)batch->attempt);
    for (const char *at = batch->error ? batch->error : ""; *at; at++)
        putc_unlocked((unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at, self);
    putc_unlocked('\n', self);
    fflush(self);
    funlockfile(self);
}

extern const sl_listener listener_console;
const sl_listener listener_console = { .name = "console",
                                       .about = "a line on standard output for each event of a batch",
                                       .open = console_open,
                                       .on_batch_submitted = console_submitted,
                                       .on_batch_started = console_started,
                                       .on_batch_completed = console_completed,
                                       .on_batch_failed = console_failed };
