/*
 * tests/cli/broker.c - `sluice broker` in a child process, talked to from here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cli/broker.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

typedef struct child {
    pid_t pid;
    FILE *out; /* its standard output and error */
} child;

static child broker_start(char **words)
{
    int ends[2], count = 0;
    while (words[count])
        count++;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        int code = broker_run(count, words);
        fflush(NULL);
        _exit(code);
    }
    close(ends[1]);
    return (child){ pid, fdopen(ends[0], "r") };
}

static int broker_end(child child, int signal)
{
    int status;
    if (signal)
        kill(child.pid, signal);
    waitpid(child.pid, &status, 0);
    fclose(child.out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void it_serves_until_it_is_told_to_stop(void **state)
{
    (void)state;
    char line[200], port[20] = "", folder[100], path[120];
    snprintf(folder, sizeof folder, "%s/sluice-broker-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/port", folder);
    char *words[] = { "broker", "--topic", "realtime:8", "--topic=other", "--port-file", path, NULL };
    child child = broker_start(words);
    assert_non_null(fgets(line, sizeof line, child.out));
    assert_memory_equal(line, "listening on 127.0.0.1:", 23);
    char *servers = line + strlen("listening on ");
    servers[strcspn(servers, "\n")] = '\0';
    topic_message message = { 7, "k", "v", 0 }; /* the last of its partitions */
    topic_send(servers, "realtime", &message, 1);
    char *read = topic_read(servers, "realtime");
    assert_string_equal(read, "k=v\n");
    free(read);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(port, sizeof port, file));
    fclose(file);
    port[strcspn(port, "\n")] = '\0';
    assert_string_equal(port, strchr(servers, ':') + 1);
    assert_int_equal(broker_end(child, SIGTERM), 0);
    unlink(path);
    rmdir(folder);
}

static void an_interrupt_ends_it_too(void **state)
{
    (void)state;
    char line[200];
    char *words[] = { "broker", "--brokers", "2", NULL };
    child child = broker_start(words);
    assert_non_null(fgets(line, sizeof line, child.out));
    assert_non_null(strstr(line, ",127.0.0.1:"));
    assert_int_equal(broker_end(child, SIGINT), 0);
}

static void assert_usage(char **words, const char *text)
{
    char line[300] = "";
    child child = broker_start(words);
    assert_non_null(fgets(line, sizeof line, child.out));
    if (strstr(line, text) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", line, text);
    assert_int_equal(broker_end(child, 0), 2);
}

static void wrong_use_is_told(void **state)
{
    (void)state;
    assert_usage((char *[]){ "broker", "--topics", "x", NULL }, "--topics");
    assert_usage((char *[]){ "broker", "--topic", "x:0", NULL }, "x:0");
    assert_usage((char *[]){ "broker", "--topic", "x:many", NULL }, "x:many");
    assert_usage((char *[]){ "broker", "--topic", ":3", NULL }, ":3");
    assert_usage((char *[]){ "broker", "--brokers", "0", NULL }, "--brokers");
    assert_usage((char *[]){ "broker", "extra", NULL }, "extra");
}

static void help_names_the_options(void **state)
{
    (void)state;
    char text[4000];
    child child = broker_start((char *[]){ "broker", "--bogus", "extra", "--help", NULL });
    text[fread(text, 1, sizeof text - 1, child.out)] = '\0';
    assert_non_null(strstr(text, "--port-file"));
    assert_non_null(strstr(text, "--topic"));
    assert_non_null(strstr(text, "--brokers"));
    assert_int_equal(broker_end(child, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_until_it_is_told_to_stop),
        cmocka_unit_test(an_interrupt_ends_it_too),
        cmocka_unit_test(wrong_use_is_told),
        cmocka_unit_test(help_names_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
