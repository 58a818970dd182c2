/*
 * sources/kafka/loss.c - records that are gone before the job has read them: retention took them, or the topic was truncated or
 * made anew. With --on-data-loss fail the job ends; with skip it goes on behind the gap, and the log tells the gap.
 */
#include <base/log.h>
#include <inttypes.h>
#include <sources/kafka/reader.h>

static const char advice[] = "; with --on-data-loss skip the job goes on with what is there";
static const char promise[] = "; the next start goes on with what is there, as --on-data-loss skip says";

bool loss_is_skipped(const kafka_reader *reader)
{
    return strcmp(settings_text(reader->spec.settings, "input.on_data_loss"), "skip") == 0;
}

sl_result loss_kind(const kafka_reader *reader)
{
    return loss_is_skipped(reader) ? SL_FAILED : SL_DATA_LOSS;
}

const char *loss_advice(const kafka_reader *reader)
{
    return loss_is_skipped(reader) ? promise : advice;
}

static void gap_tell(const kafka_reader *reader, int32_t partition, int64_t from, int64_t until)
{
    log_warn("kafka",
             "topic %s partition %" PRId32 ": offsets %" PRId64 " to %" PRId64
             " are gone (retention), and passed over: %" PRId64 " offsets, as --on-data-loss skip says",
             reader->topic, partition, from, until - 1, until - from);
}

sl_result loss_at_start(const kafka_reader *reader, source_partition *wanted, int64_t begin, int64_t end,
                        failure *failure)
{
    bool skips = loss_is_skipped(reader);
    if (wanted->offset >= begin && wanted->offset <= end)
        return SL_OK;
    if (wanted->offset < begin && !skips)
        return fail(failure, SL_DATA_LOSS,
                    "kafka topic \"%s\" partition %" PRId32 " begins at offset %" PRId64
                    ", but the job stands at %" PRId64 ": the %" PRId64
                    " offsets between are gone (retention)%s",
                    reader->topic, wanted->partition, begin, wanted->offset, begin - wanted->offset, advice);
    if (!skips)
        return fail(failure, SL_DATA_LOSS,
                    "kafka topic \"%s\" partition %" PRId32 " ends at offset %" PRId64
                    ", but the job stands at %" PRId64 ": the topic was truncated or made anew%s",
                    reader->topic, wanted->partition, end, wanted->offset, advice);
    if (wanted->offset < begin)
        gap_tell(reader, wanted->partition, wanted->offset, begin);
    else
        log_warn("kafka",
                 "topic %s partition %" PRId32 " ends at offset %" PRId64 ", but the job stands at %" PRId64
                 ": it was truncated or made anew; the job reads it from its begin, offset %" PRId64
                 ", as --on-data-loss skip says",
                 reader->topic, wanted->partition, end, wanted->offset, begin);
    wanted->offset = begin;
    return SL_OK;
}

void loss_of_topic(kafka_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        failure_clear(&reader->parts[i].trouble);
        fail(&reader->parts[i].trouble, loss_kind(reader),
             "kafka topic \"%s\" was deleted and made anew while it was read%s", reader->topic,
             loss_advice(reader));
    }
}

void loss_settle(kafka_reader *reader, uint32_t i, int64_t begin, int64_t end)
{
    kafka_part *part = &reader->parts[i];
    part->lost = false;
    if (growth_is_unread(part)) {
        segment_reach(&part->chain, begin);
    } else if (begin > part->chain.next) {
        gap_tell(reader, (int32_t)i, part->chain.next, begin);
        segment_reach(&part->chain, begin);
    } else if (end < part->chain.next) {
        failure_clear(&part->trouble);
        fail(&part->trouble, SL_FAILED,
             "kafka topic \"%s\" partition %" PRIu32 " ends at offset %" PRId64
             " now, but the job has read up to %" PRId64 ": it was truncated or made anew%s",
             reader->topic, i, end, part->chain.next, promise);
    }
}
