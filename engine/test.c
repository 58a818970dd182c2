/*
 * test.c - a job on memory ends and a manual clock, for <sluice/test.h>.
 */
#include <base/failure.h>
#include <base/memory.h>
#include <engine.h>
#include <records/headers.h>
#include <settings.h>
#include <sluice/test.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 64 };

struct sl_test {
    sl_clock clock;
    settings *settings;
    engine *engine;
    int64_t interval_ms;
    char *arguments, *words[WORDS_MAX + 1];
    int64_t sent;   /* offsets of what was sent, over all inputs */
    buffer headers; /* of what is sent, without their count */
    size_t header_count;
    buffer scratch;
};

static _Noreturn void misused(const char *what, const char *detail)
{
    fprintf(stderr, "sluice/test.h: %s: %s\n", what, detail);
    abort();
}

static int words_cut(sl_test *test, const char *arguments)
{
    char *rest = test->arguments = memory_text(arguments ? arguments : ""), *word;
    int count = 0;
    test->words[count++] = (char *)(uintptr_t) "test";
    while ((word = strsep(&rest, " ")) && count < WORDS_MAX)
        if (*word)
            test->words[count++] = word;
    return count;
}

sl_test *sl_test_open(const sl_job *tested, const char *arguments)
{
    failure failure = { 0 };
    sl_test *test = memory_new(sizeof *test);
    int count = words_cut(test, arguments), used = 0;
    test->clock.manual = true;
    test->settings = settings_for(tested);
    if (settings_set(test->settings, "workers", "2", "the test", &failure) != SL_OK ||
        settings_arguments(test->settings, count, test->words, &used, &failure) != SL_OK)
        misused(arguments, failure.text);
    test->interval_ms = settings_ms(test->settings, "batch.interval");
    engine_spec spec = { .job = tested, .settings = test->settings, .clock = &test->clock, .memory = true };
    spec.name = tested->name;
    spec.work_dir = settings_text(test->settings, "work.dir");
    if (engine_open(&spec, &test->engine, &failure) != SL_OK)
        misused(tested->name, failure.text);
    return test;
}

void sl_test_close(sl_test *test)
{
    if (test == NULL)
        return;
    engine_close(test->engine);
    settings_free(test->settings);
    free(test->arguments);
    buffer_done(&test->headers);
    buffer_done(&test->scratch);
    free(test);
}

void sl_test_known(sl_test *test, const char *lookup, const char *key, const char *json)
{
    if (!engine_know(test->engine, lookup, key, json))
        misused("the job has no such lookup", lookup);
}

void sl_test_send(sl_test *test, const char *input, const char *value)
{
    sl_message message = { .origin = { .offset = test->sent++, .time_ms = -1 } };
    if (value)
        message.value = (sl_text){ value, strlen(value) };
    sl_test_send_message(test, input, 0, &message);
}

void sl_test_send_message(sl_test *test, const char *input, uint32_t partition, const sl_message *message)
{
    sl_message sent = *message;
    buffer headers = { 0 };
    if (test->header_count) {
        headers_begin(&headers, test->header_count);
        buffer_append(&headers, test->headers.at, test->headers.size);
        sent.headers = headers.at;
    }
    if (engine_send(test->engine, input, partition, &sent) != SL_OK)
        misused("the job has no such input in memory", input);
    buffer_done(&headers);
}

void sl_test_header(sl_test *test, const char *name, const char *value)
{
    if (name == NULL)
        test->headers.size = test->header_count = 0;
    else {
        headers_add(&test->headers, (sl_text){ name, strlen(name) },
                    (sl_text){ value, value ? strlen(value) : 0 });
        test->header_count++;
    }
}

void sl_test_batch(sl_test *test)
{
    failure failure = { 0 };
    test->clock.manual_ms += test->interval_ms;
    if (engine_tick(test->engine, &failure) != SL_OK)
        misused("the batch failed", failure.text);
}

void sl_test_pass(sl_test *test, int64_t ms)
{
    test->clock.manual_ms += ms;
}

const char *sl_test_wrote(sl_test *test, const char *output)
{
    const char *wrote = engine_wrote(test->engine, output, &test->scratch);
    if (wrote == NULL)
        misused("the job has no such output in memory", output);
    return wrote;
}

const sl_batch_info *sl_test_account(sl_test *test)
{
    return engine_account(test->engine);
}
