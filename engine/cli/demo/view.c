/*
 * cli/demo/view.c - what the demo shows after each batch: its line, the top tracks by gender as Redis has them, and the
 * newest interests.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/memory.h>
#include <cli/demo/demo.h>
#include <clients/redis.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOP_SHOWN = 5, INTERESTS_SHOWN = 3, GENDERS = 2 };

struct demo_view {
    settings *settings;
    redis *redis;
    char out[DEMO_PATH_ROOM];
    const char *bold, *dim, *red, *plain; /* empty where the output is no terminal */
};

static void batch_print(const demo_view *view, int64_t time_ms, const char *counts);
static void count_of(const char *counts, const char *name, char at[24]);
static void top_print(const demo_view *view, int gender);
static void interests_print(const demo_view *view, int64_t time_ms);
static void interest_print(const demo_view *view, const char *line);

sl_result demo_view_open(const char *redis_url, const char *out, demo_view **result, failure *failure)
{
    demo_view *view = memory_new(sizeof *view);
    bool colours = isatty(STDOUT_FILENO);
    view->bold = colours ? "\033[1m" : "";
    view->dim = colours ? "\033[2m" : "";
    view->red = colours ? "\033[31m" : "";
    view->plain = colours ? "\033[0m" : "";
    snprintf(view->out, sizeof view->out, "%s", out);
    view->settings = settings_new();
    settings_add(view->settings, "Redis", redis_settings);
    *result = view;
    SL_TRY(settings_set(view->settings, "redis.url", redis_url, "demo", failure));
    return redis_open(view->settings, "demo", &view->redis, failure);
}

void demo_view_close(demo_view *view)
{
    if (view == NULL)
        return;
    redis_close(view->redis);
    settings_free(view->settings);
    free(view);
}

bool demo_view_line(demo_view *view, const char *line)
{
    static const char completed[] = "[batchCompleted] ", failed[] = "[batchFailed] ";
    if (strncmp(line, failed, sizeof failed - 1) == 0)
        printf("%sa batch failed and is tried again: %s%s\n", view->red, line + sizeof failed - 1,
               view->plain);
    if (strncmp(line, completed, sizeof completed - 1) != 0)
        return false;
    char *counts = NULL;
    int64_t time_ms = strtoll(line + sizeof completed - 1, &counts, 10);
    batch_print(view, time_ms, counts);
    for (int gender = 0; gender < GENDERS; gender++)
        top_print(view, gender);
    interests_print(view, time_ms);
    fflush(stdout);
    return true;
}

static void batch_print(const demo_view *view, int64_t time_ms, const char *counts)
{
    char time[25], records[24], written[24], dead[24], processing[24], delay[24];
    clock_iso(time_ms, time);
    count_of(counts, " records=", records);
    count_of(counts, " written=", written);
    count_of(counts, " dead_letters=", dead);
    count_of(counts, " processing_ms=", processing);
    count_of(counts, " total_delay_ms=", delay);
    printf("%s%.8s%s  %s record%s, %s written, %s dead letter%s  %s(processing %s ms, total delay %s ms)%s\n",
           view->bold, time + 11, view->plain, records, strcmp(records, "1") ? "s" : "", written, dead,
           strcmp(dead, "1") ? "s" : "", view->dim, processing, delay, view->plain);
}

static void count_of(const char *counts, const char *name, char at[24])
{
    const char *found = strstr(counts, name);
    const char *value = found ? found + strlen(name) : "?";
    snprintf(at, 24, "%.*s", (int)strcspn(value, " "), value);
}

static void top_print(const demo_view *view, int gender)
{
    char key[32], last[8];
    snprintf(key, sizeof key, "top_tracks:%d", gender);
    snprintf(last, sizeof last, "%d", TOP_SHOWN - 1);
    sl_text words[] = {
        { "ZREVRANGE", 9 }, { key, strlen(key) }, { "0", 1 }, { last, strlen(last) }, { "WITHSCORES", 10 }
    };
    redis_reply reply;
    failure failure = { 0 };
    if (redis_ask(view->redis, words, sizeof words / sizeof words[0], &reply, &failure) != SL_OK) {
        printf("  %s%s%s\n", view->red, failure.text, view->plain);
        return;
    }
    printf("  top tracks, gender %d:", gender);
    for (size_t i = 0; reply.type == REDIS_LIST && i + 1 < reply.count; i += 2)
        printf("  %.*s %s(%.*s)%s", (int)reply.items[i].text.size, reply.items[i].text.at, view->dim,
               (int)reply.items[i + 1].text.size, reply.items[i + 1].text.at, view->plain);
    puts(reply.type == REDIS_LIST && reply.count ? "" : "  none yet");
}

/* The file of this batch holds the interests that it brought. */
static void interests_print(const demo_view *view, int64_t time_ms)
{
    char path[DEMO_PATH_ROOM + 64];
    buffer text = { 0 };
    failure ignored = { 0 };
    snprintf(path, sizeof path, "%s/ba_interest/batch-%lld.ndjson", view->out, (long long)time_ms);
    if (disk_read(path, &text, &ignored) == SL_OK && text.size) {
        size_t count = 0, shown = 0;
        for (size_t i = 0; i < text.size; i++)
            count += text.at[i] == '\n';
        buffer_byte(&text, '\0');
        printf("  interests: %zu, the newest:", count);
        for (char *line = text.at; shown < INTERESTS_SHOWN && *line; line += strlen(line) + 1, shown++) {
            line[strcspn(line, "\n")] = '\0';
            interest_print(view, line);
        }
        putchar('\n');
    }
    buffer_done(&text);
}

static void interest_print(const demo_view *view, const char *line)
{
    json_object *interest = json_tokener_parse(line), *customer, *track, *plays;
    if (json_object_object_get_ex(interest, "customer_id", &customer) &&
        json_object_object_get_ex(interest, "track_id", &track) &&
        json_object_object_get_ex(interest, "plays", &plays))
        printf("  customer %s likes track %s %s(%s plays)%s", json_object_get_string(customer),
               json_object_get_string(track), view->dim, json_object_get_string(plays), view->plain);
    json_object_put(interest);
}
