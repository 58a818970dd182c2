/*
 * base/notify.c - the protocol of sd_notify(3) is documented as stable, and is one datagram: no library for that.
 */
#include <base/clock.h>
#include <base/notify.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A name that begins with '@' is one without a file: its first byte is 0. What cannot be told is not worth an error. */
static void tell(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = name ? strlen(name) : 0;
    if (size < 2 || size >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    sendto(handle, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
           length);
    close(handle);
}

void notify_ready(void)
{
    tell("READY=1");
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

/* 0: there is no watchdog, or it watches another process. */
static int64_t watchdog_ns(void)
{
    const char *time = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    if (time == NULL || (process && strtol(process, NULL, 10) != (long)getpid()))
        return 0;
    return strtoll(time, NULL, 10) * 1000;
}

int64_t notify_alive(void)
{
    static atomic_int_least64_t next_ns;
    int64_t now_ns = clock_ns(&clock_system), due_ns = atomic_load(&next_ns);
    if (now_ns < due_ns)
        return due_ns;
    int64_t watchdog = watchdog_ns();
    if (watchdog)
        tell("WATCHDOG=1");
    due_ns = watchdog ? now_ns + watchdog / 2 : INT64_MAX;
    atomic_store(&next_ns, due_ns);
    return due_ns;
}
