/*
 * tests/batches/inputs.c - an intake over memory.
 */
#include <base/memory.h>
#include <batches/inputs.h>
#include <kinds.h>
#include <settings.h>
#include <stdlib.h>
#include <string.h>

static const sl_job no_job = { .name = "trial", .about = "nothing" };

static void settings_read(settings *settings, const char *options)
{
    char *copy = memory_text(options), *rest = copy, *word, *words[32] = { (char *)(uintptr_t) "trial" };
    int count = 1, used;
    failure failure = { 0 };
    while ((word = strsep(&rest, " ")) && count < 32)
        if (*word)
            words[count++] = word;
    sl_expect(settings_arguments(settings, count, words, &used, &failure) == SL_OK && used == count);
    free(copy);
}

static const source_kind *kind_in_memory(void)
{
    size_t i = 0;
    while (strcmp(source_kinds[i]->name, "memory") != 0)
        i++;
    return source_kinds[i];
}

void inputs_wake_by(inputs *inputs, void (*wake)(void *argument), void *argument)
{
    inputs->spec.wake = wake;
    inputs->spec.wake_argument = argument;
}

void inputs_open(inputs *inputs, const char *options)
{
    failure failure = { 0 };
    inputs->settings = settings_for(&no_job);
    settings_read(inputs->settings, options);
    intake_init(&inputs->intake, inputs->settings);
    inputs->spec.name = "lines";
    inputs->spec.target = "";
    inputs->spec.settings = inputs->settings;
    inputs->spec.job = "trial";
    inputs->spec.available_now = settings_flag(inputs->settings, "batch.available_now");
    inputs->input = intake_add(&inputs->intake, kind_in_memory(), &inputs->spec);
    sl_expect(inputs->input->kind->open(&inputs->input->spec, &inputs->input->self, &failure) == SL_OK);
    intake_number(&inputs->intake, inputs->input);
    sl_expect(inputs->intake.origins.count == INPUTS_PARTITIONS);
}

void inputs_start(inputs *inputs)
{
    failure failure = { 0 };
    sl_expect(intake_start(&inputs->intake, &failure) == SL_OK);
}

void inputs_close(inputs *inputs)
{
    intake_done(&inputs->intake);
    settings_free(inputs->settings);
}

void inputs_send(inputs *inputs, uint32_t partition, const char *value)
{
    sl_message message = { .origin = { .time_ms = -1 } };
    if (value)
        message.value = (sl_text){ value, strlen(value) };
    inputs->input->kind->send(inputs->input->self, partition, &message);
}

void inputs_send_many(inputs *inputs, uint32_t partition, size_t count)
{
    for (size_t i = 0; i < count; i++)
        inputs_send(inputs, partition, "a line");
}

bool inputs_one_range(const batch *batch, uint32_t partition, int64_t from, int64_t until)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    return count == 1 && ranges->partition == partition && ranges->from == from && ranges->until == until;
}
