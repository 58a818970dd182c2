/*
 * cli/supervision.c - the files `supervisor` and `poison`.
 */
#include <base/disk.h>
#include <batches/crashes.h>
#include <cli/json.h>
#include <cli/supervision.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static json_object *file_parse(const place *place, const char *name, char path[PLACE_PATH_ROOM]);
static bool is_locked(const char *path);

bool supervision_read(const place *place, supervision *supervision)
{
    char path[PLACE_PATH_ROOM];
    json_object *written = file_parse(place, "supervisor", path), *end;
    *supervision = (struct supervision){ 0 };
    if (written == NULL)
        return false;
    supervision->pid = is_locked(path) ? (pid_t)json_number(written, "pid", 0) : 0;
    supervision->restarts = json_number(written, "restarts", 0);
    supervision->last_end_ms = json_number(written, "last_end_time", 0);
    supervision->next_start_ms = json_number(written, "next_start_time", 0);
    if (json_object_object_get_ex(written, "last_end", &end) && end)
        snprintf(supervision->last_end, sizeof supervision->last_end, "%s", json_object_get_string(end));
    json_object_put(written);
    return true;
}

json_object *poison_read(const place *place)
{
    char path[PLACE_PATH_ROOM];
    return file_parse(place, POISON_FILE, path);
}

bool poison_is_held(const place *place)
{
    json_object *poison = poison_read(place), *held;
    bool is = poison && json_object_object_get_ex(poison, "held", &held) && json_object_get_boolean(held);
    json_object_put(poison);
    return is;
}

static json_object *file_parse(const place *place, const char *name, char path[PLACE_PATH_ROOM])
{
    buffer text = { 0 };
    failure ignored = { 0 };
    json_object *object = NULL;
    if (place_path(place, name, path, &ignored) == SL_OK && disk_read(path, &text, &ignored) == SL_OK &&
        text.size) {
        buffer_byte(&text, '\0');
        object = json_tokener_parse(text.at);
    }
    buffer_done(&text);
    if (json_object_is_type(object, json_type_object))
        return object;
    json_object_put(object);
    return NULL;
}

static bool is_locked(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool locked = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0;
    if (file >= 0)
        close(file);
    return locked;
}
