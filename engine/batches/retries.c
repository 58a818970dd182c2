/*
 * batches/retries.c - reads retry.ndjson while it grows. Letters are kept one by one in a list: there are few of them.
 */
#include <base/log.h>
#include <base/memory.h>
#include <batches/retries.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <records/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILL_BYTES = 4 << 20 };

typedef struct retried {
    struct retried *next;
    int64_t from, until; /* bytes of the file */
    bool none;           /* a line that is no letter: it is passed over */
    uint32_t only;       /* see retries_only() */
    sl_message message;
    char *value;
} retried;

typedef struct retries {
    char *path;
    const intake *intake;
    const sl_plan *plan;
    int file; /* -1: nobody has retried anything yet */
    int64_t size, next;
    retried *first, *last;
    buffer chunk;
    source_partition partition;
} retries;

/* The fields of a line. */
typedef struct line_fields {
    char *topic, *stage, *value;
    size_t value_size;
    int64_t partition, offset, time_ms;
    bool damaged;
} line_fields;

static sl_result file_look(retries *self, failure *failure);
static sl_result lines_read(retries *self, bool *more, failure *failure);
static void line_take(retries *self, char *line, size_t size);
static void field_take(void *argument, sl_text name, sl_text value);
static char *base64_read(sl_text text, size_t *size);
static uint32_t node_of(const retries *self, const line_fields *fields, int64_t number);
static void retried_free(retried *letter);

void *retries_open(const char *work_dir, const intake *intake, const sl_plan *plan)
{
    retries *self = memory_new(sizeof *self);
    buffer path = { 0 };
    buffer_print(&path, "%s/" RETRIES_FILE, work_dir);
    buffer_byte(&path, '\0');
    self->path = path.at;
    self->intake = intake;
    self->plan = plan;
    self->file = -1;
    self->partition = (source_partition){ .topic = RETRIES_TOPIC, .offset = -1 };
    return self;
}

static void retries_close(void *opened)
{
    retries *self = opened;
    if (self == NULL)
        return;
    for (retried *at = self->first, *next; at; at = next) {
        next = at->next;
        retried_free(at);
    }
    if (self->file >= 0)
        close(self->file);
    buffer_done(&self->chunk);
    free(self->path);
    free(self);
}

static size_t retries_partitions(void *opened, source_partition **partitions)
{
    *partitions = &((retries *)opened)->partition;
    return 1;
}

static sl_result retries_start(void *opened, source_partition *partitions, size_t count, failure *failure)
{
    retries *self = opened;
    sl_expect(count == 1);
    if (partitions[0].offset < 0)
        partitions[0].offset = 0;
    self->next = partitions[0].offset;
    return file_look(self, failure);
}

static sl_result retries_look(void *opened, const source_wish *wish, source_view *view, failure *failure)
{
    retries *self = opened;
    int64_t records = 0;
    SL_TRY(file_look(self, failure));
    bool more = true;
    const retried *at = self->first;
    *view = (source_view){ .until = wish->from };
    while (records < wish->records_max && view->bytes < wish->bytes_max) {
        if (at == NULL && more) {
            retried *before = self->last;
            SL_TRY(lines_read(self, &more, failure));
            at = before ? before->next : self->first;
            continue;
        }
        if (at == NULL)
            break;
        if (at->from >= wish->from) {
            view->until = at->until;
            view->bytes += (size_t)(at->until - at->from);
            records++;
        }
        at = at->next;
    }
    view->end = view->goal = self->size;
    view->finished = at == NULL && !more;
    return SL_OK;
}

/* A block is a run of one partition, offsets growing, that goes on at one node: the shape in which chunks expect messages. */
static void retries_take(void *opened, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    const retries *self = opened;
    const retried *before = NULL;
    source_block run = { 0 };
    (void)i;
    for (const retried *at = self->first; at && at->until <= until; before = at, at = at->next) {
        bool ours = at->from >= from && !at->none;
        bool same = ours && run.size && before->only == at->only &&
                    before->message.origin.partition == at->message.origin.partition &&
                    before->message.origin.offset < at->message.origin.offset;
        if (run.size && !same) {
            buffer_append(blocks, &run, sizeof run);
            run.size = 0;
        }
        if (ours && run.size == 0) {
            run.partition = at->message.origin.partition;
            run.from = at->message.origin.offset;
            run.data = at;
        }
        run.until = at->message.origin.offset + 1;
        run.size += ours;
    }
    if (run.size)
        buffer_append(blocks, &run, sizeof run);
}

static sl_result retries_read(void *opened, const source_block *block, source_reading *reading,
                              source_messages *messages, failure *failure)
{
    (void)opened, (void)failure;
    messages->count = 0;
    for (; messages->count < messages->room && reading->at < block->size; reading->at++) {
        const retried *at = reading->at ? ((const retried *)reading->unpacked)->next : block->data;
        messages->at[messages->count++] = at->message;
        reading->unpacked = at;
    }
    return SL_OK;
}

static void retries_release(void *opened, uint32_t i, int64_t until)
{
    retries *self = opened;
    (void)i;
    while (self->first && self->first->until <= until) {
        retried *gone = self->first;
        self->first = gone->next;
        if (self->first == NULL)
            self->last = NULL;
        retried_free(gone);
    }
}

uint32_t retries_only(const source_block *block)
{
    return ((const retried *)block->data)->only;
}

/* ---- The file ---- */

static sl_result file_look(retries *self, failure *failure)
{
    struct stat status;
    if (self->file < 0)
        self->file = open(self->path, O_RDONLY | O_CLOEXEC);
    if (self->file < 0 && errno != ENOENT)
        return fail(failure, SL_RETRY, "opening %s: %s", self->path, strerror(errno));
    self->size = 0;
    if (self->file >= 0 && fstat(self->file, &status) == 0)
        self->size = status.st_size;
    if (self->size >= self->next)
        return SL_OK;
    return fail(
        failure, SL_DATA_LOSS,
        "%s ends at byte %" PRId64 ", but letters up to byte %" PRId64
        " were retried: it was cut short or removed. Put back a copy, or start anew with sluice reset",
        self->path, self->size, self->next);
}

/* Whole lines, synced: what a batch has taken must be there after a crash. */
static sl_result lines_read(retries *self, bool *more, failure *failure)
{
    *more = false;
    if (self->file < 0 || self->next >= self->size)
        return SL_OK;
    for (size_t want = FILL_BYTES;; want *= 2) {
        self->chunk.size = 0;
        char *at = buffer_reserve(&self->chunk, want);
        ssize_t got = pread(self->file, at, want, self->next);
        if (got < 0 || fdatasync(self->file) != 0)
            return fail(failure, SL_RETRY, "reading %s: %s", self->path, strerror(errno));
        size_t done = 0;
        for (char *end; (end = memchr(at + done, '\n', (size_t)got - done)); done = (size_t)(end + 1 - at))
            line_take(self, at + done, (size_t)(end - at) - done);
        *more = done > 0 && (size_t)got == want;
        if (done || (size_t)got < want)
            return SL_OK;
    }
}

static void line_take(retries *self, char *line, size_t size)
{
    line_fields fields = { .partition = -1, .offset = -1, .time_ms = -1 };
    retried *letter = memory_new(sizeof *letter);
    letter->from = self->next;
    letter->until = self->next = self->next + (int64_t)size + 1;
    line[size] = '\0';
    bool whole = json_fields(line, field_take, &fields) && !fields.damaged && fields.topic;
    int64_t number = whole ? intake_find(self->intake, fields.topic, (int32_t)fields.partition) : -1;
    letter->none = number < 0 || fields.offset < 0;
    if (letter->none && strspn(line, " ") < size)
        log_warn("retries", "%s, byte %" PRId64 ": %s; it stays a dead letter", self->path, letter->from,
                 whole ? "a letter of a topic or partition that this job does not read" : "no dead letter");
    letter->only = letter->none ? 0 : node_of(self, &fields, number);
    letter->value = fields.value;
    letter->message = (sl_message){ .origin = { fields.offset, fields.time_ms, (uint32_t)number },
                                    .value = { fields.value, fields.value_size } };
    *(self->last ? &self->last->next : &self->first) = letter;
    self->last = letter;
    free(fields.topic);
    free(fields.stage);
}

static void retried_free(retried *letter)
{
    free(letter->value);
    free(letter);
}

/* ---- A letter ---- */

static bool is_name(sl_text name, const char *wanted)
{
    return sl_text_equal(name, (sl_text){ wanted, strlen(wanted) });
}

static char *text_keep(char *before, sl_text text)
{
    free(before);
    char *kept = memory_new(text.size + 1);
    memcpy(kept, text.at, text.size);
    return kept;
}

static void field_take(void *argument, sl_text name, sl_text value)
{
    line_fields *fields = argument;
    if (is_name(name, "topic"))
        fields->topic = text_keep(fields->topic, value);
    else if (is_name(name, "stage"))
        fields->stage = text_keep(fields->stage, value);
    else if (is_name(name, "partition"))
        fields->partition = strtoll(value.at, NULL, 10);
    else if (is_name(name, "offset"))
        fields->offset = strtoll(value.at, NULL, 10);
    else if (is_name(name, "timestamp"))
        fields->time_ms = strtoll(value.at, NULL, 10);
    else if (is_name(name, "value")) {
        fields->value = text_keep(fields->value, value);
        fields->value_size = value.size;
    } else if (is_name(name, "value_base64")) {
        free(fields->value);
        fields->value = base64_read(value, &fields->value_size);
        fields->damaged |= fields->value == NULL;
    }
}

static int base64_digit(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* NULL: it is none. */
static char *base64_read(sl_text text, size_t *size)
{
    char *bytes = memory_new(text.size / 4 * 3 + 4);
    unsigned gathered = 0, bits = 0;
    *size = 0;
    while (text.size && text.at[text.size - 1] == '=')
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        int digit = base64_digit(text.at[i]);
        if (digit < 0) {
            free(bytes);
            return NULL;
        }
        gathered = gathered << 6 | (unsigned)digit;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        bytes[(*size)++] = (char)(gathered >> bits & 0xFF);
    }
    return bytes;
}

/* A job that was changed since may have no such node any more: then the record takes the whole way. */
static uint32_t node_of(const retries *self, const line_fields *fields, int64_t number)
{
    const sl_plan *plan = self->plan;
    uint32_t source = plan_source(plan, self->intake->positions[number].input);
    for (uint32_t i = 0; i < plan->count && fields->stage; i++)
        if ((plan->nodes[i].kind == PLAN_STAGE || plan->nodes[i].kind == PLAN_OUTPUT) &&
            strcmp(plan->nodes[i].name, fields->stage) == 0 && plan_is_above(plan, source, i))
            return i + 1;
    return 0;
}

const source_kind retries_kind = {
    .name = "retries",
    .about = "dead letters that come again",
    .close = retries_close,
    .partitions = retries_partitions,
    .start = retries_start,
    .look = retries_look,
    .take = retries_take,
    .read = retries_read,
    .release = retries_release,
};
