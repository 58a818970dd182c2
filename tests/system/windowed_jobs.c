/*
 * tests/system/windowed_jobs.c - unique_tracks and access_stats as processes, on a file that grows and a real Redis server: killed in the middle
 * of a batch and started again, and what they wrote recounted from the file and from the batches that the history tells.
 */
#include <base/folder.h>
#include <base/memory.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <support/recount.h>
#include <support/shell.h>

#include <cmocka.h>

enum { CUSTOMERS = 50, TRACKS = 400, LISTENS_MAX = 4000, WINDOW_MS = 1000, SLIDE_MS = 300, PANE_MS = 100 };

typedef struct listen {
    int64_t offset, time_ms; /* where its line begins; T of its batch, 0: not known */
    size_t customer, track;
    bool mobile;
} listen;

static redis_server *redis;
static listen listens[LISTENS_MAX];
static size_t count;
static int64_t bytes;

static int start(void **state)
{
    (void)state;
    redis = redis_server_start(NULL);
    count = 0;
    bytes = 0;
    folder_open();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_stop(redis);
    folder_close();
    return 0;
}

static void listens_add(size_t more, dice *dice)
{
    FILE *file = fopen(folder_path("listens.csv"), "a");
    size_t some = 1 + dice_below(dice, TRACKS);
    for (; more; more--) {
        listen *one = &listens[count];
        *one = (listen){ bytes, 0, dice_below(dice, CUSTOMERS), dice_below(dice, some),
                         dice_below(dice, 9) == 0 };
        bytes += fprintf(file, "%zu,%zu,%zu,\"2014-10-23 03:26:20\",%d,\"72132\"\n", count++, one->customer,
                         one->track, one->mobile);
    }
    fclose(file);
}

/* The job on what is there, in batches of some dozen lines; killed at a point of its way when `fault` says so. */
static int run(const char *job, const char *words, const char *fault)
{
    return shell(
        "SLUICE_FAULT=%s $B/jobs/%s --conf redis.url=%s --from lines=file:listens.csv --work-dir work "
        "--interval 100ms --max-rate-per-partition 2500 --available-now %s >>log 2>&1",
        fault, job, redis_server_url(redis), words);
}

static void run_killed(const char *job, const char *words, const char *fault)
{
    int status = run(job, words, fault);
    if (status != 128 + 9)
        fail_msg("killed at %s, it ends with %d: %s", fault, status, folder_read("log"));
}

static void run_whole(const char *job, const char *words)
{
    int status = run(job, words, "");
    if (status != 0)
        fail_msg("it ends with %d: %s", status, folder_read("log"));
}

/* The newest line of an output's files that has these words; of the batches up to now. */
static char *newest_line(const char *index, const char *words)
{
    char line[1000];
    snprintf(line, sizeof line,
             "cat $(ls %s/%s/batch-*.ndjson | sort -t- -k2 -V) | grep -F '%s' | tail -1 >%s",
             folder_path("out"), index, words, folder_path("line"));
    assert_int_equal(system(line), 0);
    return memory_text(folder_read("line"));
}

/* ---- Unique tracks ---- */

static void check_tracks(const char *key, const char *scope, bool mobile)
{
    bool seen[TRACKS] = { 0 };
    size_t different = 0;
    char command[64], wanted[64];
    for (size_t i = 0; i < count; i++)
        seen[listens[i].track] |= !mobile || listens[i].mobile;
    for (size_t track = 0; track < TRACKS; track++) {
        snprintf(command, sizeof command, "SISMEMBER %s %zu", key, track);
        assert_string_equal(redis_server_ask(redis, command), seen[track] ? "1" : "0");
        different += seen[track];
    }
    snprintf(command, sizeof command, "SCARD %s", key);
    snprintf(wanted, sizeof wanted, "%zu", different);
    assert_string_equal(redis_server_ask(redis, command), wanted);
    snprintf(wanted, sizeof wanted, "\"scope\":\"%s\",\"tracks\":%zu}", scope, different);
    char *line = newest_line("ba_unique_tracks", scope);
    if (strstr(line, wanted) == NULL)
        fail_msg("<%s> does not say <%s>", line, wanted);
    free(line);
}

static void every_track_is_in_its_sets_whenever_the_job_dies(void **state)
{
    (void)state;
    static const char *const faults[] = { "after_documents:2", "after_redis_answer:3", "before_checkpoint:2",
                                          "after_checkpoint:1" };
    dice dice = { 31 };
    char words[400];
    if (redis == NULL)
        skip();
    snprintf(words, sizeof words, "--to totals=file:%s", folder_path("out"));
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        listens_add(800, &dice);
        run_killed("unique_tracks", words, faults[i]);
        run_whole("unique_tracks", words);
        check_tracks("unique_tracks", "all", false);
        check_tracks("unique_tracks:mobile", "mobile", true);
    }
}

/* ---- Access statistics ---- */

static int gender_of(size_t customer)
{
    return customer % 4 == 0 ? -1 : (int)(customer % 2);
}

/* Each fourth one is unknown. */
static void customers_make(void)
{
    for (size_t i = 0; i < CUSTOMERS; i++) {
        char command[80];
        snprintf(command, sizeof command, "HSET %zu gender %d age %zu", i, gender_of(i), i * 2);
        if (gender_of(i) >= 0)
            redis_server_ask(redis, command);
    }
}

/* Which batch had which lines: from the history. Returns the newest T. */
static int64_t times_note(void)
{
    int64_t newest = 0;
    char *text = memory_text(folder_read("work/history.ndjson")), *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        long long time_ms, from, until;
        const char *at = strstr(line, "\"batch_time\":"), *range = strstr(line, "\"from\":");
        if (at == NULL || sscanf(at, "\"batch_time\":%lld", &time_ms) != 1 ||
            !strstr(line, "\"state\":\"completed\""))
            continue;
        newest = time_ms > newest ? time_ms : newest;
        if (range == NULL || sscanf(range, "\"from\":%lld,\"until\":%lld", &from, &until) != 2)
            continue;
        for (size_t i = 0; i < count; i++)
            if (listens[i].offset >= from && listens[i].offset < until)
                listens[i].time_ms = time_ms;
    }
    free(text);
    return newest;
}

static void check_window(int64_t end_ms, const char *line)
{
    bool customers[CUSTOMERS] = { 0 }, tracks[TRACKS] = { 0 };
    long long plays = 0, people = 0, songs = 0, mobile = 0, of[3] = { 0 }, tens = 0;
    char wanted[300], age[40];
    int64_t start_ms = (end_ms + PANE_MS - 1) / PANE_MS * PANE_MS - WINDOW_MS;
    for (size_t i = 0; i < count; i++) {
        const listen *one = &listens[i];
        if (one->time_ms <= start_ms || one->time_ms > end_ms)
            continue;
        int gender = gender_of(one->customer);
        plays++, mobile += one->mobile, of[gender < 0 ? 2 : gender]++;
        people += !customers[one->customer], songs += !tracks[one->track];
        customers[one->customer] = tracks[one->track] = true;
        tens += gender >= 0 && one->customer * 2 / 10 == 1;
    }
    snprintf(
        wanted, sizeof wanted,
        "\"plays\":%lld,\"customers\":%lld,\"tracks\":%lld,\"mobile_plays\":%lld,\"gender_0\":%lld,\"gender_1\":%lld,"
        "\"gender_unknown\":%lld,",
        plays, people, songs, mobile, of[0], of[1], of[2]);
    snprintf(age, sizeof age, "\"age_10\":%lld,", tens);
    if (strstr(line, wanted) == NULL || strstr(line, age) == NULL)
        fail_msg("<%s> does not say <%s>, <%s>", line, wanted, age);
}

/* Every window that ended since the last look, but those so long ago that they are not made up. */
static void check_windows(int64_t after_ms, int64_t newest_ms)
{
    char end[25], command[60];
    int64_t last_ms = newest_ms / SLIDE_MS * SLIDE_MS;
    for (int64_t end_ms = after_ms / SLIDE_MS * SLIDE_MS + SLIDE_MS; end_ms <= last_ms; end_ms += SLIDE_MS) {
        char id[40];
        iso_print(end_ms, end);
        snprintf(id, sizeof id, "{\"_id\":\"%s\"", end);
        char *line = newest_line("ba_access_stats", id);
        check_window(end_ms, line);
        free(line);
    }
    iso_print(last_ms, end);
    snprintf(command, sizeof command, "HGET access_stats window_end");
    assert_string_equal(redis_server_ask(redis, command), end);
}

static void every_window_has_its_numbers_whenever_the_job_dies(void **state)
{
    (void)state;
    static const char *const faults[] = { "after_documents:3", "after_aggregates:2", "before_checkpoint:2",
                                          "after_redis_answer:4" };
    dice dice = { 32 };
    char words[400];
    if (redis == NULL)
        skip();
    customers_make();
    snprintf(words, sizeof words, "--to windows=file:%s --window %dms --slide %dms --pane %dms",
             folder_path("out"), WINDOW_MS, SLIDE_MS, PANE_MS);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        listens_add(900, &dice);
        run_killed("access_stats", words, faults[i]);
        run_whole("access_stats", words);
        int64_t newest_ms = times_note();
        check_windows(listens[count - 900].time_ms, newest_ms);
        for (size_t n = 0; n < count; n++)
            assert_true(listens[n].time_ms > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_track_is_in_its_sets_whenever_the_job_dies, start, stop),
        cmocka_unit_test_setup_teardown(every_window_has_its_numbers_whenever_the_job_dies, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
