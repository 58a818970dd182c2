/*
 * supervise.c - forks the job, waits for its end, and decides whether it comes again.
 */
#include <base/buffer.h>
#include <base/clock.h>
#include <base/log.h>
#include <base/retry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <records/document.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <supervise.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LASTED_MS = 60000 }; /* a job that ran so long begins with short pauses again */

typedef struct supervisor {
    const supervise_spec *spec;
    int file;
    sigset_t signals;
    retry retry;
    bool stopping;
    char end[64]; /* how the last job ended: "signal 9 (Killed)" */
    int64_t end_ms, next_ms;
} supervisor;

static supervised told;

static sl_result file_open(supervisor *self, failure *failure);
static void file_write(const supervisor *self);
static int job_wait(supervisor *self, pid_t job);
static bool job_comes_again(supervisor *self, int status, int64_t lasted_ms);
static void pause_wait(supervisor *self, int64_t pause_ms);
static void restart_tell(const supervisor *self, int64_t pause_ms);

sl_result supervise(const supervise_spec *spec, bool *is_job, int *code, failure *failure)
{
    sigset_t before;
    supervisor self = { .spec = spec, .file = -1 };
    self.retry = (retry){ .first_ms = settings_ms(spec->settings, "supervise.pause"),
                          .most_ms = settings_ms(spec->settings, "supervise.pause.max") };
    SL_TRY(file_open(&self, failure));
    sigemptyset(&self.signals);
    sigaddset(&self.signals, SIGTERM);
    sigaddset(&self.signals, SIGINT);
    sigaddset(&self.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &self.signals, &before);
    told = (supervised){ .is = true };
    for (int status;;) {
        file_write(&self);
        fflush(NULL);
        int64_t started_ns = clock_ns(&clock_system);
        pid_t job = fork();
        if (job < 0)
            return fail(failure, SL_FAILED, "the system gives no process for the job: %s", strerror(errno));
        if (job == 0) {
            close(self.file);
            setpgid(0, 0); /* Ctrl-C reaches the supervisor, who passes it on once */
            sigprocmask(SIG_SETMASK, &before, NULL);
            *is_job = true;
            *code = -1;
            return SL_OK;
        }
        status = job_wait(&self, job);
        *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (!job_comes_again(&self, status, (clock_ns(&clock_system) - started_ns) / 1000000))
            break;
    }
    close(self.file);
    return SL_OK;
}

supervised supervise_told(void)
{
    return told;
}

static sl_result file_open(supervisor *self, failure *failure)
{
    buffer path = { 0 };
    char pid[32] = "";
    buffer_print(&path, "%s/supervisor", self->spec->work_dir);
    buffer_byte(&path, '\0');
    self->file = open(path.at, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (self->file < 0)
        fail(failure, SL_FAILED, "opening %s: %s", path.at, strerror(errno));
    else if (flock(self->file, LOCK_EX | LOCK_NB) != 0) {
        ssize_t size = pread(self->file, pid, sizeof pid - 1, (off_t)strlen("{\"pid\":"));
        pid[size > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        fail(
            failure, SL_RUNNING,
            "the job of %s is supervised already, by process %s; stop it first with sluice stop, or use another "
            "--work-dir",
            self->spec->work_dir, pid);
    }
    buffer_done(&path);
    return failure->result;
}

static void file_write(const supervisor *self)
{
    buffer text = { 0 };
    buffer_print(&text, "{\"pid\":%d,\"restarts\":%" PRId64 ",\"last_end\":", (int)getpid(), told.restarts);
    json_string(&text, (sl_text){ self->end, strlen(self->end) });
    buffer_print(&text, ",\"last_end_time\":%" PRId64 ",\"next_start_time\":%" PRId64 "}\n", self->end_ms,
                 self->next_ms);
    bool written = pwrite(self->file, text.at, text.size, 0) == (ssize_t)text.size &&
                   ftruncate(self->file, (off_t)text.size) == 0;
    (void)written; /* on a full disk `sluice list` shows an old count */
    buffer_done(&text);
}

/* Its wait status; what the supervisor is asked to stop, it passes on. */
static int job_wait(supervisor *self, pid_t job)
{
    int status, number;
    while (waitpid(job, &status, WNOHANG) == 0) {
        if (sigwait(&self->signals, &number) == 0 && number != SIGCHLD) {
            self->stopping = true;
            kill(job, SIGTERM);
        }
    }
    return status;
}

static bool job_comes_again(supervisor *self, int status, int64_t lasted_ms)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        number = WIFEXITED(status) ? 0 : WTERMSIG(status);
    if (self->stopping || (code >= 0 && code != 1 && code != 3))
        return false;
    if (code >= 0)
        snprintf(self->end, sizeof self->end, "exit code %d", code);
    else
        snprintf(self->end, sizeof self->end, "signal %d (%.32s)", number, strsignal(number));
    if (lasted_ms >= LASTED_MS)
        self->retry.tries = 0;
    int64_t pause_ms = retry_next_ms(&self->retry);
    told.restarts++;
    told.killed = number == SIGKILL;
    self->end_ms = clock_wall_ms(&clock_system);
    self->next_ms = self->end_ms + pause_ms;
    file_write(self);
    restart_tell(self, pause_ms);
    pause_wait(self, pause_ms);
    self->next_ms = 0;
    return !self->stopping;
}

static void pause_wait(supervisor *self, int64_t pause_ms)
{
    int64_t end_ns = clock_ns(&clock_system) + pause_ms * 1000000, left_ns;
    while (!self->stopping && (left_ns = end_ns - clock_ns(&clock_system)) > 0) {
        struct timespec left = { left_ns / 1000000000, left_ns % 1000000000 };
        int number = sigtimedwait(&self->signals, NULL, &left);
        self->stopping = number == SIGTERM || number == SIGINT;
    }
}

static void restart_tell(const supervisor *self, int64_t pause_ms)
{
    failure failure = { 0 };
    char span[32];
    if (self->spec->log_start(self->spec->settings, self->spec->work_dir, &failure) != SL_OK)
        log_error("supervise", "%s", failure.text);
    log_warn("supervise", "%s ended by %s; restart %" PRId64 " in %s", self->spec->name, self->end,
             told.restarts, clock_span(pause_ms * 1000000, span));
    log_close();
}
