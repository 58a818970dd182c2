/*
 * cli/checkpoint.c - `sluice checkpoint show`: what a job has on its disk, whether it can be used, and what it would go on with.
 * Of a job that runs too: a checkpoint is only appended to.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <batches/retries.h>
#include <batches/saved.h>
#include <cli/place.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const kept[] = { "checkpoint-", "damaged-checkpoint-", "journal", "savepoint-", NULL };

static void head_print(const saved *saved);
static void positions_print(const saved *saved);
static void state_print(const saved *saved);
static sl_result files_print(const place *place, failure *failure);

static sl_result checkpoint_run(const arguments *arguments, failure *failure)
{
    struct arguments rest = { .settings = arguments->settings, .count = arguments->count - 1 };
    place place;
    saved saved = { 0 };
    rest.names[0] = arguments->names[1];
    if (strcmp(arguments->names[0], "show") != 0)
        return fail(failure, SL_USAGE, "\"%s\" is not known; the form is: sluice checkpoint show NAME",
                    arguments->names[0]);
    SL_TRY(place_find(&rest, &place, failure));
    struct failure unreadable = { 0 };
    if (saved_newest(place.folder, &saved, &unreadable) == SL_OK) {
        head_print(&saved);
        positions_print(&saved);
        state_print(&saved);
    } else {
        printf("%s.\n", unreadable.text);
    }
    saved_done(&saved);
    return files_print(&place, failure);
}

static void head_print(const saved *saved)
{
    char time[25], span[32];
    clock_iso(saved->time_ms, time);
    if (saved->account.size)
        printf("%-12s %" PRId64 " at %s, interval %s\n", "batch", saved->batch_id, time,
               clock_span(saved->interval_ms * 1000000, span));
    else
        printf("%-12s none since a reset; the next is %" PRId64 ", at a time after %s\n", "batch",
               saved->batch_id + 1, time);
}

static void positions_print(const saved *saved)
{
    const saved_position *at = (const saved_position *)(const void *)saved->positions.at;
    char time[25];
    for (size_t i = 0; i < saved->positions.size / sizeof *at; i++) {
        if (retries_is_topic(at[i].topic)) {
            printf("%-12s retried dead letters, next byte %" PRId64 " of " RETRIES_FILE "\n", "",
                   at[i].next < 0 ? 0 : at[i].next);
            continue;
        }
        printf("%-12s %.*s partition %" PRId64 ", ", i ? "" : "positions", (int)at[i].topic.size,
               at[i].topic.at, at[i].partition);
        if (at[i].next >= 0)
            printf("next offset %" PRId64 "\n", at[i].next);
        else if (at[i].next == -1)
            printf("where --from-offsets says\n");
        else
            printf("from %s on\n", (clock_iso(source_time_of(at[i].next), time), time));
    }
}

static void state_print(const saved *saved)
{
    saved_amount *amounts;
    size_t count = saved_amounts(saved, &amounts);
    char length[32], pane[32];
    for (size_t i = 0; i < count; i++) {
        const saved_amount *one = &amounts[i];
        printf("%-12s %.*s: ", i ? "" : "state", (int)one->name.size, one->name.at);
        if (one->window && one->window->length_ms)
            printf("%s in a window of %s, panes of %s", counted(one->keys, "key", "keys").at,
                   clock_span(one->window->length_ms * 1000000, length),
                   clock_span(one->window->pane_ms * 1000000, pane));
        else
            printf("%s", one->states ? counted(one->keys, "key", "keys").at
                                     : counted(one->keys, "list", "lists").at);
        printf(", %s\n", counted((int64_t)one->bytes, "byte", "bytes").at);
    }
    if (count == 0)
        printf("%-12s none\n", "state");
    free(amounts);
}

/* ---- Files ---- */

static void journal_print(sl_text file)
{
    sl_text payload;
    int64_t first = 0, last = 0, count = 0;
    for (size_t at = 0; frame_read(file, &at, &payload); count++) {
        frame_reader reader = { payload.at, payload.at + payload.size, false };
        last = get_i64(&reader);
        first = count ? first : last;
    }
    printf("%s", counted(count, "cut", "cuts").at);
    if (count)
        printf(", of batches %" PRId64 " to %" PRId64, first, last);
}

static void validity_print(const saved *saved)
{
    switch (saved_judge(saved)) {
    case SAVED_WHOLE: printf("; whole"); break;
    case SAVED_TORN:
        printf("; whole up to byte %zu, then a frame that was not finished: the next start cuts it off",
               saved->whole);
        break;
    case SAVED_DAMAGED:
        printf("; damaged at byte %zu, batches up to %" PRId64 " are whole", saved->whole, saved->batch_id);
        break;
    case SAVED_USELESS: printf("; damaged at its begin: it cannot be used"); break;
    }
}

static void file_print(const char *name, const char *path, bool is_journal, const char *title)
{
    saved saved = { 0 };
    failure ignored = { 0 };
    bool whole = !is_journal && saved_read(path, &saved, &ignored) == SL_OK;
    if (is_journal)
        disk_read(path, &saved.bytes, &ignored);
    printf("%-12s %s: %s, ", title, name, counted((int64_t)saved.bytes.size, "byte", "bytes").at);
    if (is_journal)
        journal_print((sl_text){ saved.bytes.at, saved.bytes.size });
    else {
        printf("%s", counted(saved.frames, "frame", "frames").at);
        if (whole)
            printf(" up to batch %" PRId64, saved.batch_id);
        validity_print(&saved);
    }
    putchar('\n');
    saved_done(&saved);
}

static sl_result files_print(const place *place, failure *failure)
{
    char path[PLACE_PATH_ROOM + 300];
    bool any = false;
    for (size_t kind = 0; kept[kind]; kind++) {
        char **names = NULL;
        size_t count = 0;
        SL_TRY(disk_list(place->folder, kept[kind], &names, &count, failure));
        for (size_t i = 0; i < count; i++) {
            snprintf(path, sizeof path, "%s/%s", place->folder, names[i]);
            file_print(names[i], path, strcmp(kept[kind], "journal") == 0, any ? "" : "files");
            any = true;
            free(names[i]);
        }
        free(names);
    }
    return SL_OK;
}

static const setting checkpoint_options[] = {
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_checkpoint = { .name = "checkpoint",
                                     .form = "show NAME [--work-dir DIR]",
                                     .about = "what a job would go on with: positions, state, files",
                                     .options = checkpoint_options,
                                     .names_least = 1,
                                     .names_most = 2,
                                     .run = checkpoint_run };
