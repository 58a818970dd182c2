/*
 * tests/system/profiles.c - the job `profiles` before a real Redis and a real search server: killed at several points and
 * started again, come to the limit of its memory and given more. All that is there in the end, and each line of every file
 * on the way, is compared with a recount of the listens.
 */
#include <base/folder.h>
#include <base/memory.h>
#include <inttypes.h>
#include <servers/redis.h>
#include <servers/search_server.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <support/shell.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { FILES = 3, CUSTOMERS_MAX = 30000, LINE = 1200 };

static redis_server *redis;
static search_server *search; /* NULL: it cannot be had */

static int start(void **state)
{
    (void)state;
    redis = redis_server_start(NULL);
    search = redis ? search_server_start(NULL) : NULL;
    folder_open();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    search_server_stop(search);
    redis_server_stop(redis);
    folder_close();
    return 0;
}

/* ---- The recount ---- */

typedef struct seen { /* by customer: everything, in a list that is walked */
    char id[24];
    size_t count, mobile, parts[4]; /* morning, afternoon, evening, night */
    char first[24];
    char (*tracks)[24], (*days)[12];
    size_t track_count, day_count;
    size_t written; /* plays in the newest line of the files */
    char line[LINE];
} seen;

static seen *all;
static size_t all_count;

static seen *seen_of(const char *id, bool add)
{
    for (size_t i = 0; i < all_count; i++)
        if (strcmp(all[i].id, id) == 0)
            return &all[i];
    assert_true(add && all_count < CUSTOMERS_MAX);
    snprintf(all[all_count].id, sizeof all[0].id, "%s", id);
    return &all[all_count++];
}

static void recount_clear(void)
{
    for (size_t i = 0; i < all_count; i++) {
        free(all[i].tracks);
        free(all[i].days);
    }
    free(all);
    all = NULL;
    all_count = 0;
}

static void recount_begin(void)
{
    recount_clear();
    all = memory_new(CUSTOMERS_MAX * sizeof *all);
}

static void recount_listen(seen *seen, const char *track, const char *datetime, int mobile)
{
    int hour = atoi(datetime + 11);
    size_t t = 0, d = 0;
    if (seen->count++ == 0)
        snprintf(seen->first, sizeof seen->first, "%s", datetime);
    seen->mobile += mobile == 1;
    seen->parts[hour >= 5 && hour <= 11    ? 0
                : hour >= 12 && hour <= 16 ? 1
                : hour >= 17 && hour <= 21 ? 2
                                           : 3]++;
    while (t < seen->track_count && strcmp(seen->tracks[t], track) != 0)
        t++;
    while (d < seen->day_count && strncmp(seen->days[d], datetime, 10) != 0)
        d++;
    if (t == seen->track_count) {
        seen->tracks = memory_resize(seen->tracks, ++seen->track_count * sizeof *seen->tracks);
        snprintf(seen->tracks[t], sizeof *seen->tracks, "%s", track);
    }
    if (d == seen->day_count) {
        seen->days = memory_resize(seen->days, ++seen->day_count * sizeof *seen->days);
        snprintf(seen->days[d], sizeof *seen->days, "%.10s", datetime);
    }
}

/* The fields from customer_id on, between quotes and commas as `form` has them: one for JSON, one for Redis. */
static void seen_print(const seen *seen, bool json, char *at)
{
    static const char *const names[] = { "morning", "afternoon", "evening", "night" };
    const size_t *parts = seen->parts;
    double days = (double)seen->day_count;
    size_t most = 0;
    for (size_t i = 1; i < 4; i++)
        most = parts[i] > parts[most] ? i : most;
    snprintf(
        at, LINE,
        json
            ? "\"customer_id\":\"%s\",\"plays\":%zu,\"mobile_plays\":%zu,\"unique_tracks\":%zu,\"morning\":%zu,"
              "\"afternoon\":%zu,\"evening\":%zu,\"night\":%zu,\"favourite\":\"%s\",\"active_days\":%zu,"
              "\"morning_avg\":%.17g,\"afternoon_avg\":%.17g,\"evening_avg\":%.17g,\"night_avg\":%.17g,"
              "\"since\":\"%.10sT%.8s.000Z\"}"
            : "%s %zu %zu %zu %zu %zu %zu %zu %s %zu %.17g %.17g %.17g %.17g %.10sT%.8s.000Z",
        seen->id, seen->count, seen->mobile, seen->track_count, parts[0], parts[1], parts[2], parts[3],
        names[most], seen->day_count, (double)parts[0] / days, (double)parts[1] / days,
        (double)parts[2] / days, (double)parts[3] / days, seen->first, seen->first + 11);
}

/* ---- Listens ---- */

/* All listens of a customer stand in one file, so that it is known which came first. */
static FILE *files_of[FILES];

static void files_open(void)
{
    recount_begin();
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "listens-%d.csv", i);
        files_of[i] = fopen(folder_path(name), "w");
    }
}

static void files_close(void)
{
    for (int i = 0; i < FILES; i++)
        fclose(files_of[i]);
}

static void listen_add(const char *customer, const char *track, const char *datetime, int mobile)
{
    fprintf(files_of[atoi(customer) % FILES], "7,%s,%s,\"%s\",%d,\"72132\"\n", customer, track, datetime,
            mobile);
    recount_listen(seen_of(customer, true), track, datetime, mobile);
}

static size_t real_listens_add(void)
{
    char line[200], customer[24], track[24], datetime[24];
    size_t count = 0;
    int mobile;
    FILE *file = fopen("../shared/data/tracks_live.csv", "r");
    if (file == NULL)
        return 0;
    for (; fgets(line, sizeof line, file); count++) {
        assert_int_equal(
            sscanf(line, "%*d,%23[^,],%23[^,],\"%23[^\"]\",%d", customer, track, datetime, &mobile), 4);
        listen_add(customer, track, datetime, mobile);
    }
    fclose(file);
    return count;
}

/* A few customers who listen often; some lines are none. Returns how many. */
static size_t listens_make(size_t count, size_t customers)
{
    dice dice = { 3 };
    size_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        char customer[24], track[24], datetime[32];
        snprintf(customer, sizeof customer, "%zu",
                 customers >= count ? i : dice_below(&dice, dice_below(&dice, 2) ? customers : 5));
        snprintf(track, sizeof track, dice_below(&dice, 9) ? "%zu" : "a track with a long %zu",
                 dice_below(&dice, 30));
        snprintf(datetime, sizeof datetime, "2014-10-%02zu %02zu:%02zu:00", dice_below(&dice, 20) + 1,
                 dice_below(&dice, 24), dice_below(&dice, 60));
        if (dice_below(&dice, 50) == 0) {
            fprintf(files_of[i % FILES], "7,%s,%s,\"%s\",2,\"72132\"\n", customer, track, datetime);
            bad++;
        }
        listen_add(customer, track, datetime, (int)dice_below(&dice, 2));
    }
    return bad;
}

/* ---- The job ---- */

static int profiles(const char *work, const char *words, const char *fault)
{
    return shell(
        "%s%s $B/jobs/profiles --conf redis.url=%s --conf elastic.url=%s --from 'lines=file:%s' --work-dir %s "
        "--to profiles=redis --to profiles=file:%s %s %s --interval 1s --available-now 2>>%s",
        fault ? "SLUICE_FAULT=" : "", fault ? fault : "", redis_server_url(redis),
        search ? search_server_url(search) : "http://127.0.0.1:1", folder_path("listens-*.csv"),
        folder_path(work), folder_path("out"), search ? "--to profiles=elastic" : "", words,
        folder_path("log"));
}

static void begin(void)
{
    if (redis == NULL)
        skip();
    redis_server_ask(redis, "FLUSHALL");
    if (search)
        search_server_ask(search, "DELETE", "/ba_profiles", NULL);
    assert_int_equal(shell("rm -rf *"), 0);
    files_open();
}

/* ---- What came out ---- */

/* A line of a file: a customer whom this batch brought, so he has more plays than in the line before. */
static void line_check(char *line)
{
    char id[24];
    size_t plays;
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(sscanf(line, "{\"_id\":\"%23[^\"]\"", id), 1);
    assert_int_equal(sscanf(strstr(line, "\"plays\":"), "\"plays\":%zu", &plays), 1);
    seen *seen = seen_of(id, false);
    assert_true(plays > seen->written);
    seen->written = plays;
    snprintf(seen->line, sizeof seen->line, "%s", line);
}

/* Names of files have T in them, and so the order of time. */
static size_t files_check(void)
{
    char line[LINE];
    size_t lines = 0;
    FILE *files = shell_reads("cat out/ba_profiles/*");
    for (; fgets(line, sizeof line, files); lines++)
        line_check(line);
    assert_int_equal(pclose(files), 0);
    return lines;
}

static void customer_check(const seen *seen)
{
    char wanted[LINE], command[400];
    seen_print(seen, true, wanted);
    assert_string_equal(strstr(seen->line, "\"customer_id\""), wanted);
    seen_print(seen, false, wanted);
    snprintf(
        command, sizeof command,
        "HMGET profile:%s customer_id plays mobile_plays unique_tracks morning afternoon evening night favourite "
        "active_days morning_avg afternoon_avg evening_avg night_avg since",
        seen->id);
    assert_string_equal(redis_server_ask(redis, command), wanted);
}

static void index_check(void)
{
    char *lines = memory_new(all_count * LINE + 1), *at = lines;
    for (size_t i = 0; i < all_count; i++)
        at += snprintf(at, LINE, "%s\n", all[i].line);
    if (search)
        recount_assert_index(search, "ba_profiles", lines, true);
    free(lines);
}

static void everything_is_killed_and_goes_on(void **state)
{
    (void)state;
    static const char *const faults[] = { "after_journal:2",
                                          "after_documents:2",
                                          "after_aggregates:1",
                                          "before_checkpoint:2",
                                          "before_checkpoint_sync:1:forget",
                                          "after_checkpoint:1" };
    begin();
    size_t real = real_listens_add(), bad = listens_make(4000, 60);
    files_close();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_int_equal(profiles("work", "--max-rate-per-partition 250", faults[i]), 128 + SIGKILL);
    assert_int_equal(profiles("work", "--max-rate-per-partition 250", NULL), 0);
    assert_true(files_check() > all_count); /* over several batches */
    for (size_t i = 0; i < all_count; i++)
        customer_check(&all[i]);
    index_check();
    assert_true(bad > 0 && all_count > (real ? 1800 : 50));
    recount_clear();
    if (real == 0)
        print_message("without the real listens: ../shared/data is not there\n");
}

static void a_job_that_has_no_room_for_its_state_stops_and_loses_nothing(void **state)
{
    (void)state;
    begin();
    listens_make(5000, 5000);
    files_close();
    assert_int_equal(profiles("work", "--conf memory.state=1mb --max-batch-failures 1", NULL), 4);
    assert_non_null(strstr(folder_read("log"), "most of it \"customers\" with"));
    assert_non_null(strstr(folder_read("log"), "memory.state allows 1 MB: raise it"));
    assert_int_equal(profiles("work", "--conf memory.state=64mb", NULL), 0);
    files_check();
    for (size_t i = 0; i < all_count; i += 7)
        customer_check(&all[i]);
    for (size_t i = 0; i < all_count; i++)
        assert_int_equal(all[i].written, all[i].count);
    index_check();
    recount_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_killed_and_goes_on),
        cmocka_unit_test(a_job_that_has_no_room_for_its_state_stops_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
