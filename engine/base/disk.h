/*
 * base/disk.h - all file I/O that must survive a crash. Everything goes through these calls so that a test can make a
 * disk full, a write short, or forget what was not synced. Failures name the path and the system's reason; a full disk
 * is SL_RETRY, everything else SL_FAILED. Any thread, one file at a time.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <base/buffer.h>
#include <base/failure.h>

typedef struct disk_file disk_file;

/* For appending; made when absent. */
sl_result disk_open(const char *path, disk_file **file, failure *failure);
void disk_close(disk_file *file); /* NULL is fine; what was not synced may be lost */
sl_result disk_append(disk_file *file, const void *bytes, size_t size, failure *failure);
sl_result disk_sync(disk_file *file, failure *failure); /* data and length are on the disk */
/* What an earlier process wrote may be in the system's memory only, the file's name too: before anything builds on it. */
sl_result disk_settle(disk_file *file, failure *failure);
sl_result disk_cut(disk_file *file, int64_t size, failure *failure);
int64_t disk_size(const disk_file *file);

/* The whole file, or not at all: written beside it, synced, renamed, folder synced. */
sl_result disk_replace(const char *path, const void *bytes, size_t size, failure *failure);

/* Renames and syncs the folder of the new name. */
sl_result disk_rename(const char *from, const char *to, failure *failure);
sl_result disk_remove(const char *path, failure *failure); /* absent is fine; the folder is synced */
sl_result disk_read(const char *path, buffer *out, failure *failure); /* appends; absent: SL_OK and nothing */
/* The same of what the disk itself has. After a sync that failed the system may show bytes that are on no disk, and tell that
 * the next sync went well: what is built on is read back from below its memory. */
sl_result disk_read_back(const char *path, buffer *out, failure *failure);
sl_result disk_folder(const char *path, failure *failure); /* makes it and its parents, mode 0750 */
/* Names in a folder that begin with `prefix`, sorted by bytes; free the array and each name. */
sl_result disk_list(const char *folder, const char *prefix, char ***names, size_t *count, failure *failure);

/*
 * For tests. "CALL:ERROR[:PATH[:FIRST[:TIMES]]]": from the FIRST time on (1) that CALL touches a path in which PATH
 * occurs, TIMES calls (all; of EINTR one) fail. CALL: open read write sync cut rename remove folder. ERROR: ENOSPC EDQUOT
 * EIO EACCES EINTR, or SHORT: half of the bytes are read or written. NULL: no more. False when it is none of this.
 * faults_open() takes it from SLUICE_DISK_FAULT.
 */
bool disk_break(const char *what);

/* For tests: what a power cut does. Every open file is cut to what was synced. */
void disk_forget(void);

#endif
