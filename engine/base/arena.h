/*
 * base/arena.h - memory of one lifetime, given back all at once. Pages stay for the next round, so a warm arena
 * allocates nothing. One thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct arena_page arena_page;

typedef struct arena { /* a zeroed arena is ready */
    char *at, *end;
    arena_page *page, *first;
} arena;

void *arena_more(arena *arena, size_t size); /* slow part of arena_take */
void arena_reset(arena *arena);              /* everything taken is gone; the pages stay */
void arena_done(arena *arena);
size_t arena_bytes(const arena *arena); /* of all pages */

/* Not zeroed, aligned to 16. */
static inline void *arena_take(arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if ((size_t)(arena->end - arena->at) < size)
        return arena_more(arena, size);
    void *taken = arena->at;
    arena->at += size;
    return taken;
}

static inline char *arena_copy(arena *arena, const void *bytes, size_t size)
{
    char *copy = arena_take(arena, size ? size : 1);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

#endif
