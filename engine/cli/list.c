/*
 * cli/list.c - `sluice list`: the jobs of this user, and which of them run.
 */
#include <base/clock.h>
#include <cli/accounts.h>
#include <cli/control.h>
#include <cli/place.h>
#include <cli/supervision.h>
#include <json-c/json.h>
#include <string.h>

static void job_print(const place *place);
static bool last_account(const place *place, account *account);

static sl_result list_run(const arguments *arguments, failure *failure)
{
    (void)arguments;
    place *places;
    size_t count;
    SL_TRY(places_all(&places, &count, failure));
    if (count)
        printf("%-24s %-10s %8s %8s  %-24s  %12s\n", "NAME", "STATE", "PID", "RESTARTS", "LAST BATCH",
               "ITS RECORDS");
    else
        printf("No job has run here yet. Start one: sluice submit listens\n");
    for (size_t i = 0; i < count; i++)
        job_print(&places[i]);
    places_free(places, count);
    return SL_OK;
}

/* What the job says of itself, "paused: redis since 12:03, 4 batches held"; as it was when it does not answer. */
static void state_ask(const place *place, char *state, size_t room)
{
    buffer body = { 0 };
    failure ignored = { 0 };
    json_object *answer = NULL, *told;
    if (control_get(place->folder, "/status", &body, &ignored) == SL_OK) {
        buffer_byte(&body, '\0');
        answer = json_tokener_parse(body.at);
    }
    if (json_object_is_type(answer, json_type_object) && json_object_object_get_ex(answer, "state", &told) &&
        told)
        snprintf(state, room, "%s", json_object_get_string(told));
    json_object_put(answer);
    buffer_done(&body);
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
    char told[600] = "running";
    if (runs)
        state_ask(place, told, sizeof told);
    const char *state = runs                    ? told
                        : supervision.pid       ? "restarting"
                        : poison_is_held(place) ? "held"
                                                : "stopped";
    size_t word = strcspn(state, ": ");
    printf("%-24s %-10.*s %8s %8s  %-24s  %12s\n", place->name, (int)word, state, pid, restarts, time,
           records);
    if (state[word] != '\0')
        printf("  %s\n", state);
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
