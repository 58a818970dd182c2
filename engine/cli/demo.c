/*
 * cli/demo.c - `sluice demo`: the whole pipeline on this machine, in a folder of its own, with made-up listens.
 *
 *     customers -> cust.csv -> import_customers -> redis-server --+
 *                                                                 |
 *     generate -> sluice broker (Kafka in memory) -> listens -----+--> documents, top tracks, interests
 *
 * Each part is a process of its own. One loop waits for everything: signals, the ends of children, lines that they print.
 * Stopping goes along the stream: generate first, then listens when it has read all that was sent, then the servers.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <cli/child.h>
#include <cli/command.h>
#include <cli/demo/demo.h>
#include <cli/program.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_MS = 30000, IMPORT_MS = 120000, STOP_MS = 60000, LOG_TAIL = 2000, WORDS_MOST = 40 };

typedef enum part_name { PART_GENERATE, PART_LISTENS, PART_IMPORT, PART_REDIS, PART_BROKER, PARTS } part_name;

typedef struct part { /* in the order of stopping */
    child child;
    bool may_end;
} part;

typedef struct demo {
    part parts[PARTS];
    char folder[2048], out[2100], topic[64], servers[512], redis_url[64], rate[48];
    int signals; /* signalfd */
    bool stop_asked, hurry, redis_ready, batch_seen;
    demo_view *view;
    demo_tally tally;
} demo;

typedef bool demo_question(demo *demo);

static sl_result demo_play(demo *demo, int64_t for_ms, failure *failure);
static sl_result demo_prepare(demo *demo, const arguments *arguments, failure *failure);
static sl_result servers_start(demo *demo, failure *failure);
static sl_result broker_start(demo *demo, failure *failure);
static sl_result redis_start(demo *demo, failure *failure);
static sl_result customers_import(demo *demo, failure *failure);
static sl_result stream_start(demo *demo, failure *failure);
static sl_result stream_show(demo *demo, int64_t for_ms, failure *failure);
static sl_result stream_stop(demo *demo, failure *failure);
static sl_result part_stop(demo *demo, part_name name, demo_question *gone, failure *failure);
static void demo_done(demo *demo);
static sl_result wait_for(demo *demo, demo_question *question, int64_t most_ms, failure *failure);
static sl_result events_take(demo *demo, int64_t until_ns, failure *failure);
static void signals_take(demo *demo);
static sl_result ends_take(demo *demo, failure *failure);
static sl_result part_died(const demo *demo, const child *child, failure *failure);
static void line_take(void *argument, const char *line);
static void broker_line(demo *demo, const char *line);
static sl_result part_start(demo *demo, part_name name, const char *const *words, failure *failure);
static sl_result job_start(demo *demo, part_name name, const char *const *options, failure *failure);
static int port_free(void);
static sl_result signals_open(int *signals, failure *failure);

static const char *const part_names[PARTS] = { "generate", "listens", "import_customers", "redis", "broker" };

static sl_result demo_run(const arguments *arguments, failure *failure)
{
    demo *demo = calloc(1, sizeof *demo);
    if (demo == NULL)
        return fail(failure, SL_FAILED, "no memory");
    int64_t for_ms =
        settings_text(arguments->settings, "--for") ? settings_ms(arguments->settings, "--for") : 0;
    demo->signals = -1;
    sl_result result = demo_prepare(demo, arguments, failure);
    if (result == SL_OK)
        result = demo_play(demo, for_ms, failure);
    demo_done(demo);
    if (demo->folder[0] != '\0' && demo->tally.records > 0)
        printf(
            "\nThe output lies in %s, a file per batch; the batches again:\n  %s batches --work-dir %s/listens\n",
            demo->out, program_invocation_name, demo->folder);
    else if (demo->folder[0] != '\0')
        printf("\nThe logs lie in %s\n", demo->folder);
    free(demo);
    return result;
}

static sl_result demo_play(demo *demo, int64_t for_ms, failure *failure)
{
    SL_TRY(servers_start(demo, failure));
    SL_TRY(customers_import(demo, failure));
    SL_TRY(stream_start(demo, failure));
    SL_TRY(stream_show(demo, for_ms, failure));
    SL_TRY(stream_stop(demo, failure));
    printf("\n");
    return demo_tally_print(&demo->tally, failure);
}

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static sl_result demo_prepare(demo *demo, const arguments *arguments, failure *failure)
{
    char path[PROGRAM_PATH_ROOM];
    const char *folders = getenv("TMPDIR");
    for (part_name name = PART_GENERATE; name <= PART_IMPORT; name++)
        SL_TRY(program_find(part_names[name], path, failure));
    if (!program_search("redis-server", path))
        return fail(
            failure, SL_UNREACHABLE,
            "the demo starts a Redis server of its own, but there is no redis-server on the PATH; install it "
            "(Debian, Ubuntu: apt-get install redis-server)");
    snprintf(demo->folder, sizeof demo->folder, "%.1900s/sluice-demo-XXXXXX",
             folders && *folders ? folders : "/tmp");
    if (mkdtemp(demo->folder) == NULL) {
        sl_result result =
            fail(failure, SL_FAILED, "making the folder %s: %s", demo->folder, strerror(errno));
        demo->folder[0] = '\0';
        return result;
    }
    snprintf(demo->out, sizeof demo->out, "%s/out", demo->folder);
    snprintf(demo->topic, sizeof demo->topic, "realtime-demo-%d", (int)getpid());
    snprintf(demo->rate, sizeof demo->rate, "rate.records=%lld",
             (long long)settings_i64(arguments->settings, "--rate"));
    snprintf(path, sizeof path, "%s/state", demo->folder);
    if (setenv("XDG_STATE_HOME", path, 1) != 0) /* jobs of the same names may be there already */
        return fail(failure, SL_FAILED, "no memory");
    return signals_open(&demo->signals, failure);
}

static sl_result servers_start(demo *demo, failure *failure)
{
    printf("Starting a Kafka broker in memory and a Redis server, in %s ...\n", demo->folder);
    fflush(stdout);
    SL_TRY(broker_start(demo, failure));
    SL_TRY(redis_start(demo, failure));
    return demo_view_open(demo->redis_url, demo->out, &demo->view, failure);
}

static bool broker_answers(demo *demo)
{
    return demo->servers[0] != '\0';
}

static sl_result broker_start(demo *demo, failure *failure)
{
    char self[PROGRAM_PATH_ROOM], topic[80];
    if (!program_self(self))
        return fail(failure, SL_FAILED, "finding this program: %s", strerror(errno));
    snprintf(topic, sizeof topic, "%s:4", demo->topic);
    SL_TRY(
        part_start(demo, PART_BROKER, (const char *[]){ self, "broker", "--topic", topic, NULL }, failure));
    return wait_for(demo, broker_answers, START_MS, failure);
}

static bool redis_answers(demo *demo)
{
    return demo->redis_ready;
}

static sl_result redis_start(demo *demo, failure *failure)
{
    char program[PROGRAM_PATH_ROOM], folder[DEMO_PATH_ROOM], port[16];
    int number = port_free();
    if (number < 0 || !program_search("redis-server", program))
        return fail(failure, SL_UNREACHABLE, "finding a free port for Redis: %s", strerror(errno));
    snprintf(port, sizeof port, "%d", number);
    snprintf(folder, sizeof folder, "%s/redis", demo->folder);
    snprintf(demo->redis_url, sizeof demo->redis_url, "redis://127.0.0.1:%d", number);
    SL_TRY(disk_folder(folder, failure));
    SL_TRY(part_start(demo, PART_REDIS,
                      (const char *[]){ program, "--port", port, "--bind", "127.0.0.1", "--dir", folder,
                                        "--save", "", "--appendonly", "no", "--daemonize", "no", NULL },
                      failure));
    return wait_for(demo, redis_answers, START_MS, failure);
}

static bool import_ended(demo *demo)
{
    return demo->parts[PART_IMPORT].child.ended;
}

static sl_result customers_import(demo *demo, failure *failure)
{
    char csv[2100], from[2200];
    snprintf(csv, sizeof csv, "%s/cust.csv", demo->folder);
    snprintf(from, sizeof from, "customers=file:%s", csv);
    printf("Importing %d customers ...\n", DEMO_CUSTOMERS);
    fflush(stdout);
    SL_TRY(demo_customers_write(csv, failure));
    demo->parts[PART_IMPORT].may_end = true;
    SL_TRY(job_start(demo, PART_IMPORT, (const char *[]){ "--from", from, NULL }, failure));
    SL_TRY(wait_for(demo, import_ended, IMPORT_MS, failure));
    const child *import = &demo->parts[PART_IMPORT].child;
    return child_succeeded(import) ? SL_OK : part_died(demo, import, failure);
}

/* All goes to files, whose lines are counted at the end; to Elasticsearch as well when there is one. */
static sl_result stream_start(demo *demo, failure *failure)
{
    char documents[2200], tracks[2200], interests[2200], listens[128], elastic_url[512];
    const char *elastic = getenv("SLUICE_ELASTIC_URL");
    snprintf(documents, sizeof documents, "documents=file:%s", demo->out);
    snprintf(tracks, sizeof tracks, "top_tracks=file:%s", demo->out);
    snprintf(interests, sizeof interests, "interests=file:%s", demo->out);
    snprintf(listens, sizeof listens, "listens=kafka:%s", demo->topic);
    snprintf(elastic_url, sizeof elastic_url, "elastic.url=%s", elastic ? elastic : "");
    const char *options[] = { "--interval",
                              "2s",
                              "--from-offsets",
                              "earliest",
                              "--topic",
                              demo->topic,
                              "--listen",
                              "console",
                              "--to",
                              documents,
                              "--to",
                              tracks,
                              "--to",
                              interests,
                              "--to",
                              "top_tracks=redis",
                              "--to",
                              "interests=redis",
                              elastic && *elastic ? "--to" : NULL, /* the list ends here without a server */
                              "documents=elastic",
                              "--to",
                              "top_tracks=elastic",
                              "--to",
                              "interests=elastic",
                              "--conf",
                              elastic_url,
                              NULL };
    printf("Generating %s listens a second; a batch every 2 s. Ctrl-C ends it.\n\n",
           strchr(demo->rate, '=') + 1);
    fflush(stdout);
    SL_TRY(job_start(demo, PART_LISTENS, options, failure));
    return job_start(demo, PART_GENERATE, (const char *[]){ "--conf", demo->rate, "--to", listens, NULL },
                     failure);
}

/* ---- Running and stopping ---------------------------------------------------------------------------------------- */

static sl_result stream_show(demo *demo, int64_t for_ms, failure *failure)
{
    int64_t until_ns = for_ms ? clock_ns(&clock_system) + for_ms * 1000000 : INT64_MAX;
    while (!demo->stop_asked && clock_ns(&clock_system) < until_ns)
        SL_TRY(events_take(demo, until_ns, failure));
    return SL_OK;
}

static bool generate_gone(demo *demo)
{
    return !child_is_alive(&demo->parts[PART_GENERATE].child);
}

static bool listens_gone(demo *demo)
{
    return !child_is_alive(&demo->parts[PART_LISTENS].child);
}

static bool redis_gone(demo *demo)
{
    return !child_is_alive(&demo->parts[PART_REDIS].child);
}

static bool broker_gone(demo *demo)
{
    return !child_is_alive(&demo->parts[PART_BROKER].child);
}

static sl_result tally_take(demo *demo, failure *failure)
{
    char generate[2100], listens[2100], documents[2200];
    snprintf(generate, sizeof generate, "%s/generate", demo->folder);
    snprintf(listens, sizeof listens, "%s/listens", demo->folder);
    snprintf(documents, sizeof documents, "%s/ba_realtime2", demo->out);
    return demo_tally_take(generate, listens, documents, &demo->tally, failure);
}

/* Asked again after each batch. */
static bool all_read(demo *demo)
{
    failure ignored = { 0 };
    if (!demo->batch_seen)
        return false;
    demo->batch_seen = false;
    return tally_take(demo, &ignored) == SL_OK && demo->tally.records >= demo->tally.generated;
}

static sl_result stream_stop(demo *demo, failure *failure)
{
    printf("\nStopping: no more listens; reading what was sent ...\n");
    fflush(stdout);
    demo->hurry = false;
    demo->stop_asked = true;
    SL_TRY(part_stop(demo, PART_GENERATE, generate_gone, failure));
    demo->batch_seen = true;
    struct failure drain = { 0 };
    if (wait_for(demo, all_read, STOP_MS, &drain) != SL_OK)
        printf("Not all that was sent was read: %s\n", drain.text);
    SL_TRY(part_stop(demo, PART_LISTENS, listens_gone, failure));
    SL_TRY(part_stop(demo, PART_REDIS, redis_gone, failure));
    SL_TRY(part_stop(demo, PART_BROKER, broker_gone, failure));
    return tally_take(demo, failure);
}

static sl_result part_stop(demo *demo, part_name name, demo_question *gone, failure *failure)
{
    part *part = &demo->parts[name];
    part->may_end = true;
    child_signal(&part->child, SIGTERM);
    SL_TRY(wait_for(demo, gone, STOP_MS, failure));
    bool is_job = name == PART_GENERATE || name == PART_LISTENS;
    return is_job && !child_succeeded(&part->child) ? part_died(demo, &part->child, failure) : SL_OK;
}

static void demo_done(demo *demo)
{
    demo_view_close(demo->view);
    for (size_t i = 0; i < PARTS; i++)
        child_end(&demo->parts[i].child);
    if (demo->signals >= 0)
        close(demo->signals);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static sl_result wait_for(demo *demo, demo_question *question, int64_t most_ms, failure *failure)
{
    int64_t until_ns = clock_ns(&clock_system) + most_ms * 1000000;
    bool was_asked = demo->stop_asked;
    while (!question(demo)) {
        if (demo->hurry || demo->stop_asked != was_asked)
            return fail(failure, SL_FAILED, "interrupted");
        if (clock_ns(&clock_system) >= until_ns)
            return fail(failure, SL_FAILED, "gave up after %lld s; the logs lie in %s",
                        (long long)most_ms / 1000, demo->folder);
        SL_TRY(events_take(demo, until_ns, failure));
    }
    return SL_OK;
}

/* Waits until something happens or the time has come, and deals with it. */
static sl_result events_take(demo *demo, int64_t until_ns, failure *failure)
{
    struct pollfd waiting[PARTS + 1] = { { .fd = demo->signals, .events = POLLIN } };
    for (size_t i = 0; i < PARTS; i++) {
        const child *child = &demo->parts[i].child;
        waiting[i + 1] = (struct pollfd){ .fd = child->pid ? child->output : -1, .events = POLLIN };
    }
    int64_t left_ms = until_ns == INT64_MAX ? -1 : (until_ns - clock_ns(&clock_system)) / 1000000 + 1;
    int most_ms = left_ms < 0 && until_ns != INT64_MAX ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
    if (poll(waiting, PARTS + 1, most_ms) < 0 && errno != EINTR)
        return fail(failure, SL_FAILED, "waiting: %s", strerror(errno));
    if (waiting[0].revents)
        signals_take(demo);
    for (size_t i = 0; i < PARTS; i++)
        if (waiting[i + 1].revents)
            child_read(&demo->parts[i].child, line_take, demo);
    return ends_take(demo, failure);
}

static void signals_take(demo *demo)
{
    struct signalfd_siginfo about;
    while (read(demo->signals, &about, sizeof about) == (ssize_t)sizeof about) {
        if (about.ssi_signo == SIGCHLD)
            continue;
        demo->hurry = demo->stop_asked;
        demo->stop_asked = true;
    }
}

static sl_result ends_take(demo *demo, failure *failure)
{
    for (size_t i = 0; i < PARTS; i++) {
        child *child = &demo->parts[i].child;
        if (!child_reap(child))
            continue;
        child_read(child, line_take, demo);
        if (!demo->parts[i].may_end)
            return part_died(demo, child, failure);
    }
    return SL_OK;
}

/* The end of its log says why. */
static sl_result part_died(const demo *demo, const child *child, failure *failure)
{
    char fate[32];
    buffer text = { 0 };
    struct failure ignored = { 0 };
    child_fate(child, fate);
    if (disk_read(child->log, &text, &ignored) == SL_OK && text.size) {
        size_t from = text.size > LOG_TAIL ? text.size - LOG_TAIL : 0;
        fprintf(stderr, "%.*s\n", (int)(text.size - from), text.at + from);
    }
    buffer_done(&text);
    return fail(failure, SL_FAILED, "%s has ended with %s; its log is above, all logs lie in %s", child->name,
                fate, demo->folder);
}

/* A line of any child: they are told apart by what they say. */
static void line_take(void *argument, const char *line)
{
    demo *demo = argument;
    if (strstr(line, "Ready to accept connections"))
        demo->redis_ready = true;
    else if (!broker_answers(demo))
        broker_line(demo, line);
    else if (demo->view && demo_view_line(demo->view, line))
        demo->batch_seen = true;
}

/* The broker prints where it answers. */
static void broker_line(demo *demo, const char *line)
{
    const char *found = strstr(line, "127.0.0.1:");
    if (found)
        snprintf(demo->servers, sizeof demo->servers, "%.*s", (int)strcspn(found, " \t"), found);
}

/* ---- Processes --------------------------------------------------------------------------------------------------- */

static sl_result part_start(demo *demo, part_name name, const char *const *words, failure *failure)
{
    char log[DEMO_PATH_ROOM];
    snprintf(log, sizeof log, "%s/%s.log", demo->folder, part_names[name]);
    bool is_read = name == PART_LISTENS || name == PART_REDIS || name == PART_BROKER;
    return child_start(
        &demo->parts[name].child,
        &(child_spec){ .name = part_names[name], .log = log, .words = words, .is_read = is_read }, failure);
}

static sl_result job_start(demo *demo, part_name name, const char *const *options, failure *failure)
{
    char program[PROGRAM_PATH_ROOM], folder[DEMO_PATH_ROOM], kafka[600], redis[128];
    SL_TRY(program_find(part_names[name], program, failure));
    snprintf(folder, sizeof folder, "%s/%s", demo->folder, part_names[name]);
    snprintf(kafka, sizeof kafka, "kafka.bootstrap.servers=%s", demo->servers);
    snprintf(redis, sizeof redis, "redis.url=%s", demo->redis_url);
    const char *words[WORDS_MOST] = { program, "--work-dir", folder, "--conf", kafka, "--conf", redis };
    size_t count = 7;
    for (size_t i = 0; options[i] && count + 1 < WORDS_MOST; i++)
        words[count++] = options[i];
    return part_start(demo, name, words, failure);
}

/* A port that is free now; the server that is to have it says so when it was taken in between. */
static int port_free(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool found = probe >= 0 && bind(probe, (const struct sockaddr *)&address, sizeof address) == 0 &&
                 getsockname(probe, (struct sockaddr *)&address, &size) == 0;
    if (probe >= 0)
        close(probe);
    return found ? ntohs(address.sin_port) : -1;
}

static sl_result signals_open(int *signals, failure *failure)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *signals >= 0 ? SL_OK : fail(failure, SL_FAILED, "taking signals: %s", strerror(errno));
}

static const setting demo_options[] = {
    { NULL, "--for", SETTING_DURATION, NULL, "1s", "30d", "DURATION", "ends by itself after so long" },
    { NULL, "--rate", SETTING_I64, "2000", "1", "1000000", "N", "listens a second" },
    { 0 },
};

const command command_demo = {
    .name = "demo",
    .form = "[--for DURATION] [--rate N]",
    .about = "the whole pipeline on this machine, with made-up listens",
    .options = demo_options,
    .run = demo_run,
    .more = "It needs redis-server on the PATH and nothing else. With SLUICE_ELASTIC_URL set,\n"
            "documents go to that Elasticsearch or OpenSearch as well.\n"
};
