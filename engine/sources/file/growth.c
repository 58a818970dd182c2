/*
 * sources/file/growth.c - inotify: files by their inodes, folders by their names.
 */
#include <base/buffer.h>
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <sources/file/growth.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { NAMES_CHANGE = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE };

static void *growth_run(void *argument)
{
    file_growth *growth = argument;
    struct pollfd polled[] = { { growth->notify, POLLIN, 0 }, { growth->end, POLLIN, 0 } };
    _Alignas(struct inotify_event) char events[4096];
    while (poll(polled, 2, -1) > 0 || errno == EINTR) {
        if (polled[1].revents)
            break;
        ssize_t got = read(growth->notify, events, sizeof events);
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const void *)(events + at);
            if (event->mask & (NAMES_CHANGE | IN_Q_OVERFLOW))
                atomic_store(&growth->moved, true);
            at += (ssize_t)(sizeof *event + event->len);
        }
        if (got > 0 && growth->wake)
            growth->wake(growth->argument);
    }
    return NULL;
}

bool growth_start(file_growth *growth, void (*wake)(void *argument), void *argument)
{
    *growth = (file_growth){ .wake = wake, .argument = argument };
    growth->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    growth->end = eventfd(0, EFD_CLOEXEC);
    growth->runs = growth->notify >= 0 && growth->end >= 0 &&
                   (errno = pthread_create(&growth->thread, NULL, growth_run, growth)) == 0;
    if (growth->runs)
        return true;
    int why = errno;
    if (growth->notify >= 0)
        close(growth->notify);
    if (growth->end >= 0)
        close(growth->end);
    errno = why;
    return false;
}

void growth_stop(file_growth *growth)
{
    if (!growth->runs)
        return;
    eventfd_write(growth->end, 1);
    pthread_join(growth->thread, NULL);
    close(growth->end);
    close(growth->notify);
    growth->runs = false;
}

int growth_file(file_growth *growth, int file)
{
    char path[40];
    if (!growth->runs)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return inotify_add_watch(growth->notify, path, IN_MODIFY);
}

void growth_forget(file_growth *growth, int number)
{
    if (growth->runs && number >= 0)
        inotify_rm_watch(growth->notify, number);
}

static bool is_pattern(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr("*?[", text[i]))
            return true;
    return false;
}

/* `size` bytes of the pattern name folders; none: the one in which the process runs. */
static void folder_watch(file_growth *growth, const char *pattern, size_t size)
{
    glob_t found = { 0 };
    buffer folder = { 0 };
    buffer_append(&folder, pattern, size);
    buffer_text(&folder, size ? "" : ".");
    buffer_byte(&folder, '\0');
    if (glob(folder.at, GLOB_NOSORT | GLOB_ONLYDIR, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            inotify_add_watch(growth->notify, found.gl_pathv[i], NAMES_CHANGE | IN_ONLYDIR);
        globfree(&found);
    }
    buffer_done(&folder);
}

/* A folder is of interest when what follows its name is a pattern, or the last part. */
void growth_folders(file_growth *growth, const char *pattern)
{
    size_t start = 0;
    if (!growth->runs)
        return;
    for (;;) {
        size_t part = strcspn(pattern + start, "/");
        bool last = pattern[start + part] == '\0';
        if (part && (last || is_pattern(pattern + start, part)))
            folder_watch(growth, pattern, start);
        if (last)
            return;
        start += part + 1;
    }
}

bool growth_moved(file_growth *growth)
{
    return !growth->runs || atomic_exchange(&growth->moved, false);
}
