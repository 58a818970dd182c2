/*
 * batches/tap.c - rows on their way past, as lines of JSON.
 */
#include <base/memory.h>
#include <base/settings.h>
#include <batches/tap.h>
#include <inttypes.h>
#include <pthread.h>
#include <records/document.h>
#include <stdlib.h>

/* Of a worker in a batch: printing these takes it about a millisecond. And of the lines that the client has not read. */
enum { WORKER_ROWS_MAX = 1000, WORKER_BYTES_MAX = 256 * 1024, QUEUE_BYTES_MAX = 4 << 20 };

typedef struct tap_worker {
    buffer lines;
    int64_t rows, lost;
    int64_t next;      /* so many rows until the next one that is told */
    char padding[128]; /* workers write side by side */
} tap_worker;

struct tap {
    tap_spec spec;
    pthread_mutex_t mutex; /* guards: */
    int64_t client;        /* 0: nobody looks on */
    int64_t clients;       /* there were so far */
    tap_wish wish;
    uint32_t node;
    buffer queue;
    size_t read; /* of the queue */
    int64_t lost;
    /* The driver's, and read by its workers: */
    uint32_t tapped; /* 1 + node; 0: nobody looks on */
    int64_t served;  /* the client for whom rows are printed */
    int64_t every, batch_ms;
    document *documents[PLAN_NODES_MAX]; /* by node, made when it is first tapped */
    tap_worker *workers;
};

static sl_result node_find(const sl_plan *plan, const char *name, uint32_t *found, failure *failure);
static void row_print(const tap *self, const void *row, buffer *out);

tap *tap_new(const tap_spec *spec)
{
    tap *self = memory_new(sizeof *self);
    self->spec = *spec;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void tap_free(tap *self)
{
    if (self == NULL)
        return;
    for (unsigned w = 0; w < self->spec.workers; w++)
        buffer_done(&self->workers[w].lines);
    for (uint32_t i = 0; i < PLAN_NODES_MAX; i++)
        document_free(self->documents[i]);
    buffer_done(&self->queue);
    free(self->workers);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

/* ---- The client -------------------------------------------------------------------------------------------------- */

int64_t tap_open(tap *self, const tap_wish *wish, failure *failure)
{
    uint32_t node = 0; /* for gcc -O1, which takes it for unset after SL_OK */
    if (node_find(self->spec.plan, wish->stream, &node, failure) != SL_OK)
        return 0;
    pthread_mutex_lock(&self->mutex);
    int64_t client = self->client = ++self->clients;
    self->wish = *wish;
    self->wish.stream = NULL; /* the caller's */
    self->node = node;
    self->queue.size = self->read = 0;
    self->lost = 0;
    pthread_mutex_unlock(&self->mutex);
    return client;
}

size_t tap_read(tap *self, int64_t client, char *at, size_t room)
{
    size_t size = 0;
    pthread_mutex_lock(&self->mutex);
    if (client == self->client) {
        size_t left = self->queue.size - self->read;
        size = left < room ? left : room;
    }
    if (size)
        memcpy(at, self->queue.at + self->read, size);
    self->read += size;
    pthread_mutex_unlock(&self->mutex);
    return size;
}

void tap_close(tap *self, int64_t client)
{
    pthread_mutex_lock(&self->mutex);
    if (client == self->client)
        self->client = 0;
    pthread_mutex_unlock(&self->mutex);
}

/* What an output is given is what comes out of the node before it. */
static sl_result node_find(const sl_plan *plan, const char *name, uint32_t *found, failure *failure)
{
    const char *names[PLAN_NODES_MAX];
    for (uint32_t i = 0; i < plan->count; i++) {
        names[i] = plan->nodes[i].name;
        if (strcmp(names[i], name) != 0)
            continue;
        *found = plan->nodes[i].kind == PLAN_OUTPUT ? plan->nodes[i].input : i;
        return SL_OK;
    }
    buffer all = { 0 };
    const char *nearest = nearest_word(name, names, plan->count);
    for (uint32_t i = 0; i < plan->count; i++)
        buffer_print(&all, "%s%s", i ? ", " : "", names[i]);
    fail(failure, SL_USAGE, "there is no stream \"%s\"%s%s%s; there are: %.*s", name,
         nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "", (int)all.size,
         all.at);
    buffer_done(&all);
    return failure->result;
}

/* ---- A batch ----------------------------------------------------------------------------------------------------- */

uint32_t tap_begin(tap *self, int64_t batch_ms)
{
    pthread_mutex_lock(&self->mutex);
    self->tapped = self->client ? self->node + 1 : 0;
    self->served = self->client;
    self->every = self->wish.every;
    pthread_mutex_unlock(&self->mutex);
    if (self->tapped == 0)
        return 0;
    const plan_node *node = &self->spec.plan->nodes[self->tapped - 1];
    self->batch_ms = batch_ms;
    if (node->schema != sl_message_schema() && self->documents[self->tapped - 1] == NULL)
        self->documents[self->tapped - 1] = document_new(node->schema, &(sl_fields){ 0 }, self->spec.origins);
    for (unsigned w = 0; w < self->spec.workers; w++) {
        self->workers[w].lines.size = 0;
        self->workers[w].rows = self->workers[w].lost = 0;
    }
    return self->tapped;
}

void tap_rows(tap *self, unsigned number, const sl_rows *rows)
{
    tap_worker *worker = &self->workers[number];
    size_t row_bytes = self->spec.plan->nodes[self->tapped - 1].schema->row_bytes, i = (size_t)worker->next;
    for (; i < rows->count; i += (size_t)self->every) {
        if (worker->rows == WORKER_ROWS_MAX || worker->lines.size >= WORKER_BYTES_MAX) {
            worker->lost++;
            continue;
        }
        worker->rows++;
        row_print(self, (const char *)rows->at + i * row_bytes, &worker->lines);
        buffer_byte(&worker->lines, '\n');
    }
    worker->next = (int64_t)(i - rows->count);
}

/* The mutex is held. */
static void lines_queue(tap *self)
{
    if (self->read) /* what is left of it moves to the front */
        memmove(self->queue.at, self->queue.at + self->read, self->queue.size - self->read);
    self->queue.size -= self->read;
    self->read = 0;
    size_t before = self->queue.size;
    for (unsigned w = 0; w < self->spec.workers; w++) {
        tap_worker *worker = &self->workers[w];
        bool fits = self->queue.size + worker->lines.size <= QUEUE_BYTES_MAX;
        if (fits)
            buffer_append(&self->queue, worker->lines.at, worker->lines.size);
        self->lost += worker->lost + (fits ? 0 : worker->rows);
    }
    if (self->lost && self->queue.size < QUEUE_BYTES_MAX) {
        buffer_print(&self->queue, "{\"lost\":%" PRId64 "}\n", self->lost);
        self->lost = 0;
    }
    if (self->queue.size == before)
        buffer_byte(&self->queue, '\n');
}

void tap_settle(tap *self)
{
    if (self->tapped == 0)
        return;
    pthread_mutex_lock(&self->mutex);
    if (self->client == self->served) {
        lines_queue(self);
        self->wish.wake(self->wish.argument);
    }
    pthread_mutex_unlock(&self->mutex);
    self->tapped = 0;
}

/* ---- A row ------------------------------------------------------------------------------------------------------- */

static void message_print(const tap *self, const sl_message *message, buffer *out)
{
    const origin_name *origin = &self->spec.origins->at[message->origin.partition];
    buffer_text(out, "{\"topic\":");
    json_string(out, (sl_text){ origin->topic, strlen(origin->topic) });
    buffer_print(out, ",\"partition\":%d,\"offset\":%" PRId64 ",\"timestamp\":%" PRId64 ",\"key\":",
                 origin->partition, message->origin.offset, message->origin.time_ms);
    if (message->key.at)
        json_string(out, message->key);
    else
        buffer_text(out, "null");
    buffer_text(out, ",\"value\":");
    if (message->value.at)
        json_string(out, message->value);
    else
        buffer_text(out, "null");
    buffer_byte(out, '}');
}

static void row_print(const tap *self, const void *row, buffer *out)
{
    const document *document = self->documents[self->tapped - 1];
    if (document)
        document_print(document, row, self->batch_ms, out);
    else
        message_print(self, row, out);
}
