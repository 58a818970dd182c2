/*
 * cli/savepoint.c - `sluice savepoint`: a copy of what a job has done up to its last batch, to which it can be set back: before
 * an upgrade, or a change of its windows. The job may run meanwhile.
 */
#include <base/clock.h>
#include <batches/saved.h>
#include <cli/place.h>
#include <inttypes.h>

/* While the job begins a new file the one that was found may go: the next try finds the new one. */
static sl_result newest_read(const place *place, saved *saved, failure *failure)
{
    struct failure first = { 0 };
    return saved_newest(place->folder, saved, &first) == SL_OK ? SL_OK
                                                               : saved_newest(place->folder, saved, failure);
}

static sl_result savepoint_run(const arguments *arguments, failure *failure)
{
    place place;
    saved saved = { 0 };
    char path[PLACE_PATH_ROOM], name[64], time[25];
    const char *to = settings_text(arguments->settings, "--to");
    SL_TRY(place_find(arguments, &place, failure));
    SL_TRY(newest_read(&place, &saved, failure));
    snprintf(name, sizeof name, "savepoint-%018" PRId64, saved.batch_id);
    sl_result result = place_path(&place, name, path, failure);
    batch_mark mark = { saved.batch_id, saved.time_ms };
    if (result == SL_OK && saved.account.size == 0)
        result = fail(failure, SL_USAGE,
                      "%s has done no batch since its last reset: there is nothing to save", place.name);
    if (result == SL_OK)
        result = saved_write(&saved, to ? to : path, &mark, true, failure);
    clock_iso(saved.time_ms, time);
    if (result == SL_OK)
        printf("%s holds %s up to batch %" PRId64
               " at %s.\nTo go back to it: sluice stop %s; sluice reset %s "
               "--to-savepoint %s\n",
               to ? to : path, place.name, saved.batch_id, time, place.name, place.name, to ? to : name);
    saved_done(&saved);
    return result;
}

static const setting savepoint_options[] = {
    { NULL, "--to", SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "where to; default: savepoint-<batch> in the work folder" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_savepoint = { .name = "savepoint",
                                    .form = "NAME [--to FILE] [--work-dir DIR]",
                                    .about =
                                        "a copy of a job's positions and state, to which it can be set back",
                                    .options = savepoint_options,
                                    .names_most = 1,
                                    .run = savepoint_run };
