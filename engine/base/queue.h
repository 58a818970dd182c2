/*
 * base/queue.h - a bounded queue of pointers between threads.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void **items;
    size_t first, count, room;
    bool bounded, closed;
} queue;

void queue_init(queue *queue, size_t room, bool bounded); /* unbounded: room doubles */
void queue_done(queue *queue);
bool queue_put(queue *queue, void *item); /* false when it is full or closed */
void *queue_take(queue *queue);           /* waits; NULL when it is closed and empty */
void *queue_take_now(queue *queue);       /* NULL when it is empty */
void queue_close(queue *queue);
size_t queue_count(queue *queue);

#endif
