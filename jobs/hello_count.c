/*
 * hello_count.c - the smallest job: how many lines came in each batch, on the console.
 *
 *     lines -> one_line -> count in the batch -> console
 */
#include <sluice/job.h>

#define LINE_COUNT_FIELDS(F) F(text, what) F(i64, lines)
SL_RECORD(line_count, LINE_COUNT_FIELDS);

static bool one_line(sl_task *task, const sl_message *in, line_count *out)
{
    (void)task;
    (void)in;
    out->what = SL_TEXT("lines");
    return true;
}
SL_STAGE(one_line, sl_message, line_count);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream counts =
        sl_count_by(sl_through(lines, &one_line_stage), &(sl_count){ .name = "lines_in_batch",
                                                                     .key = SL_FIELDS(line_count, what),
                                                                     .into = SL_FIELDS(line_count, lines) });
    sl_to(counts, &(sl_output){ .name = "counts",
                                .to = { "console" },
                                .index = "hello_count",
                                .id = SL_FIELDS(line_count, what) });
}

const sl_job job = { .name = "hello_count", .about = "how many lines came in each batch", .draw = draw };
