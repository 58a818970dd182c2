/*
 * tests/support/shell.c - lines for a shell, and where the build is.
 */
#include <base/folder.h>
#include <stdarg.h>
#include <stdlib.h>
#include <support/shell.h>
#include <sys/wait.h>

enum { LINE_ROOM = 16384, PATH_ROOM = 1024, PATHS = 4 };

static const char *build_folder(void)
{
    static char *path;
    const char *build = getenv("SLUICE_BUILD");
    if (path == NULL && (path = realpath(build ? build : "build", NULL)) == NULL) {
        perror(build ? build : "build");
        abort();
    }
    return path;
}

const char *build_path(const char *name)
{
    static char paths[PATHS][PATH_ROOM];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    snprintf(path, PATH_ROOM, "%s/%s", build_folder(), name);
    return path;
}

__attribute__((format(printf, 1, 0))) static const char *line_make(const char *format, va_list arguments)
{
    static char line[LINE_ROOM];
    int size = snprintf(line, sizeof line, "cd '%s' || exit 127; ", folder_path(""));
    int more = vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    if (more < 0 || (size_t)(size + more) >= sizeof line) {
        fprintf(stderr, "a line for the shell has over %d bytes\n", LINE_ROOM);
        abort();
    }
    setenv("B", build_folder(), 1);
    fflush(NULL);
    return line;
}

int shell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = system(line_make(format, arguments));
    va_end(arguments);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

FILE *shell_reads(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    FILE *output = popen(line_make(format, arguments), "r");
    va_end(arguments);
    return output;
}
