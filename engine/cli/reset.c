/*
 * cli/reset.c - `sluice reset`: a job forgets what it has done: positions, windows, history. Dead letters and the log stay, and
 * so does how far its batches had come. Or it is set back: to offsets, to a time, to a savepoint; then its history stays too.
 *
 * The job's lock is held meanwhile, so that none starts on half of its state.
 */
#include <base/clock.h>
#include <batches/positions.h>
#include <batches/reset.h>
#include <batches/retries.h>
#include <cli/accounts.h>
#include <cli/place.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static batch_mark history_mark(const place *place);
static void end_tell(const place *place, const batch_mark *newest);
static sl_result consent(bool yes, failure *failure);
static void consequences_tell(const place *place);
static sl_result target_read(const arguments *arguments, const place *place, saved *to, failure *failure);
static void target_tell(const place *place, const saved *to, const char *state);

static sl_result reset_run(const arguments *arguments, failure *failure)
{
    place place;
    int lock = -1;
    SL_TRY(place_find(arguments, &place, failure));
    SL_TRY(place_lock(&place, &lock, failure));
    saved to = { 0 };
    batch_mark newest = history_mark(&place);
    sl_result result = target_read(arguments, &place, &to, failure);
    bool all = to.frames == 0, with_state = settings_flag(arguments->settings, "--keep-state") ||
                                            settings_text(arguments->settings, "--to-savepoint");
    if (result == SL_OK && all)
        consequences_tell(&place);
    else if (result == SL_OK)
        target_tell(&place, &to,
                    settings_text(arguments->settings, "--to-savepoint") ? "are those of the savepoint"
                    : with_state ? "stay as they are: what they have counted of these records counts twice"
                                 : "begin empty");
    if (result == SL_OK)
        result = consent(settings_flag(arguments->settings, "--yes"), failure);
    if (result == SL_OK)
        result = all ? reset_folder(place.folder, &newest, failure)
                     : reset_folder_to(place.folder, &to, with_state, &newest, failure);
    close(lock);
    saved_done(&to);
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
        printf("%s starts with batch %lld, at a time after %s.", place->name, (long long)newest->id + 1,
               time);
    else
        printf("%s starts anew.", place->name);
    printf(" Its dead letters and its log are kept in %s\n", place->folder);
}

static sl_result consent(bool yes, failure *failure)
{
    char answer[16];
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

/* ---- Back to something ---- */

/* "realtime:0=1200", or "realtime:*=1200" for all partitions of the topic. */
static sl_result offset_take(const char *word, saved *to, failure *failure)
{
    saved_position *at = (saved_position *)(void *)to->positions.at;
    const char *equals = strrchr(word, '='), *colon = equals;
    size_t count = to->positions.size / sizeof *at, found = 0;
    while (colon && colon > word && *colon != ':')
        colon--;
    char *end = NULL;
    int64_t offset = equals ? strtoll(equals + 1, &end, 10) : -1;
    if (equals == NULL || colon == word || *colon != ':' || end == equals + 1 || *end != '\0' || offset < 0)
        return fail(failure, SL_USAGE, "--to-offsets %s: write TOPIC:PARTITION=OFFSET, as in realtime:0=1200",
                    word);
    sl_text topic = { word, (size_t)(colon - word) };
    for (size_t i = 0; i < count; i++) {
        bool all = strncmp(colon, ":*=", 3) == 0;
        bool named = sl_text_equal(at[i].topic, topic) || sl_text_equal(position_topic(at[i].topic), topic);
        if (!named || !(all || strtoll(colon + 1, NULL, 10) == at[i].partition))
            continue;
        at[i].next = offset;
        found++;
    }
    return found ? SL_OK
                 : fail(failure, SL_USAGE,
                        "--to-offsets %s: the job has no such partition; sluice checkpoint show lists them",
                        word);
}

static sl_result time_take(const char *text, saved *to, failure *failure)
{
    saved_position *at = (saved_position *)(void *)to->positions.at;
    int64_t ms;
    SL_TRY(time_parse(text, &ms, failure));
    for (size_t i = 0; i < to->positions.size / sizeof *at; i++)
        if (!retries_is_topic(at[i].topic))
            at[i].next = source_at_time(ms);
    return SL_OK;
}

/* Retried dead letters stay retried, whatever savepoint it is. */
static sl_result savepoint_take(const place *place, const char *path, saved *to, failure *failure)
{
    char beside[PLACE_PATH_ROOM];
    saved now = { 0 };
    struct failure ignored = { 0 };
    SL_TRY(place_path(place, path, beside, failure));
    bool inside = access(path, F_OK) != 0 && access(beside, F_OK) == 0;
    if (saved_read(inside ? beside : path, to, &ignored) != SL_OK)
        return fail(failure, SL_USAGE, "%s is no savepoint: %s", path,
                    access(inside ? beside : path, F_OK) == 0 ? ignored.text : "there is no such file");
    saved_position *at = (saved_position *)(void *)to->positions.at;
    if (saved_newest(place->folder, &now, &ignored) == SL_OK) {
        const saved_position *old = (const saved_position *)(const void *)now.positions.at;
        for (size_t i = 0; i < to->positions.size / sizeof *at; i++)
            for (size_t n = 0; n < now.positions.size / sizeof *old; n++)
                if (retries_is_topic(at[i].topic) && retries_is_topic(old[n].topic))
                    at[i].next = old[n].next;
    }
    saved_done(&now);
    return SL_OK;
}

/* No frames: to nothing. */
static sl_result target_read(const arguments *arguments, const place *place, saved *to, failure *failure)
{
    const settings *settings = arguments->settings;
    const char *time = settings_text(settings, "--to-time"),
               *savepoint = settings_text(settings, "--to-savepoint");
    size_t offsets = settings_count(settings, "--to-offsets");
    if ((time != NULL) + (savepoint != NULL) + (offsets > 0) > 1)
        return fail(failure, SL_USAGE, "--to-offsets, --to-time and --to-savepoint exclude each other");
    if (savepoint)
        return savepoint_take(place, savepoint, to, failure);
    if (time == NULL && offsets == 0)
        return settings_flag(settings, "--keep-state")
                   ? fail(failure, SL_USAGE,
                          "--keep-state wants --to-offsets or --to-time: where to read from")
                   : SL_OK;
    SL_TRY(saved_newest(place->folder, to, failure));
    if (time)
        return time_take(time, to, failure);
    for (size_t i = 0; i < offsets; i++)
        SL_TRY(offset_take(settings_item(settings, "--to-offsets", i), to, failure));
    return SL_OK;
}

static void target_tell(const place *place, const saved *to, const char *state)
{
    const saved_position *at = (const saved_position *)(const void *)to->positions.at;
    char time[25];
    printf("%s will read, in %s:\n", place->name, place->folder);
    for (size_t i = 0; i < to->positions.size / sizeof *at; i++) {
        if (retries_is_topic(at[i].topic))
            continue;
        printf("  %.*s partition %lld from ", (int)at[i].topic.size, at[i].topic.at,
               (long long)at[i].partition);
        if (at[i].next < -1)
            printf("the first record of %s or later\n", (clock_iso(source_time_of(at[i].next), time), time));
        else
            printf("offset %lld\n", (long long)at[i].next);
    }
    printf("Its windows and lists %s.\n", state);
    printf(
        "Documents of records that are read again have the ids that they had. History, dead letters and log stay.\n");
}

static const setting reset_options[] = {
    { NULL, "--to-offsets", SETTING_LIST, NULL, NULL, NULL, "TOPIC:PARTITION=OFFSET",
      "read on from there; * is every partition, and those not named stay where they are" },
    { NULL, "--to-time", SETTING_TEXT, NULL, NULL, NULL, "TIME",
      "read on from the first record of 2026-11-23T10:00:00Z or later" },
    { NULL, "--keep-state", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "with these: windows and lists stay as they are" },
    { NULL, "--to-savepoint", SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "positions, windows and lists of a savepoint" },
    { NULL, "--yes", SETTING_FLAG, NULL, NULL, NULL, NULL, "without asking" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_reset = {
    .name = "reset",
    .form = "NAME [--to-offsets ...|--to-time TIME|--to-savepoint FILE] [--keep-state] [--yes]",
    .about = "lets a stopped job forget all it has done, or sets it back",
    .options = reset_options,
    .names_most = 1,
    .run = reset_run
};
