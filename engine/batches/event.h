/*
 * batches/event.h - one thing that listeners are told, and how a copy of it is made and told.
 */
#ifndef BATCHES_EVENT_H
#define BATCHES_EVENT_H

#include <base/buffer.h>
#include <sluice/listener.h>

typedef enum event_kind {
    EVENT_BATCH, /* the hook follows from its state */
    EVENT_STREAMING_STARTED,
    EVENT_OUTPUT_STARTED,
    EVENT_OUTPUT_COMPLETED,
    EVENT_LOOKUP,
    EVENT_ERROR,
    EVENT_PAUSED,
    EVENT_RESUMED,
    EVENT_RATE_CHANGED
} event_kind;

/* A copy with all that it points to, in one buffer. */
typedef struct event {
    event_kind kind;
    buffer bytes; /* begins with the info */
} event;

/* The room of an event that was told before is used again. */
void event_copy(event *event, event_kind kind, const void *info);

/* Has the listener a hook for it? */
bool event_is_wanted(const sl_listener *listener, event_kind kind, const void *info);
void event_tell(const sl_listener *listener, void *self, event_kind kind, const void *info);

#endif
