/*
 * tests/settings.c - the engine's settings as its users name them, their defaults, and the options of a job beside them.
 */
#include <base/settings.h>
#include <kinds.h>
#include <settings.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct options {
    int64_t top_count;
    double bad_share;
    bool skip_bad;
    const char *out_file;
    sl_duration top_window, top_slide;
} options;

static const sl_option option_table[] = { SL_OPTION(options, top_count, "10", "1", "100", "how many"),
                                          SL_OPTION(options, bad_share, "0.5", "0", "1", "how bad"),
                                          SL_OPTION(options, skip_bad, "false", NULL, NULL, "skip"),
                                          SL_OPTION(options, out_file, NULL, NULL, NULL, "where"),
                                          SL_OPTION(options, top_window, "30h", "1ms", "365d", "how long"),
                                          SL_OPTION(options, top_slide, NULL, "1ms", "365d", "how often"),
                                          { 0 } };

static const sl_job trial = { .name = "trial",
                              .about = "options of every kind",
                              .options = option_table,
                              .options_bytes = sizeof(options) };

static sl_result read_into(settings *settings, failure *failure, int count, const char *const *words)
{
    int used = 0;
    return settings_arguments(settings, count, (char **)(uintptr_t)words, &used, failure);
}

static void defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    settings *settings = settings_for(&trial);
    assert_int_equal(settings_ms(settings, "batch.interval"), 2000);
    assert_int_equal(settings_bytes(settings, "memory.input"), 128 << 20);
    assert_int_equal(settings_i64(settings, "rate.max_per_partition"), 0);
    assert_int_equal(settings_ms(settings, "redis.cache.ttl"), 60000);
    assert_int_equal(settings_ms(settings, "redis.cache.missing_ttl"), 5000);
    assert_string_equal(settings_text(settings, "start.from_offsets"), "earliest");
    assert_false(settings_flag(settings, "batch.available_now"));
    assert_int_equal(settings_i64(settings, "batches.failures_max"), 0);
    assert_null(settings_text(settings, "work.dir"));
    settings_free(settings);
}

static void help_tells_the_interval_that_is_usual_for_the_job(void **state)
{
    (void)state;
    sl_job quick = trial;
    quick.interval = "250ms";
    settings *settings = settings_for(&quick);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    settings_help(settings, out);
    fclose(out);
    assert_int_equal(settings_ms(settings, "batch.interval"), 250);
    assert_non_null(strstr(text, "(default 250ms; 1ms to 1d; batch.interval, SLUICE_BATCH_INTERVAL)"));
    free(text);
    settings_free(settings);
}

/* Every option of jobs.md, section 6. */
static void all_options_of_the_contract_are_known(void **state)
{
    (void)state;
    static const char *const words[] = { "trial",
                                         "--name",
                                         "n",
                                         "--cores",
                                         "3",
                                         "--interval",
                                         "250ms",
                                         "--from-offsets",
                                         "latest",
                                         "--conf",
                                         "kafka.bootstrap.servers=127.0.0.1:9092",
                                         "--conf",
                                         "redis.url=redis://127.0.0.1:6379",
                                         "--conf",
                                         "elastic.url=http://127.0.0.1:9200",
                                         "--conf",
                                         "kafka.group.id=realtime-group1",
                                         "--work-dir",
                                         "var",
                                         "--topic",
                                         "t",
                                         "--to",
                                         "a=file:out",
                                         "--to",
                                         "a=redis",
                                         "--from",
                                         "lines=kafka:t",
                                         "--max-rate-per-partition",
                                         "100",
                                         "--available-now",
                                         "--max-batch-failures",
                                         "4",
                                         "--startup-timeout",
                                         "1s",
                                         "--take-over" };
    failure failure = { 0 };
    settings *settings = settings_for(&trial);
    assert_int_equal(read_into(settings, &failure, sizeof words / sizeof words[0], words), SL_OK);
    assert_string_equal(settings_text(settings, "job.name"), "n");
    assert_int_equal(settings_i64(settings, "workers"), 3);
    assert_int_equal(settings_ms(settings, "batch.interval"), 250);
    assert_string_equal(settings_text(settings, "work.dir"), "var");
    assert_int_equal(settings_count(settings, "output.to"), 2);
    assert_string_equal(settings_item(settings, "output.to", 1), "a=redis");
    assert_int_equal(settings_i64(settings, "rate.max_per_partition"), 100);
    assert_true(settings_flag(settings, "batch.available_now"));
    assert_true(settings_flag(settings, "fence.take_over"));
    assert_int_equal(settings_i64(settings, "batches.failures_max"), 4);
    assert_int_equal(settings_ms(settings, "startup.timeout"), 1000);
    settings_free(settings);
}

static void the_jobs_options_are_flags_with_their_members_names(void **state)
{
    (void)state;
    static const char *const words[] = { "trial",      "--top-count", "7",     "--bad-share", "0.25",
                                         "--skip-bad", "--out-file",  "there", "--top-slide", "5min" };
    failure failure = { 0 };
    options filled = { 0 };
    settings *settings = settings_for(&trial);
    assert_int_equal(read_into(settings, &failure, sizeof words / sizeof words[0], words), SL_OK);
    settings_fill(settings, &trial, &filled);
    assert_int_equal(filled.top_count, 7);
    assert_true(filled.bad_share == 0.25);
    assert_true(filled.skip_bad);
    assert_string_equal(filled.out_file, "there");
    assert_int_equal(filled.top_slide.ms, 300000);
    assert_int_equal(filled.top_window.ms, 30 * 3600000);
    settings_free(settings);
}

static void an_option_without_a_default_stays_zero(void **state)
{
    (void)state;
    options filled = { .top_slide = { 0 } };
    settings *settings = settings_for(&trial);
    settings_fill(settings, &trial, &filled);
    assert_int_equal(filled.top_count, 10);
    assert_null(filled.out_file);
    assert_int_equal(filled.top_slide.ms, 0);
    settings_free(settings);
}

static void a_jobs_option_out_of_its_range_is_refused(void **state)
{
    (void)state;
    static const char *const words[] = { "trial", "--top-count", "101" };
    failure failure = { 0 };
    settings *settings = settings_for(&trial);
    assert_int_equal(read_into(settings, &failure, 3, words), SL_USAGE);
    assert_non_null(strstr(failure.text, "--top-count"));
    assert_non_null(strstr(failure.text, "100"));
    settings_free(settings);
}

static void a_bare_number_is_no_interval(void **state)
{
    (void)state;
    static const char *const words[] = { "trial", "--interval", "2" };
    failure failure = { 0 };
    settings *settings = settings_for(&trial);
    assert_int_equal(read_into(settings, &failure, 3, words), SL_USAGE);
    settings_free(settings);
}

static void librdkafkas_own_keys_pass_and_others_do_not(void **state)
{
    (void)state;
    static const char *const good[] = { "trial", "--conf", "kafka.fetch.wait.max.ms=7" };
    static const char *const bad[] = { "trial", "--conf", "redis.ulr=redis://127.0.0.1" };
    failure failure = { 0 };
    settings *settings = settings_for(&trial);
    assert_int_equal(read_into(settings, &failure, 3, good), SL_OK);
    assert_int_equal(read_into(settings, &failure, 3, bad), SL_USAGE);
    assert_non_null(strstr(failure.text, "redis.url"));
    settings_free(settings);
}

/* Kinds that share a table, as source and sink of Kafka do, add it once; every row of every kind can be asked for. */
static void the_settings_of_every_kind_are_there(void **state)
{
    (void)state;
    settings *settings = settings_for(&trial);
    for (size_t i = 0; sink_kinds[i]; i++)
        for (const setting *row = sink_kinds[i]->settings; row && (row->key || row->flag); row++)
            if (row->usual)
                assert_non_null(settings_text(settings, row->key ? row->key : row->flag));
    for (size_t i = 0; source_kinds[i]; i++)
        for (const setting *row = source_kinds[i]->settings; row && (row->key || row->flag); row++)
            if (row->usual)
                assert_non_null(settings_text(settings, row->key ? row->key : row->flag));
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(help_tells_the_interval_that_is_usual_for_the_job),
        cmocka_unit_test(all_options_of_the_contract_are_known),
        cmocka_unit_test(the_jobs_options_are_flags_with_their_members_names),
        cmocka_unit_test(an_option_without_a_default_stays_zero),
        cmocka_unit_test(a_jobs_option_out_of_its_range_is_refused),
        cmocka_unit_test(a_bare_number_is_no_interval),
        cmocka_unit_test(librdkafkas_own_keys_pass_and_others_do_not),
        cmocka_unit_test(the_settings_of_every_kind_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
