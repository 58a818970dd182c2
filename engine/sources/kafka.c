/*
 * sources/kafka.c - the Kafka source: a topic, several, or all whose names match a pattern.
 *
 *     kafka:realtime     kafka:plays,skips     kafka:^plays-[a-z]+$       the servers come from kafka.bootstrap.servers
 *
 * Each topic is a source of its own (sources/kafka/topic.c) with its own threads and its share of the memory; here stands which
 * ones there are, and which of the input's partitions is whose. With a pattern a thread asks for new topics as often as
 * readers ask for new partitions (topic.metadata.refresh.interval.ms) and opens what it finds: such a topic is read from its first
 * record on.
 *
 *     finder: metadata -> matching names -> open, start -> topics ---> partitions() ---> parts: which topic, which number there
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <clients/kafka.h>
#include <pthread.h>
#include <regex.h>
#include <sources/kafka/reader.h>
#include <stdlib.h>

enum { TOPICS_MAX = 100, PARTS_MAX = 16384, ASK_MS = 5000, ADD_MS = 10000, CLOSE_MS = 1000 };

typedef struct topic {
    source_spec spec;
    char *name;
    void *self; /* of kafka_topic */
    int64_t deadline_ns;
    size_t shown; /* of its partitions, among the input's */
    bool started;
} topic;

typedef struct part {
    topic *topic;
    uint32_t local;
} part;

typedef struct kafka_input {
    source_spec spec;
    regex_t pattern;
    bool has_pattern, full; /* full: more topics match than are read, which was told */
    rd_kafka_t *asker;      /* for names; only with a pattern */
    pthread_t finder;
    bool finding;
    int64_t age_ns;        /* between its questions */
    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t changed;
    bool stopping;
    size_t topic_count;
    topic topics[TOPICS_MAX]; /* those below topic_count stay as they are */
    part *parts;
    source_partition *partitions; /* beside them */
    size_t count;
    buffer told; /* of source_partition: what one topic is told to commit */
} kafka_input;

static sl_result names_listed(kafka_input *input, failure *failure);
static sl_result names_matching(kafka_input *input, failure *failure);
static sl_result names_find(kafka_input *input, int timeout_ms, buffer *names, failure *failure);
static sl_result topic_start(const kafka_input *input, topic *topic, source_partition *partitions,
                             failure *failure);
static void parts_show(kafka_input *input, topic *topic);
static sl_result finder_start(kafka_input *input, failure *failure);
static void kafka_close(void *self);

static sl_result kafka_open(const source_spec *spec, void **self, failure *failure)
{
    if (spec->target[0] == '\0')
        return fail(failure, SL_USAGE, "input %s: which topic? write kafka:TOPIC", spec->name);
    kafka_input *input = memory_new(sizeof *input);
    input->spec = *spec;
    pthread_mutex_init(&input->mutex, NULL);
    clock_condition(&input->changed);
    input->parts = memory_new(PARTS_MAX * sizeof *input->parts);
    input->partitions = memory_new(PARTS_MAX * sizeof *input->partitions);
    sl_result result = spec->target[0] == '^' ? names_matching(input, failure) : names_listed(input, failure);
    for (size_t i = 0; i < input->topic_count && result == SL_OK; i++) {
        input->topics[i].spec.bytes_max = spec->bytes_max / input->topic_count;
        result = kafka_topic.open(&input->topics[i].spec, &input->topics[i].self, failure);
    }
    if (result != SL_OK) {
        kafka_close(input);
        return result;
    }
    for (size_t i = 0; i < input->topic_count; i++)
        parts_show(input, &input->topics[i]);
    *self = input;
    return SL_OK;
}

static void kafka_close(void *self)
{
    kafka_input *input = self;
    if (input == NULL)
        return;
    pthread_mutex_lock(&input->mutex);
    input->stopping = true;
    pthread_cond_broadcast(&input->changed);
    pthread_mutex_unlock(&input->mutex);
    if (input->finding)
        pthread_join(input->finder, NULL);
    for (size_t i = 0; i < input->topic_count; i++) {
        kafka_topic.close(input->topics[i].self);
        free(input->topics[i].name);
    }
    if (!kafka_client_close(input->asker, CLOSE_MS))
        log_debug("kafka", "the client that asks for topics did not close in time");
    if (input->has_pattern)
        regfree(&input->pattern);
    pthread_cond_destroy(&input->changed);
    pthread_mutex_destroy(&input->mutex);
    buffer_done(&input->told);
    free(input->partitions);
    free(input->parts);
    free(input);
}

static size_t topics_known(kafka_input *input)
{
    pthread_mutex_lock(&input->mutex);
    size_t count = input->topic_count;
    pthread_mutex_unlock(&input->mutex);
    return count;
}

static size_t kafka_partitions(void *self, source_partition **partitions)
{
    kafka_input *input = self;
    for (size_t i = 0, count = topics_known(input); i < count; i++)
        parts_show(input, &input->topics[i]);
    *partitions = input->partitions;
    return input->count;
}

static bool kafka_expect(void *self, const char *name, int32_t partition)
{
    kafka_input *input = self;
    for (size_t i = 0; i < input->topic_count; i++)
        if (kafka_topic.expect(input->topics[i].self, name, partition)) {
            parts_show(input, &input->topics[i]);
            return true;
        }
    return false;
}

static sl_result kafka_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    kafka_input *input = self;
    sl_expect(count == input->count);
    for (size_t i = 0; i < input->topic_count; i++)
        if (!input->topics[i].started)
            SL_TRY(topic_start(input, &input->topics[i], partitions, failure));
    return input->has_pattern && !input->spec.available_now && !input->finding ? finder_start(input, failure)
                                                                               : SL_OK;
}

/* ---- Handed on to the topic of a part ---- */

static sl_result kafka_look(void *self, const source_wish *wish, source_view *view, failure *failure)
{
    const part *part = &((kafka_input *)self)->parts[wish->partition];
    source_wish own = *wish;
    own.partition = part->local;
    return kafka_topic.look(part->topic->self, &own, view, failure);
}

static void kafka_take(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    const part *part = &((kafka_input *)self)->parts[i];
    size_t before = blocks->size / sizeof(source_block);
    kafka_topic.take(part->topic->self, part->local, from, until, blocks);
    for (size_t b = before; b < blocks->size / sizeof(source_block); b++)
        ((source_block *)(void *)blocks->at)[b].local = i;
}

static sl_result kafka_read(void *self, const source_block *block, source_reading *reading,
                            source_messages *messages, failure *failure)
{
    const part *part = &((kafka_input *)self)->parts[block->local];
    return kafka_topic.read(part->topic->self, block, reading, messages, failure);
}

static void kafka_release(void *self, uint32_t i, int64_t until)
{
    const part *part = &((kafka_input *)self)->parts[i];
    kafka_topic.release(part->topic->self, part->local, until);
}

static void kafka_commit(void *self, const source_partition *partitions, size_t count)
{
    kafka_input *input = self;
    for (size_t t = 0, topics = topics_known(input); t < topics; t++) {
        const topic *topic = &input->topics[t];
        input->told.size = 0;
        for (size_t i = 0; i < count; i++)
            if (strcmp(partitions[i].topic, topic->name) == 0)
                buffer_append(&input->told, &partitions[i], sizeof *partitions);
        if (input->told.size)
            kafka_topic.commit(topic->self, (const source_partition *)(const void *)input->told.at,
                               input->told.size / sizeof *partitions);
    }
}

/* ---- Names ---- */

static topic *topic_named(kafka_input *input, const char *name)
{
    for (size_t i = 0; i < input->topic_count; i++)
        if (strcmp(input->topics[i].name, name) == 0)
            return &input->topics[i];
    return NULL;
}

/* Not opened yet. */
static sl_result topic_add(kafka_input *input, const char *name, failure *failure)
{
    if (topic_named(input, name))
        return SL_OK;
    if (input->topic_count == TOPICS_MAX)
        return fail(failure, SL_USAGE, "input %s: %s: more than %d topics; read them with several jobs",
                    input->spec.name, input->spec.target, TOPICS_MAX);
    topic *topic = &input->topics[input->topic_count++];
    *topic = (struct topic){ .spec = input->spec, .name = memory_text(name) };
    topic->spec.target = topic->name;
    return SL_OK;
}

static sl_result names_listed(kafka_input *input, failure *failure)
{
    char *list = memory_text(input->spec.target), *rest = list;
    sl_result result = SL_OK;
    for (char *name; result == SL_OK && (name = strsep(&rest, ","));) {
        name += strspn(name, " ");
        name[strcspn(name, " ")] = '\0';
        result = *name ? topic_add(input, name, failure)
                       : fail(failure, SL_USAGE, "input %s: kafka:%s: a name is missing between commas",
                              input->spec.name, input->spec.target);
    }
    free(list);
    return result;
}

static sl_result names_matching(kafka_input *input, failure *failure)
{
    char why[200], age[32] = "";
    size_t room = sizeof age;
    kafka_client_spec client = { .role = KAFKA_PLANNER,
                                 .settings = input->spec.settings,
                                 .job = input->spec.job };
    buffer names = { 0 };
    int error = regcomp(&input->pattern, input->spec.target, REG_EXTENDED | REG_NOSUB);
    if (error) {
        regerror(error, &input->pattern, why, sizeof why);
        return fail(failure, SL_USAGE, "input %s: kafka:%s is no pattern: %s", input->spec.name,
                    input->spec.target, why);
    }
    input->has_pattern = true;
    SL_TRY(kafka_client_open(&client, &input->asker, failure));
    rd_kafka_conf_get(rd_kafka_conf(input->asker), "topic.metadata.refresh.interval.ms", age, &room);
    input->age_ns = strtol(age, NULL, 10) * INT64_C(1000000);
    int64_t deadline_ns = input->spec.deadline_ns ? *input->spec.deadline_ns : 0;
    sl_result result = names_find(input, kafka_patience_ms(deadline_ns, ASK_MS), &names, failure);
    for (const char *name = names.at; result == SL_OK && name < names.at + names.size;
         name += strlen(name) + 1)
        result = topic_add(input, name, failure);
    buffer_done(&names);
    if (result == SL_OK && input->topic_count == 0 && input->spec.available_now)
        return fail(failure, SL_RETRY, "input %s: no topic at %s matches %s", input->spec.name,
                    kafka_servers(input->spec.settings), input->spec.target);
    return result;
}

/* Topics that match and are not read, each with its NUL. Kafka's own, as __consumer_offsets, only when they are asked for. */
static sl_result names_find(kafka_input *input, int timeout_ms, buffer *names, failure *failure)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(input->asker, 1, NULL, &metadata, timeout_ms);
    bool own = strncmp(input->spec.target, "^__", 3) == 0;
    if (error)
        return fail(failure, SL_RETRY, "kafka at %s does not tell its topics: %s",
                    kafka_servers(input->spec.settings), rd_kafka_err2str(error));
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        if (found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->partition_cnt > 0 &&
            (own || strncmp(found->topic, "__", 2) != 0) &&
            regexec(&input->pattern, found->topic, 0, NULL, 0) == 0 &&
            topic_named(input, found->topic) == NULL)
            buffer_append(names, found->topic, strlen(found->topic) + 1);
    }
    rd_kafka_metadata_destroy(metadata);
    return SL_OK;
}

/* ---- One topic ---- */

/* Partitions that the topic has and the input did not show. */
static void parts_show(kafka_input *input, topic *topic)
{
    source_partition *own;
    size_t count = kafka_topic.partitions(topic->self, &own);
    for (; topic->shown < count && input->count < PARTS_MAX; topic->shown++, input->count++) {
        input->parts[input->count] = (part){ topic, (uint32_t)topic->shown };
        input->partitions[input->count] = own[topic->shown];
    }
}

static sl_result topic_start(const kafka_input *input, topic *topic, source_partition *partitions,
                             failure *failure)
{
    source_partition *own;
    size_t count = kafka_topic.partitions(topic->self, &own);
    for (size_t i = 0; i < input->count; i++)
        if (input->parts[i].topic == topic)
            own[input->parts[i].local].offset = partitions[i].offset;
    SL_TRY(kafka_topic.start(topic->self, own, count, failure));
    topic->started = true;
    for (size_t i = 0; i < input->count; i++)
        if (input->parts[i].topic == topic)
            partitions[i].offset = own[input->parts[i].local].offset;
    return SL_OK;
}

/* ---- The finder ---- */

/* Runs on: finder. Shown once topic_count says so. */
static sl_result topic_join(kafka_input *input, const char *name, failure *failure)
{
    topic *topic = &input->topics[input->topic_count];
    source_partition *own;
    *topic = (struct topic){ .spec = input->spec, .name = memory_text(name) };
    topic->deadline_ns = clock_ns(&clock_system) + ADD_MS * INT64_C(1000000);
    topic->spec.target = topic->name;
    topic->spec.deadline_ns = &topic->deadline_ns;
    topic->spec.bytes_max /= input->topic_count + 1;
    sl_result result = kafka_topic.open(&topic->spec, &topic->self, failure);
    size_t count = result == SL_OK ? kafka_topic.partitions(topic->self, &own) : 0;
    for (size_t i = 0; i < count; i++)
        own[i].offset = SOURCE_BEGIN;
    if (result == SL_OK)
        result = kafka_topic.start(topic->self, own, count, failure);
    if (result != SL_OK) {
        kafka_topic.close(topic->self);
        free(topic->name);
        return result;
    }
    topic->started = true;
    pthread_mutex_lock(&input->mutex);
    input->topic_count++;
    pthread_mutex_unlock(&input->mutex);
    return SL_OK;
}

static void names_join(kafka_input *input, const buffer *names)
{
    for (const char *name = names->at; name < names->at + names->size; name += strlen(name) + 1) {
        failure failure = { 0 };
        bool full = input->topic_count == TOPICS_MAX;
        if (full && !input->full)
            log_warn("kafka", "topic %s matches %s, but %d topics are read already: start another job for it",
                     name, input->spec.target, TOPICS_MAX);
        input->full = full;
        if (full)
            return;
        if (topic_join(input, name, &failure) != SL_OK)
            log_warn("kafka", "topic %s matches %s and cannot be read: %s; trying again", name,
                     input->spec.target, failure.text);
        else
            log_info("kafka", "topic %s matches %s: read from its first record on", name, input->spec.target);
    }
    if (names->size && input->spec.wake)
        input->spec.wake(input->spec.wake_argument);
}

/* False at the end. */
static bool finder_wait(kafka_input *input)
{
    int64_t until_ns = clock_ns(&clock_system) + input->age_ns;
    pthread_mutex_lock(&input->mutex);
    while (!input->stopping && clock_ns(&clock_system) < until_ns)
        clock_wait(&clock_system, &input->changed, &input->mutex, until_ns);
    bool go_on = !input->stopping;
    pthread_mutex_unlock(&input->mutex);
    return go_on;
}

static void *finder_run(void *argument)
{
    kafka_input *input = argument;
    buffer names = { 0 };
    while (finder_wait(input)) {
        failure failure = { 0 }; /* that the cluster is away, its readers tell */
        names.size = 0;
        if (names_find(input, ASK_MS / 5, &names, &failure) == SL_OK)
            names_join(input, &names);
    }
    buffer_done(&names);
    return NULL;
}

static sl_result finder_start(kafka_input *input, failure *failure)
{
    log_info("kafka", "input %s: %zu topics match %s", input->spec.name, input->topic_count,
             input->spec.target);
    if (input->age_ns <= 0)
        return SL_OK;
    if (pthread_create(&input->finder, NULL, finder_run, input) != 0)
        return fail(failure, SL_FAILED, "input %s: no thread to look for topics with", input->spec.name);
    input->finding = true;
    return SL_OK;
}

const source_kind source_kafka = {
    .name = "kafka",
    .about = "Kafka topics: kafka:TOPIC, kafka:TOPIC,TOPIC or kafka:^PATTERN",
    .settings = kafka_settings,
    .open = kafka_open,
    .close = kafka_close,
    .partitions = kafka_partitions,
    .expect = kafka_expect,
    .start = kafka_start,
    .look = kafka_look,
    .take = kafka_take,
    .read = kafka_read,
    .release = kafka_release,
    .commit = kafka_commit,
};
