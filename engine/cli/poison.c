/*
 * cli/poison.c - `sluice batches --poison`: the batch that killed the process, and letting it run again.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/disk.h>
#include <batches/crashes.h>
#include <cli/json.h>
#include <cli/poison.h>
#include <cli/supervision.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

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
               json_object_get_string(topic), json_number(range, "partition", 0),
               json_number(range, "from", 0), json_number(range, "until", 0) - 1);
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
        int signal = (int)json_number(poison, "signal", 0);
        clock_iso(json_number(poison, "batch_time", 0), time);
        printf("Batch %" PRId64 " at %s has killed the process %s, at last by signal %d (%s)%s\n",
               json_number(poison, "batch_id", 0), time,
               counted(json_number(poison, "crashes", 0), "time", "times").at, signal, strsignal(signal),
               poison_is_held(place) ? "; it is held:" : ":");
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
