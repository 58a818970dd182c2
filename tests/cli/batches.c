/*
 * tests/cli/batches.c - `sluice batches` as JSON and as a table.
 */
#include <base/folder.h>
#include <batches/saved.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char history[] =
    "{\"job\":\"j\",\"batch_id\":1,\"batch_time\":0,\"state\":\"completed\",\"attempt\":1,\"records\":240,"
    "\"scheduling_delay_ms\":0.1,\"processing_ms\":3.2,\"total_delay_ms\":3.3,\"dead_letters\":2,\"error\":null}\n"
    "{\"job\":\"j\",\"batch_id\":2,\"batch_time\":2000,\"state\":\"failed\",\"attempt\":3,\"records\":1,"
    "\"processing_ms\":1500,\"total_delay_ms\":90000,\"error\":\"no disk\"}\n";

static int start(void **state)
{
    (void)state;
    folder_open();
    folder_write("history.ndjson", history);
    return 0;
}

static int batches(const char *options)
{
    char line[5000];
    snprintf(line, sizeof line, "batches --work-dir %s %s", folder_path(""), options);
    return words_run(&command_batches, line);
}

static void json_is_what_the_history_holds(void **state)
{
    (void)state;
    assert_int_equal(batches("--json"), 0);
    assert_string_equal(words_printed(), history);
}

static void last_gives_the_newest(void **state)
{
    (void)state;
    assert_int_equal(batches("--json --last 1"), 0);
    assert_string_equal(words_printed(), strstr(history, "{\"job\":\"j\",\"batch_id\":2"));
    assert_int_equal(batches("--json --last 3"), 0);
    assert_string_equal(words_printed(), history);
}

static void the_table_has_sparks_words(void **state)
{
    (void)state;
    static const char *const words[] = { "Batch Time",      "Input Size",  "Scheduling Delay",
                                         "Processing Time", "Total Delay", "Status" };
    assert_int_equal(batches("--last 2"), 0);
    const char *at = words_printed();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        at = strstr(at, words[i]);
        assert_non_null(at);
    }
}

static void a_row_tells_time_records_delays_and_trouble(void **state)
{
    (void)state;
    assert_int_equal(batches("--last 2"), 0);
    assert_non_null(strstr(words_printed(), "1970-01-01T00:00:00.000Z"));
    assert_non_null(strstr(words_printed(), "       240 records  "));
    assert_non_null(strstr(words_printed(), "          1 record  "));
    assert_non_null(strstr(words_printed(), "3.2 ms"));
    assert_non_null(strstr(words_printed(), "completed, 2 dead letters"));
    assert_non_null(strstr(words_printed(), "1.50 s"));
    assert_non_null(strstr(words_printed(), "1.5 min"));
    assert_non_null(strstr(words_printed(), "failed (attempt 3): no disk"));
}

/* Batches 1 to 6 at 0 to 10 s; 5 was done at its second attempt. */
static void more_batches(void)
{
    static const int took_ms[] = { 5, 40, 7, 40, 9, 1 };
    char text[2000] = "";
    for (int i = 0; i < 6; i++)
        snprintf(
            text + strlen(text), sizeof text - strlen(text),
            "{\"job\":\"j\",\"batch_id\":%d,\"batch_time\":%d,\"state\":\"%s\",\"attempt\":%d,\"records\":1,"
            "\"processing_ms\":%d,\"error\":null}\n",
            i + 1, i * 2000, i == 1 ? "failed" : "completed", i == 4 ? 2 : 1, took_ms[i]);
    folder_write("history.ndjson", text);
}

/* "1,2,": the ids of the JSON lines that were printed. */
static const char *ids(const char *options)
{
    static char found[200];
    assert_int_equal(batches(options), 0);
    *found = '\0';
    for (const char *at = words_printed(); (at = strstr(at, "\"batch_id\":")) != NULL; at++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d,",
                 atoi(at + strlen("\"batch_id\":")));
    return found;
}

static void batches_are_chosen_by_time_trouble_and_slowness(void **state)
{
    (void)state;
    more_batches();
    assert_string_equal(ids("--json"), "1,2,3,4,5,6,");
    assert_string_equal(ids("--json --failed"), "2,5,");
    assert_string_equal(ids("--json --since 1970-01-01T00:00:04Z"), "3,4,5,6,");
    assert_string_equal(ids("--json --since 10min"), "");
    assert_string_equal(ids("--json --slowest 3"), "2,4,5,");
    assert_string_equal(ids("--json --slowest 9"), "2,4,5,3,1,6,");
    assert_string_equal(ids("--json --last 2 --slowest 1"), "5,");
    assert_string_equal(ids("--json --failed --last 1"), "5,");
    assert_int_equal(batches("--failed"), 0);
    assert_non_null(strstr(words_printed(), "completed at attempt 2\n"));
    assert_int_equal(batches("--since 1d --failed"), 0);
    assert_non_null(strstr(words_printed(), "has no such batch."));
    assert_int_equal(batches("--since yesterday"), 2);
    assert_int_equal(batches("--slowest 0"), 2);
}

/* A process that dies between its checkpoint and its history: the checkpoint knows the batch. */
static void a_batch_that_the_checkpoint_alone_has_is_there(void **state)
{
    (void)state;
    static const char account[] =
        "{\"job\":\"j\",\"batch_id\":3,\"batch_time\":4000,\"state\":\"completed\",\"attempt\":1,\"records\":7}";
    struct saved saved = { .account = { account, sizeof account - 1 } };
    struct failure failure = { 0 };
    assert_int_equal(saved_write(&saved, folder_path("checkpoint-000000000000000003"),
                                 &(batch_mark){ 3, 4000 }, true, &failure),
                     SL_OK);
    assert_string_equal(ids("--json"), "1,2,3,");
    assert_string_equal(
        strstr(words_printed(), "{\"job\":\"j\",\"batch_id\":3"),
        "{\"job\":\"j\",\"batch_id\":3,\"batch_time\":4000,\"state\":\"completed\",\"attempt\":1,"
        "\"records\":7}\n");
    more_batches(); /* once the history has it, its line counts */
    assert_string_equal(ids("--json"), "1,2,3,4,5,6,");
    assert_null(strstr(words_printed(), "\"records\":7"));
}

static void a_folder_that_is_not_there_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(words_run(&command_batches, "batches --work-dir nowhere/at/all"), 2);
    assert_non_null(strstr(words_printed(), "nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_is_what_the_history_holds, start, folder_stop),
        cmocka_unit_test_setup_teardown(last_gives_the_newest, start, folder_stop),
        cmocka_unit_test_setup_teardown(the_table_has_sparks_words, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_row_tells_time_records_delays_and_trouble, start, folder_stop),
        cmocka_unit_test_setup_teardown(batches_are_chosen_by_time_trouble_and_slowness, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_batch_that_the_checkpoint_alone_has_is_there, start, folder_stop),
        cmocka_unit_test(a_folder_that_is_not_there_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
