/*
 * batches/intake.c - cutting ranges over all inputs.
 */
#include <base/log.h>
#include <base/memory.h>
#include <batches/back_pressure.h>
#include <batches/retries.h>
#include <stdlib.h>

enum { ADDED_MAX = 8192 }; /* partitions that may be added while the job runs */

void intake_init(intake *intake, const settings *settings)
{
    *intake = (struct intake){ .bytes_max = settings_bytes(settings, "memory.input") };
    intake->rate_max = settings_i64(settings, "rate.max_per_partition");
    pthread_mutex_init(&intake->mutex, NULL);
}

void intake_done(intake *intake)
{
    for (size_t i = 0; i < intake->input_count; i++) {
        if (intake->inputs[i].self)
            intake->inputs[i].kind->close(intake->inputs[i].self);
        free(intake->inputs[i].numbers);
    }
    for (size_t i = 0; i < intake->origins.count; i++) {
        free(intake->origins.at[i].topic);
        free(intake->origins.at[i].name);
        free(intake->origins.at[i].id);
    }
    free(intake->inputs);
    free(intake->origins.at);
    free(intake->positions);
    buffer_done(&intake->scratch);
    pthread_mutex_destroy(&intake->mutex);
}

intake_input *intake_add(intake *intake, const source_kind *kind, const source_spec *spec)
{
    intake->inputs = memory_resize(intake->inputs, (intake->input_count + 1) * sizeof *intake->inputs);
    intake_input *input = &intake->inputs[intake->input_count++];
    *input = (intake_input){ .kind = kind, .spec = *spec };
    return input;
}

static void room_make(intake *intake)
{
    intake->room = intake->origins.count + ADDED_MAX;
    intake->origins.at = memory_resize(intake->origins.at, intake->room * sizeof *intake->origins.at);
    intake->positions = memory_resize(intake->positions, intake->room * sizeof *intake->positions);
}

static uint32_t partition_add(intake *intake, const source_partition *partition)
{
    size_t count = intake->origins.count;
    if (count == intake->room)
        room_make(intake);
    buffer name = { 0 }, id = { 0 };
    buffer_text(&name, partition->topic);
    if (partition->incarnation > 1)
        buffer_print(&name, "~%d", partition->incarnation);
    buffer_byte(&name, '\0');
    buffer_print(&id, "%s-%d-", name.at, partition->partition);
    buffer_byte(&id, '\0');
    intake->origins.at[count] = (origin_name){ .topic = memory_text(partition->topic),
                                               .name = name.at,
                                               .partition = partition->partition,
                                               .incarnation = partition->incarnation,
                                               .id = id.at,
                                               .id_size = id.size - 1 };
    intake->positions[count] = (position){ .next = -1 };
    intake->origins.count++;
    return (uint32_t)count;
}

void intake_number(intake *intake, intake_input *input)
{
    source_partition *partitions;
    size_t count = input->kind->partitions(input->self, &partitions);
    input->numbers = memory_resize(input->numbers, count * sizeof *input->numbers);
    for (size_t i = input->partitions; i < count; i++) {
        input->numbers[i] = partition_add(intake, &partitions[i]);
        intake->origins.at[input->numbers[i]].aside = input->aside;
        intake->positions[input->numbers[i]].input = (uint32_t)(input - intake->inputs);
        intake->positions[input->numbers[i]].local = (uint32_t)i;
    }
    intake->shares += input->aside ? 0 : count - input->partitions;
    input->partitions = count;
}

/* Partitions that the source has found since it began. They wait where it begins to read them. */
static void added_number(intake *intake, intake_input *input)
{
    source_partition *partitions;
    size_t before = input->partitions, count = input->kind->partitions(input->self, &partitions);
    if (count <= before)
        return;
    if (intake->origins.count + count - before > intake->room) {
        if (!intake->full)
            log_warn("intake", "%s has %zu partitions now, more than this run can read: restart the job",
                     partitions[before].topic, count);
        intake->full = true;
        return;
    }
    intake_number(intake, input);
    for (size_t i = before; i < count; i++)
        intake->positions[input->numbers[i]].next = partitions[i].offset;
}

static sl_result range_follow(intake *intake, int64_t *next, const batch *batch, const batch_range *range,
                              failure *failure)
{
    if (next[range->partition] < 0)
        intake->positions[range->partition].next = next[range->partition] = range->from;
    if (next[range->partition] != range->from)
        return fail(
            failure, SL_DATA_LOSS,
            "%s partition %d was read up to %lld says the checkpoint, but journaled batch %lld begins at %lld: "
            "one of the two is older; put back a copy of the work folder, or start anew with sluice reset",
            intake->origins.at[range->partition].topic, intake->origins.at[range->partition].partition,
            (long long)next[range->partition], (long long)batch->id, (long long)range->from);
    next[range->partition] = range->until;
    return SL_OK;
}

sl_result intake_resume(intake *intake, batch *const *replays, size_t count, failure *failure)
{
    int64_t *next = memory_new((intake->origins.count + 1) * sizeof *next);
    sl_result result = SL_OK;
    for (size_t i = 0; i < intake->origins.count; i++)
        next[i] = intake->positions[i].next;
    for (size_t i = 0; i < count; i++) {
        size_t ranges;
        const batch_range *at = batch_ranges(replays[i], &ranges);
        for (size_t r = 0; r < ranges && result == SL_OK; r++)
            result = range_follow(intake, next, replays[i], &at[r], failure);
    }
    free(next);
    return result;
}

/* Every partition is to be named: what was forgotten would begin anywhere. */
static sl_result start_named(const source_spec *spec, source_partition *partition, failure *failure)
{
    for (size_t i = 0; i < spec->start_count; i++)
        if (spec->starts[i].partition == partition->partition &&
            strcmp(spec->starts[i].topic, partition->topic) == 0) {
            partition->offset = spec->starts[i].until;
            return SL_OK;
        }
    if (spec->start_count == 0)
        return SL_OK;
    return fail(failure, SL_USAGE, "--from-offsets does not say where %s partition %d starts: name each one",
                partition->topic, partition->partition);
}

static sl_result input_start(intake *intake, intake_input *input, failure *failure)
{
    source_partition *partitions;
    size_t count = input->kind->partitions(input->self, &partitions);
    buffer *done = &intake->scratch;
    bool was_read = false;
    done->size = 0;
    for (size_t p = 0; p < count; p++)
        was_read = was_read || intake->positions[input->numbers[p]].next >= 0;
    for (size_t p = 0; p < count; p++) {
        partitions[p].offset = intake->positions[input->numbers[p]].next;
        if (partitions[p].offset == -1 && was_read)
            partitions[p].offset = SOURCE_BEGIN; /* it was added since: nothing of it may be missed */
        else if (partitions[p].offset == -1)
            SL_TRY(start_named(&input->spec, &partitions[p], failure));
        if (partitions[p].offset > 0)
            buffer_append(done, &partitions[p], sizeof *partitions);
    }
    SL_TRY(input->kind->start(input->self, partitions, count, failure));
    input->started = true;
    for (size_t p = 0; p < count; p++)
        intake->positions[input->numbers[p]].next = partitions[p].offset;
    /* The last run may have ended before it could tell. */
    if (done->size && input->kind->commit && !intake->silent)
        input->kind->commit(input->self, (const source_partition *)(const void *)done->at,
                            done->size / sizeof *partitions);
    return SL_OK;
}

sl_result intake_start(intake *intake, failure *failure)
{
    for (size_t i = 0; i < intake->input_count; i++)
        if (!intake->inputs[i].started)
            SL_TRY(input_start(intake, &intake->inputs[i], failure));
    room_make(intake); /* from now on others may look there while partitions are added */
    return SL_OK;
}

int64_t intake_find(const intake *intake, const char *name, int32_t partition)
{
    for (size_t i = 0; i < intake->origins.count; i++)
        if (intake->origins.at[i].partition == partition && !strcmp(intake->origins.at[i].name, name))
            return (int64_t)i;
    return -1;
}

void intake_reach(intake *intake, buffer *reach)
{
    for (size_t i = 0; i < intake->origins.count; i++)
        buffer_append(reach, &intake->positions[i].next, sizeof(int64_t));
}

const char *intake_note(intake *intake, uint32_t number, arena *memory)
{
    const position *position = &intake->positions[number];
    const intake_input *input = &intake->inputs[position->input];
    if (input->kind->note == NULL)
        return NULL;
    pthread_mutex_lock(&intake->mutex);
    const char *note = input->kind->note(input->self, position->local, memory);
    pthread_mutex_unlock(&intake->mutex);
    return note;
}

static sl_result look(intake *intake, uint32_t number, int64_t records_max, source_view *view,
                      failure *failure)
{
    const position *position = &intake->positions[number];
    const intake_input *input = &intake->inputs[position->input];
    /* An even share, so that no partition waits for another. */
    size_t bytes = intake->bytes_max / (intake->shares ? intake->shares : 1);
    source_wish wish = { position->local, position->next, records_max, bytes };
    return input->kind->look(input->self, &wish, view, failure);
}

void intake_limit(intake *intake, double records_per_second)
{
    pthread_mutex_lock(&intake->mutex);
    intake->pressure = records_per_second;
    pthread_mutex_unlock(&intake->mutex);
}

void intake_rate_max(intake *intake, int64_t records_per_second)
{
    pthread_mutex_lock(&intake->mutex);
    intake->rate_max = records_per_second;
    pthread_mutex_unlock(&intake->mutex);
}

/* What is unread, by partition and in all. Ends that a source does not know are what has arrived. */
static sl_result lags_find(intake *intake, int64_t *lags, failure *failure)
{
    *lags = 0;
    for (uint32_t i = 0; i < intake->origins.count; i++) {
        position *position = &intake->positions[i];
        source_view view = { 0 };
        SL_TRY(look(intake, i, INT64_MAX, &view, failure));
        int64_t end = view.end > view.until ? view.end : view.until;
        position->lag = end > position->next ? end - position->next : 0;
        *lags += intake->inputs[position->input].aside ? 0 : position->lag;
    }
    return SL_OK;
}

/* What back-pressure allows of the partition; records that are tried again were let in before. */
static int64_t pressure_share(const intake *intake, uint32_t number, int64_t lags, int64_t interval_ms)
{
    const position *position = &intake->positions[number];
    if (intake->pressure <= 0 || intake->inputs[position->input].aside)
        return INT64_MAX;
    return back_pressure_share(intake->pressure, position->lag, lags, intake->rate_max, interval_ms);
}

/* Such as a file that was rotated away and read to its end. */
static void partition_end(intake *intake, uint32_t number)
{
    atomic_store(&intake->origins.at[number].over, true);
    intake->shares--;
}

static sl_result cut_one(intake *intake, uint32_t number, batch *batch, bool *finished, failure *failure)
{
    position *position = &intake->positions[number];
    source_view view = { 0 };
    double allowed = (double)intake->rate_max * (double)batch->interval_ms / 1000 + position->share;
    int64_t records_max = intake->rate_max ? (int64_t)allowed : INT64_MAX;
    if (atomic_load(&intake->origins.at[number].over))
        return SL_OK;
    int64_t share = pressure_share(intake, number, intake->lags, batch->interval_ms);
    records_max = share < records_max ? share : records_max;
    SL_TRY(look(intake, number, records_max, &view, failure));
    if (view.over)
        partition_end(intake, number);
    *finished = *finished && view.finished;
    if (intake->rate_max)
        position->share = allowed - (double)(int64_t)allowed;
    int64_t reached = view.until > position->next ? view.until : position->next;
    batch->unread += view.goal > reached ? view.goal - reached : 0;
    if (view.until <= position->next)
        return SL_OK;
    batch_range range = { number, position->next, view.until, view.end > view.until ? view.end : view.until };
    buffer_append(&batch->ranges, &range, sizeof range);
    return SL_OK;
}

/* An input that shows no partitions now may show some later, unless it is read to the ends found at start. */
static bool may_begin(const intake *intake, const intake_input *input)
{
    size_t living = 0;
    for (size_t i = 0; i < input->partitions; i++)
        living += !atomic_load(&intake->origins.at[input->numbers[i]].over);
    return living == 0 && !input->spec.available_now && !input->aside;
}

sl_result intake_cut(intake *intake, batch *batch, bool *finished, failure *failure)
{
    *finished = true;
    batch->ranges.size = 0;
    batch->unread = 0;
    pthread_mutex_lock(&intake->mutex);
    sl_result result = SL_OK;
    batch->rate_max = intake->rate_max;
    for (size_t i = 0; i < intake->input_count; i++)
        added_number(intake, &intake->inputs[i]);
    if (intake->pressure > 0)
        result = lags_find(intake, &intake->lags, failure);
    for (uint32_t i = 0; i < intake->origins.count && result == SL_OK; i++)
        result = cut_one(intake, i, batch, finished, failure);
    for (size_t i = 0; i < intake->input_count && *finished; i++)
        *finished = !may_begin(intake, &intake->inputs[i]);
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    for (size_t i = 0; i < count && result == SL_OK; i++)
        intake->positions[ranges[i].partition].next = ranges[i].until;
    pthread_mutex_unlock(&intake->mutex);
    return result;
}

void intake_uncut(intake *intake, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    pthread_mutex_lock(&intake->mutex);
    for (size_t i = 0; i < count; i++)
        intake->positions[ranges[i].partition].next = ranges[i].from;
    pthread_mutex_unlock(&intake->mutex);
}

static sl_result rest_is_gone(const intake *intake, const batch *batch, const batch_range *range,
                              failure *failure)
{
    return fail(
        failure, SL_DATA_LOSS,
        "batch %lld was cut up to %lld of %s partition %d, of which the end is gone now: it was cut short "
        "or replaced; bring it back, or forget this job's progress with sluice reset",
        (long long)batch->id, (long long)range->until, intake->origins.at[range->partition].topic,
        intake->origins.at[range->partition].partition);
}

sl_result intake_holds(intake *intake, const batch *batch, bool *all, failure *failure)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    *all = true;
    pthread_mutex_lock(&intake->mutex);
    for (size_t i = 0; i < count && *all; i++) {
        source_view view = { 0 };
        position *position = &intake->positions[ranges[i].partition];
        const intake_input *input = &intake->inputs[position->input];
        source_wish wish = { position->local, ranges[i].from, ranges[i].until - ranges[i].from, SIZE_MAX };
        sl_result result = input->kind->look(input->self, &wish, &view, failure);
        *all = view.until >= ranges[i].until;
        if (result == SL_OK && !*all && view.over)
            result = rest_is_gone(intake, batch, &ranges[i], failure);
        if (result != SL_OK) {
            pthread_mutex_unlock(&intake->mutex);
            return result;
        }
    }
    for (size_t i = 0; i < count && *all; i++)
        intake->positions[ranges[i].partition].next = ranges[i].until;
    pthread_mutex_unlock(&intake->mutex);
    return SL_OK;
}

void intake_take(intake *intake, const batch *batch, buffer *blocks)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    buffer *taken = &intake->scratch;
    pthread_mutex_lock(&intake->mutex);
    for (size_t i = 0; i < count; i++) {
        const position *position = &intake->positions[ranges[i].partition];
        const intake_input *input = &intake->inputs[position->input];
        taken->size = 0;
        input->kind->take(input->self, position->local, ranges[i].from, ranges[i].until, taken);
        const source_block *at = (const source_block *)(const void *)taken->at;
        for (size_t b = 0; b < taken->size / sizeof *at; b++) {
            intake_block block = { input, at[b], input->aside ? retries_only(&at[b]) : 0 };
            if (!input->aside)
                block.block.partition = ranges[i].partition;
            buffer_append(blocks, &block, sizeof block);
        }
    }
    pthread_mutex_unlock(&intake->mutex);
}

static void tell_outside(intake *intake, const intake_input *input, const batch_range *ranges, size_t count)
{
    buffer *told = &intake->scratch;
    told->size = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = ranges[i].partition;
        if (&intake->inputs[intake->positions[number].input] != input)
            continue;
        const origin_name *name = &intake->origins.at[number];
        source_partition partition = { .topic = name->topic,
                                       .partition = name->partition,
                                       .offset = ranges[i].until };
        buffer_append(told, &partition, sizeof partition);
    }
    if (told->size)
        input->kind->commit(input->self, (const source_partition *)(const void *)told->at,
                            told->size / sizeof(source_partition));
}

void intake_release(intake *intake, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    pthread_mutex_lock(&intake->mutex);
    for (size_t i = 0; i < count; i++) {
        const position *position = &intake->positions[ranges[i].partition];
        const intake_input *input = &intake->inputs[position->input];
        input->kind->release(input->self, position->local, ranges[i].until);
    }
    for (size_t i = 0; i < intake->input_count && count && !intake->silent; i++)
        if (intake->inputs[i].kind->commit)
            tell_outside(intake, &intake->inputs[i], ranges, count);
    pthread_mutex_unlock(&intake->mutex);
}

void batch_free(batch *batch)
{
    buffer_done(&batch->ranges);
    free(batch);
}
