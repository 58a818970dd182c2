/*
 * http/stream.c - suspended while there is nothing to read, resumed by who brings something.
 *
 * wake() may come between a read that found nothing and the suspension: `woken` tells. It is called under the tap's lock, and
 * reading takes that lock: so the stream's own is never held while it reads, opens or closes.
 */
#include <base/memory.h>
#include <http/stream.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 64 * 1024 };

struct stream_client {
    stream *stream;
    struct MHD_Connection *connection;
    int64_t number;
    bool woken, suspended, over; /* under the stream's mutex */
};

static void client_over(stream_client *client);
static void client_wake(void *waker);
static ssize_t client_read(void *argument, uint64_t position, char *at, size_t room);
static void client_close(void *argument);
static enum MHD_Result refused_answer(struct MHD_Connection *connection, buffer *why);

void stream_init(stream *self, const server_calls *calls)
{
    *self = (stream){ .calls = calls };
    pthread_mutex_init(&self->mutex, NULL);
}

void stream_done(stream *self)
{
    pthread_mutex_destroy(&self->mutex);
}

static int64_t number_of(struct MHD_Connection *connection, const char *name)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
    int64_t number = text ? strtoll(text, NULL, 10) : 1;
    return number > 0 ? number : 1;
}

static stream_client *client_new(stream *self, struct MHD_Connection *connection)
{
    stream_client *client = memory_new(sizeof *client);
    *client = (stream_client){ .stream = self, .connection = connection };
    pthread_mutex_lock(&self->mutex);
    if (self->newest)
        client_over(self->newest);
    self->newest = client;
    pthread_mutex_unlock(&self->mutex);
    return client;
}

enum MHD_Result stream_answer(stream *self, struct MHD_Connection *connection)
{
    buffer why = { 0 };
    const char *stream = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "stream");
    stream_client *client = client_new(self, connection);
    server_tap wish = { stream ? stream : "", number_of(connection, "every"), client_wake, client };
    client->number = self->calls->tap_open(self->calls->argument, &wish, &why);
    if (client->number == 0) {
        client_close(client);
        return refused_answer(connection, &why);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, client_read, client, client_close);
    if (response == NULL) {
        client_close(client);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void stream_end(stream *self)
{
    pthread_mutex_lock(&self->mutex);
    if (self->newest)
        client_over(self->newest);
    pthread_mutex_unlock(&self->mutex);
}

/* The mutex is held. */
static void client_resume(stream_client *client)
{
    client->woken = true;
    if (client->suspended)
        MHD_resume_connection(client->connection);
    client->suspended = false;
}

static void client_over(stream_client *client)
{
    client->over = true;
    client_resume(client);
}

static void client_wake(void *waker)
{
    stream_client *client = waker;
    pthread_mutex_lock(&client->stream->mutex);
    client_resume(client);
    pthread_mutex_unlock(&client->stream->mutex);
}

static ssize_t client_read(void *argument, uint64_t position, char *at, size_t room)
{
    stream_client *client = argument;
    stream *self = client->stream;
    (void)position;
    pthread_mutex_lock(&self->mutex);
    bool over = client->over;
    client->woken = false;
    pthread_mutex_unlock(&self->mutex);
    if (over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t size = self->calls->tap_read(self->calls->argument, client->number, at, room);
    if (size)
        return (ssize_t)size;
    pthread_mutex_lock(&self->mutex);
    if (!client->woken) {
        client->suspended = true;
        MHD_suspend_connection(client->connection);
    }
    pthread_mutex_unlock(&self->mutex);
    return 0;
}

static void client_close(void *argument)
{
    stream_client *client = argument;
    stream *self = client->stream;
    if (client->number)
        self->calls->tap_close(self->calls->argument, client->number);
    pthread_mutex_lock(&self->mutex);
    if (self->newest == client)
        self->newest = NULL;
    pthread_mutex_unlock(&self->mutex);
    free(client);
}

static enum MHD_Result refused_answer(struct MHD_Connection *connection, buffer *why)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(why->size, why->at, MHD_RESPMEM_MUST_COPY);
    buffer_done(why);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_BAD_REQUEST, response);
    MHD_destroy_response(response);
    return result;
}
