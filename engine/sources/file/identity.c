/*
 * sources/file/identity.c - files told apart, and what is known of them in the work folder.
 */
#include <base/disk.h>
#include <base/hash.h>
#include <base/memory.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sources/file/identity.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of the first bytes; *bytes is how many there were. */
static uint64_t print_of(int file, size_t *bytes)
{
    char first[IDENTITY_BYTES];
    size_t got = 0;
    for (ssize_t more = 1; got < *bytes && more > 0; got += more > 0 ? (size_t)more : 0)
        more = pread(file, first + got, *bytes - got, (off_t)got);
    *bytes = got;
    return hash_bytes(first, got);
}

file_identity identity_of(int file, const struct stat *status)
{
    file_identity identity = { .device = status->st_dev, .inode = status->st_ino, .bytes = IDENTITY_BYTES };
    identity.print = print_of(file, &identity.bytes);
    return identity;
}

bool identity_begins(const file_identity *identity, int file)
{
    size_t bytes = identity->bytes;
    uint64_t print = print_of(file, &bytes);
    return bytes == identity->bytes && print == identity->print;
}

/* Another device number alone is the same disk, mounted anew; but then something must speak for the file. */
bool identity_is(const file_identity *identity, int file, const struct stat *status)
{
    bool same_device = identity->device == status->st_dev || identity->bytes > 0;
    return identity->inode == status->st_ino && same_device && identity_begins(identity, file);
}

static int identity_open(const file_identity *identity, const char *path, struct stat *status)
{
    if (stat(path, status) != 0 || !S_ISREG(status->st_mode) || status->st_ino != identity->inode)
        return -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, status) == 0 && identity_is(identity, file, status))
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

int identity_search(const file_identity *identity, const char *path, struct stat *status)
{
    const char *slash = strrchr(path, '/');
    int file = -1;
    buffer name = { 0 };
    buffer_append(&name, path, slash ? (size_t)(slash - path) + 1 : 0);
    size_t folder_size = name.size;
    buffer_text(&name, ".");
    buffer_byte(&name, '\0');
    DIR *folder = opendir(name.at);
    for (struct dirent *found; folder && file < 0 && (found = readdir(folder));) {
        name.size = folder_size;
        buffer_text(&name, found->d_name);
        buffer_byte(&name, '\0');
        file = identity_open(identity, name.at, status);
    }
    if (folder)
        closedir(folder);
    buffer_done(&name);
    return file;
}

void identity_print(const file_identity *identity, char text[IDENTITY_ROOM])
{
    snprintf(text, IDENTITY_ROOM, "%" PRIu64 " %" PRIu64 " %zu %" PRIx64, identity->device, identity->inode,
             identity->bytes, identity->print);
}

/* ---- The work folder ---- */

static void path_print(const char *work_dir, const char *input, buffer *path)
{
    buffer_print(path, "%s/files-%s", work_dir, input);
    buffer_byte(path, '\0');
}

static bool number_read(const char **at, const char *end, int base, uint64_t *number)
{
    char *rest;
    *number = strtoull(*at, &rest, base);
    bool read = rest > *at && rest < end && *rest == ' ';
    *at = rest + 1;
    return read;
}

/* One line; the bytes end with a NUL. */
static bool entry_parse(const char **at, const char *end, file_entry *entry)
{
    uint64_t number, bytes, size;
    file_identity *identity = &entry->identity;
    if (!number_read(at, end, 10, &number) || !number_read(at, end, 10, &identity->device) ||
        !number_read(at, end, 10, &identity->inode) || !number_read(at, end, 10, &bytes) ||
        !number_read(at, end, 16, &identity->print) || !number_read(at, end, 10, &size) ||
        number > INT32_MAX || bytes > IDENTITY_BYTES || size >= (uint64_t)(end - *at) || (*at)[size] != '\n')
        return false;
    entry->number = (int32_t)number;
    identity->bytes = bytes;
    entry->path = memory_new(size + 1);
    memcpy(entry->path, *at, size);
    *at += size + 1;
    return true;
}

bool identity_parse(const char *text, file_identity *identity)
{
    uint64_t bytes;
    buffer copy = { 0 }; /* with the blank that stands behind each number elsewhere */
    buffer_print(&copy, "%s ", text);
    buffer_byte(&copy, '\0');
    const char *at = copy.at, *end = copy.at + copy.size;
    bool whole = number_read(&at, end, 10, &identity->device) &&
                 number_read(&at, end, 10, &identity->inode) && number_read(&at, end, 10, &bytes) &&
                 number_read(&at, end, 16, &identity->print) && bytes <= IDENTITY_BYTES;
    identity->bytes = whole ? bytes : 0;
    buffer_done(&copy);
    return whole;
}

sl_result entries_read(const char *work_dir, const char *input, buffer *entries, failure *failure)
{
    buffer path = { 0 }, bytes = { 0 };
    if (work_dir == NULL)
        return SL_OK;
    path_print(work_dir, input, &path);
    sl_result result = disk_read(path.at, &bytes, failure);
    buffer_byte(&bytes, '\0');
    const char *end = bytes.at + bytes.size - 1;
    for (const char *at = bytes.at; result == SL_OK && at < end;) {
        file_entry entry;
        if (entry_parse(&at, end, &entry))
            buffer_append(entries, &entry, sizeof entry);
        else
            result =
                fail(failure, SL_FAILED,
                     "%s, which says what file is which, is damaged: put back a copy of the work folder, or "
                     "remove the file; then files that were rotated away are not read to their ends",
                     path.at);
    }
    buffer_done(&path);
    buffer_done(&bytes);
    return result;
}

void entry_print(const file_entry *entry, buffer *out)
{
    char print[IDENTITY_ROOM];
    identity_print(&entry->identity, print);
    buffer_print(out, "%" PRId32 " %s %zu %s\n", entry->number, print, strlen(entry->path), entry->path);
}

sl_result entries_write(const char *work_dir, const char *input, const buffer *lines, failure *failure)
{
    buffer path = { 0 };
    if (work_dir == NULL)
        return SL_OK;
    path_print(work_dir, input, &path);
    sl_result result = disk_replace(path.at, lines->at ? lines->at : "", lines->size, failure);
    buffer_done(&path);
    return result;
}
