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
#include <support/shell.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { FIRST = 700, SECOND = 450 };

static int count(const kafka_server *kafka, const char *fault)
{
    return shell(
        "SLUICE_FAULT=%s $B/jobs/hello_count --available-now --interval 500ms --topic words "
        "--max-rate-per-partition 100 --conf kafka.bootstrap.servers=%s --work-dir work >>said 2>log",
        fault, kafka_server_address(kafka));
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
    return cmocka_run_group_tests(tests, folder_start, folder_stop);
}
