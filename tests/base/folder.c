/*
 * tests/base/folder.c - temporary folders, by the C library alone: what tests base/disk must not use it.
 */
#include <base/folder.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 512, PATHS = 16 };

static char folder[PATH_ROOM];

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place);

const char *folder_open(void)
{
    const char *above = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/sluice-test-XXXXXX", above ? above : P_tmpdir);
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        abort();
    }
    return folder;
}

void folder_close(void)
{
    nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int folder_start(void **state)
{
    (void)state;
    folder_open();
    return 0;
}

int folder_start_home(void **state)
{
    folder_start(state);
    return setenv("XDG_STATE_HOME", folder_path("state"), 1);
}

int folder_stop(void **state)
{
    (void)state;
    folder_close();
    return 0;
}

const char *folder_path(const char *name)
{
    static char paths[PATHS][PATH_ROOM * 2];
    static size_t next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void folder_write(const char *name, const char *text)
{
    FILE *file = fopen(folder_path(name), "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(name);
        abort();
    }
}

const char *folder_read(const char *name)
{
    static char *text;
    size_t size = 0, room = 0;
    FILE *file = fopen(folder_path(name), "r");
    free(text);
    text = calloc(1, 1);
    while (file && !feof(file)) {
        text = realloc(text, (room += 65536) + 1);
        size += fread(text + size, 1, room - size, file);
        text[size] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

bool folder_has(const char *name)
{
    return access(folder_path(name), F_OK) == 0;
}

size_t folder_count(void)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (stream)
        closedir(stream);
    return count;
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}
