/*
 * tests/system/import_customers.c - the import as people see it: how far it is, in a log and on a terminal, what became of
 * bad rows, and the customers in Redis: the real ones field by field, when they are at hand.
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
#include <support/shell.h>
#include <support/terminal.h>
#include <unistd.h>

#include <cmocka.h>

enum { CUSTOMERS = 20000, COLUMNS = 100 };

static redis_server *redis;

static int start(void **state)
{
    (void)state;
    redis = redis_server_start(NULL);
    folder_open();
    return 0;
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
    redis_server_ask(redis, "FLUSHALL");
    return shell("$B/jobs/import_customers --conf redis.url=%s %s --work-dir %s %s %s",
                 redis_server_url(redis), strstr(words, "--from ") ? "" : "--from customers=file:cust.csv",
                 work, words, after);
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

/* ---- The real customers ------------------------------------------------------------------------------------------ */

enum { FIELDS = 10, REAL = 5000 };

/* Cut at commas and quotes taken off: no name or address of the file has either. */
static void row_cut(char *line, char *fields[FIELDS])
{
    line[strcspn(line, "\r\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&line, ",");
        assert_non_null(fields[i]);
        size_t size = strlen(fields[i]);
        if (fields[i][0] == '"' && fields[i][size - 1] == '"') {
            fields[i][size - 1] = '\0';
            fields[i]++;
        }
    }
    assert_null(line);
}

/* All of a customer's hash but the age, which is in its range and returned. */
static int customer_check(char *fields[FIELDS])
{
    static const char names[] =
        "HMGET %s name gender zip Address SignDate Status Level Campaign LinkedWithApps";
    char command[200], expected[400];
    snprintf(command, sizeof command, names, fields[0]);
    snprintf(expected, sizeof expected, "%s %s %s %s %s %s %s %s %s", fields[1], fields[2], fields[4],
             fields[3], fields[5], fields[6], fields[7], fields[8], fields[9]);
    assert_string_equal(redis_server_ask(redis, command), expected);
    snprintf(command, sizeof command, "HLEN %s", fields[0]);
    assert_string_equal(redis_server_ask(redis, command), "10");
    snprintf(command, sizeof command, "HGET %s age", fields[0]);
    int age = (int)strtol(redis_server_ask(redis, command), NULL, 10);
    assert_in_range(age, 10, 69);
    return age;
}

/* Ages by customer; -1 for `but`, whose row is not the last of its id. */
static void customers_check(const char *path, int ages[REAL], int but)
{
    char line[400], *fields[FIELDS];
    int rows = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, file)); /* the header */
    while (fgets(line, sizeof line, file)) {
        row_cut(line, fields);
        ages[rows] = rows == but ? -1 : customer_check(fields);
        rows++;
    }
    assert_int_equal(rows, REAL);
    fclose(file);
}

static void the_real_customers_are_all_there_and_stay_as_they_are(void **state)
{
    (void)state;
    static const char path[] = "../shared/data/cust.csv";
    static int ages[REAL], again[REAL];
    char words[600], copy[600], *whole = realpath(path, NULL);
    if (redis == NULL || whole == NULL)
        skip();
    snprintf(words, sizeof words, "--from customers=file:%s", whole);
    free(whole);
    assert_int_equal(import("real", words, ">/dev/null 2>&1"), 0);
    assert_string_equal(redis_server_ask(redis, "DBSIZE"), "5000");
    customers_check(path, ages, -1);
    assert_int_equal(import("real", words, ">/dev/null 2>&1"), 0); /* it is done: nothing more goes in */
    assert_string_equal(redis_server_ask(redis, "DBSIZE"), "0");
    snprintf(copy, sizeof copy, "cp %s %s && chmod u+w %s", path, folder_path("cust.csv"),
             folder_path("cust.csv"));
    assert_int_equal(system(copy), 0);
    FILE *file = fopen(folder_path("cust.csv"), "a");
    fputs("17,\"Ann Other\",1,\"1 Way\",\"01234\",\"01/02/2013\",0,2,3,1\nx,y\n,\"No Body\",0,,,,1,1,1,1\n",
          file);
    fclose(file);
    assert_int_equal(import("bad", "", ">/dev/null 2>&1"), 1);
    assert_int_equal(import("skips", "--skip-bad --cores 2", ">/dev/null 2>&1"), 0);
    assert_string_equal(redis_server_ask(redis, "DBSIZE"), "5000");
    customers_check(path, again, 17);
    again[17] = ages[17];
    assert_memory_equal(again, ages, sizeof ages);
    char line[] = "17,\"Ann Other\",1,\"1 Way\",\"01234\",\"01/02/2013\",0,2,3,1", *fields[FIELDS];
    row_cut(line, fields);
    assert_int_equal(customer_check(fields), ages[17]); /* the last row of an id holds; the age is the id's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_log_tells_share_rate_and_time_left, start, stop),
        cmocka_unit_test_setup_teardown(a_quick_import_logs_one_line_of_progress_and_each_bad_row, start,
                                        stop),
        cmocka_unit_test_setup_teardown(in_the_background_its_log_has_them, start, stop),
        cmocka_unit_test_setup_teardown(the_real_customers_are_all_there_and_stay_as_they_are, start, stop),
        cmocka_unit_test_setup_teardown(on_a_terminal_one_line_changes_in_place, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
