/*
 * cli/doctor.c - `sluice doctor`: what would keep jobs from running well here, and what to do about it. The machine and the work
 * folder are looked at here; servers and topics by the job's own program, which knows its settings.
 */
#include <base/clock.h>
#include <cli/accounts.h>
#include <cli/program.h>
#include <cli/started.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

enum { FILES_ENOUGH = 4096, MEMORY_LEAST_MB = 512, DISK_LEAST_MB = 1024, HOUR_MS = 3600 * 1000 };

typedef enum verdict { FINE, WORTH_A_LOOK, WRONG } verdict;

static verdict worst;

static void found(verdict verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void files_look(void);
static void memory_look(void);
static void clock_look(void);
static void folder_look(const char *folder);
static void history_look(const place *place);
static sl_result servers_look(const place *place, const char *program, failure *failure);

static sl_result doctor_run(const arguments *arguments, failure *failure)
{
    place place;
    char program[PROGRAM_PATH_ROOM], home[PLACE_PATH_ROOM];
    struct failure unknown = { 0 };
    bool named = arguments->count || settings_text(arguments->settings, "--work-dir");
    bool has_run = named && place_find(arguments, &place, &unknown) == SL_OK;
    if (named && !has_run &&
        (arguments->count == 0 || program_find(arguments->names[0], program, failure) != SL_OK)) {
        return program_unknown_tell(failure, &unknown);
    }
    worst = FINE;
    files_look();
    memory_look();
    clock_look();
    if (has_run) {
        folder_look(place.folder);
        history_look(&place);
    } else if (place_home(home, sizeof home, failure) == SL_OK && access(home, F_OK) == 0) {
        folder_look(home);
    }
    sl_result servers = named ? servers_look(&place, has_run ? NULL : program, failure) : SL_OK;
    if (servers != SL_OK)
        return servers;
    return worst == WRONG ? SL_FAILED : SL_OK;
}

static void found(verdict verdict, const char *format, ...)
{
    static const char *const words[] = { "ok", "warn", "BAD" };
    va_list arguments;
    worst = verdict > worst ? verdict : worst;
    printf("%-5s ", words[verdict]);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void files_look(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    if (files.rlim_cur < FILES_ENOUGH)
        found(
            WORTH_A_LOOK,
            "open files: %llu at most, %d are enough for most jobs: ulimit -n %d, or LimitNOFILE= of its unit",
            (unsigned long long)files.rlim_cur, FILES_ENOUGH, FILES_ENOUGH);
    else
        found(FINE, "open files: %llu at most", (unsigned long long)files.rlim_cur);
}

static void memory_look(void)
{
    char line[128];
    long long available_kb = -1;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld", &available_kb) == 1)
            break;
    if (file)
        fclose(file);
    if (available_kb < 0)
        return;
    if (available_kb / 1024 < MEMORY_LEAST_MB)
        found(
            WORTH_A_LOOK,
            "memory: %lld MB are free; a job holds up to twice memory.input (128 MB) and memory.state: lower these, or "
            "stop what else runs",
            available_kb / 1024);
    else
        found(FINE, "memory: %lld MB are free", available_kb / 1024);
}

static void clock_look(void)
{
    struct timex state = { 0 };
    if (adjtimex(&state) == TIME_ERROR)
        found(
            WORTH_A_LOOK,
            "clock: no server sets it (NTP): batch times follow it; start chrony or systemd-timesyncd here, or "
            "on the host of this container");
    else
        found(FINE, "clock: it is set by a server (NTP)");
}

static void folder_look(const char *folder)
{
    struct statvfs disk;
    if (access(folder, R_OK | W_OK | X_OK) != 0) {
        found(WRONG, "folder: %s cannot be written by this user: give it to him, or use another --work-dir",
              folder);
        return;
    }
    if (statvfs(folder, &disk) != 0)
        return;
    unsigned long long free_mb = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
    unsigned long long all_mb = (unsigned long long)disk.f_blocks * disk.f_frsize >> 20;
    double full = all_mb ? 100 - 100.0 * (double)free_mb / (double)all_mb : 0;
    if (free_mb < 16)
        found(WRONG, "folder: the disk of %s is full: batches wait until there is room", folder);
    else if (free_mb < DISK_LEAST_MB)
        found(
            WORTH_A_LOOK,
            "folder: the disk of %s is %.0f %% full, %llu MB are left: make room before batches have to wait",
            folder, full, free_mb);
    else
        found(FINE, "folder: %s can be written; its disk is %.0f %% full, %llu MB are left", folder, full,
              free_mb);
}

/* Batch times never go back: a clock that was ahead stays felt. */
static void history_look(const place *place)
{
    accounts accounts = { 0 };
    failure ignored = { 0 };
    account last;
    int64_t now_ms = clock_wall_ms(&clock_system);
    bool known = accounts_read(place->folder, &accounts, &ignored) == SL_OK && accounts.count > 0 &&
                 account_parse(accounts.lines[accounts.count - 1], &last);
    if (known && last.batch_time_ms > now_ms + HOUR_MS)
        found(
            WRONG,
            "history: the last batch has a time %lld min from now: the clock was ahead then, or is behind now; set it right",
            (long long)((last.batch_time_ms - now_ms) / 60000));
    else if (known && strcmp(last.state, "failed") == 0)
        found(WORTH_A_LOOK, "history: the last batch, %" PRId64 ", failed: %s", last.batch_id, last.error);
    else if (known)
        found(FINE, "history: the last batch, %" PRId64 ", is %s", last.batch_id, last.state);
    accounts_done(&accounts);
}

static sl_result servers_look(const place *place, const char *program, failure *failure)
{
    static const char *const asked[] = { "--doctor", "--log-level", "error", NULL };
    started_wish wish = { place, program, asked };
    int code = 0;
    SL_TRY(started_run(&wish, NULL, &code, failure));
    return code == 0                           ? SL_OK
           : code == exit_code(SL_UNREACHABLE) ? SL_UNREACHABLE
           : code == exit_code(SL_USAGE)       ? SL_USAGE
                                               : SL_FAILED;
}

static const setting doctor_options[] = {
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_doctor = {
    .name = "doctor",
    .form = "[JOB] [--work-dir DIR]",
    .about = "what would keep a job from running well here, and what to do",
    .options = doctor_options,
    .names_most = 1,
    .run = doctor_run,
    .more = "Looks at limits, memory, the clock and the disk; of a JOB, too, at its\n"
            "folder, its history, its servers and topics, with the settings of its\n"
            "last start. Lines begin with ok, warn or BAD. Exit code: 0 when nothing\n"
            "is BAD, 3 when a server or a topic is not there, else 1. A JOB that has\n"
            "not run yet is a program, as submit takes it.\n"
};
