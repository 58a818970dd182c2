/*
 * batches/events.h - tells listeners about batches (Spark: StreamingListenerBus). Each listener has a thread and a queue;
 * each event it gets is a copy of its own, so that a slow one never slows a batch.
 */
#ifndef BATCHES_EVENTS_H
#define BATCHES_EVENTS_H

#include <base/failure.h>
#include <batches/event.h>

typedef struct events events;

events *events_new(void);
/* Tests, before listeners are added: hooks run at once, on the thread that tells. */
void events_direct(events *events);
/*
 * Waits until every listener has been told everything, and closes them. One that hangs for 10 s is left behind, with a line in
 * the log. Nothing may be told any more. NULL is fine.
 */
void events_end(events *events);
void events_patience(events *events, int64_t ms); /* another time than these 10 s */
void events_free(events *events);                 /* ends too; NULL is fine */
sl_result events_add(events *events, const sl_listener *listener, const sl_listener_place *place,
                     failure *failure);
/* Before anything else is told. */
void events_recall(events *events, int64_t batch_id, const char *account);
void events_tell(events *events,
                 const sl_batch_info *batch); /* any thread; the hook follows from the state */
/* Any thread. Listeners without a hook for it are not woken; the others get a copy. */
void events_tell_of(events *events, event_kind kind, const void *info);

/* One that the caller made, and closes after the end. As events_add() otherwise. */
sl_result events_attach(events *events, const sl_listener *listener, void *self, failure *failure);

/* Any thread: the page of a listener at the path; false: there is none. */
bool events_page(events *events, const char *path, buffer *body, const char **type);

typedef struct events_listener {
    const sl_listener *listener;
    size_t waiting; /* events */
    uint64_t lost;
} events_listener;

/* Any thread, once all are added; how many there are, at most `room`. None after the end. */
size_t events_listeners(events *events, events_listener *listeners, size_t room);

#endif
