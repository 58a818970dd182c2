/*
 * base/hash.h - XXH3 (libxxhash, header only): for keys in memory and as the checksum of what is written to disk.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#define XXH_INLINE_ALL
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

static inline uint64_t hash_bytes(const void *at, size_t size)
{
    return XXH3_64bits(at, size);
}

/* Of exactly 16 bytes: a few multiplications, inline in every probe of a table. */
static inline uint64_t hash_16(uint64_t low, uint64_t high)
{
    uint64_t words[2] = { low, high };
    return XXH3_64bits(words, sizeof words);
}

#endif
