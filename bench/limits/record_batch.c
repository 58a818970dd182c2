/*
 * bench/limits/record_batch.c - what it takes to open and read Kafka's record batches: the floor of a Fetch path of our own.
 *
 * Listens of about 50 bytes in batches of 16 KB and of 1 MB, plain and packed by each codec; more bytes than the caches
 * hold, read from front to back in portions of 256 messages as workers do. Then the checksum alone, in each way.
 *
 *     record_batch [million records, default 4]
 */
#include "../../tests/support/record_batches.c"
#include <records/segment.h>
#include <sources/kafka/crc32c.h>
#include <sources/kafka/record_batch.h>
#include <stdio.h>
#include <time.h>

enum { PORTION = 256, ROUNDS = 5, BATCH_RECORDS_MOST = 20000 };

static double seconds_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    return mixed ^ mixed >> 31;
}

/* ---- Input ---- */

static void batch_make(buffer *out, const written_batch *batch, size_t count, uint64_t *state)
{
    static char texts[BATCH_RECORDS_MOST][64];
    static written_record records[BATCH_RECORDS_MOST];
    for (size_t i = 0; i < count; i++) {
        unsigned draw = (unsigned)random_next(state);
        int size = snprintf(texts[i], sizeof texts[i], "%zu,%u,%u,\"2014-10-23 03:26:%02u\",%u,\"%05u\"",
                            (size_t)batch->base_offset + i, draw % 5000, (draw >> 8) % 1200, draw % 60,
                            draw & 1, draw % 100000);
        records[i] =
            (written_record){ .time_ms = 1700000000000 + (int64_t)(batch->base_offset + (int64_t)i) / 100,
                              .value = { texts[i], (size_t)size } };
    }
    batch_write(out, batch, records, count);
}

static buffer batches_make(written_codec codec, size_t records, size_t per_batch)
{
    buffer out = { 0 };
    uint64_t state = 1;
    for (size_t at = 0; at < records; at += per_batch)
        batch_make(&out, &(written_batch){ .base_offset = (int64_t)at, .packed_by = codec }, per_batch,
                   &state);
    buffer_reserve(&out, SEGMENT_SLACK);
    return out;
}

/* ---- Measuring ---- */

typedef struct sum {
    size_t records, bytes; /* of the records, unpacked */
    uint64_t check;        /* so that nothing is optimised away */
} sum;

static void batch_read(const char *at, size_t size, record_scratch *scratch, sum *sum)
{
    static sl_message messages[PORTION];
    record_cursor cursor = { .until = INT64_MAX };
    failure failure = { 0 };
    for (size_t count = 1; count; sum->records += count) {
        if (record_cursor_open(&cursor, at, size, scratch, &failure) != SL_OK ||
            record_cursor_read(&cursor, messages, PORTION, &count, &failure) != SL_OK) {
            fprintf(stderr, "%s\n", failure.text);
            abort();
        }
        if (count)
            sum->check += messages[count - 1].value.size + (size_t)messages[0].origin.time_ms;
    }
    sum->bytes += (size_t)(cursor.end - cursor.records);
}

static sum all_read(const buffer *batches, record_scratch *scratch)
{
    sum sum = { 0 };
    for (size_t at = 0; at < batches->size;) {
        record_batch batch;
        failure failure = { 0 };
        record_batch_header(batches->at + at, batches->size - at, &batch, &failure);
        batch_read(batches->at + at, batches->size - at, scratch, &sum);
        at += batch.size;
    }
    return sum;
}

static void codec_measure(written_codec codec, size_t records, size_t per_batch)
{
    static const char *const names[] = { "plain", "gzip", "snappy", "lz4", "zstd", "snappy-java" };
    buffer batches = batches_make(codec, records, per_batch);
    record_scratch scratch;
    record_scratch_init(&scratch, 64 << 20);
    sum sum = all_read(&batches, &scratch); /* warm */
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = seconds_now();
        sum = all_read(&batches, &scratch);
        double took = seconds_now() - begin;
        best = took < best ? took : best;
    }
    printf("%-12s %6zu a batch  %6.2f ns a record  %6.2f GB/s unpacked  ratio %.2f\n", names[codec],
           per_batch, best * 1e9 / (double)sum.records, (double)sum.bytes / best / 1e9,
           (double)sum.bytes / (double)batches.size);
    record_scratch_done(&scratch);
    buffer_done(&batches);
}

static void checksum_measure(const crc32c_way *way, size_t size)
{
    enum { BYTES = 64 << 20 };
    static char bytes[BYTES];
    double best = 1e9;
    uint32_t sum = 0;
    memset(bytes, 1, sizeof bytes);
    for (int round = 0; round < ROUNDS; round++) {
        double begin = seconds_now();
        for (size_t at = 0; at + size <= BYTES; at += size)
            sum += way->of(bytes + at + 5, size - 5);
        double took = seconds_now() - begin;
        best = took < best ? took : best;
    }
    printf("crc32c by %-8s %8zu bytes at a time  %6.2f GB/s  (%08x)\n", way->name, size, BYTES / best / 1e9,
           sum);
}

int main(int argc, char **argv)
{
    size_t records = (size_t)((argc > 1 ? strtod(argv[1], NULL) : 4) * 1e6);
    for (written_codec codec = 0; codec < WRITTEN_CODECS; codec++) {
        codec_measure(codec, records, 300);
        codec_measure(codec, records, BATCH_RECORDS_MOST);
    }
    size_t count;
    const crc32c_way *ways = crc32c_ways(&count);
    for (size_t i = 0; i < count; i++) {
        if (!ways[i].is_here())
            continue;
        checksum_measure(&ways[i], 1024);
        checksum_measure(&ways[i], 16 << 10);
        checksum_measure(&ways[i], 1 << 20);
    }
    return 0;
}
