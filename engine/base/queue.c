/*
 * base/queue.c - a ring of pointers under a mutex.
 */
#include <base/memory.h>
#include <base/queue.h>
#include <stdlib.h>
#include <string.h>

void queue_init(queue *queue, size_t room, bool bounded)
{
    *queue = (struct queue){ .room = room, .bounded = bounded };
    queue->items = memory_new(room * sizeof(void *));
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
}

void queue_done(queue *queue)
{
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->changed);
    free(queue->items);
}

static void queue_widen(queue *queue)
{
    void **items = memory_new(queue->room * 2 * sizeof(void *));
    size_t head = queue->room - queue->first;
    memcpy(items, queue->items + queue->first, head * sizeof(void *));
    memcpy(items + head, queue->items, queue->first * sizeof(void *));
    free(queue->items);
    queue->items = items;
    queue->first = 0;
    queue->room *= 2;
}

bool queue_put(queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    bool taken = !queue->closed && (queue->count < queue->room || !queue->bounded);
    if (taken) {
        if (queue->count == queue->room)
            queue_widen(queue);
        queue->items[(queue->first + queue->count++) % queue->room] = item;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

static void *queue_first(queue *queue)
{
    if (queue->count == 0)
        return NULL;
    void *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % queue->room;
    queue->count--;
    return item;
}

void *queue_take(queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    void *item = queue_first(queue);
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void *queue_take_now(queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    void *item = queue_first(queue);
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void queue_close(queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

size_t queue_count(queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return count;
}
