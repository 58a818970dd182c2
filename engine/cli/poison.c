/*
 * cli/poison.c - `sluice batches --poison`: the batch that killed the process, and letting it run again.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/disk.h>
#include <batches/crashes.h>
#include <cli/poison.h>
#include <cli/supervision.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

static int64_t number(json_object *object, const char *name)
{
    json_object *value;
    return json_object_object_get_ex(object, name, &value) ? json_object_get_int64(value) : 0;
}

static void ranges_print(json_object *poison)
{
    json_object *ranges, *topic;
    if (!json_object_object_get_ex(poison, "ranges", &ranges) ||
        !json_object_is_type(ranges, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        json_object *range = json_object_array_get_idx(ranges, i);
        json_object_object_get_ex(range, "topic", &topic);
        printf("  %s partition %" PRId64 ", offsets %" PRId64 " to %" PRId64 "\n",
               json_object_get_string(topic), number(range, "partition"), number(range, "from"),
               number(range, "until") - 1);
    }
}

sl_result poison_tell(const place *place, bool json)
{
    char time[25];
    json_object *poison = poison_read(place);
    if (poison == NULL) {
        if (!json)
            printf("No batch of %s has killed the process.\n", place->name);
        return SL_OK;
    }
    if (json) {
        puts(json_object_to_json_string_ext(poison, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    } else {
        int signal = (int)number(poison, "signal");
        clock_iso(number(poison, "batch_time"), time);
        printf("Batch %" PRId64 " at %s has killed the process %s, at last by signal %d (%s)%s\n",
               number(poison, "batch_id"), time, counted(number(poison, "crashes"), "time", "times").at,
               signal, strsignal(signal), poison_is_held(place) ? "; it is held:" : ":");
        ranges_print(poison);
        if (poison_is_held(place))
            printf(
                "When the cause is gone, `sluice batches %s --poison --release` lets it run at the next start.\n",
                place->name);
    }
    json_object_put(poison);
    return SL_OK;
}

sl_result poison_release(const place *place, failure *failure)
{
    char crashes[PLACE_PATH_ROOM], poison[PLACE_PATH_ROOM];
    int lock;
    SL_TRY(place_path(place, CRASHES_FILE, crashes, failure));
    SL_TRY(place_path(place, POISON_FILE, poison, failure));
    SL_TRY(place_lock(place, &lock, failure));
    bool held = poison_is_held(place);
    sl_result result = disk_remove(crashes, failure);
    if (result == SL_OK)
        result = disk_remove(poison, failure);
    close(lock);
    if (result == SL_OK)
        printf(held ? "%s runs the batch again at its next start.\n" : "%s holds no batch.\n", place->name);
    return result;
}
