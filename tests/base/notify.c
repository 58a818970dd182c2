/*
 * tests/base/notify.c - what a service manager hears, at the other end of a socket of its own.
 */
#include <base/clock.h>
#include <base/folder.h>
#include <base/notify.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A manager that listens there; "@..." has no file. */
static int manager_open(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(name);
    assert_true(size < sizeof address.sun_path);
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int handle = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(handle, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    return handle;
}

/* The next datagram; "" when there is none. */
static const char *heard(int manager)
{
    static char text[64];
    ssize_t size = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void the_manager_hears_of_begin_and_end(void **state)
{
    (void)state;
    folder_open();
    int manager = manager_open(folder_path("notify"));
    notify_ready();
    assert_string_equal(heard(manager), "READY=1");
    notify_stopping();
    assert_string_equal(heard(manager), "STOPPING=1");
    assert_string_equal(heard(manager), "");
    close(manager);
    folder_close();
}

static void a_socket_may_have_no_file(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@sluice-notify-%d", (int)getpid());
    int manager = manager_open(name);
    notify_ready();
    assert_string_equal(heard(manager), "READY=1");
    close(manager);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    static const char *const names[] = { "", "x", "relative/name", "/no/such/folder/at/all" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_ready();
    }
    unsetenv("NOTIFY_SOCKET");
    notify_ready();
}

/* One sign of life for half of the watchdog's time, however often it is given; the watchdog of another process is none. */
static void the_watchdog_hears_of_us_and_not_too_often(void **state)
{
    (void)state;
    char name[64], self[32];
    snprintf(name, sizeof name, "@sluice-watchdog-%d", (int)getpid());
    snprintf(self, sizeof self, "%d", (int)getpid());
    int manager = manager_open(name);
    setenv("WATCHDOG_USEC", "3600000000", 1);
    setenv("WATCHDOG_PID", self, 1);
    int64_t due_ns = notify_alive(), now_ns = clock_ns(&clock_system);
    assert_true(due_ns > now_ns && due_ns <= now_ns + INT64_C(1800000000000)); /* half an hour */
    for (int i = 0; i < 1000; i++)
        assert_int_equal(notify_alive(), due_ns);
    assert_string_equal(heard(manager), "WATCHDOG=1");
    assert_string_equal(heard(manager), "");
    close(manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_hears_of_begin_and_end),
        cmocka_unit_test(a_socket_may_have_no_file),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(the_watchdog_hears_of_us_and_not_too_often),
    };
    return cmocka_run_group_tests_name("base/notify", tests, NULL, NULL);
}
