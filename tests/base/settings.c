/*
 * tests/base/settings.c - rows of settings: their values, their defaults, lists, passed keys, and wrong tables.
 */
#include <base/settings.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const setting rows[] = {
    { "batch.interval", "--interval", SETTING_DURATION, "2s", "1ms", "1d", "DURATION",
      "time between batches" },
    { "redis.url", NULL, SETTING_TEXT, "redis://127.0.0.1:6379", NULL, NULL, "URL", "where Redis answers" },
    { "redis.password", NULL, SETTING_TEXT, NULL, NULL, NULL, NULL, "its password" },
    { "memory.input", NULL, SETTING_SIZE, "128mb", "1mb", NULL, NULL, "memory for input" },
    { "cores", "--cores", SETTING_I64, "2", "1", "64", "N", "workers" },
    { "skew", NULL, SETTING_F64, "1.0", "0", NULL, NULL, "how uneven" },
    { "fsync", NULL, SETTING_FLAG, "true", NULL, NULL, NULL, "whether files are synced" },
    { "to", "--to", SETTING_LIST, NULL, NULL, NULL, "NAME=URI", "where an output goes" },
    { "kafka.bootstrap.servers", NULL, SETTING_TEXT, "127.0.0.1:9092", NULL, NULL, NULL, "brokers" },
    { NULL, "-v, --verbose", SETTING_FLAG, NULL, NULL, NULL, NULL, "tells more" },
    { 0 }
};

static settings *table_new(void)
{
    settings *settings = settings_new();
    settings_add(settings, "Everything", rows);
    settings_pass(settings, "kafka.");
    return settings;
}

static void set(settings *settings, const char *name, const char *value, const char *origin)
{
    failure failure = { 0 };
    sl_result result = settings_set(settings, name, value, origin, &failure);
    assert_string_equal(failure.text, "");
    assert_int_equal(result, SL_OK);
}

static void refuse(settings *settings, const char *name, const char *value, const char *expected)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(settings, name, value, "test", &failure), SL_USAGE);
    assert_string_equal(failure.text, expected);
}

static void defaults_hold_until_something_is_set(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    assert_int_equal(settings_ms(settings, "batch.interval"), 2000);
    assert_string_equal(settings_text(settings, "redis.url"), "redis://127.0.0.1:6379");
    assert_null(settings_text(settings, "redis.password"));
    assert_int_equal(settings_bytes(settings, "memory.input"), 128 * 1024 * 1024);
    assert_int_equal(settings_i64(settings, "cores"), 2);
    assert_true(settings_f64(settings, "skew") >= 1 && settings_f64(settings, "skew") <= 1);
    assert_true(settings_flag(settings, "fsync"));
    assert_false(settings_flag(settings, "--verbose"));
    assert_int_equal(settings_count(settings, "to"), 0);
    for (const setting *row = rows; row->key || row->flag; row++)
        assert_false(settings_given(settings, row->key ? row->key : "--verbose"));
    settings_free(settings);
}

static void a_value_is_set_by_key_or_by_flag(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    set(settings, "batch.interval", "250ms", "a");
    assert_int_equal(settings_ms(settings, "batch.interval"), 250);
    set(settings, "--interval", "3s", "b");
    assert_int_equal(settings_ms(settings, "batch.interval"), 3000);
    assert_int_equal(settings_ms(settings, "--interval"), 3000);
    assert_string_equal(settings_text(settings, "batch.interval"), "3s");
    set(settings, "-v", "true", "b");
    assert_true(settings_flag(settings, "--verbose"));
    set(settings, "fsync", "false", "b");
    assert_false(settings_flag(settings, "fsync"));
    set(settings, "skew", "0.5", "b");
    assert_true(settings_f64(settings, "skew") >= 0.5 && settings_f64(settings, "skew") <= 0.5);
    assert_true(settings_given(settings, "batch.interval"));
    assert_true(settings_given(settings, "-v"));
    assert_false(settings_given(settings, "cores"));
    settings_free(settings);
}

static void a_refused_value_changes_nothing(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    set(settings, "cores", "4", "a");
    refuse(settings, "cores", "65",
           "cores: 65 is more than allowed; the nearest that is allowed is 64 (1 to 64)");
    refuse(settings, "--interval", "2",
           "--interval: \"2\" has no unit: write 2ms, 2s, 2min, 2h or 2d (1ms to 1d)");
    assert_int_equal(settings_i64(settings, "cores"), 4);
    assert_string_equal(settings_text(settings, "cores"), "4");
    assert_int_equal(settings_ms(settings, "batch.interval"), 2000);
    assert_false(settings_given(settings, "batch.interval"));
    settings_free(settings);
}

static void an_unknown_name_is_told_the_nearest_right_one(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    refuse(settings, "--intervall", "2s", "unknown option --intervall; did you mean --interval?");
    refuse(settings, "redis.ulr", "x", "unknown setting redis.ulr; did you mean redis.url?");
    refuse(settings, "--redis-url", "x", "unknown option --redis-url; did you mean --conf redis.url=VALUE?");
    refuse(settings, "--verbos", "true", "unknown option --verbos; did you mean --verbose?");
    refuse(settings, "nonsense", "x", "unknown setting nonsense; --help lists them all");
    refuse(settings, "--nonsense", "x", "unknown option --nonsense; --help lists them all");
    settings_free(settings);
}

static void texts_live_as_long_as_the_settings(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    char value[] = "redis://one";
    set(settings, "redis.url", value, "a");
    const char *first = settings_text(settings, "redis.url");
    value[8] = 'X';
    set(settings, "redis.url", "redis://two", "a");
    assert_string_equal(first, "redis://one");
    assert_string_equal(settings_text(settings, "redis.url"), "redis://two");
    settings_free(settings);
}

static void a_list_keeps_all_values_of_its_last_origin(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    for (int i = 0; i < 20; i++)
        set(settings, "to", "documents=null", "file");
    assert_int_equal(settings_count(settings, "to"), 20);
    set(settings, "--to", "documents=file:out", "command line");
    set(settings, "--to", "top=redis", "command line");
    assert_int_equal(settings_count(settings, "to"), 2);
    assert_string_equal(settings_item(settings, "to", 0), "documents=file:out");
    assert_string_equal(settings_item(settings, "to", 1), "top=redis");
    assert_string_equal(settings_text(settings, "to"), "top=redis");
    settings_free(settings);
}

typedef struct seen {
    size_t count;
    char text[200];
} seen;

static void see(void *argument, const char *key, const char *value)
{
    seen *seen = argument;
    size_t size = strlen(seen->text);
    snprintf(seen->text + size, sizeof seen->text - size, "%s=%s ", key, value);
    seen->count++;
}

static void keys_under_a_passed_prefix_are_kept_as_they_are(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    seen all = { 0 }, some = { 0 };
    set(settings, "kafka.fetch.wait.max.ms", "100", "a");
    set(settings, "kafka.debug", "", "a");
    set(settings, "kafka.bootstrap.servers", "b:9092", "a");
    set(settings, "kafka.fetch.wait.max.ms", "200", "b");
    settings_each(settings, "kafka.", see, &all);
    settings_each(settings, "kafka.fetch.", see, &some);
    assert_string_equal(all.text, "kafka.fetch.wait.max.ms=200 kafka.debug= ");
    assert_string_equal(some.text, "kafka.fetch.wait.max.ms=200 ");
    assert_string_equal(settings_text(settings, "kafka.fetch.wait.max.ms"), "200");
    assert_string_equal(settings_text(settings, "kafka.bootstrap.servers"), "b:9092");
    assert_null(settings_text(settings, "kafka.unknown"));
    assert_true(settings_given(settings, "kafka.debug"));
    assert_true(settings_given(settings, "kafka.bootstrap.servers"));
    assert_false(settings_given(settings, "kafka.unknown"));
    settings_free(settings);
}

static void tables_may_go_after_they_were_added(void **unused)
{
    (void)unused;
    char key[] = "top.window", usual[] = "30h", title[] = "Job";
    setting table[] = { { key, NULL, SETTING_DURATION, usual, NULL, NULL, NULL, NULL }, { 0 } };
    settings *settings = settings_new();
    settings_add(settings, title, table);
    memset(key, 'x', sizeof key - 1);
    memset(usual, 'x', sizeof usual - 1);
    memset(table, 0, sizeof table);
    assert_int_equal(settings_ms(settings, "top.window"), 30 * 3600000);
    assert_string_equal(settings_text(settings, "top.window"), "30h");
    settings_free(settings);
}

static void a_wrong_table_is_told_by_the_next_call(void **unused)
{
    (void)unused;
    static const setting bad_default[] = { { "a", NULL, SETTING_DURATION, "5", NULL, NULL, NULL, NULL },
                                           { 0 } };
    static const setting bad_range[] = { { "a", NULL, SETTING_I64, "5", "x", NULL, NULL, NULL }, { 0 } };
    static const setting bad_name[] = { { "b", "--interval", SETTING_TEXT, NULL, NULL, NULL, NULL, NULL },
                                        { 0 } };
    const setting *const tables[] = { bad_default, bad_range, bad_name };
    static const char *const expected[] = { "the default of a: \"5\" has no unit",
                                            "the default of a: its own range",
                                            "two settings are called --interval; rename that of \"Job\"" };
    for (size_t i = 0; i < 3; i++) {
        settings *settings = table_new();
        failure failure = { 0 };
        settings_add(settings, "Job", tables[i]);
        assert_int_equal(settings_set(settings, "cores", "1", "test", &failure), SL_USAGE);
        assert_memory_equal(failure.text, expected[i], strlen(expected[i]));
        settings_free(settings);
    }
}

/* Whether reading it so ends the process: tried in a child. */
static bool reading_aborts(int (*read)(const settings *settings))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        FILE *quiet = freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        _exit(quiet && read(table_new()) < 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static int read_unknown(const settings *settings)
{
    return (int)settings_i64(settings, "core");
}

static int read_wrong_kind(const settings *settings)
{
    return (int)settings_i64(settings, "batch.interval");
}

static int read_past_list(const settings *settings)
{
    return settings_item(settings, "to", 0) != NULL;
}

static int read_well(const settings *settings)
{
    return (int)settings_i64(settings, "cores");
}

static void reading_what_is_in_no_table_is_a_bug(void **unused)
{
    (void)unused;
    assert_true(reading_aborts(read_unknown));
    assert_true(reading_aborts(read_wrong_kind));
    assert_true(reading_aborts(read_past_list));
    assert_false(reading_aborts(read_well));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_until_something_is_set),
        cmocka_unit_test(a_value_is_set_by_key_or_by_flag),
        cmocka_unit_test(a_refused_value_changes_nothing),
        cmocka_unit_test(an_unknown_name_is_told_the_nearest_right_one),
        cmocka_unit_test(texts_live_as_long_as_the_settings),
        cmocka_unit_test(a_list_keeps_all_values_of_its_last_origin),
        cmocka_unit_test(keys_under_a_passed_prefix_are_kept_as_they_are),
        cmocka_unit_test(tables_may_go_after_they_were_added),
        cmocka_unit_test(a_wrong_table_is_told_by_the_next_call),
        cmocka_unit_test(reading_what_is_in_no_table_is_a_bug),
    };
    return cmocka_run_group_tests_name("base/settings", tests, NULL, NULL);
}
