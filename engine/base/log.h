/*
 * base/log.h - one line a record, to standard error or a rotated file, as text or JSON.
 *
 *     log_info("kafka", "reading %zu partitions of %s", count, topic);
 *
 * Levels: ERROR someone must act; WARN odd, nothing lost; INFO start, stop, changes; DEBUG per batch; TRACE per chunk;
 * nothing per record. `part` names the room or kind that speaks. A line that repeats the one before is counted, not
 * printed. Line ends and control bytes inside a message are escaped: input cannot forge a line. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <base/failure.h>
#include <base/settings.h>
#include <sluice/log.h>

typedef enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
} log_level;

extern const setting log_settings[]; /* log.level, log.format, log.file.bytes, log.files */

/* From the settings; `file` NULL: standard error. Before this, everything from INFO on goes to standard error as text. */
sl_result log_open(const settings *settings, const char *file, failure *failure);
void log_close(void);

bool log_wants(log_level level);
__attribute__((format(printf, 3, 4))) void log_write(log_level level, const char *part, const char *format,
                                                     ...);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) (log_wants(LOG_LEVEL_DEBUG) ? log_write(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

#endif
