/*
 * cli/list.c - `sluice list`: the jobs of this user, and which of them run.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <cli/accounts.h>
#include <cli/place.h>
#include <cli/supervision.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_job(const place *place);
static void job_print(const place *place);
static bool last_account(const place *place, account *account);

static sl_result list_run(const arguments *arguments, failure *failure)
{
    (void)arguments;
    char home[PLACE_PATH_ROOM];
    char **names = NULL;
    size_t count = 0, shown = 0;
    SL_TRY(place_home(home, sizeof home, failure));
    if (access(home, F_OK) == 0)
        SL_TRY(disk_list(home, "", &names, &count, failure));
    for (size_t i = 0; i < count; i++) {
        place place = { .name = names[i] };
        int size = snprintf(place.folder, sizeof place.folder, "%s/%s", home, names[i]);
        if (size >= (int)sizeof place.folder || !is_job(&place))
            continue;
        if (shown++ == 0)
            printf("%-24s %-10s %8s %8s  %-24s  %12s\n", "NAME", "STATE", "PID", "RESTARTS", "LAST BATCH",
                   "ITS RECORDS");
        job_print(&place);
    }
    if (shown == 0)
        printf("No job has run here yet (%s). Start one: sluice submit listens\n", home);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return SL_OK;
}

/* A link whose folder is gone, or a folder that no job has used, is none. */
static bool is_job(const place *place)
{
    char path[PLACE_PATH_ROOM];
    failure ignored = { 0 };
    return place_path(place, "lock", path, &ignored) == SL_OK && access(path, F_OK) == 0;
}

static void job_print(const place *place)
{
    char pid[16] = "-", time[25] = "-", records[24] = "-", restarts[24] = "-";
    supervision supervision;
    bool runs = place_runs(place);
    account account;
    if (runs)
        snprintf(pid, sizeof pid, "%d", (int)place_pid(place));
    if (last_account(place, &account)) {
        clock_iso(account.batch_time_ms, time);
        snprintf(records, sizeof records, "%lld", (long long)account.records);
    }
    if (supervision_read(place, &supervision) && (supervision.pid || !runs))
        snprintf(restarts, sizeof restarts, "%lld", (long long)supervision.restarts);
    const char *state = runs                    ? "running"
                        : supervision.pid       ? "restarting"
                        : poison_is_held(place) ? "held"
                                                : "stopped";
    printf("%-24s %-10s %8s %8s  %-24s  %12s\n", place->name, state, pid, restarts, time, records);
}

static bool last_account(const place *place, account *account)
{
    accounts accounts = { 0 };
    failure ignored = { 0 };
    bool found = accounts_read(place->folder, &accounts, &ignored) == SL_OK && accounts.count > 0 &&
                 account_parse(accounts.lines[accounts.count - 1], account);
    accounts_done(&accounts);
    return found;
}

static const setting list_options[] = { { 0 } };

const command command_list = { .name = "list",
                               .form = "",
                               .about = "the jobs, and which of them run",
                               .options = list_options,
                               .run = list_run };
