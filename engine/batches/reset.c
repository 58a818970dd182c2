/*
 * batches/reset.c - a new checkpoint takes the place of all others at once; then they are removed, with journal and history.
 *
 * The job has forgotten as soon as the new checkpoint is there: files that a killed reset left behind count for nothing,
 * since it bears the greatest id and the journal's entries are not newer than it. Retried dead letters alone go first: were they
 * there without their position, they would be retried once more; a position without them is refused.
 */
#include <batches/reset.h>
#include <batches/retries.h>
#include <stdio.h>
#include <stdlib.h>

/* In each a batch may have left its id and T; of damaged files what is whole. */
static const char *const marked[] = { "journal", "checkpoint-", "damaged-checkpoint-", NULL };
static const char *const removed[] = { "journal", "checkpoint-", "damaged-checkpoint-", "history", "crashes",
                                       "poison",  NULL };
static const char *const removed_for_new[] = { "journal", "checkpoint-", "damaged-checkpoint-",
                                               "crashes", "poison",      NULL };

typedef sl_result visit(const char *path, const char *name, batch_mark *newest, failure *failure);

static sl_result files_visit(const char *work_dir, const char *prefix, visit *visit, batch_mark *newest,
                             failure *failure);
static sl_result file_mark(const char *path, const char *name, batch_mark *newest, failure *failure);
static sl_result file_remove(const char *path, const char *name, batch_mark *newest, failure *failure);

static sl_result files_mark(const char *work_dir, batch_mark *newest, failure *failure)
{
    for (size_t i = 0; marked[i]; i++)
        SL_TRY(files_visit(work_dir, marked[i], file_mark, newest, failure));
    return SL_OK;
}

sl_result reset_folder(const char *work_dir, batch_mark *newest, failure *failure)
{
    SL_TRY(files_mark(work_dir, newest, failure));
    SL_TRY(files_visit(work_dir, RETRIES_FILE, file_remove, newest, failure));
    if (newest->id)
        SL_TRY(saved_begin_anew(work_dir, newest, failure));
    for (size_t i = 0; removed[i]; i++)
        SL_TRY(files_visit(work_dir, removed[i], file_remove, newest, failure));
    return SL_OK;
}

sl_result reset_folder_to(const char *work_dir, const saved *to, bool with_state, batch_mark *newest,
                          failure *failure)
{
    char name[CHECKPOINT_NAME_ROOM];
    buffer path = { 0 };
    mark_raise(newest, (batch_mark){ to->batch_id, to->time_ms });
    SL_TRY(files_mark(work_dir, newest, failure));
    checkpoint_name(newest->id, name);
    buffer_print(&path, "%s/%s", work_dir, name);
    buffer_byte(&path, '\0');
    sl_result result = saved_write(to, path.at, newest, with_state, failure);
    buffer_done(&path);
    for (size_t i = 0; removed_for_new[i] && result == SL_OK; i++)
        result = files_visit(work_dir, removed_for_new[i], file_remove, newest, failure);
    return result;
}

static sl_result files_visit(const char *work_dir, const char *prefix, visit *visit, batch_mark *newest,
                             failure *failure)
{
    char **names = NULL;
    size_t count = 0;
    buffer path = { 0 };
    SL_TRY(disk_list(work_dir, prefix, &names, &count, failure));
    for (size_t i = 0; i < count; i++) {
        path.size = 0;
        buffer_print(&path, "%s/%s", work_dir, names[i]);
        buffer_byte(&path, '\0');
        if (failure->result == SL_OK)
            visit(path.at, names[i], newest, failure);
        free(names[i]);
    }
    free(names);
    buffer_done(&path);
    return failure->result;
}

/* A file that cannot be read tells by its name at least how far the ids had come. */
static sl_result file_mark(const char *path, const char *name, batch_mark *newest, failure *failure)
{
    buffer bytes = { 0 };
    struct failure unreadable = { 0 };
    (void)failure;
    disk_read(path, &bytes, &unreadable);
    frames_mark((sl_text){ bytes.at, bytes.size }, 0, newest);
    mark_raise(newest, (batch_mark){ .id = strtoll(name + strcspn(name, "0123456789"), NULL, 10) });
    buffer_done(&bytes);
    return SL_OK;
}

static sl_result file_remove(const char *path, const char *name, batch_mark *newest, failure *failure)
{
    char kept[CHECKPOINT_NAME_ROOM] = "";
    if (newest->id)
        checkpoint_name(newest->id, kept);
    return strcmp(name, kept) == 0 ? SL_OK : disk_remove(path, failure);
}
