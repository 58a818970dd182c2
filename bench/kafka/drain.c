/*
 * bench/kafka/drain.c - `listens` draining a preloaded topic beside a bare librdkafka consumer of the same topic.
 *
 *     drain load SERVERS TOPIC COUNT PARTITIONS    makes the topic and fills it with listens
 *     drain bare SERVERS TOPIC COUNT               reads COUNT messages, does nothing with them
 *     drain compare SERVERS TOPIC COUNT REDIS      rounds of both, each a process of its own, interleaved A B B A ...
 *
 * The topic is read once before anything is timed. A rate is COUNT over the whole life of the process, start and end
 * included, for both; core-seconds and memory are those of the process, as the system accounts for it. Environment: ROUNDS=5
 */
#include "../shared/listens.h"
#include "../shared/topic.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MOST = 101, TAKE = 10000 };

/* ---- load ---- */

static int load(const char *servers, const char *topic, long count, int partitions)
{
    topic_writer writer = { .partitions = partitions };
    uint64_t state = 1;
    topic_writer_open(&writer, servers, topic, "50");
    for (long i = 0; i < count; i++) {
        line line;
        topic_line(&line, (uint64_t)i, &state);
        topic_write(&writer, (int32_t)(i / 100 % partitions), &line);
        if (i % 10000 == 0)
            rd_kafka_poll(writer.producer, 0);
    }
    return topic_writer_close(&writer) ? 0 : 1;
}

/* ---- bare ---- */

static rd_kafka_t *consumer_new(const char *servers)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const pairs[][2] = { { "bootstrap.servers", servers },
                                     { "queued.min.messages", "10000000" },
                                     { "queued.max.messages.kbytes", "262144" },
                                     { "enable.partition.eof", "false" },
                                     { "group.id", "bare" },
                                     { "enable.auto.commit", "false" },
                                     { "auto.offset.reset", "earliest" } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why);
    rd_kafka_t *made = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (made == NULL)
        give_up(why);
    return made;
}

static int bare(const char *servers, const char *topic, long count)
{
    rd_kafka_t *consumer = consumer_new(servers);
    rd_kafka_poll_set_consumer(consumer);
    const struct rd_kafka_metadata *found;
    if (rd_kafka_metadata(consumer, 1, NULL, &found, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 1;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(16);
    for (int t = 0; t < found->topic_cnt; t++)
        for (int p = 0; !strcmp(found->topics[t].topic, topic) && p < found->topics[t].partition_cnt; p++)
            rd_kafka_topic_partition_list_add(all, topic, p)->offset = 0;
    rd_kafka_metadata_destroy(found);
    rd_kafka_assign(consumer, all);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    static rd_kafka_message_t *messages[TAKE];
    for (long got = 0; got < count;) {
        ssize_t some = rd_kafka_consume_batch_queue(queue, 1000, messages, TAKE);
        for (ssize_t i = 0; i < some; i++) {
            got += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}

/* ---- compare ---- */

static child_figures run_listens(const char *servers, const char *topic, const char *redis)
{
    char dir[256];
    work_dir_new(dir, sizeof dir);
    listens_command command = { .servers = servers, .topic = topic, .redis = redis, .work_dir = dir };
    command.more = (const char *[]){ "--available-now", NULL };
    child_figures got = child_run(listens_words(&command));
    work_dir_remove(dir);
    return got;
}

static int rounds_wanted(void)
{
    const char *given = getenv("ROUNDS");
    long rounds = given ? strtol(given, NULL, 10) : 5;
    return rounds < 1 ? 1 : rounds > ROUNDS_MOST ? ROUNDS_MOST : (int)rounds;
}

static int compare(const char *self, const char *servers, const char *topic, const char *count,
                   const char *redis)
{
    const char *const bare_words[] = { self, "bare", servers, topic, count, NULL };
    double bare_rate[ROUNDS_MOST], full_rate[ROUNDS_MOST], ratio[ROUNDS_MOST], bare_cpu[ROUNDS_MOST],
        full_cpu[ROUNDS_MOST], rss[ROUNDS_MOST];
    int rounds = rounds_wanted();
    double millions = strtod(count, NULL) / 1e6;
    child_run(bare_words); /* the broker's pages are warm from here on */
    run_listens(servers, topic, redis);
    for (int round = 0; round < rounds; round++) {
        child_figures bare_got, full_got;
        if (round % 2 == 0)
            bare_got = child_run(bare_words);
        full_got = run_listens(servers, topic, redis);
        if (round % 2 == 1)
            bare_got = child_run(bare_words);
        bare_rate[round] = millions / bare_got.wall_s;
        full_rate[round] = millions / full_got.wall_s;
        ratio[round] = full_rate[round] / bare_rate[round];
        bare_cpu[round] = bare_got.cpu_s / millions;
        full_cpu[round] = full_got.cpu_s / millions;
        rss[round] = full_got.rss_mb;
        printf("round %d: bare %.2f M/s, %.3f core-s/M, %.0f MB; listens %.2f M/s, %.3f core-s/M, %.0f MB\n",
               round + 1, bare_rate[round], bare_cpu[round], bare_got.rss_mb, full_rate[round],
               full_cpu[round], rss[round]);
    }
    double found = median(ratio, (size_t)rounds), memory = median(rss, (size_t)rounds),
           cpu = median(full_cpu, (size_t)rounds);
    printf("median: bare %.2f M/s, %.3f core-s/M; listens %.2f M/s, %.3f core-s/M\n",
           median(bare_rate, (size_t)rounds), median(bare_cpu, (size_t)rounds),
           median(full_rate, (size_t)rounds), median(full_cpu, (size_t)rounds));
    goal("kafka_vs_librdkafka", found, "x", GOAL_LEAST, 3);
    goal("kafka_core_s_per_m", cpu, "core-s/M", GOAL_MOST, 0.16);
    goal("rss_mb", memory, "MB", GOAL_MOST, 400);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[1], "load"))
        return load(argv[2], argv[3], strtol(argv[4], NULL, 10), (int)strtol(argv[5], NULL, 10));
    if (argc == 5 && !strcmp(argv[1], "bare"))
        return bare(argv[2], argv[3], strtol(argv[4], NULL, 10));
    if (argc == 6 && !strcmp(argv[1], "compare"))
        return compare(argv[0], argv[2], argv[3], argv[4], argv[5]);
    fprintf(stderr, "usage: see bench/kafka/drain.c\n");
    return 2;
}
