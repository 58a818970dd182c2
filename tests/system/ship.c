/*
 * tests/system/ship.c - the job `ship` on a real broker: files that grow, are rotated in both ways and appear, and a process that
 * is killed at every point around its transactions, or loses its work folder. With --exactly-once each line is in the topic
 * once, without it at least once; nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/buffer.h>
#include <base/failure.h>
#include <base/folder.h>
#include <fcntl.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

static kafka_server *kafka; /* NULL: it cannot be had */
static unsigned trials;
static int lines; /* written in this trial, numbered */

static int start_kafka(void **state)
{
    (void)state;
    setenv("PARTITIONS", "2", 1);
    kafka = kafka_server_start(NULL);
    folder_open();
    return 0;
}

static int stop_kafka(void **state)
{
    (void)state;
    kafka_server_stop(kafka);
    folder_close();
    return 0;
}

typedef struct trial {
    char folder[20], topic[20], pattern[220], from[240], to[40], servers[100], work_dir[220], log[220];
    bool once;
    const char *fault;
} trial;

static trial begun(bool once)
{
    trial made = { .once = once };
    if (kafka == NULL)
        skip();
    snprintf(made.folder, sizeof made.folder, "trial-%u", ++trials);
    snprintf(made.topic, sizeof made.topic, "realtime-%u", trials);
    char path[220];
    snprintf(path, sizeof path, "%s", folder_path(made.folder));
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(made.pattern, sizeof made.pattern, "%s/*.csv", path);
    snprintf(made.from, sizeof made.from, "lines=file:%s", made.pattern);
    snprintf(made.to, sizeof made.to, "messages=kafka:%s", made.topic);
    snprintf(made.servers, sizeof made.servers, "kafka.bootstrap.servers=%s", kafka_server_address(kafka));
    snprintf(made.work_dir, sizeof made.work_dir, "%s/work", path);
    snprintf(made.log, sizeof made.log, "%s/log", path);
    topic_send(kafka_server_address(kafka), made.topic, NULL,
               0); /* nothing; the broker makes topics when asked */
    lines = 0;
    return made;
}

static void append(const trial *trial, const char *name, int count)
{
    char path[300];
    snprintf(path, sizeof path, "%.*s%s", (int)(strlen(trial->pattern) - strlen("*.csv")), trial->pattern,
             name);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        fprintf(file, "line %06d\n", lines++);
    fclose(file);
}

static void renamed(const trial *trial, const char *from, const char *to)
{
    char old[300], new[300];
    int size = (int)(strlen(trial->pattern) - strlen("*.csv"));
    snprintf(old, sizeof old, "%.*s%s", size, trial->pattern, from);
    snprintf(new, sizeof new, "%.*s%s", size, trial->pattern, to);
    assert_int_equal(rename(old, new), 0);
}

static pid_t started(const trial *trial, const char *last)
{
    const char *program = build_path("jobs/ship");
    const char *words[16] = {
        program,  "--from",       trial->from,  "--to",          trial->to,
        "--conf", trial->servers, "--work-dir", trial->work_dir, "--max-rate-per-partition",
        "3000"
    };
    size_t count = 11;
    if (trial->once)
        words[count++] = "--exactly-once";
    words[count] = last;
    fflush(NULL);
    pid_t pid = fork();
    sl_expect(pid >= 0);
    if (pid == 0) {
        int log = open(trial->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        if (trial->fault)
            setenv("SLUICE_FAULT", trial->fault, 1);
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

static void killed_at(trial *trial, const char *fault)
{
    trial->fault = fault;
    assert_int_equal(ended(started(trial, NULL)), 128 + SIGKILL);
    trial->fault = NULL;
}

/* Runs to the end of all files; then every line is there, and how often. */
static void finished(const trial *trial)
{
    int status = ended(started(trial, "--available-now"));
    if (status != 0)
        print_message("see %s\n", trial->log);
    assert_int_equal(status, 0);
    char *read = topic_read(kafka_server_address(kafka), trial->topic), *rest = read, expected[40];
    int next = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; next++) { /* sorted */
        snprintf(expected, sizeof expected, "~=line %06d", next);
        if (!trial->once && next > 0 && strcmp(line, expected) != 0)
            snprintf(expected, sizeof expected, "~=line %06d", --next); /* once more */
        assert_string_equal(line, expected);
    }
    assert_int_equal(next, lines);
    free(read);
}

static void rotations_and_kills(trial *trial, const char *const *faults, size_t count)
{
    append(trial, "a.csv", 1500);
    for (size_t i = 0; i < count; i++) {
        char name[20], old[20];
        append(trial, "a.csv", 700);
        snprintf(name, sizeof name, "more-%zu.csv", i); /* found by the pattern */
        snprintf(old, sizeof old, "old-%zu", i);        /* not found by it */
        append(trial, name, 50);
        killed_at(trial, faults[i]);
        append(trial, "a.csv", 20);
        if (i % 2)
            renamed(trial, "a.csv", old);
        append(trial, "a.csv", 5);
    }
    finished(trial);
}

static void each_line_is_sent_once_whatever_dies_around_a_transaction(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "before_transaction:2", "after_transaction:2", "after_documents:2",
        "before_checkpoint:2",  "after_transaction:1", "after_checkpoint:2"
    };
    trial trial = begun(true);
    rotations_and_kills(&trial, faults, sizeof faults / sizeof *faults);
    char group[] = "sluice-ship";
    assert_true(topic_committed(kafka_server_address(kafka), group, trial.topic, 0) > 0);
}

static void each_line_is_sent_at_least_once_without_transactions(void **state)
{
    (void)state;
    static const char *const faults[] = { "after_documents:2", "before_checkpoint:2", "after_journal:2" };
    trial trial = begun(false);
    rotations_and_kills(&trial, faults, sizeof faults / sizeof *faults);
}

/* A shell's words; they succeed. */
static void in_folder(const trial *trial, const char *command)
{
    assert_int_equal(shell("cd %s && %s", trial->folder, command), 0);
}

/* What the topic's word says wins, also of files that were rotated away since. */
static void goes_on_from(trial *trial, const char *change)
{
    append(trial, "a.csv", 1500);
    append(trial, "b.csv", 300);
    finished(trial);
    in_folder(trial, "cp -a work older");
    append(trial, "a.csv", 500);
    append(trial, "c.csv", 40);
    killed_at(trial, "after_checkpoint:1");
    append(trial, "a.csv", 10);
    killed_at(trial, "after_transaction:1");
    renamed(trial, "a.csv", "old-a");
    append(trial, "a.csv", 70);
    append(trial, "old-a", 30);
    in_folder(trial, change);
    finished(trial);
    append(trial, "b.csv", 20);
    finished(trial);
}

static void an_older_work_folder_sends_nothing_twice(void **state)
{
    (void)state;
    trial trial = begun(true);
    goes_on_from(&trial, "rm -r work && mv older work");
    in_folder(&trial, "grep -q 'which its output holds; the work folder ends with batch [1-9]' log");
}

static void a_lost_work_folder_sends_nothing_twice(void **state)
{
    (void)state;
    trial trial = begun(true);
    goes_on_from(&trial, "rm -r work");
    in_folder(&trial, "grep -q 'which its output holds; the work folder ends with batch 0' log");
}

/* Positions of very many files do not fit one word. */
static void many_files_take_several_words(void **state)
{
    (void)state;
    trial trial = begun(true);
    char name[40];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "file-%d.csv", i);
        append(&trial, name, 30);
    }
    finished(&trial);
    in_folder(&trial, "rm -r work");
    append(&trial, "file-7.csv", 5);
    finished(&trial);
    in_folder(&trial, "test $(grep -c 'work folder alone knows' log) = 0");
}

static void who_resets_the_job_has_it_all_again(void **state)
{
    (void)state;
    trial trial = begun(true);
    append(&trial, "a.csv", 50);
    finished(&trial);
    in_folder(&trial, "$B/sluice reset --yes --work-dir work >/dev/null");
    append(&trial, "a.csv", 20);
    assert_int_equal(ended(started(&trial, "--available-now")), 0);
    char *read = topic_read(kafka_server_address(kafka), trial.topic);
    int held = 0;
    for (const char *at = read; (at = strchr(at, '\n')); at++)
        held++;
    free(read);
    assert_int_equal(held, 50 + 70);
}

/* As often as a broker answers, until it holds all that was written. */
static void wait_for_all(const trial *trial)
{
    for (int held = 0; held < lines;) {
        char *read = topic_read(kafka_server_address(kafka), trial->topic);
        held = 0;
        for (const char *at = read; (at = strchr(at, '\n')); at++)
            held++;
        free(read);
    }
}

static void rotations_are_followed_while_the_job_runs(void **state)
{
    (void)state;
    trial trial = begun(true);
    append(&trial, "a.csv", 100);
    finished(&trial); /* now there is a topic */
    pid_t job = started(&trial, NULL);
    for (int i = 0; i < 3; i++) {
        char old[20];
        snprintf(old, sizeof old, "old-%d", i);
        append(&trial, "a.csv", 100);
        wait_for_all(&trial);
        renamed(&trial, "a.csv", old);
        append(&trial, "a.csv", 100);
        append(&trial, old, 10); /* the writer has it open still */
        wait_for_all(&trial);
    }
    kill(job, SIGTERM);
    assert_int_equal(ended(job), 0);
    finished(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_sent_once_whatever_dies_around_a_transaction),
        cmocka_unit_test(each_line_is_sent_at_least_once_without_transactions),
        cmocka_unit_test(an_older_work_folder_sends_nothing_twice),
        cmocka_unit_test(a_lost_work_folder_sends_nothing_twice),
        cmocka_unit_test(many_files_take_several_words),
        cmocka_unit_test(who_resets_the_job_has_it_all_again),
        cmocka_unit_test(rotations_are_followed_while_the_job_runs),
    };
    return cmocka_run_group_tests(tests, start_kafka, stop_kafka);
}
