/*
 * batches/events.c - one thread per listener. Copies are made in blocks that go round: a warm batch allocates nothing.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/queue.h>
#include <batches/events.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WAITING_MAX = 1000, PATIENCE_MS = 10000 };

typedef struct ear {
    const sl_listener *listener;
    void *self;
    pthread_t thread;
    queue waiting, spare; /* of event */
    atomic_uint_least64_t lost;
    pthread_mutex_t mutex; /* of ended */
    pthread_cond_t ending;
    bool ended;
    struct ear *next; /* that was left behind */
} ear;

struct events {
    ear **ears;
    size_t count;
    bool direct;
    int64_t patience_ms;   /* with a listener that does not come to its end */
    pthread_mutex_t mutex; /* who asks from outside holds it, and who ends them */
};

events *events_new(void)
{
    events *made = memory_new(sizeof *made);
    made->patience_ms = PATIENCE_MS;
    pthread_mutex_init(&made->mutex, NULL);
    return made;
}

void events_direct(events *events)
{
    events->direct = true;
}

void events_patience(events *events, int64_t ms)
{
    events->patience_ms = ms;
}

static void *ear_run(void *argument)
{
    ear *ear = argument;
    event *event;
    while ((event = queue_take(&ear->waiting))) {
        event_tell(ear->listener, ear->self, event->kind, event->bytes.at);
        queue_put(&ear->spare, event);
    }
    pthread_mutex_lock(&ear->mutex);
    ear->ended = true;
    pthread_cond_signal(&ear->ending);
    pthread_mutex_unlock(&ear->mutex);
    return NULL;
}

sl_result events_add(events *events, const sl_listener *listener, const sl_listener_place *place,
                     failure *failure)
{
    char why[256] = "";
    void *self = listener->open ? listener->open(place, why) : events;
    if (self == NULL)
        return fail(failure, SL_FAILED, "listener %s: %s", listener->name, why);
    return events_attach(events, listener, self, failure);
}

sl_result events_attach(events *events, const sl_listener *listener, void *self, failure *failure)
{
    ear *added = memory_new(sizeof *added);
    added->listener = listener;
    added->self = self;
    queue_init(&added->waiting, WAITING_MAX, !listener->lossless);
    queue_init(&added->spare, 16, false);
    pthread_mutex_init(&added->mutex, NULL);
    clock_condition(&added->ending);
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

/* Only what it has a hook for is copied, and wakes its thread. */
static void ear_tell(ear *ear, event_kind kind, const void *info)
{
    event *told = queue_take_now(&ear->spare);
    if (told == NULL)
        told = memory_new(sizeof *told);
    event_copy(told, kind, info);
    if (queue_put(&ear->waiting, told))
        return;
    if (atomic_fetch_add(&ear->lost, 1) == 0)
        log_warn("events", "listener %s is too slow: it loses events, batches do not wait for it",
                 ear->listener->name);
    queue_put(&ear->spare, told);
}

void events_tell_of(events *events, event_kind kind, const void *info)
{
    for (size_t i = 0; i < events->count; i++) {
        ear *ear = events->ears[i];
        if (!event_is_wanted(ear->listener, kind, info))
            continue;
        if (events->direct)
            event_tell(ear->listener, ear->self, kind, info);
        else
            ear_tell(ear, kind, info);
    }
}

void events_tell(events *events, const sl_batch_info *batch)
{
    events_tell_of(events, EVENT_BATCH, batch);
}

size_t events_listeners(events *events, events_listener *listeners, size_t room)
{
    pthread_mutex_lock(&events->mutex);
    size_t count = events->count < room ? events->count : room;
    for (size_t i = 0; i < count; i++) {
        ear *ear = events->ears[i];
        listeners[i] =
            (events_listener){ ear->listener, queue_count(&ear->waiting), atomic_load(&ear->lost) };
    }
    pthread_mutex_unlock(&events->mutex);
    return count;
}

bool events_page(events *events, const char *path, buffer *body, const char **type)
{
    char *page = NULL;
    size_t size = 0;
    pthread_mutex_lock(&events->mutex); /* it is not closed meanwhile */
    for (size_t i = 0; i < events->count && page == NULL; i++) {
        const sl_listener *listener = events->ears[i]->listener;
        if (listener->page == NULL || strcmp(listener->page_path, path) != 0)
            continue;
        page = listener->page(events->ears[i]->self, &size);
        *type = listener->page_type;
    }
    pthread_mutex_unlock(&events->mutex);
    if (page)
        buffer_append(body, page, size);
    free(page);
    return page != NULL;
}

/* False: its thread is still in a hook. */
static bool ear_join(ear *ear, int64_t until_ns)
{
    pthread_mutex_lock(&ear->mutex);
    while (!ear->ended && clock_wait(&clock_system, &ear->ending, &ear->mutex, until_ns))
        ;
    bool ended = ear->ended;
    pthread_mutex_unlock(&ear->mutex);
    if (ended)
        pthread_join(ear->thread, NULL);
    else
        pthread_detach(ear->thread);
    return ended;
}

static void ear_free(ear *ear)
{
    for (event *event; (event = queue_take_now(&ear->spare));) {
        buffer_done(&event->bytes);
        free(event);
    }
    queue_done(&ear->waiting);
    queue_done(&ear->spare);
    pthread_cond_destroy(&ear->ending);
    pthread_mutex_destroy(&ear->mutex);
    free(ear);
}

static ear *left_behind; /* what their threads may still use. Driver */

/* One that hangs is left behind with all that it has: its thread may yet look there. */
static void ear_close(ear *ear, bool direct, int64_t until_ns)
{
    bool ended = direct || ear_join(ear, until_ns);
    int64_t lost = (int64_t)atomic_load(&ear->lost) + (ended ? 0 : (int64_t)queue_count(&ear->waiting));
    if (!ended)
        log_warn("events", "listener %s hangs: the job ends without it, and it has lost %s",
                 ear->listener->name, counted(lost, "event", "events").at);
    else if (lost)
        log_warn("events", "listener %s lost %s", ear->listener->name, counted(lost, "event", "events").at);
    if (!ended) {
        ear->next = left_behind;
        left_behind = ear;
        return;
    }
    if (ear->listener->close)
        ear->listener->close(ear->self);
    ear_free(ear);
}

void events_end(events *events)
{
    if (events == NULL)
        return;
    pthread_mutex_lock(&events->mutex);
    int64_t until_ns = clock_ns(&clock_system) + events->patience_ms * INT64_C(1000000);
    for (size_t i = 0; i < events->count; i++)
        queue_close(&events->ears[i]->waiting);
    for (size_t i = 0; i < events->count; i++)
        ear_close(events->ears[i], events->direct, until_ns);
    events->count = 0;
    pthread_mutex_unlock(&events->mutex);
}

void events_free(events *events)
{
    if (events == NULL)
        return;
    events_end(events);
    pthread_mutex_destroy(&events->mutex);
    free(events->ears);
    free(events);
}
