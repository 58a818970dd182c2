/*
 * sources/file/identity.h - which file is which, whatever its name is by now: device, inode, and a hash of its first bytes, since
 * inodes are given out again.
 *
 * A file that an input reads is a partition: the path under which it was first seen, and a number, 0 for the first file of
 * that path, 1 for the one that took its place, and so on. Positions in checkpoint and journal go by these names. Which file
 * bears which name stands in `<work folder>/files-<input>`, a line for each, written before the first cut of it:
 *
 *     NUMBER DEVICE INODE BYTES HASH PATH-BYTES PATH
 */
#ifndef SOURCES_FILE_IDENTITY_H
#define SOURCES_FILE_IDENTITY_H

#include <base/buffer.h>
#include <base/failure.h>
#include <sys/stat.h>

enum { IDENTITY_BYTES = 1024, IDENTITY_ROOM = 80 };

typedef struct file_identity {
    uint64_t device, inode;
    uint64_t print; /* hash of the first */
    size_t bytes;   /* of the file: as many as there were, at most IDENTITY_BYTES */
} file_identity;

typedef struct file_entry {
    char *path;
    int32_t number;
    file_identity identity;
} file_entry;

/* Of an open file as it is now. */
file_identity identity_of(int file, const struct stat *status);
/* Do the bytes still stand at the file's begin? */
bool identity_begins(const file_identity *identity, int file);
bool identity_is(const file_identity *identity, int file, const struct stat *status);
/* Opens the file of the folder in which `path` lies that has the identity; -1: none has. */
int identity_search(const file_identity *identity, const char *path, struct stat *status);

/* "DEVICE INODE BYTES HASH", as in the file below. False: the text is none such. */
void identity_print(const file_identity *identity, char text[IDENTITY_ROOM]);
bool identity_parse(const char *text, file_identity *identity);

/* Appends the entries (file_entry) of an input; the caller frees their paths. Without a work folder there are none. */
sl_result entries_read(const char *work_dir, const char *input, buffer *entries, failure *failure);
void entry_print(const file_entry *entry, buffer *out);
sl_result entries_write(const char *work_dir, const char *input, const buffer *lines, failure *failure);

#endif
