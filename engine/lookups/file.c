/*
 * lookups/file.c - `file:PATH`: a table that a file holds, for what is known beforehand and changes now and then.
 *
 *     file:customers.csv        a header line names the columns; the first column is the key
 *     file:customers.csv#Id     the column "Id" is the key
 *     file:customers.ndjson     an object a line, where the first line begins with {: the first field, or #NAME, is the key
 *
 * A row is a line; the last line of a key counts. When the engine asks, which its cache does at most redis.cache.ttl after a row was found, the file is
 * read again if its time, size or inode are others. So a table is best replaced by rename: what is half written is read as it is.
 * A new version that cannot be read is told in the log, once, and the one before goes on.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/sort.h>
#include <lookups/lookup.h>
#include <plan/task.h>
#include <records/json.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { COLUMNS_MAX = 256, NOWHERE = -1 };

typedef struct file_row {
    sl_text key;
    size_t line;
    sl_text *values; /* by the lookup's names */
} file_row;

/* One version of the file. */
typedef struct file_table {
    buffer bytes;
    arena memory;  /* rows, values, fields that were written out anew */
    buffer sorted; /* of file_row *, by key, then by line */
} file_table;

typedef struct file_identity {
    int64_t time_s, time_ns, size;
    uint64_t inode;
} file_identity;

typedef struct file_lookup {
    char *name, *path, *key, **names; /* key: NULL: the first column */
    size_t name_count;
    bool plain;
    file_table table;
    file_identity read; /* which version was read, or tried */
} file_lookup;

static sl_result table_read(const file_lookup *lookup, file_table *table, failure *failure);
static void table_done(file_table *table);
static const file_row *row_find(const file_table *table, sl_text key);

/* ---- The contract ---- */

static void file_close(void *self)
{
    file_lookup *lookup = self;
    if (lookup == NULL)
        return;
    for (size_t i = 0; i < lookup->name_count; i++)
        free(lookup->names[i]);
    table_done(&lookup->table);
    free(lookup->names);
    free(lookup->name);
    free(lookup->path);
    free(lookup->key);
    free(lookup);
}

static bool identity_of(const char *path, file_identity *identity)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    *identity =
        (file_identity){ status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino };
    return true;
}

static bool identity_equal(const file_identity *a, const file_identity *b)
{
    return a->time_s == b->time_s && a->time_ns == b->time_ns && a->size == b->size && a->inode == b->inode;
}

static sl_result file_open(const lookup_spec *spec, void **self, failure *failure)
{
    const char *hash = strrchr(spec->target, '#');
    if (spec->target[0] == '\0' || hash == spec->target)
        return fail(failure, SL_USAGE, "lookup '%s': which file? write file:PATH or file:PATH#KEY",
                    spec->name);
    file_lookup *made = memory_new(sizeof *made);
    made->name = memory_text(spec->name);
    made->path = memory_text(spec->target);
    if (hash) {
        made->path[hash - spec->target] = '\0';
        made->key = memory_text(hash + 1);
    }
    made->plain = spec->plain;
    made->name_count = spec->name_count;
    made->names = memory_new((spec->name_count + 1) * sizeof(char *));
    for (size_t i = 0; i < spec->name_count; i++)
        made->names[i] = memory_text(spec->names[i]);
    sl_result result = SL_OK;
    if (!identity_of(made->path, &made->read))
        result = fail(failure, SL_RETRY, "lookup '%s': there is no file %s", made->name, made->path);
    if (result == SL_OK)
        result = table_read(made, &made->table, failure);
    if (result == SL_OK)
        *self = made;
    else
        file_close(made);
    return result;
}

/* Which version is there is asked once for all keys of a batch. */
static void table_refresh(file_lookup *lookup)
{
    file_identity now;
    file_table table = { 0 };
    failure failure = { 0 };
    if (!identity_of(lookup->path, &now))
        now = (file_identity){ 0 };
    if (identity_equal(&now, &lookup->read))
        return;
    lookup->read = now;
    if (now.inode == 0) {
        log_warn("lookups", "lookup '%s': %s is gone; what was read of it goes on", lookup->name,
                 lookup->path);
    } else if (table_read(lookup, &table, &failure) != SL_OK) {
        log_warn("lookups", "%s; the version before goes on", failure.text);
    } else {
        table_done(&lookup->table);
        lookup->table = table;
    }
}

static sl_result file_ask(void *self, const lookup_question *question, failure *failure)
{
    file_lookup *lookup = self;
    (void)failure;
    table_refresh(lookup);
    for (size_t i = 0; i < question->count; i++) {
        const file_row *row = row_find(&lookup->table, question->keys[i]);
        for (size_t j = 0; row && j < lookup->name_count; j++) {
            sl_text value = row->values[j];
            if (value.at)
                question->answers[i * lookup->name_count + j] =
                    (sl_text){ arena_copy(question->memory, value.at, value.size), value.size };
        }
    }
    return SL_OK;
}

/* ---- Rows ---- */

static file_row *row_add(const file_lookup *lookup, file_table *table, sl_task *task, size_t line)
{
    file_row *row = arena_take(&task->memory, sizeof *row);
    *row = (file_row){ .line = line };
    row->values = arena_take(&task->memory, lookup->name_count * sizeof *row->values + 1);
    memset(row->values, 0, lookup->name_count * sizeof *row->values);
    buffer_append(&table->sorted, &row, sizeof row);
    return row;
}

static int row_order(const void *a, const void *b, const void *unused)
{
    const file_row *left = a, *right = b;
    (void)unused;
    int order = sl_text_compare(left->key, right->key);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

/* The last one that is not behind the key. */
static const file_row *row_find(const file_table *table, sl_text key)
{
    const file_row *const *rows = (const file_row *const *)(const void *)table->sorted.at;
    size_t from = 0, until = table->sorted.size / sizeof *rows;
    while (from < until) {
        size_t middle = from + (until - from) / 2;
        if (sl_text_compare(rows[middle]->key, key) <= 0)
            from = middle + 1;
        else
            until = middle;
    }
    return from && sl_text_equal(rows[from - 1]->key, key) ? rows[from - 1] : NULL;
}

static void table_done(file_table *table)
{
    buffer_done(&table->bytes);
    buffer_done(&table->sorted);
    arena_done(&table->memory);
}

static bool name_is(sl_text name, const char *wanted)
{
    return sl_text_equal(name, (sl_text){ wanted, strlen(wanted) });
}

/* ---- CSV ---- */

typedef struct csv_columns {
    size_t count;
    int key;
    int *places; /* by the lookup's names: which column, or NOWHERE */
} csv_columns;

static int column_named(const sl_text *header, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (name_is(header[i], name))
            return (int)i;
    return NOWHERE;
}

/* A plain value stands in the first column beside the key, whatever that is called. */
static const char *header_read(const file_lookup *lookup, sl_task *task, sl_text line, csv_columns *columns)
{
    sl_text header[COLUMNS_MAX];
    const char *fault = "field_count";
    for (columns->count = 0; fault && !strcmp(fault, "field_count") && columns->count < COLUMNS_MAX;)
        fault = sl_csv_split(task, line, header, ++columns->count);
    columns->key = lookup->key && !fault ? column_named(header, columns->count, lookup->key) : 0;
    if (fault || columns->key == NOWHERE)
        return fault ? fault : "the header has no column of the key's name";
    columns->places = arena_take(&task->memory, (lookup->name_count + 1) * sizeof *columns->places);
    for (size_t i = 0; i < lookup->name_count; i++)
        columns->places[i] = column_named(header, columns->count, lookup->names[i]);
    if (lookup->plain && columns->count > 1)
        columns->places[0] = columns->key == 0;
    return NULL;
}

static const char *csv_read(const file_lookup *lookup, sl_task *task, sl_text line,
                            const csv_columns *columns, file_row *row)
{
    sl_text fields[COLUMNS_MAX];
    const char *fault = sl_csv_split(task, line, fields, columns->count);
    if (fault)
        return fault;
    row->key = fields[columns->key];
    for (size_t i = 0; i < lookup->name_count; i++)
        if (columns->places[i] != NOWHERE)
            row->values[i] = fields[columns->places[i]];
    return NULL;
}

/* ---- JSON ---- */

typedef struct json_row {
    const file_lookup *lookup;
    arena *memory;
    file_row *row;
} json_row;

static void json_take(void *argument, sl_text name, sl_text value)
{
    json_row *to = argument;
    sl_text copy = { arena_copy(to->memory, value.at, value.size), value.size };
    bool is_key = to->lookup->key ? name_is(name, to->lookup->key) : to->row->key.at == NULL;
    if (is_key)
        to->row->key = copy;
    for (size_t i = 0; i < to->lookup->name_count; i++)
        if (name_is(name, to->lookup->names[i]) || (to->lookup->plain && !is_key && !to->row->values[i].at))
            to->row->values[i] = copy;
}

static const char *json_read(const file_lookup *lookup, sl_task *task, sl_text line, file_row *row)
{
    char *text = arena_take(&task->memory, line.size + 1);
    memcpy(text, line.at, line.size);
    text[line.size] = '\0';
    if (!json_fields(text, json_take, &(json_row){ lookup, &task->memory, row }))
        return "it is no JSON object of texts and numbers";
    return row->key.at ? NULL : "it has no field of the key's name";
}

/* ---- The file ---- */

static bool line_next(const char **at, const char *end, sl_text *line)
{
    while (*at < end) {
        const char *cut = memchr(*at, '\n', (size_t)(end - *at)), *until = cut ? cut : end;
        *line = (sl_text){ *at, (size_t)(until - *at) };
        *at = cut ? cut + 1 : end;
        line->size -= line->size && line->at[line->size - 1] == '\r';
        return true;
    }
    return false;
}

/* NULL, or what is wrong with the line that *number tells. */
static const char *lines_read(const file_lookup *lookup, file_table *table, sl_task *task, size_t *number)
{
    const char *at = table->bytes.at, *end = at + table->bytes.size, *fault = NULL;
    bool json = at < end && *at == '{';
    csv_columns columns = { 0 };
    sl_text line;
    for (*number = 1; fault == NULL && line_next(&at, end, &line); (*number)++) {
        if (line.size == 0)
            continue;
        if (json)
            fault = json_read(lookup, task, line, row_add(lookup, table, task, *number));
        else if (columns.count == 0)
            fault = header_read(lookup, task, line, &columns);
        else
            fault = csv_read(lookup, task, line, &columns, row_add(lookup, table, task, *number));
    }
    return fault;
}

static sl_result table_read(const file_lookup *lookup, file_table *table, failure *failure)
{
    size_t line;
    sl_result result = disk_read(lookup->path, &table->bytes, failure);
    sl_task task = { 0 };
    const char *fault = result == SL_OK ? lines_read(lookup, table, &task, &line) : NULL;
    table->memory = task.memory;
    if (fault)
        result = fail(failure, SL_FAILED, "lookup '%s': %s, line %zu: %s", lookup->name, lookup->path,
                      line - 1, fault);
    if (result != SL_OK)
        table_done(table);
    else if (table->sorted.size)
        sort_pointers((void **)(void *)table->sorted.at, table->sorted.size / sizeof(void *), row_order,
                      NULL);
    return result;
}

const lookup_kind lookup_file = {
    .name = "file",
    .about =
        "a table, CSV with a header or a JSON object a line; file:PATH#NAME says which column is the key",
    .open = file_open,
    .close = file_close,
    .ask = file_ask,
};
