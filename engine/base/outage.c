/*
 * base/outage.c - decides by reason and by time. The texts themselves are not kept: a hash without the digits stands for
 * each, so that "after 3 ms" and "after 5 ms" are one reason.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/hash.h>
#include <base/outage.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_NS INT64_C(60000000000)

static uint64_t reason_hash(const char *why);
static bool reason_is_told(const outage *outage, uint64_t reason);

bool outage_goes_on(outage *outage, const char *why, int64_t now_ns)
{
    uint64_t reason = reason_hash(why);
    if (!outage->lasts) {
        outage->lasts = true;
        outage->told = false;
        outage->began_ns = now_ns;
        outage->pause_ns = MINUTE_NS;
        if (now_ns - outage->told_ns >= MINUTE_NS)
            outage->count = 0;
    }
    bool known = reason_is_told(outage, reason), room = outage->count < OUTAGE_REASONS;
    bool due = outage->count > 0 && now_ns - outage->told_ns >= outage->pause_ns;
    if (!due && (known || !room))
        return false;
    if (due && outage->pause_ns < 60 * MINUTE_NS)
        outage->pause_ns = outage->pause_ns > 30 * MINUTE_NS ? 60 * MINUTE_NS : outage->pause_ns * 2;
    if (!known && room)
        outage->reasons[outage->count++] = reason;
    outage->told_ns = now_ns;
    outage->told = true;
    return true;
}

bool outage_ends(outage *outage, int64_t now_ns, int64_t *lasted_ns)
{
    bool told = outage->lasts && outage->told;
    if (told)
        *lasted_ns = now_ns - outage->began_ns;
    outage->lasts = false;
    return told;
}

/* The day only when it is not today's. */
void outage_print(const outage_view *view, char *text, size_t room)
{
    char since[25], now[25];
    const char *place = strcmp(view->place, "elastic") == 0 ? "elasticsearch" : view->place;
    clock_iso(view->since_ms, since);
    clock_iso(view->now_ms, now);
    since[10] = ' ';
    bool today = strncmp(since, now, 10) == 0;
    snprintf(text, room, "paused: %s since %.*s, %s held", place, today ? 5 : 16, today ? since + 11 : since,
             counted((int64_t)view->held, "batch", "batches").at);
}

static uint64_t reason_hash(const char *why)
{
    char letters[512];
    size_t count = 0;
    for (; *why && count < sizeof letters; why++)
        if (*why < '0' || *why > '9')
            letters[count++] = *why;
    return hash_bytes(letters, count);
}

static bool reason_is_told(const outage *outage, uint64_t reason)
{
    for (size_t i = 0; i < outage->count; i++)
        if (outage->reasons[i] == reason)
            return true;
    return false;
}
