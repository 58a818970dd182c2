/*
 * cli/explain.c - `sluice explain`: the plan of a job, its places and settings, and what its batches cost.
 *
 * Plan and settings come from the job's own program, started with --explain as the job was started; what holds now, from the job
 * if it runs; the costs from its history: so it makes no difference whether the job runs, has ended, or never ran.
 */
#include <base/counted.h>
#include <cli/accounts.h>
#include <cli/control.h>
#include <cli/json.h>
#include <cli/program.h>
#include <cli/started.h>
#include <http/advice.h>
#include <inttypes.h>
#include <string.h>

enum { STEPS_MAX = 24, PHASES = 5 };

static const char *const phases[PHASES] = { "waiting", "work", "merge", "sinks", "commit" };

typedef struct step {
    char name[64];
    double us;
} step;

typedef struct costs { /* of the newest completed batches with records, summed up */
    advice_sums sums;
    double interval_ms, newest_interval_ms, most_ms, phases_us[PHASES];
    step steps[STEPS_MAX];
    size_t step_count;
} costs;

static void now_print(const place *place);
static void costs_gather(const accounts *accounts, costs *costs);
static void costs_print(const costs *costs);

static sl_result explain_run(const arguments *arguments, failure *failure)
{
    static const char *const explained[] = { "--explain", NULL };
    place place;
    char path[PROGRAM_PATH_ROOM];
    struct failure unknown = { 0 };
    started_wish wish = { .place = &place, .more = explained };
    accounts accounts = { 0 };
    costs costs = { 0 };
    int code = 0;
    bool has_run = place_find(arguments, &place, &unknown) == SL_OK;
    if (!has_run && (arguments->count == 0 || program_find(arguments->names[0], path, failure) != SL_OK)) {
        return program_unknown_tell(failure, &unknown);
    }
    wish.program = has_run ? NULL : path;
    SL_TRY(started_run(&wish, NULL, &code, failure));
    if (code != 0)
        return fail(failure, SL_FAILED, "its program ended with exit code %d", code);
    if (!has_run)
        return SL_OK;
    now_print(&place);
    sl_result result = accounts_read_all(place.folder, &accounts, failure);
    if (result == SL_OK) {
        costs_gather(&accounts, &costs);
        costs_print(&costs);
    }
    accounts_done(&accounts);
    return result;
}

/* Of a job that runs: it may have been tuned since it started. */
static void now_print(const place *place)
{
    buffer body = { 0 };
    failure ignored = { 0 };
    json_object *told = NULL;
    if (place_runs(place) && control_get(place->folder, "/status", &body, &ignored) == SL_OK)
        told = json_read(body.at, body.size);
    if (told) {
        printf("\nnow\n    %s: a batch every %" PRId64 " ms, %s", json_words(told, "state"),
               json_number(told, "interval_ms", 0),
               counted(json_number(told, "cores", 0), "worker", "workers").at);
        if (json_number(told, "max_rate_per_partition", 0))
            printf(", at most %" PRId64 " records a second of each partition",
                   json_number(told, "max_rate_per_partition", 0));
        putchar('\n');
    }
    json_object_put(told);
    buffer_done(&body);
}

/* ---- Costs ------------------------------------------------------------------------------------------------------- */

static void step_add(costs *costs, const char *name, double us)
{
    size_t i = 0;
    while (i < costs->step_count && strcmp(costs->steps[i].name, name) != 0)
        i++;
    if (i == STEPS_MAX)
        return;
    if (i == costs->step_count) {
        costs->step_count++;
        snprintf(costs->steps[i].name, sizeof costs->steps[i].name, "%s", name);
    }
    costs->steps[i].us += us;
}

static void batch_add(costs *costs, json_object *batch)
{
    json_object *spent = json_member(batch, "phases_us"), *steps = json_member(batch, "steps_us");
    advice_batch one = { .records = (double)json_number(batch, "records", 0),
                         .interval_ms = (double)json_number(batch, "interval_ms", 0),
                         .waited_ms = json_fraction(batch, "scheduling_delay_ms"),
                         .taken_ms = json_fraction(batch, "processing_ms"),
                         .catch_up = json_object_get_boolean(json_member(batch, "catch_up")) };
    for (size_t i = 0; i < ADVICE_PHASES; i++) /* all but the first, which is waiting */
        one.phases[i] = json_fraction(spent, phases[i + 1]);
    if (costs->newest_interval_ms <= 0)
        costs->newest_interval_ms = one.interval_ms;
    advice_add(&costs->sums, &one);
    if (one.records <= 0)
        return;
    for (size_t i = 0; i < PHASES; i++)
        costs->phases_us[i] += json_fraction(spent, phases[i]);
    costs->interval_ms += one.interval_ms;
    costs->most_ms = one.taken_ms > costs->most_ms ? one.taken_ms : costs->most_ms;
    if (steps == NULL)
        return;
    json_object_object_foreach(steps, name, us)
    {
        step_add(costs, name, json_object_get_double(us));
    }
}

static void costs_gather(const accounts *accounts, costs *costs)
{
    for (size_t i = accounts->count; i > 0 && costs->sums.count < ADVICE_BATCHES; i--) {
        json_object *batch = json_read(accounts->lines[i - 1].at, accounts->lines[i - 1].size);
        if (strcmp(json_words(batch, "state"), "completed") == 0)
            batch_add(costs, batch);
        json_object_put(batch);
    }
}

static void advice_tell(const costs *costs)
{
    advice advice = advice_of(&costs->sums, costs->newest_interval_ms);
    buffer sentence = { 0 };
    advice_print(&advice, &sentence);
    if (advice.record_ms > 0)
        printf("    %-12s about %.2f ms for a batch, and %.2f us for each record\n", "", advice.batch_ms,
               advice.record_ms * 1000);
    printf("    %-12s %.*s\n", "advice", (int)sentence.size, sentence.at);
    buffer_done(&sentence);
}

static void steps_print(const costs *costs)
{
    double left = 0;
    bool told[STEPS_MAX] = { false };
    for (size_t i = 0; i < costs->step_count; i++)
        left += costs->steps[i].us;
    if (left <= 0)
        return;
    printf("    %-12s", "workers");
    for (size_t shown = 0; shown < 6 && shown < costs->step_count; shown++) {
        size_t most = 0;
        while (told[most])
            most++;
        for (size_t i = most; i < costs->step_count; i++)
            most = !told[i] && costs->steps[i].us > costs->steps[most].us ? i : most;
        told[most] = true;
        printf("%s %s %.2f ms", shown ? "," : "", costs->steps[most].name,
               costs->steps[most].us / 1000 / costs->sums.count);
    }
    putchar('\n');
}

static void costs_print(const costs *costs)
{
    double all_us = 0, count = costs->sums.count;
    if (count < 1) {
        printf("\nwhat a batch costs\n    no batch with records has been completed yet\n");
        return;
    }
    printf("\nwhat a batch costs (on average of the newest %.0f with records)\n", count);
    printf("    %-12s %.0f\n", "records", costs->sums.records / count);
    printf("    %-12s %.1f ms, at most %.1f ms", "processing", costs->sums.taken_ms / count, costs->most_ms);
    if (costs->interval_ms > 0)
        printf("; %.0f %% of the interval", 100 * costs->sums.taken_ms / costs->interval_ms);
    putchar('\n');
    advice_tell(costs);
    for (size_t i = 0; i < PHASES; i++)
        all_us += costs->phases_us[i];
    for (size_t i = 0; i < PHASES && all_us > 0; i++)
        printf("    %-12s %.2f ms, %.0f %%\n", phases[i], costs->phases_us[i] / 1000 / count,
               100 * costs->phases_us[i] / all_us);
    steps_print(costs);
}

static const setting explain_options[] = {
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_explain = {
    .name = "explain",
    .form = "NAME [--work-dir DIR]",
    .about = "the plan of a job, its settings, and what its batches cost",
    .options = explain_options,
    .names_most = 1,
    .run = explain_run,
    .more = "NAME is a job that has run, running or not: plan and settings are those\n"
            "of its last start. It may also be a program that never ran, as submit\n"
            "takes it.\n"
};
