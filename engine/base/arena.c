/*
 * base/arena.c - the slow part of arenas: a chain of pages, each kept for the next round.
 */
#include <base/arena.h>
#include <base/memory.h>

enum { PAGE_BYTES = 256 * 1024 };

struct arena_page {
    arena_page *next;
    size_t bytes; /* of the whole range, this header included */
    char padding[16];
};

static void page_use(arena *arena, arena_page *page)
{
    arena->page = page;
    arena->at = (char *)(page + 1);
    arena->end = (char *)page + page->bytes;
}

void *arena_more(arena *arena, size_t size)
{
    arena_page **link = arena->page ? &arena->page->next : &arena->first;
    size_t needed = size + sizeof(arena_page);
    while (*link && (*link)->bytes < needed)
        link = &(*link)->next;
    if (*link == NULL) {
        size_t bytes = needed > PAGE_BYTES ? (needed + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES : PAGE_BYTES;
        *link = range_new(bytes);
        (*link)->bytes = bytes;
    }
    page_use(arena, *link);
    return arena_take(arena, size);
}

void arena_reset(arena *arena)
{
    if (arena->first)
        page_use(arena, arena->first);
}

void arena_done(arena *arena)
{
    while (arena->first) {
        arena_page *page = arena->first;
        arena->first = page->next;
        range_free(page, page->bytes);
    }
    *arena = (struct arena){ 0 };
}

size_t arena_bytes(const arena *arena)
{
    size_t bytes = 0;
    for (const arena_page *page = arena->first; page; page = page->next)
        bytes += page->bytes;
    return bytes;
}
