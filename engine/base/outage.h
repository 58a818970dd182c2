/*
 * base/outage.h - what of a trouble that lasts is worth a line in the log.
 *
 *     if (outage_goes_on(&outage, why, now_ns))
 *         log_warn("...", "%s; trying again", why);
 *     ...
 *     if (outage_ends(&outage, now_ns, &lasted_ns))
 *         log_info("...", "back after %s", clock_span(lasted_ns, span));
 *
 * A server that is down for hours fails thousands of tries. News is the first of them, then a reason that was not told yet,
 * and the same again after 1, 2, 4, ... 60 minutes. Numbers in a reason do not make it another one. A trouble that comes back
 * within a minute of the last line is the old one: something that fails and recovers all the time has a line a minute, too.
 *
 * A zeroed struct is ready. One thread at a time.
 */
#ifndef BASE_OUTAGE_H
#define BASE_OUTAGE_H

#include <sluice/types.h>

enum { OUTAGE_REASONS = 8 }; /* that are told apart; more of them wait for their time like repeats */

typedef struct outage {
    int64_t began_ns, told_ns, pause_ns; /* pause: how long a reason that was told is not told again */
    uint64_t reasons[OUTAGE_REASONS];    /* hashes of those that were told */
    size_t count;
    bool lasts, told; /* told: of this one */
} outage;

bool outage_goes_on(outage *outage, const char *why, int64_t now_ns); /* true: tell it */

/* True: its end is worth a line, since the outage was. Does nothing when there is none. */
bool outage_ends(outage *outage, int64_t now_ns, int64_t *lasted_ns);

/* What waits for a place, for people: "paused: elasticsearch since 12:03, 4 batches held". Times on the wall clock. */
typedef struct outage_view {
    const char *place;
    int64_t since_ms, now_ms;
    size_t held;
} outage_view;

void outage_print(const outage_view *view, char *text, size_t room);

#endif
