/*
 * state/panes.c - the ring of panes and their pages. Pages of a dropped pane serve the next one.
 */
#include <base/memory.h>
#include <state/panes.h>
#include <stdlib.h>

/* A slab is as large as all before it together, within these bounds: large ones are backed by huge pages. */
enum { SLAB_LEAST = 64 * 1024, SLAB_MOST = 4 * 1024 * 1024 };

typedef struct pane_slab {
    struct pane_slab *next;
    size_t bytes, used, room; /* used, room: pages */
    pane_page pages[];
} pane_slab;

pane *panes_nth(const panes *panes, size_t i)
{
    return &panes->at[(panes->first + i) & (panes->room - 1)];
}

pane *panes_newest(const panes *panes)
{
    return panes->count ? panes_nth(panes, panes->count - 1) : NULL;
}

pane *panes_oldest(const panes *panes)
{
    return panes->count ? panes_nth(panes, 0) : NULL;
}

static void ring_widen(panes *panes)
{
    size_t room = panes->room ? panes->room * 2 : 16;
    pane *at = memory_new(room * sizeof *at);
    for (size_t i = 0; i < panes->count; i++)
        at[i] = *panes_nth(panes, i);
    free(panes->at);
    panes->at = at;
    panes->first = 0;
    panes->room = room;
}

pane *panes_open(panes *panes, int64_t number)
{
    if (panes->count == panes->room)
        ring_widen(panes);
    pane *opened = panes_nth(panes, panes->count++);
    *opened = (pane){ .number = number };
    return opened;
}

void panes_drop_oldest(panes *panes)
{
    pane *dropped = panes_oldest(panes);
    if (dropped->last) {
        dropped->last->next = panes->spare;
        panes->spare = dropped->first;
    }
    panes->first = (panes->first + 1) & (panes->room - 1);
    panes->count--;
}

static void slab_add(panes *panes)
{
    size_t bytes = panes->bytes < SLAB_LEAST  ? SLAB_LEAST
                   : panes->bytes > SLAB_MOST ? SLAB_MOST
                                              : panes->bytes;
    pane_slab *slab = range_new(bytes);
    *slab = (pane_slab){ .next = panes->slabs,
                         .bytes = bytes,
                         .room = (bytes - sizeof *slab) / sizeof(pane_page) };
    panes->slabs = slab;
    panes->bytes += bytes;
}

static pane_page *page_take(panes *panes)
{
    pane_page *page = panes->spare;
    if (page) {
        panes->spare = page->next;
        return page;
    }
    if (panes->slabs == NULL || panes->slabs->used == panes->slabs->room)
        slab_add(panes);
    return &panes->slabs->pages[panes->slabs->used++];
}

pane_page *pane_page_more(panes *panes, pane *pane)
{
    pane_page *page = page_take(panes);
    page->next = NULL;
    page->count = 0;
    if (pane->last)
        pane->last->next = page;
    else
        pane->first = page;
    return pane->last = page;
}

void panes_done(panes *panes)
{
    while (panes->slabs) {
        pane_slab *slab = panes->slabs;
        panes->slabs = slab->next;
        range_free(slab, slab->bytes);
    }
    free(panes->at);
    *panes = (struct panes){ 0 };
}
