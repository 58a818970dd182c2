/*
 * tests/system/set_back.c - a job that is set back: to offsets, to a savepoint, with and without its windows; and what
 * `sluice checkpoint show` says before and after. Plays are counted by customer and track; each is in the interest list at once.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <cmocka.h>

enum { LINE_BYTES = 39 };

static const char play[] = "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"\n";

/* In the folder; what it prints goes to "printed", its log to "log". */
static int run(const char *words)
{
    return shell("(%s) >printed 2>log", words);
}

static void plays_are(int count)
{
    char text[20 * LINE_BYTES] = "";
    for (int i = 0; i < count; i++)
        memcpy(text + i * LINE_BYTES, play, LINE_BYTES + 1);
    assert_int_equal(strlen(play), LINE_BYTES);
    folder_write("in.csv", text);
}

/* Reads what is there; gives how many plays the newest entry of the interest list counts. */
static int plays_counted(void)
{
    assert_int_equal(
        run("$B/sluice submit --name plays --available-now --from lines=file:in.csv --from customers=memory "
            "--to documents=file:out --to interests=file:out --to top_tracks=null listens --interest-plays 1"),
        0);
    assert_int_equal(run("tail -qn1 out/ba_interest/* | tail -n1"), 0);
    const char *plays = strstr(folder_read("printed"), "\"plays\":");
    return plays ? atoi(plays + strlen("\"plays\":")) : 0;
}

static int documents(void)
{
    assert_int_equal(run("cat out/ba_realtime2/* | wc -l"), 0);
    return atoi(folder_read("printed"));
}

static void assert_shows(const char *words)
{
    assert_int_equal(run("$B/sluice checkpoint show plays"), 0);
    if (strstr(folder_read("printed"), words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, folder_read("printed"));
}

static void a_checkpoint_is_shown(void **state)
{
    (void)state;
    plays_are(2);
    assert_int_equal(run("$B/sluice checkpoint show plays"), 2); /* it has never run */
    assert_int_equal(plays_counted(), 2);
    assert_shows("batch        1 at ");
    assert_shows("in.csv partition 0, next offset 78\n");
    assert_shows("plays_by_customer: 1 key in a window of 30 min");
    assert_shows("checkpoint-000000000000000001: ");
    assert_shows(" 1 frame up to batch 1; whole\n");
    assert_int_equal(run("printf torn >>state/sluice/plays/checkpoint-000000000000000001"), 0);
    assert_shows("then a frame that was not finished: the next start cuts it off");
    assert_int_equal(run("cp state/sluice/plays/journal rest; head -c 50 rest >state/sluice/plays/journal; "
                         "F=state/sluice/plays/checkpoint-000000000000000001; cat $F >whole; "
                         "(head -c -4 whole; printf SLF1; head -c -4 whole) >$F"),
                     0);
    assert_shows("; damaged at byte ");
    assert_int_equal(run("printf x >state/sluice/plays/checkpoint-000000000000000002"), 0);
    assert_shows("damaged at its begin: it cannot be used");
}

static void set_back_to_an_offset_windows_begin_empty(void **state)
{
    (void)state;
    plays_are(5);
    assert_int_equal(plays_counted(), 5);
    assert_int_equal(run("$B/sluice reset plays --to-offsets in.csv:0=78 --yes"), 0);
    assert_non_null(strstr(folder_read("printed"), "  in.csv partition 0 from offset 78\n"));
    assert_non_null(strstr(folder_read("printed"), "plays starts with batch 2, at a time after "));
    assert_shows("none since a reset; the next is 2");
    assert_int_equal(plays_counted(), 3);
    assert_int_equal(documents(), 5 + 3);
    assert_int_equal(run("$B/sluice batches plays --json | wc -l"), 0);
    assert_int_equal(atoi(folder_read("printed")), 2); /* the history goes on */
}

static void set_back_to_an_offset_windows_may_stay(void **state)
{
    (void)state;
    plays_are(5);
    assert_int_equal(plays_counted(), 5);
    assert_int_equal(run("$B/sluice reset plays --to-offsets 'in.csv:*=78' --keep-state --yes"), 0);
    assert_shows("plays_by_customer: 1 key");
    assert_int_equal(plays_counted(), 5 + 3);
}

static void a_savepoint_brings_back_positions_and_windows(void **state)
{
    (void)state;
    plays_are(2);
    assert_int_equal(plays_counted(), 2);
    assert_int_equal(run("$B/sluice savepoint plays"), 0);
    assert_non_null(strstr(folder_read("printed"), "savepoint-000000000000000001 holds plays up to batch 1"));
    plays_are(6);
    assert_int_equal(plays_counted(), 6);
    plays_are(7);
    assert_int_equal(plays_counted(), 7);
    assert_int_equal(run("$B/sluice reset plays --to-savepoint savepoint-000000000000000001 --yes"), 0);
    assert_shows("in.csv partition 0, next offset 78\n");
    assert_int_equal(plays_counted(), 7); /* none lost, none twice */
    assert_int_equal(documents(), 7 + 5);
}

static void a_savepoint_may_lie_elsewhere(void **state)
{
    (void)state;
    plays_are(2);
    assert_int_equal(plays_counted(), 2);
    assert_int_equal(run("$B/sluice savepoint plays --to here"), 0);
    assert_int_equal(run("$B/sluice reset plays --yes"), 0);
    assert_int_equal(run("$B/sluice savepoint plays"), 2); /* nothing is done since */
    assert_int_equal(run("$B/sluice reset plays --to-savepoint here --yes"), 0);
    plays_are(3);
    assert_int_equal(plays_counted(), 3);
}

static void what_makes_no_sense_is_refused_and_nothing_is_touched(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        { "--to-offsets in.csv=78", "write TOPIC:PARTITION=OFFSET" },
        { "--to-offsets in.csv:0=", "write TOPIC:PARTITION=OFFSET" },
        { "--to-offsets other:0=78", "the job has no such partition" },
        { "--to-time yesterday", "yesterday" },
        { "--to-time 2026-11-23T10:00:00Z --to-offsets in.csv:0=0", "exclude each other" },
        { "--keep-state", "--keep-state wants --to-offsets or --to-time" },
        { "--to-savepoint nowhere", "nowhere is no savepoint: there is no such file" },
        { "--to-savepoint in.csv", "in.csv is no savepoint: " },
    };
    plays_are(2);
    assert_int_equal(plays_counted(), 2);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char line[300];
        snprintf(line, sizeof line, "$B/sluice reset plays --yes %s", words[i][0]);
        assert_int_equal(run(line), 2);
        if (strstr(folder_read("log"), words[i][1]) == NULL)
            fail_msg("\"%s\" is not in: %s", words[i][1], folder_read("log"));
    }
    assert_shows("in.csv partition 0, next offset 78\n");
}

/* Lines of files have no times: the job says so at its start. */
static void a_time_is_found_by_the_source(void **state)
{
    (void)state;
    plays_are(2);
    assert_int_equal(plays_counted(), 2);
    assert_int_equal(run("$B/sluice reset plays --yes --to-time 2026-11-23T10:00:00Z"), 0);
    assert_non_null(strstr(folder_read("printed"), "the first record of 2026-11-23T10:00:00.000Z or later"));
    assert_shows("in.csv partition 0, from 2026-11-23T10:00:00.000Z on\n");
    assert_int_equal(
        run("$B/sluice submit --name plays --available-now --from lines=file:in.csv --from customers=memory "
            "--to documents=null --to interests=null --to top_tracks=null listens"),
        2);
    assert_non_null(strstr(folder_read("log"), "lines of files have none; use sluice reset --to-offsets"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_checkpoint_is_shown, folder_start_home, folder_stop),
        cmocka_unit_test_setup_teardown(set_back_to_an_offset_windows_begin_empty, folder_start_home,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(set_back_to_an_offset_windows_may_stay, folder_start_home,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_savepoint_brings_back_positions_and_windows, folder_start_home,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_savepoint_may_lie_elsewhere, folder_start_home, folder_stop),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_and_nothing_is_touched,
                                        folder_start_home, folder_stop),
        cmocka_unit_test_setup_teardown(a_time_is_found_by_the_source, folder_start_home, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
