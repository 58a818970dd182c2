/*
 * cli/flow/bottleneck.c - engines first: what holds them up holds up all before them.
 */
#include <cli/flow/bottleneck.h>
#include <stdio.h>

/* Of the time; a batch's share of the interval differs from one to the next. */
#define FULL    0.85
#define GROWING 0.05 /* of the rate */

static const char *const advice[] = {
    [FLOW_SHIPPER] = "give it more cores (--cores), or run several for different files",
    [FLOW_KAFKA] = "look at the broker's disk, CPU and quotas; more partitions and brokers share the work",
    [FLOW_ENGINE] = "give it more cores (--cores) and partitions, or make that step cheaper",
    [FLOW_REDIS] =
        "look at its CPU and SLOWLOG, and at the way there; a larger lookup.cache.entries asks less",
    [FLOW_ELASTIC] =
        ("look at its write queue, heap and disk; fewer replicas and a longer refresh_interval, or another "
         "node, take more"),
};

const char *flow_stage_name(flow_stage stage)
{
    static const char *const names[] = { "nothing",    "the shipper", "Kafka",
                                         "the engine", "Redis",       "Elasticsearch" };
    return names[stage];
}

static bool is_full(const flow_job *job)
{
    return job->busy >= FULL || (job->waiting_s > job->interval_s && job->waiting_s > 0);
}

static flow_stage self_of(const flow_job *job)
{
    return job->ships ? FLOW_SHIPPER : FLOW_ENGINE;
}

/* What most of its working time goes into; *share of it. */
static flow_stage most_of(const flow_job *job, double *share)
{
    const struct {
        flow_stage stage;
        double share;
    } all[] = { { self_of(job), job->own + job->disk },
                { FLOW_KAFKA, job->on_kafka },
                { FLOW_REDIS, job->on_redis },
                { FLOW_ELASTIC, job->on_elastic } };
    size_t most = 0;
    for (size_t i = 1; i < sizeof all / sizeof *all; i++)
        most = all[i].share > all[most].share ? i : most;
    *share = all[most].share;
    return all[most].stage;
}

static void behind_print(const flow_job *job, char *at, size_t room)
{
    const char *unit = job->ships ? "bytes" : "records";
    at[0] = '\0';
    if (job->lag_growth > 0)
        snprintf(at, room, ", %.0f %s behind and %.0f more each second", job->lag, unit, job->lag_growth);
    else if (job->lag > 0)
        snprintf(at, room, ", %.0f %s behind", job->lag, unit);
}

static void waits_tell(const flow_job *job, bottleneck *found)
{
    found->stage = job->waits;
    snprintf(found->sentence, sizeof found->sentence,
             "%s is the bottleneck: %s waits for it (%s); bring it back, batches go on by themselves",
             flow_stage_name(job->waits), job->name, job->state);
}

static void full_tell(const flow_job *job, bottleneck *found)
{
    double share;
    char behind[120];
    flow_stage stage = most_of(job, &share);
    found->stage = stage;
    behind_print(job, behind, sizeof behind);
    if (stage != self_of(job))
        snprintf(
            found->sentence, sizeof found->sentence,
            "%s is the bottleneck: %s works %.0f %% of the time, and %.0f %% of that is waiting for it%s; %s",
            flow_stage_name(stage), job->name, 100 * job->busy, 100 * share, behind, advice[stage]);
    else if (job->disk > job->own)
        snprintf(
            found->sentence, sizeof found->sentence,
            "%s is the bottleneck, since the disk of its work folder is slow: %.0f %% of its work is waiting "
            "for it%s; give it a faster disk, or a longer interval",
            job->name, 100 * job->disk, behind);
    else
        snprintf(found->sentence, sizeof found->sentence,
                 "%s is the bottleneck: it works %.0f %% of the time%s%s%s; %s", job->name, 100 * job->busy,
                 job->step[0] ? ", most in its step " : "", job->step, behind, advice[stage]);
}

static void behind_tell(const flow_job *job, bottleneck *found)
{
    char behind[120];
    behind_print(job, behind, sizeof behind);
    found->stage = job->limit > 0 ? self_of(job) : job->ships ? FLOW_SHIPPER : FLOW_KAFKA;
    if (job->limit > 0)
        snprintf(found->sentence, sizeof found->sentence,
                 "%s is the bottleneck: it may read no more than %.0f records a second%s; raise its limit "
                 "(--max-rate-per-partition, backpressure)",
                 job->name, job->limit, behind);
    else
        snprintf(found->sentence, sizeof found->sentence,
                 "%s is the bottleneck: %s has time left and gets too little of it%s; %s",
                 flow_stage_name(found->stage), job->name, behind, advice[found->stage]);
}

/* Falls behind by more than what comes unevenly. */
static bool is_falling_behind(const flow_job *job)
{
    return job->lag > 0 && job->lag_growth > 1 && job->lag_growth > GROWING * job->rate &&
           (job->limit > 0 || job->lag_s > 5 * job->interval_s + 1);
}

static bool job_is_stuck(const flow_job *job, bottleneck *found)
{
    if (job->state[0] == '\0')
        return false;
    if (job->waits)
        waits_tell(job, found);
    else if (is_full(job))
        full_tell(job, found);
    else if (is_falling_behind(job))
        behind_tell(job, found);
    return found->stage != FLOW_NONE;
}

static void nothing_tell(const flow *flow, bottleneck *found)
{
    const flow_job *fullest = NULL;
    double rate = 0, lag_s = 0;
    for (size_t i = 0; i < flow->job_count; i++) {
        const flow_job *job = &flow->jobs[i];
        fullest = fullest == NULL || job->busy > fullest->busy ? job : fullest;
        rate += job->ships ? 0 : job->rate;
        lag_s = job->lag_s > lag_s ? job->lag_s : lag_s;
    }
    if (fullest == NULL)
        snprintf(found->sentence, sizeof found->sentence,
                 "no job runs here: start one, sluice submit listens");
    else
        snprintf(
            found->sentence, sizeof found->sentence,
            "nothing holds the flow up: %.0f records a second, done %.1f s after they were written; the fullest "
            "is %s, which works %.0f %% of the time",
            rate, lag_s, fullest->name, 100 * fullest->busy);
}

void bottleneck_find(const flow *flow, bottleneck *found)
{
    *found = (bottleneck){ 0 };
    for (int ships = 0; ships < 2; ships++)
        for (size_t i = 0; i < flow->job_count; i++)
            if (flow->jobs[i].ships == (ships == 1) && job_is_stuck(&flow->jobs[i], found))
                return;
    nothing_tell(flow, found);
}
