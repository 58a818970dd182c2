/*
 * cli/tune.c - `sluice tune`: another interval, rate or number of workers for a job that runs. The job takes it up between two
 * batches; none is lost, cut anew or run twice for it.
 */
#include <base/counted.h>
#include <cli/control.h>
#include <cli/json.h>
#include <cli/place.h>
#include <inttypes.h>

static sl_result wish_print(const arguments *arguments, buffer *path, failure *failure);
static void told_print(const place *place, const arguments *arguments, json_object *told);

static sl_result tune_run(const arguments *arguments, failure *failure)
{
    place place;
    buffer path = { 0 }, body = { 0 };
    SL_TRY(place_find(arguments, &place, failure));
    sl_result result = wish_print(arguments, &path, failure);
    if (result == SL_OK && !place_runs(&place))
        result = fail(failure, SL_USAGE,
                      "%s does not run; give its next start --interval, --max-rate-per-partition or --cores",
                      place.name);
    if (result == SL_OK)
        result = control_post(place.folder, path.at, &body, failure);
    json_object *told = result == SL_OK ? json_read(body.at, body.size) : NULL;
    if (result == SL_OK)
        told_print(&place, arguments, told);
    json_object_put(told);
    buffer_done(&path);
    buffer_done(&body);
    return result;
}

static sl_result wish_print(const arguments *arguments, buffer *path, failure *failure)
{
    const settings *given = arguments->settings;
    const char *between = "?";
    buffer_text(path, "/tune");
    if (settings_text(given, "--interval")) {
        buffer_print(path, "%sinterval_ms=%" PRId64, between, settings_ms(given, "--interval"));
        between = "&";
    }
    if (settings_text(given, "--rate")) {
        buffer_print(path, "%srate=%" PRId64, between, settings_i64(given, "--rate"));
        between = "&";
    }
    if (settings_text(given, "--cores")) {
        buffer_print(path, "%scores=%" PRId64, between, settings_i64(given, "--cores"));
        between = "&";
    }
    buffer_byte(path, '\0');
    return *between == '&'
               ? SL_OK
               : fail(failure, SL_USAGE, "what to change is missing: --interval, --rate or --cores");
}

static void told_print(const place *place, const arguments *arguments, json_object *told)
{
    int64_t rate = json_number(told, "max_rate_per_partition", 0);
    const char *interval = settings_text(arguments->settings, "--interval"),
               *wanted_rate = settings_text(arguments->settings, "--rate"),
               *cores = settings_text(arguments->settings, "--cores");
    printf("%s, from the next batch on: a batch every %" PRId64 " ms, ", place->name,
           json_number(told, "interval_ms", 0));
    if (rate)
        printf("at most %s a second of each partition, ", counted(rate, "record", "records").at);
    printf("%s.\n", counted(json_number(told, "cores", 0), "worker", "workers").at);
    printf("The next start begins with its settings again; to keep this, put into its properties file:\n");
    if (interval)
        printf("  batch.interval %s\n", interval);
    if (wanted_rate)
        printf("  rate.max_per_partition %s\n", wanted_rate);
    if (cores)
        printf("  workers %s\n", cores);
}

static const setting tune_options[] = {
    { NULL, "--interval", SETTING_DURATION, NULL, "1ms", "1d", "DURATION", "time from batch to batch" },
    { NULL, "--rate", SETTING_I64, NULL, "0", NULL, "N",
      "records per second and partition that a batch may take; 0: no limit" },
    { NULL, "--cores", SETTING_I64, NULL, "1", "256", "N",
      "workers: up to the cores of the machine, or what the job was started with" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_tune = { .name = "tune",
                               .form = "NAME [--interval DURATION] [--rate N] [--cores N] [--work-dir DIR]",
                               .about = "changes the interval, rate or cores of a running job",
                               .options = tune_options,
                               .names_most = 1,
                               .run = tune_run,
                               .more =
                                   "The job takes it up between two batches, without a restart; batches\n"
                                   "that were cut stay as they are. It holds until the job ends: the log\n"
                                   "tells of it, and the account of each batch has its interval_ms,\n"
                                   "max_rate_per_partition and workers.\n" };
