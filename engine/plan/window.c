/*
 * plan/window.c - panes and reports of windows.
 */
#include <inttypes.h>
#include <plan/window.h>

enum { PANES_MAX = 1800 };

static int64_t pane_of(int64_t length_ms)
{
    for (int64_t seconds = 1; length_ms >= 60000 && seconds * 1000 <= length_ms / 60; seconds++)
        if (length_ms % (seconds * 1000) == 0 && length_ms / (seconds * 1000) <= PANES_MAX)
            return seconds * 1000;
    return 0;
}

sl_result window_of(const sl_window *drawn, const char *name, window *window, failure *failure)
{
    int64_t length = drawn->length.ms, pane = drawn->pane.ms;
    if (length == 0) {
        *window = (struct window){ .pane_ms = 1, .panes = 1, .batch_only = true };
        return SL_OK;
    }
    if (length == SL_EVER_MS && pane == 0)
        pane = length;
    if (pane == 0)
        pane = pane_of(length);
    if (pane == 0)
        return fail(failure, SL_USAGE,
                    "the window of \"%s\", %" PRId64
                    " ms long, needs an explicit pane (>= 1ms) that divides it",
                    name, length);
    if (length % pane)
        return fail(failure, SL_USAGE,
                    "the window of \"%s\": its length of %" PRId64
                    " ms is no multiple of its pane of %" PRId64 " ms",
                    name, length, pane);
    *window = (struct window){ .pane_ms = pane, .panes = length / pane, .slide_ms = drawn->slide.ms };
    return SL_OK;
}

size_t window_reports(const window *window, int64_t last_ms, int64_t time_ms, int64_t ends[REPORTS_MAX])
{
    int64_t slide = window->slide_ms;
    if (slide == 0) {
        ends[0] = time_ms;
        return 1;
    }
    int64_t first = last_ms > 0 ? last_ms / slide + 1 : time_ms / slide + (time_ms % slide > 0);
    int64_t last = time_ms / slide, most = window->panes * window->pane_ms / slide;
    most = most < 1 ? 1 : most > REPORTS_MAX ? REPORTS_MAX : most;
    if (last - first + 1 > most)
        first = last - most + 1;
    size_t count = 0;
    for (int64_t i = first; i <= last; i++)
        ends[count++] = i * slide;
    return count;
}
