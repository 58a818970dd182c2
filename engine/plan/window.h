/*
 * plan/window.h - the arithmetic of windows in batch time. The choice of a batch's pane stands here and nowhere else.
 *
 *     pane number of t: ceil(t / pane)          a window of n panes at T holds the numbers (ceil(T / pane) - n, ceil(T / pane)]
 */
#ifndef PLAN_WINDOW_H
#define PLAN_WINDOW_H

#include <base/failure.h>
#include <sluice/job.h>

typedef struct window {
    int64_t pane_ms, panes; /* length = panes * pane_ms */
    int64_t slide_ms;       /* 0: every batch */
    bool batch_only;        /* the window is the batch */
} window;

enum { REPORTS_MAX = 4096 };

/* Works out the pane; refuses a length and pane that do not fit. */
sl_result window_of(const sl_window *drawn, const char *name, window *window, failure *failure);

/* Nothing ever leaves: all batches are in one pane. */
static inline bool window_is_for_ever(const window *window)
{
    return window->pane_ms == SL_EVER_MS;
}

static inline int64_t window_pane(const window *window, int64_t time_ms)
{
    if (window->batch_only)
        return time_ms;
    return time_ms / window->pane_ms + (time_ms % window->pane_ms > 0);
}

/* The newest pane number that has left the window at this time. */
static inline int64_t window_gone(const window *window, int64_t time_ms)
{
    return window_pane(window, time_ms) - window->panes;
}

/* Exclusive start of the window that ends at end_ms. */
static inline int64_t window_start(const window *window, int64_t end_ms)
{
    return window_gone(window, end_ms) * window->pane_ms;
}

/* The ends E, last_ms < E <= time_ms, at which the window reports, oldest first; at most as many as fit a length. */
size_t window_reports(const window *window, int64_t last_ms, int64_t time_ms, int64_t ends[REPORTS_MAX]);

#endif
