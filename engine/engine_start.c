/*
 * engine_start.c - --from-offsets: where partitions start that have no position in the checkpoint.
 *
 *     earliest   latest   timestamp:2026-11-23T10:00:00Z
 *     {"realtime":{"0":23,"1":-2}}                  by partition; -2 is the begin, -1 the end, as in Spark's startingOffsets
 *     timestamp:{"realtime":{"0":1795428000000}}    the first record at or behind a time, in ms since 1970
 */
#include <base/memory.h>
#include <engine_parts.h>
#include <records/json.h>
#include <stdlib.h>

typedef struct reading {
    buffer *starts; /* of origin_reach */
    bool times, wrong;
} reading;

/* A partition is written as a whole number, and no less than -2 are offsets. */
static void start_add(void *argument, const char *topic, const char *partition, int64_t number)
{
    reading *reading = argument;
    int64_t which;
    bool good = sl_to_i64((sl_text){ partition, strlen(partition) }, &which) && which <= INT32_MAX &&
                number >= (reading->times ? 0 : -2);
    reading->wrong = reading->wrong || !good;
    if (!good)
        return;
    origin_reach start = { memory_text(topic), (int32_t)which,
                           reading->times ? source_at_time(number) : number, NULL };
    buffer_append(reading->starts, &start, sizeof start);
}

sl_result start_read(const settings *settings, start_policy *policy, failure *failure)
{
    static const char times[] = "timestamp:";
    const char *where = settings_text(settings, "start.from_offsets");
    bool timed = strncmp(where, times, sizeof times - 1) == 0;
    const char *rest = timed ? where + sizeof times - 1 : where;
    reading reading = { &policy->named, timed, false };
    policy->start = SOURCE_LATEST;
    if (strcmp(where, "earliest") == 0)
        policy->start = SOURCE_EARLIEST;
    else if (*rest == '{' &&
             (!json_numbers(rest, start_add, &reading) || reading.wrong || policy->named.size == 0))
        return fail(failure, SL_USAGE, "--from-offsets %s: expected %s{\"TOPIC\":{\"0\":%s}}", where,
                    timed ? times : "", timed ? "1795428000000" : "23,\"1\":-2");
    else if (*rest != '{' && timed)
        policy->start = SOURCE_TIMESTAMP;
    else if (*rest != '{' && strcmp(where, "latest") != 0)
        return fail(
            failure, SL_USAGE,
            "--from-offsets %s: expected earliest, latest, timestamp:2026-11-23T10:00:00Z, or offsets "
            "by partition as {\"TOPIC\":{\"0\":23,\"1\":-2}}",
            where);
    return policy->start == SOURCE_TIMESTAMP ? time_parse(rest, &policy->ms, failure) : SL_OK;
}

sl_result start_check(const engine *self, failure *failure)
{
    const origin_reach *named = (const origin_reach *)(const void *)self->start.named.at;
    for (size_t i = 0; i < self->start.named.size / sizeof *named; i++)
        if (intake_find(&self->intake, named[i].topic, named[i].partition) < 0)
            return fail(failure, SL_USAGE, "--from-offsets names %s partition %d, which no input has",
                        named[i].topic, (int)named[i].partition);
    return SL_OK;
}

void start_done(start_policy *policy)
{
    const origin_reach *named = (const origin_reach *)(const void *)policy->named.at;
    for (size_t i = 0; i < policy->named.size / sizeof *named; i++)
        free((void *)(uintptr_t)named[i].topic);
    buffer_done(&policy->named);
}
