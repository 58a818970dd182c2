/*
 * bench/limits/memory.c - what memory gives on this machine: the first touch of a page, streams, and loads that wait for each
 * other or do not. State that fits no cache costs one or two of these loads per record and key.
 */
#include "../shared/measure.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ROUNDS = 3,
    STREAM_BYTES = 256 << 20,
    TOUCH_BYTES = 128 << 20,
    PAGE = 4096,
    VECTOR = 64,
    LOADS = 1 << 20
};

static uint64_t sum_of; /* so that nothing is optimised away */

static char *pages_new(size_t bytes, bool huge)
{
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        give_up("no memory");
    madvise(at, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return at;
}

/* ---- First touch ---- */

static void touch_measure(const char *what, bool huge)
{
    double first[ROUNDS], again[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        char *at = pages_new(TOUCH_BYTES, huge);
        double begin = thread_s();
        for (size_t i = 0; i < TOUCH_BYTES; i += PAGE)
            at[i] = 1;
        first[round] = thread_s() - begin;
        begin = thread_s();
        for (size_t i = 0; i < TOUCH_BYTES; i += PAGE)
            at[i] = 2;
        again[round] = thread_s() - begin;
        munmap(at, TOUCH_BYTES);
    }
    double count = (double)TOUCH_BYTES / PAGE;
    printf("first touch, %-10s %8.0f ns for 4 KiB  %8.1f touched again\n", what,
           median(first, ROUNDS) * 1e9 / count, median(again, ROUNDS) * 1e9 / count);
}

/* ---- Streams ---- */

typedef enum way { READ, WRITE, COPY, WAYS } way;
static const char *const way_names[WAYS] = { "read", "write", "copy" };

typedef struct streaming {
    way way;
    char *from, *to;
    double took_s;
} streaming;

static void *stream_run(void *argument)
{
    streaming *stream = argument;
    uint64_t sum[4] = { 0 };
    double begin = wall_s();
    if (stream->way == WRITE)
        memset(stream->to, (int)random_next(&(uint64_t){ 1 }), STREAM_BYTES);
    else if (stream->way == COPY)
        memcpy(stream->to, stream->from, STREAM_BYTES);
    for (size_t i = 0; stream->way == READ && i < STREAM_BYTES; i += 4 * sizeof *sum) {
        uint64_t words[4];
        memcpy(words, stream->from + i, sizeof words);
        for (int k = 0; k < 4; k++)
            sum[k] += words[k];
    }
    stream->took_s = wall_s() - begin;
    __atomic_fetch_add(&sum_of, sum[0] + sum[1] + sum[2] + sum[3] + (uint64_t)stream->to[17],
                       __ATOMIC_RELAXED);
    return NULL;
}

static double stream_measure(way way, char *memory[4], int threads)
{
    double rates[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[2];
        streaming streams[2] = { { way, memory[0], memory[1], 0 }, { way, memory[2], memory[3], 0 } };
        for (int i = 0; i < threads; i++)
            pthread_create(&thread[i], NULL, stream_run, &streams[i]);
        rates[round] = 0;
        for (int i = 0; i < threads; i++) {
            pthread_join(thread[i], NULL);
            rates[round] += STREAM_BYTES / streams[i].took_s / 1e9;
        }
    }
    return median(rates, ROUNDS);
}

static void streams_measure(void)
{
    char *memory[4];
    for (int i = 0; i < 4; i++)
        memset(memory[i] = pages_new(STREAM_BYTES, true), i, STREAM_BYTES);
    for (way way = READ; way < WAYS; way++)
        printf("%-22s %8.1f GB/s by one thread  %8.1f by two together\n", way_names[way],
               stream_measure(way, memory, 1), stream_measure(way, memory, 2));
    for (int i = 0; i < 4; i++)
        munmap(memory[i], STREAM_BYTES);
}

/* ---- Loads ---- */

/* A ring through all cache lines, by Sattolo's shuffle: each line's first word is the next line. */
static void ring_make(char *at, size_t lines)
{
    uint32_t *order = malloc(lines * sizeof *order);
    uint64_t state = 7;
    for (size_t i = 0; i < lines; i++)
        order[i] = (uint32_t)i;
    for (size_t i = lines - 1; i > 0; i--) {
        size_t other = random_next(&state) % i;
        uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < lines; i++)
        memcpy(at + (size_t)order[i] * 64, &order[(i + 1) % lines], sizeof *order);
    free(order);
}

static double chain_ns(const char *at)
{
    uint32_t line = 0;
    double begin = thread_s();
    for (size_t i = 0; i < LOADS; i++)
        memcpy(&line, at + (size_t)line * 64, sizeof line);
    sum_of += line;
    return (thread_s() - begin) * 1e9 / LOADS;
}

/* As the store does it: all lines of a vector are asked for, then all are read. */
static double vector_ns(const char *at, size_t lines)
{
    uint64_t state = 3, sum = 0;
    uint32_t wanted[VECTOR];
    double begin = thread_s();
    for (size_t i = 0; i < LOADS; i += VECTOR) {
        for (int k = 0; k < VECTOR; k++) {
            wanted[k] = (uint32_t)((random_next(&state) >> 32) * lines >> 32);
            __builtin_prefetch(at + (size_t)wanted[k] * 64);
        }
        for (int k = 0; k < VECTOR; k++)
            sum += (unsigned char)at[(size_t)wanted[k] * 64];
    }
    sum_of += sum;
    return (thread_s() - begin) * 1e9 / LOADS;
}

static void loads_measure(size_t bytes, bool huge)
{
    char *at = pages_new(bytes, huge);
    double chain[ROUNDS], vector[ROUNDS];
    ring_make(at, bytes / 64);
    for (int round = 0; round < ROUNDS; round++) {
        chain[round] = chain_ns(at);
        vector[round] = vector_ns(at, bytes / 64);
    }
    printf("loads, %4zu MiB, %-6s %8.1f ns one after another  %8.1f in vectors of %d\n", bytes >> 20,
           huge ? "huge" : "4 KiB", median(chain, ROUNDS), median(vector, ROUNDS), VECTOR);
    munmap(at, bytes);
}

int main(void)
{
    touch_measure("4 KiB", false);
    touch_measure("huge pages", true);
    streams_measure();
    for (size_t mib = 1; mib <= 512; mib *= 8)
        loads_measure(mib << 20, true);
    loads_measure((size_t)512 << 20, false);
    return sum_of == 1;
}
