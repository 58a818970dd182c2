/*
 * tests/base/log.c - log lines as they come out, on standard error (held in a file by the tests) and in log files.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/folder.h>
#include <base/log.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/terminal.h>
#include <unistd.h>

#include <cmocka.h>

static int error_kept = -1; /* the real standard error */

static int log_setup(void **unused)
{
    (void)unused;
    folder_open();
    int held = open(folder_path("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    error_kept = dup(STDERR_FILENO);
    dup2(held, STDERR_FILENO);
    close(held);
    return 0;
}

static int log_teardown(void **unused)
{
    (void)unused;
    log_close();
    disk_break(NULL);
    dup2(error_kept, STDERR_FILENO);
    close(error_kept);
    folder_close();
    return 0;
}

/* Opens the log with up to three settings, "key=value" or NULL. */
static void log_start(const char *file, const char *first, const char *second, const char *third)
{
    const char *given[] = { first, second, third };
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Log", log_settings);
    for (size_t i = 0; i < 3; i++) {
        char key[64];
        const char *equals = given[i] ? strchr(given[i], '=') : NULL;
        if (equals == NULL)
            continue;
        snprintf(key, sizeof key, "%.*s", (int)(equals - given[i]), given[i]);
        assert_int_equal(settings_set(settings, key, equals + 1, "test", &failure), SL_OK);
    }
    assert_int_equal(log_open(settings, file ? folder_path(file) : NULL, &failure), SL_OK);
    settings_free(settings);
}

/* Line i of a file without its time, which must be one of now; "" behind the last. */
static const char *line_of(const char *name, size_t i)
{
    static char line[8192];
    const char *at = folder_read(name);
    failure failure = { 0 };
    int64_t ms = 0;
    for (; i > 0 && at; i--)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    snprintf(line, sizeof line, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
    if (line[0] == '\0')
        return "";
    assert_int_equal(line[24], ' ');
    line[24] = '\0';
    assert_int_equal(time_parse(line, &ms, &failure), SL_OK);
    assert_true(llabs(clock_wall_ms(&clock_system) - ms) < 60000);
    return line + 25;
}

static size_t lines_in(const char *name)
{
    size_t count = 0;
    for (const char *at = folder_read(name); *at; at++)
        count += *at == '\n';
    return count;
}

static void before_it_is_opened_lines_from_info_on_go_to_standard_error(void **unused)
{
    (void)unused;
    log_info("kafka", "reading %d partitions of %s", 4, "realtime");
    log_debug("kafka", "not wanted");
    log_error("disk", "full");
    assert_string_equal(line_of("stderr", 0), "INFO kafka reading 4 partitions of realtime");
    assert_string_equal(line_of("stderr", 1), "ERROR disk full");
    assert_int_equal(lines_in("stderr"), 2);
}

static void the_level_says_what_is_written(void **unused)
{
    (void)unused;
    log_start(NULL, "log.level=warn", NULL, NULL);
    log_info("a", "no");
    log_warn("a", "yes");
    assert_true(log_wants(LOG_LEVEL_WARN));
    assert_false(log_wants(LOG_LEVEL_INFO));
    log_start(NULL, "log.level=trace", NULL, NULL);
    log_write(LOG_LEVEL_TRACE, "a", "fine");
    assert_string_equal(line_of("stderr", 0), "WARN a yes");
    assert_string_equal(line_of("stderr", 1), "TRACE a fine");
    log_start(NULL, "log.level=error", NULL, NULL);
    log_warn("a", "no");
    assert_int_equal(lines_in("stderr"), 2);
}

static void input_cannot_forge_a_line(void **unused)
{
    (void)unused;
    log_info("csv", "%s", "bad\n2026-11-23T10:00:00.123Z ERROR disk on fire\r\t\x1b[2J\x7f");
    assert_int_equal(lines_in("stderr"), 1);
    assert_string_equal(line_of("stderr", 0),
                        "INFO csv bad\\n2026-11-23T10:00:00.123Z ERROR disk on fire\\r\\t\\u001b[2J\\u007f");
}

static void letters_stay_and_bytes_that_are_none_are_escaped(void **unused)
{
    (void)unused;
    log_info("csv", "%s", "J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x8e\xb5");
    log_info("csv", "%s", "\xff \xc3 \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe0\x80\xaf \xe2\x82");
    log_info("csv", "%s",
             "\xc2\x9b"
             "31m \xe2\x80\xa8 \xe2\x80\xae");
    assert_string_equal(line_of("stderr", 0), "INFO csv J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x8e\xb5");
    assert_string_equal(
        line_of("stderr", 1),
        "INFO csv \\xff \\xc3 \\xc0\\x80 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe0\\x80\\xaf \\xe2\\x82");
    assert_string_equal(line_of("stderr", 2), "INFO csv \\u009b31m \\u2028 \\u202e");
}

/* The member of the object that a line is, as json-c reads it. */
static void assert_json(const char *line, const char *member, const char *expected)
{
    json_object *object = json_tokener_parse(line), *value = NULL;
    assert_non_null(object);
    assert_int_equal(json_object_object_length(object), 4);
    assert_true(json_object_object_get_ex(object, member, &value));
    assert_string_equal(json_object_get_string(value), expected);
    json_object_put(object);
}

static void json_lines_are_objects_whatever_is_logged(void **unused)
{
    (void)unused;
    log_start("log", "log.format=json", NULL, NULL);
    log_warn("csv", "say \"%s\"\n\\ \x01 \xff", "J\xc3\xb6rg");
    char line[512];
    snprintf(line, sizeof line, "%s", folder_read("log"));
    assert_int_equal(lines_in("log"), 1);
    assert_json(line, "level", "WARN");
    assert_json(line, "part", "csv");
    assert_json(line, "message", "say \"J\xc3\xb6rg\"\n\\ \x01 \xef\xbf\xbd");
    assert_memory_equal(line, "{\"time\":\"20", 11);
}

static void a_repeated_line_is_counted_until_another_comes(void **unused)
{
    (void)unused;
    for (int i = 0; i < 13; i++)
        log_warn("redis", "connection refused");
    assert_int_equal(lines_in("stderr"), 1);
    log_warn("elastic", "connection refused");
    log_warn("elastic", "connection refused");
    log_info("elastic", "connection refused");
    assert_string_equal(line_of("stderr", 0), "WARN redis connection refused");
    assert_string_equal(line_of("stderr", 1), "WARN redis last line repeated 12 times");
    assert_string_equal(line_of("stderr", 2), "WARN elastic connection refused");
    assert_string_equal(line_of("stderr", 3), "WARN elastic last line repeated 1 time");
    assert_string_equal(line_of("stderr", 4), "INFO elastic connection refused");
    assert_int_equal(lines_in("stderr"), 5);
}

static void a_repeated_line_is_told_at_the_close(void **unused)
{
    (void)unused;
    log_start("log", NULL, NULL, NULL);
    log_info("a", "again");
    log_info("a", "again");
    log_info("a", "again");
    log_close();
    assert_string_equal(line_of("log", 1), "INFO a last line repeated 2 times");
    log_info("a", "again");
    assert_string_equal(line_of("stderr", 0), "INFO a again");
}

static void a_long_message_is_cut_and_says_so(void **unused)
{
    (void)unused;
    char message[6000];
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    log_info("a", "%s", message);
    const char *line = line_of("stderr", 0);
    size_t size = strlen(line);
    assert_int_equal(size, strlen("INFO a ") + 4095);
    assert_string_equal(line + size - 4, "x...");
}

static void a_full_file_is_rotated_and_the_oldest_dropped(void **unused)
{
    (void)unused;
    static const char *const names[] = { "log.2", "log.1", "log" };
    int next = -1;
    log_start("log", "log.file.bytes=1k", "log.files=3", NULL);
    for (int i = 0; i < 200; i++)
        log_info("a", "line %d", i);
    log_close();
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(folder_read(names[i])), count = lines_in(names[i]);
        assert_true(size <= 1024 && count > 0);
        size_t next_line = strlen("2026-11-23T10:00:00.123Z INFO a line 100\n");
        assert_true(i == 2 || size + next_line > 1024);
        for (size_t k = 0; k < count; k++, next++) {
            int number = -1;
            assert_int_equal(sscanf(line_of(names[i], k), "INFO a line %d", &number), 1);
            next = next < 0 ? number : next;
            assert_int_equal(number, next);
        }
    }
    assert_int_equal(next, 200);
    assert_false(folder_has("log.3"));
    assert_int_equal(lines_in("stderr"), 0);
}

static void a_single_log_file_begins_anew(void **unused)
{
    (void)unused;
    log_start("log", "log.file.bytes=1k", "log.files=1", NULL);
    for (int i = 0; i < 100; i++)
        log_info("a", "line %d", i);
    assert_true(strlen(folder_read("log")) <= 1024);
    assert_string_equal(line_of("log", lines_in("log") - 1), "INFO a line 99");
    assert_false(folder_has("log.1"));
}

static void a_log_goes_on_where_it_ended(void **unused)
{
    (void)unused;
    log_start("log", NULL, NULL, NULL);
    log_info("a", "first");
    log_start("log", NULL, NULL, NULL);
    log_info("a", "second");
    assert_string_equal(line_of("log", 0), "INFO a first");
    assert_string_equal(line_of("log", 1), "INFO a second");
}

static void lines_that_the_file_cannot_take_go_to_standard_error_and_to_the_file_later(void **unused)
{
    (void)unused;
    log_start("log", NULL, NULL, NULL);
    log_info("a", "1");
    disk_break("write:ENOSPC:log");
    log_info("a", "2");
    log_info("a", "3");
    disk_break(NULL);
    log_info("a", "4");
    assert_int_equal(lines_in("log"), 5);
    assert_string_equal(line_of("log", 0), "INFO a 1");
    assert_string_equal(line_of("log", 1), "INFO a 2");
    assert_non_null(strstr(line_of("log", 2), "the disk is full"));
    assert_string_equal(line_of("log", 3), "INFO a 3");
    assert_string_equal(line_of("log", 4), "INFO a 4");
    assert_int_equal(lines_in("stderr"), 3);
    assert_string_equal(line_of("stderr", 0), "INFO a 2");
    assert_non_null(strstr(line_of("stderr", 1), "the disk is full"));
    assert_string_equal(line_of("stderr", 2), "INFO a 3");
}

static void what_is_kept_for_the_file_is_bounded_and_says_so(void **unused)
{
    (void)unused;
    enum { LOST = 2000 };
    log_start("log", NULL, NULL, NULL);
    disk_break("write:ENOSPC:log");
    for (int i = 0; i < LOST; i++)
        log_info("a", "%d: a line of which a thousand are more than what is kept for a file, which is 64 KiB",
                 i);
    disk_break(NULL);
    log_info("a", "again");
    size_t lines = lines_in("log");
    assert_in_range(lines, 500, 1000);
    assert_string_equal(line_of("log", lines - 2), "WARN log lines that followed could not be kept");
    assert_string_equal(line_of("log", lines - 1), "INFO a again");
    log_info("a", "and again");
    assert_int_equal(lines_in("log"), lines + 1);
}

static void a_log_file_that_cannot_be_opened_is_told(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Log", log_settings);
    assert_int_equal(log_open(settings, folder_path("absent/log"), &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "absent/log"));
    settings_free(settings);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *argument)
{
    const char *name = argument;
    for (int i = 0; i < LINES; i++)
        log_info(name, "%d of %d, a line that must not be torn", i, LINES);
    return NULL;
}

static void lines_of_many_threads_stay_whole(void **unused)
{
    (void)unused;
    static char names[THREADS][3] = { "t0", "t1", "t2", "t3" };
    pthread_t threads[THREADS];
    int next[THREADS] = { 0 };
    log_start("log", NULL, NULL, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_lines, names[i]);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines_in("log"), THREADS * LINES);
    for (size_t i = 0; i < THREADS * LINES; i++) {
        char expected[100];
        const char *line = line_of("log", i);
        int thread = line[6] - '0';
        assert_in_range(thread, 0, THREADS - 1);
        snprintf(expected, sizeof expected, "INFO t%d %d of %d, a line that must not be torn", thread,
                 next[thread]++, LINES);
        assert_string_equal(line, expected);
    }
}

/* ---- The status -------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 60 };

static int screen = -1;

static void terminal_begin(void)
{
    int terminal = terminal_open(&screen, COLUMNS);
    if (terminal < 0)
        skip();
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    setenv("TERM", "xterm", 1);
}

/* What is on the screen, each line that begins with a time without it. */
static const char *terminal_end(void)
{
    static char seen[4096];
    size_t used = 0;
    dup2(error_kept, STDERR_FILENO);
    char *bytes = terminal_read(screen), *shown = terminal_shows(bytes, strlen(bytes), COLUMNS),
         *rest = shown, *line;
    while ((line = strsep(&rest, "\n")) && rest)
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s\n",
                                 strlen(line) > 25 && line[10] == 'T' ? line + 25 : line);
    free(bytes);
    free(shown);
    return seen;
}

static void a_status_stays_below_the_lines(void **unused)
{
    (void)unused;
    terminal_begin();
    assert_true(sl_log_status("10 % read, and a long rest"));
    log_info("a", "first");
    assert_true(sl_log_status("20 % read"));
    sl_log_warn("b", "line %d", 7);
    sl_log_info("c", "third");
    assert_string_equal(terminal_end(), "INFO a first\nWARN b line 7\nINFO c third\n20 % read\n");
}

static void a_status_that_is_taken_away_leaves_nothing(void **unused)
{
    (void)unused;
    terminal_begin();
    assert_true(sl_log_status("20 % read"));
    assert_true(sl_log_status(""));
    log_info("a", "x");
    assert_true(sl_log_status("30 % read"));
    log_close();
    log_info("a", "y");
    assert_string_equal(terminal_end(), "INFO a x\nINFO a y\n");
}

/* Else it would wrap, and only its second half be replaced. */
static void a_status_is_no_wider_than_the_terminal(void **unused)
{
    (void)unused;
    char wide[200], expected[200];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    terminal_begin();
    sl_log_status(wide);
    log_info("a", "x");
    snprintf(expected, sizeof expected, "INFO a x\n%.*s\n", COLUMNS - 1, wide);
    assert_string_equal(terminal_end(), expected);
    memcpy(wide + COLUMNS - 2, "\xe2\x82\xac", 3); /* a character across the end */
    terminal_begin();
    sl_log_status(wide);
    snprintf(expected, sizeof expected, "%.*s\n", COLUMNS - 2, wide);
    assert_string_equal(terminal_end(), expected);
}

static void where_a_status_cannot_be_changed_in_place_there_is_none(void **unused)
{
    (void)unused;
    assert_false(sl_log_status("20 % read")); /* a file */
    assert_string_equal(folder_read("stderr"), "");
    terminal_begin();
    setenv("TERM", "dumb", 1);
    assert_false(sl_log_status("dumb"));
    unsetenv("TERM");
    assert_false(sl_log_status("none"));
    setenv("TERM", "xterm", 1);
    log_start(NULL, "log.format=json", NULL, NULL);
    assert_false(sl_log_status("json"));
    log_start(NULL, "log.level=warn", NULL, NULL);
    assert_false(sl_log_status("quiet"));
    log_start("log", NULL, NULL, NULL);
    assert_false(sl_log_status("detached"));
    log_start(NULL, NULL, NULL, NULL);
    assert_true(sl_log_status("20 % read"));
    sl_log_share_terminal(); /* it prints to a file */
    assert_true(sl_log_status("30 % read"));
    int output = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    sl_log_share_terminal();
    assert_false(sl_log_status("shared"));
    dup2(output, STDOUT_FILENO);
    close(output);
    assert_string_equal(terminal_end(), "\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_it_is_opened_lines_from_info_on_go_to_standard_error),
        TEST(the_level_says_what_is_written),
        TEST(input_cannot_forge_a_line),
        TEST(letters_stay_and_bytes_that_are_none_are_escaped),
        TEST(json_lines_are_objects_whatever_is_logged),
        TEST(a_repeated_line_is_counted_until_another_comes),
        TEST(a_repeated_line_is_told_at_the_close),
        TEST(a_long_message_is_cut_and_says_so),
        TEST(a_full_file_is_rotated_and_the_oldest_dropped),
        TEST(a_single_log_file_begins_anew),
        TEST(a_log_goes_on_where_it_ended),
        TEST(lines_that_the_file_cannot_take_go_to_standard_error_and_to_the_file_later),
        TEST(what_is_kept_for_the_file_is_bounded_and_says_so),
        TEST(a_log_file_that_cannot_be_opened_is_told),
        TEST(lines_of_many_threads_stay_whole),
        TEST(a_status_stays_below_the_lines),
        TEST(a_status_that_is_taken_away_leaves_nothing),
        TEST(a_status_is_no_wider_than_the_terminal),
        TEST(where_a_status_cannot_be_changed_in_place_there_is_none),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
