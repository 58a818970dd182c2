/*
 * sources/kafka/crc32c.h - CRC-32C (Castagnoli), the checksum of Kafka's record batches. What the processor has for it is
 * used where there is something; all ways give the same.
 */
#ifndef SOURCES_KAFKA_CRC32C_H
#define SOURCES_KAFKA_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes, as it stands in a batch: "123456789" gives 0xE3069283. Any thread. */
uint32_t crc32c(const void *at, size_t size);

/* Every way there is, the best one first; for tests and benchmarks. */
typedef struct crc32c_way {
    const char *name;
    bool (*is_here)(void); /* this processor has it */
    uint32_t (*of)(const void *at, size_t size);
} crc32c_way;

const crc32c_way *crc32c_ways(size_t *count);

#endif
