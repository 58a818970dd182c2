/*
 * cli/batches.c - `sluice batches`: the account of each batch, as JSON lines or as a table in Spark's words.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/memory.h>
#include <cli/accounts.h>
#include <cli/place.h>
#include <cli/poison.h>
#include <stdlib.h>
#include <string.h>

enum { NO_TIME = -1 };

typedef struct shown { /* the batches to show, in their order */
    sl_text *lines;
    account *accounts;
    size_t count;
} shown;

static sl_result since_read(const arguments *arguments, int64_t *since_ms, failure *failure);
static sl_result shown_choose(const arguments *arguments, const accounts *accounts, shown *shown,
                              failure *failure);
static void shown_print(const arguments *arguments, const place *place, const shown *shown);
static void row_print(const account *account);
static const char *span(double ms, char at[24]);

static sl_result batches_run(const arguments *arguments, failure *failure)
{
    place place;
    SL_TRY(place_find(arguments, &place, failure));
    if (settings_flag(arguments->settings, "--release"))
        return poison_release(&place, failure);
    if (settings_flag(arguments->settings, "--poison"))
        return poison_tell(&place, settings_flag(arguments->settings, "--json"));
    accounts accounts = { 0 };
    shown shown = { 0 };
    sl_result result = place_runs(&place) ? accounts_read(place.folder, &accounts, failure)
                                          : accounts_read_all(place.folder, &accounts, failure);
    if (result == SL_OK)
        result = shown_choose(arguments, &accounts, &shown, failure);
    if (result == SL_OK)
        shown_print(arguments, &place, &shown);
    free(shown.lines);
    free(shown.accounts);
    accounts_done(&accounts);
    return result;
}

/* "2026-11-23T10:00:00Z", or how long ago. */
static sl_result since_read(const arguments *arguments, int64_t *since_ms, failure *failure)
{
    const char *given = settings_text(arguments->settings, "--since");
    struct failure no_time = { 0 }, no_span = { 0 };
    int64_t ago_ms;
    *since_ms = NO_TIME;
    if (given == NULL || time_parse(given, since_ms, &no_time) == SL_OK)
        return SL_OK;
    if (duration_parse(given, &ago_ms, &no_span) != SL_OK)
        return fail(failure, SL_USAGE,
                    "--since takes a time as 2026-11-23T10:00:00Z or a duration as 10min, not \"%s\"", given);
    *since_ms = clock_wall_ms(&clock_system) - ago_ms;
    return SL_OK;
}

static int slower_first(const void *left, const void *right)
{
    double a = (*(const account *const *)left)->processing_ms,
           b = (*(const account *const *)right)->processing_ms;
    return (a < b) - (a > b);
}

/* The N that took longest, the longest first. */
static void slowest_keep(shown *shown, size_t count)
{
    size_t all = shown->count;
    const account **order = memory_new((all + 1) * sizeof *order);
    struct shown kept = { memory_new((all + 1) * sizeof *kept.lines),
                          memory_new((all + 1) * sizeof *kept.accounts), 0 };
    for (size_t i = 0; i < all; i++)
        order[i] = &shown->accounts[i];
    qsort(order, all, sizeof *order, slower_first);
    for (; kept.count < count && kept.count < all; kept.count++) {
        kept.accounts[kept.count] = *order[kept.count];
        kept.lines[kept.count] = shown->lines[order[kept.count] - shown->accounts];
    }
    free(order);
    free(shown->lines);
    free(shown->accounts);
    *shown = kept;
}

/* A batch that failed on the way counts as failed, even if a later attempt was the one. */
static bool is_wanted(const account *account, int64_t since_ms, bool failed)
{
    bool has_failed = strcmp(account->state, "failed") == 0 || account->attempt > 1;
    return account->batch_time_ms >= since_ms && (has_failed || !failed);
}

static sl_result shown_choose(const arguments *arguments, const accounts *accounts, shown *shown,
                              failure *failure)
{
    const settings *given = arguments->settings;
    int64_t since_ms;
    SL_TRY(since_read(arguments, &since_ms, failure));
    shown->lines = memory_new((accounts->count + 1) * sizeof *shown->lines);
    shown->accounts = memory_new((accounts->count + 1) * sizeof *shown->accounts);
    for (size_t i = 0; i < accounts->count; i++) {
        account *account = &shown->accounts[shown->count];
        shown->lines[shown->count] = accounts->lines[i];
        shown->count += account_parse(accounts->lines[i], account) &&
                        is_wanted(account, since_ms, settings_flag(given, "--failed"));
    }
    if (settings_text(given, "--last")) {
        size_t last = (size_t)settings_i64(given, "--last"),
               away = shown->count > last ? shown->count - last : 0;
        shown->count -= away;
        memmove(shown->lines, shown->lines + away, shown->count * sizeof *shown->lines);
        memmove(shown->accounts, shown->accounts + away, shown->count * sizeof *shown->accounts);
    }
    if (settings_text(given, "--slowest"))
        slowest_keep(shown, (size_t)settings_i64(given, "--slowest"));
    return SL_OK;
}

static void shown_print(const arguments *arguments, const place *place, const shown *shown)
{
    bool json = settings_flag(arguments->settings, "--json");
    bool chosen =
        settings_flag(arguments->settings, "--failed") || settings_text(arguments->settings, "--since");
    if (!json && shown->count == 0)
        printf(chosen ? "%s has no such batch.\n" : "%s has completed no batch yet.\n", place->name);
    else if (!json)
        printf("%-24s  %16s  %16s  %15s  %11s  %s\n", "Batch Time", "Input Size", "Scheduling Delay",
               "Processing Time", "Total Delay", "Status");
    for (size_t i = 0; i < shown->count; i++) {
        if (json)
            printf("%.*s\n", (int)shown->lines[i].size, shown->lines[i].at);
        else
            row_print(&shown->accounts[i]);
    }
}

static void row_print(const account *account)
{
    char time[25], scheduling[24], processing[24], total[24];
    clock_iso(account->batch_time_ms, time);
    printf("%-24s  %16s  %16s  %15s  %11s  %s", time, counted(account->records, "record", "records").at,
           span(account->scheduling_delay_ms, scheduling), span(account->processing_ms, processing),
           span(account->total_delay_ms, total), account->state);
    if (account->error[0] != '\0')
        printf(" (attempt %lld): %s", (long long)account->attempt, account->error);
    else if (account->attempt > 1)
        printf(" at attempt %lld", (long long)account->attempt);
    if (account->error[0] == '\0' && account->dead_letters > 0)
        printf(", %s", counted(account->dead_letters, "dead letter", "dead letters").at);
    putchar('\n');
}

static const char *span(double ms, char at[24])
{
    if (ms < 1000)
        snprintf(at, 24, "%.1f ms", ms);
    else if (ms < 60000)
        snprintf(at, 24, "%.2f s", ms / 1000);
    else
        snprintf(at, 24, "%.1f min", ms / 60000);
    return at;
}

static const setting batches_options[] = {
    { NULL, "--json", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "one JSON object per line, with everything that is known" },
    { NULL, "--last", SETTING_I64, NULL, "1", NULL, "N", "only the last N batches" },
    { NULL, "--since", SETTING_TEXT, NULL, NULL, NULL, "WHEN",
      "only batches of this time or later: 2026-11-23T10:00:00Z, or 10min for the last ten minutes" },
    { NULL, "--failed", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "only batches of which an attempt failed, in the end or on the way" },
    { NULL, "--slowest", SETTING_I64, NULL, "1", NULL, "N",
      "of these the N with the longest processing time, the slowest first" },
    { NULL, "--poison", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "the batch that killed the process, if there is one" },
    { NULL, "--release", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "a batch that is held since it killed the process too often runs again at the next start" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_batches = {
    .name = "batches",
    .form =
        "NAME [--json] [--last N] [--since WHEN] [--failed] [--slowest N] [--poison [--release]] [--work-dir DIR]",
    .about = "what each batch of a job did, oldest first",
    .options = batches_options,
    .names_most = 1,
    .run = batches_run
};
