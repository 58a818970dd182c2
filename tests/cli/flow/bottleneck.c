/*
 * tests/cli/flow/bottleneck.c - a table of flows and the stage that each sentence has to name.
 */
#include <cli/flow/bottleneck.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const flow_job idle_ship = { .name = "ship",
                                    .state = "running",
                                    .ships = true,
                                    .interval_s = 0.2,
                                    .rate = 100,
                                    .busy = 0.1,
                                    .batches = 5,
                                    .own = 1 };
static const flow_job idle_engine = {
    .name = "listens", .state = "running", .interval_s = 2, .rate = 100, .busy = 0.2, .batches = 0.5, .own = 1
};

typedef struct row {
    const char *what;
    flow_job ship, engine; /* what differs from the idle ones */
    flow_stage stage;
    const char *says;
} row;

/* Only what a row gives is put over the idle job. */
static flow_job over(flow_job job, const flow_job *given)
{
    if (given->state[0])
        memcpy(job.state, given->state, sizeof job.state);
    job.waits = given->waits;
    job.busy = given->busy > 0 ? given->busy : job.busy;
    job.waiting_s = given->waiting_s;
    job.lag = given->lag;
    job.lag_growth = given->lag_growth;
    job.lag_s = given->lag_s;
    job.limit = given->limit;
    job.disk = given->disk;
    job.on_kafka = given->on_kafka;
    job.on_redis = given->on_redis;
    job.on_elastic = given->on_elastic;
    job.own = 1 - job.disk - job.on_kafka - job.on_redis - job.on_elastic;
    memcpy(job.step, given->step, sizeof job.step);
    return job;
}

static const row rows[] = {
    { "nobody is full",
      { .busy = 0 },
      { .busy = 0 },
      FLOW_NONE,
      "the fullest is listens, which works 20 % of the time" },
    { "a full engine's own work",
      { .busy = 0 },
      { .busy = 0.95, .step = "parse" },
      FLOW_ENGINE,
      "most in its step parse" },
    { "a full engine waits for Redis",
      { .busy = 0 },
      { .busy = 0.9, .on_redis = 0.6 },
      FLOW_REDIS,
      "60 % of that is waiting for it" },
    { "a full engine waits for Elasticsearch",
      { .busy = 0 },
      { .busy = 1.2, .on_redis = 0.3, .on_elastic = 0.5 },
      FLOW_ELASTIC,
      "write queue" },
    { "a full engine writes to a slow Kafka",
      { .busy = 0 },
      { .busy = 1, .on_kafka = 0.8 },
      FLOW_KAFKA,
      "listens works 100 %" },
    { "batches wait longer than an interval",
      { .busy = 0 },
      { .waiting_s = 3, .on_redis = 0.9 },
      FLOW_REDIS,
      "SLOWLOG" },
    { "an engine whose disk is slow",
      { .busy = 0 },
      { .busy = 0.9, .disk = 0.8 },
      FLOW_ENGINE,
      "faster disk" },
    { "a full shipper's own work", { .busy = 0.97 }, { .busy = 0 }, FLOW_SHIPPER, "ship is the bottleneck" },
    { "a full shipper waits for Kafka",
      { .busy = 0.97, .on_kafka = 0.9 },
      { .busy = 0 },
      FLOW_KAFKA,
      "broker's disk, CPU and quotas" },
    { "both full: the engine holds all up",
      { .busy = 1 },
      { .busy = 1, .on_elastic = 0.9 },
      FLOW_ELASTIC,
      "listens works" },
    { "a limit that is too low",
      { .busy = 0 },
      { .lag = 5000, .lag_growth = 200, .limit = 100 },
      FLOW_ENGINE,
      "no more than 100 records a second" },
    { "a shipper with a limit",
      { .lag = 9000, .lag_growth = 800, .limit = 50 },
      { .busy = 0 },
      FLOW_SHIPPER,
      "9000 bytes behind and 800 more" },
    { "an engine that gets too little",
      { .busy = 0 },
      { .lag = 5000, .lag_growth = 200, .lag_s = 60 },
      FLOW_KAFKA,
      "has time left" },
    { "lag that does not grow",
      { .busy = 0 },
      { .lag = 5000, .lag_growth = 1, .lag_s = 60 },
      FLOW_NONE,
      "nothing holds the flow up" },
    { "a limit that is high enough", { .busy = 0 }, { .limit = 1000 }, FLOW_NONE, "nothing" },
    { "a job that says what it waits for",
      { .busy = 0 },
      { .waits = FLOW_REDIS, .state = "paused: redis since 12:03, 4 batches held" },
      FLOW_REDIS,
      "since 12:03" },
};

static void each_flow_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        flow flow = { .job_count = 2,
                      .jobs = { over(idle_ship, &rows[i].ship), over(idle_engine, &rows[i].engine) } };
        bottleneck found;
        bottleneck_find(&flow, &found);
        if (found.stage != rows[i].stage || strstr(found.sentence, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].what, found.sentence);
    }
}

static void a_job_that_does_not_answer_says_nothing(void **state)
{
    (void)state;
    flow flow = { .job_count = 1, .jobs = { { .name = "listens", .busy = 1 } } };
    bottleneck found;
    bottleneck_find(&flow, &found);
    assert_int_equal(found.stage, FLOW_NONE);
    flow.job_count = 0;
    bottleneck_find(&flow, &found);
    assert_non_null(strstr(found.sentence, "no job runs here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flow_has_its_sentence),
        cmocka_unit_test(a_job_that_does_not_answer_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
