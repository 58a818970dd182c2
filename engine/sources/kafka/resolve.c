/*
 * sources/kafka/resolve.c - getaddrinfo() knows neither time limits nor interruptions, and a name server that is away keeps
 * it for half a minute. So a thread asks and tells an eventfd; whoever waited long enough leaves the thread behind, which
 * then frees what they shared. Addresses in numbers need none of that.
 */
#include <base/memory.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sources/kafka/resolve.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct question { /* freed by the one of the two who comes last */
    atomic_int users;
    int answered; /* eventfd */
    int error;
    char *host, port[16];
    struct addrinfo hints, *list;
} question;

static struct addrinfo *question_ask(transport *transport, question *question);
static void *question_run(void *argument);
static void question_leave(question *question);

struct addrinfo *resolve(transport *transport, const kafka_spec *spec, const char *host, int port)
{
    question *question = memory_new(sizeof *question);
    atomic_init(&question->users, 1);
    question->host = memory_text(host);
    snprintf(question->port, sizeof question->port, "%d", port);
    question->hints = (struct addrinfo){ .ai_family = spec->family,
                                         .ai_socktype = SOCK_STREAM,
                                         .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    question->answered = -1;
    question->error = getaddrinfo(host, question->port, &question->hints, &question->list);
    if (question->error != 0) {
        question->hints.ai_flags = AI_NUMERICSERV;
        question->answered = eventfd(0, EFD_CLOEXEC);
    }
    struct addrinfo *list = question->error && !question_ask(transport, question) ? NULL : question->list;
    if (list)
        question->list = NULL;
    question_leave(question);
    return list;
}

/* The list, or NULL. */
static struct addrinfo *question_ask(transport *transport, question *question)
{
    pthread_t thread;
    atomic_store(&question->users, 2);
    if (question->answered < 0 || pthread_create(&thread, NULL, question_run, question) != 0) {
        atomic_store(&question->users, 1);
        transport_fail(transport, "no thread or file descriptor is left to look the name up with");
        return NULL;
    }
    pthread_detach(thread);
    if (!transport_wait(transport, question->answered, POLLIN))
        return NULL;
    uint64_t told; /* what the thread wrote before is seen after this */
    if (read(question->answered, &told, sizeof told) != sizeof told || question->error)
        transport_fail(transport, "looking the name up: %s", gai_strerror(question->error));
    return question->error ? NULL : question->list;
}

static void *question_run(void *argument)
{
    question *question = argument;
    question->error = getaddrinfo(question->host, question->port, &question->hints, &question->list);
    uint64_t one = 1;
    if (write(question->answered, &one, sizeof one) < 0)
        question->error = EAI_SYSTEM;
    question_leave(question);
    return NULL;
}

static void question_leave(question *question)
{
    if (atomic_fetch_sub(&question->users, 1) != 1)
        return;
    if (question->list)
        freeaddrinfo(question->list);
    if (question->answered >= 0)
        close(question->answered);
    free(question->host);
    free(question);
}
