/*
 * tests/listeners/progress.c - share, rate and time left from what batches tell, with times that the tests make up; how
 * often a line is logged; and what stands on a terminal.
 */
#include <base/folder.h>
#include <base/log.h>
#include <setjmp.h>
#include <sluice/listener.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/terminal.h>
#include <unistd.h>

#include <cmocka.h>

extern const sl_listener listener_progress;

enum { COLUMNS = 100 };
static const int64_t begin_ms = 1795402680000;

static void log_start(const char *file)
{
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Log", log_settings);
    assert_int_equal(log_open(settings, file ? folder_path(file) : NULL, &failure), SL_OK);
    settings_free(settings);
}

static int start(void **state)
{
    (void)state;
    folder_open();
    log_start("log");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_close();
    folder_close();
    return 0;
}

/* All lines logged so far, without their times; level and part are always the same. */
static const char *logged(void)
{
    static const char before[] = "INFO progress ";
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    for (const char *at = folder_read("log"); *at; at = strchr(at, '\n') + 1) {
        assert_memory_equal(at + 25, before, sizeof before - 1);
        at += 25 + sizeof before - 1;
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s\n", (int)strcspn(at, "\n"), at);
    }
    return text;
}

static void *opened(const char *argument)
{
    char error[256] = "";
    void *self = listener_progress.open(&(sl_listener_place){ .job = "j", .argument = argument }, error);
    assert_string_equal(error, "");
    assert_non_null(self);
    return self;
}

typedef struct told {
    int64_t until_ms; /* since the begin: when the batch was done */
    int64_t records, offsets, unread;
} told;

/* Each batch is cut when the one before is done, as in a run that ends with its input. */
static void tell(void *self, const told *batches, size_t count)
{
    static int64_t at_ms, offset;
    for (size_t i = 0; i < count; i++) {
        sl_range ranges[] = { { "f", 0, offset, offset + batches[i].offsets, 0, 0 }, { "f", 1, 5, 5, 9, 0 } };
        sl_batch_info batch = { .job = "j", .ranges = ranges, .range_count = 2, .unread = batches[i].unread };
        batch.submission_time_ms = begin_ms + (i ? at_ms : 0);
        listener_progress.on_batch_submitted(self, &batch);
        batch.state = SL_BATCH_COMPLETED;
        batch.records = batches[i].records;
        batch.processing_end_time_ms = begin_ms + batches[i].until_ms;
        listener_progress.on_batch_completed(self, &batch);
        at_ms = batches[i].until_ms;
        offset += batches[i].offsets;
    }
}

static void the_last_line_tells(const told *batches, size_t count, const char *expected)
{
    log_start("log");
    void *self = opened("1h");
    tell(self, batches, count);
    listener_progress.close(self);
    const char *lines = logged(), *last = lines;
    for (const char *next = lines; *next; next = strchr(next, '\n') + 1)
        last = next;
    assert_int_equal(strcspn(last, "\n"), strlen(expected));
    assert_memory_equal(last, expected, strlen(expected));
}

#define LAST(expected, ...)                                                                                  \
    the_last_line_tells((const told[]){ __VA_ARGS__ }, sizeof((const told[]){ __VA_ARGS__ }) / sizeof(told), \
                        expected)

static void share_rate_and_time_left_follow_from_what_was_read(void **state)
{
    (void)state;
    /* 300 of 1000 bytes in 6 s: 50 a second, so 14 s for the other 700, and what was begun of the 15th */
    LAST("30 % read: 60 records in 6 s, 10 records/s, about 15 s left", { 2000, 20, 100, 900 },
         { 6000, 40, 200, 700 });
    LAST("100 % read: 100 records in 7.5 s, 13 records/s", { 2000, 20, 100, 900 }, { 7500, 80, 900, 0 });
    LAST("1 % read: 1 record in 2 min 5 s, 0.0 records/s, about 3 h 26 min left", { 125000, 1, 1, 99 });
    LAST("50 % read: 3 records in 500 ms, 6.0 records/s, about 1 s left", { 500, 3, 7, 7 });
    LAST("0 % read: 0 records in 1 s, 0.0 records/s", { 1000, 0, 0, 10 });
    LAST("0 % read: 1 record in 1 s, 1.0 records/s, about 11 d 13 h left", { 1000, 1, 1, 999999 });
}

/* 100 % is when all was read, however little is left. */
static void nothing_is_rounded_up_to_the_end(void **state)
{
    (void)state;
    LAST("99 % read: 5 records in 1 s, 5.0 records/s, about 1 s left",
         { 1000, 5, INT64_C(4000000000000000000), 1 });
    LAST("100 % read: 5 records in 1 s, 5.0 records/s", { 1000, 5, INT64_C(4000000000000000000), 0 });
}

/* After a restart journaled batches come first, which know only themselves. */
static void what_is_not_known_is_not_told(void **state)
{
    (void)state;
    LAST("20 records in 2 s, 10 records/s", { 2000, 20, 100, -1 });
    LAST("60 % read: 40 records in 4 s, 10 records/s, about 3 s left", { 2000, 20, 100, -1 },
         { 4000, 20, 200, 200 });
}

static void a_clock_that_is_set_back_makes_no_nonsense(void **state)
{
    (void)state;
    LAST("50 % read: 20 records in 1 ms, 20000 records/s, about 1 s left", { -3600000, 20, 100, 100 });
    LAST("100 % read: 40 records in 4 s, 10 records/s", { 4000, 20, 100, 100 }, { 1000, 20, 100, 0 });
}

static void the_log_gets_a_line_every_ten_seconds_and_one_at_the_end(void **state)
{
    (void)state;
    void *self = opened(NULL);
    told batches[] = { { 4000, 40, 100, 500 },  { 9999, 60, 100, 400 },  { 10000, 1, 100, 300 },
                       { 19999, 99, 100, 200 }, { 25000, 50, 100, 100 }, { 26000, 10, 100, 0 } };
    tell(self, batches, sizeof batches / sizeof batches[0]);
    assert_string_equal(logged(), "50 % read: 101 records in 10 s, 10 records/s, about 11 s left\n"
                                  "83 % read: 250 records in 25 s, 10 records/s, about 6 s left\n");
    listener_progress.close(self);
    assert_non_null(strstr(logged(), " left\n100 % read: 260 records in 26 s, 10 records/s\n"));
}

static void what_was_told_is_not_told_again_at_the_end(void **state)
{
    (void)state;
    void *self = opened("250ms");
    told batches[] = { { 200, 1, 1, 1 }, { 250, 1, 1, 0 } };
    tell(self, batches, 2);
    listener_progress.close(self);
    assert_string_equal(logged(), "100 % read: 2 records in 250 ms, 8.0 records/s\n");
    listener_progress.close(opened("0s")); /* no batch, no line */
    assert_string_equal(logged(), "100 % read: 2 records in 250 ms, 8.0 records/s\n");
}

static void on_a_terminal_the_line_changes_in_place(void **state)
{
    (void)state;
    int screen, terminal = terminal_open(&screen, COLUMNS), error = dup(STDERR_FILENO);
    if (terminal < 0)
        skip();
    setenv("TERM", "xterm", 1);
    log_start(NULL);
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    void *self = opened(NULL);
    told batches[] = { { 1000, 10, 100, 300 }, { 2000, 10, 100, 200 }, { 30000, 20, 200, 0 } };
    tell(self, batches, 3);
    listener_progress.close(self);
    dup2(error, STDERR_FILENO);
    close(error);
    char *bytes = terminal_read(screen);
    static const char *const seen[] = { "0 % read",
                                        "25 % read: 10 records in 1 s, 10 records/s, about 4 s left",
                                        "50 % read: 20 records in 2 s, 10 records/s, about 3 s left",
                                        "100 % read: 40 records in 30 s, 1.3 records/s" };
    const char *at = bytes;
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        char *before =
            terminal_shows(bytes, (size_t)(strstr(at, seen[i]) - bytes) + strlen(seen[i]), COLUMNS);
        assert_int_equal(strncmp(before, seen[i], strlen(seen[i])), 0); /* always the same, first line */
        free(before);
        at = strstr(at, seen[i]) + strlen(seen[i]);
    }
    char *shown = terminal_shows(bytes, strlen(bytes), COLUMNS); /* what stays is a line of the log */
    assert_string_equal(shown + 25, "INFO progress 100 % read: 40 records in 30 s, 1.3 records/s\n");
    free(shown);
    free(bytes);
}

static void a_spacing_is_a_duration(void **state)
{
    (void)state;
    static const char *const right[] = { "0s", "250ms", "30s", "5min", "1h", "1d" }, *const wrong[] = {
        "", "30", "s", "-1s", "1 s", "1week", "99999999999999999999s"
    };
    char error[256];
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        listener_progress.close(opened(right[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(listener_progress.open(&(sl_listener_place){ .job = "j", .argument = wrong[i] }, error));
        assert_non_null(strstr(error, "such as 30s"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(share_rate_and_time_left_follow_from_what_was_read),
        TEST(nothing_is_rounded_up_to_the_end),
        TEST(what_is_not_known_is_not_told),
        TEST(a_clock_that_is_set_back_makes_no_nonsense),
        TEST(the_log_gets_a_line_every_ten_seconds_and_one_at_the_end),
        TEST(what_was_told_is_not_told_again_at_the_end),
        TEST(on_a_terminal_the_line_changes_in_place),
        TEST(a_spacing_is_a_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
