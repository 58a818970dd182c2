/*
 * tests/cli/dlq.c - `sluice dlq`: what is listed, what is shown, what is handed back to the job.
 */
#include <base/folder.h>
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LETTER(offset, reason, rest)                                                                         \
    "{\"topic\":\"plays\",\"partition\":0,\"offset\":" offset                                                \
    ",\"timestamp\":5,\"job\":\"j\",\"stage\":\"parse\",\"reason\":\"" reason "\",\"detail\":\"line\"" rest  \
    "}\n"

static const char first[] = LETTER("3", "bad_flag", ",\"value\":\"a/b\\u0000\\\"\""),
                  second[] = LETTER("4", "bad_flag", ",\"value\":\"two\""),
                  third[] =
                      LETTER("9", "too_large", ",\"value\":\"th\",\"value_bytes\":5,\"value_cut\":true");

static int start(void **state)
{
    (void)state;
    folder_open();
    char text[2000];
    snprintf(text, sizeof text, "mkdir -p %s", folder_path("dead/plays.dead"));
    if (system(text) != 0)
        return 1;
    snprintf(text, sizeof text, "%s%s", first, third);
    folder_write("dead/plays.dead/batch-1000.ndjson", text);
    folder_write("dead/plays.dead/batch-61000.ndjson", second);
    return 0;
}

static int dlq(const char *words)
{
    char line[5000];
    snprintf(line, sizeof line, "dlq %s --work-dir %s", words, folder_path("."));
    return words_run(&command_dlq, line);
}

static void a_list_counts_by_topic_stage_and_reason(void **state)
{
    (void)state;
    assert_int_equal(dlq("list"), 0);
    const char *flags = strstr(words_printed(), "bad_flag");
    assert_non_null(flags);
    assert_int_equal(atoi(flags + strlen("bad_flag")), 2);
    assert_non_null(strstr(flags, "1970-01-01T00:00:01.000Z  1970-01-01T00:01:01.000Z"));
    assert_int_equal(atoi(strstr(words_printed(), "too_large") + strlen("too_large")), 1);
}

static void show_gives_the_letters_as_they_are(void **state)
{
    (void)state;
    char text[2000];
    snprintf(text, sizeof text, "%s%s", first, second);
    assert_int_equal(dlq("show --reason bad_flag --stage parse --topic plays"), 0);
    assert_string_equal(words_printed(), text);
    assert_int_equal(dlq("show --topic other"), 0);
    assert_string_equal(words_printed(), "");
}

static void a_retry_takes_each_letter_once(void **state)
{
    (void)state;
    char expected[2000];
    snprintf(expected, sizeof expected, "{\"batch_time\":1000,%s{\"batch_time\":61000,%s", first + 1,
             second + 1);
    assert_int_equal(dlq("retry"), 0);
    assert_non_null(strstr(words_printed(), "2 dead letters go to "));
    assert_non_null(strstr(words_printed(), "when it is started"));
    assert_non_null(strstr(words_printed(), "1 letter was left out, since only a part"));
    assert_string_equal(folder_read("retry.ndjson"), expected);
    assert_int_equal(dlq("retry"), 0);
    assert_non_null(strstr(words_printed(), "nothing to retry"));
    assert_string_equal(folder_read("retry.ndjson"), expected);
    assert_int_equal(dlq("list"), 0);
    assert_null(strstr(words_printed(), "bad_flag"));
    assert_int_equal(dlq("list --all"), 0);
    assert_non_null(strstr(words_printed(), "bad_flag"));
}

static void a_letter_that_came_again_may_be_retried_again(void **state)
{
    (void)state;
    assert_int_equal(dlq("retry --reason bad_flag"), 0);
    folder_write("dead/plays.dead/batch-90000.ndjson", second);
    assert_int_equal(dlq("show --reason bad_flag"), 0);
    assert_string_equal(words_printed(), second);
    assert_int_equal(dlq("retry --reason bad_flag"), 0);
    assert_non_null(strstr(words_printed(), "1 dead letter goes to "));
    assert_non_null(strstr(folder_read("retry.ndjson"), "{\"batch_time\":90000,"));
}

static void repaired_letters_are_taken_from_a_file(void **state)
{
    (void)state;
    char words[600];
    folder_write("repaired", "\n" LETTER("9", "too_large", ",\"value\":\"three\",\"value_cut\":true"));
    snprintf(words, sizeof words, "retry --from %s", folder_path("repaired"));
    assert_int_equal(dlq(words), 0);
    assert_non_null(strstr(words_printed(), "left out, since only a part")); /* still marked as cut */
    folder_write("repaired", LETTER("9", "too_large", ",\"value\":\"three\""));
    assert_int_equal(dlq(words), 0);
    assert_non_null(strstr(words_printed(), "1 dead letter goes to "));
    assert_non_null(strstr(folder_read("retry.ndjson"), "{\"batch_time\":1000,\"topic\":\"plays\""));
    assert_non_null(strstr(folder_read("retry.ndjson"), "\"value\":\"three\"}\n"));
    assert_int_equal(dlq(words), 0);
    assert_non_null(strstr(words_printed(), "retried already"));
}

static void a_line_that_is_no_letter_is_told_and_nothing_is_retried(void **state)
{
    (void)state;
    char words[600];
    folder_write("repaired", LETTER("9", "too_large", ",\"value\":\"three\"") "{\"topic\":\"plays\"}\n");
    snprintf(words, sizeof words, "retry --from %s", folder_path("repaired"));
    assert_int_equal(dlq(words), 2);
    assert_non_null(strstr(words_printed(), "this is no dead letter: {\"topic\":\"plays\"}"));
    assert_false(folder_has("retry.ndjson"));
    assert_int_equal(dlq("retry --from /nonexistent/file"), 2);
}

static void a_torn_line_of_an_earlier_retry_is_cut_off(void **state)
{
    (void)state;
    folder_write("retry.ndjson", "{\"batch_time\":1,\"to");
    assert_int_equal(dlq("retry --reason bad_flag"), 0);
    assert_true(strncmp(folder_read("retry.ndjson"), "{\"batch_time\":1000,", 19) == 0);
}

static void a_wrong_word_names_the_right_one(void **state)
{
    (void)state;
    assert_int_equal(dlq("shaw"), 2);
    assert_non_null(strstr(words_printed(), "did you mean \"show\"?"));
}

static void a_job_without_dead_letters_has_none(void **state)
{
    (void)state;
    char text[600];
    snprintf(text, sizeof text, "rm -r %s", folder_path("dead"));
    assert_int_equal(system(text), 0);
    assert_int_equal(dlq("list"), 0);
    assert_non_null(strstr(words_printed(), "has no dead letters."));
    assert_int_equal(dlq("retry"), 0);
    assert_false(folder_has("retry.ndjson"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_counts_by_topic_stage_and_reason, start, folder_stop),
        cmocka_unit_test_setup_teardown(show_gives_the_letters_as_they_are, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_retry_takes_each_letter_once, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_letter_that_came_again_may_be_retried_again, start, folder_stop),
        cmocka_unit_test_setup_teardown(repaired_letters_are_taken_from_a_file, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_letter_is_told_and_nothing_is_retried, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_torn_line_of_an_earlier_retry_is_cut_off, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_wrong_word_names_the_right_one, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_job_without_dead_letters_has_none, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
