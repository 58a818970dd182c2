/*
 * tests/listeners/prometheus.c - the text at /metrics: read by a strict parser of our own and by promtool, where it is installed.
 */
#include "../../listeners/prometheus.c"
#include <base/folder.h>
#include <listeners/measured.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *told;
static char *text;

static void page_read(void)
{
    size_t size;
    free(text);
    text = listener_prometheus.page(told, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
}

static int start(void **state)
{
    (void)state;
    char error[256];
    sl_start_info begun = measured_start();
    told = listener_prometheus.open(&(sl_listener_place){ .job = "my.job" }, error);
    listener_prometheus.on_streaming_started(told, &begun);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    listener_prometheus.close(told);
    free(text);
    text = NULL;
    return 0;
}

static void batches(int completed, int failed)
{
    for (int i = 0; i < completed + failed; i++) {
        sl_batch_info batch = measured_batch(SL_BATCH_SUBMITTED);
        listener_prometheus.on_batch_submitted(told, &batch);
        batch = measured_batch(i < completed ? SL_BATCH_COMPLETED : SL_BATCH_FAILED);
        if (i < completed)
            listener_prometheus.on_batch_completed(told, &batch);
        else
            listener_prometheus.on_batch_failed(told, &batch);
    }
    page_read();
}

/* Of the one line that begins with it. */
static double value_of(const char *series)
{
    char line[400];
    snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr(text, line);
    if (at == NULL)
        fail_msg("no %s in\n%s", series, text);
    assert_null(strstr(at + 1, line));
    return strtod(at + strlen(line), NULL);
}

#define JOB "job_name=\"my.job\""

static void counters_and_gauges_are_what_the_batches_told(void **state)
{
    (void)state;
    batches(3, 2);
    assert_true(value_of("sluice_batches_total{" JOB ",status=\"completed\"}") == 3);
    assert_true(value_of("sluice_batches_total{" JOB ",status=\"failed\"}") == 2);
    assert_true(value_of("sluice_batches_queued{" JOB "}") == 2);
    assert_true(value_of("sluice_records_total{" JOB ",result=\"written\"}") == 3 * 237);
    assert_true(value_of("sluice_records_total{" JOB ",result=\"dead_letter\"}") == 6);
    assert_true(value_of("sluice_source_lag_seconds{" JOB ",topic=\"realtime\",partition=\"0\"}") == 1.5);
    assert_true(value_of("sluice_source_lag_records{" JOB ",topic=\"real \\\"time\\\"\",partition=\"1\"}") ==
                50);
    assert_true(value_of("sluice_source_offset{" JOB ",topic=\"realtime\",partition=\"0\"}") == 220);
    assert_true(value_of("sluice_output_errors_total{" JOB ",output=\"tops\"}") == 2);
    assert_true(value_of("sluice_output_errors_total{" JOB ",output=\"documents\"}") == 0);
    assert_true(value_of("sluice_lookup_asked_total{" JOB ",lookup=\"customers\"}") == 60);
    assert_true(value_of("sluice_job_events_total{" JOB ",event=\"bad_age\"}") == 12);
    assert_true(value_of("sluice_batch_interval_seconds{" JOB "}") == 2);
    assert_true(value_of("sluice_batch_last_success_timestamp_seconds{" JOB "}") == 1795402680.5);
    double phases = 0;
    static const char *const names[] = { "waiting", "work", "merge", "sinks", "commit" };
    for (size_t i = 0; i < 5; i++) {
        char series[200];
        snprintf(series, sizeof series, "sluice_batch_phase_seconds_total{" JOB ",phase=\"%s\"}", names[i]);
        phases += value_of(series);
    }
    assert_true(phases > 0.011099 && phases < 0.011101); /* the total delay, thrice */
}

static void a_histogram_counts_up_to_its_bounds(void **state)
{
    (void)state;
    batches(2, 0);
    assert_true(value_of("sluice_batch_processing_seconds_bucket{" JOB ",le=\"0.001\"}") == 0);
    assert_true(value_of("sluice_batch_processing_seconds_bucket{" JOB ",le=\"0.005\"}") == 2);
    assert_true(value_of("sluice_batch_processing_seconds_bucket{" JOB ",le=\"60\"}") == 2);
    assert_true(value_of("sluice_batch_processing_seconds_bucket{" JOB ",le=\"+Inf\"}") == 2);
    assert_true(value_of("sluice_batch_processing_seconds_count{" JOB "}") == 2);
    assert_true(value_of("sluice_batch_processing_seconds_sum{" JOB "}") == 0.0064);
}

static void a_pause_shows_while_it_lasts(void **state)
{
    (void)state;
    page_read();
    assert_true(value_of("sluice_paused{" JOB "}") == 0);
    listener_prometheus.on_paused(told, &(sl_pause_info){ .since_ms = 5 });
    page_read();
    assert_true(value_of("sluice_paused{" JOB "}") == 1);
    listener_prometheus.on_resumed(told, &(sl_pause_info){ .since_ms = 5, .until_ms = 9 });
    listener_prometheus.on_rate_changed(told, &(sl_rate_info){ .records_per_second = 250.5 });
    page_read();
    assert_true(value_of("sluice_paused{" JOB "}") == 0);
    assert_true(value_of("sluice_rate_limit_records_per_second{" JOB "}") == 250.5);
}

/* The format 0.0.4: a head of two lines, then all of that name; label values escaped; a number at the end. */
static void assert_line(const char *line, char *name)
{
    char head[100], kind[20], value[100];
    int used = 0;
    if (line[0] == '#') {
        if (sscanf(line, "# TYPE %99s %19s", head, kind) == 2)
            assert_string_equal(head, name);
        else
            assert_int_equal(sscanf(line, "# HELP %99s %99s", name, value), 2);
        return;
    }
    assert_int_equal(strncmp(line, name, strlen(name)), 0);
    const char *at = line + strcspn(line, "{ ");
    bool open = false;
    assert_int_equal(*at, '{');
    for (; *at && (open || *at != '}'); at++) {
        if (*at == '\\' && open)
            assert_non_null(strchr("\\\"n", *++at));
        else if (*at == '"')
            open = !open;
    }
    assert_int_equal(*at, '}');
    assert_int_equal(sscanf(at + 1, " %*f%n", &used), 0);
    assert_int_equal(at[1 + used], '\0');
}

static void every_line_keeps_to_the_format(void **state)
{
    (void)state;
    char name[100] = "";
    batches(2, 1);
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) && rest)
        assert_line(line, name);
    assert_string_equal(line, ""); /* the last line has its end */
}

static void promtool_finds_nothing_wrong(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null 2>&1") != 0)
        skip();
    batches(2, 1);
    folder_open();
    folder_write("metrics", text);
    char line[1024];
    snprintf(line, sizeof line, "promtool check metrics <%s >%s 2>&1", folder_path("metrics"),
             folder_path("said"));
    int status = system(line);
    assert_string_equal(folder_read("said"), "");
    assert_int_equal(WEXITSTATUS(status), 0);
    folder_close();
}

/* A topic of thousands of partitions. */
static void the_table_is_bounded(void **state)
{
    (void)state;
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    sl_range many[3000];
    for (int i = 0; i < 3000; i++)
        many[i] = (sl_range){ "realtime", i, 0, 1, 1, 0 };
    batch.ranges = many;
    batch.range_count = 3000;
    listener_prometheus.on_batch_completed(told, &batch);
    page_read();
    assert_true(strlen(text) < 100000);
    assert_true(value_of("sluice_batches_total{" JOB ",status=\"completed\"}") == 1);
}

static void an_argument_is_refused(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(listener_prometheus.open(&(sl_listener_place){ .job = "j", .argument = "9090" }, error));
    assert_non_null(strstr(error, "http.address"));
}

static void a_path_has_no_bytes_that_mean_something(void **state)
{
    (void)state;
    char path[200];
    metric metric = { .name = "sluice_source_lag_records", .label_count = 3 };
    metric.labels[0] = (metric_label){ "job_name", "my.job" };
    metric.labels[1] = (metric_label){ "topic", "a b:c|d" };
    metric.labels[2] = (metric_label){ "partition", "7" };
    assert_string_equal(metric_path(&metric, path, sizeof path),
                        "sluice.my_job.source_lag_records.a_b_c_d.7");
    assert_string_equal(metric_path(&metric, path, 12), "sluice.my_j");
}

#define PAGE_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGE_TEST(counters_and_gauges_are_what_the_batches_told),
        PAGE_TEST(a_histogram_counts_up_to_its_bounds),
        PAGE_TEST(a_pause_shows_while_it_lasts),
        PAGE_TEST(every_line_keeps_to_the_format),
        PAGE_TEST(promtool_finds_nothing_wrong),
        PAGE_TEST(the_table_is_bounded),
        PAGE_TEST(an_argument_is_refused),
        PAGE_TEST(a_path_has_no_bytes_that_mean_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
