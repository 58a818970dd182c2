/*
 * cli/accounts.c - the history's lines, sorted out.
 *
 * An attempt that failed has a line, and so has the one that succeeded: of each batch_id the last line counts. The newer
 * generation is read first: if the job begins a new file in between, the same lines are read twice and none is missed.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <batches/saved.h>
#include <cli/accounts.h>
#include <cli/json.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct entry {
    int64_t batch_id;
    size_t sequence; /* in the order of writing */
    sl_text line;
} entry;

typedef struct entries {
    entry *at;
    size_t count, room;
} entries;

static void accounts_sort(accounts *accounts);
static sl_result generations_read(const char *folder, buffer *text, failure *failure);
static void entries_cut(entries *entries, sl_text text);
static void entry_add(entries *entries, sl_text line);
static bool line_batch_id(sl_text line, int64_t *batch_id);
static int entry_order(const void *left, const void *right);

sl_result accounts_read(const char *folder, accounts *accounts, failure *failure)
{
    SL_TRY(generations_read(folder, &accounts->text, failure));
    accounts_sort(accounts);
    return SL_OK;
}

/* The checkpoint's come first: where the history has the batch, too, its line is the last. */
sl_result accounts_read_all(const char *folder, accounts *accounts, failure *failure)
{
    saved saved = { 0 };
    struct failure none = { 0 };
    if (saved_newest(folder, &saved, &none) == SL_OK) {
        const sl_text *at = (const sl_text *)(const void *)saved.accounts.at;
        for (size_t i = 0; i < saved.accounts.size / sizeof *at; i++) {
            buffer_append(&accounts->text, at[i].at, at[i].size);
            buffer_byte(&accounts->text, '\n');
        }
    }
    saved_done(&saved);
    return accounts_read(folder, accounts, failure);
}

static void accounts_sort(accounts *accounts)
{
    entries entries = { 0 };
    entries_cut(&entries, (sl_text){ accounts->text.at, accounts->text.size });
    if (entries.count)
        qsort(entries.at, entries.count, sizeof *entries.at, entry_order);
    accounts->lines = memory_new((entries.count + 1) * sizeof *accounts->lines);
    for (size_t i = 0; i < entries.count; i++)
        if (i + 1 == entries.count || entries.at[i + 1].batch_id != entries.at[i].batch_id)
            accounts->lines[accounts->count++] = entries.at[i].line;
    free(entries.at);
}

void accounts_done(accounts *accounts)
{
    buffer_done(&accounts->text);
    free(accounts->lines);
    *accounts = (struct accounts){ 0 };
}

bool account_parse(sl_text line, account *account)
{
    json_object *object = json_read(line.at, line.size);
    bool is_account = object != NULL;
    if (is_account)
        *account = (struct account){ .batch_id = json_number(object, "batch_id", 0),
                                     .batch_time_ms = json_number(object, "batch_time", 0),
                                     .records = json_number(object, "records", 0),
                                     .written = json_number(object, "written", 0),
                                     .duplicates = json_number(object, "duplicates", 0),
                                     .filtered = json_number(object, "filtered", 0),
                                     .dead_letters = json_number(object, "dead_letters", 0),
                                     .lookup_missed = json_number(object, "lookup_missed", 0),
                                     .scheduling_delay_ms = json_fraction(object, "scheduling_delay_ms"),
                                     .processing_ms = json_fraction(object, "processing_ms"),
                                     .total_delay_ms = json_fraction(object, "total_delay_ms"),
                                     .attempt = json_number(object, "attempt", 0) };
    if (is_account) {
        snprintf(account->state, sizeof account->state, "%s", json_words(object, "state"));
        snprintf(account->error, sizeof account->error, "%s", json_words(object, "error"));
    }
    json_object_put(object);
    return is_account;
}

account accounts_sum(const accounts *accounts)
{
    account sum = { 0 }, one;
    for (size_t i = 0; i < accounts->count; i++) {
        if (!account_parse(accounts->lines[i], &one) || strcmp(one.state, "completed") != 0)
            continue;
        sum.records += one.records;
        sum.written += one.written;
        sum.duplicates += one.duplicates;
        sum.filtered += one.filtered;
        sum.dead_letters += one.dead_letters;
        sum.lookup_missed += one.lookup_missed;
    }
    return sum;
}

static sl_result generations_read(const char *folder, buffer *text, failure *failure)
{
    char path[4096];
    buffer newer = { 0 };
    snprintf(path, sizeof path, "%s/history.ndjson", folder);
    sl_result result = disk_read(path, &newer, failure);
    if (result == SL_OK) {
        snprintf(path, sizeof path, "%s/history.1.ndjson", folder);
        result = disk_read(path, text, failure);
    }
    buffer_append(text, newer.at, newer.size);
    buffer_done(&newer);
    return result;
}

static void entries_cut(entries *entries, sl_text text)
{
    const char *end;
    for (; text.size && (end = memchr(text.at, '\n', text.size)) != NULL; text.at = end + 1) {
        size_t size = (size_t)(end - text.at);
        entry_add(entries, (sl_text){ text.at, size });
        text.size -= size + 1;
    }
}

/* A line without a batch_id, say one that a crash tore, is no entry. */
static void entry_add(entries *entries, sl_text line)
{
    int64_t batch_id;
    if (!line_batch_id(line, &batch_id))
        return;
    if (entries->count == entries->room) {
        entries->room = entries->room ? entries->room * 2 : 256;
        entries->at = memory_resize(entries->at, entries->room * sizeof *entries->at);
    }
    entries->at[entries->count] = (entry){ batch_id, entries->count, line };
    entries->count++;
}

/* Without parsing the line: inside a JSON string a quote has a backslash before it, so this can only be the name.
 * The closing brace ends the number. */
static bool line_batch_id(sl_text line, int64_t *batch_id)
{
    static const char name[] = "\"batch_id\":";
    const char *at = memmem(line.at, line.size, name, sizeof name - 1);
    if (line.size == 0 || line.at[line.size - 1] != '}' || at == NULL)
        return false;
    *batch_id = 0;
    for (at += sizeof name - 1; *at >= '0' && *at <= '9'; at++)
        *batch_id = *batch_id * 10 + (*at - '0');
    return true;
}

static int entry_order(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->batch_id != b->batch_id)
        return a->batch_id < b->batch_id ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}
