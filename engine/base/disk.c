/*
 * base/disk.c - files that survive a crash. Three rules carry it: a failed write leaves the file as it was before; after a
 * failed sync nobody knows what the disk holds, so that file takes nothing more; a name is on the disk only when its
 * folder was synced. Every call to the kernel is preceded by disk_fails(), where a test may break it.
 */
#include <base/disk.h>
#include <base/faults.h>
#include <base/memory.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum disk_call {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_CUT,
    DISK_RENAME,
    DISK_REMOVE,
    DISK_FOLDER
} disk_call;

struct disk_file {
    int handle;
    bool broken; /* a sync or the way back from a failed write failed */
    int64_t size, synced;
    char *path;
    disk_file *next; /* of all open files */
};

static pthread_mutex_t files_mutex = PTHREAD_MUTEX_INITIALIZER;
static disk_file *files; /* so that disk_forget() finds them */

static struct {
    pthread_mutex_t mutex;
    atomic_bool wanted;
    disk_call call;
    int error; /* 0: a short read or write */
    long first, times;
    char path[200];
} fault = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static const char *const call_names[] = {
    "open", "read", "write", "sync", "cut", "rename", "remove", "folder"
};

static sl_result disk_failed(failure *failure, const char *doing, const char *path);
static bool disk_fails(disk_call call, const char *path, size_t *size);
static bool fault_strikes(disk_call call, const char *path);
static int handle_open(const char *path, int flags);
static sl_result handle_write(int handle, const char *path, sl_text bytes, failure *failure);
static sl_result handle_sync(int handle, const char *path, failure *failure);
static sl_result folder_sync(const char *path, failure *failure);
static void folder_settle(const char *path);
static sl_result folder_make(const char *path, failure *failure);
static char *path_beside(const char *path);
static sl_result file_usable(const disk_file *file, failure *failure);
static sl_result temporary_write(const char *path, sl_text bytes, failure *failure);
static int names_order(const void *a, const void *b);

sl_result disk_open(const char *path, disk_file **file, failure *failure)
{
    struct stat status;
    int handle = handle_open(path, O_RDWR | O_CREAT | O_APPEND);
    if (handle < 0 || fstat(handle, &status) < 0) {
        sl_result result = disk_failed(failure, "opening", path);
        if (handle >= 0)
            close(handle);
        return result;
    }
    if (status.st_size == 0 && folder_sync(path, failure) != SL_OK) { /* it may be new */
        close(handle);
        return failure->result;
    }
    disk_file *opened = memory_new(sizeof *opened);
    *opened = (disk_file){
        .handle = handle, .path = memory_text(path), .size = status.st_size, .synced = status.st_size
    };
    pthread_mutex_lock(&files_mutex);
    opened->next = files;
    files = opened;
    pthread_mutex_unlock(&files_mutex);
    *file = opened;
    return SL_OK;
}

void disk_close(disk_file *file)
{
    if (file == NULL)
        return;
    pthread_mutex_lock(&files_mutex);
    disk_file **link = &files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    pthread_mutex_unlock(&files_mutex);
    close(file->handle);
    free(file->path);
    free(file);
}

sl_result disk_append(disk_file *file, const void *bytes, size_t size, failure *failure)
{
    SL_TRY(file_usable(file, failure));
    sl_result result = handle_write(file->handle, file->path, (sl_text){ bytes, size }, failure);
    if (result == SL_OK)
        file->size += (int64_t)size;
    else if (ftruncate(file->handle, file->size) < 0) /* what was written of it must not look like a record */
        file->broken = true;
    return result;
}

sl_result disk_sync(disk_file *file, failure *failure)
{
    SL_TRY(file_usable(file, failure));
    sl_result result = handle_sync(file->handle, file->path, failure);
    file->broken = result != SL_OK;
    if (result == SL_OK)
        file->synced = file->size;
    return result;
}

sl_result disk_settle(disk_file *file, failure *failure)
{
    SL_TRY(disk_sync(file, failure));
    return folder_sync(file->path, failure);
}

sl_result disk_cut(disk_file *file, int64_t size, failure *failure)
{
    SL_TRY(file_usable(file, failure));
    if (size < 0 || size > file->size)
        return fail(failure, SL_FAILED, "cutting %s to %lld bytes: it has %lld", file->path, (long long)size,
                    (long long)file->size);
    if (disk_fails(DISK_CUT, file->path, NULL) || ftruncate(file->handle, size) < 0)
        return disk_failed(failure, "cutting", file->path);
    file->size = size;
    file->synced = file->synced < size ? file->synced : size;
    return SL_OK;
}

int64_t disk_size(const disk_file *file)
{
    return file->size;
}

sl_result disk_replace(const char *path, const void *bytes, size_t size, failure *failure)
{
    char *temporary = path_beside(path);
    sl_result result = temporary_write(temporary, (sl_text){ bytes, size }, failure);
    if (result == SL_OK)
        result = disk_rename(temporary, path, failure);
    if (result != SL_OK)
        unlink(temporary); /* absent when only the sync of the folder failed */
    free(temporary);
    return result;
}

sl_result disk_rename(const char *from, const char *to, failure *failure)
{
    fault_point("before_rename");
    if (disk_fails(DISK_RENAME, to, NULL) || rename(from, to) < 0) {
        int error = errno;
        buffer doing = { 0 };
        buffer_print(&doing, "renaming %s to", from);
        buffer_byte(&doing, '\0');
        errno = error;
        sl_result result = disk_failed(failure, doing.at, to);
        buffer_done(&doing);
        return result;
    }
    fault_point("after_rename");
    return folder_sync(to, failure);
}

sl_result disk_remove(const char *path, failure *failure)
{
    fault_point("before_remove");
    if (disk_fails(DISK_REMOVE, path, NULL) || unlink(path) < 0)
        return errno == ENOENT ? SL_OK : disk_failed(failure, "removing", path);
    fault_point("after_remove");
    return folder_sync(path, failure);
}

sl_result disk_read(const char *path, buffer *out, failure *failure)
{
    enum { STEP = 64 * 1024 };
    int handle = handle_open(path, O_RDONLY);
    if (handle < 0)
        return errno == ENOENT ? SL_OK : disk_failed(failure, "reading", path);
    sl_result result = SL_OK;
    for (ssize_t got = 1; got != 0 && result == SL_OK;) {
        size_t size = STEP;
        char *at = buffer_reserve(out, STEP);
        got = disk_fails(DISK_READ, path, &size) ? -1 : read(handle, at, size);
        if (got > 0)
            out->size += (size_t)got;
        else if (got < 0 && errno != EINTR)
            result = disk_failed(failure, "reading", path);
    }
    close(handle);
    return result;
}

sl_result disk_read_back(const char *path, buffer *out, failure *failure)
{
    int handle = handle_open(path, O_RDONLY);
    if (handle >= 0) { /* what cannot be opened, disk_read() tells */
        sl_result result = handle_sync(handle, path, failure);
        posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED);
        close(handle);
        SL_TRY(result);
    }
    return disk_read(path, out, failure);
}

/* Makes the parents one after another: every '/' but the first byte's ends one. */
sl_result disk_folder(const char *path, failure *failure)
{
    sl_result result = SL_OK;
    char *part = memory_text(path);
    folder_settle(path);
    for (char *at = part + (*part == '/'); *at && result == SL_OK; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = '\0';
        result = folder_make(part, failure);
        *at = '/';
    }
    if (result == SL_OK)
        result = folder_make(part, failure);
    free(part);
    return result;
}

/* Names that begin with a dot, among them half-written ones of disk_replace(), are listed only when asked for. */
sl_result disk_list(const char *folder, const char *prefix, char ***names, size_t *count, failure *failure)
{
    DIR *stream = disk_fails(DISK_OPEN, folder, NULL) ? NULL : opendir(folder);
    if (stream == NULL)
        return disk_failed(failure, "listing", folder);
    char **found = NULL;
    size_t used = 0, room = 0;
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        const char *name = entry->d_name;
        if (strncmp(name, prefix, strlen(prefix)) != 0 || (name[0] == '.' && prefix[0] != '.') ||
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (used == room)
            found = memory_resize(found, (room = room ? room * 2 : 16) * sizeof *found);
        found[used++] = memory_text(name);
    }
    closedir(stream);
    if (used)
        qsort(found, used, sizeof *found, names_order);
    *names = found;
    *count = used;
    return SL_OK;
}

void disk_forget(void)
{
    pthread_mutex_lock(&files_mutex);
    for (disk_file *file = files; file; file = file->next) {
        if (ftruncate(file->handle, file->synced) < 0)
            file->broken = true;
        else
            file->size = file->synced;
    }
    pthread_mutex_unlock(&files_mutex);
}

bool disk_break(const char *what)
{
    static const struct {
        const char *name;
        int error;
    } errors[] = { { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EIO", EIO },
                   { "EACCES", EACCES }, { "EINTR", EINTR },   { "SHORT", 0 } };
    char call[16] = "", error[16] = "", path[sizeof fault.path] = "";
    long first = 1, times = 0;
    size_t i = 0, k = 0;
    atomic_store(&fault.wanted, false);
    if (what == NULL)
        return true;
    /* An empty PATH is no match for %[^:], so it is tried without one too. */
    if (sscanf(what, "%15[^:]:%15[^:]:%199[^:]:%ld:%ld", call, error, path, &first, &times) == 2)
        sscanf(what, "%*[^:]:%*[^:]::%ld:%ld", &first, &times);
    while (i < sizeof call_names / sizeof call_names[0] && strcmp(call_names[i], call) != 0)
        i++;
    while (k < sizeof errors / sizeof errors[0] && strcmp(errors[k].name, error) != 0)
        k++;
    if (i == sizeof call_names / sizeof call_names[0] || k == sizeof errors / sizeof errors[0] || first < 1)
        return false;
    pthread_mutex_lock(&fault.mutex);
    fault.call = (disk_call)i;
    fault.error = errors[k].error;
    fault.first = first;
    fault.times = times > 0 ? times : fault.error == EINTR ? 1 : -1;
    memcpy(fault.path, path, sizeof path);
    pthread_mutex_unlock(&fault.mutex);
    atomic_store(&fault.wanted, true);
    return true;
}

/* True: the call shall fail, errno says how. A short read or write lowers *size instead. */
static bool disk_fails(disk_call call, const char *path, size_t *size)
{
    if (!atomic_load_explicit(&fault.wanted, memory_order_relaxed) || !fault_strikes(call, path))
        return false;
    if (fault.error == 0 && size)
        *size = (*size + 1) / 2;
    errno = fault.error;
    return fault.error != 0;
}

static bool fault_strikes(disk_call call, const char *path)
{
    bool strikes = false;
    pthread_mutex_lock(&fault.mutex);
    if (call == fault.call && strstr(path, fault.path) && fault.times != 0) {
        strikes = fault.first <= 1;
        fault.first -= !strikes;
        fault.times -= strikes && fault.times > 0;
    }
    pthread_mutex_unlock(&fault.mutex);
    return strikes;
}

static sl_result disk_failed(failure *failure, const char *doing, const char *path)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return fail(failure, SL_RETRY, "%s %s: the disk is full (%s); make room there", doing, path,
                    strerror(errno));
    return fail(failure, SL_FAILED, "%s %s: %s", doing, path, strerror(errno));
}

static int handle_open(const char *path, int flags)
{
    int handle;
    do
        handle = disk_fails(DISK_OPEN, path, NULL) ? -1 : open(path, flags | O_CLOEXEC, 0640);
    while (handle < 0 && errno == EINTR);
    return handle;
}

static sl_result handle_write(int handle, const char *path, sl_text bytes, failure *failure)
{
    while (bytes.size > 0) {
        size_t size = bytes.size;
        ssize_t written = disk_fails(DISK_WRITE, path, &size) ? -1 : write(handle, bytes.at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return disk_failed(failure, "writing", path);
        bytes.at += written;
        bytes.size -= (size_t)written;
    }
    return SL_OK;
}

/* fdatasync: also the length, which is needed to read the data back; not the times of access and change. */
static sl_result handle_sync(int handle, const char *path, failure *failure)
{
    int answer;
    fault_point("before_sync");
    do
        answer = disk_fails(DISK_SYNC, path, NULL) ? -1 : fdatasync(handle);
    while (answer < 0 && errno == EINTR);
    if (answer == 0) {
        fault_point("after_sync");
        return SL_OK;
    }
    return fail(failure, SL_FAILED, "syncing %s: %s; what the disk holds of it is unknown", path,
                strerror(errno));
}

/* Syncs the folder in which `path` stands. */
static sl_result folder_sync(const char *path, failure *failure)
{
    const char *slash = strrchr(path, '/');
    char *folder = memory_text(slash == NULL ? "." : slash == path ? "/" : path);
    if (slash && slash != path)
        folder[slash - path] = '\0';
    int handle = handle_open(folder, O_RDONLY | O_DIRECTORY);
    sl_result result = handle < 0 ? disk_failed(failure, "opening the folder", folder)
                                  : handle_sync(handle, folder, failure);
    if (handle >= 0)
        close(handle);
    free(folder);
    return result;
}

/* Of the path's folders the last that is there may have been made by a process that died before it synced it. If it is older
 * than that, its parent need not be ours to read. */
static void folder_settle(const char *path)
{
    struct stat status;
    failure ignored = { 0 };
    char *part = memory_text(path), *slash;
    while (stat(part, &status) != 0 && (slash = strrchr(part, '/')) && slash != part)
        *slash = '\0';
    folder_sync(part, &ignored);
    free(part);
}

static sl_result folder_make(const char *path, failure *failure)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return SL_OK;
    if (!disk_fails(DISK_FOLDER, path, NULL) && mkdir(path, 0750) == 0)
        return folder_sync(path, failure);
    if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return SL_OK; /* someone else was faster */
    if (errno == EEXIST)
        errno = ENOTDIR;
    return disk_failed(failure, "making the folder", path);
}

/* "folder/.name.new": hidden, so that a listing of "name..." does not find what a crash left half written. */
static char *path_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    size_t room = strlen(path) + sizeof "..new";
    char *beside = memory_new(room);
    snprintf(beside, room, "%.*s.%s.new", folder, path, path + folder);
    return beside;
}

static sl_result file_usable(const disk_file *file, failure *failure)
{
    if (!file->broken)
        return SL_OK;
    return fail(failure, SL_FAILED, "%s: an earlier write or sync failed; start again to use it", file->path);
}

static sl_result temporary_write(const char *path, sl_text bytes, failure *failure)
{
    int handle = handle_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (handle < 0)
        return disk_failed(failure, "opening", path);
    sl_result result = handle_write(handle, path, bytes, failure);
    if (result == SL_OK)
        result = handle_sync(handle, path, failure);
    if (close(handle) < 0 && errno != EINTR && result == SL_OK)
        result = disk_failed(failure, "closing", path);
    return result;
}

static int names_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
