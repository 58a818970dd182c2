/*
 * tests/system/hello_count.c - the smallest job on a real broker: what it prints, batch by batch, is what the topic holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/folder.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { FIRST = 700, SECOND = 450 };

static int start(void **state)
{
    (void)state;
    return folder_open() ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    folder_close();
    return 0;
}

static int count(const kafka_server *kafka, const char *fault)
{
    const char *build = getenv("SLUICE_BUILD");
    char line[1000];
    snprintf(
        line, sizeof line,
        "SLUICE_FAULT=%s %s/jobs/hello_count --available-now --interval 500ms --topic words --max-rate-per-partition 100 "
        "--conf kafka.bootstrap.servers=%s --work-dir %s >>%s 2>%s",
        fault, build ? build : "build", kafka_server_address(kafka), folder_path("work"), folder_path("said"),
        folder_path("log"));
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Lines that were told, each T once: what is printed again after a kill has the T that it had. */
static int told(void)
{
    char *text = strdup(folder_read("said")), *rest = text, *times[100];
    int sum = 0, seen = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (line[0] != '{') /* the heading of a batch */
            continue;
        char *time = strstr(line, "\"@timestamp\":\""), *lines = strstr(line, "\"lines\":");
        assert_true(time && lines && seen < 100);
        bool again = false;
        for (int i = 0; i < seen; i++)
            again = again || strncmp(times[i], time, 40) == 0;
        sum += again ? 0 : (int)strtol(lines + strlen("\"lines\":"), NULL, 10);
        times[seen++] = time;
    }
    assert_true(seen > 4); /* batches are cut by the limit */
    free(text);
    return sum;
}

static void every_line_of_the_topic_is_counted_once(void **state)
{
    (void)state;
    setenv("PARTITIONS", "2", 1);
    kafka_server *kafka = kafka_server_start(NULL);
    if (kafka == NULL)
        skip();
    topic_fill(kafka_server_address(kafka), "words", 0, 0, FIRST);
    topic_fill(kafka_server_address(kafka), "words", 1, 0, FIRST / 2);
    assert_int_equal(count(kafka, ""), 0);
    assert_int_equal(told(), FIRST + FIRST / 2);
    topic_fill(kafka_server_address(kafka), "words", 1, FIRST / 2, SECOND);
    assert_int_equal(count(kafka, "before_checkpoint:2"), 128 + 9);
    assert_int_equal(count(kafka, ""), 0);
    assert_int_equal(told(), FIRST + FIRST / 2 + SECOND);
    kafka_server_stop(kafka);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_line_of_the_topic_is_counted_once) };
    return cmocka_run_group_tests(tests, start, stop);
}
