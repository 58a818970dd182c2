/*
 * main.c - where every job program starts: options, signals, exit codes. A job has no main of its own.
 */
#include <base/counted.h>
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <engine.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <replay.h>
#include <settings.h>
#include <signal.h>
#include <started.h>
#include <stdio.h>
#include <stdlib.h>
#include <supervise.h>
#include <unistd.h>
#include <version.h>
#include <work_dir.h>

extern char **environ;

/* ---- Options ---- */

static void help_print(const settings *settings)
{
    printf("%s - %s\n\nusage: %s [options]\n\n", job.name, job.about, job.name);
    settings_help(settings, stdout);
}

static void help_print_names(void)
{
    sl_plan *plan = memory_new(sizeof *plan);
    settings *usual = settings_for(&job);
    void *options = memory_new(job.options_bytes + 1);
    settings_fill(usual, &job, options);
    if (plan_draw(plan, &job, options) == SL_OK) {
        buffer text = { 0 };
        plan_explain(plan, &text);
        printf("\nInputs (--from), lookups (--from) and outputs (--to) of this job:\n%.*s", (int)text.size,
               text.at);
        buffer_done(&text);
    }
    free(options);
    settings_free(usual);
    free(plan);
}

static sl_result options_read(settings *settings, int argc, char **argv, failure *failure)
{
    int used = argc;
    SL_TRY(settings_arguments(settings, argc, argv, &used, failure));
    if (used < argc)
        return fail(failure, SL_USAGE, "\"%s\" is no option; %s --help lists them", argv[used], job.name);
    return SL_OK;
}

/* ---- Signals: the first asks for an ordered end, the second ends at once ---- */

static _Atomic(engine *) running; /* NULL: it is being opened */

static void *signals_run(void *unused)
{
    sigset_t stops;
    int number;
    (void)unused;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGUSR1); /* from main: nothing is left to stop */
    if (sigwait(&stops, &number) != 0 || number == SIGUSR1)
        return NULL;
    engine *engine = atomic_load(&running);
    if (engine == NULL) { /* no batch runs, and opening may wait for servers for long */
        log_info("main", "stopped before it had started");
        _exit(0);
    }
    log_info("main", "stopping after the running batch; once more to stop at once");
    engine_stop(engine);
    if (sigwait(&stops, &number) != 0 || number == SIGUSR1)
        return NULL;
    log_warn("main", "stopped at once; the next start replays the running batch");
    _exit(1);
}

/* librdkafka takes and frees buffers of megabytes all the time; pages that went back to the system come back cleared, page by
 * page, which costs more than reading them. */
static void malloc_keep(void)
{
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

static void signals_block(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- Running ---- */

static sl_result run(engine *engine, failure *failure)
{
    atomic_store(&running, engine);
    sl_result result = engine_run(engine, failure);
    scheduler_totals totals = engine_totals(engine);
    log_info("main", "ended after %s: %s = %" PRId64 " written + %s + %" PRId64 " filtered + %s",
             counted(totals.batches, "batch", "batches").at, counted(totals.records, "record", "records").at,
             totals.written, counted(totals.duplicates, "duplicate", "duplicates").at, totals.filtered,
             counted(totals.dead_letters, "dead letter", "dead letters").at);
    if (result == SL_OK && replay_is(engine))
        return replay_compare(engine, stdout);
    if (result == SL_OK && job.summary) {
        const char *why =
            job.summary(engine_options(engine),
                        &(sl_totals){ totals.records, totals.written, totals.dead_letters, totals.next });
        if (why)
            return fail(failure, SL_FAILED, "%s", why);
    }
    return result;
}

/* The child goes on; the parent says where it is and ends. */
static void detach(const char *name, const char *work_dir)
{
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "sluice: cannot go to the background: %s\n", strerror(errno));
        _exit(1);
    }
    if (child > 0) {
        printf("%s runs as process %d; its log: %s/log\n", name, (int)child, work_dir);
        fflush(stdout);
        _exit(0);
    }
    setsid();
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
}

static sl_result log_start(const settings *settings, const char *work_dir, failure *failure)
{
    if (!settings_flag(settings, "--detach"))
        return log_open(settings, NULL, failure);
    buffer path = { 0 };
    buffer_print(&path, "%s/log", work_dir);
    buffer_byte(&path, '\0');
    sl_result result = log_open(settings, path.at, failure);
    buffer_done(&path);
    return result;
}

static sl_result explain(const engine_spec *spec, failure *failure)
{
    buffer text = { 0 };
    sl_result result = engine_explain(spec, &text, failure);
    if (result == SL_OK) {
        printf("%.*s\nsettings\n", (int)text.size, text.at);
        settings_explain(spec->settings, stdout);
    }
    buffer_done(&text);
    return result;
}

/* Is this the job, or its supervisor, which has ended? */
static bool supervised_here(const engine_spec *spec, int *code, failure *failure)
{
    supervise_spec wanted = { spec->settings, spec->name, spec->work_dir, log_start };
    struct failure unwritten = { 0 };
    bool is_job = false;
    log_close();
    supervise(&wanted, &is_job, code, failure);
    if ((is_job || failure->result != SL_OK) &&
        log_start(spec->settings, spec->work_dir, &unwritten) != SL_OK)
        log_error("main", "%s", unwritten.text);
    return is_job;
}

/* *code: the exit code, where it does not follow from the result. */
static sl_result start(const engine_spec *wanted, char *const *words, int *code, failure *failure)
{
    const settings *settings = wanted->settings;
    const char *name = wanted->name, *work_dir = wanted->work_dir;

    engine_spec spec = *wanted;
    engine *engine = NULL;
    if (settings_flag(settings, "--explain"))
        return explain(&spec, failure);
    if (settings_flag(settings, "--doctor")) {
        SL_TRY(log_open(settings, NULL, failure));
        return engine_doctor(&spec, stdout, failure);
    }
    buffer checked = { 0 };
    sl_result result =
        engine_explain(&spec, &checked, failure); /* a mistake is told before anything is touched */
    buffer_done(&checked);
    SL_TRY(result);
    bool detached = settings_flag(settings, "--detach");
    /* From here on the log alone is told what goes wrong: it has to be there. */
    if (detached || settings_flag(settings, "supervise"))
        SL_TRY(work_dir_prepare(work_dir, failure));
    SL_TRY(log_start(settings, work_dir, failure));
    if (detached)
        detach(name, work_dir);
    if (settings_flag(settings, "supervise") && !supervised_here(&spec, code, failure))
        return failure->result;
    signals_block();
    pthread_t signals;
    if (pthread_create(&signals, NULL, signals_run, NULL) != 0)
        return fail(failure, SL_FAILED, "the system gives no thread for signals");
    result = engine_open(&spec, &engine, failure);
    if (result == SL_OK) {
        started_leave(work_dir, words, environ);
        result = run(engine, failure);
    }
    pthread_kill(signals, SIGUSR1);
    pthread_join(signals, NULL);
    engine_close(engine);
    return result;
}

static int finish(sl_result result, const failure *failure)
{
    if (result != SL_OK && failure->text[0])
        log_error(job.name, "%s", failure->text);
    log_close();
    return exit_code(result);
}

int main(int argc, char **argv)
{
    failure failure = { 0 };
    settings *settings = settings_for(&job);
    int ended = -1; /* the supervised job's exit code */
    faults_open();
    malloc_keep();
    settings_environment(settings, environ, &failure);
    bool help = settings_help_asked(argc, argv);
    sl_result result = help ? SL_OK : options_read(settings, argc, argv, &failure);
    if (help) {
        help_print(settings);
        help_print_names();
    } else if (result == SL_OK && settings_flag(settings, "--version")) {
        printf("%s, sluice %s\n", job.name, SLUICE_VERSION);
    } else if (result == SL_OK) {
        const char *given_name = settings_text(settings, "job.name"),
                   *given_dir = settings_text(settings, "work.dir");
        const char *name = given_name ? given_name : job.name;
        char *work_dir = given_dir ? memory_text(given_dir) : work_dir_usual(name);
        engine_spec spec = {
            .job = &job, .settings = settings, .clock = &clock_system, .name = name, .work_dir = work_dir
        };
        result = work_dir
                     ? start(&spec, argv, &ended, &failure)
                     : fail(&failure, SL_USAGE, "no HOME to keep the job's progress in: give --work-dir");
        free(work_dir);
    }
    int code = finish(result, &failure);
    if (ended >= 0)
        code = ended;
    settings_free(settings);
    return code;
}
