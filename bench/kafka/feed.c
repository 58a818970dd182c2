/*
 * bench/kafka/feed.c - listens at a steady pace, as producers of a live topic send them.
 *
 *     feed SERVERS TOPIC PARTITIONS RATE EVERY_MS SECONDS
 *
 * RATE records a second, a portion every EVERY_MS. Some seconds of listens go round, so that all keys are known soon. A
 * portion goes to one partition, the next to the next.
 */
#include "../shared/topic.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_SECONDS = 4 };

static void wait_until(double at_s)
{
    struct timespec at = { (time_t)at_s, (long)((at_s - floor(at_s)) * 1e9) };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: feed SERVERS TOPIC PARTITIONS RATE EVERY_MS SECONDS\n");
        return 2;
    }
    topic_writer writer = { .partitions = (int)strtol(argv[3], NULL, 10) };
    double rate = strtod(argv[4], NULL), every_s = strtod(argv[5], NULL) / 1000,
           seconds = strtod(argv[6], NULL);
    size_t count = (size_t)(rate * ROUND_SECONDS), sent = 0;
    line *lines = calloc(count, sizeof *lines);
    uint64_t state = 1, portions = (uint64_t)(seconds / every_s);
    for (size_t i = 0; i < count; i++)
        topic_line(&lines[i], i, &state);
    topic_writer_open(&writer, argv[1], argv[2], every_s < 0.02 ? "0" : "20");
    double begin = wall_s();
    for (uint64_t portion = 1; portion <= portions; portion++) {
        size_t until = (size_t)((double)portion * every_s * rate);
        for (; sent < until; sent++)
            topic_write(&writer, (int32_t)(portion % (uint64_t)writer.partitions), &lines[sent % count]);
        rd_kafka_poll(writer.producer, 0);
        wait_until(begin + (double)portion * every_s);
    }
    free(lines);
    return topic_writer_close(&writer) ? 0 : 1;
}
