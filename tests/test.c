/*
 * tests/test.c - <sluice/test.h> itself: what it promises to those who write plan tests.
 */
#include "../jobs/listens.c"
#include <base/folder.h>
#include <signal.h>
#include <sluice/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char listen_line[] = "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"";

static void the_first_batch_has_the_time_of_one_interval(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->batch_time_ms, 1000);
    assert_int_equal(sl_test_account(test)->batch_id, 1);
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->batch_time_ms, 2000);
    sl_test_close(test);
}

static int64_t interval_of(const sl_job *tested, const char *arguments)
{
    sl_test *test = sl_test_open(tested, arguments);
    sl_test_batch(test);
    int64_t interval_ms = sl_test_account(test)->interval_ms;
    assert_int_equal(sl_test_account(test)->batch_time_ms, interval_ms);
    sl_test_close(test);
    return interval_ms;
}

static void the_usual_interval_is_the_jobs(void **state)
{
    (void)state;
    sl_job slow = job;
    slow.interval = "5s";
    assert_int_equal(interval_of(&job, NULL), 2000);
    assert_int_equal(interval_of(&slow, NULL), 5000);
    assert_int_equal(interval_of(&slow, "--interval 3s"), 3000);
}

static void an_outage_gives_no_batches(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_batch(test);
    sl_test_pass(test, 10500);
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->batch_id, 2);
    assert_int_equal(sl_test_account(test)->batch_time_ms, 12000);
    assert_int_equal(sl_test_account(test)->records, 1);
    sl_test_close(test);
}

static void a_message_keeps_its_partition_offset_and_time(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_message message = { .origin = { .offset = 40, .time_ms = 86400123 },
                           .value = { listen_line, sizeof listen_line - 1 } };
    sl_test_send_message(test, "lines", 3, &message);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "documents"),
                           "{\"_id\":\"lines-3-40\",\"@timestamp\":\"1970-01-02T00:00:00.123Z\","));
    assert_int_equal(sl_test_account(test)->ranges[0].partition, 3);
    assert_int_equal(sl_test_account(test)->ranges[0].until, 41);
    sl_test_close(test);
}

#define TRACED_FIELDS(F) F(origin, origin) F(text, trace) F(i64, headers)
SL_RECORD(traced, TRACED_FIELDS);

static bool take_trace(sl_task *task, const sl_message *in, traced *out)
{
    (void)task;
    sl_text name, value;
    out->origin = in->origin;
    out->trace = sl_header(in, SL_TEXT("trace"));
    while (sl_header_at(in, (size_t)out->headers, &name, &value))
        out->headers++;
    return true;
}
SL_STAGE(take_trace, sl_message, traced);

static void draw_traced(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_to(sl_through(lines, &take_trace_stage),
          &(sl_output){ .name = "traces", .to = { "console" }, .id = SL_FIELDS(traced, origin) });
}

static void headers_reach_the_stages(void **state)
{
    (void)state;
    const sl_job traced_job = { .name = "traced", .about = "its headers", .draw = draw_traced };
    sl_test *test = sl_test_open(&traced_job, "--interval 1s");
    sl_test_header(test, "trace", "a1");
    sl_test_header(test, "none", NULL);
    sl_test_send(test, "lines", "x");
    sl_test_header(test, NULL, NULL);
    sl_test_send(test, "lines", "y");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "traces"),
        "{\"_id\":\"lines-0-0\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"trace\":\"a1\",\"headers\":2}\n"
        "{\"_id\":\"lines-0-1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"headers\":0}\n");
    sl_test_close(test);
}

static void a_tombstone_has_no_value(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    sl_test_send(test, "lines", NULL);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "dead_letters"), "\"reason\":\"null_value\""));
    sl_test_close(test);
}

static void documents_come_in_order_of_their_ids(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    for (int i = 0; i < 3; i++)
        sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    const char *wrote = sl_test_wrote(test, "documents"), *at[3];
    for (int i = 0; i < 3; i++) {
        char id[32];
        snprintf(id, sizeof id, "{\"_id\":\"lines-0-%d\"", i);
        at[i] = strstr(wrote, id);
        assert_non_null(at[i]);
    }
    assert_true(wrote == at[0] && at[0] < at[1] && at[1] < at[2]);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "documents"), "");
    sl_test_close(test);
}

static void what_is_known_changes_when_the_cache_lets_go(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s --conf redis.cache.ttl=3s");
    sl_test_known(test, "customers", "9", "{\"gender\":\"1\"}");
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "documents"), "\"gender\":\"1\""));
    sl_test_known(test, "customers", "9", NULL);
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "documents"), "\"gender\":\"1\""));
    sl_test_pass(test, 5000);
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    assert_null(strstr(sl_test_wrote(test, "documents"), "\"gender\""));
    assert_int_equal(sl_test_account(test)->lookup_missed, 1);
    sl_test_close(test);
}

static void with_a_work_folder_the_next_test_goes_on(void **state)
{
    char arguments[512];
    folder_start_home(state);
    snprintf(arguments, sizeof arguments, "--interval 1s --interest-plays 2 --work-dir %s",
             folder_path("work"));
    sl_test *test = sl_test_open(&job, arguments);
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    sl_test_close(test);
    test = sl_test_open(&job, arguments); /* its clock begins at 0 again */
    sl_test_send(test, "lines", listen_line);
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->batch_time_ms, 2000);
    assert_non_null(strstr(sl_test_wrote(test, "interests"), "\"plays\":2"));
    assert_non_null(strstr(sl_test_wrote(test, "documents"), "\"_id\":\"lines-0-1\""));
    sl_test_close(test);
    sl_test_close(NULL);
    folder_close();
}

/* ---- Mistakes end the process with a message ---- */

static void wrong_output(sl_test *test)
{
    sl_test_wrote(test, "document");
}

static void wrong_input(sl_test *test)
{
    sl_test_send(test, "line", "x");
}

static void wrong_lookup(sl_test *test)
{
    sl_test_known(test, "customer", "9", "{}");
}

static void wrong_arguments(sl_test *test)
{
    (void)test;
    sl_test_open(&job, "--interval soon");
}

static void wrong_place(sl_test *test)
{
    (void)test;
    sl_test_open(&job, "--to nothing=null");
}

static void assert_aborts(void (*mistake)(sl_test *test), const char *told)
{
    char text[1024] = "";
    int status, ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        mistake(sl_test_open(&job, "--interval 1s"));
        _exit(0);
    }
    close(ends[1]);
    for (size_t size = 0; size < sizeof text - 1;) {
        ssize_t got = read(ends[0], text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, told));
}

static void mistakes_end_the_process_with_a_message(void **state)
{
    (void)state;
    assert_aborts(wrong_output, "no such output in memory: document");
    assert_aborts(wrong_input, "no such input in memory: line");
    assert_aborts(wrong_lookup, "no such lookup: customer");
    assert_aborts(wrong_arguments, "--interval");
    assert_aborts(wrong_place, "no \"nothing\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_end_the_process_with_a_message),
        cmocka_unit_test(the_first_batch_has_the_time_of_one_interval),
        cmocka_unit_test(the_usual_interval_is_the_jobs),
        cmocka_unit_test(an_outage_gives_no_batches),
        cmocka_unit_test(a_message_keeps_its_partition_offset_and_time),
        cmocka_unit_test(a_tombstone_has_no_value),
        cmocka_unit_test(headers_reach_the_stages),
        cmocka_unit_test(documents_come_in_order_of_their_ids),
        cmocka_unit_test(what_is_known_changes_when_the_cache_lets_go),
        cmocka_unit_test(with_a_work_folder_the_next_test_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
