/*
 * batches/event.c - copies of what listeners are told. A copy is packed twice: first only its size is found, then the bytes
 * are put one behind the other, so that pointers into them hold.
 */
#include <batches/event.h>

typedef void batch_hook(void *self, const sl_batch_info *batch);

/* at: NULL while the size is found. */
typedef struct packing {
    char *at;
    size_t size;
} packing;

static void *pack(packing *to, const void *from, size_t size)
{
    char *packed = to->at ? to->at + to->size : NULL;
    if (packed && size)
        memcpy(packed, from, size);
    to->size += (size + 7) & ~(size_t)7;
    return packed;
}

static const char *pack_text(packing *to, const char *text)
{
    return text ? pack(to, text, strlen(text) + 1) : NULL;
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

/* Elements of `size` bytes, each with a text at `text_at` that goes with it. */
static void *pack_named(packing *to, const void *from, size_t count, size_t size, size_t text_at)
{
    char *made = pack(to, from, count * size);
    for (size_t at = text_at; at < count * size; at += size) {
        const char *text;
        memcpy(&text, (const char *)from + at, sizeof text);
        text = pack_text(to, text);
        if (made)
            memcpy(made + at, &text, sizeof text);
    }
    return made;
}

#define PACK_NAMED(to, type, text, from, count)                                                              \
    pack_named(to, from, count, sizeof(type), offsetof(type, text))

static const sl_hot_key *pack_hot_keys(packing *to, const sl_hot_key *from, size_t count)
{
    sl_hot_key *keys = PACK_NAMED(to, sl_hot_key, name, from, count);
    for (size_t i = 0; i < count; i++) {
        const char *key = pack_text(to, from[i].key);
        if (keys)
            keys[i].key = key;
    }
    return keys;
}

static const sl_output_info *pack_outputs(packing *to, const sl_output_info *from, size_t count)
{
    sl_output_info *outputs = pack(to, from, count * sizeof *from);
    for (size_t i = 0; i < count; i++) {
        sl_output_info output = from[i];
        output.name = pack_text(to, from[i].name);
        output.description = pack_text(to, from[i].description);
        output.error = pack_text(to, from[i].error);
        if (outputs)
            outputs[i] = output;
    }
    return outputs;
}

/* ---- Infos ------------------------------------------------------------------------------------------------------- */

static void pack_batch(packing *to, const sl_batch_info *from)
{
    sl_batch_info *packed = pack(to, from, sizeof *from), batch = *from;
    batch.job = pack_text(to, from->job);
    batch.error = pack_text(to, from->error);
    batch.slowest_topic = pack_text(to, from->slowest_topic);
    batch.ranges = PACK_NAMED(to, sl_range, topic, from->ranges, from->range_count);
    batch.counters = PACK_NAMED(to, sl_counter, name, from->counters, from->counter_count);
    batch.steps = PACK_NAMED(to, sl_step, name, from->steps, from->step_count);
    batch.outputs = pack_outputs(to, from->outputs, from->output_count);
    batch.lookups = PACK_NAMED(to, sl_lookup_info, name, from->lookups, from->lookup_count);
    batch.states = PACK_NAMED(to, sl_state_info, name, from->states, from->state_count);
    batch.hot_keys = pack_hot_keys(to, from->hot_keys, from->hot_key_count);
    if (packed)
        *packed = batch;
}

static void pack_start(packing *to, const sl_start_info *from)
{
    sl_start_info *packed = pack(to, from, sizeof *from), start = *from;
    start.job = pack_text(to, from->job);
    start.outputs = pack_outputs(to, from->outputs, from->output_count);
    if (packed)
        *packed = start;
}

static void pack_error(packing *to, const sl_error_info *from)
{
    sl_error_info *packed = pack(to, from, sizeof *from), error = *from;
    error.job = pack_text(to, from->job);
    error.place = pack_text(to, from->place);
    error.text = pack_text(to, from->text);
    if (packed)
        *packed = error;
}

static void pack_pause(packing *to, const sl_pause_info *from)
{
    sl_pause_info *packed = pack(to, from, sizeof *from), pause = *from;
    pause.job = pack_text(to, from->job);
    pause.place = pack_text(to, from->place);
    pause.text = pack_text(to, from->text);
    if (packed)
        *packed = pause;
}

static void pack_rate(packing *to, const sl_rate_info *from)
{
    sl_rate_info *packed = pack(to, from, sizeof *from), rate = *from;
    rate.job = pack_text(to, from->job);
    rate.reason = pack_text(to, from->reason);
    if (packed)
        *packed = rate;
}

static void pack_info(packing *to, event_kind kind, const void *info)
{
    switch (kind) {
    case EVENT_BATCH: pack_batch(to, info); break;
    case EVENT_STREAMING_STARTED: pack_start(to, info); break;
    case EVENT_OUTPUT_STARTED:
    case EVENT_OUTPUT_COMPLETED: pack_outputs(to, info, 1); break;
    case EVENT_LOOKUP: PACK_NAMED(to, sl_lookup_info, name, info, 1); break;
    case EVENT_ERROR: pack_error(to, info); break;
    case EVENT_PAUSED:
    case EVENT_RESUMED: pack_pause(to, info); break;
    case EVENT_RATE_CHANGED: pack_rate(to, info); break;
    }
}

void event_copy(event *event, event_kind kind, const void *info)
{
    packing sized = { 0 }, packed = { 0 };
    event->kind = kind;
    event->bytes.size = 0;
    pack_info(&sized, kind, info);
    packed.at = buffer_reserve(&event->bytes, sized.size);
    pack_info(&packed, kind, info);
    event->bytes.size = packed.size;
}

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

static batch_hook *batch_hook_of(const sl_listener *listener, const sl_batch_info *batch)
{
    batch_hook *const hooks[] = { listener->on_batch_submitted, listener->on_batch_started,
                                  listener->on_batch_completed, listener->on_batch_failed };
    return hooks[batch->state];
}

bool event_is_wanted(const sl_listener *listener, event_kind kind, const void *info)
{
    switch (kind) {
    case EVENT_BATCH: return batch_hook_of(listener, info) != NULL;
    case EVENT_STREAMING_STARTED: return listener->on_streaming_started != NULL;
    case EVENT_OUTPUT_STARTED: return listener->on_output_started != NULL;
    case EVENT_OUTPUT_COMPLETED: return listener->on_output_completed != NULL;
    case EVENT_LOOKUP: return listener->on_lookup != NULL;
    case EVENT_ERROR: return listener->on_error != NULL;
    case EVENT_PAUSED: return listener->on_paused != NULL;
    case EVENT_RESUMED: return listener->on_resumed != NULL;
    case EVENT_RATE_CHANGED: return listener->on_rate_changed != NULL;
    }
    return false;
}

void event_tell(const sl_listener *listener, void *self, event_kind kind, const void *info)
{
    if (!event_is_wanted(listener, kind, info))
        return;
    switch (kind) {
    case EVENT_BATCH: batch_hook_of(listener, info)(self, info); break;
    case EVENT_STREAMING_STARTED: listener->on_streaming_started(self, info); break;
    case EVENT_OUTPUT_STARTED: listener->on_output_started(self, info); break;
    case EVENT_OUTPUT_COMPLETED: listener->on_output_completed(self, info); break;
    case EVENT_LOOKUP: listener->on_lookup(self, info); break;
    case EVENT_ERROR: listener->on_error(self, info); break;
    case EVENT_PAUSED: listener->on_paused(self, info); break;
    case EVENT_RESUMED: listener->on_resumed(self, info); break;
    case EVENT_RATE_CHANGED: listener->on_rate_changed(self, info); break;
    }
}
