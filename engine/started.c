/*
 * started.c - program, folder, words and settings of the environment, as one line of JSON.
 */
#include <base/buffer.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <records/document.h>
#include <started.h>
#include <string.h>
#include <unistd.h>

static void text_print(buffer *out, const char *text)
{
    json_string(out, (sl_text){ text, strlen(text) });
}

/* Settings only; what tests break is not to break again. */
static bool is_setting(const char *variable)
{
    return strncmp(variable, "SLUICE_", strlen("SLUICE_")) == 0 && strstr(variable, "FAULT") == NULL;
}

static void started_print(buffer *out, char *const *words, char *const *environment)
{
    char program[PATH_MAX] = "", folder[PATH_MAX] = "";
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    buffer_text(out, "{\"program\":");
    text_print(out, program);
    buffer_text(out, ",\"folder\":");
    text_print(out, getcwd(folder, sizeof folder) ? folder : "/");
    buffer_text(out, ",\"words\":[");
    for (size_t i = 1; words[0] && words[i]; i++) {
        buffer_text(out, i > 1 ? "," : "");
        text_print(out, words[i]);
    }
    buffer_text(out, "],\"environment\":[");
    for (size_t i = 0, told = 0; environment[i]; i++) {
        if (!is_setting(environment[i]))
            continue;
        buffer_text(out, told++ ? "," : "");
        text_print(out, environment[i]);
    }
    buffer_text(out, "]}\n");
}

void started_leave(const char *work_dir, char *const *words, char *const *environment)
{
    buffer path = { 0 }, line = { 0 };
    buffer_print(&path, "%s/" STARTED_FILE, work_dir);
    buffer_byte(&path, '\0');
    started_print(&line, words, environment);
    int file = open(path.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = file >= 0 && write(file, line.at, line.size) == (ssize_t)line.size;
    if (!written)
        log_warn("main", "writing %s: %s; without it sluice explain, doctor and replay need the job to run",
                 path.at, strerror(errno));
    if (file >= 0)
        close(file);
    buffer_done(&path);
    buffer_done(&line);
}
