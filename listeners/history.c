/*
 * listeners/history.c - the account of every batch, a JSON line each, in <work-dir>/history.ndjson: what `sluice batches`
 * reads. A line is written and synced when a batch completes or an attempt fails.
 *
 *     history.1.ndjson   the generation before, when the file has passed its size (64 MB, or --listen history:BYTES)
 *     history.ndjson     ... {"batch_id":16,...}\n{"batch_id":17,...}\n
 *
 * Nothing is lost and nothing told twice: at start the engine recalls the accounts in the checkpoint, and those that the
 * file does not have, since a crash came in between, are written. Batches that the file has and the checkpoint lost in a
 * power cut, for they had no input, never were: their lines go, and their numbers come again. A line that a crash tore is
 * cut off; a line that a full disk refused is kept and written with the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sluice/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, PENDING_MOST = 8 << 20 };
static const long long usual_bytes = 64LL << 20;

typedef struct history {
    char path[PATH_ROOM], older[PATH_ROOM];
    int file;
    long long size, size_most;
    int64_t last_completed; /* batch_id in the file at start; 0: none */
    int64_t last_recalled;  /* 0: none */
    char *pending;          /* lines that are not in the file yet */
    size_t pending_size, pending_room;
    long long lost; /* lines, when the disk stayed full for too long */
    bool told;      /* the trouble that is going on was reported */
    bool unsure;    /* the disk may hold more than `size` */
} history;

typedef struct view { /* a file mapped for reading */
    const char *at;
    size_t size;
} view;

static void *history_open(const sl_listener_place *place, char *error);
static void history_close(void *self);
static void history_completed(void *self, const sl_batch_info *batch);
static void history_failed(void *self, const sl_batch_info *batch);
static void history_recalled(void *self, int64_t batch_id, const char *account);
static bool files_open(history *self, char *error);
static bool left_settle(const history *self);
static bool folder_sync(const history *self);
static bool tail_cut(history *self);
static int64_t last_completed_in(const char *path);
static void last_completed_find(history *self);
static view view_open(const char *path);
static void view_close(view view);
static int64_t line_completed(const char *at, size_t size);
static void forgotten_cut(history *self);
static void recalled_drop(history *self);
static char *line_room(history *self, size_t size);
static void line_end(history *self, size_t size);
static void line_keep(history *self, const sl_batch_info *batch);
static void pending_write(history *self);
static bool size_settle(history *self);
static bool pending_appended(history *self);
static void generation_change(history *self);
static void trouble_tell(history *self, const char *what);

static void *history_open(const sl_listener_place *place, char *error)
{
    if (place->work_dir == NULL) {
        snprintf(error, 256, "the history needs a work folder to stand in");
        return NULL;
    }
    history *self = calloc(1, sizeof *self);
    if (self == NULL) {
        snprintf(error, 256, "no memory for the history");
        return NULL;
    }
    self->size_most = usual_bytes;
    char *end = NULL;
    if (place->argument != NULL)
        self->size_most = strtoll(place->argument, &end, 10);
    int size = snprintf(self->path, sizeof self->path, "%s/history.ndjson", place->work_dir);
    int older = snprintf(self->older, sizeof self->older, "%s/history.1.ndjson", place->work_dir);
    if (place->argument && (end == place->argument || *end != '\0' || self->size_most < 1))
        snprintf(error, 256, "--listen history:BYTES takes a number of bytes, not \"%.100s\"",
                 place->argument);
    else if (size >= (int)sizeof self->path || older >= (int)sizeof self->older)
        snprintf(error, 256, "the work folder's path is too long for a history");
    else if (files_open(self, error))
        return self;
    free(self);
    return NULL;
}

static void history_close(void *self)
{
    history *history = self;
    if (history->pending_size)
        pending_write(history);
    if (history->pending_size || history->lost)
        sl_log_warn("history", "not everything could be written to %s: bytes left %zu, lines lost %lld",
                    history->path, history->pending_size, history->lost);
    close(history->file);
    free(history->pending);
    free(history);
}

static void history_completed(void *self, const sl_batch_info *batch)
{
    line_keep(self, batch);
    pending_write(self);
}

static void history_failed(void *self, const sl_batch_info *batch)
{
    line_keep(self, batch);
    pending_write(self);
}

/* The lines are written with the first one of this run, or at its end. Which of them the file has is known once it was cut. */
static void history_recalled(void *self, int64_t batch_id, const char *account)
{
    history *history = self;
    if (account == NULL) {
        forgotten_cut(history);
        recalled_drop(history);
        return;
    }
    size_t size = strlen(account);
    history->last_recalled = batch_id;
    char *at = line_room(history, size);
    if (at == NULL)
        return;
    memcpy(at, account, size + 1);
    line_end(history, size);
}

/* Those that the file has; they come in order. */
static void recalled_drop(history *self)
{
    size_t from = 0;
    while (from < self->pending_size) {
        const char *line = self->pending + from, *end = memchr(line, '\n', self->pending_size - from);
        if (line_completed(line, (size_t)(end - line)) > self->last_completed)
            break;
        from = (size_t)(end - self->pending) + 1;
    }
    self->pending_size -= from;
    if (from)
        memmove(self->pending, self->pending + from, self->pending_size);
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static bool files_open(history *self, char *error)
{
    self->file = open(self->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (self->file < 0) {
        snprintf(error, 256, "opening %.180s: %s", self->path, strerror(errno));
        return false;
    }
    if (!left_settle(self) || !folder_sync(self) || !tail_cut(self)) {
        snprintf(error, 256, "repairing %.180s: %s", self->path, strerror(errno));
        close(self->file);
        return false;
    }
    last_completed_find(self);
    return true;
}

/* Lines of a process that died before it synced them: a later sync that fails must not take them along. What then is read is what
 * the disk has: after a failed sync the system may show more. */
static bool left_settle(const history *self)
{
    bool settled = fdatasync(self->file) == 0;
    posix_fadvise(self->file, 0, 0, POSIX_FADV_DONTNEED);
    return settled;
}

/* The file may be new: without its name its lines are nowhere. */
static bool folder_sync(const history *self)
{
    char folder[PATH_ROOM];
    snprintf(folder, sizeof folder, "%s", self->path);
    *strrchr(folder, '/') = '\0';
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = opened >= 0 && fdatasync(opened) == 0;
    if (opened >= 0)
        close(opened);
    return synced;
}

/* What stands behind the last line end was torn by a crash; zeros are where the disk has nothing of what was written. */
static bool tail_cut(history *self)
{
    view view = view_open(self->path);
    const char *zeros = view.size ? memchr(view.at, '\0', view.size) : NULL;
    size_t size = zeros ? (size_t)(zeros - view.at) : view.size;
    const char *end = size ? memrchr(view.at, '\n', size) : NULL;
    self->size = end ? end - view.at + 1 : 0;
    bool torn = (size_t)self->size != view.size;
    view_close(view);
    return !torn || (ftruncate(self->file, (off_t)self->size) == 0 && fdatasync(self->file) == 0);
}

static int64_t last_completed_in(const char *path)
{
    view view = view_open(path);
    size_t end = view.size;
    int64_t found = 0;
    while (end > 0 && found == 0) {
        const char *before = end > 1 ? memrchr(view.at, '\n', end - 1) : NULL;
        size_t from = before ? (size_t)(before - view.at) + 1 : 0;
        found = line_completed(view.at + from, end - from);
        end = from;
    }
    view_close(view);
    return found;
}

/* The file may have been changed for a new one just before the crash. */
static void last_completed_find(history *self)
{
    int64_t found = last_completed_in(self->path);
    self->last_completed = found ? found : last_completed_in(self->older);
}

/* An absent or empty file is an empty view. */
static view view_open(const char *path)
{
    view view = { NULL, 0 };
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return view;
    if (fstat(file, &about) == 0 && about.st_size > 0) {
        void *at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (at != MAP_FAILED)
            view = (struct view){ at, (size_t)about.st_size };
    }
    close(file);
    return view;
}

static void view_close(view view)
{
    if (view.size)
        munmap((void *)(uintptr_t)view.at, view.size);
}

/* The batch_id of a line that tells of a completed batch, else 0. Inside a JSON string a quote has a backslash before it,
 * so these patterns can only be names and values of the account itself. */
static int64_t line_completed(const char *at, size_t size)
{
    static const char id[] = "\"batch_id\":", state[] = "\"state\":\"completed\"";
    const char *found = memmem(at, size, id, sizeof id - 1);
    int64_t value = 0;
    if (found == NULL || memmem(at, size, state, sizeof state - 1) == NULL)
        return 0;
    for (found += sizeof id - 1; found < at + size && *found >= '0' && *found <= '9'; found++)
        value = value * 10 + (*found - '0');
    return value;
}

/* Before a batch runs: its number may be one of theirs. The end of the file, from the first line on that tells a batch as completed which the checkpoint does not know. */
static void forgotten_cut(history *self)
{
    int64_t last = self->last_recalled;
    if (last == 0 || self->last_completed <= last)
        return;
    view view = view_open(self->path);
    size_t keep = view.size;
    for (size_t end = view.size, from; end > 0; end = from) {
        const char *before = end > 1 ? memrchr(view.at, '\n', end - 1) : NULL;
        from = before ? (size_t)(before - view.at) + 1 : 0;
        int64_t id = line_completed(view.at + from, end - from);
        if (id > last)
            keep = from;
        else if (id)
            break;
    }
    view_close(view);
    if (keep == view.size || ftruncate(self->file, (off_t)keep) != 0)
        return;
    self->size = (long long)keep;
    self->unsure = true;
    size_settle(self);
    last_completed_find(self);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* Room for a line of this size and its end behind the pending ones, or NULL, and the line is lost. */
static char *line_room(history *self, size_t size)
{
    size_t need = self->pending_size + size + 2;
    if (need > self->pending_room && need <= PENDING_MOST) {
        char *grown = realloc(self->pending, need * 2);
        self->pending = grown ? grown : self->pending;
        self->pending_room = grown ? need * 2 : self->pending_room;
    }
    if (need <= self->pending_room)
        return self->pending + self->pending_size;
    self->lost++;
    return NULL;
}

static void line_end(history *self, size_t size)
{
    self->pending_size += size;
    self->pending[self->pending_size++] = '\n';
}

static void line_keep(history *self, const sl_batch_info *batch)
{
    size_t size = sl_batch_json(batch, NULL, 0);
    char *at = line_room(self, size);
    if (at == NULL)
        return;
    sl_batch_json(batch, at, size + 1);
    line_end(self, size);
}

static void pending_write(history *self)
{
    if (self->size && self->size + (long long)self->pending_size > self->size_most && size_settle(self))
        generation_change(self);
    if (!pending_appended(self)) {
        trouble_tell(self, "writing");
        return;
    }
    self->size += (long long)self->pending_size;
    self->pending_size = 0;
    self->told = false;
}

/* The file has its size, also on the disk. */
static bool size_settle(history *self)
{
    self->unsure =
        self->unsure && (ftruncate(self->file, (off_t)self->size) != 0 || fdatasync(self->file) != 0);
    return !self->unsure;
}

/* All of it and synced, or the file is as it was. */
static bool pending_appended(history *self)
{
    size_t done = 0;
    if (!size_settle(self))
        return false;
    while (done < self->pending_size) {
        ssize_t wrote = write(self->file, self->pending + done, self->pending_size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    if (done == self->pending_size && fdatasync(self->file) == 0)
        return true;
    int reason = errno;
    self->unsure = true;
    if (ftruncate(self->file, (off_t)self->size) != 0)
        reason = errno;
    errno = reason;
    return false;
}

static void generation_change(history *self)
{
    if (rename(self->path, self->older) != 0) {
        trouble_tell(self, "renaming");
        return;
    }
    int file = open(self->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0) { /* go on in the renamed file: its lines are read all the same */
        trouble_tell(self, "opening");
        return;
    }
    if (!folder_sync(self))
        trouble_tell(self, "syncing the folder of");
    close(self->file);
    self->file = file;
    self->size = 0;
}

static void trouble_tell(history *self, const char *what)
{
    if (!self->told)
        sl_log_warn("history", "%s %s: %s; lines are kept and written later", what, self->path,
                    strerror(errno));
    self->told = true;
}

extern const sl_listener listener_history;
const sl_listener listener_history = {
    .name = "history",
    .about = "the account of every batch in the work folder, for `sluice batches`",
    .lossless = true,
    .open = history_open,
    .close = history_close,
    .on_batch_completed = history_completed,
    .on_batch_failed = history_failed,
    .on_batch_recalled = history_recalled
};
