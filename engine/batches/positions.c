/*
 * batches/positions.c - finding partitions by what they were called.
 */
#include <base/log.h>
#include <base/memory.h>
#include <batches/positions.h>
#include <inttypes.h>
#include <stdlib.h>

static int64_t position_number(const intake *intake, const position_past *past);
static int64_t partition_find(intake *intake, const position_past *past);
static const origin_name *successor_of(const intake *intake, sl_text name);
static sl_result topic_is_new(intake *intake, const position_past *past, const origin_name *successor,
                              failure *failure);

static position_past position_read(frame_reader *reader)
{
    position_past past = { .name = get_text(reader) };
    past.partition = (int32_t)get_i64(reader);
    past.until = get_i64(reader);
    return past;
}

sl_text positions_read(intake *intake, frame_reader *reader)
{
    sl_text all = { reader->at, (size_t)(reader->end - reader->at) };
    for (int64_t count = get_i64(reader); count > 0 && !reader->damaged; count--) {
        position_past past = position_read(reader);
        int64_t number = position_number(intake, &past);
        if (number >= 0 && !reader->damaged)
            intake->positions[number].next = past.until;
    }
    return all;
}

sl_result positions_restore(intake *intake, sl_text positions, failure *failure)
{
    frame_reader reader = { positions.at, positions.at + positions.size, positions.size == 0 };
    for (int64_t count = get_i64(&reader); count > 0 && !reader.damaged; count--) {
        position_past past = position_read(&reader);
        SL_TRY(position_restore(intake, &past, failure));
    }
    return SL_OK;
}

sl_result position_restore(intake *intake, const position_past *past, failure *failure)
{
    int64_t number = partition_find(intake, past);
    const origin_name *successor = number < 0 ? successor_of(intake, past->name) : NULL;
    if (successor)
        return topic_is_new(intake, past, successor, failure);
    if (number >= 0)
        intake->positions[number].next = past->until;
    else if (past->until > 0)
        log_warn("checkpoint",
                 "%.*s partition %" PRId32 " was read up to %" PRId64 " and is no input any more",
                 (int)past->name.size, past->name.at, past->partition, past->until);
    return SL_OK;
}

sl_result position_of_cut(intake *intake, const position_past *past, int64_t *number, failure *failure)
{
    *number = partition_find(intake, past);
    const origin_name *successor = *number < 0 ? successor_of(intake, past->name) : NULL;
    if (successor)
        return topic_is_new(intake, past, successor, failure);
    if (*number >= 0)
        return SL_OK;
    return fail(
        failure, SL_DATA_LOSS,
        "the journal holds batch %" PRId64 " with %.*s partition %" PRId32
        ", which the input no longer has; bring it back, or forget this job's progress with sluice reset",
        past->batch_id, (int)past->name.size, past->name.at, past->partition);
}

sl_text position_topic(sl_text name)
{
    const char *mark = memrchr(name.at, '~', name.size);
    return mark ? (sl_text){ name.at, (size_t)(mark - name.at) } : name;
}

static bool is_named(const char *name, sl_text wanted)
{
    return sl_text_equal((sl_text){ name, strlen(name) }, wanted);
}

static int64_t position_number(const intake *intake, const position_past *past)
{
    for (size_t i = 0; i < intake->origins.count; i++)
        if (intake->origins.at[i].partition == past->partition &&
            is_named(intake->origins.at[i].name, past->name))
            return (int64_t)i;
    return -1;
}

/* The input that reads other partitions of the topic may know to wait for this one. */
static int64_t partition_find(intake *intake, const position_past *past)
{
    int64_t number = position_number(intake, past);
    for (size_t i = 0; number < 0 && i < intake->origins.count; i++) {
        const origin_name *name = &intake->origins.at[i];
        intake_input *input = &intake->inputs[intake->positions[i].input];
        if (!is_named(name->name, past->name))
            continue;
        if (input->kind->expect == NULL || !input->kind->expect(input->self, name->topic, past->partition))
            return -1;
        intake_number(intake, input);
        return position_number(intake, past);
    }
    return number;
}

/* A partition of the topic that bears another incarnation's name; NULL: there is none. */
static const origin_name *successor_of(const intake *intake, sl_text name)
{
    for (size_t i = 0; i < intake->origins.count; i++) {
        const origin_name *here = &intake->origins.at[i];
        if (here->incarnation && is_named(here->topic, position_topic(name)) && !is_named(here->name, name))
            return here;
    }
    return NULL;
}

static sl_result topic_is_new(intake *intake, const position_past *past, const origin_name *successor,
                              failure *failure)
{
    const settings *settings =
        intake->inputs[intake->positions[successor - intake->origins.at].input].spec.settings;
    bool skips = strcmp(settings_text(settings, "input.on_data_loss"), "skip") == 0;
    buffer lost = { 0 };
    if (past->batch_id)
        buffer_print(&lost,
                     "batch %" PRId64 " was cut up to offset %" PRId64 " of partition %" PRId32
                     " of the old one and is not done: what it had of these records is lost",
                     past->batch_id, past->until, past->partition);
    else
        buffer_print(&lost,
                     "of the old one, partition %" PRId32 " was done up to offset %" PRId64
                     ": what stood behind that is lost",
                     past->partition, past->until);
    buffer_byte(&lost, '\0');
    for (size_t i = 0; i < intake->origins.count; i++)
        if (strcmp(intake->origins.at[i].topic, successor->topic) == 0 && intake->positions[i].next == -1)
            intake->positions[i].next = SOURCE_BEGIN;
    if (skips)
        log_warn(
            "checkpoint",
            "topic \"%s\" was deleted and made anew: %s; the new one is read from its first record on, as "
            "--on-data-loss skip says, and is called %s in documents' ids",
            successor->topic, lost.at, successor->name);
    else
        fail(
            failure, SL_DATA_LOSS,
            "topic \"%s\" was deleted and made anew while the job did not read it: %s. With --on-data-loss skip the job "
            "goes on with the new topic's first record, and with its state; sluice reset forgets that too",
            successor->topic, lost.at);
    buffer_done(&lost);
    return failure->result;
}
