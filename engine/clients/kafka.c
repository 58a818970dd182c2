/*
 * clients/kafka.c - configuration, log and end of librdkafka clients.
 *
 * A client's configuration is laid in three coats: Sluice's own rows, then kafka.* of the user, then kafka.consumer.* or
 * kafka.producer.*. Rows marked `ours` are part of what makes a replay exact and cannot be changed.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/outage.h>
#include <clients/kafka.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum { CONSUMERS = 1, PRODUCERS = 2, PLANNERS = 4, ALL = 7 };
enum { QUIET_MINUTES = 2, PATIENCE_LEAST_MS = 200 };

typedef struct kafka_row {
    int roles;
    bool ours; /* the user may not set another value */
    const char *name, *value;
    int version; /* needs this version of librdkafka at run time; 0: any */
} kafka_row;

typedef struct coat { /* one pass over the user's keys */
    rd_kafka_conf_t *conf;
    kafka_role role;
    bool special; /* the keys of the role, else the general ones */
    failure *failure;
} coat;

typedef struct closing { /* owned by the thread once the waiting one has given up */
    rd_kafka_t *client;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done, abandoned;
} closing;

static rd_kafka_resp_err_t metadata_ask(rd_kafka_t *client, const char *topic, int timeout_ms,
                                        const struct rd_kafka_metadata **metadata);
static sl_result conf_own(rd_kafka_conf_t *conf, const kafka_client_spec *spec, failure *failure);
static void conf_user(void *argument, const char *key, const char *value);
static sl_result conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, failure *failure);
static void client_log(const rd_kafka_t *client, int level, const char *facility, const char *text);
static void client_log_rest(const rd_kafka_t *client, int level, const char *facility, const char *text);
static void *closing_run(void *argument);
static void closing_free(closing *closing);
static const kafka_row *own_rows(void);

rd_kafka_conf_t *kafka_conf_new(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, client_log);
    return conf;
}

sl_result kafka_client_conf(const kafka_client_spec *spec, rd_kafka_conf_t **out, failure *failure)
{
    rd_kafka_conf_t *conf = kafka_conf_new();
    coat coat = { conf, spec->role, false, failure };
    conf_own(conf, spec, failure);
    settings_each(spec->settings, "kafka.", conf_user, &coat);
    coat.special = true;
    settings_each(spec->settings, "kafka.", conf_user, &coat);
    if (failure->result != SL_OK) {
        rd_kafka_conf_destroy(conf);
        return failure->result;
    }
    *out = conf;
    return SL_OK;
}

sl_result kafka_client_open(const kafka_client_spec *spec, rd_kafka_t **client, failure *failure)
{
    rd_kafka_conf_t *conf = NULL;
    SL_TRY(kafka_client_conf(spec, &conf, failure));
    rd_kafka_conf_set_opaque(conf, spec->opaque);
    if (spec->troubled) {
        rd_kafka_conf_set_error_cb(conf, spec->troubled);
        rd_kafka_conf_set_log_cb(conf, client_log_rest);
    }
    if (spec->measured)
        rd_kafka_conf_set_stats_cb(conf, spec->measured);
    if (spec->role == KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, spec->delivered);
    char text[300];
    rd_kafka_type_t type = spec->role == KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    *client = rd_kafka_new(type, conf, text, sizeof text);
    if (*client == NULL) {
        rd_kafka_conf_destroy(conf);
        return fail(failure, SL_USAGE, "kafka.* settings: %s", text);
    }
    return SL_OK;
}

bool kafka_client_close(rd_kafka_t *client, int64_t most_ms)
{
    if (client == NULL)
        return true;
    closing *closing = memory_new(sizeof *closing);
    closing->client = client;
    pthread_mutex_init(&closing->mutex, NULL);
    clock_condition(&closing->changed);
    pthread_t thread;
    if (pthread_create(&thread, NULL, closing_run, closing) != 0) {
        closing_free(closing);
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        return true;
    }
    pthread_detach(thread);
    int64_t deadline_ns = clock_ns(&clock_system) + most_ms * INT64_C(1000000);
    pthread_mutex_lock(&closing->mutex);
    while (!closing->done && clock_wait(&clock_system, &closing->changed, &closing->mutex, deadline_ns))
        ;
    bool done = closing->done;
    closing->abandoned = !done;
    pthread_mutex_unlock(&closing->mutex);
    if (done)
        closing_free(closing);
    return done;
}

const char *kafka_servers(const settings *settings)
{
    return settings_text(settings, "kafka.bootstrap.servers");
}

void kafka_group(const settings *settings, const char *job, buffer *out)
{
    const char *given = settings_text(settings, "kafka.group.id");
    buffer_print(out, "%s%s", given ? "" : "sluice-", given ? given : job);
    buffer_byte(out, '\0');
}

sl_result kafka_topic_count(rd_kafka_t *client, const char *topic, int timeout_ms, int32_t *count,
                            failure *failure)
{
    char servers[200] = "";
    size_t room = sizeof servers;
    rd_kafka_conf_get(rd_kafka_conf(client), "bootstrap.servers", servers, &room);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = metadata_ask(client, topic, timeout_ms, &metadata);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(failure, SL_RETRY,
                    "kafka at %s does not answer: %s; is it running, and is kafka.bootstrap.servers right?",
                    servers, rd_kafka_err2str(error));
    error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    *count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, topic) != 0)
            continue;
        error = metadata->topics[i].err;
        *count = metadata->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || (!error && *count == 0))
        return fail(
            failure, SL_RETRY,
            "kafka topic \"%s\" does not exist at %s (kafka.bootstrap.servers); create it, or name another",
            topic, servers);
    if (error)
        return fail(failure, SL_RETRY, "kafka topic \"%s\" at %s: %s", topic, servers,
                    rd_kafka_err2str(error));
    return SL_OK;
}

bool kafka_answers(rd_kafka_t *client, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

size_t kafka_reason_size(const char *reason)
{
    const char *times =
        strstr(reason, " (after "); /* "(after 0ms in state CONNECT, 3 identical error(s) ...)" */
    return times ? (size_t)(times - reason) : strlen(reason);
}

bool kafka_trouble_is_news(const char *reason)
{
    char kept[300];
    snprintf(kept, sizeof kept, "%.*s", (int)kafka_reason_size(reason), reason);
    /* Servers close what is idle; what is behind another close comes with the next try to connect. */
    const char *closed = strstr(kept, ": Disconnected");
    if (closed && strchr(":", closed[strlen(": Disconnected")]))
        return false;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static outage troubles;
    static int64_t last_ns, lasted_ns;
    pthread_mutex_lock(&mutex);
    int64_t now_ns = clock_ns(&clock_system);
    if (now_ns - last_ns > QUIET_MINUTES * INT64_C(60000000000))
        outage_ends(&troubles, now_ns, &lasted_ns);
    last_ns = now_ns;
    bool news = outage_goes_on(&troubles, kept, now_ns);
    pthread_mutex_unlock(&mutex);
    return news;
}

int kafka_patience_ms(int64_t deadline_ns, int usual_ms)
{
    if (deadline_ns == 0)
        return usual_ms;
    int64_t left_ms = (deadline_ns - clock_ns(&clock_system)) / 1000000;
    if (left_ms > usual_ms)
        return usual_ms;
    return left_ms < PATIENCE_LEAST_MS ? PATIENCE_LEAST_MS : (int)left_ms;
}

/* A reader must not make the topic that it asks for, but old servers make what is named: it asks for all. */
static rd_kafka_resp_err_t metadata_ask(rd_kafka_t *client, const char *topic, int timeout_ms,
                                        const struct rd_kafka_metadata **metadata)
{
    if (rd_kafka_type(client) == RD_KAFKA_CONSUMER)
        return rd_kafka_metadata(client, 1, NULL, metadata, timeout_ms);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (handle == NULL)
        return rd_kafka_last_error();
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    return error;
}

/* ---- Configuration ---- */

static int role_bit(kafka_role role)
{
    static const int bits[] = {
        [KAFKA_CONSUMER] = CONSUMERS, [KAFKA_PLANNER] = PLANNERS, [KAFKA_PRODUCER] = PRODUCERS
    };
    return bits[role];
}

/* A quarter of what the job gathers may wait in the client, since each small message costs it 300 bytes besides. */
static int64_t queue_kilobytes(size_t bytes_max)
{
    int64_t kilobytes = (int64_t)(bytes_max / 1024 / 4);
    return kilobytes < 4096 ? 4096 : kilobytes > 32768 ? 32768 : kilobytes;
}

static sl_result conf_number(rd_kafka_conf_t *conf, const char *name, int64_t number, failure *failure)
{
    char value[24];
    snprintf(value, sizeof value, "%" PRId64, number);
    return conf_set(conf, name, value, failure);
}

static sl_result conf_own(rd_kafka_conf_t *conf, const kafka_client_spec *spec, failure *failure)
{
    static const char *const names[] = { "consumer", "planner", "producer" };
    for (const kafka_row *row = own_rows(); row->name; row++)
        if ((row->roles & role_bit(spec->role)) && rd_kafka_version() >= row->version)
            SL_TRY(conf_set(conf, row->name, row->value, failure));
    SL_TRY(conf_set(conf, "bootstrap.servers", kafka_servers(spec->settings), failure));
    buffer text = { 0 };
    buffer_print(&text, "%s-%s", spec->job, names[spec->role]);
    buffer_byte(&text, '\0');
    conf_set(conf, "client.id", text.at, failure);
    text.size = 0;
    kafka_group(spec->settings, spec->job, &text);
    if (spec->role == KAFKA_CONSUMER) {
        conf_set(conf, "group.id", text.at, failure);
        conf_number(conf, "queued.max.messages.kbytes", queue_kilobytes(spec->bytes_max), failure);
    }
    if (spec->role == KAFKA_PRODUCER)
        conf_number(conf, "message.timeout.ms", spec->timeout_ms ? spec->timeout_ms : 30000, failure);
    if (spec->role == KAFKA_PRODUCER && spec->transactional_id)
        conf_set(conf, "transactional.id", spec->transactional_id, failure);
    buffer_done(&text);
    return failure->result;
}

static const kafka_row *row_of(const char *name)
{
    for (const kafka_row *row = own_rows(); row->name; row++)
        if (row->ours && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static bool skip_word(const char **text, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(*text, word, size) != 0)
        return false;
    *text += size;
    return true;
}

/* One key of the user, in the pass for which it is meant; the name is checked in any. */
static void conf_user(void *argument, const char *key, const char *value)
{
    const coat *coat = argument;
    const char *name = key;
    if (coat->failure->result != SL_OK || !skip_word(&name, "kafka."))
        return;
    bool consumers = skip_word(&name, "consumer."), producers = !consumers && skip_word(&name, "producer.");
    bool producer = coat->role == KAFKA_PRODUCER;
    const kafka_row *row = row_of(name);
    if (row && strcmp(row->value, value) != 0) {
        fail(coat->failure, SL_USAGE, "%s=%s: the job keeps its offsets itself and needs %s; leave it out",
             key, value, row->value);
        return;
    }
    bool meant =
        (consumers || producers) == coat->special && (!consumers || !producer) && (!producers || producer);
    size_t size = 0;
    if (meant || rd_kafka_conf_get(coat->conf, name, NULL, &size) != RD_KAFKA_CONF_OK)
        conf_set(coat->conf, name, value, coat->failure);
}

/* The name nearest to an unknown one, copied, or "". The library lists all that it knows as a table for people. */
static void conf_nearest(const char *name, buffer *out)
{
    enum { NAMES_MAX = 1000 };
    const char *names[NAMES_MAX];
    size_t count = 0, size = 0;
    char *table = NULL;
    FILE *printed = open_memstream(&table, &size);
    sl_expect(printed);
    rd_kafka_conf_properties_show(printed);
    fclose(printed);
    char *rest = table;
    for (char *line; count < NAMES_MAX && (line = strsep(&rest, "\n"));) {
        line[strcspn(line, " |")] = '\0';
        names[count++] = line;
    }
    const char *nearest = nearest_word(name, names, count);
    if (nearest)
        buffer_print(out, "; did you mean kafka.%s?", nearest);
    buffer_byte(out, '\0');
    free(table);
}

static sl_result conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, failure *failure)
{
    char text[300] = "";
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);
    if (result == RD_KAFKA_CONF_OK)
        return SL_OK;
    if (result == RD_KAFKA_CONF_INVALID)
        return fail(failure, SL_USAGE, "kafka.%s: %s", name, text);
    buffer hint = { 0 };
    conf_nearest(name, &hint);
    fail(failure, SL_USAGE, "kafka.%s: librdkafka %s knows no property \"%s\"%s", name,
         rd_kafka_version_str(), name, hint.at);
    buffer_done(&hint);
    return failure->result;
}

/* ---- Log ---- */

static bool line_is_trouble(const char *facility)
{
    static const char *const troubles[] = { "FAIL", "ERROR", "REQTMOUT" };
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (strcmp(facility, troubles[i]) == 0)
            return true;
    return false;
}

/* What a role does not use of general properties, and what is odd with a server that is old or a mock. */
static bool line_is_idle(const char *facility)
{
    return strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "AUTOCREATE") == 0;
}

static void line_write(int level, bool quiet, const char *facility, const char *text)
{
    log_level to = level <= 2 ? LOG_LEVEL_ERROR : level <= 4 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;
    if (quiet)
        to = LOG_LEVEL_DEBUG;
    if (log_wants(to))
        log_write(to, "kafka", "%s: %s", facility, text);
}

static void client_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    bool trouble = level > 2 && level <= 4 && line_is_trouble(facility);
    line_write(level, line_is_idle(facility) || (trouble && !kafka_trouble_is_news(text)), facility, text);
}

/* The owner hears of troubles otherwise. */
static void client_log_rest(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    line_write(level, line_is_idle(facility) || line_is_trouble(facility), facility, text);
}

/* ---- The end ---- */

static void *closing_run(void *argument)
{
    closing *closing = argument;
    rd_kafka_destroy_flags(closing->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_mutex_lock(&closing->mutex);
    closing->done = true;
    bool abandoned = closing->abandoned;
    pthread_cond_signal(&closing->changed);
    pthread_mutex_unlock(&closing->mutex);
    if (abandoned)
        closing_free(closing);
    return NULL;
}

static void closing_free(closing *closing)
{
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->mutex);
    free(closing);
}

/* ---- Tables ---- */

static const kafka_row rows[] = {
    { CONSUMERS, true, "enable.auto.commit", "false", 0 },
    { CONSUMERS, true, "enable.auto.offset.store", "false", 0 },
    { CONSUMERS, true, "auto.offset.reset", "error", 0 },
    { CONSUMERS, true, "enable.partition.eof", "true", 0 },
    { CONSUMERS | PLANNERS, false, "isolation.level", "read_committed", 0 },
    { CONSUMERS | PLANNERS, false, "allow.auto.create.topics", "false", 0 },
    { CONSUMERS | PLANNERS, false, "topic.metadata.refresh.interval.ms", "30000",
      0 }, /* partitions that are added */
    { CONSUMERS, false, "check.crcs", "true", 0 },
    { CONSUMERS, false, "session.timeout.ms", "1000",
      0 }, /* no membership: how long a commit waits for the coordinator */
    { CONSUMERS, false, "fetch.wait.max.ms", "50", 0 },
    { CONSUMERS, false, "fetch.min.bytes", "1", 0 },
    { CONSUMERS, false, "queued.min.messages", "10000000", 0 },
    { CONSUMERS, false, "fetch.queue.backoff.ms", "10", 0x02020000 },
    { PRODUCERS, true, "enable.idempotence", "true", 0 },
    { PRODUCERS, false, "acks", "all", 0 },
    { PRODUCERS, false, "linger.ms", "5", 0 },
    { PRODUCERS, false, "statistics.interval.ms", "1000", 0 }, /* see kafka_traffic.h */
    { PRODUCERS, false, "compression.type", "lz4", 0 },
    { PRODUCERS, false, "partitioner", "murmur2_random", 0 }, /* as Java's clients place keys */
    { ALL, false, "reconnect.backoff.ms", "50", 0 },
    { ALL, false, "reconnect.backoff.max.ms", "1000", 0 },
    { ALL, false, "socket.keepalive.enable", "true", 0 },
    { ALL, false, "socket.timeout.ms", "10000", 0 },
    { ALL, false, "socket.connection.setup.timeout.ms", "5000", 0 },
    { ALL, false, "socket.nagle.disable", "true", 0 },
    { 0 },
};

static const kafka_row *own_rows(void)
{
    return rows;
}

const setting kafka_settings[] = {
    { "kafka.bootstrap.servers", NULL, SETTING_TEXT, "127.0.0.1:9092", NULL, NULL, "HOST:PORT,...",
      "where Kafka answers; kafka.<property> is passed on to librdkafka" },
    { "kafka.group.id", NULL, SETTING_TEXT, NULL, NULL, NULL, "NAME",
      "where lag tools look for the job's offsets (default: sluice-<job>)" },
    { "kafka.exactly_once", "--exactly-once", SETTING_FLAG, "false", NULL, NULL, NULL,
      "each batch's messages to a Kafka output in one transaction, together with the word that it was written" },
    { "kafka.format", NULL, SETTING_CHOICE, "json", "json|csv", NULL, "FORMAT",
      "rows written to a topic as JSON documents, or as lines of CSV (a message each, no header)" },
    { "kafka.reader", NULL, SETTING_CHOICE, "auto", "auto|fetch|librdkafka", NULL, "WAY",
      "what reads topics: our own Fetch requests, or librdkafka; auto: the former where the other settings allow it" },
    { 0 },
};
