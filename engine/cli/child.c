/*
 * cli/child.c - processes, their pipes and their ends.
 */
#include <cli/child.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void child_become(const child_spec *spec, pid_t parent, int output, int log);
static void lines_hand_on(child *child, void (*line)(void *argument, const char *line), void *argument);

sl_result child_start(child *child, const child_spec *spec, failure *failure)
{
    int ends[2] = { -1, -1 };
    *child = (struct child){ .name = spec->name, .output = -1, .copy = -1 };
    snprintf(child->log, sizeof child->log, "%s", spec->log);
    int log = open(spec->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log < 0)
        return fail(failure, SL_FAILED, "opening %s: %s", spec->log, strerror(errno));
    if (spec->is_read && pipe2(ends, O_CLOEXEC) != 0) {
        close(log);
        return fail(failure, SL_FAILED, "making a pipe for %s: %s", spec->name, strerror(errno));
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_become(spec, parent, spec->is_read ? ends[1] : log, log);
    int reason = errno;
    if (spec->is_read) {
        close(ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        child->copy = log;
    } else {
        close(log);
    }
    child->output = ends[0];
    if (pid < 0)
        return fail(failure, SL_FAILED, "starting %s: %s", spec->name, strerror(reason));
    child->pid = pid;
    return SL_OK;
}

void child_read(child *child, void (*line)(void *argument, const char *line), void *argument)
{
    while (child->output >= 0) {
        char *at = buffer_reserve(&child->lines, 4096);
        ssize_t size = read(child->output, at, 4096);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            break;
        if (size <= 0) {
            close(child->output);
            child->output = -1;
            break;
        }
        if (child->copy >= 0 &&
            write(child->copy, at, (size_t)size) != size) { /* the log is a help, not a promise */
            close(child->copy);
            child->copy = -1;
        }
        child->lines.size += (size_t)size;
        lines_hand_on(child, line, argument);
    }
}

bool child_reap(child *child)
{
    if (!child_is_alive(child) || waitpid(child->pid, &child->status, WNOHANG) != child->pid)
        return false;
    child->ended = true;
    return true;
}

bool child_is_alive(const child *child)
{
    return child->pid > 0 && !child->ended;
}

void child_signal(const child *child, int number)
{
    if (child_is_alive(child))
        kill(child->pid, number);
}

void child_end(child *child)
{
    child_signal(child, SIGKILL);
    if (child_is_alive(child)) {
        while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
            ;
        child->ended = true;
    }
    if (child->pid > 0 && child->output >= 0)
        close(child->output);
    if (child->pid > 0 && child->copy >= 0)
        close(child->copy);
    child->output = child->copy = -1;
    buffer_done(&child->lines);
}

void child_fate(const child *child, char at[32])
{
    if (WIFSIGNALED(child->status))
        snprintf(at, 32, "signal %d", WTERMSIG(child->status));
    else
        snprintf(at, 32, "exit code %d", WEXITSTATUS(child->status));
}

bool child_succeeded(const child *child)
{
    return child->ended && WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

/* Between fork and exec: only calls that are safe there. */
static _Noreturn void child_become(const child_spec *spec, pid_t parent, int output, int log)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before it could be heard of */
        _exit(127);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(spec->words[0], (char *const *)(uintptr_t)spec->words);
    dprintf(STDERR_FILENO, "%s cannot be started: %s\n", spec->words[0], strerror(errno));
    _exit(127);
}

static void lines_hand_on(child *child, void (*line)(void *argument, const char *line), void *argument)
{
    size_t from = 0;
    char *end;
    while ((end = memchr(child->lines.at + from, '\n', child->lines.size - from)) != NULL) {
        *end = '\0';
        line(argument, child->lines.at + from);
        from = (size_t)(end - child->lines.at) + 1;
    }
    memmove(child->lines.at, child->lines.at + from, child->lines.size - from);
    child->lines.size -= from;
}
