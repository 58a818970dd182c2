/*
 * batches/events.c - one thread per listener. Copies are made in blocks that go round: a warm batch allocates nothing.
 */
#include <base/buffer.h>
#include <base/counted.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/queue.h>
#include <batches/events.h>
#include <pthread.h>
#include <stdlib.h>

enum { WAITING_MAX = 1000 };

/* A batch_info with all it points to, in one buffer. */
typedef struct event {
    buffer bytes;
    sl_batch_info *batch;
} event;

typedef struct ear {
    const sl_listener *listener;
    void *self;
    pthread_t thread;
    queue waiting, spare; /* of event */
    uint64_t lost;
} ear;

struct events {
    ear **ears;
    size_t count;
    bool direct;
};

events *events_new(void)
{
    return memory_new(sizeof(events));
}

void events_direct(events *events)
{
    events->direct = true;
}

static void hook_call(const ear *ear, const sl_batch_info *batch)
{
    const sl_listener *listener = ear->listener;
    void (*const hooks[])(
        void *, const sl_batch_info *) = { listener->on_batch_submitted, listener->on_batch_started,
                                           listener->on_batch_completed, listener->on_batch_failed };
    if (hooks[batch->state])
        hooks[batch->state](ear->self, batch);
}

static void *ear_run(void *argument)
{
    ear *ear = argument;
    event *event;
    while ((event = queue_take(&ear->waiting))) {
        hook_call(ear, event->batch);
        queue_put(&ear->spare, event);
    }
    return NULL;
}

sl_result events_add(events *events, const sl_listener *listener, const sl_listener_place *place,
                     failure *failure)
{
    char why[256] = "";
    ear *added = memory_new(sizeof *added);
    added->listener = listener;
    added->self = listener->open ? listener->open(place, why) : added;
    if (added->self == NULL) {
        free(added);
        return fail(failure, SL_FAILED, "listener %s: %s", listener->name, why);
    }
    queue_init(&added->waiting, WAITING_MAX, !listener->lossless);
    queue_init(&added->spare, 16, false);
    if (!events->direct && pthread_create(&added->thread, NULL, ear_run, added) != 0) {
        free(added);
        return fail(failure, SL_FAILED, "listener %s: the system gives no thread", listener->name);
    }
    events->ears = memory_resize(events->ears, (events->count + 1) * sizeof *events->ears);
    events->ears[events->count++] = added;
    return SL_OK;
}

/* Its thread waits for the first event meanwhile: hooks never run at the same time. */
void events_recall(events *events, int64_t batch_id, const char *account)
{
    for (size_t i = 0; i < events->count; i++)
        if (events->ears[i]->listener->on_batch_recalled)
            events->ears[i]->listener->on_batch_recalled(events->ears[i]->self, batch_id, account);
}

static void *copy(buffer *to, const void *at, size_t size)
{
    void *copied = to->at + to->size;
    if (size)
        memcpy(copied, at, size);
    to->size += (size + 7) & ~(size_t)7;
    return copied;
}

static size_t copy_room(const sl_batch_info *batch)
{
    size_t room = sizeof *batch + strlen(batch->job) + 64 + batch->range_count * sizeof(sl_range) +
                  batch->counter_count * sizeof(sl_counter) + (batch->error ? strlen(batch->error) : 0);
    for (size_t i = 0; i < batch->range_count; i++)
        room += strlen(batch->ranges[i].topic) + 16;
    for (size_t i = 0; i < batch->counter_count; i++)
        room += strlen(batch->counters[i].name) + 16;
    return room;
}

static void event_fill(event *event, const sl_batch_info *batch)
{
    buffer *to = &event->bytes;
    to->size = 0;
    buffer_reserve(to, copy_room(batch));
    sl_batch_info *made = copy(to, batch, sizeof *batch);
    sl_range *ranges = copy(to, batch->ranges, batch->range_count * sizeof *ranges);
    sl_counter *counters = copy(to, batch->counters, batch->counter_count * sizeof *counters);
    for (size_t i = 0; i < batch->range_count; i++)
        ranges[i].topic = copy(to, ranges[i].topic, strlen(ranges[i].topic) + 1);
    for (size_t i = 0; i < batch->counter_count; i++)
        counters[i].name = copy(to, counters[i].name, strlen(counters[i].name) + 1);
    made->job = copy(to, batch->job, strlen(batch->job) + 1);
    made->error = batch->error ? copy(to, batch->error, strlen(batch->error) + 1) : NULL;
    made->ranges = ranges;
    made->counters = counters;
    event->batch = made;
}

void events_tell(events *events, const sl_batch_info *batch)
{
    for (size_t i = 0; i < events->count; i++) {
        ear *ear = events->ears[i];
        if (events->direct) {
            hook_call(ear, batch);
            continue;
        }
        event *told = queue_count(&ear->spare) ? queue_take(&ear->spare) : memory_new(sizeof *told);
        event_fill(told, batch);
        if (queue_put(&ear->waiting, told))
            continue;
        if (ear->lost++ == 0)
            log_warn("events", "listener %s is too slow: it loses events, batches do not wait for it",
                     ear->listener->name);
        queue_put(&ear->spare, told);
    }
}

static void ear_close(ear *ear, bool direct)
{
    queue_close(&ear->waiting);
    if (!direct)
        pthread_join(ear->thread, NULL);
    if (ear->lost)
        log_warn("events", "listener %s lost %s", ear->listener->name,
                 counted((int64_t)ear->lost, "event", "events").at);
    if (ear->listener->close)
        ear->listener->close(ear->self);
    while (queue_count(&ear->spare)) {
        event *event = queue_take(&ear->spare);
        buffer_done(&event->bytes);
        free(event);
    }
    queue_done(&ear->waiting);
    queue_done(&ear->spare);
    free(ear);
}

void events_free(events *events)
{
    if (events == NULL)
        return;
    for (size_t i = 0; i < events->count; i++)
        ear_close(events->ears[i], events->direct);
    free(events->ears);
    free(events);
}
