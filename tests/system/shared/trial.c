/*
 * tests/system/shared/trial.c - processes and waiting. Nothing here sleeps: inotify tells of new files and of lines in logs and
 * histories, a pidfd of a process's end.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <base/buffer.h>
#include <base/clock.h>
#include <base/failure.h>
#include <base/memory.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system/shared/trial.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define STARTED " listens runs: "
enum { PATIENCE_MS = 60000, WORDS_MAX = 100 };

typedef bool condition(trial *trial, const void *argument);

static bool wait_for(trial *trial, condition *is, const void *argument);
static char *file_text(const char *path);
static void log_show(const trial *trial);

/* ---- Processes --------------------------------------------------------------------------------------------------- */

static void variable_set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
}

/* `of`: whose faults it gets; NULL: none. */
static pid_t process_start(const char *const *words, int output, const trial *of)
{
    fflush(NULL);
    pid_t pid = fork();
    sl_expect(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    variable_set("SLUICE_FAULT", of ? of->fault : NULL);
    variable_set("SLUICE_DISK_FAULT", of ? of->disk_fault : NULL);
    variable_set("SLUICE_CLOCK_FAULT", of ? of->clock_fault : NULL);
    execv(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

static int process_ended(pid_t pid)
{
    int status;
    struct pollfd end = { pidfd_open(pid, 0), POLLIN, 0 };
    if (poll(&end, 1, PATIENCE_MS) != 1)
        kill(pid, SIGKILL);
    close(end.fd);
    sl_expect(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int log_open(const trial *trial)
{
    int log = open(trial->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    sl_expect(log >= 0);
    return log;
}

int trial_run(trial *trial, const char *const *words)
{
    int log = log_open(trial);
    pid_t pid = process_start(words, log, NULL);
    close(log);
    return process_ended(pid);
}

char *trial_output(const char *const *words)
{
    buffer out = { 0 };
    int ends[2];
    sl_expect(pipe2(ends, O_CLOEXEC) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execv(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t size; (size = read(ends[0], buffer_reserve(&out, 65536), 65536)) > 0;)
        out.size += (size_t)size;
    close(ends[0]);
    assert_int_equal(process_ended(pid), 0);
    buffer_byte(&out, '\0');
    return out.at;
}

/* ---- A trial ----------------------------------------------------------------------------------------------------- */

static bool has_port(trial *trial, const void *path)
{
    char *text = file_text(path);
    bool there = strchr(text, '\n') != NULL;
    if (there)
        snprintf(trial->servers, sizeof trial->servers, "127.0.0.1:%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    return there;
}

static void broker_start(trial *trial, int32_t partitions)
{
    char path[TRIAL_PATH], topic[60];
    snprintf(path, sizeof path, "%s/port", trial->folder);
    snprintf(topic, sizeof topic, "%s:%d", trial->topic, partitions);
    const char *const words[] = {
        build_path("sluice"), "broker", "--port-file", path, "--topic", topic, NULL
    };
    int log = log_open(trial);
    trial->broker = process_start(words, log, NULL);
    close(log);
    if (!wait_for(trial, has_port, path))
        fail_msg("the mock broker does not start");
}

bool trial_begin(trial *trial, const char *servers, const char *topic, int32_t partitions)
{
    const char *temporary = getenv("TMPDIR");
    *trial = (struct trial){ 0 };
    snprintf(trial->folder, sizeof trial->folder, "%.80s/sluice-listens-XXXXXX",
             temporary ? temporary : P_tmpdir);
    sl_expect(mkdtemp(trial->folder) != NULL);
    snprintf(trial->work_dir, sizeof trial->work_dir, "%s/work", trial->folder);
    snprintf(trial->out, sizeof trial->out, "%s/out", trial->folder);
    snprintf(trial->log, sizeof trial->log, "%s/log", trial->folder);
    snprintf(trial->topic, sizeof trial->topic, "%s", topic);
    mkdir(trial->work_dir, 0700);
    mkdir(trial->out, 0700);
    made_listens_begin(&trial->listens, partitions);
    snprintf(trial->redis_dir, sizeof trial->redis_dir, "%s/redis", trial->folder);
    mkdir(trial->redis_dir, 0700);
    /* It may be killed: what it acknowledged is in its log. */
    const char *const options[] = { "--dir", trial->redis_dir, "--appendonly", "yes", "--appendfsync", "no",
                                    NULL };
    trial->redis = redis_server_start(options);
    if (trial->redis == NULL)
        return false;
    if (servers)
        snprintf(trial->servers, sizeof trial->servers, "%s", servers);
    else
        broker_start(trial, partitions);
    return true;
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

void trial_end(trial *trial)
{
    if (trial->job) {
        kill(trial->job, SIGKILL);
        process_ended(trial->job);
    }
    if (trial->broker) {
        kill(trial->broker, SIGTERM);
        process_ended(trial->broker);
    }
    redis_server_stop(trial->redis);
    made_listens_done(&trial->listens);
    if (getenv("KEEP"))
        print_message("kept: %s\n", trial->folder);
    else
        nftw(trial->folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int trial_make(void **state)
{
    *state = calloc(1, sizeof(trial));
    return *state ? 0 : -1;
}

int trial_free(void **state)
{
    trial *trial = *state;
    if (trial->folder[0])
        trial_end(trial);
    free(trial);
    return 0;
}

int64_t trial_now_ms(void)
{
    return clock_ns(&clock_system) / 1000000;
}

void trial_set(trial *trial, const char *option, ...)
{
    va_list rest;
    size_t count = 0;
    va_start(rest, option);
    for (; option; option = va_arg(rest, const char *)) {
        sl_expect(count + 1 < sizeof trial->options / sizeof *trial->options);
        trial->options[count++] = option;
    }
    trial->options[count] = NULL;
    va_end(rest);
}

void trial_import(trial *trial)
{
    char csv[TRIAL_PATH], from[TRIAL_PATH + 32], redis[120], work_dir[TRIAL_PATH + 8];
    snprintf(csv, sizeof csv, "%s/cust.csv", trial->folder);
    snprintf(from, sizeof from, "customers=file:%s", csv);
    snprintf(redis, sizeof redis, "redis.url=%s", redis_server_url(trial->redis));
    snprintf(work_dir, sizeof work_dir, "%s/import", trial->folder);
    made_customers_write(csv);
    const char *const words[] = {
        build_path("jobs/import_customers"), "--from", from, "--conf", redis, "--work-dir", work_dir, NULL
    };
    int status = trial_run(trial, words);
    if (status != 0)
        log_show(trial);
    assert_int_equal(status, 0);
    redis_server_ask(trial->redis, "HDEL with-no-gender gender");
    redis_server_ask(trial->redis, "HSET with-a-bad-age age 4.5");
    redis_server_ask(trial->redis, "HDEL with-no-zip zip LinkedWithApps");
    redis_server_ask(trial->redis, "SET a-text text");
}

void trial_send(trial *trial, size_t count)
{
    made_listens_add(&trial->listens, count);
    made_listens_send(&trial->listens, trial->servers, trial->topic);
}

/* ---- The job ----------------------------------------------------------------------------------------------------- */

static void words_add(const char **words, const char *const *more)
{
    size_t count = 0;
    while (words[count])
        count++;
    for (size_t i = 0; more[i]; i++) {
        sl_expect(count + 1 < WORDS_MAX);
        words[count++] = more[i];
    }
    words[count] = NULL;
}

/* Where each output goes: "--to", "NAME=URI", ... */
static void places_add(const trial *trial, const char **words, char texts[3][TRIAL_PATH + 32])
{
    static const char *const outputs[] = { "documents", "top_tracks", "interests" };
    static const char *const redis[] = { "--to", "top_tracks=redis", "--to", "interests=redis", NULL };
    static const char *const search[] = { "--conf", "elastic.replicas=0", "--to", "documents=elastic",
                                          "--to",   "top_tracks=elastic", "--to", "interests=elastic",
                                          NULL };
    for (size_t i = 0; i < 3; i++) {
        snprintf(texts[i], TRIAL_PATH + 32, "%s=file:%s", outputs[i], trial->out);
        if (i > 0 || !trial->documents_there)
            words_add(words, (const char *const[]){ "--to", texts[i], NULL });
    }
    words_add(words, redis);
    if (trial->elastic)
        words_add(words, search);
}

static void job_start(trial *trial, const char *last)
{
    char kafka[100], redis[120], elastic[120], places[3][TRIAL_PATH + 32];
    snprintf(kafka, sizeof kafka, "kafka.bootstrap.servers=%s", trial->servers);
    snprintf(redis, sizeof redis, "redis.url=%s", redis_server_url(trial->redis));
    if (trial->kafka_port)
        snprintf(kafka, sizeof kafka, "kafka.bootstrap.servers=127.0.0.1:%d", trial->kafka_port);
    if (trial->redis_port)
        snprintf(redis, sizeof redis, "redis.url=redis://127.0.0.1:%d", trial->redis_port);
    snprintf(elastic, sizeof elastic, "elastic.url=%s",
             trial->elastic ? trial->elastic : "http://127.0.0.1:1");
    const char *words[WORDS_MAX] = { build_path("jobs/listens"),
                                     "--conf",
                                     kafka,
                                     "--conf",
                                     redis,
                                     "--conf",
                                     elastic,
                                     "--work-dir",
                                     trial->work_dir,
                                     "--topic",
                                     trial->topic };
    places_add(trial, words, places);
    words_add(words, trial->options);
    words_add(words, (const char *const[]){ last, NULL });
    int log = log_open(trial);
    trial->starts = trial_logged(trial, STARTED);
    trial->job = process_start(words, log, trial);
    close(log);
}

void trial_start(trial *trial)
{
    job_start(trial, NULL);
}

int trial_ended(trial *trial)
{
    int status = process_ended(trial->job);
    trial->job = 0;
    return status;
}

void trial_signal(trial *trial, int number)
{
    sl_expect(kill(trial->job, number) == 0);
}

static void assert_ended_well(trial *trial)
{
    int status = trial_ended(trial);
    if (status != 0)
        log_show(trial);
    assert_int_equal(status, 0);
}

void trial_stop(trial *trial)
{
    trial_wait_log(trial, STARTED, trial->starts + 1); /* before, a signal ends the process at once */
    trial_signal(trial, SIGTERM);
    assert_ended_well(trial);
}

void trial_finish(trial *trial)
{
    job_start(trial, "--available-now");
    assert_ended_well(trial);
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

/* False: the job ended, or it took too long. */
static bool wait_for(trial *trial, condition *is, const void *argument)
{
    char documents[TRIAL_PATH + 20], events[4096];
    snprintf(documents, sizeof documents, "%s/ba_realtime2", trial->out);
    mkdir(documents, 0700);
    int64_t until_ms = trial_now_ms() + PATIENCE_MS;
    struct pollfd told[2] = { { inotify_init1(IN_CLOEXEC), POLLIN, 0 }, { -1, POLLIN, 0 } };
    const char *const folders[] = { trial->folder, trial->work_dir, documents };
    for (size_t i = 0; i < 3; i++)
        sl_expect(inotify_add_watch(told[0].fd, folders[i], IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0);
    if (trial->job || trial->broker)
        told[1].fd = pidfd_open(trial->job ? trial->job : trial->broker, 0);
    bool met = false;
    while (!(met = is(trial, argument)) && !told[1].revents && trial_now_ms() < until_ms)
        if (poll(told, 2, (int)(until_ms - trial_now_ms())) > 0 && told[0].revents)
            sl_expect(read(told[0].fd, events, sizeof events) > 0);
    close(told[0].fd);
    if (told[1].fd >= 0)
        close(told[1].fd);
    return met;
}

static char *file_text(const char *path)
{
    buffer text = { 0 };
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        for (ssize_t size; (size = read(file, buffer_reserve(&text, 65536), 65536)) > 0;)
            text.size += (size_t)size;
        close(file);
    }
    buffer_byte(&text, '\0');
    return text.at;
}

static void log_show(const trial *trial)
{
    char *text = file_text(trial->log);
    size_t size = strlen(text);
    print_message("the log:\n%s\n", text + (size > 6000 ? size - 6000 : 0));
    free(text);
}

/* What a completed batch's account says of its ranges. */
static void account_note(const char *account, int64_t *done)
{
    if (strstr(account, "\"state\":\"completed\"") == NULL)
        return; /* an attempt that failed */
    for (const char *at = account; (at = strstr(at, "\"partition\":")); at++) {
        int partition;
        long long from, until;
        if (sscanf(at, "\"partition\":%d,\"from\":%lld,\"until\":%lld", &partition, &from, &until) == 3 &&
            done[partition] < until)
            done[partition] = until;
    }
}

static bool is_all_done(trial *trial, const void *unused)
{
    (void)unused;
    char path[TRIAL_PATH + 20];
    int64_t done[MADE_PARTITIONS_MAX] = { 0 };
    snprintf(path, sizeof path, "%s/history.ndjson", trial->work_dir);
    char *text = file_text(path), *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        account_note(line, done);
    free(text);
    bool all = true;
    for (int32_t i = 0; i < trial->listens.partitions; i++)
        all &= done[i] == trial->listens.ends[i];
    return all;
}

void trial_wait_all(trial *trial)
{
    if (!wait_for(trial, is_all_done, NULL)) {
        log_show(trial);
        fail_msg("not all that was sent is done");
    }
}

size_t trial_files(trial *trial)
{
    char path[TRIAL_PATH + 20];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/ba_realtime2", trial->out);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += strstr(entry->d_name, ".ndjson") != NULL;
    if (folder)
        closedir(folder);
    return count;
}

static bool has_files(trial *trial, const void *count)
{
    return trial_files(trial) >= *(const size_t *)count;
}

void trial_wait_files(trial *trial, size_t count)
{
    if (!wait_for(trial, has_files, &count)) {
        log_show(trial);
        fail_msg("there are fewer than %zu files of documents", count);
    }
}

unsigned trial_logged(trial *trial, const char *text)
{
    unsigned times = 0;
    char *log = file_text(trial->log);
    for (const char *at = log; (at = strstr(at, text)); at++)
        times++;
    free(log);
    return times;
}

typedef struct wanted_text {
    const char *text;
    unsigned times;
} wanted_text;

static bool has_logged(trial *trial, const void *argument)
{
    const wanted_text *wanted = argument;
    return trial_logged(trial, wanted->text) >= wanted->times;
}

void trial_wait_log(trial *trial, const char *text, unsigned times)
{
    wanted_text wanted = { text, times };
    if (!wait_for(trial, has_logged, &wanted)) {
        log_show(trial);
        fail_msg("the log does not say \"%s\" %u times", text, times);
    }
}
