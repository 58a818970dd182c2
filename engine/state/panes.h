/*
 * state/panes.h - which key was counted how often in which pane of a sliding window, so that a pane that leaves the
 * window can be taken back. One per shard.
 *
 *     pane 41: (id, times) (id, times) ...      sparse lists: only keys that the pane touched
 *     pane 42: (id, times) ...
 *     pane 43: (id, 0) (id, 0) ...              the open pane: its numbers still stand with the keys (see count.c)
 */
#ifndef STATE_PANES_H
#define STATE_PANES_H

#include <sluice/types.h>

typedef struct pane_touch {
    uint32_t id, times; /* times 0: still open */
} pane_touch;

typedef struct pane_page {
    struct pane_page *next;
    uint32_t count, padding;
    pane_touch at[126];
} pane_page;

typedef struct pane {
    int64_t number; /* holds the batches t with ceil(t / pane length) == number */
    pane_page *first, *last;
} pane;

typedef struct panes { /* a zeroed one is ready */
    pane *at;          /* a ring, oldest first */
    size_t first, count, room;
    pane_page *spare;
    struct pane_slab *slabs; /* where pages come from */
    size_t bytes;
} panes;

pane *panes_newest(const panes *panes); /* NULL when there is none */
pane *panes_oldest(const panes *panes);
pane *panes_nth(const panes *panes, size_t i);  /* from the oldest */
pane *panes_open(panes *panes, int64_t number); /* larger than all before */
void panes_drop_oldest(panes *panes);
void panes_done(panes *panes);
pane_page *pane_page_more(panes *panes, pane *pane); /* slow part of pane_add */

static inline void pane_add(panes *panes, pane *pane, pane_touch touch)
{
    pane_page *page = pane->last;
    if (page == NULL || page->count == sizeof page->at / sizeof page->at[0])
        page = pane_page_more(panes, pane);
    page->at[page->count++] = touch;
}

#endif
