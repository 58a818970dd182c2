/*
 * ship.c - log files to Kafka, as they grow: each line is one message, its bytes unchanged, without a key.
 *
 *     lines (file:tracks_live.csv) -> take_line -> messages (kafka:realtime)
 *
 *     build/jobs/ship --from lines=file:/var/log/listens-*.csv --from-offsets latest
 *
 * The file source follows the files (engine/sources/file.c): several by a glob, over rotations, from the start or the end. What
 * was sent stands in the job's checkpoint; a line may come twice after a crash. With --exactly-once it comes once: what was sent
 * stands with the messages, even where the work folder is lost. A line that the servers refuse for good, since it is too
 * large, is a dead letter.
 */
#include <sluice/job.h>

#define SHIPPED_FIELDS(F) F(origin, origin) F(text, line)
SL_RECORD(shipped, SHIPPED_FIELDS);

static bool take_line(sl_task *task, const sl_message *in, shipped *out)
{
    (void)task;
    out->origin = in->origin;
    out->line = in->value;
    return true;
}
SL_STAGE(take_line, sl_message, shipped);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "file:tracks_live.csv" });
    sl_to(sl_through(lines, &take_line_stage), &(sl_output){ .name = "messages",
                                                             .to = { "kafka:realtime" },
                                                             .index = "realtime",
                                                             .id = SL_FIELDS(shipped, origin),
                                                             .raw = SL_FIELDS(shipped, line) });
}

/* A batch costs two writes to the disk: five a second let a line wait as long as a network does now and then. */
const sl_job job = {
    .name = "ship", .about = "lines of growing files to Kafka", .draw = draw, .interval = "200ms"
};
