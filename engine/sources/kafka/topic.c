/*
 * sources/kafka/topic.c - one topic of a Kafka input: its partitions, read with explicit offsets, without a group's membership.
 *
 * Input is gathered into chains of segments (records/segment.h), from which batches are cut. How it gets there is one of two
 * ways; see sources/kafka/reader.h for the parts. To sources/kafka.c it is a source like any other.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/log.h>
#include <base/memory.h>
#include <sources/kafka/incarnation.h>
#include <sources/kafka/reader.h>
#include <stdlib.h>

enum { CLOSE_MS = 1500 };

static void reader_free(kafka_reader *reader);

/* auto: our own way where the settings allow it. With librdkafka a connection of our own asks for the topic's id only. */
static sl_result way_choose(kafka_reader *reader, failure *failure)
{
    const char *wanted = settings_text(reader->spec.settings, "kafka.reader");
    bool own = strcmp(wanted, "fetch") == 0, either = strcmp(wanted, "auto") == 0;
    kafka_client_spec client = {
        .role = KAFKA_CONSUMER,
        .settings = reader->spec.settings,
        .job = reader->spec.job,
        .bytes_max = reader->spec.bytes_max,
    };
    buffer why = { 0 };
    reader->way = &kafka_way_librdkafka;
    sl_result result = kafka_spec_new(&client, &reader->fetch_spec, &why, failure);
    if (result == SL_OK && reader->fetch_spec && (own || either))
        reader->way = &kafka_way_fetch;
    else if (result == SL_OK && own)
        result = fail(failure, SL_USAGE, "kafka.reader=fetch: %s; kafka.reader=librdkafka can", why.at);
    else if (result == SL_OK && reader->fetch_spec == NULL)
        log_info("kafka", "librdkafka reads topic %s%s: %s", reader->topic,
                 either ? "" : ", and a topic that is made anew is seen by its offsets only", why.at);
    buffer_done(&why);
    return result;
}

void reader_part_begin(kafka_reader *reader, size_t i)
{
    reader->partitions[i] = (source_partition){
        .topic = reader->topic, .partition = (int32_t)i, .offset = -1, .incarnation = reader->incarnation
    };
    reader->parts[i].chain.spare = &reader->spare;
    reader->parts[i].commit = -1;
}

static sl_result kafka_open(const source_spec *spec, void **self, failure *failure)
{
    if (spec->target[0] == '\0')
        return fail(failure, SL_USAGE, "input %s: which topic? write kafka:TOPIC", spec->name);
    kafka_reader *reader = memory_new(sizeof *reader);
    reader->spec = *spec;
    reader->topic = memory_text(spec->target);
    reader->servers = kafka_servers(spec->settings);
    pthread_mutex_init(&reader->mutex, NULL);
    clock_condition(&reader->changed);
    int32_t count = 0;
    sl_result result = way_choose(reader, failure);
    if (result == SL_OK)
        result = reader->way->open(reader, &count, failure);
    incarnation_ask ask = { spec->work_dir, reader->topic, &reader->topic_id };
    if (result == SL_OK)
        result = incarnation_find(&ask, &reader->incarnation, failure);
    if (result != SL_OK) {
        reader_free(reader);
        return result;
    }
    reader->count = reader->shown = (size_t)count;
    reader->room = reader->count + KAFKA_ADDED_MAX;
    reader->parts = memory_new(reader->room * sizeof *reader->parts);
    reader->partitions = memory_new(reader->room * sizeof *reader->partitions);
    for (size_t i = 0; i < reader->count; i++)
        reader_part_begin(reader, i);
    *self = reader;
    return SL_OK;
}

static void input_stop(kafka_reader *reader)
{
    reader->stop_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&reader->mutex);
    reader->stopping = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    reader->way->stop(reader);
}

static void kafka_close(void *self)
{
    kafka_reader *reader = self;
    if (reader == NULL)
        return;
    input_stop(reader);
    if (reader->client)
        commits_finish(reader);
    reader_free(reader);
}

static size_t kafka_partitions(void *self, source_partition **partitions)
{
    kafka_reader *reader = self;
    pthread_mutex_lock(&reader->mutex);
    *partitions = reader->partitions;
    size_t count = reader->count;
    pthread_mutex_unlock(&reader->mutex);
    return count;
}

/* A partition does not go: a broker that does not show it has not heard of it yet. */
static bool kafka_expect(void *self, const char *topic, int32_t partition)
{
    kafka_reader *reader = self;
    if (strcmp(topic, reader->topic) != 0 || partition < 0 || (size_t)partition >= reader->room)
        return false;
    for (; reader->count <= (size_t)partition; reader->count++)
        reader_part_begin(reader, reader->count);
    return true;
}

static sl_result client_open(kafka_reader *reader, failure *failure)
{
    kafka_client_spec client = {
        .role = KAFKA_CONSUMER,
        .settings = reader->spec.settings,
        .job = reader->spec.job,
        .bytes_max = reader->spec.bytes_max,
        .troubled = reader_told,
        .opaque = reader,
    };
    SL_TRY(kafka_client_open(&client, &reader->client, failure));
    reader->answers = rd_kafka_queue_get_main(reader->client);
    return SL_OK;
}

static sl_result expected_add(const kafka_reader *reader, failure *failure)
{
    size_t size = strlen(failure->text);
    if (failure->result == SL_RETRY && reader->count > reader->shown)
        snprintf(failure->text + size, sizeof failure->text - size,
                 "; the job has read %zu partitions of it, and was shown %zu", reader->count, reader->shown);
    return failure->result;
}

static sl_result kafka_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    kafka_reader *reader = self;
    sl_expect(count == reader->count);
    if (offsets_resolve(reader, partitions, failure) != SL_OK)
        return expected_add(reader, failure);
    if (reader->client == NULL)
        SL_TRY(client_open(reader, failure));
    SL_TRY(reader->way->start(reader, failure));
    log_info("kafka", "reading %zu partitions of %s at %s with %s", count, reader->topic, reader->servers,
             reader->way->name);
    return SL_OK;
}

static void part_end(kafka_reader *reader, uint32_t i)
{
    kafka_part *part = &reader->parts[i];
    int64_t end = reader->way->end && reader->client ? reader->way->end(reader, i) : -1;
    if (part->end < end)
        part->end = end;
    if (part->end < part->chain.next)
        part->end = part->chain.next;
}

/* Whether more of a partition is wanted than is here: see kafka_bytes_allowed(). */
static void part_hunger(kafka_reader *reader, kafka_part *part, const source_view *view, int64_t wanted)
{
    bool all = view->until == part->chain.next, more = part->chain.next < part->end && !view->finished;
    bool hungry = all && more && view->until < wanted;
    if (part->hungry == hungry)
        return;
    part->hungry = hungry;
    reader->hungry += hungry ? 1 : (size_t)-1;
    if (hungry)
        pthread_cond_broadcast(&reader->changed);
}

/* Keeps count of the parts that have ranges in a batch. */
static void part_flight(kafka_reader *reader, kafka_part *part, int64_t taken, int64_t released)
{
    bool before = part->taken > part->released;
    part->taken = taken > part->taken ? taken : part->taken;
    part->released = released > part->released ? released : part->released;
    bool after = part->taken > part->released;
    reader->in_flight += (size_t)after - (size_t)before;
}

static sl_result kafka_look(void *self, const source_wish *wish, source_view *view, failure *failure)
{
    kafka_reader *reader = self;
    kafka_part *part = &reader->parts[wish->partition];
    int64_t from = wish->from, records_max = wish->records_max;
    sl_result result = SL_OK;
    pthread_mutex_lock(&reader->mutex);
    part_end(reader, wish->partition);
    int64_t left = part->stop - from; /* never negative: start() checked it */
    if (records_max > left)
        records_max = left;
    view->until = segment_look(&part->chain, from, records_max, wish->bytes_max, &view->bytes);
    view->end = part->end;
    view->goal = part->end < part->stop ? part->end : part->stop;
    view->finished = view->until >= part->stop;
    part_hunger(reader, part, view, records_max < INT64_MAX - from ? from + records_max : INT64_MAX);
    if (part->trouble.result != SL_OK) {
        result = fail(failure, part->trouble.result, "%s", part->trouble.text);
        if (sl_is_retriable(part->trouble.result))
            failure_clear(&part->trouble);
    }
    pthread_mutex_unlock(&reader->mutex);
    return result;
}

static void kafka_take(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    kafka_reader *reader = self;
    pthread_mutex_lock(&reader->mutex);
    segment_take(&reader->parts[i].chain, i, from, until, blocks);
    part_flight(reader, &reader->parts[i], until, 0);
    pthread_mutex_unlock(&reader->mutex);
}

static sl_result kafka_read(void *self, const source_block *block, source_reading *reading,
                            source_messages *messages, failure *failure)
{
    kafka_reader *reader = self;
    return reader->way->read(reader, block, reading, messages, failure);
}

static void kafka_release(void *self, uint32_t i, int64_t until)
{
    kafka_reader *reader = self;
    segment_chain *chain = &reader->parts[i].chain;
    pthread_mutex_lock(&reader->mutex);
    size_t before = chain->bytes;
    segment_release(chain, until);
    reader->bytes -= before - chain->bytes;
    part_flight(reader, &reader->parts[i], 0, until);
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static void kafka_commit(void *self, const source_partition *partitions, size_t count)
{
    commits_note(self, partitions, count);
}

/* That all brokers are down says less than why the last one is. */
void reader_told(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    (void)client;
    kafka_reader *reader = opaque;
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return;
    reader->troubled = true;
    snprintf(reader->trouble, sizeof reader->trouble, "%.*s", (int)kafka_reason_size(reason), reason);
}

static void reader_free(kafka_reader *reader)
{
    if (reader->answers)
        rd_kafka_queue_destroy(reader->answers);
    reader->way->close(reader);
    if (!kafka_client_close(reader->client, CLOSE_MS))
        log_debug("kafka", "topic %s: the client that reads did not close in time", reader->topic);
    kafka_spec_free(reader->fetch_spec);
    for (size_t i = 0; i < reader->count; i++)
        segment_done(&reader->parts[i].chain);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
    free(reader->partitions);
    free(reader->parts);
    free(reader->topic);
    free(reader);
}

const source_kind kafka_topic = {
    .name = "kafka",
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
