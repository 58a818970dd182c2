/*
 * tests/system/dead_letters.c - the way of a bad record: rejected by `listens`, repaired, retried, and then as if it had been
 * good, whatever dies meanwhile. One folder holds the broken lines, another the good ones; what both give is compared.
 */
#include <base/folder.h>
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

#include <cmocka.h>

enum { LINES = 300, LINE_BYTES = 120, TEXT_BYTES = LINES * LINE_BYTES };

static char good[TEXT_BYTES], bad[TEXT_BYTES];
static size_t broken;

/* As long as the good ones, so that offsets, and with them ids, are the same. */
static void lines_make(void)
{
    dice dice = { 20261123 };
    char *to = good;
    broken = 0;
    for (int i = 0; i < LINES; i++)
        to += snprintf(to, LINE_BYTES, "%d,%d,%d,\"2014-10-23 03:26:20\",0,\"72132\"\n", i,
                       10 + (int)dice_below(&dice, 9), 10 + (int)dice_below(&dice, 5));
    snprintf(bad, sizeof bad, "%s", good);
    for (char *line = bad; *line; line = strchr(line, '\n') + 1) {
        size_t fault = dice_below(&dice, 12);
        if (fault < 2) /* the flag, or the month */
            *(fault ? strstr(line, "\",0,") + 2 : strstr(line, "-10-") + 1) = '7';
        broken += fault < 2;
    }
}

static int start(void **state)
{
    (void)state;
    lines_make();
    folder_open();
    return 0;
}

/* In the folder, so that paths and with them topics are the same; what it prints goes to "printed". */
static int run(const char *format, ...)
{
    char words[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return shell("%s >printed 2>>log", words);
}

/* The job over "NAME/in.csv", into "NAME/out". */
static int listens(const char *name, const char *before)
{
    return run("cd %s && %s $B/jobs/listens --from lines=file:in.csv --from customers=memory --available-now "
               "--work-dir work --interest-plays 1 --to documents=file:out --to interests=file:out "
               "--to top_tracks=null",
               name, before);
}

static void given(const char *name, const char *lines)
{
    assert_int_equal(run("mkdir %s", name), 0);
    char path[100];
    snprintf(path, sizeof path, "%s/in.csv", name);
    folder_write(path, lines);
}

/* All documents but their times, sorted; of interests the highest count. */
static char *results(const char *name)
{
    assert_int_equal(
        run("(cat %s/out/ba_realtime2/* | sed 's/\"@timestamp\":\"[^\"]*\",//' | sort; "
            "cat %s/out/ba_interest/* | sed 's/\"@timestamp\":\"[^\"]*\",//; s/,\"plays\":\\([0-9]*\\)}/ \\1/' | "
            "sort -k2,2nr | sort -s -u -k1,1)",
            name, name),
        0);
    return strdup(folder_read("printed"));
}

static void repaired_letters_give_what_good_records_would_have_given(void **state)
{
    (void)state;
    given("good", good);
    given("bad", bad);
    assert_int_equal(listens("good", ""), 0);
    assert_int_equal(listens("bad", ""), 0);
    assert_true(broken > 20);
    assert_int_equal(run("$B/sluice dlq show --work-dir bad/work | tee shown | wc -l"), 0);
    assert_int_equal(atoi(folder_read("printed")), broken);
    assert_int_equal(
        run("sed 's/\",7,/\",0,/; s/-70-/-10-/' shown | $B/sluice dlq retry --work-dir bad/work --from -"),
        0);
    /* Killed when the documents are out, and once more before the checkpoint. */
    assert_int_equal(listens("bad", "SLUICE_FAULT=after_documents:1"), 128 + SIGKILL);
    assert_int_equal(listens("bad", "SLUICE_FAULT=before_checkpoint:1"), 128 + SIGKILL);
    assert_int_equal(listens("bad", ""), 0);
    assert_int_equal(listens("bad", ""), 0); /* nothing comes twice */
    char *expected = results("good"), *found = results("bad");
    assert_true(strlen(expected) > (size_t)LINES * 50);
    assert_string_equal(found, expected);
    free(expected);
    free(found);
}

static void a_letter_that_is_still_bad_comes_back_as_a_letter(void **state)
{
    (void)state;
    assert_int_equal(run("$B/sluice dlq list --work-dir bad/work"), 0);
    assert_non_null(strstr(folder_read("printed"), "no dead letters that were not retried"));
    given("worse", bad);
    assert_int_equal(listens("worse", ""), 0);
    assert_int_equal(run("$B/sluice dlq retry --work-dir worse/work --reason bad_flag"), 0);
    assert_int_equal(listens("worse", ""), 0);
    assert_int_equal(run("$B/sluice dlq show --work-dir worse/work | wc -l"), 0);
    assert_int_equal(atoi(folder_read("printed")), broken);
    assert_int_equal(run("$B/sluice batches --json --work-dir worse/work"), 0);
    assert_non_null(strstr(folder_read("printed"), "\"topic\":\"(retry)\""));
}

/* The record was counted when its document was refused: now only the document is written. */
static void what_an_output_had_refused_is_not_counted_again(void **state)
{
    (void)state;
    given("refused", "0,10,20,\"2014-10-23 03:26:20\",0,\"72132\"\n");
    assert_int_equal(listens("refused", ""), 0);
    folder_write("refused.ndjson",
                 "{\"topic\":\"in.csv\",\"partition\":0,\"offset\":0,\"timestamp\":1000,\"job\":\"listens\","
                 "\"stage\":\"documents\",\"reason\":\"refused\",\"detail\":\"too hot\","
                 "\"value\":\"0,10,20,\\\"2014-10-23 03:26:20\\\",1,\\\"72132\\\"\"}\n");
    assert_int_equal(run("$B/sluice dlq retry --work-dir refused/work --from refused.ndjson"), 0);
    assert_non_null(strstr(folder_read("printed"), "1 dead letter goes to"));
    assert_int_equal(listens("refused", ""), 0);
    assert_int_equal(run("(cat refused/out/ba_realtime2/* | wc -l; cat refused/out/ba_interest/*)"), 0);
    assert_int_equal(atoi(folder_read("printed")), 2);
    assert_null(strstr(folder_read("printed"), "\"plays\":2"));
    assert_int_equal(run("cat refused/out/ba_realtime2/*"), 0);
    assert_non_null(strstr(folder_read("printed"), "\"@timestamp\":\"1970-01-01T00:00:01.000Z\""));
}

static void letters_of_something_that_the_job_does_not_read_are_refused(void **state)
{
    (void)state;
    folder_write("foreign.ndjson", "{\"topic\":\"other\",\"partition\":0,\"offset\":0,\"value\":\"x\"}\n");
    assert_int_equal(run("$B/sluice dlq retry --work-dir refused/work --from foreign.ndjson"), 2);
    assert_non_null(
        strstr(folder_read("log"), "a letter is of other partition 0, which refused/work does not read"));
}

int main(void)
{
    setenv("XDG_STATE_HOME", "/nonexistent", 1); /* no links from there */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repaired_letters_give_what_good_records_would_have_given),
        cmocka_unit_test(a_letter_that_is_still_bad_comes_back_as_a_letter),
        cmocka_unit_test(what_an_output_had_refused_is_not_counted_again),
        cmocka_unit_test(letters_of_something_that_the_job_does_not_read_are_refused),
    };
    return cmocka_run_group_tests(tests, start, folder_stop);
}
