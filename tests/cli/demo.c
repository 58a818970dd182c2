/*
 * tests/cli/demo.c - the parts of the demo: its customers, whether counts add up, what it shows. The whole demo runs in
 * tests/system/demo.c.
 */
#include <base/folder.h>
#include <cli/demo/demo.h>
#include <cli/words.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <sluice/csv.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

static int start(void **state)
{
    (void)state;
    folder_open();
    mkdir(folder_path("generate"), 0700);
    mkdir(folder_path("listens"), 0700);
    mkdir(folder_path("out"), 0700);
    mkdir(folder_path("out/ba_interest"), 0700);
    return 0;
}

static bool is_date(sl_text text) /* MM/DD/YYYY */
{
    char iso[20];
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2s 00:00:00", text.at + 6, text.at, text.at + 3);
    return text.size == 10 && sl_is_datetime((sl_text){ iso, 19 });
}

static void each_customer_is_a_row_of_ten_fields(void **state)
{
    (void)state;
    failure failure = { 0 };
    int64_t id, rows = 0;
    sl_text field[10];
    assert_int_equal(demo_customers_write(folder_path("cust.csv"), &failure), SL_OK);
    const char *line = folder_read("cust.csv"), *end;
    assert_int_equal(
        strncmp(line, "CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps\n", 77),
        0);
    for (line = strchr(line, '\n') + 1; (end = strchr(line, '\n')) != NULL; line = end + 1, rows++) {
        assert_null(sl_csv_split(NULL, (sl_text){ line, (size_t)(end - line) }, field, 10));
        assert_true(sl_to_i64(field[0], &id));
        assert_int_equal(id, rows);
        assert_int_equal(field[4].size, 5);
        assert_true(is_date(field[5]));
    }
    assert_int_equal(rows, DEMO_CUSTOMERS);
}

static void customers_are_the_same_in_every_run(void **state)
{
    (void)state;
    failure failure = { 0 };
    assert_int_equal(demo_customers_write(folder_path("a.csv"), &failure), SL_OK);
    assert_int_equal(demo_customers_write(folder_path("b.csv"), &failure), SL_OK);
    char *first = strdup(folder_read("a.csv"));
    assert_string_equal(first, folder_read("b.csv"));
    free(first);
}

static demo_tally tally_of(const char *generate, const char *listens)
{
    demo_tally tally;
    failure failure = { 0 };
    folder_write("generate/history.ndjson", generate);
    folder_write("listens/history.ndjson", listens);
    assert_int_equal(demo_tally_take(folder_path("generate"), folder_path("listens"), folder_path("out"),
                                     &tally, &failure),
                     SL_OK);
    return tally;
}

static sl_result judged(const demo_tally *tally, char *text)
{
    failure failure = { 0 };
    int output = dup(STDOUT_FILENO);
    FILE *nowhere = fopen("/dev/null", "w");
    fflush(stdout);
    dup2(fileno(nowhere), STDOUT_FILENO);
    sl_result result = demo_tally_print(tally, &failure);
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
    fclose(nowhere);
    snprintf(text, sizeof failure.text, "%s", failure.text);
    return result;
}

static void counts_come_from_histories_and_files(void **state)
{
    (void)state;
    char text[600];
    folder_write("out/batch-1000.ndjson", "{}\n{}\n");
    folder_write("out/batch-2000.ndjson", "{}\n");
    folder_write("out/other", "{}\n");
    demo_tally tally = tally_of(
        "{\"batch_id\":1,\"state\":\"completed\",\"written\":4}\n{\"batch_id\":2,\"state\":\"completed\",\"written\":2}\n",
        "{\"batch_id\":1,\"state\":\"completed\",\"records\":6,\"written\":3,\"duplicates\":1,\"filtered\":1,\"dead_letters\":1}\n");
    assert_int_equal(tally.generated, 6);
    assert_int_equal(tally.records, 6);
    assert_int_equal(tally.documents, 3);
    assert_int_equal(judged(&tally, text), SL_OK);
}

static void counts_that_do_not_add_up_are_a_failure(void **state)
{
    (void)state;
    char text[600];
    static const demo_tally wrong[] = { { .generated = 5, .records = 4, .written = 4, .documents = 4 },
                                        { .generated = 4, .records = 4, .written = 3, .documents = 3 },
                                        { .generated = 4, .records = 4, .written = 4, .documents = 5 } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(judged(&wrong[i], text), SL_FAILED);
        assert_non_null(strstr(text, "do not add up"));
    }
}

static const char *shown(demo_view *view, const char *line, bool *completed)
{
    static char text[4000];
    int output = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    *completed = demo_view_line(view, line);
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void a_batch_shows_its_counts_top_tracks_and_interests(void **state)
{
    (void)state;
    bool completed;
    demo_view *view = NULL;
    failure failure = { 0 };
    redis_server *redis = redis_server_start(NULL);
    if (redis == NULL)
        skip();
    redis_server_ask(redis, "ZADD top_tracks:1 12 453 7 56");
    folder_write("out/ba_interest/batch-2000.ndjson",
                 "{\"_id\":\"9-56\",\"customer_id\":\"9\",\"track_id\":\"56\",\"plays\":3}\n");
    assert_int_equal(demo_view_open(redis_server_url(redis), folder_path("out"), &view, &failure), SL_OK);
    assert_string_equal(shown(view, "[batchSubmitted] 2000", &completed), "");
    assert_false(completed);
    assert_string_equal(
        shown(view,
              "[batchCompleted] 2000 records=40 written=39 duplicates=0 filtered=0 dead_letters=1 "
              "processing_ms=3.2 total_delay_ms=3.3",
              &completed),
        "00:00:02  40 records, 39 written, 1 dead letter  (processing 3.2 ms, total delay 3.3 ms)\n"
        "  top tracks, gender 0:  none yet\n"
        "  top tracks, gender 1:  453 (12)  56 (7)\n"
        "  interests: 1, the newest:  customer 9 likes track 56 (3 plays)\n");
    assert_true(completed);
    demo_view_close(view);
    redis_server_stop(redis);
}

static void without_a_redis_server_it_says_what_to_install(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    mkdir(folder_path("programs"), 0700);
    setenv("PATH", folder_path("programs"), 1);
    static const char *const jobs[] = { "programs/generate", "programs/listens",
                                        "programs/import_customers" };
    for (size_t i = 0; i < 3; i++) {
        folder_write(jobs[i], "#!/bin/sh\n");
        chmod(folder_path(jobs[i]), 0700);
    }
    int code = words_run(&command_demo, "demo --for 1s");
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(code, 3);
    assert_non_null(strstr(words_printed(), "apt-get install redis-server"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_customer_is_a_row_of_ten_fields, start, folder_stop),
        cmocka_unit_test_setup_teardown(customers_are_the_same_in_every_run, start, folder_stop),
        cmocka_unit_test_setup_teardown(counts_come_from_histories_and_files, start, folder_stop),
        cmocka_unit_test_setup_teardown(counts_that_do_not_add_up_are_a_failure, start, folder_stop),
        cmocka_unit_test_setup_teardown(a_batch_shows_its_counts_top_tracks_and_interests, start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(without_a_redis_server_it_says_what_to_install, start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
