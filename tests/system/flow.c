/*
 * tests/system/flow.c - `sluice flow` over real servers: each stage is slowed in turn, and the sentence names it; what it tells
 * stands in the search server.
 *
 *     file -> ship -> Kafka -> listens -> Redis, Elasticsearch        200 lines a second
 *
 * A server is slowed by stopping its process for most of each second; shipper and engine by a stage that computes for
 * longer than there is time, in jobs of this program: it runs itself with the word "job" in front.
 */
#include <base/clock.h>
#include <base/folder.h>
#include <engine.h>
#include <fcntl.h>
#include <servers/kafka.h>
#include <servers/redis.h>
#include <servers/search_server.h>
#include <servers/topic.h>
#include <setjmp.h>
#include <settings.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <system/shared/trial.h>
#include <unistd.h>

#include <cmocka.h>

enum { PULSE_MS = 50, PULSES = 24, LINES = 10, WORDS = 40, PATH = 400, PATIENCE_S = 90 };
enum { SPIN_US = 8000 }; /* a line every 5 ms is too many then */

/* ---- Jobs that compute too long ---------------------------------------------------------------------------------- */

#define LINE_FIELDS(F) F(origin, origin) F(text, line)
SL_RECORD(line, LINE_FIELDS);

static bool compute(sl_task *task, const sl_message *in, line *out)
{
    (void)task;
    int64_t until_ns = clock_ns(&clock_system) + SPIN_US * INT64_C(1000);
    while (clock_ns(&clock_system) < until_ns)
        ;
    out->origin = in->origin;
    out->line = in->value;
    return true;
}
SL_STAGE(compute, sl_message, line);

static void ship_draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "file:lines" });
    sl_to(sl_through(lines, &compute_stage), &(sl_output){ .name = "messages",
                                                           .to = { "kafka:realtime" },
                                                           .index = "realtime",
                                                           .id = SL_FIELDS(line, origin),
                                                           .raw = SL_FIELDS(line, line) });
}

static void listens_draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_to(sl_through(lines, &compute_stage),
          &(sl_output){
              .name = "documents", .to = { "elastic" }, .index = "lines", .id = SL_FIELDS(line, origin) });
}

static const sl_job slow_jobs[] = { { .name = "ship", .about = "", .draw = ship_draw, .interval = "200ms" },
                                    { .name = "listens", .about = "", .draw = listens_draw } };

static int job_run(int argc, char **argv)
{
    const sl_job *slow = &slow_jobs[strcmp(argv[0], "listens") == 0];
    failure failure = { 0 };
    engine *engine = NULL;
    int used = argc;
    settings *settings = settings_for(slow);
    sl_result result = settings_arguments(settings, argc, argv, &used, &failure);
    engine_spec spec = { .job = slow, .settings = settings, .clock = &clock_system, .name = slow->name };
    spec.work_dir = settings_text(settings, "work.dir");
    if (result == SL_OK)
        result = engine_open(&spec, &engine, &failure);
    if (result == SL_OK)
        result = engine_run(engine, &failure);
    fprintf(stderr, "%s\n", failure.text);
    return (int)result;
}

/* ---- The pipeline ------------------------------------------------------------------------------------------------ */

typedef enum slowed { NOBODY, SHIPPER, KAFKA, ENGINE, REDIS, ELASTIC } slowed;

static kafka_server *kafka;
static redis_server *redis;
static search_server *search;
static char exporter[64];
static char state_home[PATH], lines_path[PATH], topic[32];
static pid_t ship, listens;

static struct {
    slowed slowed;
    pthread_t thread;
    atomic_bool over;
    pthread_mutex_t mutex;
    pthread_cond_t never;
    FILE *lines;
    long count;
} beat;

static int servers_start(void **state)
{
    (void)state;
    folder_open();
    kafka = kafka_server_start_as(&(kafka_server_options){ .metrics = true });
    if (kafka)
        snprintf(exporter, sizeof exporter, "http://127.0.0.1:%d", kafka_server_metrics_port(kafka));
    redis = redis_server_start(NULL);
    search = kafka && redis ? search_server_start(NULL) : NULL;
    return 0;
}

static int servers_stop(void **state)
{
    (void)state;
    search_server_stop(search);
    redis_server_stop(redis);
    kafka_server_stop(kafka);
    folder_close();
    return 0;
}

static void server_hang(slowed which, bool hangs)
{
    if (which == KAFKA)
        kafka_server_hang(kafka, hangs);
    else if (which == ELASTIC)
        search_server_hang(search, hangs);
    else if (which == REDIS && hangs)
        redis_server_hang(redis);
    else if (which == REDIS)
        redis_server_go_on(redis);
}

/* Each pulse some lines; of all pulses of a second the slowed server has one to work in. */
static void *pulse_run(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&beat.mutex);
    for (unsigned at = 0; !atomic_load(&beat.over); at++) {
        if (at % PULSES == 0)
            server_hang(beat.slowed, false);
        if (at % PULSES == 1)
            server_hang(beat.slowed, true);
        for (int i = 0; i < LINES; i++, beat.count++)
            fprintf(beat.lines, "%ld,%ld,%ld,\"2014-10-23 03:26:20\",%ld,\"72132\"\n", beat.count,
                    beat.count % 500, beat.count % 97, beat.count % 2);
        fflush(beat.lines);
        clock_wait(&clock_system, &beat.never, &beat.mutex,
                   clock_ns(&clock_system) + PULSE_MS * INT64_C(1000000));
    }
    server_hang(beat.slowed, false);
    pthread_mutex_unlock(&beat.mutex);
    return NULL;
}

static pid_t job_start(const char *name, bool slow, const char *const *options)
{
    char *words[WORDS], dir[PATH], log[PATH];
    int count = 0;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    char program[PATH];
    snprintf(program, sizeof program, "%s/jobs/%s", getenv("SLUICE_BUILD") ? getenv("SLUICE_BUILD") : "build",
             name);
    snprintf(dir, sizeof dir, "%s/sluice/%s", state_home, name);
    snprintf(log, sizeof log, "%s/%s.log", state_home, name);
    words[count++] = slow ? (char *)(uintptr_t) "flow" : program;
    if (slow) {
        words[count++] = (char *)(uintptr_t) "job";
        words[count++] = (char *)(uintptr_t)name;
    }
    words[count++] = (char *)(uintptr_t) "--work-dir";
    words[count++] = dir;
    for (; *options; options++)
        words[count++] = (char *)(uintptr_t)*options;
    words[count] = NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(posix_spawn(&pid, slow ? "/proc/self/exe" : program, &actions, NULL, words, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void pipeline_start(slowed slowed)
{
    static int number;
    char from[PATH + 20], to[60], input[60], servers[80], redis_url[120], elastic_url[120];
    snprintf(topic, sizeof topic, "flow-%d", number++);
    snprintf(state_home, sizeof state_home, "%s", folder_path(topic));
    char made[PATH + 60];
    snprintf(made, sizeof made, "mkdir -p %s/sluice/ship %s/sluice/listens", state_home, state_home);
    assert_int_equal(system(made), 0);
    topic_make(kafka_server_address(kafka), topic, 2, NULL);
    snprintf(lines_path, sizeof lines_path, "%s/lines", state_home);
    snprintf(from, sizeof from, "lines=file:%s", lines_path);
    snprintf(to, sizeof to, "messages=kafka:%s", topic);
    snprintf(input, sizeof input, "lines=kafka:%s", topic);
    snprintf(servers, sizeof servers, "kafka.bootstrap.servers=%s", kafka_server_address(kafka));
    snprintf(redis_url, sizeof redis_url, "redis.url=%s", redis_server_url(redis));
    snprintf(elastic_url, sizeof elastic_url, "elastic.url=%s", search_server_url(search));
    memset(&beat, 0, sizeof beat);
    beat.slowed = slowed;
    beat.lines = fopen(lines_path, "w");
    assert_non_null(beat.lines);
    setenv("XDG_STATE_HOME", state_home, 1);
    ship = job_start("ship", slowed == SHIPPER,
                     (const char *[]){ "--from", from, "--from-offsets", "earliest", "--to", to, "--conf",
                                       servers, "--http", "127.0.0.1:0", "--cores", "1", NULL });
    listens = job_start("listens", slowed == ENGINE,
                        (const char *[]){ "--from", input, "--from-offsets", "earliest", "--conf", servers,
                                          "--conf", redis_url, "--conf", elastic_url, "--interval", "400ms",
                                          "--http", "127.0.0.1:0", "--cores", "1", NULL });
    pthread_mutex_init(&beat.mutex, NULL);
    clock_condition(&beat.never);
    assert_int_equal(pthread_create(&beat.thread, NULL, pulse_run, NULL), 0);
}

static void pipeline_stop(void)
{
    atomic_store(&beat.over, true);
    pthread_join(beat.thread, NULL);
    fclose(beat.lines);
    kill(ship, SIGKILL);
    kill(listens, SIGKILL);
    waitpid(ship, NULL, 0);
    waitpid(listens, NULL, 0);
}

/* ---- What the flow says ------------------------------------------------------------------------------------------ */

/* The flow's JSON lines, one for each look. */
static FILE *flow_open(const char *options)
{
    char command[PATH + 200];
    const char *build = getenv("SLUICE_BUILD");
    snprintf(command, sizeof command, "exec %s/sluice flow --json --every 500ms --exporter %s %s",
             build ? build : "build", exporter, options);
    FILE *flow = popen(command, "r");
    assert_non_null(flow);
    return flow;
}

/* Looks until this is true of a line; it ends with its next line. False: there was none for a long time. */
static bool flow_until(const char *options, bool (*is)(const char *line, void *argument), void *argument)
{
    static char line[200000];
    int64_t until_ns = clock_ns(&clock_system) + PATIENCE_S * INT64_C(1000000000);
    FILE *flow = flow_open(options);
    bool was = false;
    while (!was && clock_ns(&clock_system) < until_ns && fgets(line, sizeof line, flow))
        was = is(line, argument);
    pclose(flow);
    print_message("%.400s\n", line);
    return was;
}

typedef struct sentence {
    const char *stage, *text;
    int times;
} sentence;

/* Three times in a row. */
static bool is_named(const char *line, void *argument)
{
    sentence *wanted = argument;
    char stage[60];
    snprintf(stage, sizeof stage, "\"bottleneck\":\"%s\"", wanted->stage);
    wanted->times = strstr(line, stage) ? wanted->times + 1 : 0;
    return wanted->times >= 3 && strstr(line, wanted->text);
}

static void names(slowed slowed, const char *stage, const char *text)
{
    if (search == NULL)
        skip();
    pipeline_start(slowed);
    bool right = flow_until("", is_named, &(sentence){ stage, text, 0 });
    pipeline_stop();
    assert_true(right);
}

static void a_shipper_that_computes_too_long_is_named(void **state)
{
    (void)state;
    names(SHIPPER, "the shipper", "\"ship is the bottleneck: it works");
}

static void a_broker_that_is_slow_is_named(void **state)
{
    (void)state;
    names(KAFKA, "Kafka", "\"Kafka is the bottleneck: ship works");
}

static void an_engine_that_computes_too_long_is_named(void **state)
{
    (void)state;
    names(ENGINE, "the engine", "\"listens is the bottleneck: it works");
}

static void a_redis_that_is_slow_is_named(void **state)
{
    (void)state;
    names(REDIS, "Redis", "\"Redis is the bottleneck: listens works");
}

static void a_search_server_that_is_slow_is_named(void **state)
{
    (void)state;
    names(ELASTIC, "Elasticsearch", "\"Elasticsearch is the bottleneck: listens works");
}

/* A number behind a name in the JSON line. */
static double number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtod(at + strlen(name), NULL) : -1;
}

/* What people see: the stages in their order, and a line of lag for each partition. */
static void view_assert(void)
{
    char command[PATH + 100];
    const char *build = getenv("SLUICE_BUILD");
    snprintf(command, sizeof command, "%s/sluice flow --once --every 1s --exporter %s",
             build ? build : "build", exporter);
    char *text = trial_output((const char *[]){ "/bin/sh", "-c", command, NULL });
    print_message("%s\n", text);
    const char *at = text;
    static const char *const wanted[] = { "shipper       ship",    "Kafka         http://",
                                          "engine        listens", "Redis         127.",
                                          "Elasticsearch http://", "sluice-listens" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        at = strstr(at, wanted[i]);
        if (at == NULL)
            fail_msg("no %s", wanted[i]);
    }
    free(text);
}

static bool is_searchable(const char *path)
{
    char query[300];
    snprintf(query, sizeof query,
             "{\"query\":{\"bool\":{\"must\":[{\"term\":{\"metric_path.keyword\":\"%s\"}},"
             "{\"range\":{\"metric_value_number\":{\"gt\":0}}}]}}}",
             path);
    return number_in(
               search_server_ask(search, "POST", "/kafka_mon-*/_search?filter_path=hits.total.value", query),
               "\"value\":") >= 1;
}

/* Jobs and broker need a while until they have any; the broker counts its rates every five seconds. */
static bool are_there(const char *line, void *unused)
{
    (void)unused;
    static const char *const paths[] = { "kafkabroker1.BrokerTopicMetrics.MessagesInPerSec.OneMinuteRate",
                                         "kafkabroker1.RequestMetrics.TotalTimeMs.Produce.Mean",
                                         "kafka-producer.RecordSendRate.record-send-rate",
                                         "kafka-producer.Producer.request-latency-avg.request-latency-avg",
                                         "kafka-consumer.Consumer.InBytesRate.incoming-byte-rate" };
    const char *elastic = strstr(line, "\"elastic\":{\"asked\"");
    bool all = strstr(line, "\"bottleneck\":\"nothing\"") && number_in(line, "\"messages_in\":") > 0 &&
               number_in(line, "\"produce_ms\":") > 0 && elastic && number_in(elastic, "\"rate\":") > 0;
    if (all)
        search_server_ask(search, "POST", "/kafka_mon-*/_refresh", "");
    for (size_t i = 0; all && i < sizeof paths / sizeof *paths; i++)
        all = is_searchable(paths[i]);
    return all;
}

/* With nobody slowed, the numbers are those of the pipeline, and stand in the index under the collector's names. */
static void the_numbers_are_there_and_searchable(void **state)
{
    (void)state;
    char options[200];
    if (search == NULL)
        skip();
    pipeline_start(NOBODY);
    snprintf(options, sizeof options, "--to %s", search_server_url(search));
    bool there = flow_until(options, are_there, NULL);
    view_assert();
    pipeline_stop();
    assert_true(there);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "job") == 0)
        return job_run(argc - 2, argv + 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_there_and_searchable),
        cmocka_unit_test(a_shipper_that_computes_too_long_is_named),
        cmocka_unit_test(a_broker_that_is_slow_is_named),
        cmocka_unit_test(an_engine_that_computes_too_long_is_named),
        cmocka_unit_test(a_redis_that_is_slow_is_named),
        cmocka_unit_test(a_search_server_that_is_slow_is_named),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
