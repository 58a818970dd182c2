/*
 * cli/tap.c - `sluice tap`: rows of one stream of a running job, as they pass.
 */
#include <base/counted.h>
#include <cli/control.h>
#include <cli/json.h>
#include <cli/place.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

typedef struct tapped {
    buffer rest; /* of a line of which the end has not come yet */
    int64_t told, limit, lost;
} tapped;

static void path_print(const arguments *arguments, buffer *path);
static bool piece_take(void *argument, const char *at, size_t size);
static bool line_take(tapped *tapped, sl_text line);

static sl_result tap_run(const arguments *arguments, failure *failure)
{
    struct arguments job = { .settings = arguments->settings, .count = arguments->count - 1 };
    place place;
    buffer path = { 0 };
    const char *limit = settings_text(arguments->settings, "--limit");
    tapped tapped = { .limit = limit ? settings_i64(arguments->settings, "--limit") : INT64_MAX };
    job.names[0] = arguments->names[0];
    if (arguments->count == 1 && settings_text(arguments->settings, "--work-dir") == NULL)
        return fail(failure, SL_USAGE, "the stream is missing; the form is: sluice tap %s", command_tap.form);
    SL_TRY(place_find(&job, &place, failure));
    if (!place_runs(&place))
        return fail(failure, SL_USAGE, "%s does not run: there are no rows to see", place.name);
    path_print(arguments, &path);
    sl_result result = control_follow(place.folder, path.at, piece_take, &tapped, failure);
    if (tapped.lost)
        fprintf(stderr, "%s came too fast to be told; --every N tells fewer.\n",
                counted(tapped.lost, "row", "rows").at);
    buffer_done(&path);
    buffer_done(&tapped.rest);
    return result;
}

/* The stream is the last word. */
static void path_print(const arguments *arguments, buffer *path)
{
    buffer_print(path, "/tap?every=%" PRId64 "&stream=", settings_i64(arguments->settings, "--every"));
    for (const char *at = arguments->names[arguments->count - 1]; *at; at++)
        buffer_print(path, isalnum((unsigned char)*at) ? "%c" : "%%%02X", (unsigned char)*at);
    buffer_byte(path, '\0');
}

static bool piece_take(void *argument, const char *at, size_t size)
{
    tapped *tapped = argument;
    bool more = true;
    buffer_append(&tapped->rest, at, size);
    size_t from = 0;
    for (const char *end; more && (end = memchr(tapped->rest.at + from, '\n', tapped->rest.size - from));) {
        size_t next = (size_t)(end - tapped->rest.at) + 1;
        more = line_take(tapped, (sl_text){ tapped->rest.at + from, next - 1 - from });
        from = next;
    }
    if (from)
        memmove(tapped->rest.at, tapped->rest.at + from, tapped->rest.size - from);
    tapped->rest.size -= from;
    return fflush(stdout) == 0 && more;
}

/* An empty line is a batch without rows: a sign of life. */
static bool line_take(tapped *tapped, sl_text line)
{
    static const char lost[] = "{\"lost\":";
    if (line.size == 0)
        return true;
    if (line.size > sizeof lost && memcmp(line.at, lost, sizeof lost - 1) == 0) {
        json_object *told = json_read(line.at, line.size);
        tapped->lost += json_number(told, "lost", 0);
        json_object_put(told);
        return true;
    }
    printf("%.*s\n", (int)line.size, line.at);
    return ++tapped->told < tapped->limit;
}

static const setting tap_options[] = {
    { NULL, "--every", SETTING_I64, "1", "1", NULL, "N", "only each N-th row that a worker has" },
    { NULL, "--limit", SETTING_I64, NULL, "1", NULL, "N", "ends after N rows" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_tap = { .name = "tap",
                              .form = "NAME STREAM [--every N] [--limit N]",
                              .about = "rows of one stream of a running job, live, as JSON lines",
                              .options = tap_options,
                              .names_least = 1,
                              .names_most = 2,
                              .run = tap_run,
                              .more =
                                  "STREAM is a name in the plan: an input, a stage, a lookup, a count, an\n"
                                  "output (what comes to it); `sluice explain NAME` shows them. Rows come\n"
                                  "when their batch is done. At most 1000 rows of each worker and batch are\n"
                                  "told; the others are counted. The job never waits for who looks on.\n"
                                  "With --work-dir DIR the form is: sluice tap STREAM --work-dir DIR\n" };
