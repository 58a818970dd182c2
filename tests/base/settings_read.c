/*
 * tests/base/settings_read.c - settings from files, the environment and the command line, and which of them wins.
 */
#include <base/folder.h>
#include <base/settings.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const setting rows[] = {
    { "batch.interval", "--interval", SETTING_DURATION, "2s", "1ms", "1d", "DURATION",
      "time between batches" },
    { "redis.url", NULL, SETTING_TEXT, "redis://127.0.0.1:6379", NULL, NULL, "URL", "where Redis answers" },
    { "redis.key-prefix", NULL, SETTING_TEXT, "", NULL, NULL, NULL, "before each key" },
    { "cores", "--cores", SETTING_I64, "2", "1", "64", "N", "workers" },
    { "fsync", "--fsync", SETTING_FLAG, "true", NULL, NULL, NULL, "whether files are synced" },
    { "to", "--to", SETTING_LIST, NULL, NULL, NULL, "NAME=URI", "where an output goes" },
    { NULL, "-h, --help", SETTING_FLAG, NULL, NULL, NULL, NULL, "prints this" },
    { NULL, "--password", SETTING_TEXT, NULL, NULL, NULL, NULL, "of the command line only" },
    { 0 }
};

static settings *table;

static int table_setup(void **unused)
{
    (void)unused;
    folder_open();
    table = settings_new();
    settings_add(table, "Everything", rows);
    settings_pass(table, "kafka.");
    return 0;
}

static int table_teardown(void **unused)
{
    (void)unused;
    settings_free(table);
    folder_close();
    unsetenv("SLUICE_CORES");
    unsetenv("SLUICE_REDIS_URL");
    unsetenv("SLUICE_BATCH_INTERVAL");
    return 0;
}

static void read_file(const char *text)
{
    failure failure = { 0 };
    folder_write("settings", text);
    settings_file(table, folder_path("settings"), &failure);
    assert_string_equal(failure.text, "");
}

static void refuse_file(const char *text, const char *expected)
{
    failure failure = { 0 };
    folder_write("settings", text);
    assert_int_equal(settings_file(table, folder_path("settings"), &failure), SL_USAGE);
    size_t size = strlen(folder_path("settings"));
    assert_memory_equal(failure.text, folder_path("settings"), size);
    assert_string_equal(failure.text + size, expected);
}

/* The words of a command line behind the program's name, up to NULL. */
static sl_result take(char **words, int *used, failure *failure)
{
    int count = 0;
    char *line[20] = { "program" };
    while (words[count]) {
        line[count + 1] = words[count];
        count++;
    }
    *failure = (struct failure){ 0 };
    return settings_arguments(table, count + 1, line, used, failure);
}

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

static void take_all(char **words)
{
    failure failure;
    int used = 0, count = 1;
    take(words, &used, &failure);
    assert_string_equal(failure.text, "");
    while (*words++)
        count++;
    assert_int_equal(used, count);
}

static void refuse(char **words, const char *expected)
{
    failure failure;
    int used = 0;
    assert_int_equal(take(words, &used, &failure), SL_USAGE);
    assert_string_equal(failure.text, expected);
}

static void a_file_has_a_key_and_a_value_a_line(void **unused)
{
    (void)unused;
    read_file("\xef\xbb\xbf# a comment\n"
              "\n"
              "  \t \r\n"
              "batch.interval 250ms\n"
              "  cores=4 \t\n"
              "redis.url: redis://me:p#w@h:1/2 = x\r\n"
              "redis.key-prefix =\n"
              "kafka.fetch.min.bytes\t:\t100\n"
              "to documents=file:out\n"
              "to = top=redis\n"
              "fsync false");
    assert_int_equal(settings_ms(table, "batch.interval"), 250);
    assert_int_equal(settings_i64(table, "cores"), 4);
    assert_string_equal(settings_text(table, "redis.url"), "redis://me:p#w@h:1/2 = x");
    assert_string_equal(settings_text(table, "redis.key-prefix"), "");
    assert_true(settings_given(table, "redis.key-prefix"));
    assert_string_equal(settings_text(table, "kafka.fetch.min.bytes"), "100");
    assert_int_equal(settings_count(table, "to"), 2);
    assert_string_equal(settings_item(table, "to", 0), "documents=file:out");
    assert_string_equal(settings_item(table, "to", 1), "top=redis");
    assert_false(settings_flag(table, "fsync"));
}

static void a_wrong_line_is_told_with_its_number(void **unused)
{
    (void)unused;
    refuse_file("# a\ncores 4\ncoers 4\n", ", line 3: unknown setting coers; did you mean cores?");
    refuse_file("batch.interval 2",
                ", line 1: batch.interval: \"2\" has no unit: write 2ms, 2s, 2min, 2h or 2d (1ms to 1d)");
    refuse_file("\ncores\n", ", line 2: cores has no value; write: cores VALUE");
    refuse_file("= 4\n", ", line 1: the line begins with no key; write: key value");
    refuse_file("--cores 4\n", ", line 1: --cores is an option for the command line; write its key");
}

static void a_file_that_cannot_be_read_is_wrong_usage(void **unused)
{
    (void)unused;
    failure absent = { 0 }, folder = { 0 };
    assert_int_equal(settings_file(table, folder_path("absent"), &absent), SL_USAGE);
    assert_non_null(strstr(absent.text, folder_path("absent")));
    assert_int_equal(settings_file(table, folder_path(""), &folder), SL_USAGE);
    read_file("");
}

static void a_file_with_zero_bytes_is_no_text(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    FILE *file = fopen(folder_path("settings"), "w");
    assert_int_equal(fwrite("cores 4\n\0x", 1, 10, file), 10);
    fclose(file);
    assert_int_equal(settings_file(table, folder_path("settings"), &failure), SL_USAGE);
    assert_false(settings_given(table, "cores"));
}

static void variables_are_named_after_their_keys(void **unused)
{
    (void)unused;
    char *environment[] = { "HOME=x",          "SLUICE_BATCH_INTERVAL=3s", "SLUICE_REDIS_KEY_PREFIX=a=b",
                            "SLUICE_COREST=9", "SLUICE_FAULT=x",           "SLUICE_KAFKA_DEBUG=all",
                            "SLUICE_CORES=",   "SLUICE_TO=documents=null", NULL };
    failure failure = { 0 };
    assert_int_equal(settings_environment(table, environment, &failure), SL_OK);
    assert_int_equal(settings_ms(table, "batch.interval"), 3000);
    assert_string_equal(settings_text(table, "redis.key-prefix"), "a=b");
    assert_false(settings_given(table, "cores"));
    assert_false(settings_given(table, "kafka.debug"));
    assert_string_equal(settings_item(table, "to", 0), "documents=null");
}

static void a_wrong_variable_is_told_by_its_name(void **unused)
{
    (void)unused;
    char *environment[] = { "SLUICE_CORES=many", NULL };
    failure failure = { 0 };
    assert_int_equal(settings_environment(table, environment, &failure), SL_USAGE);
    assert_string_equal(failure.text,
                        "SLUICE_CORES in the environment: \"many\" is no whole number (1 to 64)");
}

static void options_have_their_value_behind_a_blank_or_an_equals_sign(void **unused)
{
    (void)unused;
    take_all(WORDS("--interval", "3s", "--cores=4", "--conf", "redis.url=redis://h:1/?a=b",
                   "--conf=kafka.debug=all", "--to", "a=null", "--to=b=console",
                   "--password=", "--fsync=false"));
    assert_int_equal(settings_ms(table, "batch.interval"), 3000);
    assert_int_equal(settings_i64(table, "cores"), 4);
    assert_string_equal(settings_text(table, "redis.url"), "redis://h:1/?a=b");
    assert_string_equal(settings_text(table, "kafka.debug"), "all");
    assert_int_equal(settings_count(table, "to"), 2);
    assert_string_equal(settings_item(table, "to", 1), "b=console");
    assert_string_equal(settings_text(table, "--password"), "");
    assert_false(settings_flag(table, "fsync"));
}

static void a_bare_flag_means_true_and_takes_no_word(void **unused)
{
    (void)unused;
    failure failure;
    int used = 0;
    assert_int_equal(take(WORDS("--fsync=false", "--fsync", "false"), &used, &failure), SL_OK);
    assert_int_equal(used, 3);
    assert_true(settings_flag(table, "fsync"));
}

static void options_end_at_the_first_other_word_or_behind_two_dashes(void **unused)
{
    (void)unused;
    failure failure;
    int used = 0;
    assert_int_equal(take(WORDS("--cores", "3", "job", "--cores", "99"), &used, &failure), SL_OK);
    assert_int_equal(used, 3);
    assert_int_equal(take(WORDS("--cores", "4", "--", "--cores", "99"), &used, &failure), SL_OK);
    assert_int_equal(used, 4);
    assert_int_equal(settings_i64(table, "cores"), 4);
    assert_int_equal(take(WORDS("-", "x"), &used, &failure), SL_OK);
    assert_int_equal(used, 1);
    assert_int_equal(take(WORDS(NULL), &used, &failure), SL_OK);
    assert_int_equal(used, 1);
}

static void the_last_of_several_values_wins(void **unused)
{
    (void)unused;
    take_all(WORDS("--cores", "3", "--conf", "cores=5"));
    assert_int_equal(settings_i64(table, "cores"), 5);
    take_all(WORDS("--conf", "cores=5", "--cores", "3"));
    assert_int_equal(settings_i64(table, "cores"), 3);
}

static void files_give_way_to_the_environment_and_that_to_options(void **unused)
{
    (void)unused;
    folder_write("one", "cores 11\nredis.url one\nbatch.interval 11s\nto a=null\nto b=null\n");
    folder_write("two", "fsync false\nredis.key-prefix two\n");
    char *one = strdup(folder_path("one")), *two = strdup(folder_path("two"));
    setenv("SLUICE_CORES", "12", 1);
    setenv("SLUICE_REDIS_URL", "environment", 1);
    take_all(WORDS("--conf", "redis.url=options", "--to", "c=null", "--properties-file", one,
                   "--properties-file", two));
    assert_string_equal(settings_text(table, "redis.url"), "options");
    assert_int_equal(settings_i64(table, "cores"), 12);
    assert_int_equal(settings_ms(table, "batch.interval"), 11000);
    assert_string_equal(settings_text(table, "redis.key-prefix"), "two");
    assert_int_equal(settings_count(table, "to"), 1);
    assert_string_equal(settings_item(table, "to", 0), "c=null");
    free(one);
    free(two);
}

static void wrong_options_are_told(void **unused)
{
    (void)unused;
    refuse(WORDS("--intervall", "2s"), "unknown option --intervall; did you mean --interval?");
    refuse(WORDS("--interval", "2"),
           "--interval: \"2\" has no unit: write 2ms, 2s, 2min, 2h or 2d (1ms to 1d)");
    refuse(WORDS("--interval"), "--interval needs a value: --interval DURATION");
    refuse(WORDS("--interval", "--cores", "2"), "--interval needs a value: --interval DURATION");
    refuse(WORDS("--conf", "cores"), "--conf takes key=value, as in batch.interval=2s");
    refuse(WORDS("--conf", "=3"), "--conf takes key=value, as in batch.interval=2s");
    refuse(WORDS("--conf", "--cores=3"), "--conf needs a value: --conf KEY=VALUE");
    refuse(WORDS("--conf=--cores=3"), "--conf takes key=value, as in batch.interval=2s");
    refuse(WORDS("--conf", "coers=3"), "unknown setting coers; did you mean cores?");
    refuse(WORDS("--fsync=yes"), "--fsync: \"yes\" is neither true nor false");
    refuse(WORDS("-x"), "unknown option -x; --help lists them all");
}

static void a_secret_in_a_wrong_option_is_not_told(void **unused)
{
    (void)unused;
    refuse(WORDS("--pasword=canary"), "unknown option --pasword; did you mean --password?");
    refuse(WORDS("--conf", "redis.pasword=canary"), "unknown setting redis.pasword; --help lists them all");
    refuse(WORDS("--conf", "canary"), "--conf takes key=value, as in batch.interval=2s");
}

static void help_is_known_when_something_else_is_wrong(void **unused)
{
    (void)unused;
    failure failure;
    int used = 0;
    setenv("SLUICE_CORES", "many", 1);
    assert_int_equal(take(WORDS("--interval", "2", "-h"), &used, &failure), SL_USAGE);
    assert_true(settings_flag(table, "--help"));
}

static void help_is_asked_for_anywhere_before_two_dashes(void **unused)
{
    (void)unused;
    static const struct {
        const char *words[5];
        int count;
        bool asked;
    } rows[] = {
        { { "job" }, 1, false },
        { { "job", "--help" }, 2, true },
        { { "job", "--bogus", "7", "word", "--help" }, 5, true },
        { { "job", "--interval", "--help" }, 3, true },
        { { "--help", "job" }, 2, false }, /* the program's own name */
        { { "job", "--", "--help" }, 3, false },
        { { "job", "--name=--help", "-help", "help" }, 4, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(settings_help_asked(rows[i].count, (char *const *)(uintptr_t)rows[i].words),
                         rows[i].asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, table_setup, table_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_a_key_and_a_value_a_line),
        TEST(a_wrong_line_is_told_with_its_number),
        TEST(a_file_that_cannot_be_read_is_wrong_usage),
        TEST(a_file_with_zero_bytes_is_no_text),
        TEST(variables_are_named_after_their_keys),
        TEST(a_wrong_variable_is_told_by_its_name),
        TEST(options_have_their_value_behind_a_blank_or_an_equals_sign),
        TEST(a_bare_flag_means_true_and_takes_no_word),
        TEST(options_end_at_the_first_other_word_or_behind_two_dashes),
        TEST(the_last_of_several_values_wins),
        TEST(files_give_way_to_the_environment_and_that_to_options),
        TEST(wrong_options_are_told),
        TEST(a_secret_in_a_wrong_option_is_not_told),
        TEST(help_is_known_when_something_else_is_wrong),
        TEST(help_is_asked_for_anywhere_before_two_dashes),
    };
    return cmocka_run_group_tests_name("base/settings_read", tests, NULL, NULL);
}
