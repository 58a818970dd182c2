/*
 * tests/support/terminal.h - a pseudo-terminal, and what one sees on it.
 */
#ifndef TESTS_SUPPORT_TERMINAL_H
#define TESTS_SUPPORT_TERMINAL_H

#include <stddef.h>

/* Gives the end for the program's side, raw, and the other in *screen; -1 where the system has none. */
int terminal_open(int *screen, unsigned short columns);

/* All that was written, once nobody has the program's side open any more; closes `screen`. NUL-terminated, to be freed. */
char *terminal_read(int screen);

/* What stands on a screen of that width behind these bytes: lines, without the blanks at their ends. To be freed. */
char *terminal_shows(const char *bytes, size_t size, size_t columns);

#endif
