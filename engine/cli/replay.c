/*
 * cli/replay.c - `sluice replay`: a batch of a job once more, its outputs compared with what is there, and written again where
 * they are not the same.
 *
 * The batch's ranges and its T come from the history. They become the journal of a new folder under TMPDIR, and the job's own
 * program, started as the job was, runs it there with --run-again: see <replay.h> of the engine. The job may run meanwhile.
 */
#include <base/counted.h>
#include <base/disk.h>
#include <base/memory.h>
#include <batches/journal.h>
#include <cli/accounts.h>
#include <cli/json.h>
#include <cli/started.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct replayed { /* a batch of the history */
    batch batch;
    buffer origins; /* of origin_name; texts lie in the account */
    json_object *account;
} replayed;

static sl_result batch_find(const place *place, int64_t id, replayed *found, failure *failure);
static void batch_done(replayed *found);
static sl_result run_once(const place *place, const replayed *found, const char *how, int *code,
                          failure *failure);

static sl_result number_read(const char *word, int64_t *id, failure *failure)
{
    char *end;
    errno = 0;
    *id = strtoll(word, &end, 10);
    if (errno || end == word || *end || *id < 1)
        return fail(failure, SL_USAGE,
                    "\"%s\" is no number of a batch; sluice batches --json tells them as batch_id", word);
    return SL_OK;
}

/* Compared, then written where that is wanted and of use, and compared again. */
static sl_result replay(const place *place, const replayed *found, bool dry_run, failure *failure)
{
    int code = 0;
    SL_TRY(run_once(place, found, "compare", &code, failure));
    if (code == 0)
        return SL_OK;
    if (code != 1)
        return fail(failure, SL_FAILED, "the batch could not be run again: exit code %d", code);
    if (dry_run)
        return fail(failure, SL_FAILED, "not the same; nothing was written (--dry-run)");
    SL_TRY(run_once(place, found, "write", &code, failure));
    if (code != 0)
        return fail(failure, SL_FAILED, "writing it again ended with exit code %d", code);
    printf("written again:\n");
    fflush(stdout);
    SL_TRY(run_once(place, found, "compare", &code, failure));
    if (code != 0)
        return fail(failure, SL_FAILED,
                    "still not the same: an index keeps the first document under an id; delete those that "
                    "differ and replay the batch again");
    return SL_OK;
}

static sl_result replay_run(const arguments *arguments, failure *failure)
{
    place place;
    int64_t id;
    struct arguments named = { .settings = arguments->settings, .count = arguments->count - 1 };
    named.names[0] = arguments->names[0];
    replayed found = { 0 };
    SL_TRY(number_read(arguments->names[arguments->count - 1], &id, failure));
    SL_TRY(place_find(&named, &place, failure));
    sl_result result = batch_find(&place, id, &found, failure);
    if (result == SL_OK && found.batch.ranges.size == 0)
        printf("batch %" PRId64 " had no records: there is nothing to replay\n", id);
    else if (result == SL_OK)
        result = replay(&place, &found, settings_flag(arguments->settings, "--dry-run"), failure);
    batch_done(&found);
    return result;
}

/* ---- The batch --------------------------------------------------------------------------------------------------- */

static void range_take(replayed *found, json_object *range)
{
    origin_name origin = { .partition = (int32_t)json_number(range, "partition", 0) };
    batch_range taken = { .partition = (uint32_t)(found->origins.size / sizeof origin) };
    origin.name = memory_text(json_words(range, "topic"));
    taken.from = json_number(range, "from", 0);
    taken.until = json_number(range, "until", 0);
    taken.end = json_number(range, "end", 0);
    buffer_append(&found->origins, &origin, sizeof origin);
    buffer_append(&found->batch.ranges, &taken, sizeof taken);
}

static sl_result account_take(replayed *found, failure *failure)
{
    json_object *account = found->account, *ranges = json_member(account, "ranges");
    int64_t id = json_number(account, "batch_id", 0);
    if (strcmp(json_words(account, "state"), "completed") != 0)
        return fail(failure, SL_USAGE, "batch %" PRId64 " is not completed: the job itself tries it again",
                    id);
    found->batch.id = id;
    found->batch.time_ms = json_number(account, "batch_time", 0);
    found->batch.interval_ms = json_number(account, "interval_ms", 1000);
    for (size_t i = 0; ranges && i < json_object_array_length(ranges); i++)
        range_take(found, json_object_array_get_idx(ranges, i));
    return SL_OK;
}

static sl_result batch_find(const place *place, int64_t id, replayed *found, failure *failure)
{
    accounts accounts = { 0 };
    account first = { 0 }, last = { 0 };
    sl_result result = accounts_read_all(place->folder, &accounts, failure);
    for (size_t i = 0; i < accounts.count && found->account == NULL; i++) {
        account_parse(accounts.lines[i], &last);
        first = i ? first : last;
        if (last.batch_id == id)
            found->account = json_read(accounts.lines[i].at, accounts.lines[i].size);
    }
    if (result == SL_OK && accounts.count == 0)
        result = fail(failure, SL_USAGE, "%s has done no batch yet", place->name);
    else if (result == SL_OK && found->account == NULL)
        result = fail(failure, SL_USAGE,
                      "the history of %s has no batch %" PRId64 "; it has those from %" PRId64 " to %" PRId64,
                      place->name, id, first.batch_id, last.batch_id);
    accounts_done(&accounts);
    return result == SL_OK ? account_take(found, failure) : result;
}

static void batch_done(replayed *found)
{
    origin_name *origins = (origin_name *)(void *)found->origins.at;
    for (size_t i = 0; i < found->origins.size / sizeof *origins; i++)
        free(origins[i].name);
    buffer_done(&found->origins);
    buffer_done(&found->batch.ranges);
    json_object_put(found->account);
}

/* ---- A folder for it, and its run -------------------------------------------------------------------------------- */

static sl_result file_copy(const place *place, const struct place *copies, const char *name, failure *failure)
{
    char from[PLACE_PATH_ROOM], to[PLACE_PATH_ROOM];
    buffer bytes = { 0 };
    SL_TRY(place_path(place, name, from, failure));
    SL_TRY(place_path(copies, name, to, failure));
    sl_result result = disk_read(from, &bytes, failure);
    if (result == SL_OK && bytes.size)
        result = disk_replace(to, bytes.at, bytes.size, failure);
    buffer_done(&bytes);
    return result;
}

/* What the inputs know of their topics and files: which records bear which numbers. */
static sl_result inputs_copy(const place *place, const struct place *copies, failure *failure)
{
    char **names = NULL;
    size_t count = 0;
    SL_TRY(file_copy(place, copies, "topics", failure));
    sl_result result = disk_list(place->folder, "files-", &names, &count, failure);
    for (size_t i = 0; i < count; i++) {
        if (result == SL_OK)
            result = file_copy(place, copies, names[i], failure);
        free(names[i]);
    }
    free(names);
    return result;
}

static sl_result folder_make(place *made, failure *failure)
{
    const char *given = getenv("TMPDIR");
    snprintf(made->folder, sizeof made->folder, "%s/sluice-replay-XXXXXX", given && *given ? given : "/tmp");
    if (mkdtemp(made->folder))
        return SL_OK;
    return fail(failure, SL_FAILED, "cannot make a folder %s: %s; TMPDIR says where", made->folder,
                strerror(errno));
}

static int one_remove(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

/* As the job was started, but for what would be seen outside. 0: the same; 1: not. */
static sl_result program_run(const place *place, const char *folder, const char *how, int *code,
                             failure *failure)
{
    const char *const more[] = { "--work-dir",
                                 folder,
                                 "--run-again",
                                 how,
                                 "--detach=false",
                                 "--supervise=false",
                                 "--conf",
                                 "kafka.exactly_once=false",
                                 "--conf",
                                 "batches.failures_max=1",
                                 "--conf",
                                 "log.level=warn",
                                 NULL };
    started_wish wish = { .place = place, .more = more };
    return started_run(&wish, NULL, code, failure);
}

static sl_result run_once(const place *place, const replayed *found, const char *how, int *code,
                          failure *failure)
{
    struct place made = { .name = place->name };
    origins origins = { .at = (origin_name *)(void *)found->origins.at,
                        .count = found->origins.size / sizeof(origin_name) };
    SL_TRY(folder_make(&made, failure));
    sl_result result = journal_leave(made.folder, &found->batch, &origins, failure);
    if (result == SL_OK)
        result = inputs_copy(place, &made, failure);
    if (result == SL_OK)
        result = program_run(place, made.folder, how, code, failure);
    nftw(made.folder, one_remove, 16, FTW_DEPTH | FTW_PHYS);
    return result;
}

static const setting replay_options[] = {
    { NULL, "--dry-run", SETTING_FLAG, NULL, NULL, NULL, NULL, "only compare: nothing is written" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_replay = {
    .name = "replay",
    .form = "NAME BATCH [--dry-run]",
    .about = "a batch once more: the same ranges, its outputs compared",
    .options = replay_options,
    .names_least = 1,
    .names_most = 2,
    .run = replay_run,
    .more = "BATCH is its number, the batch_id of sluice batches --json. Its ranges are\n"
            "read again and go through the plan with the job's program and settings.\n"
            "What comes out is compared, document by document, with the files and\n"
            "indexes of the outputs; what is not the same is named, and written again.\n"
            "Files are replaced. An index keeps the first document under an id: it gets\n"
            "those that are missing. Outputs that depend on what was read before, behind\n"
            "windows and states, are left out; so are Kafka, Redis and the console.\n"
            "Documents with looked-up fields differ when the looked-up rows have changed.\n"
            "The job may run meanwhile. Exit code 0: what was compared is the same; 1: not.\n"
};
