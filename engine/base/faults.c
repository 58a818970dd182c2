/*
 * base/faults.c - dying on purpose, for tests that then look at what a restart makes of it.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/faults.h>
#include <base/log.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fault_name[64];
static bool fault_forgets, fault_aborts;
static atomic_int fault_left; /* times until it strikes; 0: no fault is wanted */

static bool fault_parse(const char *text, int *left);

void faults_open(void)
{
    const char *fault = getenv("SLUICE_FAULT"), *disk = getenv("SLUICE_DISK_FAULT"),
               *clock = getenv("SLUICE_CLOCK_FAULT");
    int left = 0;
    if (fault && fault_parse(fault, &left))
        log_warn("faults", "this process will be killed at %s: SLUICE_FAULT is set", fault);
    else if (fault)
        log_error(
            "faults",
            "SLUICE_FAULT=%s is not NAME, NAME:TIMES, NAME:TIMES:forget or NAME:TIMES:abort; it does nothing",
            fault);
    if (disk && disk_break(disk))
        log_warn("faults", "the disk will fail on purpose (%s): SLUICE_DISK_FAULT is set", disk);
    else if (disk)
        log_error("faults", "SLUICE_DISK_FAULT=%s is not CALL:ERROR:PATH:FIRST:TIMES; it does nothing", disk);
    if (clock && clock_break(clock))
        log_warn("faults", "the clock will be set (%s ms): SLUICE_CLOCK_FAULT is set", clock);
    else if (clock)
        log_error("faults", "SLUICE_CLOCK_FAULT=%s is not MS:AFTER; it does nothing", clock);
    atomic_store(&fault_left, left);
}

void fault_point(const char *name)
{
    if (atomic_load_explicit(&fault_left, memory_order_relaxed) == 0 || strcmp(name, fault_name) != 0)
        return;
    if (atomic_fetch_sub(&fault_left, 1) != 1)
        return;
    if (fault_forgets)
        disk_forget();
    if (fault_aborts)
        abort();
    kill(getpid(), SIGKILL);
    for (;;)
        pause(); /* the signal is on its way: nothing after the point may run */
}

static bool fault_parse(const char *text, int *left)
{
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    long times = colon ? strtol(colon + 1, &end, 10) : 1;
    if (size == 0 || size >= sizeof fault_name || times < 1 || times > 1000000)
        return false;
    fault_forgets = end && strcmp(end, ":forget") == 0;
    fault_aborts = end && strcmp(end, ":abort") == 0;
    if (end && *end != '\0' && !fault_forgets && !fault_aborts)
        return false;
    memcpy(fault_name, text, size);
    fault_name[size] = '\0';
    *left = (int)times;
    return true;
}
