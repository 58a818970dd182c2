/*
 * tests/engine.c - a whole job from its files to its files, killed at every fault point there is and started again: what it
 * wrote is what it would have written undisturbed, to the byte.
 */
#include "../jobs/listens.c"
#include <base/faults.h>
#include <base/folder.h>
#include <dirent.h>
#include <engine.h>
#include <settings.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <json-c/json.h>

enum { LINES = 95, TREE_ROOM = 1 << 20, WORDS_MAX = 32 };

/* Listens, some of them bad, in lines of several lengths. */
static void input_write(void)
{
    FILE *file = fopen(folder_path("input.csv"), "w");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++) {
        if (i % 11 == 5)
            fprintf(file, "a line that is no listen %d\n", i);
        else
            fprintf(file, "%d,%d,%d,\"2014-10-23 03:26:20\",%d,\"7213%d\"\n", i * 1000, i % 4, i % 5, i % 2,
                    i % 3);
    }
    assert_int_equal(fclose(file), 0);
}

static void options_write(char *words[WORDS_MAX], const char *folder)
{
    static char texts[5][1024];
    static const char *const fixed[] = { "listens",
                                         "--interval",
                                         "1s",
                                         "--available-now",
                                         "--max-rate-per-partition",
                                         "10",
                                         "--cores",
                                         "2",
                                         "--interest-plays",
                                         "2",
                                         "--from",
                                         "customers=memory",
                                         "--interest-window",
                                         "4s",
                                         "--interest-pane",
                                         "1s" };
    int count = 0;
    for (; count < (int)(sizeof fixed / sizeof fixed[0]); count++)
        words[count] = (char *)(uintptr_t)fixed[count];
    snprintf(texts[0], sizeof texts[0], "lines=file:%s", folder_path("input.csv"));
    words[count++] = (char *)(uintptr_t) "--from";
    words[count++] = texts[0];
    snprintf(texts[1], sizeof texts[1], "%s/%s/kept", folder_path(""), folder);
    words[count++] = (char *)(uintptr_t) "--work-dir";
    words[count++] = texts[1];
    static const char *const outputs[] = { "documents", "top_tracks", "interests" };
    for (int i = 0; i < 3; i++) {
        snprintf(texts[2 + i], sizeof texts[0], "%s=file:%s/%s/out", outputs[i], folder_path(""), folder);
        words[count++] = (char *)(uintptr_t) "--to";
        words[count++] = texts[2 + i];
    }
    words[count] = NULL;
}

/* Runs in a child of its own. The clock stands still: batches follow each other all the same. */
static sl_result job_run(const char *folder, int64_t now_ms)
{
    char *words[WORDS_MAX];
    int count = 0, used = 0;
    failure failure = { 0 };
    engine *engine = NULL;
    sl_clock clock = { .manual = true, .manual_ms = now_ms };
    settings *settings = settings_for(&job);
    options_write(words, folder);
    while (words[count])
        count++;
    SL_TRY(settings_arguments(settings, count, words, &used, &failure));
    engine_spec spec = { .job = &job, .settings = settings, .clock = &clock, .name = "listens" };
    spec.work_dir = settings_text(settings, "work.dir");
    sl_result result = engine_open(&spec, &engine, &failure);
    for (int i = 0; i < 4 && result == SL_OK; i++) {
        char id[8], json[32];
        snprintf(id, sizeof id, "%d", i);
        snprintf(json, sizeof json, "{\"gender\":\"%d\"}", i % 2);
        engine_know(engine, "customers", id, json);
    }
    if (result == SL_OK)
        result = engine_run(engine, &failure);
    engine_close(engine);
    settings_free(settings);
    if (result != SL_OK)
        fprintf(stderr, "%s\n", failure.text);
    return result;
}

/* The result, or 100 + the signal that ended it. */
static int child_run(const char *folder, const char *fault, int64_t now_ms)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (fault)
            setenv("SLUICE_FAULT", fault, 1);
        faults_open();
        _exit((int)job_run(folder, now_ms));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* ---- What lies in folders, as one text ---- */

static char *tree;
static size_t tree_size, tree_top;

static void tree_add(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    tree_size += (size_t)snprintf(tree + tree_size, TREE_ROOM - tree_size, "== %s\n", name);
    tree_size += fread(tree + tree_size, 1, TREE_ROOM - tree_size - 1, file);
    tree[tree_size] = '\0';
    fclose(file);
}

static void tree_walk(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char below[2048];
        struct stat status;
        snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0 &&
            stat(below, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                tree_walk(below);
            else
                tree_add(below, below + tree_top);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static char *tree_of(const char *folder)
{
    char path[1024];
    tree = calloc(1, TREE_ROOM);
    tree_size = 0;
    snprintf(path, sizeof path, "%s/%s", folder_path(""), folder);
    tree_top = strlen(path);
    char *top = path + tree_top;
    snprintf(top, sizeof path - tree_top, "/out");
    tree_walk(path);
    snprintf(top, sizeof path - tree_top, "/kept/dead");
    tree_walk(path);
    return tree;
}

/* Every batch is told as completed exactly once, and its records add up to those of the input. */
static void assert_history(const char *folder)
{
    char name[256];
    snprintf(name, sizeof name, "%s/kept/history.ndjson", folder);
    const char *line = folder_read(name);
    int64_t id = 0, records = 0;
    for (; *line; line = strchr(line, '\n') + 1) {
        json_object *account = json_tokener_parse(line);
        assert_non_null(account);
        int64_t numbers[5];
        static const char *const names[5] = { "records", "written", "duplicates", "filtered",
                                              "dead_letters" };
        for (size_t i = 0; i < 5; i++)
            numbers[i] = json_object_get_int64(json_object_object_get(account, names[i]));
        assert_int_equal(numbers[0], numbers[1] + numbers[2] + numbers[3] + numbers[4]);
        assert_int_equal(json_object_get_int64(json_object_object_get(account, "batch_id")), ++id);
        records += numbers[0];
        json_object_put(account);
    }
    assert_int_equal(records, LINES);
}

static char *undisturbed;

static void a_bounded_job_writes_all_and_ends(void **state)
{
    (void)state;
    input_write();
    assert_int_equal(child_run("undisturbed", NULL, 50000), SL_OK);
    undisturbed = tree_of("undisturbed");
    assert_non_null(strstr(undisturbed, "== /out/ba_realtime2/batch-50000.ndjson\n"));
    assert_non_null(strstr(undisturbed, "== /out/ba_realtime2/batch-59000.ndjson\n"));
    assert_non_null(strstr(undisturbed, "== /out/ba_interest/batch-5"));
    assert_non_null(strstr(undisturbed, "== /out/ba_top_tracks/batch-5"));
    assert_non_null(strstr(undisturbed, "== /kept/dead/input.csv.dead/batch-50000.ndjson\n"));
    int lines = 0;
    for (const char *at = undisturbed; (at = strstr(at, "\"event_id\":")); at++)
        lines++;
    for (const char *at = undisturbed; (at = strstr(at, "\"reason\":")); at++)
        lines++;
    assert_int_equal(lines, LINES);
    assert_history("undisturbed");
}

/* Killed, then started again with a clock that was set back meanwhile; only before the first cut that makes a difference. */
static void killed_at(const char *point, int times, const char *more)
{
    char fault[64], folder[64];
    snprintf(fault, sizeof fault, "%s:%d%s", point, times, more);
    snprintf(folder, sizeof folder, "%s-%d%s", point, times, *more ? "-forget" : "");
    int ended = child_run(folder, fault, 50000);
    if (ended != 100 + SIGKILL)
        fail_msg("%s: the job was not killed but ended with %d", fault, ended);
    bool nothing_cut = !strcmp(point, "before_journal") && times == 1;
    assert_int_equal(child_run(folder, NULL, nothing_cut ? 50000 : 20000), SL_OK);
    char *after = tree_of(folder);
    if (strcmp(after, undisturbed) != 0)
        print_error("after %s:\n", fault);
    assert_string_equal(after, undisturbed);
    free(after);
    assert_history(folder);
}

static void killed_anywhere(const char *point)
{
    for (int times = 1; times <= 4; times++)
        killed_at(point, times, "");
    killed_at(point, 2, ":forget"); /* as by a power cut */
}

static void killed_before_a_cut_is_journaled(void **state)
{
    (void)state;
    killed_anywhere("before_journal");
}

static void killed_when_a_cut_is_journaled(void **state)
{
    (void)state;
    killed_anywhere("after_journal");
}

static void killed_after_the_documents(void **state)
{
    (void)state;
    killed_anywhere("after_documents");
}

static void killed_after_the_aggregates(void **state)
{
    (void)state;
    killed_anywhere("after_aggregates");
}

static void killed_before_the_checkpoint(void **state)
{
    (void)state;
    killed_anywhere("before_checkpoint");
}

/* The first batch's is a file of its own. */
static void killed_before_the_checkpoint_is_synced(void **state)
{
    (void)state;
    killed_anywhere("before_checkpoint_sync");
}

static void killed_after_the_checkpoint(void **state)
{
    (void)state;
    killed_anywhere("after_checkpoint");
}

static void killed_after_the_commit(void **state)
{
    (void)state;
    killed_anywhere("after_commit");
}

/* Again and again, each time a batch further. */
static void killed_in_every_batch(void **state)
{
    (void)state;
    int ended;
    int kills = 0;
    while ((ended = child_run("often", kills % 2 ? "after_documents:2" : "after_checkpoint:1", 50000)) ==
           100 + SIGKILL)
        assert_true(++kills < 30);
    assert_int_equal(ended, SL_OK);
    assert_true(kills > 5);
    char *after = tree_of("often");
    assert_string_equal(after, undisturbed);
    free(after);
}

static int close_folder(void **state)
{
    (void)state;
    free(undisturbed);
    folder_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bounded_job_writes_all_and_ends),
        cmocka_unit_test(killed_before_a_cut_is_journaled),
        cmocka_unit_test(killed_when_a_cut_is_journaled),
        cmocka_unit_test(killed_after_the_documents),
        cmocka_unit_test(killed_after_the_aggregates),
        cmocka_unit_test(killed_before_the_checkpoint),
        cmocka_unit_test(killed_before_the_checkpoint_is_synced),
        cmocka_unit_test(killed_after_the_checkpoint),
        cmocka_unit_test(killed_after_the_commit),
        cmocka_unit_test(killed_in_every_batch),
    };
    return cmocka_run_group_tests(tests, folder_start_home, close_folder);
}
