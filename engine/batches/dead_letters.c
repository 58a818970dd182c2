/*
 * batches/dead_letters.c - rejects as rows of a record of their own, through outputs like all others.
 */
#include <base/memory.h>
#include <base/sort.h>
#include <batches/dead_letters.h>
#include <inttypes.h>
#include <records/linked.h>
#include <records/utf8.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_BYTES_MAX = 256 * 1024 };

/* What only a value that was cut has; its JSON is made by hand, see note_cut(). */
#define CUT_FIELDS(F)                                                                                        \
    F(i64, value_bytes)                                                                                      \
    F(flag, value_cut)
SL_RECORD(cut, CUT_FIELDS);

#define DEAD_LETTER_FIELDS(F)                                                                                \
    F(origin, origin)                                                                                        \
    F(text, topic)                                                                                           \
    F(i64, partition)                                                                                        \
    F(i64, offset)                                                                                           \
    F(i64, timestamp)                                                                                        \
    F(text, job)                                                                                             \
    F(text, stage)                                                                                           \
    F(text, reason)                                                                                          \
    F(text, detail)                                                                                          \
    F(text, value)                                                                                           \
    F(text, value_base64)                                                                                    \
    F(link(cut), cut)
SL_RECORD(dead_letter, DEAD_LETTER_FIELDS);

typedef struct topic {
    char *index;    /* "realtime.dead" */
    plan_node node; /* an output node that stands in no plan */
    output *output;
} topic;

struct dead_letters {
    const output_places *places; /* of all topics */
    const settings *settings;
    const sl_clock *clock;
    topic **topics;
    size_t count;
    buffer of_partition; /* of size_t: which topic, by the engine's number of a partition, as far as known */
    const origins *origins;
    const char *job;
    batch_frame batch; /* at work */
    buffer order;      /* of reject * */
};

/* A file as input has a path for a topic: its last part names the folder. */
static char *index_of(const char *name)
{
    const char *last = strrchr(name, '/');
    buffer index = { 0 };
    buffer_print(&index, "%s.dead", last ? last + 1 : name);
    buffer_byte(&index, '\0');
    return index.at;
}

static size_t topic_of(dead_letters *self, const char *name)
{
    char *index = index_of(name);
    size_t i = 0;
    while (i < self->count && strcmp(self->topics[i]->index, index) != 0)
        i++;
    if (i < self->count) {
        free(index);
        return i;
    }
    self->topics = memory_resize(self->topics, (self->count + 1) * sizeof(topic *));
    self->topics[self->count] = memory_new(sizeof(topic));
    self->topics[self->count]->index = index;
    return self->count++;
}

/* Of partitions below `count`. */
static void topics_find(dead_letters *self, size_t count)
{
    for (size_t i = self->of_partition.size / sizeof i; i < count; i++) {
        const origin_name *name = &self->origins->at[i];
        size_t number = name->aside ? SIZE_MAX : topic_of(self, name->topic);
        buffer_append(&self->of_partition, &number, sizeof number);
    }
}

static sl_result topic_open(dead_letters *self, topic *topic, failure *failure)
{
    sl_output drawn = { .name = "dead_letters", .index = topic->index, .id = SL_FIELDS(dead_letter, origin) };
    topic->node = (plan_node){
        .kind = PLAN_OUTPUT, .name = "dead_letters", .schema = dead_letter_schema(), .as.output = drawn
    };
    operator_spec spec = {
        .node = &topic->node,
        .workers = 1,
        .settings = self->settings,
        .clock = self->clock,
        .place = self->places,
    };
    void *opened = NULL;
    sl_result result = operator_output.open(&spec, &opened, failure);
    topic->output = opened;
    return result;
}

/* Partitions are added while the job runs, even topics: a file that appears is one. NULL: it could not be opened now. */
static output *output_of(dead_letters *self, uint32_t partition, failure *failure)
{
    topics_find(self, (size_t)partition + 1);
    topic *topic = self->topics[((const size_t *)(const void *)self->of_partition.at)[partition]];
    if (topic->output == NULL && topic_open(self, topic, failure) == SL_OK)
        operator_output.begin(topic->output, &self->batch, failure);
    return failure->result == SL_OK ? topic->output : NULL;
}

sl_result dead_letters_open(const output_places *places, const settings *settings, const sl_clock *clock,
                            dead_letters **opened, failure *failure)
{
    dead_letters *self = memory_new(sizeof *self);
    self->origins = places->origins;
    self->job = places->job;
    self->places = places;
    self->settings = settings;
    self->clock = clock;
    topics_find(self, places->origins->count);
    for (size_t i = 0; i < self->count; i++) {
        sl_result result = topic_open(self, self->topics[i], failure);
        if (result != SL_OK) {
            dead_letters_close(self);
            return result;
        }
    }
    *opened = self;
    return SL_OK;
}

void dead_letters_close(dead_letters *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++) {
        if (self->topics[i]->output)
            operator_output.close(self->topics[i]->output);
        free(self->topics[i]->index);
        free(self->topics[i]);
    }
    free(self->topics);
    buffer_done(&self->of_partition);
    buffer_done(&self->order);
    free(self);
}

sl_result dead_letters_begin(dead_letters *self, const batch_frame *batch, failure *failure)
{
    self->batch = *batch;
    for (size_t i = 0; i < self->count; i++)
        if (self->topics[i]->output)
            SL_TRY(operator_output.begin(self->topics[i]->output, batch, failure));
    return SL_OK;
}

static sl_text text_of(const char *text)
{
    return text ? (sl_text){ text, strlen(text) } : (sl_text){ 0 };
}

static sl_text base64_of(sl_text bytes, arena *memory)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = arena_take(memory, bytes.size / 3 * 4 + 5), *to = text;
    for (size_t i = 0; i < bytes.size; i += 3) {
        unsigned char three[3] = { 0, 0, 0 };
        size_t some = bytes.size - i < 3 ? bytes.size - i : 3;
        memcpy(three, bytes.at + i, some);
        unsigned value = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = digits[value >> shift & 63];
        if (some < 3)
            memset(to - (3 - some), '=', 3 - some);
    }
    return (sl_text){ text, (size_t)(to - text) };
}

static const cut *note_cut(size_t value_bytes, arena *memory)
{
    linked_head *head = arena_take(memory, sizeof *head + sizeof(cut));
    cut *row = (cut *)(void *)(head + 1);
    char *json = arena_take(memory, 64);
    int size = snprintf(json, 64, ",\"value_bytes\":%zu,\"value_cut\":true", value_bytes);
    *head = (linked_head){ .json = { json, (size_t)size } };
    *row = (cut){ (int64_t)value_bytes, true };
    return row;
}

/* Where a long value is cut, no character is cut in two. */
static sl_text value_fit(sl_text value)
{
    size_t size = VALUE_BYTES_MAX;
    while (size > VALUE_BYTES_MAX - 4 && (value.at[size] & 0xC0) == 0x80)
        size--;
    return (sl_text){ value.at, size };
}

static void value_fill(dead_letter *row, sl_text value, arena *memory)
{
    bool is_text = utf8_is_valid(value);
    if (value.at == NULL)
        return;
    if (value.size > VALUE_BYTES_MAX) {
        row->cut = note_cut(value.size, memory);
        value = value_fit(value);
    }
    if (is_text)
        row->value = value;
    else
        row->value_base64 = base64_of(value, memory);
}

static int reject_order(const void *a, const void *b, const void *unused)
{
    (void)unused;
    return origin_compare(&((const reject *)a)->origin, &((const reject *)b)->origin);
}

static void letter_write(dead_letters *self, sl_task *task, const reject *rejected)
{
    const origin_name *name = &self->origins->at[rejected->origin.partition];
    dead_letter row = {
        .origin = rejected->origin,
        .topic = text_of(name->name),
        .partition = name->partition,
        .offset = rejected->origin.offset,
        .timestamp = rejected->origin.time_ms,
        .job = text_of(self->job),
        .stage = text_of(rejected->stage),
        .reason = text_of(rejected->reason),
        .detail = text_of(rejected->detail),
    };
    value_fill(&row, rejected->value, &task->memory);
    sl_rows rows = { .at = &row, .count = 1 }, none = { 0 };
    output *output = output_of(self, rejected->origin.partition, &task->failure);
    if (output)
        operator_output.rows(output, task, &rows, &none);
}

sl_result dead_letters_write(dead_letters *self, sl_task *task, reject *rejects, size_t count,
                             failure *failure)
{
    self->order.size = 0;
    for (size_t i = 0; i < count; i++) {
        reject *one = &rejects[i];
        buffer_append(&self->order, &one, sizeof one);
    }
    sort_pointers((void **)(void *)self->order.at, count, reject_order, NULL);
    const reject *const *sorted = (const reject *const *)(const void *)self->order.at;
    for (size_t i = 0; i < count && task->failure.result == SL_OK; i++) {
        task->sequence = i;
        letter_write(self, task, sorted[i]);
    }
    for (size_t i = 0; i < self->count && task->failure.result == SL_OK; i++)
        if (self->topics[i]->output)
            output_flush(self->topics[i]->output, task);
    failure->place = task->failure.place;
    if (task->failure.result != SL_OK)
        return fail(failure, task->failure.result, "dead letters: %s", task->failure.text);
    return SL_OK;
}

sl_result dead_letters_commit(dead_letters *self, failure *failure)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->topics[i]->output)
            SL_TRY(output_commit(self->topics[i]->output, failure));
    return SL_OK;
}

const char *dead_letters_wrote(dead_letters *self, buffer *out)
{
    out->size = 0;
    for (size_t i = 0; i < self->count; i++) {
        const char *wrote = self->topics[i]->output ? output_wrote(self->topics[i]->output, 0) : NULL;
        buffer_text(out, wrote ? wrote : "");
    }
    buffer_byte(out, '\0');
    return out->at;
}
