/*
 * cli/program.c - programs and where they lie.
 */
#include <base/disk.h>
#include <base/settings.h>
#include <cli/program.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool folder_of_jobs(int which, char path[PROGRAM_PATH_ROOM]);
static bool is_program(const char *path);
static sl_result program_unknown(const char *name, failure *failure);

sl_result program_find(const char *name, char path[PROGRAM_PATH_ROOM], failure *failure)
{
    if (strchr(name, '/')) {
        int size = snprintf(path, PROGRAM_PATH_ROOM, "%s", name);
        if (size < PROGRAM_PATH_ROOM && is_program(path))
            return SL_OK;
        return fail(failure, SL_USAGE, "there is no program %s", name);
    }
    char folder[PROGRAM_PATH_ROOM];
    for (int which = 0; which < 2; which++) {
        if (!folder_of_jobs(which, folder))
            continue;
        int size = snprintf(path, PROGRAM_PATH_ROOM, "%s/%s", folder, name);
        if (size < PROGRAM_PATH_ROOM && is_program(path))
            return SL_OK;
    }
    return program_search(name, path) ? SL_OK : program_unknown(name, failure);
}

sl_result program_unknown_tell(failure *of_program, const failure *of_job)
{
    if (strstr(of_program->text, "did you mean") && strstr(of_job->text, "did you mean") == NULL)
        return of_program->result;
    failure_clear(of_program);
    return fail(of_program, SL_USAGE, "%s", of_job->text);
}

bool program_self(char path[PROGRAM_PATH_ROOM])
{
    ssize_t size = readlink("/proc/self/exe", path, PROGRAM_PATH_ROOM - 1);
    if (size > 0)
        path[size] = '\0';
    return size > 0;
}

bool program_search(const char *name, char path[PROGRAM_PATH_ROOM])
{
    const char *folders = getenv("PATH");
    for (const char *at = folders ? folders : ""; *at; at += *at == ':') {
        size_t size = strcspn(at, ":");
        int wanted = snprintf(path, PROGRAM_PATH_ROOM, "%.*s/%s", (int)size, at, name);
        if (size > 0 && wanted < PROGRAM_PATH_ROOM && is_program(path))
            return true;
        at += size;
    }
    return false;
}

static bool folder_of_jobs(int which, char path[PROGRAM_PATH_ROOM])
{
    static const char *const folders[] = { "jobs", "../lib/sluice/jobs" };
    char self[PROGRAM_PATH_ROOM];
    if (!program_self(self))
        return false;
    *strrchr(self, '/') = '\0';
    return snprintf(path, PROGRAM_PATH_ROOM, "%s/%s", self, folders[which]) < PROGRAM_PATH_ROOM;
}

static bool is_program(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

static sl_result program_unknown(const char *name, failure *failure)
{
    char folder[PROGRAM_PATH_ROOM], **names = NULL;
    size_t count = 0;
    struct failure ignored = { 0 };
    if (!folder_of_jobs(0, folder) || disk_list(folder, "", &names, &count, &ignored) != SL_OK)
        count = 0;
    const char *nearest = count ? nearest_word(name, (const char *const *)names, count) : NULL;
    if (nearest)
        fail(failure, SL_USAGE, "there is no job \"%s\"; did you mean \"%s\"?", name, nearest);
    else
        fail(failure, SL_USAGE,
             "there is no job \"%s\" beside this program or on the PATH; a path names it too", name);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return SL_USAGE;
}
