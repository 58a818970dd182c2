/*
 * cli/top.c - `sluice top`: all jobs of this user at a glance, again and again until q. Each running job tells it itself; its CPU
 * and memory are the system's count of its process.
 *
 * A picture is one write: the cursor goes home, each line clears what was behind it, and nothing flickers. The terminal is left
 * as it was, whatever ends the view: signals are read from a descriptor beside the keys.
 */
#include <base/clock.h>
#include <base/memory.h>
#include <cli/control.h>
#include <cli/json.h>
#include <cli/place.h>
#include <cli/supervision.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { JOBS_MAX = 256, NAME_ROOM = 64, STATE_ROOM = 200 };

typedef struct usage { /* of a process, from before: to tell what it used since */
    pid_t pid;
    int64_t cpu_ms, at_ms;
} usage;

typedef struct seen { /* a job now */
    char name[NAME_ROOM], state[STATE_ROOM];
    bool runs;
    int64_t interval_ms, records, held, lag, dead_letters, memory_bytes;
    double scheduling_ms, processing_ms, total_ms, rate, cpu;
} seen;

typedef struct screen {
    struct termios before;
    sigset_t signals_before;
    int signals;
    unsigned rows, columns;
} screen;

static sl_result top_once(FILE *out, failure *failure);
static sl_result top_live(int64_t every_ms, failure *failure);
static sl_result picture_draw(usage *usages, unsigned rows_max, buffer *out, failure *failure);
static void job_look(const place *place, usage *usage, seen *seen);
static void job_print(const seen *seen, buffer *out);

static sl_result top_run(const arguments *arguments, failure *failure)
{
    bool live =
        isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !settings_flag(arguments->settings, "--once");
    return live ? top_live(settings_ms(arguments->settings, "--every"), failure) : top_once(stdout, failure);
}

static sl_result top_once(FILE *out, failure *failure)
{
    usage usages[JOBS_MAX] = { { 0 } };
    buffer picture = { 0 };
    sl_result result = picture_draw(usages, JOBS_MAX, &picture, failure);
    if (picture.size)
        fwrite(picture.at, 1, picture.size, out);
    buffer_done(&picture);
    return result;
}

/* ---- The terminal ------------------------------------------------------------------------------------------------ */

static void tell(const char *text, size_t size)
{
    for (ssize_t written; size > 0 && (written = write(STDOUT_FILENO, text, size)) > 0;
         size -= (size_t)written)
        text += written;
}

static void screen_measure(screen *screen)
{
    struct winsize size = { 0 };
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    screen->rows = known ? size.ws_row : 24;
    screen->columns = known ? size.ws_col : 80;
}

static sl_result screen_open(screen *screen, failure *failure)
{
    static const char begin[] =
        "\033[?1049h\033[?25l\033[?7l"; /* a page of its own, no cursor, long lines are cut */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, &screen->signals_before);
    screen->signals = signalfd(-1, &signals, SFD_CLOEXEC);
    if (screen->signals < 0 || tcgetattr(STDIN_FILENO, &screen->before) != 0) {
        sigprocmask(SIG_SETMASK, &screen->signals_before, NULL);
        return fail(failure, SL_FAILED, "this terminal cannot be asked; try sluice top --once");
    }
    struct termios quiet = screen->before;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    tell(begin, sizeof begin - 1);
    return SL_OK;
}

static void screen_close(screen *screen)
{
    static const char end[] = "\033[?7h\033[?25h\033[?1049l";
    tell(end, sizeof end - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    close(screen->signals);
    sigprocmask(SIG_SETMASK, &screen->signals_before, NULL);
}

/* Until the next picture is due; false when it is over. */
static bool screen_wait(const screen *screen, int64_t every_ms)
{
    struct pollfd ends[] = { { STDIN_FILENO, POLLIN, 0 }, { screen->signals, POLLIN, 0 } };
    struct signalfd_siginfo signal;
    char key;
    if (poll(ends, 2, (int)every_ms) <= 0)
        return true;
    if (ends[1].revents)
        return read(screen->signals, &signal, sizeof signal) == (ssize_t)sizeof signal &&
               signal.ssi_signo == SIGWINCH;
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q' && key != 3 && key != 4;
}

/* Every line clears the rest of its row, and the last all below it. */
static void picture_frame(const buffer *picture, buffer *frame)
{
    frame->size = 0;
    buffer_text(frame, "\033[H");
    for (size_t i = 0; i < picture->size; i++) {
        if (picture->at[i] == '\n')
            buffer_text(frame, "\033[K\r\n");
        else
            buffer_byte(frame, picture->at[i]);
    }
    buffer_text(frame, "\033[J");
}

static sl_result top_live(int64_t every_ms, failure *failure)
{
    screen screen = { 0 };
    usage usages[JOBS_MAX] = { { 0 } };
    buffer picture = { 0 }, frame = { 0 };
    char time[25];
    SL_TRY(screen_open(&screen, failure));
    sl_result result = SL_OK;
    do {
        picture.size = 0;
        screen_measure(&screen);
        clock_iso(clock_wall_ms(&clock_system), time);
        buffer_print(&picture, "sluice top  %.10s %.8s UTC  q ends\n\n", time, time + 11);
        result = picture_draw(usages, screen.rows > 5 ? screen.rows - 5 : 1, &picture, failure);
        picture_frame(&picture, &frame);
        tell(frame.at, frame.size);
    } while (result == SL_OK && screen_wait(&screen, every_ms));
    screen_close(&screen);
    buffer_done(&picture);
    buffer_done(&frame);
    return result;
}

/* ---- The picture ------------------------------------------------------------------------------------------------- */

static sl_result picture_draw(usage *usages, unsigned rows_max, buffer *out, failure *failure)
{
    place *places = NULL;
    size_t count = 0, shown = 0;
    SL_TRY(places_all(&places, &count, failure));
    buffer_print(out, "%-20s %-10s %8s %12s %10s %10s %10s %9s %5s %6s %6s %8s\n", "NAME", "STATE",
                 "INTERVAL", "INPUT RATE", "SCHEDULING", "PROCESSING", "TOTAL", "LAG", "HELD", "DEAD", "CPU",
                 "MEMORY");
    for (size_t i = 0; i < count && i < JOBS_MAX && shown < rows_max; i++, shown++) {
        seen seen;
        job_look(&places[i], &usages[i], &seen);
        job_print(&seen, out);
    }
    if (count == 0)
        buffer_text(out, "No job has run here yet. Start one: sluice submit listens\n");
    else if (shown < count)
        buffer_print(out, "... and %zu more\n", count - shown);
    places_free(places, count);
    return SL_OK;
}

/* "128 MB"; of bytes. */
static const char *amount(int64_t bytes, char at[24])
{
    if (bytes >= (int64_t)1 << 30)
        snprintf(at, 24, "%.1f GB", (double)bytes / (1 << 30));
    else
        snprintf(at, 24, "%.0f MB", (double)bytes / (1 << 20));
    return at;
}

static const char *span(double ms, char at[24])
{
    if (ms < 1000)
        snprintf(at, 24, "%.1f ms", ms);
    else if (ms < 60000)
        snprintf(at, 24, "%.1f s", ms / 1000);
    else
        snprintf(at, 24, "%.0f min", ms / 60000);
    return at;
}

static void job_print(const seen *seen, buffer *out)
{
    char interval[24], waited[24], took[24], total[24], memory[24];
    size_t word = strcspn(seen->state, ": ");
    buffer_print(out, "%-20s %-*.*s", seen->name, seen->runs ? 10 : 0, (int)word, seen->state);
    if (seen->runs)
        buffer_print(out, " %8s %10.0f/s %10s %10s %10s %9" PRId64 " %5" PRId64 " %6" PRId64 " %4.0f %% %8s",
                     span((double)seen->interval_ms, interval), seen->rate, span(seen->scheduling_ms, waited),
                     span(seen->processing_ms, took), span(seen->total_ms, total), seen->lag, seen->held,
                     seen->dead_letters, seen->cpu, amount(seen->memory_bytes, memory));
    buffer_byte(out, '\n');
    if (seen->state[word] != '\0')
        buffer_print(out, "  %s\n", seen->state);
}

/* ---- A job ------------------------------------------------------------------------------------------------------- */

/* "name (in brackets) S 1 2 ...": the numbers behind the last bracket; utime and stime are the 12th and 13th, the start the 20th. */
static bool process_read(pid_t pid, int64_t *cpu_ms, int64_t *age_ms)
{
    char path[64], text[1024];
    int64_t ticks = sysconf(_SC_CLK_TCK), numbers[20] = { 0 };
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *at = strrchr(text, ')');
    if (at == NULL || strlen(at) < 4)
        return false;
    at += 3; /* ") S" */
    for (size_t i = 1; i < 20; i++)
        numbers[i] = strtoll(at, &at, 10);
    *cpu_ms = (numbers[11] + numbers[12]) * 1000 / ticks;
    *age_ms = clock_ns(&clock_system) / 1000000 - numbers[19] * 1000 / ticks;
    return true;
}

static int64_t process_memory(pid_t pid)
{
    char path[64];
    long long whole = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    char text[128] = "", *at = text;
    if (fgets(text, sizeof text, file)) {
        whole = strtoll(at, &at, 10);
        resident = strtoll(at, &at, 10);
    }
    fclose(file);
    return whole ? resident * sysconf(_SC_PAGESIZE) : 0;
}

/* Per cent of a core since the last picture; in the first one since the process began. */
static void process_look(pid_t pid, usage *usage, seen *seen)
{
    int64_t cpu_ms, age_ms, now_ms = clock_ns(&clock_system) / 1000000;
    if (!process_read(pid, &cpu_ms, &age_ms))
        return;
    int64_t used_ms = cpu_ms, in_ms = age_ms;
    if (usage->pid == pid) {
        used_ms = cpu_ms - usage->cpu_ms;
        in_ms = now_ms - usage->at_ms;
    }
    seen->cpu = in_ms > 0 ? 100.0 * (double)used_ms / (double)in_ms : 0;
    seen->memory_bytes = process_memory(pid);
    *usage = (struct usage){ pid, cpu_ms, now_ms };
}

static void batch_look(json_object *batch, seen *seen)
{
    json_object *ranges = json_member(batch, "ranges");
    size_t count = json_object_is_type(ranges, json_type_array) ? json_object_array_length(ranges) : 0;
    int64_t interval_ms = json_number(batch, "interval_ms", 0);
    for (size_t i = 0; i < count; i++)
        seen->lag += json_number(json_object_array_get_idx(ranges, i), "lag", 0);
    if (interval_ms > 0)
        seen->rate = (double)json_number(batch, "records", 0) * 1000 / (double)interval_ms;
    seen->scheduling_ms = json_fraction(batch, "scheduling_delay_ms");
    seen->processing_ms = json_fraction(batch, "processing_ms");
    seen->total_ms = json_fraction(batch, "total_delay_ms");
}

static void running_look(const place *place, usage *usage, seen *seen)
{
    buffer body = { 0 };
    failure ignored = { 0 };
    sl_result result = control_get(place->folder, "/status", &body, &ignored);
    json_object *told = result == SL_OK ? json_read(body.at, body.size) : NULL;
    snprintf(seen->state, sizeof seen->state, "%s", told ? json_words(told, "state") : "silent");
    seen->interval_ms = json_number(told, "interval_ms", 0);
    seen->held = json_number(told, "held", 0);
    seen->dead_letters = json_number(told, "dead_letters", 0);
    batch_look(json_member(told, "last_batch"), seen);
    process_look((pid_t)json_number(told, "pid", place_pid(place)), usage, seen);
    json_object_put(told);
    buffer_done(&body);
}

static void job_look(const place *place, usage *usage, seen *seen)
{
    supervision supervision;
    *seen = (struct seen){ .runs = place_runs(place) };
    snprintf(seen->name, sizeof seen->name, "%s", place->name);
    if (seen->runs)
        running_look(place, usage, seen);
    else if (supervision_read(place, &supervision) && supervision.pid)
        snprintf(seen->state, sizeof seen->state, "restarting");
    else
        snprintf(seen->state, sizeof seen->state, "%s", poison_is_held(place) ? "held" : "stopped");
}

static const setting top_options[] = {
    { NULL, "--every", SETTING_DURATION, "1s", "100ms", "1h", "DURATION", "time from picture to picture" },
    { NULL, "--once", SETTING_FLAG, NULL, NULL, NULL, NULL,
      "one picture as plain lines; so it is, too, where there is no terminal" },
    { 0 },
};

const command command_top = {
    .name = "top",
    .form = "[--every DURATION] [--once]",
    .about = "all jobs at a glance: delays, rate, lag, CPU, memory; live",
    .options = top_options,
    .run = top_run,
    .more = "Rate and delays are those of the newest batch; LAG are records that it left\n"
            "unread; HELD are batches that wait; DEAD are dead letters since the start;\n"
            "CPU is per cent of a core. q ends the view.\n"
};
