/*
 * tests/support/log_file.h - the engine's log in a file of the test's folder, to wait for lines and to count them.
 */
#ifndef SUPPORT_LOG_FILE_H
#define SUPPORT_LOG_FILE_H

#include <stdbool.h>

void log_file_open(void); /* after folder_open() */
void log_file_close(void);

/* Until the log has the text so often; false after 30 s. */
bool log_file_wait(const char *text, unsigned times);
unsigned log_file_count(const char *text);

#endif
