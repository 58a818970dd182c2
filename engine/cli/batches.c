/*
 * cli/batches.c - `sluice batches`: the account of each batch, as JSON lines or as a table in Spark's words.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <cli/accounts.h>
#include <cli/place.h>
#include <cli/poison.h>
#include <string.h>

static void batches_json(const accounts *accounts, size_t first);
static void batches_table(const accounts *accounts, size_t first);
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
    SL_TRY(accounts_read(place.folder, &accounts, failure));
    size_t first = 0;
    if (settings_text(arguments->settings, "--last")) {
        size_t last = (size_t)settings_i64(arguments->settings, "--last");
        first = accounts.count > last ? accounts.count - last : 0;
    }
    if (settings_flag(arguments->settings, "--json"))
        batches_json(&accounts, first);
    else if (accounts.count == 0)
        printf("%s has completed no batch yet.\n", place.name);
    else
        batches_table(&accounts, first);
    accounts_done(&accounts);
    return SL_OK;
}

static void batches_json(const accounts *accounts, size_t first)
{
    for (size_t i = first; i < accounts->count; i++) {
        fwrite(accounts->lines[i].at, 1, accounts->lines[i].size, stdout);
        putchar('\n');
    }
}

static void batches_table(const accounts *accounts, size_t first)
{
    account account;
    printf("%-24s  %16s  %16s  %15s  %11s  %s\n", "Batch Time", "Input Size", "Scheduling Delay",
           "Processing Time", "Total Delay", "Status");
    for (size_t i = first; i < accounts->count; i++)
        if (account_parse(accounts->lines[i], &account))
            row_print(&account);
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
    else if (account->dead_letters > 0)
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
    { NULL, "--poison", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "the batch that killed the process, if there is one" },
    { NULL, "--release", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "a batch that is held since it killed the process too often runs again at the next start" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_batches = { .name = "batches",
                                  .form = "NAME [--json] [--last N] [--poison [--release]] [--work-dir DIR]",
                                  .about = "what each batch of a job did, oldest first",
                                  .options = batches_options,
                                  .names_most = 1,
                                  .run = batches_run };
