/*
 * cli/status.c - `sluice status`: what a job does now. A job that runs tells it itself; of one that does not, the history
 * tells what its last batch did.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <cli/accounts.h>
#include <cli/control.h>
#include <cli/place.h>
#include <cli/supervision.h>
#include <json-c/json.h>
#include <string.h>

static sl_result running_tell(const place *place, bool json, failure *failure);
static void answer_print(json_object *answer);
static void value_print(const char *name, json_object *value);
static bool batch_print(const char *label, json_object *value);
static sl_result stopped_tell(const place *place, bool json, failure *failure);
static void stopped_print(const place *place, const accounts *accounts);
static void stopped_print_json(const place *place, const accounts *accounts);

static sl_result status_run(const arguments *arguments, failure *failure)
{
    place place;
    bool json = settings_flag(arguments->settings, "--json");
    SL_TRY(place_find(arguments, &place, failure));
    return place_runs(&place) ? running_tell(&place, json, failure) : stopped_tell(&place, json, failure);
}

static sl_result running_tell(const place *place, bool json, failure *failure)
{
    buffer body = { 0 };
    sl_result result = control_get(place->folder, "/status", &body, failure);
    buffer_byte(&body, '\0');
    json_object *answer = result == SL_OK ? json_tokener_parse(body.at) : NULL;
    if (result == SL_OK && !json_object_is_type(answer, json_type_object))
        result = fail(failure, SL_FAILED, "%s answers with something that is no JSON object: %.80s",
                      place->name, body.at);
    else if (result == SL_OK && json)
        printf("%.*s\n", (int)strcspn(body.at, "\n"), body.at);
    else if (result == SL_OK)
        answer_print(answer);
    json_object_put(answer);
    buffer_done(&body);
    return result;
}

/* Whatever the job tells, in its order: a job of a later version may tell more. */
static void answer_print(json_object *answer)
{
    json_object_object_foreach(answer, name, value)
    {
        value_print(name, value);
    }
}

/* "history, console (lost 12)" */
static void listeners_print(json_object *listeners)
{
    size_t count = json_object_array_length(listeners);
    printf("%-22s ", "listeners");
    for (size_t i = 0; i < count; i++) {
        json_object *one = json_object_array_get_idx(listeners, i);
        int64_t lost = json_object_get_int64(json_object_object_get(one, "lost"));
        printf("%s%s", i ? ", " : "", json_object_get_string(json_object_object_get(one, "name")));
        if (lost)
            printf(" (lost %lld)", (long long)lost);
    }
    printf("%s\n", count ? "" : "-");
}

static void value_print(const char *name, json_object *value)
{
    if (json_object_is_type(value, json_type_array) && strcmp(name, "listeners") == 0) {
        listeners_print(value);
        return;
    }
    char label[32], time[25];
    snprintf(label, sizeof label, "%s", name);
    for (char *at = label; *at; at++)
        *at = *at == '_' ? ' ' : *at;
    if (json_object_is_type(value, json_type_int) && strcmp(name, "batch_time") == 0) {
        clock_iso(json_object_get_int64(value), time);
        printf("%-22s %s\n", label, time);
    } else if (!batch_print(label, value)) {
        const char *text = value ? json_object_get_string(value) : "-";
        printf("%-22s %s\n", label, text);
    }
}

/* An account within the answer; false when the value is none. */
static bool batch_print(const char *label, json_object *value)
{
    account batch;
    char time[25];
    const char *text =
        json_object_is_type(value, json_type_object) ? json_object_to_json_string(value) : NULL;
    if (text == NULL || !account_parse((sl_text){ text, strlen(text) }, &batch))
        return false;
    clock_iso(batch.batch_time_ms, time);
    printf("%-22s %lld at %s, %s, %s in %.1f ms\n", label, (long long)batch.batch_id, time, batch.state,
           counted(batch.records, "record", "records").at, batch.processing_ms);
    return true;
}

static sl_result stopped_tell(const place *place, bool json, failure *failure)
{
    accounts accounts = { 0 };
    SL_TRY(accounts_read(place->folder, &accounts, failure));
    if (json)
        stopped_print_json(place, &accounts);
    else
        stopped_print(place, &accounts);
    accounts_done(&accounts);
    return SL_OK;
}

/* Why it does not run: it was stopped, its supervisor waits, or a batch is held. */
static void state_print(const place *place)
{
    supervision supervision;
    char time[25];
    bool supervised = supervision_read(place, &supervision);
    const char *state = poison_is_held(place)
                            ? "held: a batch has killed the process too often, see sluice batches --poison"
                            : "stopped";
    if (supervision.pid && supervision.next_start_ms)
        printf("%-22s restarting: ended by %s, next start at %s\n", "state", supervision.last_end,
               (clock_iso(supervision.next_start_ms, time), time));
    else
        printf("%-22s %s\n", "state", supervision.pid ? "restarting" : state);
    if (supervised)
        printf("%-22s %lld\n", "restarts", (long long)supervision.restarts);
}

static void stopped_print(const place *place, const accounts *accounts)
{
    account last;
    char time[25];
    printf("%-22s %s\n", "job", place->name);
    state_print(place);
    if (accounts->count == 0 || !account_parse(accounts->lines[accounts->count - 1], &last)) {
        printf("%-22s none\n", "batches");
        return;
    }
    account sum = accounts_sum(accounts);
    clock_iso(last.batch_time_ms, time);
    printf("%-22s %zu in the history, %s\n", "batches", accounts->count,
           counted(sum.records, "record", "records").at);
    printf("%-22s %lld at %s, %s, %s\n", "last batch", (long long)last.batch_id, time, last.state,
           counted(last.records, "record", "records").at);
    if (last.error[0] != '\0')
        printf("%-22s %s\n", "its error", last.error);
}

static void stopped_print_json(const place *place, const accounts *accounts)
{
    json_object *answer = json_object_new_object();
    json_object_object_add(answer, "job", json_object_new_string(place->name));
    json_object_object_add(answer, "pid", NULL);
    json_object_object_add(answer, "state", json_object_new_string("stopped"));
    account last;
    if (accounts->count && account_parse(accounts->lines[accounts->count - 1], &last)) {
        json_object_object_add(answer, "batch_id", json_object_new_int64(last.batch_id));
        json_object_object_add(answer, "batch_time", json_object_new_int64(last.batch_time_ms));
        json_object_object_add(answer, "batch_state", json_object_new_string(last.state));
        json_object_object_add(answer, "records", json_object_new_int64(last.records));
    }
    puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(answer);
}

static const setting status_options[] = {
    { NULL, "--json", SETTING_FLAG, NULL, NULL, NULL, NULL, "the same as one JSON object" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_status = { .name = "status",
                                 .form = "NAME [--json] [--work-dir DIR]",
                                 .about = "what a job does now, or what its last batch did",
                                 .options = status_options,
                                 .names_most = 1,
                                 .run = status_run };
