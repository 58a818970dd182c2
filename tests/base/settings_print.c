/*
 * tests/base/settings_print.c - what people are told of settings, and what nobody is told.
 */
#include <base/settings.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const setting batch_rows[] = {
    { "batch.interval", "--interval", SETTING_DURATION, "2s", "1ms", "1d", "DURATION",
      "time between batches" },
    { "cores", "--cores", SETTING_I64, NULL, "1", NULL, "N", "workers" },
    { "fsync", NULL, SETTING_FLAG, "true", NULL, NULL, NULL, "whether files are synced" },
    { "to", "--to", SETTING_LIST, NULL, NULL, NULL, "NAME=URI", "where an output goes" },
    { NULL, "-v, --verbose", SETTING_FLAG, NULL, NULL, NULL, NULL, "tells more" },
    { NULL, "--a-flag-with-a-very-long-name", SETTING_TEXT, NULL, NULL, NULL, "VALUE", "has its help below" },
    { 0 }
};

static const setting redis_rows[] = {
    { "redis.url", NULL, SETTING_TEXT, "redis://127.0.0.1:6379", NULL, NULL, "URL", "where Redis answers" },
    { "redis.password", NULL, SETTING_TEXT, NULL, NULL, NULL, NULL, "its password" },
    { "redis.token.ttl", NULL, SETTING_DURATION, "5min", NULL, NULL, NULL, "no secret" },
    { "log.format", NULL, SETTING_CHOICE, "text", "text|json", NULL, NULL, "how" },
    { 0 }
};

static settings *table_new(void)
{
    settings *settings = settings_new();
    settings_add(settings, "Batches", batch_rows);
    settings_add(settings, "Redis", redis_rows);
    settings_pass(settings, "kafka.");
    return settings;
}

static void set(settings *settings, const char *name, const char *value)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(settings, name, value, "command line", &failure), SL_OK);
}

/* Free it. */
static char *printed(const settings *settings, void (*print)(const struct settings *settings, FILE *out))
{
    static char *text; /* static: gcc thinks that the stream's hold on it outlives the call */
    static size_t size;
    FILE *out = open_memstream(&text, &size);
    print(settings, out);
    fclose(out);
    return text;
}

static void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void help_lists_every_row_under_its_title(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    char *help = printed(settings, settings_help);
    assert_holds(
        help,
        "Batches:\n"
        "  --interval DURATION             time between batches\n"
        "                                  (default 2s; 1ms to 1d; batch.interval, SLUICE_BATCH_INTERVAL)\n"
        "  --cores N                       workers\n"
        "                                  (at least 1; cores, SLUICE_CORES)\n"
        "  --conf fsync=true|false         whether files are synced\n"
        "                                  (default true; fsync, SLUICE_FSYNC)\n"
        "  --to NAME=URI                   where an output goes\n"
        "                                  (may be repeated; to, SLUICE_TO)\n"
        "  -v, --verbose                   tells more\n"
        "  --a-flag-with-a-very-long-name VALUE\n"
        "                                  has its help below\n"
        "\n"
        "Redis:\n");
    assert_holds(
        help, "  --conf log.format=CHOICE        how\n"
              "                                  (default text; text|json; log.format, SLUICE_LOG_FORMAT)\n");
    assert_true(strstr(help, "Redis:\n") < strstr(help, "Settings:\n"));
    assert_holds(help, "  --properties-file FILE ");
    free(help);
    settings_free(settings);
}

static void a_table_without_keys_has_no_help_on_setting_keys(void **unused)
{
    (void)unused;
    static const setting flags[] = { { NULL, "--json", SETTING_FLAG, NULL, NULL, NULL, NULL, "as JSON" },
                                     { 0 } };
    settings *settings = settings_new();
    settings_add(settings, "Options", flags);
    char *help = printed(settings, settings_help);
    assert_string_equal(help, "Options:\n  --json                          as JSON\n\n");
    free(help);
    settings_free(settings);
}

static void long_help_is_broken_into_lines(void **unused)
{
    (void)unused;
    static const setting rows[] = {
        { NULL, "--x", SETTING_FLAG, NULL, NULL, NULL, NULL,
          "a sentence that goes on and on, past the place where a line of a wide terminal ends, so that it has two lines" },
        { 0 }
    };
    settings *settings = settings_new();
    settings_add(settings, "Options", rows);
    char *help = printed(settings, settings_help);
    assert_string_equal(
        help, "Options:\n"
              "  --x                             a sentence that goes on and on, past the place where a "
              "line of a wide terminal ends,\n"
              "                                  so that it has two lines\n\n");
    free(help);
    settings_free(settings);
}

static void rows_of_one_title_stand_together(void **unused)
{
    (void)unused;
    static const setting more[] = { { "batch.more", NULL, SETTING_TEXT, NULL, NULL, NULL, NULL, "more" },
                                    { 0 } };
    settings *settings = table_new();
    settings_add(settings, "Batches", more);
    char *help = printed(settings, settings_help);
    assert_true(strstr(help, "batch.more") < strstr(help, "Redis:\n"));
    assert_null(strstr(strstr(help, "Batches:\n") + 1, "Batches:\n"));
    free(help);
    settings_free(settings);
}

/* "name value origin" with the blanks between them made one. */
static void assert_explained(const char *text, const char *expected)
{
    char *squeezed = strdup(text), *to = squeezed;
    for (const char *at = text; *at; at++)
        if (*at != ' ' || (at > text && at[-1] != ' '))
            *to++ = *at;
    *to = '\0';
    assert_holds(squeezed, expected);
    free(squeezed);
}

static void explain_tells_each_value_and_its_origin(void **unused)
{
    (void)unused;
    settings *settings = table_new();
    set(settings, "--cores", "3");
    set(settings, "to", "a=null");
    set(settings, "to", "b=console");
    set(settings, "kafka.debug", "all");
    set(settings, "-v", "true");
    char *text = printed(settings, settings_explain);
    assert_explained(text,
                     "batch.interval 2s default\ncores 3 command line\nfsync true default\n"
                     "to a=null command line\nto b=console command line\n-v, --verbose true command line\n"
                     "redis.url redis://127.0.0.1:6379 default\nredis.password - default\n");
    assert_explained(text, "\nkafka.debug all command line\n");
    assert_null(strstr(text, "--a-flag"));
    free(text);
    settings_free(settings);
}

static void explain_tells_no_secret(void **unused)
{
    (void)unused;
    static const char *const secrets[] = { "redis.password",         "kafka.sasl.password",
                                           "kafka.sasl.username",    "kafka.ssl.key.pem",
                                           "kafka.ssl_key",          "kafka.SASL.JAAS.config",
                                           "kafka.ssl.key.password", "kafka.api_key",
                                           "kafka.oauthbearer.token" };
    settings *settings = table_new();
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        set(settings, secrets[i], "canary");
    set(settings, "redis.url", "redis://me:canary@h:6379/0");
    set(settings, "to", "a=elastic+http://me:canary@h:9200/index");
    set(settings, "kafka.proxy", "http://canary@h");
    char *text = printed(settings, settings_explain);
    assert_null(strstr(text, "canary"));
    assert_explained(text, "redis.url redis://[hidden]@h:6379/0 command line\n");
    assert_explained(text, "redis.password [hidden] command line\n");
    assert_explained(text, "redis.token.ttl 5min default\n");
    free(text);
    settings_free(settings);
}

static void ordinary_names_are_no_secrets(void **unused)
{
    (void)unused;
    static const char *const names[] = { "redis.url",    "kafka.group.id", "keyspace",
                                         "monkey.count", "batch.interval", "" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(settings_is_secret(names[i]));
    assert_true(settings_is_secret("elastic.Password"));
    assert_true(settings_is_secret("KEY"));
    assert_true(settings_is_secret("--client-secret"));
}

static void users_of_urls_are_hidden(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        { "", "" },
        { "no url, a@b", "no url, a@b" },
        { "http://h:9200/x", "http://h:9200/x" },
        { "http://u:p@h", "http://[hidden]@h" },
        { "http://u:p@ss/w@h:1", "http://[hidden]@h:1" },
        { "http://u:p@h1,https://h2,http://u:p@h3", "http://[hidden]@h1,https://h2,http://[hidden]@h3" },
        { "no answer from http://u:p@h: mail a@b", "no answer from http://[hidden]@h: mail a@b" },
        { "://", "://" },
        { "a://@", "a://[hidden]@" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer out = { 0 };
        settings_hide(&out, cases[i][0]);
        buffer_byte(&out, '\0');
        assert_string_equal(out.at, cases[i][1]);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_lists_every_row_under_its_title),
        cmocka_unit_test(a_table_without_keys_has_no_help_on_setting_keys),
        cmocka_unit_test(long_help_is_broken_into_lines),
        cmocka_unit_test(rows_of_one_title_stand_together),
        cmocka_unit_test(explain_tells_each_value_and_its_origin),
        cmocka_unit_test(explain_tells_no_secret),
        cmocka_unit_test(ordinary_names_are_no_secrets),
        cmocka_unit_test(users_of_urls_are_hidden),
    };
    return cmocka_run_group_tests_name("base/settings_print", tests, NULL, NULL);
}
