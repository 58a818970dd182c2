/*
 * tests/system/kafka_topics.c - several topics as one input, by their names or by a pattern, and where each partition starts: a
 * job before a real broker, with either reader. What comes out is compared with what was put into the topics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/failure.h>
#include <base/folder.h>
#include <fcntl.h>
#include <inttypes.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { WORDS_MAX = 24, EXPECTED_MAX = 4000 };

static kafka_server *kafka; /* NULL: it cannot be had */
static unsigned trials;
static int64_t base_ms; /* of the records' times: a broker throws old ones away */

static int start(void **state)
{
    (void)state;
    setenv("PARTITIONS", "2", 1);
    base_ms = (int64_t)time(NULL) * 1000 - 60000;
    kafka = kafka_server_start(NULL);
    folder_open();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kafka_server_stop(kafka);
    folder_close();
    return 0;
}

typedef struct trial {
    char prefix[16]; /* of its topics, which share the broker with other trials' */
    char work[220], out[220], to[240], servers[100], reader[40];
    char *expected[EXPECTED_MAX];
    size_t count;
} trial;

static trial *begun(const char *reader)
{
    trial *made = calloc(1, sizeof *made);
    if (kafka == NULL)
        skip();
    snprintf(made->prefix, sizeof made->prefix, "t%u", ++trials);
    snprintf(made->work, sizeof made->work, "%s-%s", folder_path("work"), made->prefix);
    snprintf(made->out, sizeof made->out, "%s-%s", folder_path("out"), made->prefix);
    snprintf(made->to, sizeof made->to, "messages=file:%s", made->out);
    snprintf(made->servers, sizeof made->servers, "kafka.bootstrap.servers=%s", kafka_server_address(kafka));
    snprintf(made->reader, sizeof made->reader, "kafka.reader=%s", reader);
    return made;
}

static void ended_trial(trial *trial)
{
    for (size_t i = 0; i < trial->count; i++)
        free(trial->expected[i]);
    free(trial);
}

static const char *topic_of(const trial *trial, const char *name)
{
    static char names[4][40];
    static unsigned next;
    char *text = names[next++ % 4];
    snprintf(text, 40, "%s-%s", trial->prefix, name);
    return text;
}

/* Numbered messages at the end of a partition; those from `wanted` on are to come out. */
static void filled(trial *trial, const char *name, int32_t partition, int64_t first, int64_t count,
                   int64_t wanted)
{
    static topic_message messages[1000];
    static char values[1000][60];
    for (int64_t i = 0; i < count; i++) {
        snprintf(values[i], sizeof values[i], "%s/%s/%" PRId32 "/%05" PRId64, trial->prefix, name, partition,
                 first + i);
        messages[i] = (topic_message){ .partition = partition,
                                       .value = values[i],
                                       .time_ms = base_ms + 10 * (first + i) };
        if (first + i >= wanted)
            trial->expected[trial->count++] = strdup(values[i]);
    }
    topic_send(kafka_server_address(kafka), topic_of(trial, name), messages, (size_t)count);
}

static pid_t started(const trial *trial, const char *from, const char *const *more)
{
    const char *program = build_path("jobs/ship");
    const char *words[WORDS_MAX] = { program,     "--from",      from,     "--to",         trial->to,
                                     "--conf",    trial->reader, "--conf", trial->servers, "--work-dir",
                                     trial->work, "--interval",  "50ms" };
    for (size_t i = 0, at = 13; more && more[i]; i++)
        words[at++] = more[i];
    fflush(NULL);
    pid_t pid = fork();
    sl_expect(pid >= 0);
    if (pid == 0) {
        int log = open(folder_path("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execv(program, (char *const *)(uintptr_t)words);
        _exit(127);
    }
    return pid;
}

static int ended(pid_t pid)
{
    int status;
    sl_expect(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void ended_well(pid_t pid)
{
    int code = ended(pid);
    if (code != 0)
        print_message("%s", folder_read("log"));
    assert_int_equal(code, 0);
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines that are in the file now; *lines are its own. */
static size_t lines_out(const trial *trial, char **text, char *lines[EXPECTED_MAX])
{
    size_t count = 0;
    const char *name = strrchr(trial->out, '/') + 1;
    *text = strdup(folder_read(name));
    char *rest = *text;
    for (char *line; count < EXPECTED_MAX && (line = strsep(&rest, "\n")) && *line;)
        lines[count++] = line;
    return count;
}

static void all_came_out_once(trial *trial)
{
    char *text, *lines[EXPECTED_MAX];
    size_t count = lines_out(trial, &text, lines);
    qsort(lines, count, sizeof *lines, text_order);
    qsort(trial->expected, trial->count, sizeof *trial->expected, text_order);
    for (size_t i = 0; i < count && i < trial->count; i++)
        assert_string_equal(lines[i], trial->expected[i]);
    assert_int_equal(count, trial->count);
    free(text);
}

/* As often as a broker takes one more question, so that nothing spins. */
static void wait_for_all(trial *trial)
{
    for (size_t count = 0; count < trial->count;) {
        char *text, *lines[EXPECTED_MAX], group[] = "sluice-ship";
        topic_committed(kafka_server_address(kafka), group, topic_of(trial, "a"), 0);
        count = lines_out(trial, &text, lines);
        free(text);
    }
}

static void names_run(const char *reader)
{
    static const char *const now[] = { "--available-now", "--max-rate-per-partition", "2000", NULL };
    char from[100];
    trial *trial = begun(reader);
    filled(trial, "a", 0, 0, 700, 0);
    filled(trial, "a", 1, 0, 300, 0);
    filled(trial, "b", 1, 0, 500, 0);
    filled(trial, "c", 0, 0, 100, 1000); /* nobody reads it */
    snprintf(from, sizeof from, "lines=kafka:%s,%s", topic_of(trial, "a"), topic_of(trial, "b"));
    ended_well(started(trial, from, now));
    all_came_out_once(trial);
    filled(trial, "a", 1, 300, 200, 0);
    filled(trial, "b", 0, 0, 50, 0);
    ended_well(started(trial, from, now)); /* goes on in both */
    all_came_out_once(trial);
    char group[] = "sluice-ship";
    assert_int_equal(topic_committed(kafka_server_address(kafka), group, topic_of(trial, "a"), 1), 500);
    assert_int_equal(topic_committed(kafka_server_address(kafka), group, topic_of(trial, "b"), 0), 50);
    snprintf(from, sizeof from, "lines=kafka:%s,%s,%s", topic_of(trial, "a"), topic_of(trial, "c"),
             topic_of(trial, "b"));
    filled(trial, "c", 1, 0, 10, 0); /* a topic more: read from its begin, where the others go on */
    for (int i = 0; i < 100; i++) {
        char line[60];
        snprintf(line, sizeof line, "%s/c/0/%05d", trial->prefix, i);
        trial->expected[trial->count++] = strdup(line);
    }
    ended_well(started(trial, from, now));
    all_came_out_once(trial);
    ended_trial(trial);
}

static void several_topics_are_one_input(void **state)
{
    (void)state;
    names_run("fetch");
    names_run("librdkafka");
}

static void pattern_run(const char *reader)
{
    static const char *const often[] = { "--conf", "kafka.topic.metadata.refresh.interval.ms=300", NULL },
                             *const latest[] = { "--from-offsets", "latest", "--available-now", NULL };
    char from[100];
    trial *trial = begun(reader);
    filled(trial, "a", 0, 0, 300, 0);
    filled(trial, "other1", 0, 0, 100, 1000);
    snprintf(from, sizeof from, "lines=kafka:^%s-[a-z]+$", trial->prefix);
    pid_t job = started(trial, from, often);
    wait_for_all(trial);
    filled(trial, "b", 0, 0, 200, 0); /* made while the job runs */
    filled(trial, "b", 1, 0, 100, 0);
    wait_for_all(trial);
    filled(trial, "a", 1, 0, 50, 0);
    wait_for_all(trial);
    kill(job, SIGTERM);
    ended_well(job);
    filled(trial, "c", 1, 0, 60, 0); /* made while it does not run */
    filled(trial, "b", 1, 100, 40, 0);
    ended_well(started(trial, from, latest));
    all_came_out_once(trial);
    ended_trial(trial);
}

static void topics_of_a_pattern_are_found_while_the_job_runs(void **state)
{
    (void)state;
    pattern_run("fetch");
    pattern_run("librdkafka");
}

static void starts_run(const char *reader)
{
    char from[100], offsets[200];
    trial *trial = begun(reader);
    const char *const more[] = { "--available-now", "--from-offsets", offsets, NULL };
    filled(trial, "a", 0, 0, 300, 123);
    filled(trial, "a", 1, 0, 200, 0);
    filled(trial, "b", 0, 0, 100, 1000);
    filled(trial, "b", 1, 0, 100, 99);
    snprintf(from, sizeof from, "lines=kafka:%s,%s", topic_of(trial, "a"), topic_of(trial, "b"));
    snprintf(offsets, sizeof offsets, "{\"%s\":{\"0\":123,\"1\":-2},\"%s\":{\"0\":-1,\"1\":99}}",
             topic_of(trial, "a"), topic_of(trial, "b"));
    ended_well(started(trial, from, more));
    all_came_out_once(trial);
    filled(trial, "b", 0, 100, 10, 0);
    ended_well(started(trial, from, more)); /* they are ignored: positions are there */
    all_came_out_once(trial);
    ended_trial(trial);
}

static void each_partition_starts_where_it_is_told(void **state)
{
    (void)state;
    starts_run("fetch");
    starts_run("librdkafka");
}

static void each_partition_starts_at_its_time(void **state)
{
    (void)state;
    char from[100], offsets[200];
    trial *trial = begun("auto");
    const char *const more[] = { "--available-now", "--from-offsets", offsets, NULL };
    filled(trial, "a", 0, 0, 300, 50); /* record n has the time base_ms + 10 n */
    filled(trial, "a", 1, 0, 200, 1000);
    snprintf(from, sizeof from, "lines=kafka:%s", topic_of(trial, "a"));
    snprintf(offsets, sizeof offsets, "timestamp:{\"%s\":{\"0\":%" PRId64 ",\"1\":%" PRId64 "}}",
             topic_of(trial, "a"), base_ms + 491, base_ms + 50000);
    ended_well(started(trial, from, more));
    all_came_out_once(trial);
    ended_trial(trial);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *offsets, *told;
        int code;
    } rows[] = {
        { "lines=kafka:a-topic,", "earliest", "a name is missing between commas", 2 },
        { "lines=kafka:^a[", "earliest", "is no pattern", 2 },
        { "lines=kafka:^no-such-topic", "earliest", "no topic at", 3 },
        { "lines=kafka:known", "{\"known\":{\"0\":1}}", "known partition 1 starts: name each one", 2 },
        { "lines=kafka:known", "{\"known\":{\"0\":1,\"1\":1,\"7\":0}}",
          "known partition 7, which no input has", 2 },
        { "lines=kafka:known", "{\"known\":{\"0\":-3}}", "expected {", 2 },
        { "lines=kafka:known", "{\"known\":5}", "expected {", 2 },
        { "lines=kafka:known", "timestamp:{\"known\":{\"0\":-3}}", "expected timestamp:{", 2 },
        { "lines=kafka:known", "soon", "expected earliest, latest", 2 },
    };
    trial *trial = begun("auto");
    topic_fill(kafka_server_address(kafka), "known", 1, 0, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const more[] = {
            "--available-now", "--from-offsets", rows[i].offsets, "--startup-timeout", "1s", NULL
        };
        folder_write("log", "");
        int code = ended(started(trial, rows[i].from, more));
        if (code != rows[i].code)
            print_message("%s", folder_read("log"));
        assert_int_equal(code, rows[i].code);
        if (strstr(folder_read("log"), rows[i].told) == NULL)
            fail_msg("\"%s\" is not in: %s", rows[i].told, folder_read("log"));
    }
    ended_trial(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_topics_are_one_input),
        cmocka_unit_test(topics_of_a_pattern_are_found_while_the_job_runs),
        cmocka_unit_test(each_partition_starts_where_it_is_told),
        cmocka_unit_test(each_partition_starts_at_its_time),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
