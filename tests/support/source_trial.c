/*
 * tests/support/source_trial.c - one input of Kafka, and the engine's calls of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/memory.h>
#include <inttypes.h>
#include <servers/topic.h>
#include <stdlib.h>
#include <support/source_trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

enum { ROOM_MOST = 256 };

typedef void message_use(void *argument, const sl_message *message);

source_trial *source_trial_new(const char *servers, const char *topic, const char *const *pairs)
{
    source_trial *trial = memory_new(sizeof *trial);
    failure failure = { 0 };
    snprintf(trial->topic, sizeof trial->topic, "%s", topic);
    wakes_init(&trial->wakes);
    trial->settings = topic_settings(servers);
    for (; pairs && *pairs; pairs += 2)
        if (settings_set(trial->settings, pairs[0], pairs[1], "test", &failure) != SL_OK)
            fail_msg("%s", failure.text);
    trial->spec = (source_spec){ .name = "lines",
                                 .target = trial->topic,
                                 .settings = trial->settings,
                                 .job = "trial",
                                 .workers = 1,
                                 .bytes_max = 64 << 20,
                                 .wake = wakes_add,
                                 .wake_argument = &trial->wakes };
    return trial;
}

void source_trial_free(source_trial *trial)
{
    if (trial == NULL)
        return;
    source_kafka.close(trial->self);
    settings_free(trial->settings);
    free(trial);
}

sl_result source_trial_open(source_trial *trial, failure *failure)
{
    sl_result result = source_kafka.open(&trial->spec, &trial->self, failure);
    if (result == SL_OK)
        trial->count = source_kafka.partitions(trial->self, &trial->partitions);
    return result;
}

sl_result source_trial_start_at(source_trial *trial, const int64_t *offsets, failure *failure)
{
    sl_result result = source_trial_open(trial, failure);
    if (result != SL_OK)
        return result;
    for (size_t i = 0; i < trial->count; i++)
        trial->partitions[i].offset = offsets ? offsets[i] : -1;
    return source_kafka.start(trial->self, trial->partitions, trial->count, failure);
}

void source_trial_start(source_trial *trial)
{
    failure failure = { 0 };
    if (source_trial_start_at(trial, NULL, &failure) != SL_OK)
        fail_msg("%s", failure.text);
}

/* ---- What is here ---- */

static sl_result look(source_trial *trial, uint32_t i, int64_t from, source_view *view, failure *failure)
{
    return source_kafka.look(trial->self, &(source_wish){ i, from, INT64_MAX, SIZE_MAX }, view, failure);
}

source_view source_trial_look(source_trial *trial, uint32_t i, int64_t from)
{
    source_view view = { 0 };
    failure failure = { 0 };
    if (look(trial, i, from, &view, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return view;
}

source_view source_trial_wait(source_trial *trial, uint32_t i, int64_t from, int64_t until)
{
    for (;;) {
        unsigned seen = wakes_count(&trial->wakes);
        source_view view = { 0 };
        failure failure = { 0 };
        sl_result result = look(trial, i, from, &view, &failure);
        if (result != SL_OK && !sl_is_retriable(result))
            fail_msg("%s", failure.text);
        if (view.until >= until)
            return view;
        if (!wakes_wait(&trial->wakes, seen))
            fail_msg("partition %u: nothing came behind %lld", i, (long long)view.until);
    }
}

sl_result source_trial_trouble(source_trial *trial, uint32_t i, int64_t from, failure *failure)
{
    for (;;) {
        unsigned seen = wakes_count(&trial->wakes);
        source_view view;
        sl_result result = look(trial, i, from, &view, failure);
        if (result != SL_OK && !sl_is_retriable(result))
            return result;
        failure_clear(failure);
        if (!wakes_wait(&trial->wakes, seen))
            fail_msg("partition %u: no trouble came", i);
    }
}

/* ---- Reading ---- */

static sl_result block_read(source_trial *trial, const source_block *block, size_t room, message_use *use,
                            void *argument, failure *failure)
{
    arena arena = { 0 };
    source_reading reading = { .memory = &arena };
    sl_message messages[ROOM_MOST];
    source_messages read = { .at = messages, .room = room, .count = 1 };
    sl_result result = SL_OK;
    while (read.count && result == SL_OK) {
        result = source_kafka.read(trial->self, block, &reading, &read, failure);
        for (size_t m = 0; m < read.count && result == SL_OK; m++)
            use(argument, &messages[m]);
    }
    arena_done(&arena);
    return result;
}

static sl_result range_read(source_trial *trial, const source_block *range, size_t room, message_use *use,
                            void *argument, failure *failure)
{
    buffer blocks = { 0 };
    sl_result result = SL_OK;
    source_kafka.take(trial->self, range->partition, range->from, range->until, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t k = 0; k < blocks.size / sizeof *block && result == SL_OK; k++)
        result = block_read(trial, &block[k], room, use, argument, failure);
    buffer_done(&blocks);
    return result;
}

static void text_print(buffer *out, sl_text text)
{
    buffer_append(out, text.at ? text.at : "~", text.at ? text.size : 1);
}

static void message_print(void *argument, const sl_message *message)
{
    buffer *out = argument;
    buffer_print(out, "%" PRId64 ":", message->origin.offset);
    text_print(out, message->key);
    buffer_byte(out, '=');
    text_print(out, message->value);
    buffer_byte(out, ' ');
}

char *source_trial_read(source_trial *trial, uint32_t i, int64_t from, int64_t until, size_t room)
{
    buffer out = { 0 };
    failure failure = { 0 };
    source_block range = { .partition = i, .from = from, .until = until };
    if (range_read(trial, &range, room, message_print, &out, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    buffer_byte(&out, '\0');
    return out.at;
}

sl_result source_trial_try(source_trial *trial, uint32_t i, int64_t from, int64_t until, buffer *out,
                           failure *failure)
{
    source_block range = { .partition = i, .from = from, .until = until };
    return range_read(trial, &range, ROOM_MOST, message_print, out, failure);
}

typedef struct numbers {
    uint32_t partition;
    int64_t next;
} numbers;

static void number_check(void *argument, const sl_message *message)
{
    numbers *numbers = argument;
    char expected[40];
    int size = snprintf(expected, sizeof expected, "%u:%lld", numbers->partition, (long long)numbers->next);
    assert_int_equal(message->origin.offset, numbers->next++);
    assert_int_equal(message->value.size, size);
    assert_memory_equal(message->value.at, expected, (size_t)size);
}

void source_trial_numbers(source_trial *trial, uint32_t i, int64_t from, int64_t until)
{
    numbers numbers = { i, from };
    failure failure = { 0 };
    source_block range = { .partition = i, .from = from, .until = until };
    if (range_read(trial, &range, ROOM_MOST, number_check, &numbers, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(numbers.next, until);
}
