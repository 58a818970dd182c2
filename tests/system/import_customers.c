/*
 * tests/system/import_customers.c - the import as people see it: how far it is, in a log and on a terminal, what became of
 * bad rows, and the customers in Redis.
 */
#include <base/folder.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/terminal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CUSTOMERS = 20000, COLUMNS = 100 };

static redis_server *redis;

static int start(void **state)
{
    (void)state;
    redis = redis_server_start(NULL);
    return folder_open() ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    redis_server_stop(redis);
    folder_close();
    return 0;
}

/* About 1.5 MB: with memory.input=1mb a good many batches. */
static void customers_write(const char *last)
{
    if (redis == NULL)
        skip();
    FILE *file = fopen(folder_path("cust.csv"), "w");
    fputs("CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps\n", file);
    for (int i = 0; i < CUSTOMERS; i++)
        fprintf(file, "%d,\"Paula Peltier\",0,\"10084 Easy Gate Bend\",\"66216\",\"01/13/2013\",1,0,4,1\n",
                i);
    fputs(last, file);
    fclose(file);
}

/* The import with these words; its exit code. `after` redirects. */
static int import(const char *work, const char *words, const char *after)
{
    const char *build = getenv("SLUICE_BUILD");
    char line[4096];
    redis_server_ask(redis, "FLUSHALL");
    snprintf(line, sizeof line,
             "%s/jobs/import_customers --conf redis.url=%s --from customers=file:%s --work-dir %s %s %s",
             build ? build : "build", redis_server_url(redis), folder_path("cust.csv"), folder_path(work),
             words, after);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

typedef struct share {
    int percent;
    long records;
} share;

static void share_check(share *last, const char *line)
{
    share now;
    double spent;
    assert_int_equal(sscanf(line, "%d %% read: %ld records in %lf", &now.percent, &now.records, &spent), 3);
    assert_true(now.percent >= last->percent && now.records > last->records);
    /* Rows are nearly of one length, so bytes and rows agree; the first is a header. */
    assert_in_range(now.percent, 100 * now.records / (CUSTOMERS + 1) - 2,
                    100 * now.records / (CUSTOMERS + 1) + 2);
    assert_non_null(strstr(line, " records/s"));
    *last = now;
}

/* A line per batch, since it is asked for. */
static void the_log_tells_share_rate_and_time_left(void **state)
{
    (void)state;
    char after[1000];
    size_t count = 0;
    share last = { -1, 0 };
    customers_write("");
    snprintf(after, sizeof after, "2>%s >%s", folder_path("log"), folder_path("summary"));
    assert_int_equal(import("often", "--conf memory.input=1mb --listen progress:0s", after), 0);
    static const char part[] = " INFO progress ";
    const char *text = folder_read("log"), *end = strstr(text, "INFO main ended after ");
    for (const char *at = text; (at = strstr(at, part)); count++) {
        at += sizeof part - 1;
        char line[200];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        share_check(&last, line);
        assert_int_equal(strstr(line, " left") != NULL, last.percent < 100);
        assert_true(at < end);
    }
    assert_true(count > 3);
    assert_int_equal(last.percent, 100);
    assert_int_equal(last.records, CUSTOMERS + 1);
    assert_string_equal(folder_read("summary"), "customers imported: 20000; bad rows: 0\n");
    assert_string_equal(redis_server_ask(redis, "DBSIZE"), "20000");
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (; (text = strstr(text, words)); text += strlen(words))
        count++;
    return count;
}

/* It takes less than the ten seconds between two lines; what is slower than that cannot be waited for here. */
static void a_quick_import_logs_one_line_of_progress_and_each_bad_row(void **state)
{
    (void)state;
    char after[1000];
    customers_write("x,y\n");
    snprintf(after, sizeof after, "2>%s >/dev/null", folder_path("log"));
    assert_int_equal(import("quick", "", after), 1);
    const char *log = folder_read("log");
    assert_int_equal(count_of(log, "INFO progress 100 % read: 20002 records in "), 1);
    assert_int_equal(count_of(log, "WARN import_customers line 20002: field_count (line): x,y\n"), 1);
    assert_non_null(strstr(log, "--skip-bad"));
}

static void in_the_background_its_log_has_them(void **state)
{
    (void)state;
    char byte;
    int ends[2];
    customers_write("x,y\n");
    assert_int_equal(pipe(ends), 0); /* closed when the last process that inherited it has ended */
    assert_int_equal(import("behind", "--detach --skip-bad", ">/dev/null"), 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    const char *log = folder_read("behind/log");
    assert_non_null(strstr(log, "INFO progress 100 % read: 20002 records in "));
    assert_non_null(strstr(log, "WARN import_customers line 20002: field_count (line): x,y\n"));
}

static void on_a_terminal_one_line_changes_in_place(void **state)
{
    (void)state;
    customers_write("");
    int screen, terminal = terminal_open(&screen, COLUMNS), error = dup(STDERR_FILENO);
    if (terminal < 0)
        skip();
    setenv("TERM", "xterm", 1);
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    int code = import("shown", "--conf memory.input=1mb", ">/dev/null");
    dup2(error, STDERR_FILENO);
    close(error);
    char *bytes = terminal_read(screen), *shown = terminal_shows(bytes, strlen(bytes), COLUMNS);
    assert_int_equal(code, 0);
    assert_true(count_of(bytes, " left\x1b[K\r") > 3);
    assert_int_equal(count_of(shown, " left"), 0); /* each was replaced, the last one too */
    assert_int_equal(count_of(shown, "INFO progress 100 % read: 20001 records in "), 1);
    assert_int_equal(count_of(shown, "INFO "), 3); /* runs, progress, ended */
    free(shown);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_log_tells_share_rate_and_time_left, start, stop),
        cmocka_unit_test_setup_teardown(a_quick_import_logs_one_line_of_progress_and_each_bad_row, start,
                                        stop),
        cmocka_unit_test_setup_teardown(in_the_background_its_log_has_them, start, stop),
        cmocka_unit_test_setup_teardown(on_a_terminal_one_line_changes_in_place, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
