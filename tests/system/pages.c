/*
 * tests/system/pages.c - a job that runs has its pages: Spark's REST, metrics and settings are asked for by curl, and no secret is
 * told; one that ends with its input has none, unless it is told where.
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

static int run(const char *words)
{
    return shell("$B/jobs/hello_count --to counts=null --work-dir work %s >told 2>&1", words);
}

/*
 * curl itself waits: it tries again while the job starts, and until /ready says that a batch came through. The job runs
 * beside it and ends when it is through.
 */
static void a_running_job_tells_what_it_does(void **state)
{
    (void)state;
    static const char script[] =
        "$B/jobs/hello_count --from lines=rate:1000 --to counts=null --interval 100ms --work-dir work "
        "--conf redis.url=redis://me:hidden1@127.0.0.1:6379 --conf http.retained_batches=5 2>log & job=$!; "
        "trap 'kill $job; wait $job' EXIT; "
        "url=$(timeout 60 tail -n +1 -F --pid=$job log 2>&1 | sed -n '/page is/{s/.*page is //p;q}'); "
        "curl -sf --retry 60 --retry-delay 1 --retry-all-errors $url/ready >ready || exit 2; "
        "id=$(curl -sf $url/api/v1/applications | sed -n 's/^  \"id\" : \"\\(.*\\)\",/\\1/p'); "
        "curl -sf $url/api/v1/applications/$id/streaming/statistics >statistics; "
        "curl -sf \"$url/api/v1/applications/$id/streaming/batches?status=COMPLETED\" >batches; "
        "curl -s $url/api/v1/applications/$id/streaming/batches/1 >missing; "
        "curl -sf $url/metrics >metrics; curl -sf $url/settings >settings; curl -sf $url/ >page; "
        "curl -sf $url/plan >plan; curl -sf $url/status >status; "
        "command -v promtool >nothing && promtool check metrics <metrics >promtool 2>&1; true";
    assert_int_equal(shell("%s", script), 0);
    assert_string_equal(folder_read("ready"), "{\"ready\":true}\n");
    assert_non_null(strstr(folder_read("statistics"), "\"batchDuration\" : 100,"));
    assert_non_null(strstr(folder_read("batches"), "\"status\" : \"COMPLETED\","));
    assert_non_null(strstr(folder_read("batches"), "\"numTotalOutputOps\" : 1"));
    assert_string_equal(folder_read("missing"), "unknown batch: 1");
    assert_non_null(strstr(folder_read("metrics"),
                           "\nsluice_batches_total{job_name=\"hello_count\",status=\"completed\"} "));
    assert_string_equal(folder_read("promtool"), ""); /* where it is not installed, too */
    assert_null(strstr(folder_read("settings"), "hidden1"));
    assert_non_null(strstr(folder_read("settings"), "redis://[hidden]@127.0.0.1:6379"));
    assert_non_null(strstr(folder_read("page"), "page.js"));
    assert_non_null(strstr(folder_read("plan"), "\"place\":\"rate:1000\""));
    assert_non_null(strstr(folder_read("status"), "\"listeners\":[{\"name\":\"history\""));
}

static void a_job_that_ends_with_its_input_has_no_page_unless_told_where(void **state)
{
    (void)state;
    folder_write("lines", "one\n");
    char words[1024];
    snprintf(words, sizeof words, "--available-now --from lines=file:%s", folder_path("lines"));
    assert_int_equal(run(words), 0);
    assert_null(strstr(folder_read("told"), "page is"));
    snprintf(words, sizeof words, "--available-now --http 127.0.0.1:0 --from lines=file:%s",
             folder_path("lines"));
    assert_int_equal(run(words), 0);
    assert_non_null(strstr(folder_read("told"), "page is http://127.0.0.1:"));
}

static void an_address_that_others_reach_needs_a_token(void **state)
{
    (void)state;
    folder_write("lines", "one\n");
    char words[1024];
    snprintf(words, sizeof words, "--available-now --http 0.0.0.0:0 --from lines=file:%s",
             folder_path("lines"));
    assert_int_equal(run(words), 2);
    assert_non_null(strstr(folder_read("told"), "set http.token"));
    assert_false(folder_has("work"));
}

#define PAGES_TEST(test) cmocka_unit_test_setup_teardown(test, folder_start, folder_stop)

int main(void)
{
    setenv("XDG_STATE_HOME", "/nonexistent", 1); /* no links from there */
    const struct CMUnitTest tests[] = {
        PAGES_TEST(a_running_job_tells_what_it_does),
        PAGES_TEST(a_job_that_ends_with_its_input_has_no_page_unless_told_where),
        PAGES_TEST(an_address_that_others_reach_needs_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
