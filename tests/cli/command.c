/*
 * tests/cli/command.c - how a subcommand's words are read, and what becomes of its result.
 */
#include <cli/words.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sl_result answer;

static sl_result double_run(const arguments *arguments, failure *failure)
{
    printf("%zu names, first %s, color %s, loud %d\n", arguments->count,
           arguments->count ? arguments->names[0] : "none", settings_text(arguments->settings, "--color"),
           settings_flag(arguments->settings, "--loud"));
    return answer == SL_OK ? SL_OK : (fail)(failure, answer, "it went wrong");
}

static const setting options[] = {
    { NULL, "--color", SETTING_TEXT, "red", NULL, NULL, "NAME", "which color" },
    { NULL, "--loud", SETTING_FLAG, NULL, NULL, NULL, NULL, "louder" },
    { 0 },
};

static const command sample = { .name = "sample",
                                .form = "NAME [--color NAME]",
                                .about = "about this",
                                .options = options,
                                .names_least = 1,
                                .names_most = 2,
                                .run = double_run };

static void options_may_stand_before_and_behind_names(void **state)
{
    (void)state;
    answer = SL_OK;
    assert_int_equal(words_run(&sample, "sample --loud one --color blue two"), 0);
    assert_string_equal(words_printed(), "2 names, first one, color blue, loud 1\n");
}

static void a_word_too_many_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(words_run(&sample, "sample one two three"), 2);
    assert_non_null(strstr(words_printed(), "\"three\" is one word too many"));
}

static void a_missing_name_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(words_run(&sample, "sample --loud"), 2);
    assert_non_null(strstr(words_printed(), "NAME [--color NAME]"));
}

static void an_unknown_option_names_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(words_run(&sample, "sample one --colour blue"), 2);
    assert_non_null(strstr(words_printed(), "--color"));
}

static void help_needs_no_names(void **state)
{
    (void)state;
    assert_int_equal(words_run(&sample, "sample --help"), 0);
    assert_non_null(strstr(words_printed(), "about this"));
    assert_non_null(strstr(words_printed(), "which color"));
}

static void help_is_given_whatever_else_is_wrong(void **state)
{
    (void)state;
    static const char *const lines[] = { "sample --bogus --help", "sample one two three --help",
                                         "sample --help --color" };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(words_run(&sample, lines[i]), 0);
        assert_non_null(strstr(words_printed(), "about this"));
    }
    answer = SL_OK;
    assert_int_equal(words_run(&sample, "sample one -- --help"), 0);
    assert_non_null(strstr(words_printed(), "2 names")); /* behind two dashes it is one */
}

static void each_result_has_its_exit_code(void **state)
{
    (void)state;
    static const struct {
        sl_result result;
        int code;
    } rows[] = { { SL_OK, 0 },       { SL_FAILED, 1 },    { SL_LIMIT, 1 },
                 { SL_RETRY, 1 },    { SL_USAGE, 2 },     { SL_UNREACHABLE, 3 },
                 { SL_REPEATED, 4 }, { SL_DATA_LOSS, 5 }, { SL_RUNNING, 6 } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answer = rows[i].result;
        assert_int_equal(words_run(&sample, "sample one"), rows[i].code);
    }
    assert_non_null(strstr(words_printed(), "sluice sample: it went wrong"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_before_and_behind_names),
        cmocka_unit_test(a_word_too_many_is_wrong_usage),
        cmocka_unit_test(a_missing_name_is_wrong_usage),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(help_needs_no_names),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(each_result_has_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
