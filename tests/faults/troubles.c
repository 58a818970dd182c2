/*
 * tests/faults/troubles.c - one function makes one trouble, and returns when it is over.
 */
#include <faults/troubles.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { TROUBLES = 11 };
static const trouble troubles_known[TROUBLES + 1];

static bad_proxy *proxy_before(const char *address)
{
    return bad_proxy_start(atoi(strrchr(address, ':') + 1));
}

void troubles_begin(troubles *troubles)
{
    trial *trial = troubles->trial;
    troubles->before_redis = proxy_before(redis_server_url(trial->redis));
    troubles->before_kafka = proxy_before(trial->servers);
    trial->redis_port = bad_proxy_port(troubles->before_redis);
    trial->kafka_port = bad_proxy_port(troubles->before_kafka);
    trial->elastic = NULL;
    if (troubles->search == NULL)
        return;
    troubles->before_search = proxy_before(search_server_url(troubles->search));
    snprintf(troubles->elastic, sizeof troubles->elastic, "http://127.0.0.1:%d",
             bad_proxy_port(troubles->before_search));
    trial->elastic = troubles->elastic;
}

void troubles_end(troubles *troubles)
{
    bad_proxy_stop(troubles->before_redis);
    bad_proxy_stop(troubles->before_kafka);
    bad_proxy_stop(troubles->before_search);
}

const trouble *trouble_draw(const troubles *troubles, dice *dice, unsigned one_of)
{
    const trouble *drawn, *none = &troubles_known[TROUBLES];
    bool any = dice_below(dice, one_of) == 0;
    do
        drawn = &troubles_known[dice_below(dice, TROUBLES)];
    while (drawn->real && troubles->search == NULL);
    return any ? drawn : none;
}

/* So long, or until the job is dead. */
static void while_it_lives(const troubles *troubles, int ms)
{
    struct pollfd end = { pidfd_open(troubles->trial->job, 0), POLLIN, 0 };
    poll(&end, 1, ms);
    close(end.fd);
}

static void redis_killed(troubles *troubles, dice *dice)
{
    (void)dice;
    redis_server_kill(troubles->trial->redis);
    redis_server_restart(troubles->trial->redis);
}

static void redis_hangs(troubles *troubles, dice *dice)
{
    redis_server_hang(troubles->trial->redis);
    while_it_lives(troubles, TROUBLE_PATIENCE_MS / 2 + (int)dice_below(dice, 2 * TROUBLE_PATIENCE_MS));
    redis_server_go_on(troubles->trial->redis);
}

static void broker_hang(const troubles *troubles, bool hangs)
{
    if (troubles->kafka)
        kafka_server_hang(troubles->kafka, hangs);
    else
        kill(troubles->trial->broker, hangs ? SIGSTOP : SIGCONT);
}

static void broker_hangs(troubles *troubles, dice *dice)
{
    broker_hang(troubles, true);
    while_it_lives(troubles, TROUBLE_PATIENCE_MS / 2 + (int)dice_below(dice, 3 * TROUBLE_PATIENCE_MS));
    broker_hang(troubles, false);
}

static void broker_killed(troubles *troubles, dice *dice)
{
    (void)dice;
    if (troubles->kafka == NULL)
        return;
    kafka_server_kill(troubles->kafka);
    kafka_server_restart(troubles->kafka);
}

static void search_killed(troubles *troubles, dice *dice)
{
    (void)dice;
    search_server_kill(troubles->search);
    search_server_restart(troubles->search);
}

static void search_hangs(troubles *troubles, dice *dice)
{
    search_server_hang(troubles->search, true);
    while_it_lives(troubles, TROUBLE_PATIENCE_MS / 2 + (int)dice_below(dice, 6 * TROUBLE_PATIENCE_MS));
    search_server_hang(troubles->search, false);
}

static void nonsense_from(troubles *troubles, bad_proxy *proxy, dice *dice)
{
    bad_proxy_misbehave(proxy, 1 + (unsigned)dice_below(dice, 20), dice_next(dice));
    while_it_lives(troubles, 300 + (int)dice_below(dice, 1500));
    bad_proxy_misbehave(proxy, 0, 0);
}

static void redis_talks_nonsense(troubles *troubles, dice *dice)
{
    nonsense_from(troubles, troubles->before_redis, dice);
}

static void broker_talks_nonsense(troubles *troubles, dice *dice)
{
    nonsense_from(troubles, troubles->before_kafka, dice);
}

static void search_talks_nonsense(troubles *troubles, dice *dice)
{
    nonsense_from(troubles, troubles->before_search, dice);
}

static void disk_is_full(troubles *troubles, dice *dice)
{
    static const char *const where[] = { "journal", "checkpoint", "/out/", "/" };
    snprintf(troubles->fault, sizeof troubles->fault, "write:ENOSPC:%s:%zu:%zu", where[dice_below(dice, 4)],
             1 + dice_below(dice, 20), 1 + dice_below(dice, 10));
    troubles->trial->disk_fault = troubles->fault;
}

/* Not by an hour forward, for which the job waits. */
static void clock_is_set(troubles *troubles, dice *dice)
{
    int64_t by_ms = (int64_t)dice_below(dice, 90 * 60000) - 60 * 60000;
    snprintf(troubles->fault, sizeof troubles->fault, "%lld:%zu", (long long)by_ms, dice_below(dice, 1000));
    troubles->trial->clock_fault = troubles->fault;
}

static const trouble troubles_known[TROUBLES + 1] = {
    { "Redis is killed", redis_killed, false, false },
    { "Redis hangs", redis_hangs, false, false },
    { "Redis talks nonsense", redis_talks_nonsense, false, false },
    { "the broker hangs", broker_hangs, false, false },
    { "the broker talks nonsense", broker_talks_nonsense, false, false },
    { "the disk is full", disk_is_full, false, true },
    { "the clock is set", clock_is_set, false, true },
    { "the broker is killed", broker_killed, true, false },
    { "the search server is killed", search_killed, true, false },
    { "the search server hangs", search_hangs, true, false },
    { "the search server talks nonsense", search_talks_nonsense, true, false },
    { 0 },
};
