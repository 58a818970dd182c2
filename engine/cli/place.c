/*
 * cli/place.c - work folders and their locks.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <cli/control.h>
#include <cli/place.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char place_work_dir_help[] = "the job's work folder, where it is not the one of its name";

static sl_result place_unknown(const char *home, const char *name, failure *failure);
static bool is_folder(const char *path);
static bool is_locked(const char *path);

sl_result place_home(char *path, size_t room, failure *failure)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool is_given = state != NULL && *state != '\0';
    if (!is_given && (home == NULL || *home == '\0')) {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : "/";
    }
    int size = is_given ? snprintf(path, room, "%s/sluice", state)
                        : snprintf(path, room, "%s/.local/state/sluice", home);
    return size < (int)room ? SL_OK
                            : fail(failure, SL_USAGE, "the path of XDG_STATE_HOME or HOME is too long");
}

sl_result place_find(const arguments *arguments, place *place, failure *failure)
{
    char home[PLACE_PATH_ROOM];
    const char *given = settings_text(arguments->settings, "--work-dir");
    const char *name = arguments->count ? arguments->names[0] : NULL;
    place->name = name ? name : given;
    if (given && is_folder(given)) {
        snprintf(place->folder, sizeof place->folder, "%s", given);
        return SL_OK;
    }
    if (given)
        return fail(failure, SL_USAGE, "there is no work folder %s", given);
    if (name == NULL)
        return fail(failure, SL_USAGE, "the name of a job or --work-dir DIR is missing");
    SL_TRY(place_home(home, sizeof home, failure));
    int size = snprintf(place->folder, sizeof place->folder, "%s/%s", home, name);
    if (size < (int)sizeof place->folder && strchr(name, '/') == NULL && *name != '.' &&
        is_folder(place->folder))
        return SL_OK;
    return place_unknown(home, name, failure);
}

/* A folder that no job has used is none. */
static bool is_job(const place *place)
{
    char path[PLACE_PATH_ROOM];
    failure ignored = { 0 };
    return place_path(place, "lock", path, &ignored) == SL_OK && access(path, F_OK) == 0;
}

sl_result places_all(place **places, size_t *count, failure *failure)
{
    char home[PLACE_PATH_ROOM], **names = NULL;
    size_t entries = 0;
    *count = 0;
    SL_TRY(place_home(home, sizeof home, failure));
    if (access(home, F_OK) == 0)
        SL_TRY(disk_list(home, "", &names, &entries, failure));
    *places = memory_new((entries + 1) * sizeof **places);
    for (size_t i = 0; i < entries; i++) {
        place *place = &(*places)[*count];
        place->name = names[i];
        int size = snprintf(place->folder, sizeof place->folder, "%s/%s", home, names[i]);
        if (size < (int)sizeof place->folder && is_job(place))
            ++*count;
        else
            free(names[i]);
    }
    free(names);
    return SL_OK;
}

void places_free(place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)places[i].name);
    free(places);
}

sl_result place_path(const place *place, const char *file, char path[PLACE_PATH_ROOM], failure *failure)
{
    int size = snprintf(path, PLACE_PATH_ROOM, "%s/%s", place->folder, file);
    return size < PLACE_PATH_ROOM ? SL_OK : fail(failure, SL_USAGE, "the path %s is too long", place->folder);
}

/* A job that answers runs. The lock is asked only of one that does not, since to ask is to hold it for a moment. */
bool place_runs(const place *place)
{
    char path[PLACE_PATH_ROOM];
    failure ignored = { 0 };
    return control_answers(place->folder) ||
           (place_path(place, "lock", path, &ignored) == SL_OK && is_locked(path));
}

pid_t place_pid(const place *place)
{
    char path[PLACE_PATH_ROOM];
    failure ignored = { 0 };
    buffer text = { 0 };
    long pid = 0;
    if (place_path(place, "lock", path, &ignored) == SL_OK && disk_read(path, &text, &ignored) == SL_OK) {
        buffer_byte(&text, '\0');
        pid = strtol(text.at, NULL, 10);
    }
    buffer_done(&text);
    return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

sl_result place_lock(const place *place, int *lock, failure *failure)
{
    char path[PLACE_PATH_ROOM];
    SL_TRY(place_path(place, "lock", path, failure));
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*lock < 0)
        return fail(failure, SL_FAILED, "opening %s: %s", path, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return SL_OK;
    int reason = errno;
    close(*lock);
    *lock = -1;
    if (reason == EWOULDBLOCK)
        return fail(failure, SL_RUNNING, "%s is running (process %d); stop it first: sluice stop %s",
                    place->name, (int)place_pid(place), place->name);
    return fail(failure, SL_FAILED, "locking %s: %s", path, strerror(reason));
}

static sl_result place_unknown(const char *home, const char *name, failure *failure)
{
    struct failure ignored = { 0 };
    char **names = NULL;
    size_t count = 0;
    if (disk_list(home, "", &names, &count, &ignored) != SL_OK)
        count = 0;
    const char *nearest = count ? nearest_word(name, (const char *const *)names, count) : NULL;
    if (nearest)
        fail(failure, SL_USAGE, "no job \"%s\" has run here; did you mean \"%s\"?", name, nearest);
    else
        fail(failure, SL_USAGE,
             "no job \"%s\" has run here: there is no folder %s/%s; `sluice list` shows the jobs", name, home,
             name);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return failure->result;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_locked(const char *path)
{
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0)
        return false;
    bool locked = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(lock);
    return locked;
}
