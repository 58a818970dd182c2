/*
 * analyser.h - what the static analyser has to know about base/memory: memory_new is zeroed and never NULL. Included before
 * every file that it reads, and never compiled. It finds leaks of such memory in this way, too.
 */
#ifndef CHECK_ANALYSER_H
#define CHECK_ANALYSER_H

#include <base/memory.h>
#include <stdlib.h>

static inline void *known_new(size_t bytes)
{
    void *at = calloc(1, bytes);
    if (at == NULL)
        abort();
    return at;
}

static inline void *known_resize(void *at, size_t bytes)
{
    void *moved = realloc(at, bytes);
    if (moved == NULL)
        abort();
    return moved;
}

#define memory_new(bytes)        known_new(bytes)
#define memory_resize(at, bytes) known_resize(at, bytes)

#endif
