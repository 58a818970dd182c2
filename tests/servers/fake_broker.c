/*
 * tests/servers/fake_broker.c - the listening thread, and frames.
 */
#include <arpa/inet.h>
#include <base/failure.h>
#include <base/memory.h>
#include <netinet/in.h>
#include <pthread.h>
#include <servers/fake_broker.h>
#include <sources/shared/hex.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_broker {
    void (*play)(int socket, void *argument);
    void *argument;
    pthread_t thread;
    int listening, port;
    pthread_mutex_t mutex; /* over the two below */
    int playing;           /* the socket, or -1 */
    bool stopping;
};

static void *serve(void *argument);

fake_broker *fake_broker_start(void (*play)(int socket, void *argument), void *argument)
{
    fake_broker *broker = memory_new(sizeof *broker);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    *broker = (fake_broker){ .play = play, .argument = argument, .playing = -1 };
    pthread_mutex_init(&broker->mutex, NULL);
    broker->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sl_expect(bind(broker->listening, (struct sockaddr *)&address, size) == 0);
    sl_expect(listen(broker->listening, 16) == 0);
    sl_expect(getsockname(broker->listening, (struct sockaddr *)&address, &size) == 0);
    broker->port = ntohs(address.sin_port);
    sl_expect(pthread_create(&broker->thread, NULL, serve, broker) == 0);
    return broker;
}

void fake_broker_stop(fake_broker *broker)
{
    if (broker == NULL)
        return;
    pthread_mutex_lock(&broker->mutex);
    broker->stopping = true;
    shutdown(broker->listening, SHUT_RDWR);
    if (broker->playing >= 0)
        shutdown(broker->playing, SHUT_RDWR);
    pthread_mutex_unlock(&broker->mutex);
    pthread_join(broker->thread, NULL);
    close(broker->listening);
    pthread_mutex_destroy(&broker->mutex);
    free(broker);
}

int fake_broker_port(const fake_broker *broker)
{
    return broker->port;
}

static bool playing_set(fake_broker *broker, int socket)
{
    pthread_mutex_lock(&broker->mutex);
    broker->playing = socket;
    bool go_on = !broker->stopping;
    pthread_mutex_unlock(&broker->mutex);
    return go_on;
}

static void *serve(void *argument)
{
    fake_broker *broker = argument;
    for (;;) {
        int socket = accept(broker->listening, NULL, NULL);
        bool go_on = playing_set(broker, socket);
        if (socket >= 0 && go_on)
            broker->play(socket, broker->argument);
        go_on = playing_set(broker, -1);
        if (socket >= 0)
            close(socket);
        if (!go_on)
            return NULL;
    }
}

/* ---- Plays ---- */

static bool receive_all(int socket, char *to, size_t size)
{
    return size == 0 || recv(socket, to, size, MSG_WAITALL) == (ssize_t)size;
}

bool fake_broker_request(int socket, buffer *request)
{
    uint32_t size;
    if (!receive_all(socket, (char *)&size, sizeof size))
        return false;
    request->size = 0;
    if (!receive_all(socket, buffer_reserve(request, ntohl(size) + 1), ntohl(size)))
        return false;
    request->size = ntohl(size);
    return true;
}

int fake_broker_key(const buffer *request)
{
    return (unsigned char)request->at[0] << 8 | (unsigned char)request->at[1];
}

int fake_broker_version(const buffer *request)
{
    return (unsigned char)request->at[2] << 8 | (unsigned char)request->at[3];
}

bool fake_broker_answer(int socket, const buffer *request, const char *body)
{
    buffer out = { 0 };
    hex_append(&out, "00000000");
    buffer_append(&out, request->at + 4, 4);
    hex_append(&out, body);
    uint32_t size = htonl((uint32_t)out.size - 4);
    memcpy(out.at, &size, sizeof size);
    bool sent = fake_broker_send(socket, out.at, out.size);
    buffer_done(&out);
    return sent;
}

bool fake_broker_send(int socket, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(socket, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

void fake_broker_wait(int socket)
{
    char some[4096];
    while (recv(socket, some, sizeof some, 0) > 0)
        ;
}

bool fake_broker_greet(int socket, buffer *request)
{
    if (!fake_broker_request(socket, request) || fake_broker_key(request) != 18)
        return false;
    if (fake_broker_version(request) != 0) {
        if (!fake_broker_answer(socket, request, "0023 00000000") || !fake_broker_request(socket, request))
            return false;
    }
    return fake_broker_answer(socket, request,
                              "0000 00000006 0001 0004 000b  0002 0002 0005  0003 0001 0008"
                              " 0011 0000 0001  0012 0000 0000  0024 0000 0000");
}
