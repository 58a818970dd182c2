/*
 * tests/system/replay.c - `sluice replay`: a batch once more, compared with files and with a real index, with what they hold
 * untouched and after somebody had his hands in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <servers/search_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

/* What the command prints, on both outputs, and its exit code in the last line: "code 1". */
static char *replayed(trial *trial, const char *batch, const char *more)
{
    char line[1000];
    snprintf(line, sizeof line,
             "TMPDIR='%s' '%s' replay --work-dir '%s' %s %s 2>&1; echo code $?; ls -d '%s'/sluice-replay-* "
             "2>/dev/null; true",
             trial->folder, build_path("sluice"), trial->work_dir, batch, more, trial->folder);
    char *told = trial_output((const char *[]){ "/bin/sh", "-c", line, NULL });
    assert_null(strstr(told, "sluice-replay-")); /* it leaves no folder */
    return told;
}

static void assert_told(char *told, const char *text)
{
    if (strstr(told, text) == NULL)
        fail_msg("\"%s\" is not in:\n%s", text, told);
}

static trial *begun(void **state, const char *elastic)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 3))
        skip();
    setenv("XDG_STATE_HOME", trial->folder, 1);
    trial->elastic = elastic;
    trial_import(trial);
    trial_send(trial, 300);
    trial_finish(trial);
    return trial;
}

/* Of all files below the trial's folder: names, sizes, times of change and sums; Redis' own files left out. */
static char *all_files(const trial *trial)
{
    char line[800];
    snprintf(line, sizeof line,
             "find '%s' -type f ! -path '%s/*' ! -path '%s' ! -path '%s' -printf '%%p %%s %%T@\\n' | sort; "
             "find '%s' -type f | sort | xargs cat | cksum",
             trial->folder, trial->redis_dir, trial->log, trial->redis_dir, trial->out);
    return trial_output((const char *[]){ "/bin/sh", "-c", line, NULL });
}

/* A command of the shell in the folder of the documents. */
static char *among_documents(const trial *trial, const char *command)
{
    char line[600];
    snprintf(line, sizeof line, "cd '%s'/ba_realtime2; %s", trial->out, command);
    return trial_output((const char *[]){ "/bin/sh", "-c", line, NULL });
}

static void an_unchanged_batch_is_the_same_and_nothing_is_touched(void **state)
{
    trial *trial = begun(state, NULL);
    char *before = all_files(trial);
    for (int dry = 0; dry < 2; dry++) {
        char *told = replayed(trial, "1", dry ? "--dry-run" : "");
        assert_told(told, "\nsame\ncode 0\n");
        assert_told(told, "documents -> file:");
        assert_told(told, " same\n");
        assert_told(told, "top_tracks: not compared: it depends on what was read before this batch");
        assert_null(strstr(told, "differ"));
        free(told);
    }
    char *after = all_files(trial);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void what_was_tampered_with_is_named_and_written_again(void **state)
{
    trial *trial = begun(state, NULL);
    char *whole = all_files(trial);
    char *id = among_documents(trial, "f=$(ls | head -1); sed -n '2s/{\"_id\":\"\\([^\"]*\\)\".*/\\1/p' $f; "
                                      "sed -i -e '2s/\"@timestamp\":\"20/\"@timestamp\":\"1977/' -e 3d $f");
    assert_non_null(strchr(id, '-'));
    *strchr(id, '\n') = '\0';
    char *tampered = all_files(trial), named[200];
    snprintf(named, sizeof named, "  %s differs\n    there  {", id);
    char *told = replayed(trial, "1", "--dry-run");
    assert_told(told, " same, 1 different, 1 missing\n");
    assert_told(told, named);
    assert_told(told, "\"@timestamp\":\"1977");
    assert_told(told, " is missing\n");
    assert_told(told, "nothing was written (--dry-run)\ncode 1\n");
    free(told);
    char *untouched = all_files(trial);
    assert_string_equal(untouched, tampered);
    told = replayed(trial, "1", "");
    assert_told(told, named);
    assert_told(told, "written again:\n");
    assert_told(told, "\nsame\ncode 0\n");
    char *mended = all_files(trial);
    assert_string_equal(strrchr(mended, '/') ? mended + strlen(mended) - 12 : "",
                        whole + strlen(whole) - 12); /* the end of the sum and the size of all */
    free(told);
    free(id);
    free(whole);
    free(tampered);
    free(untouched);
    free(mended);
}

static void what_cannot_be_replayed_says_why(void **state)
{
    trial *trial = begun(state, NULL);
    char *told = replayed(trial, "99", "");
    assert_told(told, "has no batch 99; it has those from 1 to ");
    assert_told(told, "code 2\n");
    free(told);
    told = replayed(trial, "one", "");
    assert_told(told, "\"one\" is no number of a batch");
    free(told);
}

/* hello_count over ten lines, with its only output there, or in the folder of outputs. */
static trial *counted(void **state, const char *place)
{
    trial *trial = *state;
    char line[1000];
    if (!trial_begin(trial, NULL, "realtime", 1))
        skip();
    setenv("XDG_STATE_HOME", trial->folder, 1);
    snprintf(line, sizeof line,
             "'%s' --work-dir '%s' --from lines=rate: --count 10 --available-now --to 'counts=%s%s'",
             build_path("jobs/hello_count"), trial->work_dir,
             place ? place : "file:", place ? "" : trial->out);
    free(trial_output((const char *[]){ "/bin/sh", "-c", line, NULL }));
    return trial;
}

static void a_count_of_the_batch_alone_is_compared(void **state)
{
    trial *trial = counted(state, NULL);
    char *told = replayed(trial, "1", "");
    assert_told(told, ": 1 same\nsame\ncode 0\n");
    free(told);
    char line[600];
    snprintf(line, sizeof line, "sed -i 's/:\\([0-9]*\\)}/:9\\1}/' '%s'/*/batch-*", trial->out);
    free(trial_output((const char *[]){ "/bin/sh", "-c", line, NULL }));
    told = replayed(trial, "1", "");
    assert_told(told, ": 0 same, 1 different\n");
    assert_told(told, "written again:\n");
    assert_told(told, "\nsame\ncode 0\n");
    free(told);
}

static void a_job_of_which_nothing_can_be_compared_is_not_called_the_same(void **state)
{
    trial *trial = counted(state, "null");
    char *told = replayed(trial, "1", "");
    assert_told(told,
                "counts -> null: not compared: only indexes and files of a batch are\nnothing was compared\n"
                "code 0\n");
    free(told);
}

static void files_of_csv_are_compared_too(void **state)
{
    setenv("SLUICE_FILE_FORMAT", "csv", 1); /* the replay is started as the job was: here it is unset again */
    trial *trial = begun(state, NULL);
    unsetenv("SLUICE_FILE_FORMAT");
    char *told = replayed(trial, "1", "--dry-run");
    assert_told(told, "documents -> file:");
    assert_told(told, "\nsame\ncode 0\n");
    free(told);
    free(among_documents(trial, "f=$(ls *.csv | head -1); sed -i 2d $f"));
    told = replayed(trial, "1", "--dry-run");
    assert_told(told, " same, 1 missing\n");
    free(told);
}

static bool ids_of(const char *found, char first[64], char second[64])
{
    const char *at = strstr(found, "\"_id\":\""), *next = at ? strstr(at + 1, "\"_id\":\"") : NULL;
    return next && sscanf(at, "\"_id\":\"%63[^\"]", first) == 1 &&
           sscanf(next, "\"_id\":\"%63[^\"]", second) == 1;
}

static void an_index_is_asked_for_each_document(void **state)
{
    search_server *server = search_server_start(NULL);
    if (server == NULL)
        skip();
    trial *trial = begun(state, search_server_url(server));
    char *told = replayed(trial, "1", "--dry-run");
    assert_told(told, "documents -> elastic: ");
    assert_told(told, "\nsame\ncode 0\n");
    free(told);
    char changed[64], gone[64], path[200], named[100];
    assert_int_equal(search_server_documents(server, "ba_realtime2") > 2, 1);
    const char *found = search_server_ask(server, "GET", "/ba_realtime2/_search?size=2&_source=false", NULL);
    assert_true(ids_of(found, changed, gone));
    snprintf(path, sizeof path, "/ba_realtime2/_update/%s", changed);
    search_server_ask(server, "POST", path, "{\"doc\":{\"more\":\"than there was\"}}");
    snprintf(path, sizeof path, "/ba_realtime2/_doc/%s", gone);
    search_server_ask(server, "DELETE", path, NULL);
    told = replayed(trial, "1", ""); /* what is missing comes back; what is there stays */
    assert_told(told, "documents -> elastic: ");
    assert_told(told, " same, 1 different, 1 missing\n");
    snprintf(named, sizeof named, "  %s is missing\n", gone);
    assert_told(told, named);
    snprintf(named, sizeof named, "  %s differs\n", changed);
    assert_told(told, named);
    assert_told(strstr(told, "written again:\n"), " same, 1 different\n");
    assert_told(told, "still not the same: an index keeps the first document under an id");
    assert_told(told, "code 1\n");
    free(told);
    search_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_unchanged_batch_is_the_same_and_nothing_is_touched, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(what_was_tampered_with_is_named_and_written_again, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(what_cannot_be_replayed_says_why, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(a_count_of_the_batch_alone_is_compared, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(a_job_of_which_nothing_can_be_compared_is_not_called_the_same,
                                        trial_make, trial_free),
        cmocka_unit_test_setup_teardown(files_of_csv_are_compared_too, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(an_index_is_asked_for_each_document, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
