/*
 * sources/memory.c - an input that a test fills with send(). Four partitions, and more as
 * soon as something is sent to them; the topic is the target, else the input's name.
 */
#include <base/memory.h>
#include <pthread.h>
#include <records/segment.h>
#include <sources/source.h>
#include <stdlib.h>

enum { PARTITIONS = 4, PARTITIONS_MAX = 16 };

typedef struct memory_source {
    pthread_mutex_t mutex;
    segment_chain chains[PARTITIONS_MAX];
    segment_spare spare;
    source_partition partitions[PARTITIONS_MAX];
    size_t count;
    source_spec spec;
    char *topic;
} memory_source;

static sl_result memory_open(const source_spec *spec, void **self, failure *failure)
{
    (void)failure;
    memory_source *source = memory_new(sizeof *source);
    source->spec = *spec;
    source->topic = memory_text(spec->target && spec->target[0] ? spec->target : spec->name);
    pthread_mutex_init(&source->mutex, NULL);
    source->count = PARTITIONS;
    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        source->chains[i].spare = &source->spare;
        source->partitions[i] =
            (source_partition){ .topic = source->topic, .partition = i, .offset = i < PARTITIONS ? -1 : 0 };
    }
    *self = source;
    return SL_OK;
}

static void memory_close(void *self)
{
    memory_source *source = self;
    if (source == NULL)
        return;
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        segment_done(&source->chains[i]);
    pthread_mutex_destroy(&source->mutex);
    free(source->topic);
    free(source);
}

static size_t memory_partitions(void *self, source_partition **partitions)
{
    memory_source *source = self;
    *partitions = source->partitions;
    pthread_mutex_lock(&source->mutex);
    size_t count = source->count;
    pthread_mutex_unlock(&source->mutex);
    return count;
}

static sl_result memory_start(void *self, source_partition *partitions, size_t count, failure *failure)
{
    (void)failure;
    memory_source *source = self;
    pthread_mutex_lock(&source->mutex);
    sl_expect(count <= source->count);
    for (size_t i = 0; i < count; i++) {
        segment_chain *chain = &source->chains[i];
        if (partitions[i].offset == SOURCE_BEGIN)
            partitions[i].offset = 0;
        if (partitions[i].offset < 0)
            partitions[i].offset = source->spec.start == SOURCE_EARLIEST ? 0 : chain->next;
        segment_reach(chain, partitions[i].offset);
    }
    pthread_mutex_unlock(&source->mutex);
    return SL_OK;
}

static sl_result memory_look(void *self, const source_wish *wish, source_view *view, failure *failure)
{
    (void)failure;
    memory_source *source = self;
    pthread_mutex_lock(&source->mutex);
    const segment_chain *chain = &source->chains[wish->partition];
    view->until = segment_look(chain, wish->from, wish->records_max, wish->bytes_max, &view->bytes);
    view->end = view->goal = chain->next;
    view->finished = source->spec.available_now && view->until >= view->end;
    pthread_mutex_unlock(&source->mutex);
    return SL_OK;
}

static void memory_take(void *self, uint32_t i, int64_t from, int64_t until, buffer *blocks)
{
    memory_source *source = self;
    pthread_mutex_lock(&source->mutex);
    segment_take(&source->chains[i], i, from, until, blocks);
    pthread_mutex_unlock(&source->mutex);
}

static sl_result memory_read(void *self, const source_block *block, source_reading *reading,
                             source_messages *messages, failure *failure)
{
    (void)self, (void)failure;
    messages->count = segment_read(block, reading, messages->at, messages->room);
    return SL_OK;
}

static void memory_release(void *self, uint32_t i, int64_t until)
{
    memory_source *source = self;
    pthread_mutex_lock(&source->mutex);
    segment_release(&source->chains[i], until);
    pthread_mutex_unlock(&source->mutex);
}

/* An offset that was given is kept, so that a test can make holes; one that is taken already becomes the next. */
static void memory_send(void *self, uint32_t i, const sl_message *message)
{
    memory_source *source = self;
    sl_message sent = *message;
    sl_expect(i < PARTITIONS_MAX);
    pthread_mutex_lock(&source->mutex);
    source->count = i < source->count ? source->count : (size_t)i + 1;
    if (sent.origin.offset < source->chains[i].next)
        sent.origin.offset = source->chains[i].next;
    segment_add(&source->chains[i], &sent);
    pthread_mutex_unlock(&source->mutex);
    if (source->spec.wake)
        source->spec.wake(source->spec.wake_argument);
}

const source_kind source_memory = {
    .name = "memory",
    .about = "what a test sends: memory:TOPIC",
    .open = memory_open,
    .close = memory_close,
    .partitions = memory_partitions,
    .start = memory_start,
    .look = memory_look,
    .take = memory_take,
    .read = memory_read,
    .release = memory_release,
    .send = memory_send,
};
