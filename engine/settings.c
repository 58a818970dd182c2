/*
 * settings.c - the engine's own settings, and all tables together. A row here is all that parsing, --help, --explain and
 * the manual know of a setting.
 */
#include <base/log.h>
#include <base/memory.h>
#include <kinds.h>
#include <settings.h>
#include <stdlib.h>
#include <string.h>

const setting engine_settings[] = {
    { "job.name", "--name", SETTING_TEXT, NULL, NULL, NULL, "NAME",
      "the job's name; its work folder and consumer group follow from it" },
    { "workers", "--cores", SETTING_I64, "0", "0", "256", "N",
      "workers; 0: as many as this process may use cores" },
    { "batch.interval", "--interval", SETTING_DURATION, "2s", "1ms", "1d", "DURATION",
      "time from batch to batch" },
    { "work.dir", "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR",
      "journal, checkpoint, history, dead letters; default $XDG_STATE_HOME/sluice/NAME" },
    { "start.from_offsets", "--from-offsets", SETTING_TEXT, "earliest", NULL, NULL, "WHERE",
      "earliest, latest, timestamp:2026-11-23T10:00:00Z, or by partition {\"TOPIC\":{\"0\":23,\"1\":-2}} (-2: the begin, -1: "
      "the end), timestamp:{\"TOPIC\":{\"0\":1795428000000}}; only for partitions without a position in the checkpoint" },
    { "input.on_data_loss", "--on-data-loss", SETTING_CHOICE, "fail", "fail|skip", NULL, "WHAT",
      "what to do when records of a topic are gone before the job has read them, since retention took them, or the "
      "topic was truncated or made anew: fail ends with exit code 5 and touches nothing; skip goes on behind the gap. "
      "What was in it is lost: it stands in no document, count or list; the log tells the offsets" },
    { "rate.max_per_partition", "--max-rate-per-partition", SETTING_I64, "0", "0", NULL, "N",
      "records per second and partition that a batch may take; 0: no limit" },
    { "backpressure.enabled", "--backpressure", SETTING_FLAG, "false", NULL, NULL, NULL,
      "cut no more than recent batches had time for, by Spark's estimator; partitions share by lag" },
    { "backpressure.initial_rate", NULL, SETTING_F64, "0", "0", NULL, "N",
      "records per second until there is an estimate, which takes two batches; 0: as the last run" },
    { "backpressure.pid.proportional", NULL, SETTING_F64, "1", "0", NULL, "X",
      "weight of the difference between the rate and what the batch achieved" },
    { "backpressure.pid.integral", NULL, SETTING_F64, "0.2", "0", NULL, "X", "weight of what waits" },
    { "backpressure.pid.derived", NULL, SETTING_F64, "0", "0", NULL, "X",
      "weight of how the difference changes" },
    { "backpressure.pid.min_rate", NULL, SETTING_F64, "100", "1", NULL, "N",
      "records per second that are always allowed" },
    { "batch.available_now", "--available-now", SETTING_FLAG, "false", NULL, NULL, NULL,
      "read up to the ends found at start, batches back to back, then end" },
    { "input.topic", "--topic", SETTING_TEXT, NULL, NULL, NULL, "TOPIC",
      "short for --from lines=kafka:TOPIC" },
    { "input.from", "--from", SETTING_LIST, NULL, NULL, NULL, "NAME=URI",
      "where an input or a lookup reads" },
    { "output.to", "--to", SETTING_LIST, NULL, NULL, NULL, "NAME=URI",
      "where an output writes; several for one NAME: all of them" },
    { "listeners", "--listen", SETTING_LIST, NULL, NULL, NULL, "NAME[:ARG]",
      "a listener to tell about batches" },
    { "http.address", "--http", SETTING_TEXT, "127.0.0.1:4040", NULL, NULL, "ADDRESS",
      "where the job's page, REST and metrics are: IP address and port, or off; a port that is taken gives way to the "
      "next free one. An address that other machines reach needs http.token" },
    { "http.token", NULL, SETTING_TEXT, NULL, NULL, NULL, "TOKEN",
      "what requests have to bring: Authorization: Bearer TOKEN" },
    { "http.retained_batches", NULL, SETTING_I64, "1000", "1", "100000", "N",
      "completed batches that the page and the REST interface show" },
    { "startup.timeout", "--startup-timeout", SETTING_DURATION, "30s", "0s", "1d", "DURATION",
      "how long servers and topics that are absent at start are waited for" },
    { "batches.held_max", NULL, SETTING_I64, "4", "1", "1000", "N",
      "cut batches that may wait; then ticks cut nothing" },
    { "batches.failures_max", "--max-batch-failures", SETTING_I64, "0", "0", NULL, "N",
      "attempts at one batch before the job stops; 0: no limit" },
    { "batches.crashes_max", "--max-batch-crashes", SETTING_I64, "3", "0", NULL, "N",
      "deaths of the process at one batch before the batch is held; 0: no limit" },
    { "memory.input", NULL, SETTING_SIZE, "128mb", "1mb", NULL, "SIZE",
      "input that one batch may take; twice as much may be held while a batch runs" },
    { "memory.state", NULL, SETTING_SIZE, "4gb", "1mb", NULL, "SIZE", "windows and counts in all" },
    { "redis.cache.ttl", NULL, SETTING_DURATION, "60s", "0s", "365d", "DURATION",
      "how old a looked-up row may be" },
    { "redis.cache.missing_ttl", NULL, SETTING_DURATION, "5s", "0s", "365d", "DURATION",
      "when an unknown key is asked for again" },
    { "lookup.cache.entries", NULL, SETTING_I64, "1000000", "1", NULL, "N",
      "keys that a lookup remembers from batch to batch" },
    { "fence.take_over", "--take-over", SETTING_FLAG, "false", NULL, NULL, NULL,
      "take over Redis outputs that another job's name owns" },
    { "supervise", "--supervise", SETTING_FLAG, "false", NULL, NULL, NULL,
      "start the job again when it died, after a pause that grows" },
    { "supervise.pause", NULL, SETTING_DURATION, "1s", "1ms", "1d", "DURATION", "before the first restart" },
    { "supervise.pause.max", NULL, SETTING_DURATION, "1min", "1ms", "1d", "DURATION",
      "between restarts, at most" },
    { NULL, "--detach", SETTING_FLAG, "false", NULL, NULL, NULL,
      "run in the background, log to the work folder" },
    { NULL, "--explain", SETTING_FLAG, "false", NULL, NULL, NULL,
      "show the plan and every setting with its origin, and end" },
    { NULL, "--run-again", SETTING_CHOICE, NULL, "compare|write", NULL, "HOW",
      "for sluice replay: run the journaled batches of a work folder once more, and end" },
    { NULL, "--doctor", SETTING_FLAG, "false", NULL, NULL, NULL,
      "ask whether the job's servers and topics are there, and end; sluice doctor tells more" },
    { NULL, "--help", SETTING_FLAG, "false", NULL, NULL, NULL, "show this and end" },
    { NULL, "--version", SETTING_FLAG, "false", NULL, NULL, NULL, "show the version and end" },
    { 0 }
};

static const char *flag_name(const char *member)
{
    char *flag = memory_new(strlen(member) + 3);
    memcpy(flag, "--", 2);
    for (size_t i = 0; member[i]; i++)
        flag[i + 2] = member[i] == '_' ? '-' : member[i];
    return flag;
}

static setting_kind kind_of(sl_option_kind kind)
{
    static const setting_kind kinds[] = { SETTING_I64, SETTING_F64, SETTING_FLAG, SETTING_TEXT,
                                          SETTING_DURATION };
    return kinds[kind];
}

static const char *value_name(sl_option_kind kind)
{
    static const char *const names[] = { "N", "X", NULL, "TEXT", "DURATION" };
    return names[kind];
}

/* The table copies what it is given. */
static void options_add(settings *settings, const sl_job *job)
{
    size_t count = 0;
    while (job->options && job->options[count].name)
        count++;
    setting *rows = memory_new((count + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        const sl_option *option = &job->options[i];
        rows[i] = (setting){ .flag = flag_name(option->name),
                             .kind = kind_of(option->kind),
                             .usual = option->usual };
        rows[i].least = option->least;
        rows[i].most = option->most;
        rows[i].value = value_name(option->kind);
        rows[i].help = option->help;
    }
    settings_add(settings, job->name, rows);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)rows[i].flag);
    free(rows);
}

/* Kinds that speak to the same server point to one table: it is added once. */
static bool added_before(const setting *const *tables, size_t count, const setting *rows)
{
    for (size_t i = 0; i < count; i++)
        if (tables[i] == rows)
            return true;
    return false;
}

static void kinds_add(settings *settings)
{
    const setting *tables[64];
    size_t count = 0;
#define ADD_KINDS(kinds)                                                                                     \
    for (size_t i = 0; kinds[i]; i++) {                                                                      \
        if (kinds[i]->settings && count < 64 && !added_before(tables, count, kinds[i]->settings)) {          \
            tables[count++] = kinds[i]->settings;                                                            \
            settings_add(settings, kinds[i]->name, kinds[i]->settings);                                      \
        }                                                                                                    \
    }
    ADD_KINDS(source_kinds)
    ADD_KINDS(lookup_kinds)
    ADD_KINDS(sink_kinds)
#undef ADD_KINDS
}

/* The engine's own, with the interval that is usual for the job. */
static void engine_add(settings *settings, const sl_job *job)
{
    enum { ROWS = sizeof engine_settings / sizeof engine_settings[0] };
    setting rows[ROWS];
    memcpy(rows, engine_settings, sizeof rows);
    for (size_t i = 0; i < ROWS && job->interval; i++)
        if (rows[i].key && strcmp(rows[i].key, "batch.interval") == 0)
            rows[i].usual = job->interval;
    settings_add(settings, "batches", rows);
}

settings *settings_for(const sl_job *job)
{
    settings *made = settings_new();
    if (job->options)
        options_add(made, job);
    engine_add(made, job);
    kinds_add(made);
    settings_add(made, "log", log_settings);
    settings_pass(made, "kafka.");
    return made;
}

static void option_fill(const settings *settings, const sl_option *option, const char *flag, char *at)
{
    int64_t number;
    double real;
    bool yes;
    const char *text;
    if (settings_text(settings, flag) == NULL)
        return; /* no value, no default: the member stays zero */
    switch (option->kind) {
    case SL_OPTION_I64:
        number = settings_i64(settings, flag);
        memcpy(at, &number, sizeof number);
        break;
    case SL_OPTION_F64:
        real = settings_f64(settings, flag);
        memcpy(at, &real, sizeof real);
        break;
    case SL_OPTION_FLAG:
        yes = settings_flag(settings, flag);
        memcpy(at, &yes, sizeof yes);
        break;
    case SL_OPTION_TEXT:
        text = settings_text(settings, flag);
        memcpy(at, &text, sizeof text);
        break;
    case SL_OPTION_DURATION:
        number = settings_ms(settings, flag);
        memcpy(at, &(sl_duration){ number }, sizeof(sl_duration));
        break;
    }
}

void settings_fill(const settings *settings, const sl_job *job, void *options)
{
    for (size_t i = 0; job->options && job->options[i].name; i++) {
        const char *flag = flag_name(job->options[i].name);
        option_fill(settings, &job->options[i], flag, (char *)options + job->options[i].offset);
        free((void *)(uintptr_t)flag);
    }
}
