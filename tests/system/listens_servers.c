/*
 * tests/system/listens_servers.c - the job `listens` before a real Kafka broker, a real search server and a real Redis. What
 * comes out is compared with a recount; servers are killed and come back meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/kafka.h>
#include <servers/search_server.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

static kafka_server *kafka; /* NULL: they cannot be had */
static search_server *search;
static unsigned trials;

static int servers_start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "4", 1);
    kafka = kafka_server_start(NULL);
    search = kafka ? search_server_start(NULL) : NULL;
    return 0;
}

static int servers_stop(void **state)
{
    (void)state;
    search_server_stop(search);
    kafka_server_stop(kafka);
    return 0;
}

/* Each trial has a topic of its own, and finds no index. The server that an earlier one killed runs again. */
static trial *begun(void **state)
{
    static const char *const indices[] = { "/ba_realtime2", "/ba_top_tracks", "/ba_interest" };
    trial *trial = *state;
    char topic[32];
    if (kafka == NULL || search == NULL)
        skip();
    search_server_restart(search);
    snprintf(topic, sizeof topic, "realtime-%u", ++trials);
    if (!trial_begin(trial, kafka_server_address(kafka), topic, 4))
        skip();
    for (size_t i = 0; i < 3; i++)
        search_server_ask(search, "DELETE", indices[i], NULL);
    trial->elastic = search_server_url(search);
    trial_import(trial);
    return trial;
}

static size_t checked(trial *trial, const recount_windows *windows)
{
    recount *recount = recount_assert(trial, windows);
    recount_assert_index(search, "ba_realtime2", recount_documents(recount), false);
    recount_assert_index(search, "ba_top_tracks", recount_top_tracks(recount), true);
    recount_assert_index(search, "ba_interest", recount_interests(recount), true);
    size_t duplicates = recount_duplicates(recount);
    recount_free(recount);
    return duplicates;
}

static void assert_quiet(trial *trial)
{
    assert_int_equal(trial_logged(trial, " WARN "), 0);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
}

static void everything_that_comes_out_equals_a_recount(void **state)
{
    trial *trial = begun(state);
    trial_send(trial, 8000);
    trial_finish(trial);
    checked(trial, &recount_usual);
    assert_quiet(trial);
}

static const recount_windows short_windows = { 3000, 0, 500, 5, 1000, 250, 3 };
#define SHORT_WINDOWS                                                                                        \
    "--top-window", "3s", "--top-pane", "500ms", "--top-count", "5", "--interest-window", "1s",              \
        "--interest-pane", "250ms"

static void batches_in_time_go_on_where_the_last_run_stopped(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "250ms", SHORT_WINDOWS, NULL);
    for (int run = 0; run < 2; run++) {
        trial_send(trial, 60);
        trial_start(trial);
        for (int i = 0; i < 15; i++)
            trial_send(trial, 60);
        trial_wait_all(trial);
        trial_stop(trial);
    }
    checked(trial, &short_windows);
    assert_quiet(trial);
}

static void what_was_written_before_a_kill_is_a_duplicate_after_it(void **state)
{
    static const char *const faults[] = { "after_documents:2", "after_aggregates:1", "before_checkpoint:1" };
    trial *trial = begun(state);
    trial->documents_there = true;
    trial_set(trial, "--max-rate-per-partition", "200", NULL);
    trial_send(trial, 4000);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        trial->fault = faults[i];
        trial_start(trial);
        assert_int_equal(trial_ended(trial), 128 + SIGKILL);
    }
    trial->fault = NULL;
    trial_finish(trial);
    assert_true(checked(trial, &recount_usual) > 0);
    assert_int_equal(trial_logged(trial, " ERROR "), 0);
}

static void folder_clear(const char *path)
{
    char command[TRIAL_PATH + 20];
    snprintf(command, sizeof command, "rm -rf '%s'/*", path);
    assert_int_equal(system(command), 0);
}

static void an_index_that_holds_the_documents_already_is_told_once(void **state)
{
    trial *trial = begun(state);
    char dead[TRIAL_PATH + 8];
    snprintf(dead, sizeof dead, "%s/dead", trial->work_dir);
    trial->documents_there = true;
    trial_set(trial, "--interval", "10ms", "--max-rate-per-partition", "20000", NULL);
    trial_send(trial, 3000);
    trial_finish(trial);
    recount *before = recount_assert(trial, &recount_usual);
    trial->batches_before = (int64_t)recount_batches(before);
    recount_free(before);
    const char *const reset[] = { build_path("sluice"), "reset", "listens", "--work-dir",
                                  trial->work_dir,      "--yes", NULL };
    assert_int_equal(trial_run(trial, reset), 0);
    folder_clear(trial->out);
    folder_clear(dead);
    trial_finish(trial);
    size_t good = 0;
    for (size_t i = 0; i < trial->listens.count; i++)
        good += trial->listens.at[i].reason == NULL;
    assert_int_equal(checked(trial, &recount_usual), good);
    assert_int_equal(trial_logged(trial, " WARN "), 1);
}

static void a_search_server_that_is_killed_is_waited_for(void **state)
{
    trial *trial = begun(state);
    trial_set(trial, "--interval", "500ms", "--conf", "sink.timeout=1s", SHORT_WINDOWS, NULL);
    trial_send(trial, 300);
    trial_start(trial);
    trial_wait_all(trial);
    search_server_kill(search);
    trial_send(trial, 300);
    trial_wait_log(trial, "trying again", 1);
    search_server_restart(search);
    trial_send(trial, 300);
    trial_wait_all(trial);
    trial_stop(trial);
    checked(trial, &short_windows);
}

static void a_topic_that_is_not_there_is_named(void **state)
{
    trial *trial = begun(state);
    snprintf(trial->topic, sizeof trial->topic, "no-such-topic");
    trial_set(trial, "--startup-timeout", "2s", NULL);
    int64_t start = trial_now_ms();
    trial_start(trial);
    assert_int_equal(trial_ended(trial), 3);
    assert_in_range(trial_now_ms() - start, 0, 4500);
    assert_int_equal(trial_logged(trial, " ERROR "), 1);
    assert_true(trial_logged(trial, "kafka topic \"no-such-topic\" does not exist") >= 1);
    assert_true(trial_logged(trial, "kafka.bootstrap.servers") >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_comes_out_equals_a_recount),
        TEST(batches_in_time_go_on_where_the_last_run_stopped),
        TEST(what_was_written_before_a_kill_is_a_duplicate_after_it),
        TEST(an_index_that_holds_the_documents_already_is_told_once),
        TEST(a_search_server_that_is_killed_is_waited_for),
        TEST(a_topic_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
