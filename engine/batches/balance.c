/*
 * batches/balance.c - counting what became of a batch's records, and whether it can be.
 */
#include <base/sort.h>
#include <batches/balance.h>
#include <inttypes.h>

static int origin_order(const void *a, const void *b, const void *unused)
{
    (void)unused;
    return origin_compare(a, b);
}

/* A record that a stage of the trunk rejected got no further. Stages are told apart by where their name stands. */
static bool is_of_trunk(const sl_plan *plan, const char *stage)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->nodes[i].kind != PLAN_SOURCE)
            continue;
        for (uint32_t at = i; at != plan->nodes[i].trunk;) {
            at = plan->nodes[at].children[0];
            if (plan->nodes[at].name == stage)
                return true;
        }
    }
    return false;
}

/* The records that were rejected or refused behind the trunk, each once, in order; the others are counted. */
static size_t late_find(const balance *balance, buffer *late, int64_t *early)
{
    late->size = 0;
    for (size_t i = 0; i < balance->reject_count; i++) {
        const sl_origin *origin = &balance->rejects[i].origin;
        if (is_of_trunk(balance->plan, balance->rejects[i].stage))
            ++*early;
        else
            buffer_append(late, &origin, sizeof origin);
    }
    const sl_origin **at = (const sl_origin **)(void *)late->at;
    size_t count = late->size / sizeof *at, kept = 0;
    sort_pointers((void **)(void *)at, count, origin_order, NULL);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || origin_compare(at[kept - 1], at[i]) != 0)
            at[kept++] = at[i];
    return kept;
}

void balance_find(balance *balance, buffer *scratch)
{
    int64_t early = 0;
    size_t late_count = late_find(balance, scratch, &early), i = 0;
    const sl_origin *const *late = (const sl_origin *const *)(const void *)scratch->at;
    balance->duplicates = 0;
    for (size_t p = 0; p < balance->fate.present_count; p++) {
        const sl_origin *present = &balance->fate.present[p]->origin;
        while (i < late_count && origin_compare(late[i], present) < 0)
            i++;
        balance->duplicates += i == late_count || origin_compare(late[i], present) != 0;
    }
    balance->dead_letters = early + (int64_t)late_count;
    balance->filtered = balance->records - balance->reached - early;
    balance->written = balance->reached - (int64_t)late_count - balance->duplicates;
}

/* Does every record that gets through the trunk go to the output? */
static bool all_are_handed_over(const balance *balance)
{
    if (balance->output == balance->plan->count || balance->retries)
        return false;
    for (uint32_t i = 0; i < balance->plan->count; i++)
        if (balance->plan->nodes[i].kind == PLAN_SOURCE &&
            balance->plan->nodes[i].trunk != balance->plan->nodes[balance->output].input)
            return false;
    return true;
}

sl_result balance_check(const balance *balance, int64_t batch, failure *failure)
{
    if (all_are_handed_over(balance) && balance->fate.rows != balance->reached)
        return fail(failure, SL_FAILED,
                    "batch %" PRId64 " does not balance: %" PRId64
                    " records went on to the output \"%s\", which was "
                    "handed %" PRId64 ". That is a bug of Sluice: please report this line",
                    batch, balance->reached, balance->plan->nodes[balance->output].name, balance->fate.rows);
    if (balance->written >= 0 && balance->filtered >= 0)
        return SL_OK;
    return fail(failure, SL_FAILED,
                "batch %" PRId64 " does not balance: %" PRId64 " records, of which %" PRId64
                " written, %" PRId64 " duplicates, %" PRId64 " filtered, %" PRId64
                " dead letters. That is a bug of Sluice: please report this line",
                batch, balance->records, balance->written, balance->duplicates, balance->filtered,
                balance->dead_letters);
}
