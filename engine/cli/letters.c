/*
 * cli/letters.c - reading letters, and handing them back.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <batches/retries.h>
#include <cli/json.h>
#include <cli/letters.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char ending[] = ".dead";

static sl_result topic_read(const char *folder, letters *letters, failure *failure);
static sl_result file_read(const char *path, int64_t batch_ms, letters *letters, failure *failure);
static bool text_take(letters *letters, sl_text text, int64_t batch_ms, sl_text *wrong);
static bool letter_parse(letters *letters, sl_text line, letter *letter);
static void newest_keep(letters *letters);
static int letter_order(const void *left, const void *right);
static int letter_order_by_record(const void *left, const void *right);
static sl_result retried_mark(const place *place, letters *letters, failure *failure);
static sl_result tail_cut(disk_file *file, const char *path, failure *failure);
static void letter_print(const letter *letter, buffer *out);
static sl_result input_read(const char *path, buffer *text, failure *failure);

typedef struct names {
    char **at;
    size_t count;
} names;

static void names_free(names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
}

sl_result letters_read(const place *place, const char *folder, letters *letters, failure *failure)
{
    char dead[PLACE_PATH_ROOM], path[PLACE_PATH_ROOM + 300];
    names topics = { 0 };
    SL_TRY(place_path(place, "dead", dead, failure));
    if (folder == NULL && access(dead, F_OK) != 0)
        return SL_OK;
    folder = folder ? folder : dead;
    SL_TRY(disk_list(folder, "", &topics.at, &topics.count, failure));
    sl_result result = SL_OK;
    for (size_t i = 0; i < topics.count && result == SL_OK; i++) {
        size_t size = strlen(topics.at[i]);
        snprintf(path, sizeof path, "%s/%s", folder, topics.at[i]);
        if (size > sizeof ending - 1 && strcmp(topics.at[i] + size - (sizeof ending - 1), ending) == 0)
            result = topic_read(path, letters, failure);
    }
    names_free(&topics);
    newest_keep(letters);
    return result == SL_OK ? retried_mark(place, letters, failure) : result;
}

sl_result letters_read_lines(const place *place, const char *path, const letters *known, letters *letters,
                             failure *failure)
{
    buffer text = { 0 };
    sl_text wrong = { 0 };
    SL_TRY(input_read(path, &text, failure));
    bool fine = text_take(letters, (sl_text){ text.at, text.size }, 0, &wrong);
    buffer_done(&text);
    if (!fine)
        return fail(failure, SL_USAGE, "%s: this is no dead letter: %.*s", path,
                    wrong.size < 100 ? (int)wrong.size : 100, wrong.at);
    for (size_t i = 0; i < letters->count && known->count; i++) {
        const letter *same =
            bsearch(&letters->at[i], known->at, known->count, sizeof *known->at, letter_order_by_record);
        letters->at[i].batch_ms = same ? same->batch_ms : letters->at[i].batch_ms;
    }
    newest_keep(letters);
    return retried_mark(place, letters, failure);
}

void letters_done(letters *letters)
{
    free(letters->at);
    arena_done(&letters->memory);
    *letters = (struct letters){ 0 };
}

sl_result letters_retry(const place *place, const letter *const *chosen, size_t count, failure *failure)
{
    char path[PLACE_PATH_ROOM];
    disk_file *file = NULL;
    buffer lines = { 0 };
    SL_TRY(place_path(place, RETRIES_FILE, path, failure));
    SL_TRY(disk_open(path, &file, failure));
    for (size_t i = 0; i < count; i++)
        letter_print(chosen[i], &lines);
    sl_result result = tail_cut(file, path, failure);
    int64_t before = disk_size(file);
    if (result == SL_OK)
        result = disk_append(file, lines.at, lines.size, failure);
    if (result == SL_OK)
        result = disk_sync(file, failure);
    struct failure ignored = { 0 };
    if (result != SL_OK)
        disk_cut(file, before, &ignored);
    disk_close(file);
    buffer_done(&lines);
    return result;
}

/* ---- Files ---- */

static sl_result topic_read(const char *folder, letters *letters, failure *failure)
{
    names files = { 0 };
    char path[PLACE_PATH_ROOM + 600];
    SL_TRY(disk_list(folder, "batch-", &files.at, &files.count, failure));
    sl_result result = SL_OK;
    for (size_t i = 0; i < files.count && result == SL_OK; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files.at[i]);
        result = file_read(path, strtoll(files.at[i] + strlen("batch-"), NULL, 10), letters, failure);
    }
    names_free(&files);
    return result;
}

static sl_result file_read(const char *path, int64_t batch_ms, letters *letters, failure *failure)
{
    buffer text = { 0 };
    sl_result result = disk_read(path, &text, failure);
    sl_text wrong;
    if (result == SL_OK && !text_take(letters, (sl_text){ text.at, text.size }, batch_ms, &wrong))
        result = fail(failure, SL_FAILED, "%s holds a line that is no dead letter: %.*s", path,
                      wrong.size < 100 ? (int)wrong.size : 100, wrong.at);
    buffer_done(&text);
    return result;
}

/* False at the first line that is no letter. Blank lines are passed over. */
static bool text_take(letters *letters, sl_text text, int64_t batch_ms, sl_text *wrong)
{
    while (text.size) {
        const char *end = memchr(text.at, '\n', text.size);
        sl_text line = { text.at, end ? (size_t)(end - text.at) : text.size };
        text.size -= line.size + (end != NULL);
        text.at += line.size + (end != NULL);
        letter one = { .batch_ms = batch_ms };
        if (sl_trim(line).size == 0)
            continue;
        *wrong = line = (sl_text){ arena_copy(&letters->memory, line.at, line.size), line.size };
        if (!letter_parse(letters, line, &one))
            return false;
        if (letters->count == letters->room) {
            letters->room = letters->room ? 2 * letters->room : 64;
            letters->at = memory_resize(letters->at, letters->room * sizeof one);
        }
        letters->at[letters->count++] = one;
    }
    return true;
}

static const char *text_keep(letters *letters, json_object *object, const char *name)
{
    json_object *value;
    if (!json_object_object_get_ex(object, name, &value) || value == NULL)
        return "";
    const char *text = json_object_get_string(value);
    return arena_copy(&letters->memory, text, strlen(text) + 1);
}

static bool letter_parse(letters *letters, sl_text line, letter *letter)
{
    json_object *object = json_read(line.at, line.size), *ignored;
    if (object == NULL)
        return false;
    letter->line = line;
    letter->topic = text_keep(letters, object, "topic");
    letter->stage = text_keep(letters, object, "stage");
    letter->reason = text_keep(letters, object, "reason");
    letter->detail = text_keep(letters, object, "detail");
    letter->partition = json_number(object, "partition", -1);
    letter->offset = json_number(object, "offset", -1);
    letter->time_ms = json_number(object, "timestamp", -1);
    letter->batch_ms = json_number(object, "batch_time", letter->batch_ms);
    letter->cut = json_object_object_get_ex(object, "value_cut", &ignored);
    json_object_put(object);
    return letter->topic[0] && letter->partition >= 0 && letter->offset >= 0;
}

/* ---- Order ---- */

static int letter_order_by_record(const void *left, const void *right)
{
    const letter *a = left, *b = right;
    int topics = strcmp(a->topic, b->topic);
    if (topics != 0)
        return topics;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static int letter_order(const void *left, const void *right)
{
    const letter *a = left, *b = right;
    int records = letter_order_by_record(a, b);
    return records ? records : (a->batch_ms > b->batch_ms) - (a->batch_ms < b->batch_ms);
}

static void newest_keep(letters *letters)
{
    size_t kept = 0;
    if (letters->count)
        qsort(letters->at, letters->count, sizeof *letters->at, letter_order);
    for (size_t i = 0; i < letters->count; i++)
        if (i + 1 == letters->count || letter_order_by_record(&letters->at[i], &letters->at[i + 1]) != 0)
            letters->at[kept++] = letters->at[i];
    letters->count = kept;
}

/* ---- Retries ---- */

static sl_result retried_mark(const place *place, letters *letters, failure *failure)
{
    struct letters done = { 0 };
    buffer text = { 0 };
    sl_text wrong;
    char path[PLACE_PATH_ROOM];
    SL_TRY(place_path(place, RETRIES_FILE, path, failure));
    sl_result result = disk_read(path, &text, failure);
    text_take(&done, (sl_text){ text.at, text.size }, 0, &wrong); /* a torn last line counts for nothing */
    newest_keep(&done);
    for (size_t i = 0; i < letters->count && done.count; i++) {
        const letter *last =
            bsearch(&letters->at[i], done.at, done.count, sizeof *done.at, letter_order_by_record);
        letters->at[i].retried = last && last->batch_ms >= letters->at[i].batch_ms;
    }
    letters_done(&done);
    buffer_done(&text);
    return result;
}

/* A line that was not finished: the job has not taken it, and it must not join the next. */
static sl_result tail_cut(disk_file *file, const char *path, failure *failure)
{
    buffer text = { 0 };
    sl_result result = disk_read(path, &text, failure);
    const char *end = result == SL_OK && text.size ? memrchr(text.at, '\n', text.size) : NULL;
    int64_t whole = end ? end + 1 - text.at : 0;
    if (result == SL_OK && whole < (int64_t)text.size)
        result = disk_cut(file, whole, failure);
    buffer_done(&text);
    return result;
}

/* The batch time first, then all that the letter says; what tells of a cut goes: the value is whole now. */
static void letter_print(const letter *letter, buffer *out)
{
    json_object *object = json_read(letter->line.at, letter->line.size), *line = json_object_new_object();
    json_object_object_add(line, "batch_time", json_object_new_int64(letter->batch_ms));
    json_object_object_foreach(object, name, value)
    {
        if (strcmp(name, "batch_time") != 0 && strcmp(name, "value_bytes") != 0 &&
            strcmp(name, "value_cut") != 0)
            json_object_object_add(line, name, json_object_get(value));
    }
    buffer_text(
        out, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    buffer_byte(out, '\n');
    json_object_put(line);
    json_object_put(object);
}

static sl_result input_read(const char *path, buffer *text, failure *failure)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL)
        return fail(failure, SL_USAGE, "opening %s: %s", path, strerror(errno));
    for (size_t got = 1; got;) {
        got = fread(buffer_reserve(text, 1 << 16), 1, 1 << 16, file);
        text->size += got;
    }
    bool broken = ferror(file);
    if (file != stdin)
        fclose(file);
    return broken ? fail(failure, SL_FAILED, "reading %s: %s", path, strerror(errno)) : SL_OK;
}
