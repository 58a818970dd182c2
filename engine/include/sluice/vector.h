/*
 * sluice/vector.h - a short text as one vector of 16 bytes, without a branch on its size. For the other headers here, not
 * for jobs.
 *
 * Sixteen bytes are read from where the text begins, as long as they lie in one page: what stands behind its end is memory
 * that is there, and is masked away. C does not promise that; every machine with pages does, and strlen() of the C library
 * relies on it. Near the end of a page, and wherever a sanitizer watches, the text's own bytes are copied first.
 */
#ifndef SLUICE_VECTOR_H
#define SLUICE_VECTOR_H

#include <sluice/types.h>
#include <string.h>

enum { SL_VECTOR_BYTES_ = 16, SL_PAGE_BYTES_ = 4096 };

/* Signed, so that one comparison finds both control characters and bytes from 0x80 on. */
typedef signed char sl_vector_ __attribute__((vector_size(SL_VECTOR_BYTES_)));

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SL_IS_WATCHED_ = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SL_IS_WATCHED_ = 1 };
#else
enum { SL_IS_WATCHED_ = 0 };
#endif
#else
enum { SL_IS_WATCHED_ = 0 };
#endif

static inline sl_vector_ sl_vector_at_(const void *at)
{
    sl_vector_ bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Of a text of at most 16 bytes; what is behind its end is anything. */
static inline sl_vector_ sl_vector_load_(sl_text text)
{
    bool near_end = ((uintptr_t)text.at & (SL_PAGE_BYTES_ - 1)) > SL_PAGE_BYTES_ - SL_VECTOR_BYTES_;
    if (SL_IS_WATCHED_ || __builtin_expect(near_end, 0) || text.size == 0) {
        char copy[SL_VECTOR_BYTES_] = { 0 };
        if (text.size)
            memcpy(copy, text.at, text.size);
        return sl_vector_at_(copy);
    }
    return sl_vector_at_(text.at);
}

/* Of a vector of 0 and -1: bit i for byte i. */
static inline unsigned sl_vector_bits_(sl_vector_ bytes)
{
#if defined(__SSE2__)
    return (unsigned)__builtin_ia32_pmovmskb128((__attribute__((vector_size(SL_VECTOR_BYTES_))) char)bytes);
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < SL_VECTOR_BYTES_; i++)
        bits |= (unsigned)(bytes[i] & 1) << i;
    return bits;
#endif
}

#endif
