/*
 * cli/dlq.c - `sluice dlq`: the records that a job rejected, and their way back into it.
 *
 *     sluice dlq list listens                          how many, of which topic, stage and reason
 *     sluice dlq show listens --reason bad_flag        the letters, a line of JSON each
 *     sluice dlq retry listens                         once more, as they are
 *     sluice dlq retry listens --from repaired.ndjson  once more, with the values that stand there
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/memory.h>
#include <batches/saved.h>
#include <cli/letters.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct chosen { /* some of the letters, in their order */
    const letter **at;
    size_t count, retried, cut; /* which would have been chosen, but were retried, or are not whole */
} chosen;

static sl_result letters_list(const arguments *arguments, const place *place, failure *failure);
static sl_result letters_show(const arguments *arguments, const place *place, failure *failure);
static sl_result letters_send(const arguments *arguments, const place *place, failure *failure);

static sl_result dlq_run(const arguments *arguments, failure *failure)
{
    static const struct {
        const char *name;
        sl_result (*run)(const struct arguments *arguments, const place *place, struct failure *failure);
    } verbs[] = { { "list", letters_list }, { "show", letters_show }, { "retry", letters_send } };
    static const char *const names[] = { "list", "show", "retry" };
    struct arguments rest = { .settings = arguments->settings, .count = arguments->count - 1 };
    place place;
    rest.names[0] = arguments->names[1];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(arguments->names[0], verbs[i].name) != 0)
            continue;
        SL_TRY(place_find(&rest, &place, failure));
        return verbs[i].run(arguments, &place, failure);
    }
    const char *nearest = nearest_word(arguments->names[0], names, 3);
    return fail(failure, SL_USAGE,
                "what to do with the dead letters? \"%s\" is none of list, show, retry%s%s%s",
                arguments->names[0], nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                nearest ? "\"?" : "");
}

/* ---- Which ---- */

static bool is_wanted(const arguments *arguments, const letter *letter)
{
    const char *topic = settings_text(arguments->settings, "--topic"),
               *stage = settings_text(arguments->settings, "--stage"),
               *reason = settings_text(arguments->settings, "--reason");
    return (topic == NULL || strcmp(topic, letter->topic) == 0) &&
           (stage == NULL || strcmp(stage, letter->stage) == 0) &&
           (reason == NULL || strcmp(reason, letter->reason) == 0);
}

static chosen letters_choose(const arguments *arguments, const letters *letters, bool only_whole)
{
    chosen chosen = { .at = memory_new((letters->count + 1) * sizeof *chosen.at) };
    bool all = settings_flag(arguments->settings, "--all");
    for (size_t i = 0; i < letters->count; i++) {
        const letter *letter = &letters->at[i];
        if (!is_wanted(arguments, letter))
            continue;
        if (letter->retried && !all)
            chosen.retried++;
        else if (letter->cut && only_whole)
            chosen.cut++;
        else
            chosen.at[chosen.count++] = letter;
    }
    return chosen;
}

/* A letter of a partition that the job has never read would be passed over by it. */
static sl_result letters_check(const place *place, const chosen *chosen, failure *failure)
{
    saved saved = { 0 };
    struct failure ignored = { 0 };
    if (saved_newest(place->folder, &saved, &ignored) != SL_OK)
        return SL_OK; /* nothing is known of its inputs */
    const saved_position *at = (const saved_position *)(const void *)saved.positions.at;
    size_t count = saved.positions.size / sizeof *at;
    for (size_t i = 0; i < chosen->count && count; i++) {
        const letter *letter = chosen->at[i];
        size_t p = 0;
        while (p < count && (at[p].partition != letter->partition ||
                             !sl_text_equal(at[p].topic, (sl_text){ letter->topic, strlen(letter->topic) })))
            p++;
        if (p == count)
            fail(
                failure, SL_USAGE,
                "nothing was retried: a letter is of %s partition %lld, which %s does not read; `sluice checkpoint "
                "show` lists what it reads, --topic chooses among letters",
                letter->topic, (long long)letter->partition, place->name);
    }
    saved_done(&saved);
    return failure->result;
}

/* ---- list ---- */

static int group_order(const void *left, const void *right)
{
    const letter *a = *(const letter *const *)left, *b = *(const letter *const *)right;
    int order = strcmp(a->topic, b->topic);
    order = order ? order : strcmp(a->stage, b->stage);
    return order ? order : strcmp(a->reason, b->reason);
}

static void group_print(const letter *const *at, size_t count)
{
    int64_t first_ms = at[0]->batch_ms, last_ms = first_ms;
    char first[25], last[25];
    for (size_t i = 0; i < count; i++) {
        first_ms = at[i]->batch_ms < first_ms ? at[i]->batch_ms : first_ms;
        last_ms = at[i]->batch_ms > last_ms ? at[i]->batch_ms : last_ms;
    }
    clock_iso(first_ms, first);
    clock_iso(last_ms, last);
    printf("%-20s  %-16s  %-14s  %7zu  %-24s  %-24s\n", at[0]->topic, at[0]->stage, at[0]->reason, count,
           first, last);
}

static sl_result letters_list(const arguments *arguments, const place *place, failure *failure)
{
    letters letters = { 0 };
    SL_TRY(letters_read(place, settings_text(arguments->settings, "--dir"), &letters, failure));
    chosen chosen = letters_choose(arguments, &letters, false);
    if (chosen.count) {
        printf("%-20s  %-16s  %-14s  %7s  %-24s  %-24s\n", "TOPIC", "STAGE", "REASON", "LETTERS",
               "FIRST IN BATCH", "LAST IN BATCH");
        qsort(chosen.at, chosen.count, sizeof *chosen.at, group_order);
    }
    for (size_t from = 0, until; from < chosen.count; from = until) {
        for (until = from + 1; until < chosen.count && group_order(chosen.at + from, chosen.at + until) == 0;)
            until++;
        group_print(chosen.at + from, until - from);
    }
    if (chosen.count == 0)
        printf("%s has no dead letters%s.\n", place->name, chosen.retried ? " that were not retried" : "");
    if (chosen.retried)
        printf("%s retried; --all counts them in.\n",
               counted((int64_t)chosen.retried, "more was", "more were").at);
    free(chosen.at);
    letters_done(&letters);
    return SL_OK;
}

/* ---- show ---- */

static sl_result letters_show(const arguments *arguments, const place *place, failure *failure)
{
    letters letters = { 0 };
    SL_TRY(letters_read(place, settings_text(arguments->settings, "--dir"), &letters, failure));
    chosen chosen = letters_choose(arguments, &letters, false);
    for (size_t i = 0; i < chosen.count; i++)
        printf("%.*s\n", (int)chosen.at[i]->line.size, chosen.at[i]->line.at);
    free(chosen.at);
    letters_done(&letters);
    return SL_OK;
}

/* ---- retry ---- */

static void sent_tell(const place *place, const chosen *chosen)
{
    if (chosen->count)
        printf("%s to %s again: it takes %s with its next batch%s.\n",
               counted((int64_t)chosen->count, "dead letter goes", "dead letters go").at, place->name,
               chosen->count == 1 ? "it" : "them", place_runs(place) ? "" : ", when it is started");
    else
        printf("There is nothing to retry.\n");
    if (chosen->retried)
        printf("%s retried already and left out; --all takes them once more.\n",
               counted((int64_t)chosen->retried, "letter was", "letters were").at);
    if (chosen->cut)
        printf(
            "%s left out, since only a part of the value was kept; the whole one is at its offset: put it into the "
            "line that `sluice dlq show` gives, without value_cut, and use --from.\n",
            counted((int64_t)chosen->cut, "letter was", "letters were").at);
}

static sl_result chosen_send(const arguments *arguments, const place *place, failure *failure)
{
    letters known = { 0 }, given = { 0 };
    const char *from = settings_text(arguments->settings, "--from");
    sl_result result = letters_read(place, settings_text(arguments->settings, "--dir"), &known, failure);
    if (result == SL_OK && from)
        result = letters_read_lines(place, from, &known, &given, failure);
    chosen chosen = { 0 };
    if (result == SL_OK)
        chosen = letters_choose(arguments, from ? &given : &known, true);
    if (result == SL_OK)
        result = letters_check(place, &chosen, failure);
    if (result == SL_OK && chosen.count)
        result = letters_retry(place, chosen.at, chosen.count, failure);
    if (result == SL_OK)
        sent_tell(place, &chosen);
    free(chosen.at);
    letters_done(&known);
    letters_done(&given);
    return result;
}

/* Two at a time would both find that a letter was not retried yet. */
static sl_result letters_send(const arguments *arguments, const place *place, failure *failure)
{
    int folder = open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || flock(folder, LOCK_EX) != 0)
        fail(failure, SL_FAILED, "locking %s: %s", place->folder, strerror(errno));
    else
        chosen_send(arguments, place, failure);
    if (folder >= 0)
        close(folder);
    return failure->result;
}

static const char dlq_more[] =
    "list    how many there are, by topic, stage and reason\n"
    "show    the letters, a line of JSON each: topic, partition and offset of the record, what was wrong, its value\n"
    "retry   the job takes them once more: after a repair of the job, of lookup data, or of the letters themselves:\n"
    "            sluice dlq show NAME >bad.ndjson      then change the values in it\n"
    "            sluice dlq retry NAME --from bad.ndjson\n"
    "        They are read as the records that they were, with the ids which their documents would have had. In windows\n"
    "        they count in the batch that takes them. A letter is retried once; one that is rejected again is a new letter.\n"
    "\n"
    "Letters that lie in a Kafka topic are retried by way of standard input:\n"
    "            kcat -b SERVER -t TOPIC.dead -C -e | sluice dlq retry NAME --from -\n";

static const setting dlq_options[] = {
    { NULL, "--reason", SETTING_TEXT, NULL, NULL, NULL, "REASON", "only letters with this reason" },
    { NULL, "--stage", SETTING_TEXT, NULL, NULL, NULL, "STAGE", "only of this stage or output" },
    { NULL, "--topic", SETTING_TEXT, NULL, NULL, NULL, "TOPIC", "only of this topic or file" },
    { NULL, "--all", SETTING_FLAG, NULL, NULL, NULL, NULL, "those too that were retried already" },
    { NULL, "--from", SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "retry: the letters that stand there, a line each; - is standard input" },
    { NULL, "--dir", SETTING_TEXT, NULL, NULL, NULL, "DIR",
      "where the letters lie, if the job has --to dead_letters=file:DIR" },
    { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", place_work_dir_help },
    { 0 },
};

const command command_dlq = { .name = "dlq",
                              .form = "list|show|retry NAME [options]",
                              .about = "the records that a job rejected, and their way back into it",
                              .options = dlq_options,
                              .names_least = 1,
                              .names_most = 2,
                              .run = dlq_run,
                              .more = dlq_more };
