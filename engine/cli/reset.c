/*
 * cli/reset.c - `sluice reset`: a job forgets what it has done: positions, windows, history. Dead letters and the log stay, and
 * so does how far its batches had come.
 *
 * The job's lock is held meanwhile, so that none starts on half of its state.
 */
#include <base/clock.h>
#include <batches/reset.h>
#include <cli/accounts.h>
#include <cli/place.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static batch_mark history_mark(const place *place);
static void end_tell(const place *place, const batch_mark *newest);
static sl_result consent(const place *place, bool yes, failure *failure);
static void consequences_tell(const place *place);

static sl_result reset_run(const arguments *arguments, failure *failure)
{
    place place;
    int lock = -1;
    SL_TRY(place_find(arguments, &place, failure));
    SL_TRY(place_lock(&place, &lock, failure));
    batch_mark newest = history_mark(&place);
    sl_result result = consent(&place, settings_flag(arguments->settings, "--yes"), failure);
    if (result == SL_OK)
        result = reset_folder(place.folder, &newest, failure);
    close(lock);
    if (result == SL_OK)
        end_tell(&place, &newest);
    return result;
}

/* The history knows the newest batch too, should the other files be damaged. */
static batch_mark history_mark(const place *place)
{
    accounts accounts = { 0 };
    account last = { 0 };
    failure ignored = { 0 };
    if (accounts_read(place->folder, &accounts, &ignored) == SL_OK && accounts.count)
        account_parse(accounts.lines[accounts.count - 1], &last);
    accounts_done(&accounts);
    return (batch_mark){ last.batch_id, last.batch_time_ms };
}

static void end_tell(const place *place, const batch_mark *newest)
{
    char time[25];
    clock_iso(newest->time_ms, time);
    if (newest->time_ms)
        printf("%s starts anew, with batch %lld at a time after %s.", place->name, (long long)newest->id + 1,
               time);
    else
        printf("%s starts anew.", place->name);
    printf(" Its dead letters and its log are kept in %s\n", place->folder);
}

static sl_result consent(const place *place, bool yes, failure *failure)
{
    char answer[16];
    consequences_tell(place);
    if (yes)
        return SL_OK;
    if (!isatty(STDIN_FILENO))
        return fail(failure, SL_USAGE,
                    "nothing was touched: without a terminal to ask on, `sluice reset` wants --yes");
    printf("Go on? [y/N] ");
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
        return SL_OK;
    return fail(failure, SL_FAILED, "nothing was touched");
}

static void consequences_tell(const place *place)
{
    printf(
        "%s will forget, in %s:\n"
        "  its positions     it reads its inputs from where --from-offsets says\n"
        "  its windows       counts and lists begin empty\n"
        "  its history       `sluice batches` begins anew\n"
        "Dead letters and the log are kept, and so is whatever it has written elsewhere. Numbers and times of its\n"
        "batches go on, so that places take what it writes as newer.\n",
        place->name, place->folder);
}

static const setting reset_options[] = {
    { NULL, "--yes", SETTING_FLAG, NULL, NULL, NULL, NULL, "without asking" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_reset = { .name = "reset",
                                .form = "NAME [--yes] [--work-dir DIR]",
                                .about = "lets a stopped job forget all it has done",
                                .options = reset_options,
                                .names_most = 1,
                                .run = reset_run };
