/*
 * tests/cli/job_double.c - a child of the test program, which dies with it.
 */
#include <base/folder.h>
#include <cli/job_double.h>
#include <fcntl.h>
#include <http/server.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2]; /* a byte in it: stop */

static void status_tell(void *argument, buffer *json)
{
    (void)argument;
    buffer_print(
        json,
        "{\"job\":\"double\",\"pid\":%d,\"state\":\"running\",\"batch_id\":7,\"batch_time\":1795402680000,"
        "\"interval_ms\":2000,\"held\":3,\"dead_letters\":12,"
        "\"last_batch\":{\"job\":\"double\",\"batch_id\":7,\"batch_time\":1795402680000,\"state\":\"completed\","
        "\"interval_ms\":2000,\"attempt\":1,\"records\":240,\"scheduling_delay_ms\":0.5,\"processing_ms\":3.2,"
        "\"total_delay_ms\":3.7,\"ranges\":[{\"lag\":40},{\"lag\":2}]}}\n",
        (int)getpid());
}

static void batches_tell(void *argument, buffer *lines)
{
    (void)argument;
    buffer_text(lines, "{\"batch_id\":7}\n");
}

/* Takes what it is given, and says so. */
static bool tune_tell(void *argument, const server_tune *wish, buffer *json)
{
    (void)argument;
    if (wish->cores > 2) {
        buffer_text(json, "{\"error\":\"this job can use 1 to 2 cores\"}\n");
        return false;
    }
    buffer_print(json, "{\"interval_ms\":%lld,\"max_rate_per_partition\":%lld,\"cores\":%lld}\n",
                 (long long)wish->interval_ms, (long long)wish->rate, (long long)wish->cores);
    return true;
}

/* Three lines at once, and then no more. */
static size_t tapped;

static int64_t tap_take(void *argument, const server_tap *wish, buffer *json)
{
    (void)argument;
    tapped = 0;
    if (strcmp(wish->stream, "lines") != 0)
        buffer_text(json, "{\"error\":\"there is no stream\"}\n");
    return strcmp(wish->stream, "lines") == 0;
}

static size_t tap_tell(void *argument, int64_t client, char *at, size_t room)
{
    static const char lines[] = "{\"n\":1}\n\n{\"n\":2}\n{\"lost\":3}\n{\"n\":3}\n";
    (void)argument, (void)client;
    size_t size = tapped++ || room < sizeof lines ? 0 : sizeof lines - 1;
    memcpy(at, lines, size);
    return size;
}

static void tap_drop(void *argument, int64_t client)
{
    (void)argument, (void)client;
}

static void stop_note(void *argument)
{
    const job_double_way *way = argument;
    if (*way == DOUBLE_STOPS && write(ends[1], "s", 1) != 1)
        abort();
}

static _Noreturn void double_run(const char *folder, job_double_way way, int ready)
{
    char path[4096], pid[16], asked;
    server *server = NULL;
    failure failure = { 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "%s/lock", folder);
    int lock = open(path, O_RDWR | O_CREAT, 0640);
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0 || ftruncate(lock, 0) != 0 ||
        write(lock, pid, (size_t)size) != size || pipe(ends) != 0)
        _exit(98);
    snprintf(path, sizeof path, "%s/control.sock", folder);
    server_calls calls = {
        &way, status_tell, batches_tell, stop_note, tune_tell, tap_take, tap_tell, tap_drop
    };
    if (way != DOUBLE_IS_SILENT && server_open(path, &calls, &server, &failure) != SL_OK)
        _exit(99);
    if (write(ready, "r", 1) != 1 || read(ends[0], &asked, 1) != 1)
        _exit(97);
    server_close(server);
    _exit(0);
}

pid_t job_double_start(const char *folder, job_double_way way)
{
    int ready[2];
    char byte;
    fflush(NULL);
    if (pipe(ready) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        double_run(folder, way, ready[1]);
    close(ready[1]);
    bool is_there = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return is_there ? pid : -1;
}

void job_double_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool job_double_was_stopped(pid_t pid)
{
    int status;
    return waitpid(pid, &status, 0) == pid && ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                                               (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

int work_folder_make(void **state)
{
    (void)state;
    folder_open();
    setenv("XDG_STATE_HOME", folder_path(""), 1);
    mkdir(folder_path("sluice"), 0700);
    mkdir(folder_path("sluice/listens"), 0700);
    return 0;
}
