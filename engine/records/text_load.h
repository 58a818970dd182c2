/*
 * records/text_load.h - a short text as one vector of 16 bytes, without a branch on its size.
 *
 * Sixteen bytes are read from where the text begins, as long as they lie in one page: what stands behind its end is memory
 * that is there, and is masked away. C does not promise that; every machine with pages does, and strlen() of the C library
 * relies on it. Near the end of a page, and wherever a sanitizer watches, the text's own bytes are copied first.
 */
#ifndef RECORDS_TEXT_LOAD_H
#define RECORDS_TEXT_LOAD_H

#include <sluice/types.h>
#include <string.h>

enum { TEXT_VECTOR = 16, TEXT_PAGE = 4096 };

/* Signed, so that one comparison finds both control characters and bytes from 0x80 on. */
typedef signed char text_vector __attribute__((vector_size(TEXT_VECTOR)));

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TEXT_CAREFUL = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { TEXT_CAREFUL = 1 };
#else
enum { TEXT_CAREFUL = 0 };
#endif
#else
enum { TEXT_CAREFUL = 0 };
#endif

static inline text_vector text_vector_at(const void *at)
{
    text_vector bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* 0xFF for the first `size` bytes, of at most 16. */
static inline text_vector text_vector_mask(size_t size)
{
    static const signed char ones[2 * TEXT_VECTOR] = { -1, -1, -1, -1, -1, -1, -1, -1,
                                                       -1, -1, -1, -1, -1, -1, -1, -1 };
    return text_vector_at(ones + TEXT_VECTOR - size);
}

/* Of a text of at most 16 bytes; what is behind its end is anything. */
static inline text_vector text_load(sl_text text)
{
    bool near_end = ((uintptr_t)text.at & (TEXT_PAGE - 1)) > TEXT_PAGE - TEXT_VECTOR;
    if (TEXT_CAREFUL || near_end || text.size == 0) {
        char copy[TEXT_VECTOR] = { 0 };
        if (text.size)
            memcpy(copy, text.at, text.size);
        return text_vector_at(copy);
    }
    return text_vector_at(text.at);
}

/* Writes whole vectors; returns where the text's copy ends. */
static inline char *text_copy(char *at, sl_text text)
{
    if (text.size <= TEXT_VECTOR) {
        text_vector bytes = text_load(text);
        memcpy(at, &bytes, sizeof bytes);
    } else {
        memcpy(at, text.at, text.size);
    }
    return at + text.size;
}

/* Of a vector of 0 and -1: bit i for byte i. */
static inline unsigned text_vector_bits(text_vector bytes)
{
#if defined(__SSE2__)
    return (unsigned)__builtin_ia32_pmovmskb128((__attribute__((vector_size(TEXT_VECTOR))) char)bytes);
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < TEXT_VECTOR; i++)
        bits |= (unsigned)(bytes[i] & 1) << i;
    return bits;
#endif
}

/* Is any of the first `size` bytes, of at most 16, not 0? */
static inline bool text_vector_any(text_vector bytes, size_t size)
{
    return (text_vector_bits(bytes) & ((1u << size) - 1)) != 0;
}

#endif
