/*
 * base/log.c - lines for people and for log collectors.
 *
 *     2026-11-23T10:00:00.123Z INFO kafka reading 4 partitions of realtime
 *     {"time":"2026-11-23T10:00:00.123Z","level":"INFO","part":"kafka","message":"reading 4 partitions of realtime"}
 *
 * A status stands below the lines of a terminal: the cursor waits at its beginning, so that the next line replaces it, and it
 * is drawn again behind that line.
 *
 * A file that has its size is renamed to FILE.1, the one before to FILE.2 and so on. When the file cannot be written, the
 * lines go to standard error, and they are kept for the file: a full disk must not hide its own message.
 */
#include <base/buffer.h>
#include <base/clock.h>
#include <base/counted.h>
#include <base/disk.h>
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MESSAGE_ROOM = 4096, PART_ROOM = 64, USUAL_COLUMNS = 80, KEPT_MOST = 64 * 1024 };

static const char erase_line[] = "\x1b[K"; /* from the cursor on */

typedef struct log_line {
    log_level level;
    const char *part, *message;
} log_line;

static struct {
    pthread_mutex_t mutex; /* of all below but the level */
    atomic_int level;
    bool json;
    disk_file *file; /* NULL: standard error */
    char *path;
    int64_t file_bytes, files;
    bool complained; /* about the file; until a line can be written again */
    buffer kept;     /* lines that the file could not take yet */
    bool kept_full;  /* what comes now is lost to it */
    buffer body;     /* of the line in hand: what follows the time */
    buffer last;     /* body of the line before */
    log_level last_level;
    char last_part[PART_ROOM];
    unsigned long long repeats;
    buffer out;
    bool shared;   /* the terminal, with what others print */
    buffer status; /* as it is drawn; empty: none */
} state = { .mutex = PTHREAD_MUTEX_INITIALIZER, .level = LOG_LEVEL_INFO };

static const char *const level_names[] = { "ERROR", "WARN", "INFO", "DEBUG", "TRACE" };

__attribute__((format(printf, 3, 0))) static void message_write(log_level level, const char *part,
                                                                const char *format, va_list arguments);
static log_level level_of(const char *name);
static void body_render(buffer *body, const log_line *line);
static void text_escape(buffer *out, const char *text, bool json);
static size_t character_read(const unsigned char *at, unsigned *code);
static bool character_is_shown(unsigned code);
static void repeats_tell(void);
static void line_write(const buffer *body);
static void line_keep(void);
static sl_result kept_write(failure *failure);
static void line_render(const buffer *body);
static sl_result file_write(const buffer *line, failure *failure);
static sl_result file_rotate(failure *failure);
static void status_set(const char *text);
static bool status_is_possible(void);
static size_t columns_of_terminal(void);
static void error_write(const char *bytes, size_t size);

sl_result log_open(const settings *settings, const char *file, failure *failure)
{
    disk_file *opened = NULL;
    log_close();
    if (file)
        SL_TRY(disk_open(file, &opened, failure));
    pthread_mutex_lock(&state.mutex);
    state.json = strcmp(settings_text(settings, "log.format"), "json") == 0;
    state.file = opened;
    state.path = memory_text(file);
    state.file_bytes = (int64_t)settings_bytes(settings, "log.file.bytes");
    state.files = settings_i64(settings, "log.files");
    atomic_store(&state.level, (int)level_of(settings_text(settings, "log.level")));
    pthread_mutex_unlock(&state.mutex);
    return SL_OK;
}

void log_close(void)
{
    failure ignored = { 0 }; /* they went to standard error */
    pthread_mutex_lock(&state.mutex);
    repeats_tell();
    if (state.file)
        kept_write(&ignored);
    status_set("");
    disk_close(state.file);
    free(state.path);
    buffer_done(&state.body);
    buffer_done(&state.last);
    buffer_done(&state.out);
    buffer_done(&state.kept);
    buffer_done(&state.status);
    state.file = NULL;
    state.path = NULL;
    state.json = state.complained = state.kept_full = state.shared = false;
    atomic_store(&state.level, LOG_LEVEL_INFO);
    pthread_mutex_unlock(&state.mutex);
}

bool log_wants(log_level level)
{
    return (int)level <= atomic_load_explicit(&state.level, memory_order_relaxed);
}

void log_write(log_level level, const char *part, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_write(level, part, format, arguments);
    va_end(arguments);
}

void sl_log_info(const char *part, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_write(LOG_LEVEL_INFO, part, format, arguments);
    va_end(arguments);
}

void sl_log_warn(const char *part, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_write(LOG_LEVEL_WARN, part, format, arguments);
    va_end(arguments);
}

bool sl_log_status(const char *text)
{
    pthread_mutex_lock(&state.mutex);
    bool possible = status_is_possible();
    status_set(possible ? text : "");
    pthread_mutex_unlock(&state.mutex);
    return possible;
}

void sl_log_share_terminal(void)
{
    if (!isatty(STDOUT_FILENO))
        return;
    pthread_mutex_lock(&state.mutex);
    status_set("");
    state.shared = true;
    pthread_mutex_unlock(&state.mutex);
}

static void message_write(log_level level, const char *part, const char *format, va_list arguments)
{
    char message[MESSAGE_ROOM];
    if (!log_wants(level))
        return;
    int size = vsnprintf(message, sizeof message, format, arguments);
    if (size >= MESSAGE_ROOM)
        memcpy(message + sizeof message - sizeof "...", "...", sizeof "...");
    pthread_mutex_lock(&state.mutex);
    body_render(&state.body, &(log_line){ level, part, message });
    if (state.body.size == state.last.size && memcmp(state.body.at, state.last.at, state.body.size) == 0) {
        state.repeats++;
    } else {
        repeats_tell();
        line_write(&state.body);
        buffer spare = state.last;
        state.last = state.body;
        state.body = spare;
        state.last_level = level;
        snprintf(state.last_part, sizeof state.last_part, "%s", part);
    }
    pthread_mutex_unlock(&state.mutex);
}

static log_level level_of(const char *name)
{
    log_level level = LOG_LEVEL_ERROR;
    while (level < LOG_LEVEL_TRACE && strcasecmp(level_names[level], name) != 0)
        level++;
    return level;
}

static void body_render(buffer *body, const log_line *line)
{
    body->size = 0;
    buffer_text(body, state.json ? "\"level\":\"" : "");
    buffer_text(body, level_names[line->level]);
    buffer_text(body, state.json ? "\",\"part\":\"" : " ");
    text_escape(body, line->part, state.json);
    buffer_text(body, state.json ? "\",\"message\":\"" : " ");
    text_escape(body, line->message, state.json);
    buffer_text(body, state.json ? "\"}\n" : "\n");
}

/* Whatever moves a terminal's cursor, ends a line or is no UTF-8 is written as an escape sequence. */
static void text_escape(buffer *out, const char *text, bool json)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned code = 0;
    for (size_t size; *at; at += size) {
        size = character_read(at, &code);
        if (size == 0) {
            buffer_print(out, json ? "\\ufffd" : "\\x%02x", *at);
            size = 1;
        } else if (code == '\n' || code == '\r' || code == '\t') {
            buffer_text(out, code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t");
        } else if (!character_is_shown(code)) {
            buffer_print(out, "\\u%04x", code);
        } else {
            if (json && (code == '"' || code == '\\'))
                buffer_byte(out, '\\');
            buffer_append(out, at, size);
        }
    }
}

/* The bytes of the UTF-8 character that begins here; 0: none does. Shortest forms only, no surrogates. */
static size_t character_read(const unsigned char *at, unsigned *code)
{
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    unsigned sum = size < 2 ? *at : *at & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) /* the NUL at the end is none either */
            return 0;
        sum = sum << 6 | (at[i] & 0x3f);
    }
    if (sum < least[size] || sum > 0x10ffff || (sum >= 0xd800 && sum < 0xe000))
        return 0;
    *code = sum;
    return size;
}

/* Not the control characters, the line and paragraph separators, nor those that turn the direction of reading. */
static bool character_is_shown(unsigned code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return !control && !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

static void repeats_tell(void)
{
    char message[96];
    buffer body = { 0 };
    if (state.repeats == 0)
        return;
    snprintf(message, sizeof message, "last line repeated %s",
             counted((int64_t)state.repeats, "time", "times").at);
    state.repeats = 0;
    body_render(&body, &(log_line){ state.last_level, state.last_part, message });
    line_write(&body);
    buffer_done(&body);
}

static void line_write(const buffer *body)
{
    failure failure = { 0 };
    line_render(body);
    if (state.file && kept_write(&failure) == SL_OK && file_write(&state.out, &failure) == SL_OK) {
        state.complained = false;
        return;
    }
    line_keep();
    if (state.file == NULL || state.complained)
        return;
    state.complained = true;
    buffer complaint = { 0 };
    body_render(&complaint, &(log_line){ LOG_LEVEL_ERROR, "log", failure.text });
    line_render(&complaint);
    line_keep();
    buffer_done(&complaint);
}

/* The line in hand: to standard error, and for the file once it can be written again. */
static void line_keep(void)
{
    error_write(state.out.at, state.out.size);
    if (state.file == NULL || state.kept_full)
        return;
    state.kept_full = state.kept.size + state.out.size > KEPT_MOST;
    if (state.kept_full) {
        buffer body = { 0 };
        body_render(&body, &(log_line){ LOG_LEVEL_WARN, "log", "lines that followed could not be kept" });
        line_render(&body);
        buffer_done(&body);
    }
    buffer_append(&state.kept, state.out.at, state.out.size);
}

static sl_result kept_write(failure *failure)
{
    if (state.kept.size)
        SL_TRY(file_write(&state.kept, failure));
    state.kept.size = 0;
    state.kept_full = false;
    return SL_OK;
}

static void line_render(const buffer *body)
{
    char time[25];
    clock_iso(clock_wall_ms(&clock_system), time);
    state.out.size = 0;
    buffer_text(&state.out, state.status.size ? erase_line : "");
    buffer_print(&state.out, state.json ? "{\"time\":\"%s\"," : "%s ", time);
    buffer_append(&state.out, body->at, body->size);
    buffer_append(&state.out, state.status.at, state.status.size);
}

static sl_result file_write(const buffer *line, failure *failure)
{
    int64_t size = disk_size(state.file);
    if (size > 0 && size + (int64_t)line->size > state.file_bytes)
        SL_TRY(file_rotate(failure));
    return disk_append(state.file, line->at, line->size, failure);
}

/* FILE.2 becomes FILE.3, FILE.1 becomes FILE.2, FILE becomes FILE.1; with a single file it starts anew. */
static sl_result file_rotate(failure *failure)
{
    disk_file *opened = NULL;
    buffer from = { 0 }, to = { 0 };
    sl_result result = state.files > 1 ? SL_OK : disk_cut(state.file, 0, failure);
    bool moves = access(state.path, F_OK) == 0; /* not when an earlier rotation could not open the new file */
    for (int64_t i = state.files - 1; moves && i > 0 && result == SL_OK; i--) {
        from.size = to.size = 0;
        buffer_print(&from, i > 1 ? "%s.%lld" : "%s", state.path, (long long)i - 1);
        buffer_print(&to, "%s.%lld", state.path, (long long)i);
        buffer_byte(&from, '\0');
        buffer_byte(&to, '\0');
        if (access(from.at, F_OK) == 0)
            result = disk_rename(from.at, to.at, failure);
    }
    buffer_done(&from);
    buffer_done(&to);
    if (result != SL_OK || state.files <= 1)
        return result;
    SL_TRY(disk_open(state.path, &opened, failure));
    disk_close(state.file);
    state.file = opened;
    return SL_OK;
}

/* ---- The status -------------------------------------------------------------------------------------------------- */

static void status_set(const char *text)
{
    buffer *status = &state.status;
    bool stood = status->size > 0;
    status->size = 0;
    text_escape(status, text, false);
    size_t most = columns_of_terminal() - 1; /* in the last column a terminal may begin the next line */
    if (status->size > most)
        status->size = most;
    while (status->size == most && most && ((unsigned char)status->at[most - 1] & 0x80))
        status->size = --most; /* no piece of a character */
    if (status->size || stood) {
        size_t size = status->size;
        buffer_text(status, erase_line);
        buffer_byte(status, '\r');
        error_write(status->at, status->size);
        status->size = size ? status->size : 0;
    }
}

static bool status_is_possible(void)
{
    const char *terminal = getenv("TERM");
    bool moves = terminal && *terminal && strcmp(terminal, "dumb") != 0;
    return moves && state.file == NULL && !state.json && !state.shared && log_wants(LOG_LEVEL_INFO) &&
           isatty(STDERR_FILENO);
}

static size_t columns_of_terminal(void)
{
    struct winsize size = { 0 };
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return USUAL_COLUMNS;
    return size.ws_col;
}

static void error_write(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody is left to tell */
        bytes += written;
        size -= (size_t)written;
    }
}

const setting log_settings[] = { { "log.level", "--log-level", SETTING_CHOICE, "info",
                                   "error|warn|info|debug|trace", NULL, "LEVEL", "how much is logged" },
                                 { "log.format", "--log-format", SETTING_CHOICE, "text", "text|json", NULL,
                                   "FORMAT", "how lines are written" },
                                 { "log.file.bytes", NULL, SETTING_SIZE, "16mb", "1k", "1tb", "SIZE",
                                   "a log file of this size is rotated" },
                                 { "log.files", NULL, SETTING_I64, "4", "1", "1000", "N",
                                   "how many log files are kept, the current one counted" },
                                 { 0 } };
