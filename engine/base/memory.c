/*
 * base/memory.c - allocations that cannot fail, and ranges of pages.
 */
#include <base/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ThreadSanitizer does not see pages move: what it noted of an address would count for the next range there. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PAGES_MUST_STAY
#endif
#endif

enum { PAGE = 4096, HUGE_PAGE = 2 * 1024 * 1024 };

static _Noreturn void memory_gone(size_t bytes)
{
    fprintf(stderr,
            "sluice: the system has no memory for %zu bytes more; lower memory.input or memory.state\n",
            bytes);
    abort();
}

void *memory_new(size_t bytes)
{
    void *at = calloc(1, bytes ? bytes : 1);
    if (at == NULL)
        memory_gone(bytes);
    return at;
}

void *memory_resize(void *at, size_t bytes)
{
    void *moved = realloc(at, bytes ? bytes : 1);
    if (moved == NULL)
        memory_gone(bytes);
    return moved;
}

char *memory_text(const char *text)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(memory_new(size), text, size);
}

static void *range_advise(void *at, size_t bytes)
{
    if (at == MAP_FAILED)
        memory_gone(bytes);
    if (bytes >= HUGE_PAGE)
        madvise(at, bytes, MADV_HUGEPAGE); /* a wish: without it the range only costs more page faults */
    return at;
}

void *range_new(size_t bytes)
{
    return range_advise(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes);
}

void range_touch(void *at, size_t bytes)
{
#if defined(MADV_POPULATE_WRITE)
    if (madvise(at, bytes, MADV_POPULATE_WRITE) == 0)
        return;
#endif
    for (size_t i = 0; i < bytes; i += PAGE) { /* kernels before 5.14 */
        volatile char *byte = (char *)at + i;
        *byte = *byte;
    }
}

void *range_grow(void *at, size_t old_bytes, size_t bytes)
{
    if (at == NULL)
        return range_new(bytes);
#if defined(PAGES_MUST_STAY)
    void *grown = range_new(bytes);
    memcpy(grown, at, old_bytes < bytes ? old_bytes : bytes);
    range_free(at, old_bytes);
    return grown;
#else
    return range_advise(mremap(at, old_bytes, bytes, MREMAP_MAYMOVE), bytes);
#endif
}

void range_free(void *at, size_t bytes)
{
    if (at)
        munmap(at, bytes);
}
