/*
 * tests/support/log_file.c - nothing sleeps: inotify tells when the log grew.
 */
#include <base/clock.h>
#include <base/folder.h>
#include <base/log.h>
#include <poll.h>
#include <support/log_file.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

void log_file_open(void)
{
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Log", log_settings);
    sl_expect(log_open(settings, folder_path("log"), &failure) == SL_OK);
    settings_free(settings);
}

void log_file_close(void)
{
    log_close();
}

unsigned log_file_count(const char *text)
{
    unsigned count = 0;
    for (const char *at = folder_read("log"); (at = strstr(at, text)); at++)
        count++;
    return count;
}

bool log_file_wait(const char *text, unsigned times)
{
    char events[4096];
    int64_t until_ns = clock_ns(&clock_system) + PATIENCE_MS * INT64_C(1000000);
    struct pollfd grown = { inotify_init1(IN_CLOEXEC), POLLIN, 0 };
    sl_expect(inotify_add_watch(grown.fd, folder_path("log"), IN_MODIFY) >= 0);
    bool told = false;
    while (!(told = log_file_count(text) >= times) && clock_ns(&clock_system) < until_ns)
        if (poll(&grown, 1, 1000) > 0)
            sl_expect(read(grown.fd, events, sizeof events) > 0);
    close(grown.fd);
    return told;
}
