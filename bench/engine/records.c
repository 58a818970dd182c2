/*
 * bench/engine/records.c - records read by their description (sluice/records.h) against what would be written by hand: a CSV line
 * cut at commas into numbers and texts, and json-c's parser alone, which builds the object and lets it go.
 *
 *     GOAL csv_read   <ns a line / ns of the hand-written split> x goal <=1.5 met|missed
 *     GOAL json_read  <ns an object / ns of json-c alone>        x goal <=1.5 met|missed
 */
#include "../shared/measure.h"
#include <inttypes.h>
#include <json-c/json.h>
#include <plan/task.h>
#include <sluice/records.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN_FIELDS(F)                                                                                     \
    F(origin, origin)                                                                                        \
    F(i64, event_id)                                                                                         \
    F(text, customer_id)                                                                                     \
    F(text, track_id)                                                                                        \
    F(text, datetime)                                                                                        \
    F(i64, ismobile)                                                                                         \
    F(text, listening_zip_code)
SL_RECORD(listen, LISTEN_FIELDS);

enum { ROUNDS = 7, LISTENS = 4000, TIMES = 40, TIMES_JSON = 10, OBJECT_ROOM = 200 };

static line lines[LISTENS];
static char objects[LISTENS][OBJECT_ROOM];
static size_t object_sizes[LISTENS];
static struct sl_task task;
static uint64_t sum_of; /* so that nothing is optimised away */

static void input_make(void)
{
    uint64_t state = 1;
    for (unsigned i = 0; i < LISTENS; i++) {
        sl_text field[6];
        line_print(&lines[i], i, zipf_next(&state, 5000), zipf_next(&state, 100000), &state);
        if (sl_csv_split(NULL, (sl_text){ lines[i].text, lines[i].size }, field, 6))
            give_up("a line is refused");
        int size =
            snprintf(objects[i], OBJECT_ROOM,
                     "{\"event_id\":%u,\"customer_id\":\"%.*s\",\"track_id\":\"%.*s\",\"datetime\":\"%.*s\","
                     "\"ismobile\":%.*s,\"listening_zip_code\":\"%.*s\"}",
                     i, (int)field[1].size, field[1].at, (int)field[2].size, field[2].at, (int)field[3].size,
                     field[3].at, (int)field[4].size, field[4].at, (int)field[5].size, field[5].at);
        object_sizes[i] = (size_t)size;
    }
}

/* What people write: memchr() from comma to comma, quotes off, strtoll() for numbers. Nothing is checked. */
static void split_by_hand(void)
{
    for (size_t i = 0; i < LISTENS; i++) {
        const char *at = lines[i].text, *end = at + lines[i].size;
        sl_text field[6];
        for (size_t f = 0; f < 6; f++) {
            const char *comma = f < 5 ? memchr(at, ',', (size_t)(end - at)) : end;
            bool quoted = *at == '"';
            field[f] = (sl_text){ at + quoted, (size_t)(comma - at) - 2 * quoted };
            at = comma + 1;
        }
        listen row = { .event_id = strtoll(field[0].at, NULL, 10),
                       .customer_id = field[1],
                       .track_id = field[2],
                       .datetime = field[3],
                       .ismobile = strtoll(field[4].at, NULL, 10),
                       .listening_zip_code = field[5] };
        sum_of += (uint64_t)row.event_id + row.track_id.size;
    }
}

static void csv_read(void)
{
    for (size_t i = 0; i < LISTENS; i++) {
        sl_message message = { .value = { lines[i].text, lines[i].size } };
        listen row = { 0 };
        if (!sl_csv_read(&task, &message, listen_schema(), &row))
            give_up("a line is refused");
        sum_of += (uint64_t)row.event_id + row.track_id.size;
    }
}

static void json_alone(void)
{
    json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    for (size_t i = 0; i < LISTENS; i++) {
        json_tokener_reset(tokener);
        json_object *object = json_tokener_parse_ex(tokener, objects[i], (int)object_sizes[i]);
        sum_of += (uint64_t)json_object_object_length(object);
        json_object_put(object);
    }
    json_tokener_free(tokener);
}

static void json_read(void)
{
    for (size_t i = 0; i < LISTENS; i++) {
        sl_message message = { .value = { objects[i], object_sizes[i] } };
        listen row = { 0 };
        if (!sl_json_read(&task, &message, listen_schema(), &row))
            give_up("an object is refused");
        sum_of += (uint64_t)row.event_id + row.track_id.size;
    }
}

static double ns_once(void (*way)(void), int times)
{
    double begin = thread_s();
    for (int i = 0; i < times; i++) {
        arena_reset(&task.memory); /* as each batch does */
        way();
    }
    return (thread_s() - begin) * 1e9 / times / LISTENS;
}

/* Both in turns, so that what else the machine does hits both. */
static double compare(const char *name, void (*plain)(void), void (*read)(void), int times)
{
    double plains[ROUNDS], reads[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        plains[round] = ns_once(plain, times);
        reads[round] = ns_once(read, times);
    }
    double plain_ns = median(plains, ROUNDS), read_ns = median(reads, ROUNDS);
    printf("%-10s %6.1f ns by hand  %6.1f ns by description, %5.2f million records/s on a core\n", name,
           plain_ns, read_ns, 1e3 / read_ns);
    return read_ns / plain_ns;
}

int main(void)
{
    input_make();
    double csv = compare("CSV", split_by_hand, csv_read, TIMES);
    double json = compare("JSON", json_alone, json_read, TIMES_JSON);
    goal("csv_read", csv, "x", GOAL_MOST, 1.5);
    goal("json_read", json, "x", GOAL_MOST, 1.5);
    arena_done(&task.memory);
    return sum_of == 1;
}
