/*
 * cli/submit.c - `sluice submit [options] JOB [options of the job]`, spark-submit's form.
 *
 * A job program takes all options itself. This command only finds JOB among the words and becomes it:
 *
 *     sluice submit --interval 2s listens --top-count 5   ->   .../jobs/listens --interval 2s --top-count 5
 *
 * Where the options before JOB end, the table of the engine's settings tells: --x=v is one word, a flag one, others two.
 */
#include <base/log.h>
#include <base/memory.h>
#include <cli/command.h>
#include <cli/program.h>
#include <errno.h>
#include <settings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sl_result job_find(int argc, char **argv, int *at, failure *failure);
static sl_result option_unknown(const char *word, failure *failure);
static const setting *option_row(const char *word, size_t size);
static sl_result program_become(const char *path, int argc, char **argv, int at, failure *failure);
static void submit_help(void);

static int submit_run(int argc, char **argv)
{
    failure failure = { 0 };
    char path[PROGRAM_PATH_ROOM];
    int at = 1;
    sl_result result = job_find(argc, argv, &at, &failure);
    if (result == SL_OK && at == 0) {
        submit_help();
        return 0;
    }
    if (result == SL_OK)
        result = program_find(argv[at], path, &failure);
    if (result == SL_OK)
        result = program_become(path, argc, argv, at, &failure);
    fprintf(stderr, "sluice submit: %s\n", failure.text);
    return exit_code(result);
}

/* *at is the index of JOB; 0 when help was asked for. */
static sl_result job_find(int argc, char **argv, int *at, failure *failure)
{
    int i = 1;
    while (i < argc && argv[i][0] == '-') {
        const char *word = argv[i];
        size_t size = strcspn(word, "=");
        *at = 0;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            return SL_OK;
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        const setting *row = option_row(word, size);
        if (row == NULL) /* so nobody knows where JOB stands, and whose help is meant */
            return settings_help_asked(argc, argv) ? SL_OK : option_unknown(word, failure);
        bool alone = word[size] == '=' || row->kind == SETTING_FLAG || i + 1 == argc ||
                     strncmp(argv[i + 1], "--", 2) == 0;
        i += alone ? 1 : 2; /* a value that is missing is for the job to tell */
    }
    *at = i;
    if (i < argc)
        return SL_OK;
    return fail(failure, SL_USAGE, "the job is missing; the form is: sluice submit %s", command_submit.form);
}

static sl_result option_unknown(const char *word, failure *failure)
{
    const char *flags[256];
    size_t count = 0;
    char name[64];
    for (const setting *row = engine_settings; (row->key || row->flag) && count < 256; row++)
        if (row->flag)
            flags[count++] = row->flag;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *nearest = nearest_word(name, flags, count);
    if (nearest)
        return fail(failure, SL_USAGE, "there is no option %s; did you mean %s?", name, nearest);
    return fail(failure, SL_USAGE, "there is no option %s; options of the job itself stand behind its name",
                name);
}

static const setting *option_row(const char *word, size_t size)
{
    static const setting everywhere[] = {
        { NULL, "--conf", SETTING_LIST, NULL, NULL, NULL, NULL, NULL },
        { NULL, "--properties-file", SETTING_TEXT, NULL, NULL, NULL, NULL, NULL },
        { 0 },
    };
    const setting *const tables[] = { engine_settings, log_settings, everywhere };
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
        for (const setting *row = tables[table]; row->key || row->flag; row++)
            if (row->flag && strlen(row->flag) == size && memcmp(row->flag, word, size) == 0)
                return row;
    return NULL;
}

/* Returns only when that fails. */
static sl_result program_become(const char *path, int argc, char **argv, int at, failure *failure)
{
    char **words = memory_new(((size_t)argc + 1) * sizeof *words);
    size_t count = 0;
    words[count++] = memory_text(path);
    for (int i = 1; i < argc; i++)
        if (i != at && !(i == at - 1 && strcmp(argv[i], "--") == 0))
            words[count++] = argv[i];
    execv(path, words);
    int reason = errno;
    free(words[0]);
    free(words);
    return fail(failure, SL_FAILED, "starting %s: %s", path, strerror(reason));
}

static void submit_help(void)
{
    printf("sluice submit %s\n\n%s\n\nJOB is a path or the name of a job, such as listens.\n"
           "`JOB --help` lists the job's own options as well.\n\n",
           command_submit.form, command_submit.about);
    settings *options = settings_new();
    settings_add(options, "Options", engine_settings);
    settings_add(options, "Log", log_settings);
    settings_help(options, stdout);
    settings_free(options);
}

const command command_submit = { .name = "submit",
                                 .form = "[options] JOB [options of the job]",
                                 .about = "starts a job",
                                 .run_words = submit_run };
