/*
 * bench/limits/kafka.c - how fast a topic can be read on this machine when nothing is done with it: by librdkafka with one
 * consumer and with two that share the partitions, and by plain Fetch requests on one connection and on two.
 *
 *     kafka SERVERS TOPIC COUNT            rounds of all ways, each a process of its own; COUNT records are in the topic
 *     kafka SERVERS TOPIC COUNT WAY        one way, until COUNT records were seen
 *
 * "fetch" looks at the headers of record batches, as the thread that receives has to. "fetch-read" checks and reads every
 * record and cuts it into fields: what is left for workers to do. Rates count whole lives of the processes.
 */
#include "../shared/measure.h"
#include <base/arena.h>
#include <clients/kafka.h>
#include <pthread.h>
#include <records/segment.h>
#include <sluice/csv.h>
#include <sluice/text.h>
#include <sources/kafka/protocol.h>
#include <sources/kafka/record_batch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, TAKE = 10000, READERS = 2, PORTION = 256, PART_BYTES = 2 << 20, ANSWER_BYTES = 16 << 20 };

typedef struct reading {
    const char *servers, *topic;
    unsigned number, readers; /* this one reads the partitions p with p % readers == number */
    bool looks;               /* at every record, not only at the batches */
} reading;

static atomic_llong seen, fields_seen;
static long long wanted;

/* ---- librdkafka ---- */

static rd_kafka_t *consumer_new(const reading *reading)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const pairs[][2] = { { "bootstrap.servers", reading->servers },
                                     { "queued.min.messages", "10000000" },
                                     { "queued.max.messages.kbytes", "262144" },
                                     { "group.id", "bare" },
                                     { "enable.auto.commit", "false" } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why);
    rd_kafka_t *made = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (made == NULL)
        give_up(why);
    rd_kafka_poll_set_consumer(made);
    return made;
}

static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *consumer, const reading *reading)
{
    const struct rd_kafka_metadata *found;
    if (rd_kafka_metadata(consumer, 1, NULL, &found, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("no metadata");
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(16);
    for (int t = 0; t < found->topic_cnt; t++)
        for (int p = 0; !strcmp(found->topics[t].topic, reading->topic) && p < found->topics[t].partition_cnt;
             p++)
            if ((unsigned)p % reading->readers == reading->number)
                rd_kafka_topic_partition_list_add(all, reading->topic, p)->offset = 0;
    rd_kafka_metadata_destroy(found);
    return all;
}

static void *library_run(void *argument)
{
    const reading *reading = argument;
    rd_kafka_t *consumer = consumer_new(reading);
    rd_kafka_topic_partition_list_t *all = partitions_of(consumer, reading);
    rd_kafka_assign(consumer, all);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_message_t **messages = calloc(TAKE, sizeof(rd_kafka_message_t *));
    while (atomic_load(&seen) < wanted) {
        ssize_t some = rd_kafka_consume_batch_queue(queue, 100, messages, TAKE);
        for (ssize_t i = 0; i < some; i++)
            rd_kafka_message_destroy(messages[i]);
        if (some > 0)
            atomic_fetch_add(&seen, some);
    }
    free(messages);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return NULL;
}

/* ---- Fetch ---- */

typedef struct fetcher {
    const reading *reading;
    connection *connection;
    protocol_topic topic;
    fetch_part *parts;
    size_t count, turn;
    fetch_answer answer;
    buffer received;
    record_scratch scratch;
    arena memory;
} fetcher;

static kafka_spec *spec_new(const char *servers, settings *settings)
{
    failure failure = { 0 };
    kafka_spec *spec = NULL;
    buffer why = { 0 };
    settings_add(settings, "Kafka", kafka_settings);
    settings_set(settings, "kafka.bootstrap.servers", servers, "bench", &failure);
    if (kafka_spec_new(&(kafka_client_spec){ .role = KAFKA_CONSUMER, .settings = settings, .job = "bench" },
                       &spec, &why, &failure) != SL_OK ||
        spec == NULL)
        give_up(failure.text);
    buffer_done(&why);
    return spec;
}

static void parts_find(fetcher *fetcher)
{
    const reading *reading = fetcher->reading;
    failure failure = { 0 };
    metadata found;
    if (metadata_get(fetcher->connection, &(metadata_ask){ &reading->topic, 1 }, &fetcher->memory, &found,
                     &failure) != SL_OK)
        give_up(failure.text);
    fetcher->topic = (protocol_topic){ reading->topic, found.topics[0].id };
    fetcher->parts = calloc(found.topics[0].count + 1, sizeof *fetcher->parts);
    for (size_t i = 0; i < found.topics[0].count; i++)
        if (i % reading->readers == reading->number)
            fetcher->parts[fetcher->count++] =
                (fetch_part){ &fetcher->topic, found.topics[0].partitions[i].index, -1, -1, 0, PART_BYTES };
}

static void records_look(fetcher *fetcher, const char *at, size_t size)
{
    static _Thread_local sl_message messages[PORTION];
    record_cursor cursor = { .until = INT64_MAX };
    failure failure = { 0 };
    long long sum = 0;
    for (size_t count = 1; count;) {
        if (record_cursor_open(&cursor, at, size, &fetcher->scratch, &failure) != SL_OK ||
            record_cursor_read(&cursor, messages, PORTION, &count, &failure) != SL_OK)
            give_up(failure.text);
        for (size_t i = 0; i < count; i++) {
            sl_text field[6];
            sum += sl_csv_split(NULL, messages[i].value, field, 6) == NULL ? (long long)field[2].size : 0;
        }
    }
    atomic_fetch_add(&fields_seen, sum);
}

/* Goes through the whole batches of a record set; a part of one at the end comes again. */
static void set_walk(fetcher *fetcher, fetch_part *part, size_t size)
{
    failure failure = { 0 };
    record_batch batch;
    long long count = 0;
    const char *begin = fetcher->received.at;
    for (size_t at = 0;
         at < size && record_batch_header(begin + at, size - at, &batch, &failure) == RECORD_BATCH_WHOLE;
         at += batch.size) {
        count += batch.last_offset + 1 - part->offset;
        part->offset = batch.last_offset + 1;
        if (fetcher->reading->looks)
            records_look(fetcher, begin + at, batch.size);
    }
    atomic_fetch_add(&seen, count);
}

static void answer_take(fetcher *fetcher, const fetch_ask *ask, failure *failure)
{
    fetch_slice slice;
    if (fetch_begin(fetcher->connection, ask, &fetcher->answer, failure) != SL_OK)
        give_up(failure->text);
    while (fetch_next(&fetcher->answer, &slice, failure) == SL_OK && slice.part) {
        if (slice.bytes == 0)
            continue;
        buffer_reserve(&fetcher->received, slice.bytes + SEGMENT_SLACK);
        if (fetch_records(&fetcher->answer, fetcher->received.at, slice.bytes, failure) != SL_OK)
            give_up(failure->text);
        set_walk(fetcher, &fetcher->parts[slice.part - fetcher->parts], slice.bytes);
    }
}

static void *fetch_run(void *argument)
{
    const reading *reading = argument;
    settings *settings = settings_new();
    kafka_spec *spec = spec_new(reading->servers, settings);
    fetcher fetcher = { .reading = reading, .connection = connection_new(spec) };
    failure failure = { 0 };
    record_scratch_init(&fetcher.scratch, 64 << 20);
    if (connection_open(fetcher.connection, spec->servers[0].host, spec->servers[0].port, &failure) != SL_OK)
        give_up(failure.text);
    parts_find(&fetcher);
    while (fetcher.count && atomic_load(&seen) < wanted) {
        fetch_ask ask = { fetcher.parts, fetcher.count, 100, 1, ANSWER_BYTES };
        fetch_part first = fetcher.parts[0]; /* they take turns */
        memmove(fetcher.parts, fetcher.parts + 1, (fetcher.count - 1) * sizeof first);
        fetcher.parts[fetcher.count - 1] = first;
        if (fetch_send(fetcher.connection, &ask, &failure) != SL_OK)
            give_up(failure.text);
        answer_take(&fetcher, &ask, &failure);
    }
    connection_free(fetcher.connection);
    fetch_answer_done(&fetcher.answer);
    record_scratch_done(&fetcher.scratch);
    buffer_done(&fetcher.received);
    arena_done(&fetcher.memory);
    kafka_spec_free(spec);
    settings_free(settings);
    free(fetcher.parts);
    return NULL;
}

/* ---- Ways ---- */

static const struct way {
    const char *name, *about;
    void *(*run)(void *);
    unsigned readers;
    bool looks;
} ways[] = { { "library-1", "librdkafka, one consumer", library_run, 1, false },
             { "library-2", "librdkafka, two consumers", library_run, 2, false },
             { "fetch-1", "Fetch, one connection", fetch_run, 1, false },
             { "fetch-2", "Fetch, two connections", fetch_run, 2, false },
             { "fetch-read-1", "the same, records checked, read and cut", fetch_run, 1, true },
             { "fetch-read-2", "the same on two connections", fetch_run, 2, true } };

enum { WAYS = sizeof ways / sizeof ways[0] };

static void way_run(const struct way *way, const char *servers, const char *topic)
{
    pthread_t threads[READERS];
    reading readings[READERS];
    for (unsigned i = 0; i < way->readers; i++) {
        readings[i] = (reading){ servers, topic, i, way->readers, way->looks };
        pthread_create(&threads[i], NULL, way->run, &readings[i]);
    }
    for (unsigned i = 0; i < way->readers; i++)
        pthread_join(threads[i], NULL);
}

static void compare(const char *const *words)
{
    double rates[WAYS][ROUNDS], cpus[WAYS][ROUNDS], rss[WAYS][ROUNDS],
        millions = strtod(words[3], NULL) / 1e6;
    for (int round = -1; round < ROUNDS; round++) /* the first warms the broker's pages */
        for (int i = 0; i < WAYS; i++) {
            int w = round % 2 == 0 ? i : WAYS - 1 - i;
            if (round < 0 && w != 0)
                continue;
            const char *const child[] = { words[0], words[1], words[2], words[3], ways[w].name, NULL };
            child_figures got = child_run(child);
            if (round < 0)
                continue;
            rates[w][round] = millions / got.wall_s;
            cpus[w][round] = got.cpu_s / millions;
            rss[w][round] = got.rss_mb;
        }
    for (int w = 0; w < WAYS; w++) {
        sort_values(rates[w], ROUNDS);
        printf("%-40s %6.2f M/s (%.2f to %.2f)  %7.3f core-s/M  %4.0f MB\n", ways[w].about,
               rates[w][ROUNDS / 2], rates[w][0], rates[w][ROUNDS - 1], median(cpus[w], ROUNDS),
               median(rss[w], ROUNDS));
    }
}

int main(int argc, char **argv)
{
    if (argc == 4)
        compare((const char *const *)(void *)argv);
    wanted = argc == 5 ? strtoll(argv[3], NULL, 10) : 0;
    for (size_t i = 0; argc == 5 && i < WAYS; i++)
        if (!strcmp(ways[i].name, argv[4]))
            way_run(&ways[i], argv[1], argv[2]);
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: see bench/limits/kafka.c\n");
        return 2;
    }
    return 0;
}
