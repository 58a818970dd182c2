/*
 * tests/system/shared/recount.c - windows, lists and documents by brute force: each window is counted from its first batch on.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <base/buffer.h>
#include <base/memory.h>
#include <dirent.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <servers/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>
#include <time.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { FIELDS = 10, LETTER_BYTES_MAX = 256 * 1024 };

static const char *const field_names[FIELDS] = {
    "name", "age", "gender", "zip", "Address", "SignDate", "Status", "Level", "Campaign", "LinkedWithApps"
};
enum { AGE = 1, GENDER = 2 };

const recount_windows recount_usual = { 108000000, 0, 60000, 10, 1800000, 1000, 3 };

typedef struct names { /* texts and their numbers */
    char **at;
    size_t count;
} names;

typedef struct customer {
    bool known;
    char *fields[FIELDS];
    int gender; /* its number; -1: none */
} customer;

typedef struct play { /* a good listen */
    const made_listen *listen;
    int customer, track;
} play;

typedef struct batch {
    int64_t id, time_ms, records, written, duplicates, filtered, dead_letters, lookup_missed, bad_age;
    size_t first_play, plays, first_dead, dead; /* in `plays` and `dead` of the recount */
} batch;

typedef struct entry { /* of a list */
    int name;
    int64_t plays;
} entry;

typedef struct top_list {
    entry *at;
    size_t count;
    int64_t changed_ms; /* when it became what it is: the end of that report */
} top_list;

typedef struct file { /* that a batch must have written */
    int64_t time_ms;
    char *text;
} file;

typedef struct files {
    file *at;
    size_t count;
} files;

struct recount {
    trial *trial;
    recount_windows windows;
    redisContext *redis;
    names customer_names, track_names, genders;
    customer *customers; /* by number */
    const made_listen **by_offset[MADE_PARTITIONS_MAX];
    play *plays;
    const made_listen **dead;
    size_t play_count, dead_count;
    batch *batches;
    size_t batch_count;
    files documents, letters, top_files, interest_files;
    top_list *tops; /* by gender, as last written */
    buffer all_documents, all_tops, all_interests;
    int64_t *interest_ms, *interest_plays; /* by customer and track: T when last told, 0 never; plays then */
};

static void batches_read(recount *self);
static void account_assert(const recount *self, const batch *batch);
static void documents_count(recount *self);
static void tops_count(recount *self);
static void interests_count(recount *self);
static void files_assert(const recount *self, const char *folder, const files *expected, bool in_order);
static void redis_assert(recount *self);
static void offsets_assert(const recount *self);

/* ---- Names and customers ----------------------------------------------------------------------------------------- */

static int name_number(names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->at[i], text))
            return (int)i;
    names->at = memory_resize(names->at, (names->count + 1) * sizeof *names->at);
    names->at[names->count] = memory_text(text);
    return (int)names->count++;
}

static void names_free(names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
}

static customer customer_read(recount *self, const char *id)
{
    customer read = { .gender = -1 };
    const char *words[FIELDS + 2] = { "HMGET", id };
    for (size_t i = 0; i < FIELDS; i++)
        words[i + 2] = field_names[i];
    redisReply *reply = redisCommandArgv(self->redis, FIELDS + 2, words, NULL);
    assert_non_null(reply);
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_NIL)
            continue;
        read.known = true;
        read.fields[i] = memory_text(reply->element[i]->str);
    }
    if (read.fields[GENDER])
        read.gender = name_number(&self->genders, read.fields[GENDER]);
    freeReplyObject(reply);
    return read;
}

static int customer_number(recount *self, const char *id)
{
    size_t known = self->customer_names.count;
    int number = name_number(&self->customer_names, id);
    if (self->customer_names.count > known) {
        self->customers =
            memory_resize(self->customers, self->customer_names.count * sizeof *self->customers);
        self->customers[number] = customer_read(self, id);
    }
    return number;
}

static bool is_age(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static void listens_index(recount *self)
{
    const made_listens *all = &self->trial->listens;
    for (int32_t p = 0; p < all->partitions; p++)
        self->by_offset[p] = memory_new(((size_t)all->ends[p] + 1) * sizeof(void *));
    for (size_t i = 0; i < all->count; i++)
        self->by_offset[all->at[i].partition][all->at[i].offset] = &all->at[i];
    self->plays = memory_new((all->count + 1) * sizeof *self->plays);
    self->dead = memory_new((all->count + 1) * sizeof(void *));
}

recount *recount_assert(trial *trial, const recount_windows *windows)
{
    char folder[TRIAL_PATH + 80];
    recount *self = memory_new(sizeof *self);
    self->trial = trial;
    self->windows = *windows;
    self->redis = redisConnect("127.0.0.1", atoi(strrchr(redis_server_url(trial->redis), ':') + 1));
    assert_non_null(self->redis);
    listens_index(self);
    batches_read(self);
    documents_count(self);
    for (size_t i = 0; i < self->batch_count; i++)
        account_assert(self, &self->batches[i]);
    tops_count(self);
    interests_count(self);
    snprintf(folder, sizeof folder, "%s/ba_realtime2", trial->out);
    if (!trial->documents_there)
        files_assert(self, folder, &self->documents, false);
    snprintf(folder, sizeof folder, "%s/dead/%s.dead", trial->work_dir, trial->topic);
    files_assert(self, folder, &self->letters, false);
    snprintf(folder, sizeof folder, "%s/ba_top_tracks", trial->out);
    files_assert(self, folder, &self->top_files, true);
    snprintf(folder, sizeof folder, "%s/ba_interest", trial->out);
    files_assert(self, folder, &self->interest_files, false);
    redis_assert(self);
    offsets_assert(self);
    return self;
}

static void files_free(files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->at[i].text);
    free(files->at);
}

void recount_free(recount *self)
{
    for (size_t i = 0; i < self->customer_names.count; i++)
        for (size_t f = 0; f < FIELDS; f++)
            free(self->customers[i].fields[f]);
    for (size_t i = 0; i < self->genders.count; i++)
        free(self->tops[i].at);
    for (int32_t p = 0; p < self->trial->listens.partitions; p++)
        free(self->by_offset[p]);
    names_free(&self->customer_names), names_free(&self->track_names), names_free(&self->genders);
    files_free(&self->documents), files_free(&self->letters);
    files_free(&self->top_files), files_free(&self->interest_files);
    buffer_done(&self->all_documents), buffer_done(&self->all_tops), buffer_done(&self->all_interests);
    free(self->customers), free(self->plays), free(self->dead), free(self->batches), free(self->tops);
    free(self->interest_ms), free(self->interest_plays);
    redisFree(self->redis);
    free(self);
}

size_t recount_batches(const recount *self)
{
    return self->batch_count;
}

size_t recount_records(const recount *self, size_t batch)
{
    return (size_t)self->batches[batch].records;
}

size_t recount_duplicates(const recount *self)
{
    int64_t duplicates = 0;
    for (size_t i = 0; i < self->batch_count; i++)
        duplicates += self->batches[i].duplicates;
    return (size_t)duplicates;
}

const char *recount_documents(const recount *self)
{
    return self->all_documents.at;
}

const char *recount_top_tracks(const recount *self)
{
    return self->all_tops.at;
}

const char *recount_interests(const recount *self)
{
    return self->all_interests.at;
}

/* ---- Accounts ---------------------------------------------------------------------------------------------------- */

static int64_t number_in(json_object *object, const char *name)
{
    json_object *number;
    assert_true(json_object_object_get_ex(object, name, &number));
    assert_true(json_object_is_type(number, json_type_int));
    return json_object_get_int64(number);
}

static const char *text_in(json_object *object, const char *name)
{
    json_object *text;
    assert_true(json_object_object_get_ex(object, name, &text));
    return json_object_get_string(text);
}

/* One range: it begins where the last one of its partition ended. Its listens go to the batch. */
static int64_t range_read(recount *self, json_object *range, int64_t *done)
{
    const made_listens *all = &self->trial->listens;
    int64_t partition = number_in(range, "partition"), from = number_in(range, "from"),
            until = number_in(range, "until");
    assert_string_equal(text_in(range, "topic"), self->trial->topic);
    assert_in_range((uintmax_t)partition, 0, (uintmax_t)(all->partitions - 1));
    assert_int_equal(from, done[partition]);
    assert_true(from < until && until <= all->ends[partition]);
    assert_true(number_in(range, "end") >= until);
    assert_int_equal(number_in(range, "lag"), number_in(range, "end") - until);
    done[partition] = until;
    for (int64_t offset = from; offset < until; offset++) {
        const made_listen *listen = self->by_offset[partition][offset];
        if (listen->reason)
            self->dead[self->dead_count++] = listen;
        else
            self->plays[self->play_count++] = (play){ listen, customer_number(self, listen->customer),
                                                      name_number(&self->track_names, listen->track) };
    }
    return until - from;
}

static void batch_read(recount *self, json_object *account, int64_t *done)
{
    json_object *ranges;
    batch *batch = &self->batches[self->batch_count++];
    int64_t interval_ms = number_in(account, "interval_ms"), records = 0;
    *batch =
        (struct batch){ .id = number_in(account, "batch_id"), .time_ms = number_in(account, "batch_time") };
    batch->records = number_in(account, "records");
    batch->written = number_in(account, "written");
    batch->duplicates = number_in(account, "duplicates");
    batch->filtered = number_in(account, "filtered");
    batch->dead_letters = number_in(account, "dead_letters");
    batch->lookup_missed = number_in(account, "lookup_missed");
    batch->bad_age = number_in(account, "bad_age");
    batch->first_play = self->play_count, batch->first_dead = self->dead_count;
    assert_true(json_object_object_get_ex(account, "ranges", &ranges));
    for (size_t i = 0; i < json_object_array_length(ranges); i++)
        records += range_read(self, json_object_array_get_idx(ranges, i), done);
    batch->plays = self->play_count - batch->first_play;
    batch->dead = self->dead_count - batch->first_dead;
    assert_int_equal(batch->records, records);
    assert_string_equal(text_in(account, "job"), "listens");
    assert_string_equal(text_in(account, "state"), "completed");
    assert_null(text_in(account, "error"));
    assert_int_equal(batch->time_ms % interval_ms, 0);
    assert_true(self->batch_count == 1 || batch[-1].time_ms < batch->time_ms);
    /* Batches without input are not journaled: cut and not begun before a kill, they never were. */
    int64_t last_id = self->batch_count == 1 ? self->trial->batches_before : batch[-1].id;
    json_object *catch_up;
    assert_true(json_object_object_get_ex(account, "catch_up", &catch_up));
    assert_true(batch->id == last_id + 1 || (batch->id > last_id && json_object_get_boolean(catch_up)));
}

/* Every offset of every partition in one batch, and no batch without its account. */
static void batches_read(recount *self)
{
    const made_listens *all = &self->trial->listens;
    int64_t done[MADE_PARTITIONS_MAX] = { 0 };
    const char *const words[] = { build_path("sluice"),  "batches", "listens", "--work-dir",
                                  self->trial->work_dir, "--json",  NULL };
    char *lines = trial_output(words), *rest = lines, *line;
    size_t count = 0;
    for (const char *at = lines; (at = strchr(at, '\n')); at++)
        count++;
    self->batches = memory_new((count + 1) * sizeof *self->batches);
    while ((line = strsep(&rest, "\n")) && *line) {
        json_object *account = json_tokener_parse(line);
        assert_non_null(account);
        batch_read(self, account, done);
        json_object_put(account);
    }
    free(lines);
    for (int32_t p = 0; p < all->partitions; p++)
        assert_int_equal(done[p], all->ends[p]);
}

static void account_assert(const recount *self, const batch *batch)
{
    int64_t missed = 0, bad_age = 0;
    for (size_t i = batch->first_play; i < batch->first_play + batch->plays; i++) {
        const customer *customer = &self->customers[self->plays[i].customer];
        missed += !customer->known;
        bad_age += customer->fields[AGE] && !is_age(customer->fields[AGE]);
    }
    assert_int_equal(batch->dead_letters, batch->dead);
    assert_int_equal(batch->filtered, 0);
    assert_int_equal(batch->written + batch->duplicates, batch->plays);
    assert_true(self->trial->documents_there || batch->duplicates == 0);
    assert_int_equal(batch->lookup_missed, missed);
    assert_int_equal(batch->bad_age, bad_age);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_text_print(buffer *out, const char *text, size_t size)
{
    buffer_byte(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        const char *letters = "\"\\\b\f\n\r\t", *letter = byte ? strchr(letters, byte) : NULL;
        if (letter)
            buffer_print(out, "\\%c", "\"\\bfnrt"[letter - letters]);
        else if (byte < 0x20)
            buffer_print(out, "\\u%04x", byte);
        else
            buffer_byte(out, (char)byte);
    }
    buffer_byte(out, '"');
}

static void json_field(buffer *out, const char *name, const char *text)
{
    buffer_print(out, ",\"%s\":", name);
    json_text_print(out, text, strlen(text));
}

static void json_time(buffer *out, const char *name, int64_t ms)
{
    char text[40];
    struct tm parts;
    time_t seconds = ms / 1000;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_print(out, ",\"%s\":\"%s.%03dZ\"", name, text, (int)(ms % 1000));
}

/* A part of an id, in which "-" parts them. */
static void id_part(buffer *out, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x21 || *text == '-' || *text == '%')
            buffer_print(out, "%%%02X", (unsigned char)*text);
        else if (*text == '"' || *text == '\\')
            buffer_print(out, "\\%c", *text);
        else
            buffer_byte(out, *text);
    }
}

static void base64_print(buffer *out, const char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t value = 0;
        for (size_t k = 0; k < 3; k++)
            value = value << 8 | (i + k < size ? (unsigned char)bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buffer_byte(out, k <= size - i ? digits[value >> (18 - 6 * k) & 63] : '=');
    }
}

static void file_add(files *files, int64_t time_ms, buffer *text)
{
    buffer_byte(text, '\0');
    files->at = memory_resize(files->at, (files->count + 1) * sizeof *files->at);
    files->at[files->count++] = (file){ time_ms, text->at };
    *text = (buffer){ 0 };
}

/* ---- Documents and dead letters ---------------------------------------------------------------------------------- */

static void document_print(const recount *self, const play *play, buffer *out)
{
    const made_listen *listen = play->listen;
    const customer *customer = &self->customers[play->customer];
    buffer_print(out, "{\"_id\":\"%s-%d-%lld\"", self->trial->topic, listen->partition,
                 (long long)listen->offset);
    json_time(out, "@timestamp", listen->time_ms);
    buffer_print(out, ",\"event_id\":%lld", (long long)listen->event_id);
    json_field(out, "customer_id", listen->customer);
    json_field(out, "track_id", listen->track);
    json_field(out, "datetime", listen->datetime);
    buffer_print(out, ",\"ismobile\":%d", listen->mobile);
    json_field(out, "listening_zip_code", listen->zip);
    for (int f = 0; f < FIELDS; f++) {
        if (customer->fields[f] == NULL)
            continue;
        if (f != AGE)
            json_field(out, field_names[f], customer->fields[f]);
        else if (is_age(customer->fields[f]))
            buffer_print(out, ",\"age\":%d", atoi(customer->fields[f]));
    }
    buffer_text(out, "}\n");
}

static bool is_utf8(const made_listen *listen)
{
    /* The malformed ones that are no UTF-8, and the long one that is not. */
    return strcmp(listen->reason, "not_utf8") != 0 && listen->value[0] != '\xff';
}

static void letter_print(const recount *self, const made_listen *listen, buffer *out)
{
    size_t size = listen->value ? strlen(listen->value) : 0, kept = size;
    buffer_print(out, "{\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld", self->trial->topic,
                 listen->partition, (long long)listen->offset);
    buffer_print(out, ",\"timestamp\":%lld,\"job\":\"listens\",\"stage\":\"parse_play\"",
                 (long long)listen->time_ms);
    buffer_print(out, ",\"reason\":\"%s\",\"detail\":\"%s\"", listen->reason, listen->detail);
    if (size > LETTER_BYTES_MAX)
        kept = LETTER_BYTES_MAX;
    if (listen->value && is_utf8(listen)) {
        buffer_text(out, ",\"value\":");
        json_text_print(out, listen->value, kept);
    } else if (listen->value) {
        buffer_text(out, ",\"value_base64\":\"");
        base64_print(out, listen->value, kept);
        buffer_byte(out, '"');
    }
    if (kept < size)
        buffer_print(out, ",\"value_bytes\":%zu,\"value_cut\":true", size);
    buffer_text(out, "}\n");
}

static void documents_count(recount *self)
{
    for (size_t b = 0; b < self->batch_count; b++) {
        const batch *batch = &self->batches[b];
        buffer documents = { 0 }, letters = { 0 };
        for (size_t i = 0; i < batch->plays; i++)
            document_print(self, &self->plays[batch->first_play + i], &documents);
        for (size_t i = 0; i < batch->dead; i++)
            letter_print(self, self->dead[batch->first_dead + i], &letters);
        buffer_append(&self->all_documents, documents.at, documents.size);
        if (batch->plays)
            file_add(&self->documents, batch->time_ms, &documents);
        if (batch->dead)
            file_add(&self->letters, batch->time_ms, &letters);
    }
    buffer_byte(&self->all_documents, '\0');
}

/* ---- Top tracks -------------------------------------------------------------------------------------------------- */

/* The first batch time that a window which ends at `end` no longer holds. */
static int64_t window_start(int64_t end, int64_t length, int64_t pane)
{
    int64_t panes = end / pane + (end % pane ? 1 : 0);
    return (panes - length / pane) * pane;
}

static char **sorting_names;

static int entry_order(const void *a, const void *b)
{
    const entry *left = a, *right = b;
    if (left->plays != right->plays)
        return left->plays > right->plays ? -1 : 1;
    return strcmp(sorting_names[left->name], sorting_names[right->name]);
}

/* The list of a gender at `end`, from `seen` batches on back to the window's start. */
static top_list top_list_count(const recount *self, int gender, size_t seen, int64_t end)
{
    int64_t start = window_start(end, self->windows.top_length, self->windows.top_pane);
    size_t tracks = self->track_names.count;
    entry *all = memory_new((tracks + 1) * sizeof *all);
    for (size_t t = 0; t < tracks; t++)
        all[t].name = (int)t;
    for (size_t b = 0; b < seen; b++) {
        const batch *batch = &self->batches[b];
        if (batch->time_ms <= start || batch->time_ms > end)
            continue;
        for (size_t i = batch->first_play; i < batch->first_play + batch->plays; i++)
            if (self->customers[self->plays[i].customer].gender == gender)
                all[self->plays[i].track].plays++;
    }
    sorting_names = self->track_names.at;
    qsort(all, tracks, sizeof *all, entry_order);
    size_t count = 0;
    while (count < tracks && count < (size_t)self->windows.top_count && all[count].plays)
        count++;
    return (top_list){ all, count, end };
}

static bool top_list_same(const top_list *a, const top_list *b)
{
    return a->count == b->count && (a->count == 0 || memcmp(a->at, b->at, a->count * sizeof *a->at) == 0);
}

static void top_list_print(const recount *self, size_t gender, const top_list *list, int64_t end, buffer *out)
{
    for (size_t i = 0; i < list->count; i++) {
        buffer_text(out, "{\"_id\":\"");
        id_part(out, self->genders.at[gender]);
        buffer_print(out, "-%zu\"", i + 1);
        json_time(out, "@timestamp", end);
        json_field(out, "gender", self->genders.at[gender]);
        buffer_print(out, ",\"rank\":%zu", i + 1);
        json_field(out, "track_id", self->track_names.at[list->at[i].name]);
        buffer_print(out, ",\"plays\":%lld", (long long)list->at[i].plays);
        json_time(out, "window_start", window_start(end, self->windows.top_length, self->windows.top_pane));
        json_time(out, "window_end", end);
        buffer_text(out, "}\n");
    }
}

/* The last report of a batch, if it has one. */
static bool report_end(const recount *self, size_t b, int64_t *end)
{
    int64_t slide = self->windows.top_slide, time_ms = self->batches[b].time_ms;
    *end = time_ms;
    if (slide == 0)
        return true;
    int64_t before = b ? self->batches[b - 1].time_ms : time_ms - 1;
    *end = time_ms / slide * slide;
    return *end > before;
}

static int *genders_sorted(const recount *self)
{
    size_t count = self->genders.count;
    int *order = memory_new((count + 1) * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at && strcmp(self->genders.at[i], self->genders.at[order[at - 1]]) < 0; at--)
            order[at] = order[at - 1];
        order[at] = (int)i;
    }
    return order;
}

static void tops_count(recount *self)
{
    size_t genders = self->genders.count;
    int *order = genders_sorted(self);
    self->tops = memory_new((genders + 1) * sizeof *self->tops);
    for (size_t b = 0; b < self->batch_count; b++) {
        int64_t end;
        bool differs = false;
        if (!report_end(self, b, &end))
            continue;
        for (size_t g = 0; g < genders; g++) {
            top_list list = top_list_count(self, (int)g, b + 1, end);
            bool same = top_list_same(&list, &self->tops[g]);
            differs |= !same;
            free(same ? list.at : self->tops[g].at);
            if (!same)
                self->tops[g] = list;
        }
        buffer text = { 0 };
        for (size_t i = 0; differs && i < genders; i++)
            top_list_print(self, (size_t)order[i], &self->tops[order[i]], end, &text);
        if (differs)
            file_add(&self->top_files, self->batches[b].time_ms, &text);
    }
    for (size_t g = 0; g < genders; g++)
        top_list_print(self, g, &self->tops[g], self->tops[g].changed_ms, &self->all_tops);
    buffer_byte(&self->all_tops, '\0');
    free(order);
}

/* ---- Interests --------------------------------------------------------------------------------------------------- */

static int64_t pair_plays(const recount *self, size_t b, int customer, int track)
{
    int64_t end = self->batches[b].time_ms, plays = 0;
    int64_t start = window_start(end, self->windows.interest_length, self->windows.interest_pane);
    for (size_t w = b + 1; w-- > 0 && self->batches[w].time_ms > start;)
        for (size_t i = 0; i < self->batches[w].plays; i++) {
            const play *play = &self->plays[self->batches[w].first_play + i];
            plays += play->customer == customer && play->track == track;
        }
    return plays;
}

static void interest_print(const recount *self, size_t pair, buffer *out)
{
    const char *customer = self->customer_names.at[pair / self->track_names.count];
    const char *track = self->track_names.at[pair % self->track_names.count];
    buffer_text(out, "{\"_id\":\"");
    id_part(out, customer);
    buffer_byte(out, '-');
    id_part(out, track);
    buffer_byte(out, '"');
    json_time(out, "@timestamp", self->interest_ms[pair]);
    json_field(out, "customer_id", customer);
    json_field(out, "track_id", track);
    buffer_print(out, ",\"plays\":%lld}\n", (long long)self->interest_plays[pair]);
}

static void interests_count(recount *self)
{
    size_t tracks = self->track_names.count, pairs = self->customer_names.count * tracks;
    int64_t *asked = memory_new((pairs + 1) * sizeof *asked);
    self->interest_ms = memory_new((pairs + 1) * sizeof *self->interest_ms);
    self->interest_plays = memory_new((pairs + 1) * sizeof *self->interest_plays);
    for (size_t b = 0; b < self->batch_count; b++) {
        const batch *batch = &self->batches[b];
        buffer text = { 0 };
        for (size_t i = batch->first_play; i < batch->first_play + batch->plays; i++) {
            const play *play = &self->plays[i];
            size_t pair = (size_t)play->customer * tracks + (size_t)play->track;
            int64_t plays = asked[pair] == batch->id ? 0 : pair_plays(self, b, play->customer, play->track);
            asked[pair] = batch->id;
            if (plays < self->windows.interest_plays)
                continue;
            self->interest_ms[pair] = batch->time_ms;
            self->interest_plays[pair] = plays;
            interest_print(self, pair, &text);
        }
        if (text.size)
            file_add(&self->interest_files, batch->time_ms, &text);
    }
    for (size_t pair = 0; pair < pairs; pair++)
        if (self->interest_ms[pair])
            interest_print(self, pair, &self->all_interests);
    buffer_byte(&self->all_interests, '\0');
    free(asked);
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static int line_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines of a text in order; the text is cut. NULL at the end. */
static char **lines_sorted(char *text)
{
    size_t count = 0, lines = 1;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    char **sorted = memory_new((lines + 1) * sizeof *sorted), *line;
    for (char *rest = text; (line = strsep(&rest, "\n")) && rest;)
        sorted[count++] = line;
    qsort(sorted, count, sizeof *sorted, line_order);
    return sorted;
}

static void lines_assert(char *expected, char *found, const char *path)
{
    char *wanted, *there;
    do {
        wanted = strsep(&expected, "\n"), there = strsep(&found, "\n");
        if (wanted == NULL || there == NULL || strcmp(wanted, there) != 0)
            fail_msg("%s has\n%.2000s\ninstead of\n%.2000s", path, there ? there : "an end",
                     wanted ? wanted : "an end");
    } while (expected || found);
}

/* Both texts are cut into lines. */
static void text_assert(char *expected, char *found, bool in_order, const char *path)
{
    if (!strcmp(expected, found))
        return;
    if (in_order) {
        lines_assert(expected, found, path);
        return;
    }
    char **wanted = lines_sorted(expected), **there = lines_sorted(found);
    size_t i = 0;
    while (wanted[i] && there[i] && !strcmp(wanted[i], there[i]))
        i++;
    if (wanted[i] || there[i])
        fail_msg("%s has\n%.2000s\ninstead of\n%.2000s", path, there[i] ? there[i] : "no such line",
                 wanted[i] ? wanted[i] : "no such line");
    free(wanted);
    free(there);
}

static char *file_read(const char *path)
{
    buffer text = { 0 };
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is not there", path);
    for (size_t size; (size = fread(buffer_reserve(&text, 65536), 1, 65536, file)) > 0;)
        text.size += size;
    fclose(file);
    buffer_byte(&text, '\0');
    return text.at;
}

static size_t folder_count(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            count++;
    if (folder)
        closedir(folder);
    return count;
}

/* Each file has the lines that it must have, and there are no others. */
static void files_assert(const recount *self, const char *folder, const files *expected, bool in_order)
{
    char path[TRIAL_PATH + 120];
    (void)self;
    for (size_t i = 0; i < expected->count; i++) {
        snprintf(path, sizeof path, "%s/batch-%" PRId64 ".ndjson", folder, expected->at[i].time_ms);
        char *found = file_read(path);
        text_assert(expected->at[i].text, found, in_order, path);
        free(found);
    }
    if (folder_count(folder) != expected->count)
        fail_msg("%s has %zu files instead of %zu", folder, folder_count(folder), expected->count);
}

/* A sorted set as lines "MEMBER SCORE", in order. */
static char *set_read(recount *self, const char *key)
{
    buffer text = { 0 };
    redisReply *reply = redisCommand(self->redis, "ZRANGE %s 0 -1 WITHSCORES", key);
    assert_non_null(reply);
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        buffer_print(&text, "%s %s\n", reply->element[i]->str, reply->element[i + 1]->str);
    freeReplyObject(reply);
    buffer_byte(&text, '\0');
    return text.at;
}

static void set_assert(recount *self, const char *key, buffer *expected)
{
    buffer_byte(expected, '\0');
    char *found = set_read(self, key);
    text_assert(expected->at, found, false, key);
    free(found);
    buffer_done(expected);
}

static size_t keys_count(recount *self, const char *pattern)
{
    redisReply *reply = redisCommand(self->redis, "KEYS %s", pattern);
    assert_non_null(reply);
    size_t count = reply->elements;
    freeReplyObject(reply);
    return count;
}

static void redis_assert(recount *self)
{
    char key[200];
    size_t lists = 0, sets = 0, tracks = self->track_names.count;
    for (size_t g = 0; g < self->genders.count; g++) {
        buffer expected = { 0 };
        for (size_t i = 0; i < self->tops[g].count; i++)
            buffer_print(&expected, "%s %lld\n", self->track_names.at[self->tops[g].at[i].name],
                         (long long)self->tops[g].at[i].plays);
        lists += self->tops[g].count > 0;
        snprintf(key, sizeof key, "top_tracks:%s", self->genders.at[g]);
        set_assert(self, key, &expected);
    }
    for (size_t c = 0; c < self->customer_names.count; c++) {
        buffer expected = { 0 };
        for (size_t t = 0; t < tracks; t++)
            if (self->interest_ms[c * tracks + t])
                buffer_print(&expected, "%s %lld\n", self->track_names.at[t],
                             (long long)self->interest_ms[c * tracks + t]);
        sets += expected.size > 0;
        snprintf(key, sizeof key, "interest:%s", self->customer_names.at[c]);
        set_assert(self, key, &expected);
    }
    assert_int_equal(keys_count(self, "top_tracks:*"), lists);
    assert_int_equal(keys_count(self, "interest:*"), sets);
}

static void offsets_assert(const recount *self)
{
    const made_listens *all = &self->trial->listens;
    for (int32_t p = 0; p < all->partitions; p++)
        if (all->ends[p])
            assert_int_equal(topic_committed(self->trial->servers, "sluice-listens", self->trial->topic, p),
                             all->ends[p]);
}

/* ---- Indices ----------------------------------------------------------------------------------------------------- */

static int64_t ms_of(const char *text)
{
    struct tm parts = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    assert_non_null(rest);
    return (int64_t)timegm(&parts) * 1000 + atoi(rest + 1);
}

static void hit_assert(json_object *expected, json_object *hit, bool versions)
{
    json_object *document, *source;
    const char *id = text_in(hit, "_id");
    assert_true(json_object_object_get_ex(hit, "_source", &source));
    if (!json_object_object_get_ex(expected, id, &document))
        fail_msg("%s is there, and ought not to be", id);
    if (!json_object_equal(document, source))
        fail_msg("%s is\n%s\ninstead of\n%s", id, json_object_to_json_string(source),
                 json_object_to_json_string(document));
    if (versions)
        assert_int_equal(number_in(hit, "_version"), ms_of(text_in(document, "@timestamp")));
}

/* Each line's object, without its "_id", under its "_id". */
static json_object *documents_by_id(const char *lines)
{
    json_object *all = json_object_new_object();
    char *copy = memory_text(lines), *rest = copy, *line;
    while ((line = strsep(&rest, "\n")) && *line) {
        json_object *document = json_tokener_parse(line);
        assert_non_null(document);
        char *id = memory_text(text_in(document, "_id"));
        json_object_object_del(document, "_id");
        json_object_object_add(all, id, document);
        free(id);
    }
    free(copy);
    return all;
}

void recount_assert_index(search_server *server, const char *index, const char *documents, bool versions)
{
    char path[200];
    json_object *expected = documents_by_id(documents), *hits;
    assert_int_equal(search_server_documents(server, index), json_object_object_length(expected));
    snprintf(path, sizeof path, "/%s/_settings", index); /* 10,000 is the most that it gives unless told */
    search_server_ask(server, "PUT", path, "{\"index\":{\"max_result_window\":1000000}}");
    snprintf(path, sizeof path, "/%s/_search?size=%d&version=true", index,
             json_object_object_length(expected) + 1);
    json_object *answer = json_tokener_parse(search_server_ask(server, "GET", path, NULL));
    assert_true(json_object_object_get_ex(answer, "hits", &hits));
    assert_true(json_object_object_get_ex(hits, "hits", &hits));
    assert_int_equal(json_object_array_length(hits), json_object_object_length(expected));
    for (size_t i = 0; i < json_object_array_length(hits); i++)
        hit_assert(expected, json_object_array_get_idx(hits, i), versions);
    json_object_put(answer);
    json_object_put(expected);
}
