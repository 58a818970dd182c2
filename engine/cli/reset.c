/*
 * cli/reset.c - `sluice reset`: a job forgets what it has done: positions, windows, history. Dead letters and the log stay.
 *
 * The job's lock is held meanwhile, so that none starts on half of its state. The journal goes last: as long as it is there
 * a reset that was interrupted is seen, and done again.
 */
#include <base/disk.h>
#include <cli/place.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sl_result consent(const place *place, bool yes, failure *failure);
static void consequences_tell(const place *place);
static sl_result files_remove(const place *place, const char *prefix, failure *failure);

static sl_result reset_run(const arguments *arguments, failure *failure)
{
    place place;
    int lock = -1;
    SL_TRY(place_find(arguments, &place, failure));
    SL_TRY(place_lock(&place, &lock, failure));
    sl_result result = consent(&place, settings_flag(arguments->settings, "--yes"), failure);
    if (result == SL_OK)
        result = files_remove(&place, "history", failure);
    if (result == SL_OK)
        result = files_remove(&place, "checkpoint", failure);
    if (result == SL_OK)
        result = files_remove(&place, "damaged-checkpoint", failure);
    if (result == SL_OK)
        result = files_remove(&place, "journal", failure);
    close(lock);
    if (result == SL_OK)
        printf("%s starts anew. Its dead letters and its log are kept in %s\n", place.name, place.folder);
    return result;
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
    printf("%s will forget, in %s:\n"
           "  its positions     it reads its inputs from where --from-offsets says\n"
           "  its windows       counts and lists begin empty\n"
           "  its history       `sluice batches` begins anew\n"
           "Dead letters and the log are kept, and so is whatever it has written elsewhere.\n",
           place->name, place->folder);
}

static sl_result files_remove(const place *place, const char *prefix, failure *failure)
{
    char **names = NULL, path[PLACE_PATH_ROOM];
    size_t count = 0;
    SL_TRY(disk_list(place->folder, prefix, &names, &count, failure));
    sl_result result = SL_OK;
    for (size_t i = 0; i < count; i++) {
        if (result == SL_OK)
            result = place_path(place, names[i], path, failure);
        if (result == SL_OK)
            result = disk_remove(path, failure);
        free(names[i]);
    }
    free(names);
    return result;
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
