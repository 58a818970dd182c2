/*
 * base/hash.h - XXH3 (libxxhash, header only) for long keys and as the checksum of what is written to disk; a product for short
 * keys, five of which are hashed per record of a job.
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

/*
 * Of exactly 16 bytes, inline in every probe of a table: the two halves of one product, folded, as wyhash does it. Both
 * ends of the answer are well mixed; it is never written to disk.
 */
static inline uint64_t hash_16(uint64_t low, uint64_t high)
{
    __extension__ typedef unsigned __int128 product;
    product both = (product)(low ^ 0xa0761d6478bd642fu) * (high ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)both ^ (uint64_t)(both >> 64);
}

#endif
