/*
 * cli/stop.c - `sluice stop`: asks a job to finish its batch and stop, and waits until it is gone.
 *
 * The request goes to the job's socket, or, to a job that does not answer there, as SIGTERM, which means the same. The end
 * of the process is waited for on a descriptor of it: a number may be given to another process, a descriptor never is.
 */
#include <cli/control.h>
#include <cli/place.h>
#include <cli/supervision.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static sl_result process_stop(const place *place, pid_t pid, int process, failure *failure);
static sl_result signal_send(int process, pid_t pid, const char *before, failure *failure);
static sl_result end_wait(const place *place, int process, int64_t timeout_ms, failure *failure);

static sl_result stop_run(const arguments *arguments, failure *failure)
{
    place place;
    SL_TRY(place_find(arguments, &place, failure));
    supervision supervision;
    supervision_read(&place, &supervision);
    bool supervised = supervision.pid > 0; /* the job's end is not enough: it would come again */
    pid_t pid = supervised ? supervision.pid : place_pid(&place);
    int process = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (supervised)
        supervised = supervision_read(&place, &supervision) && supervision.pid == pid;
    if (!supervised &&
        !place_runs(&place)) { /* asked after the descriptor was made: it is the job's, or not used */
        if (process >= 0)
            close(process);
        printf("%s does not run.\n", place.name);
        return SL_OK;
    }
    if (process < 0)
        return fail(failure, SL_FAILED, "%s runs, but its process %d cannot be reached from here: %s",
                    place.name, (int)pid, strerror(errno));
    sl_result result =
        supervised ? signal_send(process, pid, "", failure) : process_stop(&place, pid, process, failure);
    if (result == SL_OK)
        result = end_wait(&place, process, settings_ms(arguments->settings, "--timeout"), failure);
    close(process);
    if (result == SL_OK)
        printf("%s has stopped.\n", place.name);
    return result;
}

static sl_result process_stop(const place *place, pid_t pid, int process, failure *failure)
{
    buffer body = { 0 };
    struct failure asking = { 0 };
    sl_result result = control_post(place->folder, "/stop", &body, &asking);
    buffer_done(&body);
    if (result == SL_OK)
        return SL_OK;
    return signal_send(process, pid, asking.text, failure);
}

static sl_result signal_send(int process, pid_t pid, const char *before, failure *failure)
{
    if (syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0) == 0 || errno == ESRCH)
        return SL_OK;
    return fail(failure, SL_FAILED, "%s%sto process %d no signal can be sent: %s", before,
                *before ? "; and " : "", (int)pid, strerror(errno));
}

static sl_result end_wait(const place *place, int process, int64_t timeout_ms, failure *failure)
{
    struct pollfd end = { .fd = process, .events = POLLIN };
    int ready = poll(&end, 1, timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX);
    if (ready > 0)
        return SL_OK;
    if (ready < 0)
        return fail(failure, SL_FAILED, "waiting for %s: %s", place->name, strerror(errno));
    return fail(
        failure, SL_FAILED,
        "%s still finishes its batch after %.1f s; it will stop then. The same command once more stops it at once",
        place->name, (double)timeout_ms / 1000);
}

static const setting stop_options[] = {
    { NULL, "--timeout", SETTING_DURATION, "1min", "1ms", "1d", "DURATION", "how long to wait for its end" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_stop = { .name = "stop",
                               .form = "NAME [--timeout DURATION] [--work-dir DIR]",
                               .about = "lets a job finish its batch and stop",
                               .options = stop_options,
                               .names_most = 1,
                               .run = stop_run };
