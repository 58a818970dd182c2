/*
 * tests/support/recount.c - windows counted by brute force.
 */
#include <base/memory.h>
#include <sluice/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/recount.h>
#include <time.h>

static size_t batch_bytes(const recount *recount)
{
    return sizeof(int64_t) + (recount->keys * sizeof(uint32_t) + 7) / 8 * 8;
}

void recount_done(recount *recount)
{
    buffer_done(&recount->batches);
}

void recount_pass(recount *recount, int64_t ms)
{
    recount->clock_ms += ms;
}

/* T = max(floor(now / interval) * interval, the smallest multiple of the interval > the last T) */
uint32_t *recount_batch(recount *recount)
{
    int64_t interval = recount->interval_ms, next = interval;
    recount->clock_ms += interval;
    recount->last_ms = recount->time_ms;
    while (next <= recount->last_ms || next + interval <= recount->clock_ms)
        next += interval;
    recount->time_ms = next;
    size_t bytes = batch_bytes(recount);
    char *at = buffer_reserve(&recount->batches, bytes);
    memset(at, 0, bytes);
    memcpy(at, &next, sizeof next);
    recount->batches.size += bytes;
    return (uint32_t *)(void *)(at + sizeof next);
}

const uint32_t *recount_newest(const recount *recount)
{
    size_t bytes = batch_bytes(recount);
    return (const uint32_t *)(const void *)(recount->batches.at + recount->batches.size - bytes +
                                            sizeof(int64_t));
}

size_t recount_ends(const recount *recount, int64_t ends[RECOUNT_ENDS_MAX])
{
    int64_t slide = recount->slide_ms;
    size_t all = 0, most = slide ? (size_t)(recount->length_ms / slide) : 1;
    if (slide == 0) {
        ends[0] = recount->time_ms;
        return 1;
    }
    for (int64_t end = slide; end <= recount->time_ms; end += slide)
        if (recount->last_ms ? end > recount->last_ms : end == recount->time_ms)
            ends[all++ % RECOUNT_ENDS_MAX] = end;
    most = most ? most : 1;
    size_t count = all < most ? all : most;
    memmove(ends, ends + all - count, count * sizeof *ends);
    return count;
}

static int64_t ceiling(int64_t number, int64_t by)
{
    int64_t whole = number / by;
    return whole * by < number ? whole + 1 : whole;
}

int64_t recount_start(const recount *recount, int64_t end_ms)
{
    if (recount->length_ms == 0)
        return end_ms - 1;
    return (ceiling(end_ms, recount->pane_ms) - recount->length_ms / recount->pane_ms) * recount->pane_ms;
}

void recount_window(const recount *recount, int64_t end_ms, uint64_t *totals)
{
    int64_t start_ms = recount_start(recount, end_ms);
    memset(totals, 0, recount->keys * sizeof *totals);
    for (size_t at = 0; at < recount->batches.size; at += batch_bytes(recount)) {
        int64_t time_ms;
        memcpy(&time_ms, recount->batches.at + at, sizeof time_ms);
        if (time_ms <= start_ms || time_ms > end_ms)
            continue;
        const uint32_t *times = (const uint32_t *)(const void *)(recount->batches.at + at + sizeof time_ms);
        for (size_t i = 0; i < recount->keys; i++)
            totals[i] += times[i];
    }
}

void iso_print(int64_t ms, char at[25])
{
    struct tm day;
    int64_t seconds = ms < 0 ? -((999 - ms) / 1000) : ms / 1000;
    time_t when = (time_t)seconds;
    gmtime_r(&when, &day);
    size_t size = strftime(at, 25, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(at + size, 25 - size, ".%03dZ", (int)(ms - seconds * 1000));
}

static int line_compare(const void *a, const void *b)
{
    return sl_text_compare(*(const sl_text *)a, *(const sl_text *)b);
}

void lines_sort(buffer *lines)
{
    buffer cut = { 0 }, sorted = { 0 };
    for (size_t at = 0; at < lines->size;) {
        const char *end = memchr(lines->at + at, '\n', lines->size - at);
        size_t size = (size_t)(end - lines->at) + 1 - at;
        buffer_append(&cut, &(sl_text){ lines->at + at, size }, sizeof(sl_text));
        at += size;
    }
    size_t count = cut.size / sizeof(sl_text);
    if (count)
        qsort(cut.at, count, sizeof(sl_text), line_compare);
    for (size_t i = 0; i < count; i++) {
        const sl_text *line = (const sl_text *)(const void *)cut.at + i;
        buffer_append(&sorted, line->at, line->size);
    }
    buffer_done(&cut);
    buffer_done(lines);
    *lines = sorted;
}
