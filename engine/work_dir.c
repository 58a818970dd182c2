/*
 * work_dir.c - the work folder's lock and its link.
 */
#include <base/buffer.h>
#include <base/disk.h>
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <work_dir.h>

enum { LOCK_BYTES = 32 };

struct work_dir {
    int lock;
    char *path;
};

char *work_dir_usual(const char *name)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    buffer path = { 0 };
    if (state && *state)
        buffer_print(&path, "%s/sluice/%s", state, name);
    else if (home && *home)
        buffer_print(&path, "%s/.local/state/sluice/%s", home, name);
    else
        return NULL;
    buffer_byte(&path, '\0');
    return path.at;
}

static int lock_open(const char *path, char file[PATH_MAX], failure *failure)
{
    snprintf(file, PATH_MAX, "%s/lock", path);
    int lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0)
        fail(failure, SL_FAILED, "cannot open %s: %s", file, strerror(errno));
    return lock;
}

static sl_result lock_write(int lock, const char *file, const char *text, failure *failure)
{
    ssize_t size = (ssize_t)strlen(text);
    if (pwrite(lock, text, (size_t)size, 0) == size && ftruncate(lock, size) == 0)
        return SL_OK;
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return fail(failure, SL_FAILED, "cannot write %s: %s%s", file, strerror(errno),
                is_full ? "; make room there" : "");
}

static sl_result lock_take(const char *path, int *lock, failure *failure)
{
    char file[PATH_MAX], pid[LOCK_BYTES + 1] = "";
    *lock = lock_open(path, file, failure);
    if (*lock < 0)
        return failure->result;
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t size = read(*lock, pid, sizeof pid - 1);
        pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
        close(*lock);
        *lock = -1;
        return fail(failure, SL_RUNNING,
                    "the job of %s runs already, as process %s; stop it first, or use another --work-dir",
                    path, pid);
    }
    snprintf(pid, sizeof pid, "%d\n", (int)getpid()); /* over what stands there: that takes no room */
    return lock_write(*lock, file, pid, failure);
}

sl_result work_dir_prepare(const char *path, failure *failure)
{
    char file[PATH_MAX];
    struct stat status;
    SL_TRY(disk_folder(path, failure));
    int lock = lock_open(path, file, failure);
    if (lock < 0)
        return failure->result;
    if (fstat(lock, &status) == 0 && status.st_size == 0)
        lock_write(lock, file, "                               \n", failure);
    close(lock);
    return failure->result;
}

/* Only a convenience: a job runs without it. */
static void link_leave(const char *path, const char *name)
{
    char *usual = work_dir_usual(name), real[PATH_MAX], usual_real[PATH_MAX];
    struct failure ignored = { 0 };
    if (usual == NULL || realpath(path, real) == NULL ||
        (realpath(usual, usual_real) && !strcmp(real, usual_real))) {
        free(usual);
        return;
    }
    char *folder = memory_text(usual);
    *strrchr(folder, '/') = '\0';
    char old[8];
    bool is_link = readlink(usual, old, sizeof old) >= 0;
    if (disk_folder(folder, &ignored) == SL_OK && (!is_link || unlink(usual) == 0) &&
        symlink(real, usual) != 0)
        log_warn("engine",
                 "%s stands in the way of a link to %s: name the folder with --work-dir in commands", usual,
                 real);
    free(folder);
    free(usual);
}

sl_result work_dir_open(const char *path, const char *name, work_dir **opened, failure *failure)
{
    work_dir *self = memory_new(sizeof *self);
    self->lock = -1;
    self->path = memory_text(path);
    sl_result result = disk_folder(path, failure);
    if (result == SL_OK)
        result = lock_take(path, &self->lock, failure);
    if (result != SL_OK) {
        work_dir_close(self);
        return result;
    }
    if (name)
        link_leave(path, name);
    *opened = self;
    return SL_OK;
}

/* The file at the path is the one that we hold, it has our process id, and the system still counts the lock as ours. */
sl_result work_dir_check(const work_dir *self, failure *failure)
{
    char file[PATH_MAX], pid[LOCK_BYTES + 1] = "";
    struct stat there, ours;
    snprintf(file, sizeof file, "%s/lock", self->path);
    bool same = stat(file, &there) == 0 && fstat(self->lock, &ours) == 0 && there.st_ino == ours.st_ino &&
                there.st_dev == ours.st_dev;
    int lock = same ? self->lock : open(file, O_RDONLY | O_CLOEXEC);
    ssize_t size = lock >= 0 ? pread(lock, pid, sizeof pid - 1, 0) : 0;
    if (lock >= 0 && lock != self->lock)
        close(lock);
    pid[size > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    if (same && strtol(pid, NULL, 10) == (long)getpid() && flock(self->lock, LOCK_EX | LOCK_NB) == 0)
        return SL_OK;
    return fail(
        failure, SL_RUNNING,
        "this process stood still for more than 30 s, and the work folder %s is no longer its own (process %s "
        "in %s): it writes nothing more, and ends",
        self->path, pid[0] ? pid : "unknown", file);
}

void work_dir_close(work_dir *self)
{
    if (self == NULL)
        return;
    if (self->lock >= 0)
        close(self->lock);
    free(self->path);
    free(self);
}
